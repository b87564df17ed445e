//! A seed decides the faults of a run, and a run of ten minutes has every class of them.

use std::collections::BTreeSet;
use std::time::Duration;

use chaos_tests::fault::network::filters;
use chaos_tests::fault::{Break, Fault, Planned, each_once, pairs, plan as overlapping};

const MINUTE: Duration = Duration::from_secs(60);
/// Long enough for every class.
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// One fault at a time.
fn plan(seed: u64, run: Duration, classes: &[Fault]) -> Vec<Planned> {
    overlapping(seed, run, classes, 1)
}

#[test]
fn up_to_three_faults_come_together_and_none_that_mends_another() {
    let plan = overlapping(5, TEN_MINUTES * 10, &Fault::all(), 3);
    let slots: Vec<&[Planned]> = plan.chunk_by(|one, next| one.slot == next.slot).collect();
    for many in 1..=3 {
        assert!(slots.iter().any(|slot| slot.len() == many), "no slot of {many}");
    }
    for slot in &slots {
        assert!(slot.len() <= 3);
        for (nth, one) in slot.iter().enumerate() {
            let mut others = slot[nth + 1..].iter();
            assert!(others.all(|other| one.fault.means.goes_with(other.fault.means)), "{slot:?}");
        }
    }
    let end = |slot: &[Planned]| slot.iter().map(|it| it.at + it.lasts).max();
    assert!(slots.windows(2).all(|two| Some(two[1][0].at) > end(two[0])));
}

#[test]
fn a_short_run_has_each_class_exactly_once() {
    for seed in 0..50 {
        let plan = each_once(seed, &Fault::all(), 3);
        let classes: BTreeSet<_> = plan.iter().map(|planned| planned.fault).collect();
        assert_eq!((classes.len(), plan.len()), (Fault::all().len(), Fault::all().len()));
    }
}

#[test]
fn pairs_are_of_different_kinds_that_can_be_at_the_same_time() {
    let pairs = pairs(&Fault::all());
    assert!(pairs.len() > 150, "{}", pairs.len());
    assert!(pairs.iter().all(|(one, other)| one != other && one.goes_with(*other)));
}

#[test]
fn the_same_seed_gives_the_same_faults() {
    assert_eq!(plan(7, MINUTE, &Fault::all()), plan(7, MINUTE, &Fault::all()));
    assert_ne!(plan(7, MINUTE, &Fault::all()), plan(8, MINUTE, &Fault::all()));
}

#[test]
fn ten_minutes_have_every_class_of_faults_whatever_the_seed() {
    for seed in 0..1_000 {
        let plan = plan(seed, TEN_MINUTES, &Fault::all());
        let classes: BTreeSet<_> = plan.iter().map(|planned| planned.fault).collect();
        assert_eq!(classes.len(), Fault::all().len(), "seed {seed}");
    }
}

#[test]
fn faults_end_within_the_run_and_one_after_another() {
    let plan = plan(3, MINUTE, &Fault::all());
    let ends: Vec<_> = plan.iter().map(|planned| planned.at + planned.lasts).collect();
    assert!(ends.last().is_some_and(|end| *end <= MINUTE));
    assert!(plan.iter().skip(1).zip(&ends).all(|(next, end)| next.at > *end));
}

#[test]
fn no_two_classes_have_one_name_and_names_choose_them() {
    let names: BTreeSet<_> = Fault::all().iter().map(|fault| fault.name()).collect();
    assert_eq!(names.len(), Fault::all().len());
    assert_eq!(Fault::chosen(&["power-cut".into()]).len(), 4);
    assert!(Fault::chosen(&["no such".into()]).is_empty());
}

/// Who hears whom, as rows of a matrix.
fn hearing(hosts: usize, way: Break, victims: &[usize]) -> Vec<String> {
    let filters = filters(hosts, way, victims);
    let row = |own: usize| {
        let hears = |other: usize| match filters[own].deaf_to.contains(&other) {
            true => '.',
            false => 'x',
        };
        (0..hosts).map(hears).collect()
    };
    (0..hosts).map(row).collect()
}

#[test]
fn every_way_to_break_a_network_breaks_what_it_says() {
    assert_eq!(hearing(3, Break::Split, &[1]), ["x.x", ".x.", "x.x"]);
    assert_eq!(hearing(5, Break::Split, &[0, 1]), ["xx...", "xx...", "..xxx", "..xxx", "..xxx"]);
    assert_eq!(hearing(3, Break::Shatter, &[]), ["x..", ".x.", "..x"]);
    assert_eq!(hearing(3, Break::Bridge, &[]), ["xx.", "xxx", ".xx"]);
    assert_eq!(hearing(5, Break::Bridge, &[]), ["xxx..", "xxx..", "xxxxx", "..xxx", "..xxx"]);
    assert_eq!(hearing(3, Break::Deaf, &[2]), ["xxx", "xxx", "..x"]);
}
