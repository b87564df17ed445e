//! One run in a process of its own, so that it inherits nothing from another. One that takes too long is killed.

#![expect(
    clippy::disallowed_methods,
    reason = "each process is waited for by the thread that started it, and killed when it takes too long"
)]

use std::fmt;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::disk::Lie;
use crate::homes;
use crate::many::Seed;
use crate::run::Report;

/// Longest time that a run may take, beside what its simulated seconds take: one of fifty seconds takes two to ten.
const LONGEST: Duration = Duration::from_secs(600);
/// Longest time that a simulated second may take beyond that.
const LONGEST_EACH: Duration = Duration::from_secs(2);
/// How often is looked whether a run has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Why a run left no report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoReport {
    /// It panicked where nothing takes that down. What it said.
    Panicked(String),
    /// It had not ended by then, and was killed.
    Late(Duration),
    /// A signal ended it, such as the kernel's when memory runs out: whatever it said, it was not judged to its end. What it said last.
    Signalled(i32, String),
    /// It could not be made. What is known of it.
    Failed(String),
}

impl fmt::Display for NoReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(said) | Self::Failed(said) => write!(out, "no report: {said}"),
            Self::Signalled(signal, said) => {
                write!(out, "no report: ended by signal {signal}: {said}")
            }
            Self::Late(longest) => {
                write!(out, "no report in time: killed after {} s", longest.as_secs())
            }
        }
    }
}

/// Makes the run.
pub fn run(program: &Path, seed: Seed, lie: Option<Lie>) -> Result<Report, NoReport> {
    let simulated = u32::try_from(seed.seconds).unwrap_or(u32::MAX);
    let longest = LONGEST.saturating_add(LONGEST_EACH.saturating_mul(simulated));
    run_within(longest, program, seed, lie)
}

/// The same for a time of one's own.
pub fn run_within(
    longest: Duration,
    program: &Path,
    seed: Seed,
    lie: Option<Lie>,
) -> Result<Report, NoReport> {
    let mut command = Command::new(program);
    command.args(["one", "--seed", &seed.seed.to_string(), "--seconds", &seed.seconds.to_string()]);
    if let Some(lie) = lie {
        command.args(["--lie", lie.name()]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let said = said_within(longest, &mut command);
    match said.map_err(|error| NoReport::Failed(error.to_string()))? {
        Some((status, stdout, stderr)) => report_in(status, &stdout, &stderr),
        None => Err(NoReport::Late(longest)),
    }
}

/// The report among what a run said that ended so, or why there is none.
pub fn report_in(status: ExitStatus, stdout: &[u8], stderr: &[u8]) -> Result<Report, NoReport> {
    let last = stdout.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    let last = last.unwrap_or_default();
    let complaint = String::from_utf8_lossy(stderr);
    let from = |at: usize| complaint[at..].chars().take(600).collect::<String>();
    let panic = complaint.find("panicked at").map(from);
    let said = || format!("{} {}", String::from_utf8_lossy(last), from(0));
    // First of all: a panic that was said before needs not be what took it down.
    if let Some(signal) = status.signal() {
        return Err(NoReport::Signalled(signal, panic.unwrap_or_else(said)));
    }
    if let Ok(report) = serde_json::from_slice(last) {
        return Ok(report);
    }
    Err(match panic {
        Some(panic) => NoReport::Panicked(panic),
        None => NoReport::Failed(said()),
    })
}

/// How it ended, and all that it said on its output and its error output.
type Said = (ExitStatus, Vec<u8>, Vec<u8>);

/// What became of it; `None`: it took too long and was killed.
fn said_within(longest: Duration, command: &mut Command) -> io::Result<Option<Said>> {
    let mut child = command.spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let stdout = scope.spawn(move || all_of(stdout));
        let stderr = scope.spawn(move || all_of(stderr));
        let ended = ends_within(longest, &mut child)?;
        let (stdout, stderr) = (stdout.join(), stderr.join());
        Ok(ended.map(|status| (status, stdout.unwrap_or_default(), stderr.unwrap_or_default())))
    })
}

fn all_of(stream: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What came before it broke off is told all the same.
        drop(stream.read_to_end(&mut bytes));
    }
    bytes
}

fn ends_within(longest: Duration, child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            if status.signal().is_some() {
                homes::remove_of(child.id());
            }
            return Ok(Some(status));
        }
        if began.elapsed() >= longest {
            child.kill()?;
            child.wait()?;
            homes::remove_of(child.id());
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}
