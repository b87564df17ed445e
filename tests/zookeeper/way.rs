//! A way to a server that can be long, and that can be cut: nothing passes any more, and neither end is told.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::ensemble::Ensemble;

/// Where it begins; no server of an ensemble is there.
const HOST: &str = "127.0.0.9";

/// All that is on it ends with it.
pub struct Way {
    cut: watch::Sender<bool>,
    _accepting: JoinSet<()>,
}

impl Way {
    /// To the first server, from another address at the same port.
    pub async fn to(ensemble: &Ensemble) -> Self {
        Self::of_length(ensemble, Duration::ZERO).await
    }

    /// The same, on which everything is late.
    pub async fn of_length(ensemble: &Ensemble, late: Duration) -> Self {
        let (cut, is_cut) = watch::channel(false);
        let listener = TcpListener::bind((HOST, ensemble.port())).await.unwrap();
        let server = ensemble.address(0);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut passing = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                passing.spawn(pass(from_client, to_server, late, is_cut.clone()));
                passing.spawn(pass(from_server, to_client, late, is_cut.clone()));
            }
        });
        Self { cut, _accepting: accepting }
    }

    pub fn host(&self) -> String {
        HOST.to_owned()
    }

    pub fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// What was on its way arrives, as what is sent again does in a network that is whole again.
    pub fn heal(&self) {
        self.cut.send_replace(false);
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    late: Duration,
    mut cut: watch::Receiver<bool>,
) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        sleep(late).await;
        let whole = cut.wait_for(|cut| !cut).await.is_ok();
        if !whole || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
