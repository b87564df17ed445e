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
        .on("m", 4, (10, 11), Write(5), Unknown, None)
        .on("m", 5, (12, 13), Delete, Unknown, None)
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

/// A bookmark says that everything up to it was told.
fn marked(story: Story, node: u64, rev: u64) -> Story {
    story.watch(&format!("watcher {node}"), "bookmark", node, json!({ "rev": rev }))
}

#[test]
fn bookmarks_that_tell_the_truth_are_good() {
    let story = told(marked(Story::default(), 1, 9), 1, &ALL[..2]);
    let story = told(marked(story, 1, 12), 1, &ALL[2..]);
    assert_eq!(verdict(marked(marked(story, 1, 13), 1, 20)), Valid::Yes);
}

#[test]
fn a_bookmark_beyond_a_change_that_was_not_told_is_found() {
    let story = told(Story::default(), 1, &ALL[..1]);
    assert_eq!(verdict(marked(story, 1, 11)), Valid::Yes);
    let story = told(Story::default(), 1, &ALL[..1]);
    assert_eq!(verdict(marked(story, 1, 12)), Valid::No);
    // Nothing but the bookmark shows that a change before it was owed.
    let before = told(marked(Story::default(), 1, 9), 1, &ALL[1..]);
    assert_eq!(verdict(before), Valid::No);
}

#[test]
fn a_change_that_comes_after_a_bookmark_beyond_it_is_found() {
    let story = told(Story::default(), 1, &ALL[..2]);
    assert_eq!(verdict(told(marked(story, 1, 13), 1, &ALL[2..])), Valid::No);
}

