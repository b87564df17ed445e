//! Processes by number and start time: a number alone is given again.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use tokio::sync::watch;
use uuid::Uuid;

/// One process, and no other that may have its number later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct ProcessId {
    pub(super) pid: u32,
    /// Since the start of the host, in the kernel's ticks.
    started: u64,
    /// Which start of the host; the other two may well come again after the next one.
    boot: Uuid,
}

impl ProcessId {
    /// The process that has this number now.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let (alive, started) = stat(pid)?;
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let boot = boot.trim().parse().ok()?;
        alive.then_some(Self { pid, started, boot })
    }

    /// Whether that very process is still there.
    pub(super) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// A handle on that very process; `None` when it is gone.
    pub(super) fn open(self) -> io::Result<Option<Watched>> {
        let Some(pid) = raw(self.pid) else { return Ok(None) };
        let fd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(fd) => fd,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // Looked at again with the handle in hand: it is the process of now, whichever that is.
        Ok(self.is_alive().then(|| Watched::of(fd)))
    }
}

/// A process that is watched and may be signalled.
pub(super) struct Watched {
    fd: Arc<OwnedFd>,
    ended: watch::Receiver<bool>,
}

impl Watched {
    /// A thread of its own waits for the end: it cannot be waited for and given up otherwise.
    fn of(fd: OwnedFd) -> Self {
        let (tell, ended) = watch::channel(false);
        let fd = Arc::new(fd);
        let watched = fd.clone();
        std::thread::spawn(move || {
            let mut fds = [PollFd::new(&watched, PollFlags::IN)];
            while matches!(poll(&mut fds, None), Ok(0) | Err(rustix::io::Errno::INTR)) {}
            // Whoever waited may be gone.
            let _ = tell.send(true);
        });
        Self { fd, ended }
    }

    /// Waits for its end.
    pub(super) async fn ended(&self) {
        // The thread ends only after it has told.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }

    /// Sends it a signal; one that is gone needs none.
    pub(super) fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(&*self.fd, signal);
    }
}

/// Kills whatever is left of a group of processes; none is fine.
pub(super) fn kill_group(leader: u32, signal: Signal) {
    if let Some(pid) = raw(leader) {
        let _ = kill_process_group(pid, signal);
    }
}

fn raw(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

/// Whether the process of that number is more than a zombie, and when it was started.
fn stat(pid: u32) -> Option<(bool, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything.
    let fields: Vec<&str> = text.get(text.rfind(')')? + 1..)?.split_whitespace().collect();
    let alive = !matches!(*fields.first()?, "Z" | "X" | "x");
    Some((alive, fields.get(19)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_known_and_no_other_with_its_number() {
        let own = ProcessId::of(std::process::id()).unwrap();
        assert!(own.is_alive());
        assert!(!ProcessId { started: own.started + 1, ..own }.is_alive());
        assert!(!ProcessId { boot: Uuid::from_u128(1), ..own }.is_alive());
        assert_eq!(ProcessId::of(0), None);
    }
}
