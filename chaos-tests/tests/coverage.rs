//! Whether a run counts: fast enough, everything that was chosen seen to bite, and nothing missing on this computer.

use std::collections::BTreeSet;

use super::judging::{Run, find};
use super::support::{Asked, SECOND, Story, active, bit};
use chaos_tests::checker::{Finding, Reason, Valid};
use chaos_tests::fault::Fault;
use chaos_tests::history::Action::{Cas, Write};
use chaos_tests::history::Outcome::{Done, Refused};
use chaos_tests::verdict::evidence::names_of;
use chaos_tests::verdict::{Verdict, conclude, rates, unknown_because};
use serde_json::{Value, json};

/// So many calls a second, a fault from 10 to 20 s, of Manager 4 where it is of one, and whole again two seconds later.
pub(super) fn busy(mut run: Run, class: &str, per_second: u64) -> Run {
    let strike = |story: Story| story.strike(class, (10 * SECOND, 20 * SECOND), &[4], bit());
    run = run.tells(strike).tells(|story| active(story, 1, 7, 21 * SECOND));
    let back = json!({ "epoch": 7, "sent": 20 * SECOND, "received": 20 * SECOND + 1 });
    run = run.tells(|story| story.at(20 * SECOND + 1, "probe", "not-active", 4, back));
    run.tells(|mut story| {
        let mut process = 10;
        for second in 0..60 {
            for nth in 0..per_second {
                let at = second * SECOND + nth * SECOND / per_second + 1;
                let node = match [1, 4, 7][usize::try_from(process % 3).unwrap()] {
                    4 if (10..22).contains(&second) => 1,
                    node => node,
                };
                story = story.through(node, process, (at, at + 1), Write(process), Done);
                process += 1;
            }
        }
        story
    })
}

fn coverage(mut run: Run, floor: u64) -> Finding {
    run.chosen.rate_floor = floor;
    run.finding("coverage")
}

#[test]
fn a_run_that_is_fast_enough_and_broke_what_it_was_to_break_counts() {
    let finding = coverage(busy(Run::new(), "split-one", 9), 8);
    assert_eq!(finding.valid, Valid::Yes, "{:?}", finding.because);
}

#[test]
fn one_that_is_too_slow_does_not_and_that_alone_is_told_apart() {
    let mut run = busy(Run::new(), "split-one", 3);
    run.chosen.rate_floor = 8;
    let (_dir, evidence) = run.evidence();
    let verdict = conclude(&evidence);
    assert_eq!(find(&verdict.checks, "coverage").valid, Valid::Unknown);
    // Here much else is in doubt as well.
    assert_ne!(verdict.unknown_because, [Reason::TooSlow].into());
    assert_eq!(find(&verdict.checks, "coverage").unknown_because(), [Reason::TooSlow].into());
}

#[test]
fn the_rate_is_of_the_time_in_which_there_were_calls_and_not_of_the_time_that_was_wanted() {
    let (_dir, evidence) = busy(Run::new(), "split-one", 9).evidence();
    assert_eq!(rates::rate(&evidence.lines), 9);
    // The same calls, of which the last came much later.
    let late = busy(Run::new(), "split-one", 9);
    let late =
        late.tells(|story| story.through(1, 1, (239 * SECOND, 240 * SECOND), Write(1), Done));
    assert_eq!(rates::rate(&late.evidence().1.lines), 2);
}

/// Ten calls a second through one Manager, for ten seconds and for ten in which something befalls these.
fn rate_through(node: u64, class: &str, victims: &[u64]) -> u64 {
    let run = Run::new().tells(|story| {
        let story = story.strike(class, (10 * SECOND, 20 * SECOND), victims, bit());
        (0..200).fold(story, |story, nth| {
            let at = nth * SECOND / 10;
            story.through(node, nth, (at + 1, at + 2), Write(nth), Done)
        })
    });
    rates::rate(&run.evidence().1.lines)
}

