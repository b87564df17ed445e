//! Many runs: a process for each seed, several at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::apart::{self, NoReport};
use crate::run::Report;

/// After so many runs in a row that left no report no further ones are begun: it is the computer, or the program, and
/// not what a seed does.
const UNREPORTED_MOST: usize = 20;

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
    /// The last so many runs left no report.
    pub unreported: usize,
    pub took_s: f64,
}

impl Sum {
    fn add(&mut self, seed: Seed, report: Report) {
        self.runs += 1;
        self.unreported = 0;
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

    fn lacks(&mut self, seed: Seed, report: &NoReport) {
        self.unreported += 1;
        self.failed.push((seed, vec![report.to_string()]));
    }

    /// Whether no further runs are begun, since none leaves a report.
    pub fn is_given_up(&self) -> bool {
        self.unreported >= UNREPORTED_MOST
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

/// All of these runs, so many at a time. Tells after each how far they are.
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
                    let report = apart::run(program, seed, None);
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.took_s = began.elapsed().as_secs_f64();
                    match report {
                        Ok(report) => sum.add(seed, report),
                        Err(failure) => sum.lacks(seed, &failure),
                    }
                    tell(&sum);
                    if sum.is_given_up() {
                        break;
                    }
                }
            });
        }
    });
    sum.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn next(seeds: &Mutex<impl Iterator<Item = Seed>>) -> Option<Seed> {
    seeds.lock().unwrap_or_else(PoisonError::into_inner).next()
}
