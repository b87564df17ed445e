//! What disks do under a running Manager: they are full, slow to flush, or fail to.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::{Outcome, until};
use crate::Failure;
use crate::cluster::Process;
use crate::lab::Lab;

/// How long a tracer may take to be there.
const TRACER_PATIENCE: Duration = Duration::from_secs(5);
/// How long a flush takes on a slow disk.
const SLOW_FLUSH_US: u64 = 300_000;

/// A disk is taken in steps of so many bytes first, and of half as many whenever that is too much, down to a block.
const LARGEST_STEP_BYTES: u64 = 1 << 29;
const BLOCK_BYTES: u64 = 4_096;
/// Room that Managers give back meanwhile is taken as well, up to so many steps.
const STEPS_MAX: usize = 1_024;

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

/// Fills the disks of all victims for so long.
pub(super) async fn fill(
    lab: &Lab,
    victims: &[usize],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let mut fillers = Vec::new();
    for place in victims {
        let path = lab.hosts[*place].disk().path();
        let filler = Filler { disk: path.clone(), file: path.join("filler") };
        let file = File::create(&filler.file).map_err(Failure::doing("fill a disk"))?;
        fillers.push((filler, file));
    }
    let mut full = true;
    for (_, file) in &fillers {
        full &= takes_all(file).map_err(Failure::doing("fill a disk"))?;
    }
    sleep(lasts).await;
    drop(fillers);
    match full {
        true => Ok(Outcome::Installed),
        false => Ok(Outcome::Indeterminate("a full disk took more".into())),
    }
}

/// Takes all there is, also the part that is kept for root, as whom Managers run here; whether not even a block is left. Nothing is
/// written: of a slow disk the last megabytes would take a minute.
fn takes_all(file: &File) -> io::Result<bool> {
    let (mut end, mut step) = (0, LARGEST_STEP_BYTES);
    for _ in 0..STEPS_MAX {
        match fallocate(file, FallocateFlags::empty(), end, step) {
            Ok(()) => end += step,
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

fn trace(process: Process, how: Flush, seen: &std::path::Path) -> Result<Child, Failure> {
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
