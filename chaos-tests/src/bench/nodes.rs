//! Processes of somebody else's servers: started, killed, started again, and ended with this program.

use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::Failure;

/// How long a fresh group of three may take to serve.
pub const START_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// How one server is started.
#[derive(Clone, Debug)]
pub struct Node {
    /// Program and arguments.
    pub command: Vec<String>,
    pub log: PathBuf,
    /// Where clients are served.
    pub address: SocketAddr,
}

/// A server, running or not.
pub struct Running {
    pub node: Node,
    child: Option<Child>,
}

impl Running {
    pub fn start(node: Node) -> Result<Self, Failure> {
        let mut running = Self { node, child: None };
        running.start_again()?;
        Ok(running)
    }

    /// Starts it, on the data it had.
    pub fn start_again(&mut self) -> Result<(), Failure> {
        let Node { command, log, .. } = &self.node;
        let open = || OpenOptions::new().create(true).append(true).open(log);
        let opened = open().and_then(|out| Ok((out.try_clone()?, out)));
        let (out, err) = opened.map_err(Failure::doing(log.display()))?;
        let (program, arguments) = command.split_first().expect("a command has a program");
        #[expect(clippy::disallowed_methods, reason = "killed when this is dropped")]
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        self.child = Some(child.map_err(Failure::doing(program))?);
        Ok(())
    }

    pub fn pid(&self) -> Option<i32> {
        self.child.as_ref()?.id().and_then(|pid| i32::try_from(pid).ok())
    }

    /// SIGKILL, and waits for the end.
    pub async fn kill(&mut self) -> Result<(), Failure> {
        match self.child.take() {
            Some(mut child) => child.kill().await.map_err(Failure::doing("kill a server")),
            None => Ok(()),
        }
    }
}

/// Free ports of this host, all different.
pub fn free_ports(count: usize) -> Result<Vec<u16>, Failure> {
    // Held together until all are found, so that they differ.
    let bound: Result<Vec<_>, _> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    let bound = bound.map_err(Failure::doing("find a free port"))?;
    bound
        .iter()
        .map(|port| port.local_addr().map(|at| at.port()).map_err(Failure::doing("find a port")))
        .collect()
}

/// On this computer.
pub fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Tries until it works or patience ends.
pub async fn until_it_works<T>(
    patience: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let begun = Instant::now();
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(failure) if begun.elapsed() > patience => return Err(failure),
            Err(_) => sleep(LOOK_PERIOD).await,
        }
    }
}
