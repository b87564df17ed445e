//! The fence of this host: the highest epoch it has seen, on the disk, and whoever still acts in an earlier one.
//!
//! ```text
//!   an act of epoch E:  holds acts-E.lock ─→ reads the highest ─→ lower? refuse
//!                                                              ─→ higher? write it, synced
//!                       waits until nobody holds the lock of an earlier epoch ─→ acts
//! ```
//!
//! The locks are the kernel's, so they end with the process that holds them, and they hold between the resident agent
//! and those started over SSH. An earlier act cannot slip in behind: it takes its lock before it looks at the highest.
//! It is broken off where it stands, since whoever asked for it may no longer.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use raft_store::planted::{Bug, planted};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::No;
use crate::cluster::{private_file, summed_file};

/// How long acts of an earlier epoch may take to notice that they are to end.
const DRAIN_DEADLINE: Duration = Duration::from_secs(12);
/// How often is looked whether they have, and whether a later epoch has begun.
const GLANCE: Duration = Duration::from_millis(50);

/// The gate of a host.
pub struct Gate {
    dir: PathBuf,
}

/// The right to act in an epoch. While it is held, no act of a later epoch begins.
pub struct Pass<'a> {
    gate: &'a Gate,
    epoch: u64,
    _lock: File,
}

/// What stands in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Highest {
    /// The group this host belongs to.
    cluster_id: Uuid,
    epoch: u64,
}

/// Who may ask, as the Active told at its last greeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Members {
    /// The revision the list was made at; members with higher numbers are not in it yet.
    revision: u64,
    members: Vec<u64>,
}

impl Gate {
    /// The gate in this folder, which has to be there.
    pub fn at(dir: PathBuf) -> Self {
        if planted(Bug::AgentForgetsEpoch) {
            let _ = std::fs::remove_file(dir.join("highest"));
        }
        Self { dir }
    }

    /// Whether a Manager of that group and number may ask at all.
    pub(super) fn admits(&self, cluster_id: Uuid, manager: u64) -> Result<(), No> {
        if let Some(known) = self.highest()?
            && known.cluster_id != cluster_id
        {
            return Err(No::Refused(format!("this host belongs to group {}", known.cluster_id)));
        }
        let Some(known) = self.read::<Members>("members")? else { return Ok(()) };
        if manager > known.revision || known.members.contains(&manager) {
            return Ok(());
        }
        Err(No::Refused(format!("Kyvos Manager {manager} is not in the group any more")))
    }

    /// The highest epoch this host has seen; 0 before the first.
    pub(super) fn highest_epoch(&self) -> Result<u64, No> {
        Ok(self.highest()?.map_or(0, |known| known.epoch))
    }

