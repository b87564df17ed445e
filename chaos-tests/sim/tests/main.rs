//! The simulation as `make test` runs it: some seeds, those that failed once, the same run from the same seed, and every
//! planted lie found; the ledger that judges all of them; what a power cut leaves; what a suspended machine is; and runs that leave no report.

mod comparing;
mod disk;
mod homes;
mod ledger;
mod many;
mod sleep;

use std::path::{Path, PathBuf};

use simulation::apart::{self, NoReport};
use simulation::disk::Lie;
use simulation::kept;
use simulation::many::{Seed, Sum, all};
use simulation::run::Report;

fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_sim").into()
}

fn jobs() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

fn no_failures(sum: &Sum) {
    let failed: Vec<String> = sum
        .failed
        .iter()
        .map(|(seed, violations)| format!("{}: {}", seed.told(), violations.join("; ")))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Three simulated hours: as many as two processors make in a few minutes, in the build that all tests are made in. `make sim` makes more.
const SEEDS: u64 = 200;
/// How long each run is, without its end.
const SECONDS: u64 = 50;

#[test]
fn many_seeds_hold_every_invariant_and_recover() {
    let seeds = (1..=SEEDS).map(|seed| Seed { seed, seconds: SECONDS });
    let sum = all(&program(), seeds, jobs(), &|_| ());
    println!("{}", sum.told());
    no_failures(&sum);
    assert_eq!(sum.runs, SEEDS);
    // A quiet run proves nothing.
    assert!(sum.simulated_s >= 3.0 * 3_600.0, "{} s", sum.simulated_s);
    assert!(sum.faults.len() >= 20, "{:?}", sum.faults);
    assert!(sum.faults.values().all(|count| *count >= 10), "{:?}", sum.faults);
    assert!(sum.visits >= SEEDS, "{} visits", sum.visits);
    assert!(sum.acknowledged >= 300 * SEEDS, "{}", sum.acknowledged);
}

#[test]
fn seeds_that_failed_once_hold_now() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/simulation.txt");
    let kept = kept::read(&std::fs::read_to_string(file).unwrap());
    assert!(!kept.is_empty());
    no_failures(&all(&program(), kept.into_iter(), jobs(), &|_| ()));
}

#[test]
fn a_seed_is_the_same_run_in_every_process() {
    let run = |seed| apart::run(&program(), Seed { seed, seconds: 20 }, None).unwrap();
    for seed in [3, 4] {
        let (first, again) = (run(seed), run(seed));
        assert_eq!(first.trace, again.trace, "seed {seed}");
        assert_eq!(first.acknowledged, again.acknowledged);
    }
    assert_ne!(run(5).trace, run(6).trace);
}

/// Whether a run found the lie that its disks tell: it saw something violated, or went down with a panic of it. A run that could not
/// be made, or that a signal ended, found nothing, and is an error.
fn finds(run: Result<Report, NoReport>) -> Result<bool, String> {
    match run {
        Ok(report) => Ok(!report.violations.is_empty()),
        Err(NoReport::Panicked(_)) => Ok(true),
        Err(none) => Err(none.to_string()),
    }
}

#[test]
fn every_planted_lie_is_found() {
    for lie in Lie::ALL {
        let found = (1..=12).find(|seed| {
            let seed = Seed { seed: *seed, seconds: 30 };
            finds(apart::run(&program(), seed, Some(lie))).unwrap()
        });
        println!("{}: found with seed {found:?}", lie.name());
        assert!(found.is_some(), "{} is not found in twelve seeds", lie.name());
    }
}
