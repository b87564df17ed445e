//! A seed decides the faults of a run, and a run of ten minutes has every class of them; and what came of them is counted as
//! it was.

use std::collections::BTreeSet;
use std::time::Duration;

use chaos_tests::fault::network::{Sides, filters};
use chaos_tests::fault::{
    Break, Change, Counts, Damage, Fault, Flush, Means, Planned, Target, each_once, pair_name,
    pairs, plan as overlapping, plan_after,
};
use chaos_tests::strikes::{strikes, tally};
use serde_json::{Value, json};

use super::support::Story;

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
fn seventy_five_minutes_have_every_pair_of_means_and_they_meet() {
    for seed in 0..10 {
        let plan = overlapping(seed, MINUTE * 75, &Fault::all(), 3);
        let mut missing: BTreeSet<_> = pairs(&Fault::all()).into_iter().collect();
        for slot in plan.chunk_by(|one, next| one.slot == next.slot) {
            for (nth, one) in slot.iter().enumerate() {
                for other in &slot[nth + 1..] {
                    assert!(one.at < other.at + other.lasts && other.at < one.at + one.lasts);
                    let (one, other) = (one.fault.means, other.fault.means);
                    missing.remove(&(one.min(other), one.max(other)));
                }
            }
        }
        assert!(missing.is_empty(), "seed {seed}: {missing:?}");
    }
}

