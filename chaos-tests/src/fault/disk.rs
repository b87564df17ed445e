//! What disks do under a running Manager: they are full, slow to flush, or fail to.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::damage::{length, words_after};
use super::{Outcome, until};
use crate::Failure;
use crate::cluster::Process;
use crate::lab::{Host, Lab};

/// How long a tracer may take to be there.
const TRACER_PATIENCE: Duration = Duration::from_secs(5);
/// How long a flush takes on a slow disk.
const SLOW_FLUSH_US: u64 = 300_000;

/// A disk is taken in steps of so many bytes first, and of half as many whenever that is too much, down to a block.
const LARGEST_STEP_BYTES: u64 = 1 << 29;
const BLOCK_BYTES: u64 = 4_096;
/// Up to so many steps each time it is taken.
const STEPS_MAX: usize = 1_024;
/// How often is taken what was given back meanwhile, as by a log that is cut or a checkpoint that takes the place of another.
const REFILL_PERIOD: Duration = Duration::from_millis(100);
/// How long a disk stays full at most until its Manager says so: a log has room of its own, and what does not, as a
/// checkpoint, comes every few seconds where there are calls enough; with 200 calls/s it took up to 15 s.
const MET_PATIENCE: Duration = Duration::from_secs(40);
/// How is told that too few met it.
pub(crate) const UNMET: &str = "Managers met their full disks";

/// What a Manager says whose store waits for room.
const WAITS: &str = "the disk is full part=";
/// What one says that ends, and why when it is for want of room: at its start, or later.
const ENDS: &str = "this process ends because=";
const NO_SPACE: [&str; 2] = ["no space left on the disk", "No space left on device"];

/// How long a host stays dark after its disk lied.
const DARK: Duration = Duration::from_secs(1);

/// Removes what it filled a disk with, also when the run is cancelled meanwhile.
struct Filler {
    disk: PathBuf,
    file: PathBuf,
}

impl Drop for Filler {
    fn drop(&mut self) {
        // A disk that went dark meanwhile is made anew with its host. Flushed, or a power cut a moment later would bring it back.
        let _ = fs::remove_file(&self.file).and_then(|()| File::open(&self.disk)?.sync_all());
    }
}

/// A disk that is full, and whose Manager is to meet that.
struct Full {
    file: File,
    /// After its file, which goes on taking room for as long as it is open.
    _filler: Filler,
    taken_bytes: u64,
    log: PathBuf,
    log_before: u64,
    is_met: bool,
}

impl Full {
    fn begin(host: &Host) -> io::Result<Self> {
        let disk = host.disk().path();
        let path = disk.join("filler");
        let file = File::create(&path)?;
        let (log, log_before) = (host.log(), length(&host.log()));
        let _filler = Filler { disk, file: path };
        Ok(Self { file, _filler, taken_bytes: 0, log, log_before, is_met: false })
    }

    /// Takes what room there is; whether not even a block is left.
    fn take_room(&mut self) -> io::Result<bool> {
        takes_all(&self.file, &mut self.taken_bytes)
    }

    fn look(&mut self) {
        self.is_met = self.is_met || tells_of_it(&words_after(&self.log, self.log_before));
    }
}

/// Fills the disks of all victims for so long, and until their Managers met that or nobody waits longer.
pub(super) async fn fill(
    lab: &Lab,
    victims: &[usize],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let begin = |place: &usize| Full::begin(&lab.hosts[*place]);
    let begun = victims.iter().map(begin).collect::<io::Result<Vec<Full>>>();
    let mut disks = begun.map_err(Failure::doing("fill a disk"))?;
    let begun = Instant::now();
    loop {
        let mut all_full = true;
        for disk in &mut disks {
            all_full &= disk.take_room().map_err(Failure::doing("fill a disk"))?;
            disk.look();
        }
        let met = disks.iter().filter(|disk| disk.is_met).count();
        let enough = if met == disks.len() { lasts } else { lasts.max(MET_PATIENCE) };
        if begun.elapsed() >= enough {
            return Ok(filled(all_full, met, disks.len()));
        }
        sleep(REFILL_PERIOD).await;
    }
}

/// It bites when no disk had a block left, and most Managers met it: of all that are hit one may be away, or keep hardly
/// anything, as a witness does.
fn filled(all_full: bool, met: usize, disks: usize) -> Outcome {
    match all_full {
        false => Outcome::Indeterminate("a full disk took more".into()),
        true if met * 2 > disks => Outcome::Installed,
        true => Outcome::Indeterminate(format!("{met} of {disks} {UNMET}")),
    }
}

/// Whether a Manager's store met it. That log files found no room says nothing, and of others' disks it tells as well.
fn tells_of_it(words: &str) -> bool {
    let no_space = |line: &str| NO_SPACE.iter().any(|told| line.contains(told));
    words.lines().any(|line| line.contains(WAITS) || (line.contains(ENDS) && no_space(line)))
}

