//! The thread that all proxies run on. Clients and probes of the run have others: while those are busy a heartbeat between
//! Managers must not wait.

use std::net::TcpListener;
use std::thread::JoinHandle;

use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::door::Door;
use crate::Failure;

/// The thread, until it is dropped.
#[derive(Debug)]
pub(super) struct Works {
    /// `None` once it is to end.
    doors: Option<mpsc::UnboundedSender<(Door, TcpListener)>>,
    thread: Option<JoinHandle<()>>,
}

impl Works {
    pub(super) fn start() -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Failure::doing("start the proxies"))?;
        let (doors, opened) = mpsc::unbounded_channel();
        let work = move || runtime.block_on(attend_all(opened));
        let thread = std::thread::Builder::new().name("proxies".into()).spawn(work);
        let thread = thread.map_err(Failure::doing("start the proxies"))?;
        Ok(Self { doors: Some(doors), thread: Some(thread) })
    }

    /// Has a door attended from now on.
    pub(super) fn open(&self, door: Door, listener: TcpListener) -> Result<(), Failure> {
        listener.set_nonblocking(true).map_err(Failure::doing("listen as a proxy"))?;
        let sent = self.doors.as_ref().and_then(|doors| doors.send((door, listener)).ok());
        sent.ok_or_else(|| Failure("the proxies have ended".into()))
    }
}

impl Drop for Works {
    fn drop(&mut self) {
        self.doors = None;
        if let Some(thread) = self.thread.take() {
            // Every connection ends with it. If it panicked, standard error has told of it.
            let _ = thread.join();
        }
    }
}

async fn attend_all(mut opened: mpsc::UnboundedReceiver<(Door, TcpListener)>) {
    let mut doors = JoinSet::new();
    while let Some((door, listener)) = opened.recv().await {
        // One that cannot be attended lets nobody in: its Manager does not come back behind it.
        if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
            doors.spawn(door.attend(listener));
        }
    }
}
