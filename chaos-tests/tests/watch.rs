//! The checker of watchers on histories known to be good and known to be bad.

use super::support::Story;
use chaos_tests::checker::{Valid, watch};
use chaos_tests::history::Action::{Delete, Read, Write};
use chaos_tests::history::Outcome::{Done, Failed, Seen, Unknown};
use serde_json::{Value, json};

/// Two writes and a deletion that are acknowledged, one write nobody knows of, one that failed.
fn changes() -> Story {
    Story::default()
        .on("k", 1, (0, 1), Write(1), Done, Some(10))
        .on("k", 1, (2, 3), Write(2), Done, Some(12))
        .on("k", 1, (4, 5), Delete, Done, Some(13))
        .on("j", 2, (6, 7), Write(3), Unknown, None)
        .on("j", 3, (8, 9), Write(4), Failed, None)
}

/// What the watcher of a Manager is told: key, revision and new value.
fn told(story: Story, node: u64, events: &[(&str, u64, Option<u64>)]) -> Story {
    events.iter().fold(story, |story, (key, rev, value)| {
        let value = value.map(|value| value.to_string());
        let subject = format!("custom/{key}");
        let value = json!({ "rev": rev, "subject": subject, "value": value });
        story.watch(&format!("watcher {node}"), "event", node, value)
    })
}

const ALL: [(&str, u64, Option<u64>); 3] =
    [("k", 10, Some(1)), ("k", 12, Some(2)), ("k", 13, None)];

fn verdict(story: Story) -> Valid {
    // The order of a stream is the order it was written in.
    let lines = story.unsorted();
    watch::check(&changes().operations(), &lines).valid
}

#[test]
fn nobody_is_owed_the_revision_that_a_read_tells() {
    let read = changes().on("k", 1, (10, 11), Read, Seen(None), Some(17));
    assert_eq!(watch::last_owed(&read.operations()), 13);
}

#[test]
fn every_change_once_in_order_is_good() {
    assert_eq!(verdict(told(Story::default(), 1, &ALL)), Valid::Yes);
}

#[test]
fn a_write_of_unknown_outcome_may_be_told() {
    let more = [ALL.as_slice(), &[("j", 14, Some(3))]].concat();
    assert_eq!(verdict(told(Story::default(), 1, &more)), Valid::Yes);
}

#[test]
fn a_change_that_was_left_out_is_found() {
    assert_eq!(verdict(told(Story::default(), 1, &[ALL[0], ALL[2]])), Valid::No);
}

#[test]
fn a_deletion_told_as_a_value_is_found() {
    let wrong = [ALL[0], ALL[1], ("k", 13, Some(2))];
    assert_eq!(verdict(told(Story::default(), 1, &wrong)), Valid::No);
}

#[test]
fn an_older_change_after_a_newer_one_is_found() {
    assert_eq!(verdict(told(Story::default(), 1, &[ALL[1], ALL[0], ALL[2]])), Valid::No);
}

#[test]
fn a_write_that_failed_and_is_told_is_found() {
    let phantom = [ALL.as_slice(), &[("j", 14, Some(4))]].concat();
    assert_eq!(verdict(told(Story::default(), 1, &phantom)), Valid::No);
}

#[test]
fn a_write_told_at_another_revision_is_found() {
    let moved = [("k", 11, Some(1)), ALL[1], ALL[2]];
    assert_eq!(verdict(told(Story::default(), 1, &moved)), Valid::No);
}

#[test]
fn a_revision_told_again_after_a_cut_is_good() {
    let again = [ALL[0], ALL[1], ALL[1], ALL[2]];
    assert_eq!(verdict(told(Story::default(), 1, &again)), Valid::Yes);
}

#[test]
fn what_lies_before_a_resync_is_not_owed_and_what_comes_after_it_is() {
    let resync = |events: &[(&str, u64, Option<u64>)]| {
        let story = told(Story::default(), 1, &ALL[..1]);
        let story = story.watch("watcher 1", "resync", 1, json!({ "revision": 12 }));
        told(story, 1, events)
    };
    assert_eq!(verdict(resync(&ALL[2..])), Valid::Yes);
    assert_eq!(verdict(resync(&[("k", 14, Some(2))])), Valid::No);
}

#[test]
fn two_watchers_that_are_told_different_things_are_found() {
    let one = told(
        Story::default(),
        1,
        &[ALL.as_slice(), &[("j", 14, Some(3)), ("m", 15, None)]].concat(),
    );
    let both = told(one, 4, &[ALL.as_slice(), &[("m", 15, None)]].concat());
    assert_eq!(verdict(both), Valid::No);
}

#[test]
fn a_watcher_that_is_told_no_more_is_found() {
    let story = told(Story::default(), 1, &ALL);
    let ended = story.watch("watcher 1", "end", 1, json!({ "after": 13, "owed": 20 }));
    assert_eq!(verdict(ended), Valid::No);
}

/// A watcher that moves is one watcher: what falls between two Managers is missed.
#[test]
fn what_is_left_out_where_a_watcher_moves_is_found() {
    let moved = |second: &[(&str, u64, Option<u64>)]| {
        let story = told(Story::default(), 1, &ALL[..1]);
        second.iter().fold(story, |story, (key, rev, value)| {
            let (subject, value) = (format!("custom/{key}"), value.map(|value| value.to_string()));
            let value = json!({ "rev": rev, "subject": subject, "value": value });
            story.watch("watcher 1", "event", 4, value)
        })
    };
    assert_eq!(verdict(moved(&ALL[1..])), Valid::Yes);
    assert_eq!(verdict(moved(&ALL[2..])), Valid::No);
}

#[test]
fn without_any_event_nothing_is_shown() {
    assert_eq!(
        verdict(Story::default().watch("watcher 1", "open", 1, Value::Null)),
        Valid::Unknown
    );
}