#[test]
fn what_is_answered_without_a_majority_is_not_of_the_rate() {
    let rates = |class, victims: &[u64]| [1, 4].map(|node| rate_through(node, class, victims));
    assert_eq!(rates("split-one", &[4]), [10, 5]);
    assert_eq!(rates("pause-long-one", &[4]), [10, 5]);
    // The victims are the majority.
    assert_eq!(rates("split-majority", &[1, 7]), [10, 5]);
    assert_eq!(rates("shatter-all", &[1, 4, 7]), [5, 5]);
    // Whoever this befalls still belongs to the others.
    assert_eq!(rates("clock-all", &[1, 4, 7]), [10, 10]);
    assert_eq!(rates("bridge-all", &[1, 4, 7]), [10, 10]);
}

#[test]
fn what_a_manager_refuses_by_itself_is_not_of_the_rate_and_what_the_group_refuses_is() {
    let run = Run::new().tells(|story| {
        (0..100).fold(story, |story, nth| {
            let at = nth * SECOND / 10;
            let (f, key, times) = ("me", "person-1.1", (at + 1, at + 2));
            let look = Asked { f, key, req: None, value: Value::Null, process: nth, times };
            let story = story.not(&look, "UNAUTHENTICATED");
            let cas = Cas { expect: None, new: nth };
            story.through(1, 1_000 + nth, (at + 3, at + 4), cas, Refused)
        })
    });
    assert_eq!(rates::rate(&run.evidence().1.lines), 10);
}

#[test]
fn a_phase_that_is_too_slow_is_found_though_the_whole_run_is_not() {
    // 541 calls in 80 s, of which some 340 in the last 58.
    let run = || {
        let last = |story: Story| story.through(1, 1, (79 * SECOND, 80 * SECOND), Write(1), Done);
        busy(Run::new(), "split-one", 9).tells(last)
    };
    assert_eq!(coverage(run(), 5).valid, Valid::Yes);
    let slow = coverage(run(), 6);
    assert_eq!(slow.valid, Valid::Unknown);
    assert!(slow.because.len() == 1 && slow.because[0].contains("after"), "{:?}", slow.because);
}

#[test]
fn a_fault_that_begins_before_the_first_call_leaves_no_time_before_it() {
    let run = Run::new().tells(|story| {
        let story = story.strike("split-one", (1, 5 * SECOND), &[4], bit());
        story.through(1, 1, (2 * SECOND, 9 * SECOND), Write(1), Done)
    });
    let phases = rates::phases(&run.evidence().1);
    let lasted: Vec<_> = phases.iter().map(|phase| (phase.name, phase.lasted_ms)).collect();
    assert_eq!(lasted[..2], [("before", 0), ("during", 3_000)]);
}

#[test]
fn time_without_a_majority_is_not_held_against_the_rate() {
    let dark = |class: &str| {
        let run = Run::new().tells(|story| {
            let story = story.strike(class, (10 * SECOND, 50 * SECOND), &[1, 4, 7], bit());
            (0..40).fold(story, |story, nth| {
                let at = if nth < 20 { nth * SECOND / 2 } else { (40 + nth) * SECOND };
                story.through(1, nth, (at + 1, at + 2), Write(nth), Done)
            })
        });
        let (_dir, evidence) = run.evidence();
        rates::phases(&evidence).into_iter().find(|phase| phase.name == "during").unwrap()
    };
    assert_eq!(dark("pause-long-all").lasted_ms, 0);
    assert_eq!(dark("pause-long-one").lasted_ms, 40_000);
}

#[test]
fn a_class_that_never_bit_does_not_count_and_neither_does_a_run_that_broke_nothing() {
    let skipped = Run::new().tells(|story| {
        let why = json!({ "skipped": "no hosts" });
        story.strike("split-one", (10 * SECOND, 20 * SECOND), &[4], why)
    });
    let finding = coverage(skipped, 0);
    let said = "split-one never bit: skipped, no hosts".to_owned();
    assert!(finding.because.contains(&said), "{:?}", finding.because);
    assert_eq!(coverage(Run::new(), 0).valid, Valid::Unknown);
}

