//! The other checkers on histories known to be good and known to be bad.

use super::support::Story;
use chaos_tests::checker::{Valid, one_active, revision, set};
use chaos_tests::history::Action::{Add, Read, Write};
use chaos_tests::history::Outcome::{Done, Failed, Seen, Unknown};
use serde_json::json;

// ---- nothing acknowledged is lost (promises 3, 7)

fn added() -> Story {
    Story::default()
        .call(1, (0, 1), Add(1), Done)
        .call(1, (2, 3), Add(2), Unknown)
        .call(2, (4, 5), Add(3), Failed)
        .call(2, (6, 7), Add(4), Done)
}

fn set_verdict(first: &[u64], second: &[u64]) -> Valid {
    let lines = added()
        .line("final", "set", 1, json!(first))
        .line("final", "set", 4, json!(second))
        .lines();
    set::check(&added().operations(), &lines, &[1, 4]).valid
}

#[test]
fn a_set_with_every_acknowledged_element_is_good_with_and_without_the_unknown_one() {
    assert_eq!(set_verdict(&[1, 4], &[1, 2, 4]), Valid::Yes);
}

#[test]
fn an_acknowledged_element_missing_on_one_manager_is_found() {
    assert_eq!(set_verdict(&[1, 4], &[1, 2]), Valid::No);
}

#[test]
fn an_element_whose_adding_was_called_failed_is_found() {
    assert_eq!(set_verdict(&[1, 3, 4], &[1, 4]), Valid::No);
}

#[test]
fn an_element_that_nobody_added_is_found() {
    assert_eq!(set_verdict(&[1, 4], &[1, 4, 99]), Valid::No);
}

#[test]
fn of_a_bad_set_the_adding_and_the_reading_are_the_shortest_bad_beginning() {
    // Lines 0, 2, 4 and 6 add; those after them are what two Managers show.
    let story = added()
        .at(20, "final", "set", 1, json!([1, 4]))
        .at(21, "final", "set", 4, json!([1, 3]))
        .at(22, "final", "set", 7, json!([]));
    let finding = set::check(&added().operations(), &story.lines(), &[1, 4, 7]);
    assert_eq!((finding.because.len(), finding.prefix), (3, vec![6, 9]));
}

#[test]
fn what_one_manager_shows_is_judged_though_another_was_not_read() {
    let lines = added().line("final", "set", 1, json!([1])).lines();
    assert_eq!(set::check(&added().operations(), &lines, &[1, 4]).valid, Valid::No);
}

#[test]
fn without_a_final_reading_of_each_manager_a_set_is_unknown() {
    let lines = added().line("final", "set", 1, json!([1, 4])).lines();
    assert_eq!(set::check(&added().operations(), &lines, &[1, 4]).valid, Valid::Unknown);
}

// ---- at most one Active (promise 1)

fn probe(story: Story, node: u64, epoch: u64, sent: u64, received: u64) -> Story {
    let value = json!({ "epoch": epoch, "sent": sent, "received": received });
    story.line("probe", "active", node, value)
}

fn active_verdict(probes: &[(u64, u64, u64, u64)]) -> Valid {
    let story = probes.iter().fold(Story::default(), |story, (node, epoch, sent, received)| {
        probe(story, *node, *epoch, *sent, *received)
    });
    one_active::check(&story.lines()).valid
}

#[test]
fn tenures_that_follow_each_other_are_good() {
    assert_eq!(
        active_verdict(&[(1, 5, 0, 1), (1, 5, 20, 21), (4, 9, 40, 41), (1, 12, 60, 61)]),
        Valid::Yes
    );
}

#[test]
fn an_active_still_in_office_after_its_successor_began_is_found() {
    assert_eq!(active_verdict(&[(1, 5, 0, 1), (4, 9, 20, 21), (1, 5, 22, 23)]), Valid::No);
}

#[test]
fn an_answer_that_was_long_under_way_proves_nothing() {
    // Asked before the successor began, answered after: it may have been judged at any instant between.
    assert_eq!(active_verdict(&[(1, 5, 0, 1), (1, 5, 10, 90), (4, 9, 40, 41)]), Valid::Yes);
}

#[test]
fn an_epoch_belongs_to_one_manager() {
    assert_eq!(active_verdict(&[(1, 5, 0, 1), (4, 5, 20, 21)]), Valid::No);
}

#[test]
fn an_epoch_that_goes_back_is_found() {
    assert_eq!(active_verdict(&[(1, 9, 0, 1), (4, 5, 20, 21)]), Valid::No);
}

/// What two Managers' own logs say, each a word, an epoch and a time.
fn log_verdict(said: &[(u64, &str, u64, u64)]) -> Valid {
    let story = said.iter().fold(Story::default(), |story, (node, word, epoch, at)| {
        let value = json!({ "epoch": epoch, "at": at, "held": at });
        story.line("active", word, *node, value)
    });
    one_active::check(&story.lines()).valid
}

#[test]
fn logs_of_tenures_that_follow_each_other_are_good_also_when_one_ends_without_a_word() {
    let good = [(1, "begin", 5, 0), (1, "end", 5, 30), (4, "begin", 9, 40), (1, "begin", 12, 60)];
    assert_eq!(log_verdict(&good), Valid::Yes);
}

#[test]
fn a_tenure_that_its_own_log_says_held_after_its_successor_began_is_found() {
    assert_eq!(
        log_verdict(&[(1, "begin", 5, 0), (1, "end", 5, 50), (4, "begin", 9, 40)]),
        Valid::No
    );
}

