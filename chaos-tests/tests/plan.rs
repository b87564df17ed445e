//! A seed decides the faults of a run, and a run of a minute has every class of them.

use std::collections::BTreeSet;
use std::time::Duration;

use chaos_tests::fault::{Fault, plan};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn the_same_seed_gives_the_same_faults() {
    assert_eq!(plan(7, MINUTE), plan(7, MINUTE));
    assert_ne!(plan(7, MINUTE), plan(8, MINUTE));
}

#[test]
fn a_minute_has_every_class_of_faults_whatever_the_seed() {
    for seed in 0..1_000 {
        let plan = plan(seed, MINUTE);
        let classes: BTreeSet<_> = plan.iter().map(|planned| planned.fault).collect();
        assert_eq!(classes.len(), Fault::ALL.len(), "seed {seed}");
    }
}

#[test]
fn faults_end_within_the_run_and_one_after_another() {
    let plan = plan(3, MINUTE);
    let ends: Vec<_> = plan.iter().map(|planned| planned.at + planned.lasts).collect();
    assert!(ends.last().is_some_and(|end| *end <= MINUTE));
    assert!(plan.iter().skip(1).zip(&ends).all(|(next, end)| next.at > *end));
}
