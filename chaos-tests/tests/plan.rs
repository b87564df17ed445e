//! A seed decides the faults of a run, and a run of ten minutes has every class of them.

use std::collections::BTreeSet;
use std::time::Duration;

use chaos_tests::fault::network::filters;
use chaos_tests::fault::{Break, Fault, plan};

const MINUTE: Duration = Duration::from_secs(60);
/// Long enough for every class.
const TEN_MINUTES: Duration = Duration::from_secs(600);

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
