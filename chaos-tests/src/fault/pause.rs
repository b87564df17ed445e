//! SIGSTOP: a process stands still and does not know it, as under a stuck hypervisor or a full swap.

use std::time::Duration;

use super::{Outcome, until};
use crate::cluster::Process;

const STOP_PATIENCE: Duration = Duration::from_secs(1);

/// Resumes whom it paused, also when the run is cancelled meanwhile.
struct Paused<'a>(&'a [Process]);

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|process| process.resume());
    }
}

/// Pauses all for so long.
pub(super) async fn strike(processes: &[Process], lasts: Duration) -> Outcome {
    let paused = Paused(processes);
    processes.iter().for_each(|process| process.pause());
    let stood = until(STOP_PATIENCE, || processes.iter().all(|process| process.is_paused())).await;
    tokio::time::sleep(lasts).await;
    let stayed = processes.iter().all(|process| process.is_paused());
    drop(paused);
    match stood && stayed {
        true => Outcome::Installed,
        false => Outcome::Indeterminate("a paused process went on".into()),
    }
}