    /// The right to act in `epoch`. When it is given, no act of an earlier epoch is under way and none will begin.
    pub async fn enter(&self, cluster_id: Uuid, epoch: u64) -> Result<Pass<'_>, No> {
        let lock = self.open(&acts(epoch))?;
        if !shared(&lock).map_err(|error| self.broken(&error))? {
            // Whoever drains this epoch made a later one the highest before.
            return Err(No::Fenced { highest: self.highest_epoch()? });
        }
        self.raise(cluster_id, epoch).await?;
        self.drain_before(epoch).await?;
        Ok(Pass { gate: self, epoch, _lock: lock })
    }

    /// Notes who belongs to the group, unless something newer is known.
    pub(super) fn note_members(&self, revision: u64, members: Vec<u64>) -> Result<(), No> {
        let known = self.read::<Members>("members")?;
        if known.is_some_and(|known| known.revision >= revision) {
            return Ok(());
        }
        self.write("members", &Members { revision, members })
    }

    async fn raise(&self, cluster_id: Uuid, epoch: u64) -> Result<(), No> {
        let turn = self.open("write.lock")?;
        exclusive(&turn, Instant::now() + DRAIN_DEADLINE).await.map_err(|error| {
            match error.kind() {
                io::ErrorKind::TimedOut => {
                    No::Refused("another agent keeps the gate busy".to_owned())
                }
                _ => self.broken(&error),
            }
        })?;
        match self.highest()? {
            Some(known) if known.cluster_id != cluster_id => {
                Err(No::Refused(format!("this host belongs to group {}", known.cluster_id)))
            }
            Some(known) if known.epoch > epoch => Err(No::Fenced { highest: known.epoch }),
            // Who wrote it may have been killed before it was on the disk.
            Some(known) if known.epoch == epoch => {
                private_file::settle(&self.dir.join("highest")).map_err(|error| self.broken(&error))
            }
            Some(_) | None => self.write("highest", &Highest { cluster_id, epoch }),
        }
    }

    /// Waits until nobody acts in an earlier epoch, and takes their locks away.
    async fn drain_before(&self, epoch: u64) -> Result<(), No> {
        let deadline = Instant::now() + DRAIN_DEADLINE;
        for (earlier, path) in self.locks()? {
            if earlier >= epoch {
                continue;
            }
            let lock = self.open(&acts(earlier))?;
            if exclusive(&lock, deadline).await.is_err() {
                let told = format!("an act of epoch {earlier} does not end");
                return Err(No::Failed(told));
            }
            // Gone already is as good.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }

    fn locks(&self) -> Result<Vec<(u64, PathBuf)>, No> {
        let entries = std::fs::read_dir(&self.dir).map_err(|error| self.broken(&error))?;
        let epoch_of = |path: &Path| -> Option<u64> {
            let name = path.file_name()?.to_str()?;
            name.strip_prefix("acts-")?.strip_suffix(".lock")?.parse().ok()
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        Ok(paths.filter_map(|path| Some((epoch_of(&path)?, path))).collect())
    }

    fn highest(&self) -> Result<Option<Highest>, No> {
        self.read("highest")
    }

    fn open(&self, name: &str) -> Result<File, No> {
        let path = self.dir.join(name);
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(|error| self.broken(&error))
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<Option<T>, No> {
        match summed_file::read(&self.dir.join(name)) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| self.broken(&error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.broken(&error)),
        }
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), No> {
        let text = serde_json::to_string(value).expect("plain data can be written");
        summed_file::write(&self.dir.join(name), &text).map_err(|error| self.broken(&error))
    }

    /// A gate that cannot be read lets nobody through: it may have known a later epoch.
    fn broken(&self, error: &dyn std::fmt::Display) -> No {
        No::Refused(format!(
            "the gate in {} cannot be used: {error}. Once no Manager of before can reach this host any more, remove the \
             files in it: the next Active makes them anew",
            self.dir.display()
        ))
    }
}

impl Pass<'_> {
    /// Does something, unless a later epoch begins meanwhile: then it is broken off.
    pub async fn while_it_holds<T>(
        &self,
        work: impl Future<Output = Result<T, No>>,
    ) -> Result<T, No> {
        tokio::select! {
            biased;
            done = work => done,
            later = self.later() => {
                Err(No::Failed(format!("broken off: epoch {later} has begun")))
            }
        }
    }

    async fn later(&self) -> u64 {
        loop {
            sleep(GLANCE).await;
            if let Ok(Some(known)) = self.gate.highest()
                && known.epoch > self.epoch
            {
                return known.epoch;
            }
        }
    }
}

fn acts(epoch: u64) -> String {
    format!("acts-{epoch}.lock")
}

/// Whether the lock is held now, beside others. Only whoever drains an epoch holds its lock alone.
fn shared(lock: &File) -> io::Result<bool> {
    match lock.try_lock_shared() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Another process's lock cannot be waited for and given up, so it is asked for again and again.
pub(super) async fn exclusive(lock: &File, until: Instant) -> io::Result<()> {
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(GLANCE).await,
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::TimedOut.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: Uuid = Uuid::from_u128(7);

    fn gate() -> (tempfile::TempDir, Gate) {
        let dir = tempfile::tempdir().unwrap();
        let gate = Gate::at(dir.path().to_owned());
        (dir, gate)
    }

    /// A child that another test starts holds the locks that were held here when it was made, until it has become its own
    /// program. All patience of a paused clock is over before that.
    fn in_real_time() {
        tokio::time::resume();
    }

    fn fenced(told: Result<Pass<'_>, No>, by: u64) {
        assert!(matches!(told, Err(No::Fenced { highest }) if highest == by));
    }

    #[tokio::test]
    async fn a_lower_epoch_is_refused_also_by_another_process_and_after_a_restart() {
        let (dir, gate) = gate();
        drop(gate.enter(GROUP, 5).await.unwrap());
        drop(gate.enter(GROUP, 5).await.unwrap());
        drop(gate.enter(GROUP, 9).await.unwrap());
        fenced(gate.enter(GROUP, 5).await, 9);
        let again = Gate::at(dir.path().to_owned());
        fenced(again.enter(GROUP, 8).await, 9);
        drop(again.enter(GROUP, 9).await.unwrap());
    }

    #[tokio::test]
    async fn a_later_epoch_breaks_off_what_an_earlier_one_does_and_waits_until_it_has_ended() {
        let (dir, gate) = gate();
        let other = Gate::at(dir.path().to_owned());
        let early = gate.enter(GROUP, 5).await.unwrap();
        let earlier = async {
            let work = std::future::pending::<Result<(), No>>();
            let told = early.while_it_holds(work).await;
            drop(early);
            told
        };
        let (told, later) = tokio::join!(earlier, other.enter(GROUP, 9));
        assert!(matches!(told, Err(No::Failed(why)) if why.contains("epoch 9")));
        drop(later.unwrap());
        assert!(!dir.path().join("acts-5.lock").exists());
    }

    #[tokio::test(start_paused = true)]
    async fn an_act_that_does_not_end_keeps_later_ones_out() {
        let (dir, gate) = gate();
        let other = Gate::at(dir.path().to_owned());
        let early = gate.enter(GROUP, 5).await.unwrap();
        assert!(matches!(other.enter(GROUP, 9).await, Err(No::Failed(_))));
        drop(early);
        in_real_time();
        drop(other.enter(GROUP, 9).await.unwrap());
    }

    #[tokio::test]
    async fn whoever_comes_while_their_epoch_is_drained_is_told_which_one_has_begun() {
        let (_dir, gate) = gate();
        drop(gate.enter(GROUP, 9).await.unwrap());
        let drained = gate.open(&acts(5)).unwrap();
        drained.lock().unwrap();
        fenced(gate.enter(GROUP, 5).await, 9);
    }

    #[tokio::test(start_paused = true)]
    async fn a_gate_that_is_busy_is_not_called_broken() {
        let (_dir, gate) = gate();
        let turn = gate.open("write.lock").unwrap();
        turn.lock().unwrap();
        assert!(
            matches!(gate.enter(GROUP, 5).await, Err(No::Refused(why)) if why.contains("busy"))
        );
        drop(turn);
        in_real_time();
        drop(gate.enter(GROUP, 5).await.unwrap());
    }

    #[tokio::test]
    async fn a_gate_that_cannot_be_read_lets_nobody_through() {
        let (dir, gate) = gate();
        drop(gate.enter(GROUP, 5).await.unwrap());
        std::fs::write(dir.path().join("highest"), "{").unwrap();
        assert!(matches!(gate.enter(GROUP, 6).await, Err(No::Refused(_))));
        assert!(matches!(gate.admits(GROUP, 1), Err(No::Refused(_))));
    }

    #[tokio::test]
    async fn an_epoch_that_the_disk_gives_back_lower_lets_nobody_of_before_through() {
        let (dir, gate) = gate();
        drop(gate.enter(GROUP, 9).await.unwrap());
        let path = dir.path().join("highest");
        let turned =
            std::fs::read_to_string(&path).unwrap().replace(r#""epoch":9"#, r#""epoch":8"#);
        std::fs::write(&path, turned).unwrap();
        assert!(matches!(gate.enter(GROUP, 8).await, Err(No::Refused(_))));
    }

    #[tokio::test]
    async fn another_group_and_a_removed_manager_may_not_ask() {
        let (_dir, gate) = gate();
        gate.admits(GROUP, 3).unwrap();
        drop(gate.enter(GROUP, 5).await.unwrap());
        gate.note_members(20, vec![1, 7]).unwrap();
        gate.note_members(10, vec![3]).unwrap();
        gate.admits(GROUP, 7).unwrap();
        gate.admits(GROUP, 25).unwrap();
        assert!(matches!(gate.admits(GROUP, 3), Err(No::Refused(_))));
        let other = Uuid::from_u128(8);
        assert!(matches!(gate.admits(other, 7), Err(No::Refused(_))));
        assert!(matches!(gate.enter(other, 6).await, Err(No::Refused(_))));
    }
}
