//! A program that a host keeps running: started again when it ends, until it is wanted no more.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::sleep;

use super::{Host, fake_clock};
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

/// What is to be with a program, and whether its host has power: whoever wants the one does not know of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Will {
    wanted: Wanted,
    powered: bool,
}

impl Will {
    /// What is to be now. What is wanted while there is no power is so once it is back.
    fn now(self) -> Wanted {
        match self.wanted {
            Wanted::On if !self.powered => Wanted::Off,
            wanted => wanted,
        }
    }
}

/// A program of a host.
pub struct Kept {
    will: watch::Sender<Will>,
    /// Of its process; 0 while there is none.
    pid: AtomicI32,
    /// How its processes ended: how many, and the exit code of the last; by a signal: its number, less than nothing.
    ends: watch::Sender<(u64, i32)>,
}

impl Kept {
    pub(super) fn new() -> Self {
        let will = watch::channel(Will { wanted: Wanted::Off, powered: true }).0;
        Self { will, pid: AtomicI32::new(0), ends: watch::channel((0, 0)).0 }
    }

    /// Its process, while there is one.
    pub fn process(&self) -> Option<Process> {
        Process::of(self.pid.load(Ordering::Relaxed))
    }

    /// How often its process has ended, and the exit code of the last one; by a signal: its number, less than nothing.
    pub fn ends(&self) -> (u64, i32) {
        *self.ends.borrow()
    }

    /// Whether it is to run.
    pub fn switch(&self, on: bool) {
        // Whoever is retired stays so.
        self.will.send_if_modified(|will| {
            let change = will.wanted != Wanted::Retired;
            if change {
                will.wanted = if on { Wanted::On } else { Wanted::Off };
            }
            change
        });
    }

    /// Whether its host has power. It ends without it, and runs again with it only if it is still to run.
    pub(super) fn power(&self, on: bool) {
        self.will.send_modify(|will| will.powered = on);
    }

    /// Whether its host has power.
    pub(super) fn has_power(&self) -> bool {
        self.will.borrow().powered
    }

    /// Has it end for good.
    pub(super) fn retire(&self) {
        self.will.send_modify(|will| will.wanted = Wanted::Retired);
    }

    fn wants(&self, wanted: Wanted) -> bool {
        self.will.borrow().now() == wanted
    }

    async fn comes_to(&self, wish: impl Fn(Wanted) -> bool) {
        // The host holds the sender, so it cannot be gone.
        let _ = self.will.subscribe().wait_for(|will| wish(will.now())).await;
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
        let code = status.map_or(i32::MIN, |status| {
            let signal = || status.signal().map_or(i32::MIN, |signal| -signal);
            status.code().unwrap_or_else(signal)
        });
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
            fake_clock::forget(pid);
        }
        sleep(restart_after).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_off_while_its_host_was_dark_does_not_run_again_with_the_power() {
        let kept = Kept::new();
        kept.switch(true);
        kept.power(false);
        assert!(kept.wants(Wanted::Off) && !kept.has_power());
        kept.switch(false);
        kept.power(true);
        assert!(kept.wants(Wanted::Off) && kept.has_power());
    }

    #[test]
    fn what_is_to_run_does_so_as_soon_as_there_is_power() {
        let kept = Kept::new();
        kept.switch(true);
        kept.power(false);
        kept.power(true);
        assert!(kept.wants(Wanted::On));
        kept.switch(false);
        kept.power(false);
        kept.switch(true);
        assert!(kept.wants(Wanted::Off));
        kept.power(true);
        assert!(kept.wants(Wanted::On));
    }

    #[test]
    fn how_it_ended_tells_a_code_from_a_signal() {
        let kept = Kept::new();
        kept.ended(Some(ExitStatus::from_raw(2 << 8)));
        assert_eq!(kept.ends(), (1, 2));
        kept.ended(Some(ExitStatus::from_raw(9)));
        assert_eq!(kept.ends(), (2, -9));
    }

    #[test]
    fn who_is_retired_stays_so_whatever_the_power_does() {
        let kept = Kept::new();
        kept.retire();
        for on in [false, true] {
            kept.power(on);
            kept.switch(on);
            assert!(kept.wants(Wanted::Retired));
        }
    }
}
