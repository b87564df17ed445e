//! Many runs: a process for each seed, so that none inherits anything from another, several at a time.

#![expect(
    clippy::disallowed_methods,
    reason = "each process is waited for by the thread that started it"
)]

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::disk::Lie;
use crate::run::Report;

/// A run that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed {
    pub seed: u64,
    pub seconds: u64,
}

impl Seed {
    /// The command that repeats it.
    pub fn told(&self) -> String {
        format!("sim one --seed {} --seconds {}", self.seed, self.seconds)
    }
}

/// What many runs came to together.
#[derive(Debug, Default)]
pub struct Sum {
    pub runs: u64,
    pub simulated_s: f64,
    pub acknowledged: u64,
    pub unknown: u64,
    pub reads: u64,
    pub effects: u64,
    pub kept_out: u64,
    pub broken_off: u64,
    pub elections: u64,
    pub tenures: u64,
    pub visits: u64,
    pub recovery_ms: Vec<u64>,
    pub faults: BTreeMap<String, u64>,
    pub failed: Vec<(Seed, Vec<String>)>,
    pub took_s: f64,
}

impl Sum {
    fn add(&mut self, seed: Seed, report: Report) {
        self.runs += 1;
        self.simulated_s += report.simulated_s;
        self.acknowledged += report.acknowledged;
        self.unknown += report.unknown;
        self.reads += report.reads;
        self.effects += report.effects;
        self.kept_out += report.kept_out;
        self.broken_off += report.broken_off;
        self.elections += report.elections;
        self.tenures += report.tenures;
        self.visits += report.visits;
        for (name, count) in report.faults {
            *self.faults.entry(name).or_default() += count;
        }
        match report.violations.is_empty() {
            true => self.recovery_ms.push(report.recovery_ms),
            false => self.failed.push((seed, report.violations)),
        }
    }

    /// How many things went wrong.
    pub fn faults(&self) -> u64 {
        self.faults.values().sum()
    }

    /// In a line.
    pub fn told(&self) -> String {
        let mut recovery = self.recovery_ms.clone();
        recovery.sort_unstable();
        let at = |part: usize| recovery.get(recovery.len() * part / 1000).copied().unwrap_or(0);
        format!(
            "{} seeds, {:.2} simulated hours in {:.0} s, {} acknowledged changes, {} of unknown outcome, {} reads, \
             {} acts, {} kept out, {} broken off, {} faults, {} elections, {} tenures, {} visits, recovered in {} ms (median), {} ms (99 %), {} ms (longest); \
             {} failed",
            self.runs,
            self.simulated_s / 3_600.0,
            self.took_s,
            self.acknowledged,
            self.unknown,
            self.reads,
            self.effects,
            self.kept_out,
            self.broken_off,
            self.faults(),
            self.elections,
            self.tenures,
            self.visits,
            at(500),
            at(990),
            recovery.last().copied().unwrap_or(0),
            self.failed.len()
        )
    }
}

/// One run in a process of its own.
pub fn apart(program: &Path, seed: Seed, lie: Option<Lie>) -> Result<Report, String> {
    let mut command = Command::new(program);
    command.args(["one", "--seed", &seed.seed.to_string(), "--seconds", &seed.seconds.to_string()]);
    if let Some(lie) = lie {
        command.args(["--lie", lie.name()]);
    }
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let last = output.stdout.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    let report = last.and_then(|line| serde_json::from_slice(line).ok());
    report.ok_or_else(|| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let begin = complaint.find("panicked").unwrap_or(0);
        format!("no report: {}", complaint[begin..].chars().take(600).collect::<String>())
    })
}

/// All of these runs, so many at a time. Tells now and then how far they are.
pub fn all(
    program: &Path,
    seeds: impl Iterator<Item = Seed> + Send,
    jobs: usize,
    tell: &(dyn Fn(&Sum) + Sync),
) -> Sum {
    let (seeds, sum) = (Mutex::new(seeds), Mutex::new(Sum::default()));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(seed) = next(&seeds) {
                    let report = apart(program, seed, None);
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.took_s = began.elapsed().as_secs_f64();
                    match report {
                        Ok(report) => sum.add(seed, report),
                        Err(failure) => sum.failed.push((seed, vec![failure])),
                    }
                    tell(&sum);
                }
            });
        }
    });
    sum.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn next(seeds: &Mutex<impl Iterator<Item = Seed>>) -> Option<Seed> {
    seeds.lock().unwrap_or_else(PoisonError::into_inner).next()
}

/// Seeds that failed once, as they are kept: a line each, `SEED SECONDS`, and after a `#` what it found.
pub fn kept(text: &str) -> VecDeque<Seed> {
    let seed = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        Some(Seed { seed: words.next()?.parse().ok()?, seconds: words.next()?.parse().ok()? })
    };
    text.lines().filter_map(seed).collect()
}
