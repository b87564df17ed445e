//! The checkers of what Managers tell of themselves, on histories known to be good and known to be bad.

use super::support::{Asked, Story};
use chaos_tests::checker::{Valid, epochs, standing};
use chaos_tests::history::Action::Write;
use chaos_tests::history::Outcome::Done;
use serde_json::json;

// ---- terms never go back, and equal revisions mean equal facts (promise 6)

fn stands(story: Story, node: u64, term: u64, revision: u64, digest: &str) -> Story {
    let value = json!({ "term": term, "digest": { "revision": revision, "value": digest } });
    story.line("glance", "standing", node, value)
}

fn standing_verdict(looks: &[(u64, u64, u64, &str)]) -> Valid {
    let story = looks.iter().fold(Story::default(), |story, (node, term, revision, digest)| {
        stands(story, *node, *term, *revision, digest)
    });
    standing::check(&story.unsorted()).valid
}

#[test]
fn terms_that_grow_and_equal_facts_are_good_and_a_manager_may_be_behind() {
    let looks = [(1, 2, 10, "a"), (4, 1, 10, "a"), (1, 2, 12, "b"), (4, 3, 12, "b")];
    assert_eq!(standing_verdict(&looks), Valid::Yes);
}

#[test]
fn a_term_that_goes_back_is_found() {
    assert_eq!(standing_verdict(&[(1, 2, 10, "a"), (1, 1, 10, "a")]), Valid::No);
}

/// Manager 1 goes back from term 2 at 100 to term 1 at 200, and another tells the same facts.
fn gone_back(class: &str, times: (u64, u64), victim: u64) -> Valid {
    let looks = [(100, 1, 2), (150, 4, 2), (200, 1, 1)];
    let story = looks.iter().fold(Story::default(), |story, (time, node, term)| {
        let value = json!({ "term": term, "digest": { "revision": 10, "value": "a" } });
        story.at(*time, "glance", "standing", *node, value)
    });
    let struck = story.strike(class, times, &[victim], json!("installed"));
    standing::check(&struck.lines()).valid
}

#[test]
fn a_term_that_goes_back_with_a_disk_that_forgot_is_not_held_against_its_manager() {
    for class in ["old-copy-one", "wiped-one", "bit-flip-one", "truncation-one", "flush-lies-one"] {
        assert_eq!(gone_back(class, (110, 190), 1), Valid::Yes, "{class}");
        assert_eq!(gone_back(class, (50, 300), 1), Valid::Yes, "{class}");
    }
}

#[test]
fn the_disk_of_another_or_of_another_time_is_no_excuse_for_a_term_that_goes_back() {
    assert_eq!(gone_back("old-copy-one", (110, 190), 4), Valid::No);
    assert_eq!(gone_back("old-copy-one", (10, 90), 1), Valid::No);
    assert_eq!(gone_back("old-copy-one", (210, 300), 1), Valid::No);
    assert_eq!(gone_back("power-cut-one", (110, 190), 1), Valid::No);
}

#[test]
fn other_facts_at_the_same_revision_are_found_also_of_one_manager() {
    assert_eq!(standing_verdict(&[(1, 2, 10, "a"), (4, 2, 10, "b")]), Valid::No);
    assert_eq!(standing_verdict(&[(1, 2, 10, "a"), (1, 2, 10, "b")]), Valid::No);
}

#[test]
fn without_a_look_nothing_is_shown_nor_while_no_two_can_be_compared() {
    assert_eq!(standing_verdict(&[]), Valid::Unknown);
    assert_eq!(standing_verdict(&[(1, 2, 10, "a"), (4, 2, 11, "b")]), Valid::Unknown);
}

// ---- an epoch fences off what was before it (promise 2)

fn active(story: Story, node: u64, epoch: u64, sent: u64, received: u64) -> Story {
    let value = json!({ "epoch": epoch, "sent": sent, "received": received });
    story.line("probe", "active", node, value)
}

fn epochs_verdict(story: Story) -> Valid {
    let lines = story.lines();
    epochs::check(&lines).valid
}

fn written(story: Story, returned: u64, rev: u64) -> Story {
    story.on("k", 1, (returned - 1, returned), Write(rev), Done, Some(rev))
}

/// Manager 1 in epoch 5 until 20 at least, Manager 4 in another epoch from 41 on at the latest.
fn two_tenures(epoch: u64) -> Story {
    let first = active(active(Story::default(), 1, 5, 0, 1), 1, 5, 20, 21);
    active(first, 4, epoch, 40, 41)
}

#[test]
fn an_epoch_above_all_that_was_told_before_is_good() {
    assert_eq!(epochs_verdict(written(two_tenures(12), 10, 11)), Valid::Yes);
}

#[test]
fn what_was_told_after_the_earlier_tenure_was_last_seen_proves_nothing() {
    assert_eq!(epochs_verdict(written(two_tenures(12), 30, 14)), Valid::Yes);
}

#[test]
fn an_epoch_that_is_no_higher_than_a_revision_of_its_past_is_found() {
    assert_eq!(epochs_verdict(written(two_tenures(6), 10, 11)), Valid::No);
    assert_eq!(epochs_verdict(written(two_tenures(11), 10, 11)), Valid::No);
}

/// Also by what is no register: a request, a session.
#[test]
fn a_revision_counts_whatever_was_asked_for() {
    let told = |epoch: u64| {
        let (key, req, value) = ("q", Some("r"), json!("7"));
        let ask = Asked { f: "ask", key, req, value, process: 1, times: (9, 10) };
        epochs_verdict(two_tenures(epoch).done(&ask, Some(11)))
    };
    assert_eq!((told(12), told(11)), (Valid::Yes, Valid::No));
}

#[test]
fn while_no_client_was_told_a_revision_nothing_is_shown_of_epochs() {
    assert_eq!(epochs_verdict(two_tenures(12)), Valid::Unknown);
}

#[test]
fn without_any_tenure_nothing_is_shown_of_epochs() {
    assert_eq!(epochs_verdict(Story::default()), Valid::Unknown);
}