#[test]
fn a_bookmark_that_goes_back_is_found() {
    let story = marked(told(Story::default(), 1, &ALL), 1, 13);
    assert_eq!(verdict(marked(story, 1, 12)), Valid::No);
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
fn a_value_that_nobody_wrote_is_found() {
    let phantom = [ALL.as_slice(), &[("j", 14, Some(99))]].concat();
    assert_eq!(verdict(told(Story::default(), 1, &phantom)), Valid::No);
    let elsewhere = [ALL.as_slice(), &[("m", 14, Some(3))]].concat();
    assert_eq!(verdict(told(Story::default(), 1, &elsewhere)), Valid::No);
}

#[test]
fn a_deletion_that_nobody_made_is_found() {
    let phantom = [ALL.as_slice(), &[("j", 14, None)]].concat();
    assert_eq!(verdict(told(Story::default(), 1, &phantom)), Valid::No);
    let again = [ALL.as_slice(), &[("k", 14, None)]].concat();
    assert_eq!(verdict(told(Story::default(), 1, &again)), Valid::No);
}

#[test]
fn a_deletion_of_unknown_outcome_may_be_told_once() {
    let once = [ALL.as_slice(), &[("m", 14, None)]].concat();
    assert_eq!(verdict(told(Story::default(), 1, &once)), Valid::Yes);
    let between = [("m", 14, None), ("m", 15, Some(5)), ("m", 16, None)];
    let twice = [ALL.as_slice(), &between].concat();
    assert_eq!(verdict(told(Story::default(), 1, &twice)), Valid::No);
    // The same from two watchers is one deletion.
    let both = told(told(Story::default(), 1, &once), 4, &once);
    assert_eq!(verdict(both), Valid::Yes);
}

#[test]
fn a_change_that_is_told_before_anybody_asked_for_it_is_found() {
    let late = Story::default().on("k", 1, (9_000, 9_001), Write(1), Unknown, None);
    let lines = told(Story::default(), 1, &ALL[..1]).unsorted();
    assert_eq!(watch::check(&late.operations(), &lines).valid, Valid::No);
}

#[test]
fn what_the_harness_writes_for_itself_is_nobodys_change() {
    let fresh = [ALL.as_slice(), &[("fresh.4", 14, None)]].concat();
    assert_eq!(verdict(told(Story::default(), 1, &fresh)), Valid::Yes);
}

#[test]
fn a_change_told_twice_in_one_stream_is_found() {
    let again = [ALL[0], ALL[1], ALL[1], ALL[2]];
    assert_eq!(verdict(told(Story::default(), 1, &again)), Valid::No);
}

/// A stream that was cut in the middle of a revision begins with all of it again.
#[test]
fn a_revision_told_again_in_another_stream_is_good_unless_the_watcher_had_said_it_knew_it() {
    let moved = |after: u64| {
        let open = |story: Story, after: u64| {
            story.watch("watcher 1", "open", 1, json!({ "after": after }))
        };
        let story = told(open(Story::default(), 9), 1, &ALL[..2]);
        told(open(story, after), 1, &ALL[1..])
    };
    assert_eq!(verdict(moved(10)), Valid::Yes);
    assert_eq!(verdict(moved(12)), Valid::No);
}

// ---- the committed log, as it was read at the end

fn with_past(events: &[(&str, u64, Option<u64>)], key: &str, past: &Value) -> Valid {
    verdict(told(Story::default(), 1, events).past(key, past))
}

/// The write of 3 to `j` has no outcome that anybody knows, so only the log tells that it was made.
#[test]
fn a_write_of_unknown_outcome_that_was_committed_and_told_to_nobody_is_found() {
    let events = [ALL[0], ALL[1], ALL[2], ("m", 15, Some(5))];
    assert_eq!(with_past(&events, "j", &json!([[14, "3"]])), Valid::No);
    let told_too = [ALL[0], ALL[1], ALL[2], ("j", 14, Some(3)), ("m", 15, Some(5))];
    assert_eq!(with_past(&told_too, "j", &json!([[14, "3"]])), Valid::Yes);
    // After the last that the watcher was told of it was owed nothing.
    assert_eq!(with_past(&ALL, "j", &json!([[14, "3"]])), Valid::Yes);
}

#[test]
fn a_change_that_was_told_and_is_not_in_the_log_is_found() {
    let events = [ALL.as_slice(), &[("j", 14, Some(3))]].concat();
    assert_eq!(with_past(&events, "j", &json!([])), Valid::No);
    assert_eq!(with_past(&events, "j", &json!([[15, "3"]])), Valid::No);
    assert_eq!(with_past(&events, "k", &json!([[13, null], [12, "2"], [10, "1"]])), Valid::Yes);
    assert_eq!(with_past(&events, "k", &json!([[13, null], [10, "1"]])), Valid::No);
}

#[test]
fn what_nobody_writes_is_found_in_a_past_also_when_nobody_was_told_of_it() {
    let told = [("k", 10, Some(1)), ("k", 12, Some(2))];
    let past = |odd: Value| with_past(&told, "k", &json!([[12, "2"], [11, odd], [10, "1"]]));
    for odd in [json!("garbage"), json!(""), json!(7), json!({}), json!("07")] {
        assert_eq!(past(odd.clone()), Valid::No, "{odd}");
    }
    assert_eq!(with_past(&told, "k", &json!([[12, "2"], [10, "1"]])), Valid::Yes);
    assert_eq!(with_past(&told, "k", &json!([[12, "2"], [10, "1"], [null, "0"]])), Valid::No);
}

#[test]
fn another_value_than_the_log_has_is_found() {
    let events = [ALL.as_slice(), &[("m", 14, Some(5))]].concat();
    assert_eq!(with_past(&events, "m", &json!([[14, "5"]])), Valid::Yes);
    assert_eq!(with_past(&events, "m", &json!([[14, null]])), Valid::No);
}

#[test]
fn what_came_after_a_past_was_read_is_not_held_against_a_watcher() {
    let verdict = |rev: u64| {
        let events = [ALL.as_slice(), &[("j", 14, Some(3))]].concat();
        let mut lines = told(Story::default(), 1, &events).past("j", &json!([])).unsorted();
        lines.last_mut().expect("the past").rev = Some(rev);
        watch::check(&changes().operations(), &lines).valid
    };
    assert_eq!((verdict(13), verdict(14)), (Valid::Yes, Valid::No));
}

#[test]
fn a_watcher_that_had_to_read_most_of_it_anew_proves_too_little() {
    let away = |missed: u64| {
        let story = told(Story::default(), 1, &ALL);
        let resync = json!({ "revision": 13 + missed });
        let story = story.watch("watcher 1", "resync", 1, resync);
        told(story, 1, &[("j", 30, Some(3))])
    };
    assert_eq!(verdict(away(2)), Valid::Yes);
    assert_eq!(verdict(away(15)), Valid::Unknown);
}

// ---- the shortest bad beginning

#[test]
fn what_shows_first_is_the_shortest_bad_beginning() {
    // Number 2 to 4 are what was told; that 12 was left out shows with 13, which is number 3.
    let story = Story::default().watch("watcher 1", "open", 1, Value::Null).watch(
        "watcher 4",
        "open",
        4,
        Value::Null,
    );
    let story = told(story, 1, &[ALL[0], ALL[2], ("j", 14, Some(4))]);
    let finding = watch::check(&changes().operations(), &story.unsorted());
    assert_eq!(finding.because.len(), 2, "{:?}", finding.because);
    assert!(finding.because[0].contains("revision 12"), "{:?}", finding.because);
    // The write of 2 begins on line 2 of its own story.
    assert_eq!(finding.prefix, [2, 3]);
}

#[test]
fn what_lies_before_a_resync_is_not_owed_and_what_comes_after_it_is() {
    let resync = |events: &[(&str, u64, Option<u64>)]| {
        let story = told(Story::default(), 1, &ALL[..1]);
        let story = story.watch("watcher 1", "resync", 1, json!({ "revision": 12 }));
        told(story, 1, events)
    };
    assert_eq!(verdict(resync(&[ALL[2], ("j", 20, Some(3))])), Valid::Yes);
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

// ---- what nobody writes

#[test]
fn what_is_no_value_is_found_and_is_no_deletion() {
    let with = |key: &str, value: &Value| {
        let changed = json!({ "rev": 14, "subject": format!("custom/{key}"), "value": value });
        verdict(told(Story::default(), 1, &ALL).watch("watcher 1", "event", 1, changed))
    };
    assert_eq!(with("j", &json!("3")), Valid::Yes);
    // `m` may have been deleted, and 3 written to `j`.
    for odd in [json!(""), json!("garbage"), json!(5), json!({}), json!("+3")] {
        assert_eq!(with("m", &odd), Valid::No, "{odd}");
    }
    for odd in [json!("999 3"), json!("03"), json!(3)] {
        assert_eq!(with("j", &odd), Valid::No, "{odd}");
    }
}

#[test]
fn of_a_list_the_last_element_is_the_value_and_the_others_are_numbers_too() {
    let change = Story::default().on("a.0", 1, (0, 1), Write(7), Done, Some(10)).operations();
    let with = |value: &str| {
        let event = json!({ "rev": 10, "subject": "custom/a.0", "value": value });
        let story = Story::default().watch("watcher 1", "event", 1, event);
        watch::check(&change, &story.unsorted()).valid
    };
    assert_eq!((with("5 7"), with("x 7")), (Valid::Yes, Valid::No));
}

// ---- sent back without need

/// One watcher stays with Manager 1 and is told of 10 and of 12, asked for at 4,000. Another comes to Manager `node`, knows `knew`, and is
/// sent back at `at` to `newest`.
fn sent_back(node: u64, (knew, newest): (u64, u64), at: u64) -> Valid {
    let operations = Story::default().on("k", 1, (0, 1), Write(1), Done, Some(10)).on(
        "k",
        1,
        (4_000, 4_001),
        Write(2),
        Done,
        Some(12),
    );
    let line = |story: Story, name: &str, f: &str, node: u64, value: Value, time: u64| {
        let mut lines = story.watch(name, f, node, value).unsorted();
        lines.last_mut().expect("one was told").time = time;
        lines
    };
    let event =
        |rev: u64, value: &str| json!({ "rev": rev, "subject": "custom/k", "value": value });
    let told = [
        ("watcher 1", "open", 1, json!({ "after": 9 }), 100),
        ("watcher 1", "event", 1, event(10, "1"), 200),
        ("mover", "open", node, json!({ "after": knew }), at - 1),
        ("mover", "resync", node, json!({ "revision": newest }), at),
        ("watcher 1", "event", 1, event(12, "2"), 5_000),
    ];
    let lines = told.into_iter().flat_map(|(name, f, node, value, time)| {
        line(Story::default(), name, f, node, value, time)
    });
    let lines: Vec<_> =
        lines.zip(0..).map(|(line, index)| chaos_tests::history::Line { index, ..line }).collect();
    watch::check(&operations.operations(), &lines).valid
}

#[test]
fn a_watcher_that_is_sent_back_by_a_manager_that_had_all_it_asked_for_is_found() {
    assert_eq!(sent_back(1, (10, 11), 3_000), Valid::No);
    assert_eq!(sent_back(1, (10, 1_033), 3_000), Valid::No);
}

#[test]
fn whoever_is_too_far_behind_or_comes_to_a_manager_that_began_anew_is_sent_back_rightly() {
    // So many changes are not promised to be kept.
    assert_ne!(sent_back(1, (10, 1_034), 3_000), Valid::No);
    // Of Manager 4 nobody shows what it had.
    assert_ne!(sent_back(4, (10, 11), 3_000), Valid::No);
    // What it knew is older than what that stream was ever told.
    assert_ne!(sent_back(1, (9, 11), 3_000), Valid::No);
    // All that the stream told was asked for before: its process may have ended meanwhile.
    assert_ne!(sent_back(1, (10, 11), 4_500), Valid::No);
}
