//! The linearizability checker finds what is there and accuses nobody wrongly (promises 4, 5, 8).

use super::support::Story;
use chaos_tests::checker::Valid;
use chaos_tests::checker::linearizable::{Judgement, check, check_within, judge};
use chaos_tests::history::Action::{Cas, Delete, Read, Write};
use chaos_tests::history::Outcome::{Done, Failed, Refused, Seen, Unknown};
use chaos_tests::history::{Line, Operation, Outcome, operations};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

fn good(story: Story) {
    assert_eq!(judge(&story.operations()), Judgement::Linearizable);
}

/// The shortest bad beginning. It is bad by itself, and without its last line it is not.
fn shortest(lines: &[Line]) -> Vec<Operation> {
    let prefix = match judge(&operations(lines)) {
        Judgement::Impossible(prefix) => prefix,
        other => panic!("a bad history was judged {other:?}"),
    };
    let again = judge(&prefix);
    assert!(matches!(again, Judgement::Impossible(_)), "{again:?} of {prefix:?}");
    let ends = prefix.iter().map(|operation| operation.returned);
    let last = ends.filter(|end| *end < u64::MAX).max().unwrap();
    let until = |within: &dyn Fn(u64) -> bool| {
        let lines: Vec<Line> = lines.iter().filter(|line| within(line.time)).cloned().collect();
        judge(&operations(&lines))
    };
    assert!(matches!(until(&|time| time <= last), Judgement::Impossible(_)));
    assert_eq!(until(&|time| time < last), Judgement::Linearizable, "it ends at {last}");
    prefix
}

/// The number of calls in the shortest bad beginning.
fn bad(story: Story) -> usize {
    shortest(&story.lines()).len()
}

#[test]
fn one_call_after_another_is_fine() {
    good(
        Story::default()
            .call(1, (0, 1), Read, Seen(None))
            .call(1, (2, 3), Write(1), Done)
            .call(2, (4, 5), Read, Seen(Some(1)))
            .call(2, (6, 7), Cas { expect: Some(1), new: 2 }, Done)
            .call(1, (8, 9), Cas { expect: Some(1), new: 3 }, Refused)
            .call(1, (10, 11), Delete, Done)
            .call(2, (12, 13), Delete, Refused)
            .call(2, (14, 15), Read, Seen(None)),
    );
}

#[test]
fn calls_at_the_same_time_may_come_in_either_order() {
    let story = |seen| {
        Story::default().call(1, (0, 10), Write(1), Done).call(2, (1, 9), Write(2), Done).call(
            3,
            (11, 12),
            Read,
            Seen(Some(seen)),
        )
    };
    good(story(1));
    good(story(2));
}

#[test]
fn a_stale_read_is_found() {
    let story = Story::default()
        .call(1, (0, 1), Write(1), Done)
        .call(1, (2, 3), Write(2), Done)
        .call(2, (4, 5), Read, Seen(Some(1)))
        .call(1, (6, 7), Write(3), Done);
    assert_eq!(bad(story), 3, "the write after it has no part in it");
}

#[test]
fn reads_that_go_back_during_one_write_are_found() {
    bad(Story::default()
        .call(1, (0, 1), Write(1), Done)
        .call(1, (2, 20), Write(2), Done)
        .call(2, (3, 4), Read, Seen(Some(2)))
        .call(3, (5, 6), Read, Seen(Some(1))));
}

#[test]
fn a_lost_acknowledged_write_is_found() {
    bad(Story::default().call(1, (0, 1), Write(1), Done).call(2, (2, 3), Read, Seen(None)));
}

#[test]
fn a_value_that_comes_back_after_its_deletion_is_found() {
    bad(Story::default().call(1, (0, 1), Write(1), Done).call(1, (2, 3), Delete, Done).call(
        2,
        (4, 5),
        Read,
        Seen(Some(1)),
    ));
}

#[test]
fn a_write_called_failed_that_happened_is_found() {
    bad(Story::default().call(1, (0, 1), Write(1), Failed).call(2, (2, 3), Read, Seen(Some(1))));
}