#[test]
fn a_run_that_goes_on_after_others_has_the_pairs_first_that_they_left_over() {
    let all = pairs(&Fault::all());
    let left: Vec<_> = all.iter().copied().step_by(20).collect();
    let met = all.iter().filter(|pair| !left.contains(pair));
    let met = met.map(|(one, other)| pair_name(*one, *other)).collect();
    let plan = plan_after(&met, 1, TEN_MINUTES, &Fault::all(), 3);
    let together = |(one, other): &&(Means, Means)| {
        let mut slots = plan.chunk_by(|one, next| one.slot == next.slot);
        slots.any(|slot| {
            [one, other].iter().all(|means| slot.iter().any(|it| it.fault.means == **means))
        })
    };
    assert_eq!(left.iter().filter(together).count(), left.len());
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

#[test]
fn most_faults_are_short_and_some_last_up_to_twenty_seconds() {
    let carried_on = |planned: &&Planned| {
        matches!(planned.fault.means, Means::Network(_) | Means::Processor | Means::PowerCut)
    };
    let plans = (0..50).flat_map(|seed| plan(seed, TEN_MINUTES, &Fault::all()));
    let lasts: Vec<Duration> =
        plans.filter(|planned| carried_on(&planned)).map(|planned| planned.lasts).collect();
    let share = |from: u64, to: u64| {
        let within = |lasts: &&Duration| (from..to).contains(&(lasts.as_secs()));
        lasts.iter().filter(within).count() * 100 / lasts.len()
    };
    assert_eq!(share(1, 21), 100);
    assert!((75..85).contains(&share(1, 3)), "{} % are short", share(1, 3));
    assert!((10..18).contains(&share(3, 8)), "{} % are longer", share(3, 8));
    assert!((4..9).contains(&share(8, 21)), "{} % are long", share(8, 21));
}

#[test]
fn no_fault_takes_the_whole_of_a_short_run_and_each_run_breaks_something() {
    for seed in 0..1_000 {
        let plan = plan(seed, Duration::from_secs(15), &Fault::chosen(&["split".into()]));
        assert!(!plan.is_empty(), "seed {seed}");
        assert!(plan.iter().all(|it| it.lasts <= Duration::from_secs(4)), "seed {seed}");
    }
}

#[test]
fn a_long_pause_is_longer_than_the_lease_and_an_election() {
    let plan = plan(3, TEN_MINUTES, &Fault::chosen(&["pause-long".into()]));
    assert!(plan.iter().all(|it| it.lasts >= Duration::from_secs(2)), "{plan:?}");
    assert!(plan.iter().any(|it| it.lasts > Duration::from_secs(4)), "{plan:?}");
}

#[test]
fn a_storm_lasts_as_long_as_checkpoints_take_also_in_a_short_run() {
    for seconds in [60, 600] {
        let storms = Fault::chosen(&["checkpoint-storm".into()]);
        let plan = plan(3, Duration::from_secs(seconds), &storms);
        assert!(!plan.is_empty(), "{seconds} s");
        assert!(plan.iter().all(|it| it.lasts >= Duration::from_secs(4)), "{plan:?}");
    }
}

#[test]
fn a_storm_goes_with_everything_but_another_storm_and_what_comes_alone() {
    let with = Fault::all().into_iter().filter(|fault| fault.means.goes_with(Means::Storm));
    let with: BTreeSet<_> = with.map(|fault| fault.means).collect();
    let all: BTreeSet<_> = Fault::all().into_iter().map(|fault| fault.means).collect();
    let without: Vec<_> = all.difference(&with).map(|means| means.name()).collect();
    assert_eq!(without, ["flush-lies", "old-copy", "checkpoint-storm"]);
}

#[test]
fn nobody_else_is_killed_or_comes_or_goes_while_the_active_dies_at_the_steps_of_a_visit() {
    for other in [Means::Kill, Means::Steps, Means::Transfers, Means::Membership(Change::Witness)] {
        assert!(!Means::MemberSteps.goes_with(other), "{other:?}");
    }
    assert!(Means::MemberSteps.goes_with(Means::Network(Break::Split)));
}

#[test]
fn a_majority_can_be_split_off_and_a_ring_be_made() {
    let split = Fault { means: Means::Network(Break::Split), target: Target::Majority };
    let ring = Fault { means: Means::Network(Break::Ring), target: Target::All };
    assert_eq!((split.name().as_str(), ring.name().as_str()), ("split-majority", "ring-all"));
    assert!(Fault::all().contains(&split) && Fault::all().contains(&ring));
}

#[test]
fn a_cable_is_not_out_while_power_comes_back_and_puts_it_in() {
    assert!(!Means::Network(Break::Cable).goes_with(Means::PowerCut));
    assert!(!Means::Network(Break::Cable).goes_with(Means::ReadOnly));
}

#[test]
fn who_is_replaced_meets_dark_hosts_and_bad_flushes_and_no_disk_that_takes_nothing_or_is_lost() {
    let replace = Means::Membership(Change::Replace);
    let meets = [
        Means::PowerCut,
        Means::Network(Break::Cable),
        Means::Flushes(Flush::Slow),
        Means::Flushes(Flush::Fails),
    ];
    assert!(meets.iter().all(|it| replace.goes_with(*it)));
    let apart = [
        Means::FullDisk,
        Means::ReadOnly,
        Means::Flushes(Flush::Lies),
        Means::Disk(Damage::BitFlip),
        Means::Disk(Damage::Truncation),
        Means::Disk(Damage::Wiped),
        Means::Disk(Damage::OldCopy),
        Means::MemberSteps,
    ];
    assert!(!apart.iter().any(|it| replace.goes_with(*it)));
}

#[test]
fn a_host_has_one_wire_and_filters_are_set_beside_it() {
    let loss = Means::Network(Break::Loss);
    let on_wires = [Break::Slow, Break::Late, Break::Disorder, Break::Twice];
    assert!(!on_wires.iter().any(|it| loss.goes_with(Means::Network(*it))));
    assert!(loss.goes_with(Means::Network(Break::Split)));
}

/// The classes, of which each is in the table of `docs/chaos.md`.
#[test]
fn every_way_to_break_something_is_told_in_the_documentation() {
    let told = include_str!("../../docs/chaos.md");
    let table = told.split("## What is broken").nth(1).and_then(|rest| rest.split("## ").next());
    let table = table.expect("there is a table");
    for fault in Fault::all() {
        let name = format!("`{}`", fault.means.name());
        assert!(table.contains(&name), "{name} is not in the table of docs/chaos.md");
    }
}

/// Who hears whom, as rows of a matrix.
fn hearing(hosts: usize, way: Break, victims: &[usize]) -> Vec<String> {
    hearing_with(Sides::of(hosts), way, victims)
}

/// The same with spare hosts, which come last.
fn hearing_with(sides: Sides, way: Break, victims: &[usize]) -> Vec<String> {
    let (hosts, filters) = (sides.hosts, filters(sides, way, victims));
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
    assert_eq!(hearing(5, Break::Split, &[0, 2, 4]), ["x.x.x", ".x.x.", "x.x.x", ".x.x.", "x.x.x"]);
}

#[test]
fn whoever_came_later_is_cut_off_like_the_others() {
    let with_one = |members: usize| Sides { members, hosts: members + 1 };
    let split = hearing_with(with_one(3), Break::Split, &[1]);
    assert_eq!(split, ["x.xx", ".x..", "x.xx", "x.xx"]);
    let shatter = hearing_with(with_one(3), Break::Shatter, &[]);
    assert_eq!(shatter, ["x...", ".x..", "..x.", "...x"]);
    // Those that were there hear each other as they do without it: it stands beside the first.
    let bridge = hearing_with(with_one(3), Break::Bridge, &[]);
    assert_eq!(bridge, ["xx.x", "xxxx", ".xx.", "xx.x"]);
    let ring = hearing_with(with_one(5), Break::Ring, &[]);
    assert_eq!(ring, ["xx..xx", "xxx..x", ".xxx..", "..xxx.", "x..xxx", "xx..xx"]);
    assert_eq!(hearing_with(with_one(3), Break::Deaf, &[2]), ["xxxx", "xxxx", "..x.", "xxxx"]);
}

/// Who can call whom, as rows of a matrix: neither the call nor the answer is lost.
fn calling(hosts: usize, way: Break) -> Vec<String> {
    let filters = filters(Sides::of(hosts), way, &[]);
    let row = |own: usize| {
        let calls = |other: usize| {
            let heard = !filters[other].deaf_to.contains(&own)
                && !filters[other].no_calls_from.contains(&own)
                && !filters[own].deaf_to.contains(&other);
            if heard { 'x' } else { '.' }
        };
        (0..hosts).map(calls).collect()
    };
    (0..hosts).map(row).collect()
}

#[test]
fn in_a_ring_each_host_has_a_majority_that_no_other_has() {
    assert_eq!(calling(3, Break::Ring), ["xx.", ".xx", "x.x"]);
    assert_eq!(calling(5, Break::Ring), ["xx..x", "xxx..", ".xxx.", "..xxx", "x..xx"]);
    for hosts in 3..=9 {
        let rows = calling(hosts, Break::Ring);
        let reached = |row: &String| row.chars().filter(|it| *it == 'x').count();
        assert!(rows.iter().all(|row| reached(row) == hosts / 2 + 1), "{rows:?}");
        assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), hosts, "{rows:?}");
    }
}

