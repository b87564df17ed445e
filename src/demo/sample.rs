//! `km demo-service`: a sample Kyvos service, which answers at a port and, where it is told of a ZooKeeper, shows itself by a
//! znode that goes with it. Those of one type agree there on which of them coordinates the others, as BI Servers do. It plays
//! Kyvos and is no part of a Manager: those never write to ZooKeeper.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use zookeeper_client::{Acls, Client, CreateMode, Error};

use super::services::PAGE;
use super::supervise::Interrupted;
use crate::capabilities::services::port::zookeeper::THREAD;
use crate::cli::outcome::Failure;

/// How long somebody may take to ask.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest question.
const ASK_MAX_BYTES: usize = 4 << 10;
/// Most who are answered at a time.
const CALLERS_MAX: usize = 64;
/// How long ZooKeeper keeps the znode of a service that ended.
const SESSION: Duration = Duration::from_secs(4);
/// How long is waited before ZooKeeper is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// `km demo-service`.
#[derive(Args, Clone, Debug)]
pub struct Sample {
    /// Where it answers
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// The ZooKeeper in which it shows itself
    #[arg(long, value_name = "HOST:PORT", requires = "znode")]
    zookeeper: Option<String>,
    /// The znode by which it does
    #[arg(long, requires = "zookeeper")]
    znode: Option<String>,
    /// The znode by which one of several says that it coordinates the others
    #[arg(long, value_name = "ZNODE", requires = "znode")]
    coordinates: Option<String>,
}

/// What is shown of a service.
#[derive(Clone)]
struct Shown {
    znode: String,
    coordinates: Option<String>,
}

/// Serves until it is told to end.
pub async fn serve(sample: Sample) -> Result<(), Failure> {
    let mut interrupted = Interrupted::listen()?;
    let listener = TcpListener::bind(sample.listen).await;
    let listener = listener.map_err(Failure::local(sample.listen))?;
    let coordinates = sample.coordinates;
    let shown = sample.znode.map(|znode| Shown { znode, coordinates });
    let shows = async {
        match sample.zookeeper.zip(shown) {
            Some((zookeeper, shown)) => show(zookeeper, shown).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = answer_all(listener) => {}
        () = shows => {}
        () = interrupted.wait() => {}
    }
    Ok(())
}

async fn answer_all(listener: TcpListener) {
    let mut callers = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if callers.len() < CALLERS_MAX => match accepted {
                // Who goes away before the answer does not want it.
                Ok((stream, _)) => drop(callers.spawn(timeout(PATIENCE, answer(stream)))),
                Err(_) => sleep(PAUSE).await,
            },
            Some(_) = callers.join_next() => {}
        }
    }
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut asked = Vec::new();
    while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut asked).await? == 0 || asked.len() > ASK_MAX_BYTES {
            return Ok(());
        }
    }
    let line = String::from_utf8_lossy(&asked);
    let (status, body) = match line.split(' ').nth(1) {
        Some(PAGE) => ("200 OK", "up\n"),
        Some(_) | None => ("404 Not Found", "A sample service of km demo has one page: /up\n"),
    };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// Shows the service in ZooKeeper for as long as it runs. Each session has a thread, where a client that panics is no
/// more than a session that ended.
async fn show(zookeeper: String, shown: Shown) {
    loop {
        let (over, ended) = oneshot::channel::<()>();
        let (zookeeper, shown) = (zookeeper.clone(), shown.clone());
        let thread = std::thread::Builder::new().name(THREAD.into()).spawn(move || {
            let _over = over;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Err(error) = runtime.map(|runtime| runtime.block_on(hold(&zookeeper, &shown))) {
                tracing::warn!(%error, "no runtime for ZooKeeper");
            }
        });
        if thread.is_ok() {
            // Nothing is ever sent: it ends with the thread.
            let _ = ended.await;
        }
        sleep(PAUSE).await;
    }
}

/// Holds what is shown until the session is over.
async fn hold(zookeeper: &str, shown: &Shown) {
    let told = match Client::connector().with_session_timeout(SESSION).connect(zookeeper).await {
        Ok(client) => held(&client, shown).await,
        Err(error) => Err(error),
    };
    if let Err(error) = told {
        tracing::warn!(%error, "ZooKeeper does not take the znode; it is tried again");
    }
}

async fn held(client: &Client, shown: &Shown) -> Result<(), Error> {
    let permanent = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let znode = shown.znode.as_str();
    let ends = znode.match_indices('/').map(|(end, _)| end).filter(|end| *end > 0);
    for above in ends.map(|end| &znode[..end]) {
        match client.create(above, b"", &permanent).await {
            Ok(_) | Err(Error::NodeExists) => {}
            Err(error) => return Err(error),
        }
    }
    // That of an earlier process goes with the session of that one.
    be_there(client, znode, b"").await?;
    let mut states = client.state_watcher();
    let over = async { while !states.changed().await.is_terminated() {} };
    let coordinates = async {
        match &shown.coordinates {
            Some(place) => be_there(client, place, name_of(znode).as_bytes()).await,
            None => Ok(()),
        }
    };
    let (coordinates, ()) = tokio::join!(coordinates, over);
    coordinates
}

/// Makes a znode that goes with this session, as soon as nobody else has it.
async fn be_there(client: &Client, znode: &str, payload: &[u8]) -> Result<(), Error> {
    let passing = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
    loop {
        match client.create(znode, payload, &passing).await {
            Ok(_) => return Ok(()),
            Err(Error::NodeExists) => sleep(PAUSE).await,
            Err(error) => return Err(error),
        }
    }
}

/// As a service calls itself: `host:port`.
fn name_of(znode: &str) -> &str {
    znode.rsplit('/').next().unwrap_or(znode)
}
