//! Whether a group comes back after the last fault, and to the same facts, on runs known to be good and known to be bad.

use super::support::{SECOND, Story, active, bit};
use chaos_tests::checker::{Finding, Valid, convergence, recovery};
use chaos_tests::history::Action::Write;
use chaos_tests::history::Line;
use chaos_tests::history::Outcome::{Done, Failed};
use chaos_tests::strikes::strikes;
use serde_json::{Value, json};

// ---- recovery, from the last fault on (invariant I17)

/// A fault that was over after 20 s, Manager 1 that writes again 2 s later, and Manager 4 when it is said to.
fn healed(manager_4: u64) -> Story {
    let story = Story::default().strike("split-one", (10 * SECOND, 20 * SECOND), &[4], bit());
    let story = active(story, 1, 7, 21 * SECOND);
    story
        .through(1, 1, (21 * SECOND, 22 * SECOND), Write(1), Done)
        .through(4, 2, (manager_4 - SECOND, manager_4), Write(2), Done)
        .through(1, 3, (40 * SECOND, 40 * SECOND + 1), Write(3), Done)
}

fn recovered(story: Story) -> Finding {
    recovery::check(&story.lines(), &[1, 4])
}

#[test]
fn a_group_that_answers_everywhere_in_time_has_recovered() {
    let finding = recovered(healed(23 * SECOND));
    assert_eq!((finding.valid, &finding.facts["recovery_ms"]), (Valid::Yes, &json!(3_000)));
}

#[test]
fn recovery_is_counted_from_the_last_fault_and_not_from_the_end_of_the_run() {
    assert_eq!(recovered(healed(31 * SECOND)).valid, Valid::No);
}

#[test]
fn a_manager_that_acknowledges_nothing_any_more_is_found() {
    let story = Story::default().strike("split-one", (10 * SECOND, 20 * SECOND), &[4], bit());
    let story = active(story, 1, 7, 21 * SECOND)
        .through(1, 1, (21 * SECOND, 22 * SECOND), Write(1), Done)
        .through(4, 2, (38 * SECOND, 39 * SECOND), Write(2), Failed);
    let finding = recovered(story);
    assert_eq!(finding.valid, Valid::No);
    assert!(finding.because[0].contains("Manager 4"), "{:?}", finding.because);
}

#[test]
fn a_group_without_an_active_has_not_recovered() {
    let story = Story::default()
        .strike("split-one", (10 * SECOND, 20 * SECOND), &[4], bit())
        .through(1, 1, (21 * SECOND, 22 * SECOND), Write(1), Done)
        .through(4, 2, (21 * SECOND, 39 * SECOND), Write(2), Done);
    assert_eq!(recovered(story).valid, Valid::No);
}

#[test]
fn a_change_that_was_asked_for_while_things_were_broken_is_not_a_fresh_one() {
    let story = Story::default().strike("split-one", (10 * SECOND, 20 * SECOND), &[4], bit());
    let story = active(story, 1, 7, 21 * SECOND)
        .through(1, 1, (21 * SECOND, 22 * SECOND), Write(1), Done)
        .through(4, 2, (19 * SECOND, 21 * SECOND), Write(2), Done)
        .through(4, 3, (35 * SECOND, 35 * SECOND + 1), Write(3), Failed);
    assert_eq!(recovered(story).valid, Valid::No);
}

#[test]
fn changes_that_the_harness_makes_itself_count_from_when_they_were_sent() {
    let fresh = |sent: u64| {
        let story = Story::default().strike("split-one", (10 * SECOND, 20 * SECOND), &[4], bit());
        active(story, 1, 7, 21 * SECOND)
            .through(1, 1, (21 * SECOND, 22 * SECOND), Write(1), Done)
            .at(23 * SECOND, "final", "fresh", 4, json!({ "sent": sent }))
            .through(1, 2, (40 * SECOND, 40 * SECOND + 1), Write(2), Done)
    };
    assert_eq!(recovered(fresh(21 * SECOND)).valid, Valid::Yes);
    assert_eq!(recovered(fresh(19 * SECOND)).valid, Valid::No);
}

#[test]
fn a_killed_process_is_away_for_the_second_that_its_keeper_waits() {
    let killed = Story::default().strike("kill-one", (10 * SECOND, 10 * SECOND), &[4], bit());
    assert_eq!(chaos_tests::strikes::healed(&strikes(&killed.lines())), Some(11 * SECOND));
}