#[test]
fn in_a_ring_of_five_hosts_hear_each_other_and_in_one_of_three_only_calls_are_refused() {
    assert_eq!(hearing(5, Break::Ring, &[]), ["xx..x", "xxx..", ".xxx.", "..xxx", "x..xx"]);
    assert_eq!(hearing(3, Break::Ring, &[]), ["xxx", "xxx", "xxx"]);
}

// ---- what came of them

const INSTALLED: &str = "installed";

fn pairs_of(story: Story) -> Vec<(String, u64)> {
    tally(&strikes(&story.lines())).pairs.into_iter().collect()
}

#[test]
fn a_pair_counts_only_where_both_bit_at_the_same_time() {
    let story = |cut: (u64, u64)| {
        Story::default().strike("deaf-one", (10, 20), &[1], json!(INSTALLED)).strike(
            "power-cut-one",
            cut,
            &[4],
            json!(INSTALLED),
        )
    };
    assert_eq!(pairs_of(story((19, 30))), [("deaf + power-cut".to_owned(), 1)]);
    assert_eq!(pairs_of(story((20, 30))), []);
    assert_eq!(pairs_of(story((1, 40))), [("deaf + power-cut".to_owned(), 1)]);
}

/// The first try did not bite; when the second did the other fault was over.
#[test]
fn a_pair_does_not_count_when_one_bit_only_after_the_other() {
    let story = Story::default()
        .strike("deaf-one", (10, 20), &[1], json!(INSTALLED))
        .strike("disk-full-one", (12, 18), &[4], json!({ "indeterminate": "it took more" }))
        .strike("disk-full-one", (22, 28), &[4], json!(INSTALLED));
    assert_eq!(pairs_of(story), []);
}

#[test]
fn whoever_was_killed_is_gone_for_a_while_after_it() {
    let second = 1_000_000_000;
    let story = |from: u64| {
        Story::default().strike("kill-one", (0, 1), &[1], json!(INSTALLED)).strike(
            "deaf-one",
            (from, from + second),
            &[4],
            json!(INSTALLED),
        )
    };
    assert_eq!(pairs_of(story(second / 2)), [("deaf + kill".to_owned(), 1)]);
    assert_eq!(pairs_of(story(2 * second)), []);
}

/// Of both plans of a run: a class that is in both is counted as often as it came in either.
#[test]
fn every_try_of_a_class_is_counted_whichever_plan_it_is_of() {
    let story = Story::default()
        .strike("deaf-one", (0, 9), &[1], json!(INSTALLED))
        .strike("deaf-one", (1, 8), &[4], json!(INSTALLED))
        .strike("deaf-one", (20, 29), &[1], json!({ "skipped": "nobody" }))
        .strike("deaf-one", (30, 39), &[1], json!({ "indeterminate": "nothing was lost" }))
        .at(50, "nemesis", "deaf-one", 0, json!({ "begins": [1] }))
        .line("nemesis", "odd", 0, Value::Null);
    let counted = tally(&strikes(&story.lines())).classes;
    let counts = Counts { installed: 2, skipped: 1, indeterminate: 2 };
    assert_eq!(counted.get("deaf-one"), Some(&counts), "{counted:?}");
}
