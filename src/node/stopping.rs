//! Why a Manager stops: somebody asked it to, or whoever started it is gone.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::cli::outcome::Failure;

/// The ways a Manager is asked to stop.
pub(super) struct Stopping {
    terminate: Signal,
    interrupt: Signal,
    stdin: Option<oneshot::Receiver<()>>,
}

impl Stopping {
    /// Listens from now on. `with_stdin`: the end of standard input counts too.
    pub(super) fn listen(with_stdin: bool) -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(Failure::local("listen for signals"));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            stdin: with_stdin.then(watch_stdin),
        })
    }

    /// Waits for the first of them, and says which it was.
    pub(super) async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "asked to terminate",
            _ = self.interrupt.recv() => "interrupted",
            () = closed(&mut self.stdin) => "whoever started it is gone",
        }
    }
}

/// A thread of its own: reading standard input cannot be given up, and must not keep the process from ending.
fn watch_stdin() -> oneshot::Receiver<()> {
    let (closed, told) = oneshot::channel();
    std::thread::spawn(move || {
        // An error is an end as well: nobody can be holding the other side.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        // Whoever waited may have stopped for another reason.
        let _ = closed.send(());
    });
    told
}

async fn closed(stdin: &mut Option<oneshot::Receiver<()>>) {
    match stdin {
        // The thread ends only after it has told.
        Some(told) => drop(told.await),
        None => std::future::pending().await,
    }
}