#[test]
fn a_renewal_after_a_successor_began_is_found_also_when_no_end_was_written() {
    let killed = [(1, "begin", 5, 0), (1, "renew", 5, 30), (4, "begin", 9, 40)];
    assert_eq!(log_verdict(&killed), Valid::Yes);
    assert_eq!(log_verdict(&[&killed[..], &[(1, "renew", 5, 50)]].concat()), Valid::No);
    // A line that is all there is of a tenure says nothing of when it began.
    assert_eq!(log_verdict(&[(1, "renew", 5, 50), (4, "renew", 9, 10)]), Valid::Yes);
}

/// Manager 1 is Active from 0 on, last seen to be at 10, and could be until 40; Manager 4 is from `begun` on.
fn leased(ended: Option<u64>, begun: u64) -> Valid {
    let value = |at: u64| json!({ "epoch": 5, "at": at, "until": at + 30 });
    let story = Story::default().line("active", "begin", 1, value(0));
    let story = story.line("active", "renew", 1, value(10));
    let story = ended.into_iter().fold(story, |story, at| {
        story.line("active", "end", 1, json!({ "epoch": 5, "at": at, "held": 10, "until": 40 }))
    });
    let later = story.line("active", "begin", 4, json!({ "epoch": 9, "at": begun }));
    one_active::check(&later.lines()).valid
}

#[test]
fn nobody_begins_while_another_who_lives_could_still_act() {
    assert_eq!(leased(Some(90), 30), Valid::No);
    assert_eq!(leased(Some(90), 41), Valid::Yes);
    // It ended itself before its time was over, as when it hands over.
    assert_eq!(leased(Some(20), 30), Valid::Yes);
    // It died: it can do nothing any more, and whoever was told so need not wait.
    assert_eq!(leased(None, 30), Valid::Yes);
}

#[test]
fn a_log_and_a_probe_together_show_what_neither_shows_alone() {
    let story = Story::default().line("active", "begin", 4, json!({ "epoch": 9, "at": 40 }));
    let story = probe(probe(story, 1, 5, 0, 1), 1, 5, 50, 51);
    assert_eq!(one_active::check(&story.lines()).valid, Valid::No);
}

#[test]
fn a_run_that_never_saw_an_active_is_unknown() {
    assert_eq!(active_verdict(&[]), Valid::Unknown);
}

// ---- one revision counter

fn write(story: Story, process: u64, times: (u64, u64), value: u64, rev: u64) -> Story {
    story.on("k", process, times, Write(value), Done, Some(rev))
}

fn read(story: Story, times: (u64, u64), rev: u64) -> Story {
    story.on("k", 9, times, Read, Seen(None), Some(rev))
}

#[test]
fn revisions_that_grow_in_real_time_are_good_and_overlapping_calls_may_swap() {
    let story = write(write(Story::default(), 1, (0, 10), 1, 8), 2, (1, 9), 2, 7);
    assert_eq!(revision::check(&read(story, (11, 12), 8).operations()).valid, Valid::Yes);
}

#[test]
fn without_a_change_nothing_is_shown_of_revisions() {
    let story = read(Story::default(), (11, 12), 8).call(1, (0, 1), Write(1), Failed);
    assert_eq!(revision::check(&story.operations()).valid, Valid::Unknown);
    assert_eq!(revision::check(&[]).valid, Valid::Unknown);
}

#[test]
fn a_revision_given_twice_is_found() {
    let story = write(write(Story::default(), 1, (0, 10), 1, 8), 2, (1, 9), 2, 8);
    assert_eq!(revision::check(&story.operations()).valid, Valid::No);
}

#[test]
fn a_later_change_with_a_lower_revision_is_found() {
    let story = write(write(Story::default(), 1, (0, 1), 1, 8), 2, (2, 3), 2, 7);
    assert_eq!(revision::check(&story.operations()).valid, Valid::No);
}

#[test]
fn a_later_read_at_a_lower_revision_is_found() {
    let story = read(write(Story::default(), 1, (0, 1), 1, 8), (2, 3), 7);
    assert_eq!(revision::check(&story.operations()).valid, Valid::No);
}

#[test]
fn a_value_read_at_another_revision_than_it_was_written_at_is_found() {
    let told = |mod_rev: u64| {
        let story = write(Story::default(), 1, (0, 1), 1, 8);
        let story = story.on("k", 9, (2, 3), Read, Seen(Some(1)), Some(8));
        let mut operations = story.operations();
        operations[1].mod_rev = Some(mod_rev);
        revision::check(&operations).valid
    };
    assert_eq!((told(8), told(7)), (Valid::Yes, Valid::No));
}

#[test]
fn the_two_calls_that_cannot_both_be_right_are_the_shortest_bad_beginning() {
    // Lines 0, 2, 4 and 6 begin the calls.
    let story = write(write(Story::default(), 1, (0, 1), 1, 8), 1, (2, 3), 2, 9);
    let story = read(write(story, 1, (6, 7), 3, 9), (4, 5), 8);
    let finding = revision::check(&story.operations());
    assert_eq!(finding.because.len(), 3, "{:?}", finding.because);
    assert!(finding.because[0].contains("got 8"), "{:?}", finding.because);
    assert_eq!(finding.prefix, [2, 4]);
}

#[test]
fn an_acknowledgement_without_a_revision_is_found() {
    let story = Story::default().call(1, (0, 1), Write(1), Done);
    assert_eq!(revision::check(&story.operations()).valid, Valid::No);
}