#[test]
fn a_fault_that_never_bit_is_of_the_rate_only_where_the_rate_was_too_low() {
    let with = |rate_floor: u64| {
        let mut run = Run::new().tells(|story| {
            let why = json!({ "indeterminate": "nobody had to wait" });
            story.strike("slow-link-all", (10 * SECOND, 20 * SECOND), &[4], why)
        });
        run.chosen.rate_floor = rate_floor;
        run.finding("coverage").unknown_because()
    };
    assert_eq!(with(100), [Reason::TooSlow].into());
    assert_eq!(with(0), [Reason::Other].into());
}

/// What leaves a run unknown that is too slow and in which this came of a class.
fn of_a_slow_machine(class: &str, outcome: Value) -> BTreeSet<Reason> {
    let mut run =
        Run::new().tells(|story| story.strike(class, (10 * SECOND, 20 * SECOND), &[4], outcome));
    run.chosen.rate_floor = 100;
    run.finding("coverage").unknown_because()
}

#[test]
fn what_was_skipped_is_never_of_the_rate_however_slow_the_machine() {
    let skipped = [
        ("memory-one", "no control groups of the first version"),
        ("clock-all", "faketime is not installed"),
        ("slow-link-all", "nobody to hit was running or known"),
        ("checkpoint-cut-one", "nobody to hit was running or known"),
    ];
    for (class, why) in skipped {
        let reasons = of_a_slow_machine(class, json!({ "skipped": why }));
        assert!(reasons.contains(&Reason::Other), "{class}");
    }
}

#[test]
fn only_what_takes_many_calls_to_bite_is_of_the_rate() {
    let indeterminate = |class: &str, why: &str| {
        of_a_slow_machine(class, json!({ "indeterminate": why })).contains(&Reason::Other)
    };
    assert!(!indeterminate("slow-link-active", "nobody had to wait"));
    assert!(!indeterminate("checkpoint-cut-one", "the Active made no checkpoint meanwhile"));
    assert!(!indeterminate("checkpoint-storm-all", "90 changes, in which checkpoints moved on"));
    assert!(!indeterminate("disk-full-all", "1 of 3 Managers met their full disks"));
    assert!(!indeterminate("cpu-all", "nobody was held up"));
    assert!(indeterminate("disk-full-one", "a full disk took more"));
    assert!(indeterminate("slow-link-active", "the harness: tc: not found"));
    assert!(indeterminate("flush-slow-one", "no flush was spoiled"));
    assert!(indeterminate("split-one", "no packet was lost"));
    assert!(of_a_slow_machine("slow-link-all", Value::Null).contains(&Reason::Other));
}

// ---- a run on loopback

/// A verdict of the check that a run counts, and of nothing else.
fn of_coverage(run: Run) -> Verdict {
    let (_dir, evidence) = run.evidence();
    let verdict = conclude(&evidence);
    let checks = vec![find(&verdict.checks, "coverage")];
    let valid = checks[0].valid;
    Verdict { valid, unknown_because: unknown_because(&checks), checks, ..verdict }
}

#[test]
fn a_run_on_loopback_is_unknown_also_when_everything_bit() {
    let mut run = busy(Run::new(), "split-one", 9);
    run.chosen.loopback = true;
    let verdict = of_coverage(run);
    assert_eq!(verdict.word(), "unknown");
    assert_eq!(verdict.unknown_because, [Reason::Loopback].into());
}

#[test]
fn what_is_not_to_be_had_on_loopback_is_told_and_is_all_that_is_in_doubt() {
    let why = json!({ "skipped": "not on loopback: the Managers have no hosts of their own" });
    let skipped = |story: Story| story.strike("wiped-one", (30 * SECOND, 31 * SECOND), &[4], why);
    let mut run = busy(Run::new(), "split-one", 9).tells(skipped);
    run.chosen.loopback = true;
    run.chosen.seconds = None;
    run.chosen.faults = Some(vec!["split-one".to_owned(), "wiped-one".to_owned()]);
    let verdict = of_coverage(run);
    assert_eq!(verdict.checks[0].because, ["wiped-one is not to be had on loopback"]);
    assert_eq!(verdict.word(), "unknown");
    assert_eq!(verdict.unknown_because, [Reason::Loopback].into());
    assert_eq!(verdict.skipped.keys().collect::<Vec<_>>(), ["wiped-one"]);
}

