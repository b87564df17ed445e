//! Processes that get too little: of the processor, so that they run a fraction of the time; of memory, so that the kernel
//! ends them. By control groups of the first version, one for each fault, removed with it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::{Outcome, until};
use crate::Failure;
use crate::cluster::Process;
use crate::lab::names;

const CPU: &str = "/sys/fs/cgroup/cpu";
const MEMORY: &str = "/sys/fs/cgroup/memory";
/// A twentieth of a processor.
const QUOTA_US: u32 = 5_000;
const PERIOD_US: u32 = 100_000;
/// What there is from now on, what the Manager has already not counted; and what somebody beside it then wants.
const MEMORY_LEFT: u64 = 4 << 20;
const WANTED_BESIDE: &str = "bs=32M";
/// How the kernel calls the number of those it ended in a group; with the blank, or it is another field.
const OOM_KILLS: &str = "oom_kill ";
/// How long the kernel may take to end somebody.
const DEATH_PATIENCE: Duration = Duration::from_secs(10);

/// How often, and how far apart, is tried to remove a group.
const BURIALS: u32 = 50;
const BURIAL: Duration = Duration::from_millis(10);
/// How many groups this program has made.
static GROUPS: AtomicU64 = AtomicU64::new(0);

/// A control group, removed when dropped; who is left in it goes back to the root.
struct Group {
    dir: PathBuf,
    root: &'static str,
}

impl Group {
    fn new(root: &'static str, name: &str) -> Result<Self, Failure> {
        // Numbered: one whose processes are slow to go may still be there when the next is made.
        let number = GROUPS.fetch_add(1, Ordering::Relaxed);
        let dir = PathBuf::from(root).join(format!("{}-{name}-{number}", names::own()));
        fs::create_dir(&dir).map_err(Failure::doing(dir.display()))?;
        Ok(Self { dir, root })
    }

    fn set(&self, file: &str, value: impl ToString) -> Result<(), Failure> {
        let path = self.dir.join(file);
        fs::write(&path, value.to_string()).map_err(Failure::doing(path.display()))
    }

    fn number(&self, file: &str, field: &str) -> Option<u64> {
        let text = fs::read_to_string(self.dir.join(file)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(field))?;
        line.trim().parse().ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let left = fs::read_to_string(self.dir.join("cgroup.procs")).unwrap_or_default();
        for pid in left.lines() {
            // It may have ended meanwhile.
            let _ = fs::write(PathBuf::from(self.root).join("cgroup.procs"), pid);
        }
        // It can be removed once the kernel has buried whoever was in it.
        let gone = |_| {
            fs::remove_dir(&self.dir).is_ok() || {
                std::thread::sleep(BURIAL);
                false
            }
        };
        (0..BURIALS).any(gone);
    }
}

/// Why nobody can be starved here; `None` when somebody can.
fn missing(root: &str, file: &str) -> Option<Outcome> {
    let there = PathBuf::from(root).join(file).exists();
    (!there).then(|| Outcome::Skipped("no control groups of the first version".into()))
}

/// Lets the victims run a twentieth of the time.
pub(super) async fn of_processor(
    victims: &[(usize, Process)],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    if let Some(skipped) = missing(CPU, "cgroup.procs") {
        return Ok(skipped);
    }
    let mut groups = Vec::new();
    for (place, process) in victims {
        let group = Group::new(CPU, &format!("cpu{place}"))?;
        group.set("cpu.cfs_period_us", PERIOD_US)?;
        group.set("cpu.cfs_quota_us", QUOTA_US)?;
        // One that ended meanwhile cannot be starved.
        let _ = group.set("cgroup.procs", process.pid());
        groups.push(group);
    }
    sleep(lasts).await;
    let held_up = |group: &Group| group.number("cpu.stat", "nr_throttled").unwrap_or(0) > 0;
    match !groups.is_empty() && groups.iter().all(held_up) {
        true => Ok(Outcome::Installed),
        false => Ok(Outcome::Indeterminate("nobody was held up".into())),
    }
}

/// Has the victims' memory run out: the kernel ends whoever has most of it.
pub(super) async fn of_memory(victims: &[(usize, Process)]) -> Result<Outcome, Failure> {
    if let Some(skipped) = missing(MEMORY, "memory.limit_in_bytes") {
        return Ok(skipped);
    }
    for (place, process) in victims {
        let group = Group::new(MEMORY, &format!("memory{place}"))?;
        group.set("memory.limit_in_bytes", MEMORY_LEFT)?;
        // One that ended meanwhile cannot be starved.
        let _ = group.set("cgroup.procs", process.pid());
        // It is in the group before it wants anything.
        let wants = format!(
            "echo $$ > {}/cgroup.procs && exec dd if=/dev/zero of=/dev/null {WANTED_BESIDE}",
            group.dir.display()
        );
        #[expect(clippy::disallowed_methods, reason = "killed when dropped")]
        let mut beside = Command::new("sh");
        beside.args(["-c", &wants]).kill_on_drop(true);
        beside.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut beside = beside.spawn().map_err(Failure::doing("dd"))?;
        if !until(DEATH_PATIENCE, || process.is_dead()).await {
            return Ok(Outcome::Indeterminate("the kernel ended nobody".into()));
        }
        // What stands beside does not fit either. Only then it is known whom the kernel's count is of.
        let beside = timeout(DEATH_PATIENCE, beside.wait()).await;
        let beside_killed = matches!(beside, Ok(Ok(status)) if status.signal().is_some());
        let killed = group.number("memory.oom_control", OOM_KILLS).unwrap_or(0);
        if !is_the_victim_among(killed, beside_killed) {
            return Ok(Outcome::Indeterminate("something else ended the victim".into()));
        }
    }
    Ok(Outcome::Installed)
}

/// Whether the kernel ended more in a group for want of memory than what wanted too much beside the victim.
fn is_the_victim_among(killed: u64, beside_killed: bool) -> bool {
    killed > u64::from(beside_killed)
}

#[cfg(test)]
mod tests {
    use super::is_the_victim_among;

    #[test]
    fn the_victim_of_another_fault_is_none_of_want_of_memory() {
        assert!(is_the_victim_among(2, true));
        assert!(is_the_victim_among(1, false));
        for (killed, beside_killed) in [(1, true), (0, true), (0, false)] {
            assert!(!is_the_victim_among(killed, beside_killed), "{killed} {beside_killed}");
        }
    }
}