#[test]
fn without_time_to_look_recovery_is_unknown_and_so_it_is_when_the_harness_left_something_broken() {
    let short = Story::default()
        .strike("split-one", (10 * SECOND, 20 * SECOND), &[4], bit())
        .through(1, 1, (21 * SECOND, 22 * SECOND), Write(1), Done);
    assert_eq!(recovered(short).valid, Valid::Unknown);
    let broken_off = json!({ "indeterminate": "the harness: repower a disk: busy" });
    let dark =
        Story::default().strike("power-cut-one", (10 * SECOND, 20 * SECOND), &[4], broken_off);
    let dark = active(dark, 1, 7, 21 * SECOND)
        .through(1, 1, (21 * SECOND, 22 * SECOND), Write(1), Done)
        .through(1, 2, (40 * SECOND, 40 * SECOND + 1), Write(2), Done);
    assert_eq!(recovered(dark).valid, Valid::Unknown);
    let endless = Story::default().at(SECOND, "nemesis", "split-one", 0, json!({ "begins": [4] }));
    assert_eq!(recovered(endless).valid, Valid::Unknown);
}

// ---- convergence, from when nothing is asked for any more (promise 6, row 100)

fn quiet() -> Story {
    Story::default().through(1, 1, (2, 3), Write(1), Done).at(
        10 * SECOND,
        "final",
        "quiet",
        0,
        Value::Null,
    )
}

fn digest(story: Story, at: u64, node: u64, revision: u64, value: &str) -> Story {
    let told = json!({ "revision": revision, "value": value });
    story.at(at, "final", "digest", node, told)
}

fn enough(story: Story, at: u64) -> Finding {
    let lines = story.at(at, "final", "enough", 0, Value::Null).lines();
    convergence::check(&lines, &[1, 4], None)
}

#[test]
fn managers_that_come_to_one_revision_with_the_same_facts_have_converged() {
    let story = digest(digest(quiet(), 11 * SECOND, 1, 5, "a"), 12 * SECOND, 4, 5, "a");
    let finding = enough(story, 12 * SECOND);
    assert_eq!((finding.valid, &finding.facts["convergence_ms"]), (Valid::Yes, &json!(2_000)));
}

#[test]
fn managers_that_tell_and_never_meet_have_not() {
    let apart = || digest(digest(quiet(), 11 * SECOND, 1, 5, "a"), 12 * SECOND, 4, 4, "b");
    assert_eq!(enough(apart(), 41 * SECOND).valid, Valid::No);
    assert_eq!(enough(apart(), 20 * SECOND).valid, Valid::Unknown);
}

#[test]
fn nor_have_those_that_meet_after_the_bound_or_below_what_was_acknowledged() {
    let late = digest(digest(quiet(), 11 * SECOND, 1, 5, "a"), 41 * SECOND, 4, 5, "a");
    assert_eq!(enough(late, 41 * SECOND).valid, Valid::No);
    // The change of the story has revision 2.
    let old = digest(digest(quiet(), 11 * SECOND, 1, 1, "a"), 12 * SECOND, 4, 1, "a");
    assert_eq!(enough(old, 42 * SECOND).valid, Valid::No);
}

#[test]
fn other_facts_at_one_revision_are_found_though_all_meet_later() {
    let story = digest(digest(quiet(), 11 * SECOND, 1, 5, "a"), 11 * SECOND, 4, 5, "b");
    let story = digest(digest(story, 12 * SECOND, 1, 6, "c"), 12 * SECOND, 4, 6, "c");
    assert_eq!(enough(story, 12 * SECOND).valid, Valid::No);
}

#[test]
fn a_manager_that_does_not_answer_leaves_convergence_unknown_and_one_without_a_digest_does_not() {
    let story = digest(quiet(), 11 * SECOND, 1, 5, "a");
    assert_eq!(enough(story, 42 * SECOND).valid, Valid::Unknown);
    let none = json!({ "revision": null, "value": null });
    let story = digest(quiet(), 11 * SECOND, 1, 5, "a").at(11 * SECOND, "final", "digest", 4, none);
    assert_eq!(enough(story, 42 * SECOND).valid, Valid::No);
}

#[test]
fn a_kept_run_that_wrote_no_digests_is_taken_at_its_word_where_the_bound_was_surely_kept() {
    let told =
        json!({ "check": "convergence", "valid": true, "because": [], "facts": { "revision": 9 } });
    let ended = |probe: u64| {
        let story = Story::default().at(10 * SECOND, "final", "members", 1, Value::Null);
        active(story, 1, 7, probe).lines()
    };
    let judge = |lines: &[Line], told: &Value| convergence::check(lines, &[1, 4], Some(told)).valid;
    assert_eq!(judge(&ended(20 * SECOND), &told), Valid::Yes);
    assert_eq!(judge(&ended(60 * SECOND), &told), Valid::Unknown);
    let failed = json!({ "valid": false, "because": ["different facts"], "facts": null });
    assert_eq!(judge(&ended(20 * SECOND), &failed), Valid::No);
    assert_eq!(convergence::check(&ended(20 * SECOND), &[1, 4], None).valid, Valid::Unknown);
}