#[test]
fn what_could_bite_on_loopback_and_did_not_is_another_doubt() {
    let why = json!({ "indeterminate": "nobody called" });
    let missed = |story: Story| story.strike("no-calls-one", (30 * SECOND, 31 * SECOND), &[4], why);
    let mut run = busy(Run::new(), "split-one", 9).tells(missed);
    run.chosen.loopback = true;
    assert!(of_coverage(run).unknown_because.contains(&Reason::Other));
}

/// A finding tells no more than twenty of its doubts.
#[test]
fn a_doubt_is_not_lost_among_many_about_loopback() {
    let absent = json!({ "skipped": "not on loopback: the Managers have no hosts of their own" });
    let all = names_of(&Fault::all());
    let run = all.iter().filter(|class| *class != "split-one").fold(Run::new(), |run, class| {
        let times = (30 * SECOND, 31 * SECOND);
        run.tells(|story| story.strike(class, times, &[4], absent.clone()))
    });
    let missed = json!({ "indeterminate": "no packet was lost" });
    let run = run.tells(|story| story.strike("split-one", (1, SECOND), &[4], missed));
    let verdict = of_coverage(run);
    assert!(all.len() > 21 && verdict.unknown_because.contains(&Reason::Other));
    assert_eq!(verdict.checks[0].because[0], "split-one never bit: no packet was lost");
}

#[test]
fn in_a_long_run_every_class_that_was_chosen_must_come_up() {
    let with = |seconds: Option<u64>| {
        let mut run = busy(Run::new(), "split-one", 3);
        run.chosen.seconds = seconds;
        run.chosen.faults = Some(vec!["split-one".to_owned(), "wiped-one".to_owned()]);
        coverage(run, 0)
    };
    assert_eq!(with(Some(60)).valid, Valid::Yes);
    for long in [Some(600), None] {
        let finding = with(long);
        assert_eq!(finding.because, ["wiped-one was chosen and never came up"]);
    }
}

#[test]
fn every_class_that_was_named_must_come_up_however_short_the_run() {
    let with = |besides: &str, faults: &[&str]| {
        let mut run = busy(Run::new(), "split-one", 3);
        run.chosen.besides = besides.to_owned();
        run.chosen.faults = Some(faults.iter().map(|it| (*it).to_owned()).collect());
        coverage(run, 0)
    };
    assert_eq!(with(" FAULTS=split-one", &["split-one"]).valid, Valid::Yes);
    let missing = with(" FAULTS=split-one,wiped", &["split-one", "wiped-one"]);
    assert_eq!(missing.unknown_because(), [Reason::Other].into());
    assert!(missing.because[0].starts_with("wiped-one was named"), "{:?}", missing.because);
    let unnamed = with(" WORKLOAD=register", &["split-one", "wiped-one"]);
    assert_eq!(unnamed.valid, Valid::Yes);
    // And says so all the same.
    assert_eq!(unnamed.facts["never_came_up"], json!(["wiped-one"]));
}

#[test]
fn in_a_very_long_run_each_means_must_bite_three_times() {
    let times = |times: u64| {
        let mut run = busy(Run::new(), "split-one", 3);
        run.chosen.seconds = Some(1_200);
        let again = |story: Story, nth: u64| {
            let from = (30 + nth) * SECOND;
            story.strike("split-one", (from, from + 1), &[4], bit())
        };
        coverage(run.tells(|story| (1..times).fold(story, again)), 0)
    };
    assert_eq!(times(3).valid, Valid::Yes, "{:?}", times(3).because);
    assert_eq!(times(2).because, ["split bit 2 times, not 3"]);
}

#[test]
fn a_harness_that_gave_up_leaves_a_run_unknown_and_everything_else_judged() {
    let run = busy(Run::new(), "split-one", 9);
    let why = json!({ "because": "a Manager did not stop in time" });
    let run = run.tells(|story| story.at(70 * SECOND, "run", "gave-up", 0, why));
    let (_dir, evidence) = run.evidence();
    let verdict = conclude(&evidence);
    assert_eq!(find(&verdict.checks, "coverage").valid, Valid::Unknown);
    assert_eq!(find(&verdict.checks, "linearizable").valid, Valid::Yes);
}
