//! Whether a run counts: fast enough, everything that was chosen seen to bite, and nothing missing on this computer.

use super::judging::{Run, find};
use super::support::{SECOND, Story, active, bit};
use chaos_tests::checker::{Finding, Valid};
use chaos_tests::history::Action::Write;
use chaos_tests::history::Outcome::Done;
use chaos_tests::verdict::{Verdict, conclude, rates};
use serde_json::json;

/// Three calls a second, a fault from 10 to 20 s, and whole again two seconds later.
pub(super) fn busy(mut run: Run, class: &str, per_second: u64) -> Run {
    let strike = |story: Story| story.strike(class, (10 * SECOND, 20 * SECOND), &[4], bit());
    run = run.tells(strike).tells(|story| active(story, 1, 7, 21 * SECOND));
    run.tells(|mut story| {
        let mut process = 10;
        for second in 0..60 {
            for nth in 0..per_second {
                let at = second * SECOND + nth * SECOND / per_second + 1;
                let node = [1, 4, 7][usize::try_from(process % 3).unwrap()];
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
    assert!(!verdict.is_only_too_slow());
    let only = Verdict { checks: vec![find(&verdict.checks, "coverage")], ..verdict };
    assert!(only.is_only_too_slow());
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

#[test]
fn a_phase_that_is_too_slow_is_found_though_the_whole_run_is_not() {
    // 540 calls in 80 s, of which 351 in the last 59.
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
    assert!(finding.because.contains(&"split-one never bit".to_owned()), "{:?}", finding.because);
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
        let (_dir, evidence) = run.evidence();
        let verdict = conclude(&evidence);
        Verdict { checks: vec![find(&verdict.checks, "coverage")], ..verdict }
    };
    assert!(with(100).is_only_too_slow());
    assert!(!with(0).is_only_too_slow());
}

// ---- a run on loopback

/// A verdict of the check that a run counts, and of nothing else.
fn of_coverage(run: Run) -> Verdict {
    let (_dir, evidence) = run.evidence();
    let verdict = conclude(&evidence);
    let checks = vec![find(&verdict.checks, "coverage")];
    let valid = checks[0].valid;
    Verdict { valid, checks, ..verdict }
}

#[test]
fn a_run_on_loopback_is_unknown_also_when_everything_bit() {
    let mut run = busy(Run::new(), "split-one", 9);
    run.chosen.loopback = true;
    let verdict = of_coverage(run);
    assert_eq!(verdict.word(), "unknown");
    assert!(verdict.lacks_only_hosts() && !verdict.is_only_too_slow());
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
    assert!(verdict.lacks_only_hosts());
    assert_eq!(verdict.skipped.keys().collect::<Vec<_>>(), ["wiped-one"]);
}

#[test]
fn what_could_bite_on_loopback_and_did_not_is_another_doubt() {
    let why = json!({ "indeterminate": "nobody called" });
    let missed = |story: Story| story.strike("no-calls-one", (30 * SECOND, 31 * SECOND), &[4], why);
    let mut run = busy(Run::new(), "split-one", 9).tells(missed);
    run.chosen.loopback = true;
    assert!(!of_coverage(run).lacks_only_hosts());
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