/// The write is what makes the beginning bad: without it nobody knew where the value came from.
#[test]
fn a_call_that_was_told_to_have_failed_stands_in_the_beginning_it_makes_bad() {
    let lied = |failed: (u64, u64)| {
        let story = Story::default().call(1, failed, Write(1), Failed);
        let prefix = shortest(&story.call(2, (2, 3), Read, Seen(Some(1))).lines());
        prefix.iter().map(|operation| (operation.action, operation.outcome)).collect::<Vec<_>>()
    };
    let both = [(Write(1), Failed), (Read, Seen(Some(1)))];
    assert_eq!(lied((0, 1)), both);
    // It may have been done until its end says that it was not.
    assert_eq!(lied((0, 9)), both);
}

#[test]
fn what_a_call_may_have_done_until_it_was_refused_makes_no_beginning_bad() {
    let cas = Cas { expect: Some(1), new: 2 };
    let story = Story::default()
        .call(1, (0, 1), Write(1), Done)
        .call(2, (2, 20), cas, Refused)
        .call(3, (3, 4), Read, Seen(Some(2)))
        .call(1, (5, 6), Read, Seen(Some(2)))
        .call(1, (30, 31), Write(3), Done);
    let finding = check(&story.operations());
    assert_eq!((finding.valid, finding.until), (Valid::No, Some(20)));
    assert_eq!(finding.prefix, [0, 2, 3, 5], "{:?}", finding.because);
}

#[test]
fn two_compare_and_sets_on_one_value_cannot_both_succeed() {
    bad(Story::default()
        .call(1, (0, 1), Write(1), Done)
        .call(1, (2, 9), Cas { expect: Some(1), new: 2 }, Done)
        .call(2, (3, 8), Cas { expect: Some(1), new: 3 }, Done));
}

#[test]
fn a_compare_and_set_refused_without_a_reason_is_found() {
    bad(Story::default().call(1, (0, 1), Write(1), Done).call(
        2,
        (2, 3),
        Cas { expect: Some(1), new: 2 },
        Refused,
    ));
}

#[test]
fn an_unknown_write_may_have_happened_or_not_or_happen_late() {
    let story =
        || Story::default().call(1, (0, 1), Write(1), Done).call(2, (2, 3), Write(2), Unknown);
    good(story().call(3, (4, 5), Read, Seen(Some(1))));
    good(story().call(3, (4, 5), Read, Seen(Some(2))));
    good(story().call(3, (4, 5), Read, Seen(Some(1))).call(3, (90, 91), Read, Seen(Some(2))));
}

#[test]
fn an_unknown_write_happens_once_at_most() {
    bad(Story::default()
        .call(1, (0, 1), Write(1), Unknown)
        .call(2, (2, 3), Read, Seen(Some(1)))
        .call(2, (4, 5), Write(2), Done)
        .call(2, (6, 7), Read, Seen(Some(1))));
}

#[test]
fn an_unknown_write_does_not_happen_before_it_was_asked() {
    bad(Story::default().call(1, (0, 1), Read, Seen(Some(1))).call(2, (2, 3), Write(1), Unknown));
}

#[test]
fn unknown_compare_and_sets_and_deletions_explain_what_they_can() {
    let begun = || Story::default().call(1, (0, 1), Write(1), Done);
    let cas = |expect| Cas { expect: Some(expect), new: 2 };
    good(begun().call(2, (2, 3), cas(1), Unknown).call(3, (4, 5), Read, Seen(Some(2))));
    bad(begun().call(2, (2, 3), cas(9), Unknown).call(3, (4, 5), Read, Seen(Some(2))));
    good(begun().call(2, (2, 3), Delete, Unknown).call(3, (4, 5), Read, Seen(None)));
}

