//! What disks do under a running Manager: they are full, slow to flush, or fail to.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
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
        let room = statvfs(&path).map_err(Failure::doing("look at a disk"))?;
        let bytes = room.f_bavail * room.f_frsize;
        fallocate(&file, FallocateFlags::empty(), 0, bytes)
            .map_err(Failure::doing("fill a disk"))?;
        fillers.push((filler, file));
    }
    // What the allocation left over by rounding is taken too.
    let full = fillers.iter_mut().all(|(_, file)| drained(file));
    sleep(lasts).await;
    drop(fillers);
    match full {
        true => Ok(Outcome::Installed),
        false => Ok(Outcome::Indeterminate("a full disk took more".into())),
    }
}

/// Takes the rest, a part of which is kept for root, as whom Managers run here: in great steps first, then in small ones.
fn drained(file: &mut File) -> bool {
    const STEPS: [usize; 2] = [1 << 20, 4096];
    const STEPS_MAX: usize = 4096;
    let end = std::io::Seek::seek(file, std::io::SeekFrom::End(0));
    let full = |file: &mut File, step: usize| {
        let bytes = vec![0; step];
        (0..STEPS_MAX).any(|_| file.write_all(&bytes).and_then(|()| file.sync_data()).is_err())
    };
    end.is_ok() && STEPS.into_iter().all(|step| full(file, step))
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