/// Takes all there is, also the part that is kept for root, as whom Managers run here, behind what was taken before; whether
/// not even a block is left. Nothing is written: of a slow disk the last megabytes would take a minute.
fn takes_all(file: &File, end: &mut u64) -> io::Result<bool> {
    let mut step = LARGEST_STEP_BYTES;
    for _ in 0..STEPS_MAX {
        match fallocate(file, FallocateFlags::empty(), *end, step) {
            Ok(()) => *end += step,
            Err(Errno::NOSPC) if step == BLOCK_BYTES => return Ok(true),
            Err(Errno::NOSPC) => step /= 2,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

/// What becomes of a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flush {
    /// It takes long.
    Slow,
    /// It fails: the process must end and never answer from that log again before it was read anew.
    Fails,
    /// It is said to be done, and nothing was flushed.
    Lies,
}

/// Has the disks of the victims lie for so long, and then cuts their power while they still do: what they said was
/// flushed is gone. Whether all of them lied; the power stays off.
pub(super) async fn lie(
    lab: &Lab,
    victims: &[(usize, Process)],
    lasts: Duration,
) -> Result<bool, Failure> {
    let places: Vec<usize> = victims.iter().map(|(place, _)| *place).collect();
    let tracers = attach(lab, victims, Flush::Lies)?;
    let attached = || victims.iter().all(|(_, process)| process.is_traced());
    let attached = until(TRACER_PATIENCE, attached).await;
    sleep(lasts).await;
    lab.cut_power(&places).await?;
    let lied = let_go(tracers).await;
    sleep(DARK).await;
    Ok(attached && lied)
}

/// Has the flushes of a process go wrong for so long, seen from inside: a tracer changes what the system call does.
pub(super) async fn spoil(
    lab: &Lab,
    victims: &[(usize, Process)],
    how: Flush,
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let tracers = attach(lab, victims, how)?;
    let attached = || victims.iter().all(|(_, process)| process.is_traced());
    let mut bit = until(TRACER_PATIENCE, attached).await;
    sleep(lasts).await;
    bit &= let_go(tracers).await;
    match bit {
        true => Ok(Outcome::Installed),
        false => Ok(Outcome::Indeterminate("no flush was spoiled".into())),
    }
}

/// Tracers, and where each writes down what it did.
type Tracers = Vec<(Child, PathBuf)>;

fn attach(lab: &Lab, victims: &[(usize, Process)], how: Flush) -> Result<Tracers, Failure> {
    let attach = |(place, process): &(usize, Process)| {
        let seen = lab.home(*place).join("flushes.strace");
        Ok((trace(*process, how, &seen)?, seen))
    };
    victims.iter().map(attach).collect()
}

/// Ends all tracers; whether each has spoiled something.
async fn let_go(tracers: Tracers) -> bool {
    let mut bit = true;
    for (mut tracer, seen) in tracers {
        if let Some(tracer) = tracer.id().and_then(|pid| Process::of(i32::try_from(pid).ok()?)) {
            tracer.interrupt();
        }
        // Killed when it does not let go by itself.
        let _ = tokio::time::timeout(TRACER_PATIENCE, tracer.wait()).await;
        let told = fs::read_to_string(&seen).unwrap_or_default();
        bit &= told.contains("(INJECTED)") || told.contains("(DELAYED)");
    }
    bit
}

fn trace(process: Process, how: Flush, seen: &Path) -> Result<Child, Failure> {
    let inject = match how {
        Flush::Slow => format!("inject=fdatasync,fsync:delay_enter={SLOW_FLUSH_US}"),
        Flush::Lies => "inject=fdatasync,fsync:retval=0".to_owned(),
        Flush::Fails => "inject=fdatasync,fsync:error=EIO".to_owned(),
    };
    #[expect(clippy::disallowed_methods, reason = "ended by `spoil`, or when dropped")]
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(seen).args(["-p", &process.pid().to_string()]);
    strace.args(["-e", "trace=fdatasync,fsync", "-e", &inject]);
    strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    strace.spawn().map_err(Failure::doing("strace"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_bites_when_it_stays_full_and_most_managers_met_it() {
        assert_eq!(filled(true, 1, 1), Outcome::Installed);
        assert_eq!(filled(true, 2, 3), Outcome::Installed);
        for (all_full, met, disks) in [(false, 1, 1), (true, 0, 1), (true, 1, 3), (true, 2, 4)] {
            let outcome = filled(all_full, met, disks);
            assert!(matches!(outcome, Outcome::Indeterminate(_)), "{met} of {disks}: {outcome:?}");
        }
    }

    #[test]
    fn a_manager_meets_a_full_disk_in_its_own_store() {
        let ends = "ERROR kyvos_manager::node::serve: this process ends because=";
        let no_space = "No space left on device (os error 28)";
        for told in [
            "ERROR raft_store::health: the disk is full part=\"history\"",
            &format!("{ends}no space left on the disk of store/history. Free at least 9 bytes"),
            &format!("{ends}consensus stopped: when Write Snapshot(None): {no_space}"),
        ] {
            assert!(tells_of_it(&format!("started\n{told}\n")), "{told}");
        }
        for told in [
            "INFO raft_store::health: there is room on the disk again part=\"log\"",
            &format!("/mounted/data/logs cannot be written: {no_space}"),
            &format!("WARN checkpoint not delivered peer=7 failure=the receiver: {no_space}"),
            &format!("{ends}consensus stopped: Input/output error (os error 5)"),
        ] {
            assert!(!tells_of_it(&format!("started\n{told}\n")), "{told}");
        }
    }
}