#[test]
fn keys_are_judged_apart_and_the_bad_one_is_named() {
    let story = Story::default()
        .on("good", 1, (0, 1), Write(1), Done, None)
        .on("bad", 2, (0, 1), Write(2), Done, None)
        .on("good", 1, (2, 3), Read, Seen(Some(1)), None)
        .on("bad", 2, (2, 3), Read, Seen(Some(1)), None);
    let finding = check(&story.operations());
    assert_eq!(finding.valid, Valid::No);
    assert_eq!(finding.because.len(), 1);
    assert!(finding.because[0].starts_with("bad: "), "{:?}", finding.because);
}

#[test]
fn what_is_not_decided_within_the_bound_is_unknown_and_never_fine() {
    let operations = simulated(1, 300);
    assert_eq!(check_within(&operations, 1_000_000).valid, Valid::Yes);
    let undecided = check_within(&operations, 10);
    assert_eq!(undecided.valid, Valid::Unknown);
    assert_eq!(undecided.facts["undecided"], json!(["k"]));
    assert!(undecided.because[0].contains("undecided within 10"), "{:?}", undecided.because);
}

#[test]
fn a_key_that_is_not_decided_hides_no_key_that_is_bad() {
    let mut operations = simulated(1, 300);
    let bad = Story::default().on("bad", 1, (0, 1), Write(1), Done, None).on(
        "bad",
        1,
        (2, 3),
        Read,
        Seen(None),
        None,
    );
    operations.extend(bad.operations());
    assert_eq!(check_within(&operations, 10).valid, Valid::No);
}

/// Many clients on one true register, each call taking effect at a random instant of its interval; some do not
/// learn how it ended.
fn simulated(seed: u64, calls: u64) -> Vec<Operation> {
    let mut random = StdRng::seed_from_u64(seed);
    let (mut story, mut register, mut free_at) = (Story::default(), None, [0_u64; 8]);
    for call in 0..calls {
        // Effects are 10 apart; an interval reaches up to 40 to either side.
        let effect = 100 + call * 10;
        let free = (0..8).filter(|process| free_at[*process] + 1 < effect).collect::<Vec<_>>();
        let Some(process) = free.first().copied() else { continue };
        let invoked =
            random.random_range(effect.saturating_sub(40).max(free_at[process] + 1)..effect);
        let returned = effect + random.random_range(1..40);
        free_at[process] = returned;
        let action = match random.random_range(0..10) {
            0..4 => Read,
            4..6 => Write(call + 1),
            6..9 => Cas { expect: register.filter(|_| random.random_bool(0.7)), new: call + 1 },
            _ => Delete,
        };
        let known = take_effect(&mut register, action);
        let outcome = if random.random_bool(0.05) { Unknown } else { known };
        let process = if outcome == Unknown { 100 + call } else { process as u64 };
        story = story.call(process, (invoked, returned), action, outcome);
    }
    story.operations()
}

fn take_effect(register: &mut Option<u64>, action: chaos_tests::history::Action) -> Outcome {
    let (next, outcome) = match action {
        Read => (*register, Seen(*register)),
        Write(value) => (Some(value), Done),
        Cas { expect, new } if expect == *register => (Some(new), Done),
        Delete if register.is_some() => (None, Done),
        _ => (*register, Refused),
    };
    *register = next;
    outcome
}

#[test]
fn long_true_histories_with_unknown_outcomes_are_accepted() {
    for seed in 0..20 {
        assert_eq!(judge(&simulated(seed, 300)), Judgement::Linearizable, "seed {seed}");
    }
}

#[test]
fn one_stale_read_in_a_long_history_is_found() {
    for seed in 0..5 {
        let mut operations = simulated(seed, 300);
        let writes: Vec<u64> = operations
            .iter()
            .filter(|operation| operation.outcome == Done && operation.invoked < 1_000)
            .filter_map(
                |operation| if let Write(value) = operation.action { Some(value) } else { None },
            )
            .collect();
        let late = operations.iter_mut().rfind(|operation| matches!(operation.outcome, Seen(_)));
        late.expect("40 % are reads").outcome = Seen(writes.first().copied());
        let Judgement::Impossible(prefix) = judge(&operations) else { panic!("seed {seed}") };
        assert!(matches!(judge(&prefix), Judgement::Impossible(_)), "seed {seed}: {prefix:?}");
    }
}
