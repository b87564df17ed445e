//! A program that a host keeps running: started again when it ends, until it is wanted no more.

use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::sleep;

use super::Host;
use crate::Failure;
use crate::cluster::Process;

/// What is to be with a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// There is none.
    Off,
    /// It runs, and is started again when it ends.
    On,
    /// It ends in good order, and nobody starts it again.
    Retired,
}

/// A program of a host.
pub struct Kept {
    wanted: watch::Sender<Wanted>,
    /// Of its process; 0 while there is none.
    pid: AtomicI32,
    /// How its processes ended: how many, and the exit code of the last; -1: by a signal.
    ends: watch::Sender<(u64, i32)>,
}

impl Kept {
    pub(super) fn new() -> Self {
        let (wanted, ends) = (watch::channel(Wanted::Off).0, watch::channel((0, 0)).0);
        Self { wanted, pid: AtomicI32::new(0), ends }
    }

    /// Its process, while there is one.
    pub fn process(&self) -> Option<Process> {
        Process::of(self.pid.load(Ordering::Relaxed))
    }

    /// How often its process has ended, and the exit code of the last one; -1: by a signal.
    pub fn ends(&self) -> (u64, i32) {
        *self.ends.borrow()
    }

    /// Whether it is to run.
    pub fn switch(&self, on: bool) {
        // Whoever is retired stays so.
        self.wanted.send_if_modified(|wanted| {
            let change = *wanted != Wanted::Retired;
            if change {
                *wanted = if on { Wanted::On } else { Wanted::Off };
            }
            change
        });
    }

    /// Has it end for good.
    pub(super) fn retire(&self) {
        self.wanted.send_replace(Wanted::Retired);
    }

    fn wants(&self, wanted: Wanted) -> bool {
        *self.wanted.borrow() == wanted
    }

    async fn comes_to(&self, wish: impl Fn(Wanted) -> bool) {
        // The host holds the sender, so it cannot be gone.
        let _ = self.wanted.subscribe().wait_for(|wanted| wish(*wanted)).await;
    }

    /// Ends its process, in good order when it retires.
    async fn end(&self, child: &mut Child) {
        if self.wants(Wanted::Retired) {
            self.process().iter().for_each(|process| process.terminate());
        } else {
            self.process().iter().for_each(|process| process.kill());
        }
        // It has ended either way; how is told in its log.
        let _ = child.wait().await;
    }

    fn ended(&self, status: Option<ExitStatus>) {
        self.pid.store(0, Ordering::Relaxed);
        let code = status.and_then(|status| status.code()).unwrap_or(-1);
        self.ends.send_modify(|(times, last)| (*times, *last) = (*times + 1, code));
    }
}

/// What is started on a host.
type Start = fn(&Host) -> Result<Child, Failure>;

/// Keeps a program of a host as it is wanted, until it is retired.
pub(super) async fn keep(
    host: Arc<Host>,
    of: fn(&Host) -> &Kept,
    start: Start,
    restart_after: Duration,
) {
    let kept = of(&host);
    loop {
        kept.comes_to(|wanted| wanted != Wanted::Off).await;
        if kept.wants(Wanted::Retired) {
            return;
        }
        if let Ok(mut child) = start(&host) {
            let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0);
            kept.pid.store(pid, Ordering::Relaxed);
            let status = tokio::select! {
                status = child.wait() => status.ok(),
                () = kept.comes_to(|wanted| wanted != Wanted::On) => {
                    kept.end(&mut child).await;
                    None
                }
            };
            kept.ended(status);
        }
        sleep(restart_after).await;
    }
}
