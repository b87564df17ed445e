//! The checker of lists on histories known to be good and known to be bad.

use super::support::{Asked, SECOND, Story};
use chaos_tests::checker::lists::with_lists;
use chaos_tests::checker::{Finding, Valid, append, revision, watch};
use serde_json::{Value, json};

const KEY: &str = "a.0.0";

/// An append of that element.
fn add(element: u64, process: u64, times: (u64, u64)) -> Asked {
    Asked { f: "append", key: KEY, req: Some("r"), value: json!(element), process, times }
}

/// A reading.
fn look(process: u64, times: (u64, u64)) -> Asked {
    Asked { f: "list", key: KEY, req: None, value: Value::Null, process, times }
}

/// A reading of that list as of a revision.
fn saw(story: Story, times: (u64, u64), list: &[u64], mod_rev: u64) -> Story {
    story.shown(&look(100 + times.0, times), (mod_rev, mod_rev), &json!(list))
}

/// 1 and 2 are acknowledged at revisions 5 and 7, nobody knows of 3, and 4 was refused. Lines 0, 2, 4, 6 and 8 begin the calls.
fn appended() -> Story {
    Story::default()
        .not(&look(1, (0, 1)), "NO_SUCH_PROPERTY")
        .done(&add(1, 1, (2, 3)), Some(5))
        .done(&add(2, 2, (4, 5)), Some(7))
        .unknown(&add(3, 3, (6, 7)))
        .not(&add(4, 1, (8, 9)), "CHANGED")
}

/// What a Manager shows of it at the end.
fn at_the_end(story: Story, node: u64, lists: &Value) -> Story {
    let (sent, seen) = (SECOND + node, SECOND + node);
    story.at(seen + 1, "final", "lists", node, json!({ "sent": sent, "lists": lists }))
}

fn finding(story: Story, first: &[u64], second: &[u64]) -> Finding {
    let story = at_the_end(story, 1, &json!({ KEY: first }));
    let story = at_the_end(story, 4, &json!({ KEY: second }));
    append::check(&story.lines(), &[1, 4])
}

/// Of a story after which both Managers show the same.
fn verdict(story: Story, list: &[u64]) -> Valid {
    finding(story, list, list).valid
}

fn told(story: Story, rev: u64, value: &str) -> Story {
    let subject = format!("custom/{KEY}");
    story.watch("watcher", "event", 4, json!({ "rev": rev, "subject": subject, "value": value }))
}

#[test]
fn a_list_that_grows_is_good_with_and_without_the_unknown_element() {
    let read = || saw(saw(appended(), (10, 11), &[1, 2], 7), (12, 13), &[1, 2], 7);
    assert_eq!(verdict(read(), &[1, 2]), Valid::Yes);
    assert_eq!(verdict(read(), &[1, 2, 3]), Valid::Yes);
    let early = saw(appended(), (3, 12), &[1], 5);
    assert_eq!(verdict(early, &[1, 2]), Valid::Yes, "what began before need not show it");
}

#[test]
fn an_unknown_append_may_come_between_the_last_two_readings() {
    assert_eq!(finding(appended(), &[1, 2], &[1, 2, 3]).valid, Valid::Yes);
}

// ---- no element twice

#[test]
fn an_element_that_is_there_twice_is_found() {
    assert_eq!(verdict(appended(), &[1, 2, 1]), Valid::No);
    assert_eq!(verdict(saw(appended(), (10, 11), &[1, 2, 2], 7), &[1, 2]), Valid::No);
}

// ---- of any two sights one begins with the other

#[test]
fn two_sights_of_which_neither_begins_with_the_other_are_found() {
    let swapped = saw(appended(), (4, 12), &[1, 3], 6);
    assert_eq!(verdict(swapped, &[1, 2, 3]), Valid::No);
    assert_eq!(finding(appended(), &[1, 2, 3], &[2, 1, 3]).valid, Valid::No);
}

/// Made on an old reading, 2 took 1 away.
#[test]
fn an_append_that_takes_another_away_is_found() {
    let story = saw(Story::default().done(&add(1, 1, (0, 1)), Some(5)), (2, 3), &[1], 5);
    assert_eq!(verdict(story.done(&add(2, 2, (4, 5)), Some(7)), &[2]), Valid::No);
}

#[test]
fn what_watchers_are_told_and_what_was_kept_are_sights_of_a_list() {
    let watched = |value: &str| verdict(told(told(appended(), 5, "1"), 7, value), &[1, 2]);
    assert_eq!(watched("1 2"), Valid::Yes);
    for wrong in ["2", "3 2", "1 1 2", "1 9 2", "1 4"] {
        assert_eq!(watched(wrong), Valid::No, "{wrong}");
    }
    let kept = |past: &Value| verdict(appended().past(KEY, past), &[1, 2]);
    assert_eq!(kept(&json!([[7, "1 2"], [5, "1"]])), Valid::Yes);
    assert_eq!(kept(&json!([[7, "1 2"], [5, "2"]])), Valid::No);
}

#[test]
fn a_watcher_that_is_told_late_is_no_list_that_shrank() {
    let early = saw(appended(), (10, 11), &[1, 2], 7);
    assert_eq!(verdict(told(early, 5, "1"), &[1, 2]), Valid::Yes);
}

// ---- nothing acknowledged is lost

#[test]
fn an_acknowledged_element_missing_at_one_manager_at_the_end_is_found() {
    assert_eq!(finding(appended(), &[1, 2], &[1]).valid, Valid::No);
    let story = at_the_end(appended(), 1, &json!({ KEY: [1, 2] }));
    let story = at_the_end(story, 4, &json!({}));
    assert_eq!(append::check(&story.lines(), &[1, 4]).valid, Valid::No, "the whole list");
}

#[test]
fn a_reading_begun_after_an_append_was_acknowledged_that_lacks_it_is_found() {
    assert_eq!(verdict(saw(appended(), (6, 12), &[1], 5), &[1, 2]), Valid::No);
    let gone = appended().not(&look(9, (10, 11)), "NO_SUCH_PROPERTY");
    assert_eq!(verdict(gone, &[1, 2]), Valid::No);
}

// ---- nothing refused appears, and nothing of nobody's

#[test]
fn an_element_whose_append_was_refused_is_found() {
    assert_eq!(verdict(appended(), &[1, 2, 4]), Valid::No);
    let untried = appended().not(&add(5, 1, (10, 11)), "NO_ACTIVE");
    assert_eq!(verdict(untried, &[1, 2, 5]), Valid::No);
}

#[test]
fn an_element_that_nobody_appended_there_is_found() {
    assert_eq!(verdict(appended(), &[1, 2, 99]), Valid::No);
    let elsewhere = appended().unknown(&Asked { key: "a.1.0", ..add(6, 1, (10, 11)) });
    assert_eq!(verdict(elsewhere, &[1, 2, 6]), Valid::No);
    let early = saw(appended(), (3, 4), &[1, 3], 6);
    assert_eq!(verdict(early, &[1, 3, 2]), Valid::No, "nobody had asked for it then");
}

#[test]
fn what_is_no_list_is_found() {
    let odd = appended().shown(&look(9, (10, 11)), (7, 7), &json!("1 two"));
    assert_eq!(verdict(odd, &[1, 2]), Valid::No);
    // Read as there, and without a value: that is not that there is none.
    let empty = || Story::default().done(&add(1, 1, (10, 11)), Some(5));
    let early = empty().shown(&look(9, (0, 1)), (4, 4), &Value::Null);
    assert_eq!(verdict(early, &[1]), Valid::No);
    let late = empty().unknown(&Asked { key: "a.1.0", ..add(2, 2, (12, 13)) });
    let late = at_the_end(late, 1, &json!({ KEY: [1], "a.1.0": null }));
    assert_eq!(append::check(&late.lines(), &[1]).valid, Valid::No);
}

// ---- what was seen once is seen from then on

#[test]
fn a_list_that_is_shorter_than_it_was_seen_before_is_found() {
    let read = |second: (u64, u64)| {
        let story = saw(appended(), (10, 11), &[1, 2, 3], 9);
        verdict(saw(story, second, &[1, 2], 7), &[1, 2, 3])
    };
    assert_eq!((read((12, 13)), read((11, 13))), (Valid::No, Valid::Yes));
}

#[test]
fn a_reading_that_is_behind_what_a_watcher_was_told_is_found() {
    let watched = told(appended(), 9, "1 2 3");
    assert_eq!(verdict(saw(watched, (5_000, 5_001), &[1, 2], 7), &[1, 2, 3]), Valid::No);
}

// ---- an append stands at its revision

#[test]
fn a_list_as_of_a_revision_that_ends_with_another_element_is_found() {
    let read =
        |list: &[u64], mod_rev: u64| verdict(saw(appended(), (4, 12), list, mod_rev), &[1, 2, 3]);
    assert_eq!(read(&[1, 2], 7), Valid::Yes);
    assert_eq!(read(&[1], 7), Valid::No, "2 was appended at 7");
    assert_eq!(read(&[1, 2], 6), Valid::No, "2 was appended at 7");
    assert_eq!(read(&[1, 2, 3], 9), Valid::Yes, "nobody knows where 3 was");
    assert_eq!(read(&[1, 2, 3], 7), Valid::No, "2 was");
}

// ---- when it cannot be told

#[test]
fn without_an_acknowledged_append_nothing_is_shown() {
    assert_eq!(verdict(Story::default().unknown(&add(1, 1, (2, 3))), &[1]), Valid::Unknown);
    assert_eq!(append::check(&[], &[1, 4]).valid, Valid::Unknown);
}

#[test]
fn without_a_reading_of_each_manager_at_the_end_it_is_unknown_unless_something_is_wrong() {
    let read = |list: &[u64]| {
        let story = at_the_end(appended(), 1, &json!({ KEY: list }));
        append::check(&story.lines(), &[1, 4]).valid
    };
    assert_eq!((read(&[1, 2]), read(&[1])), (Valid::Unknown, Valid::No));
}

// ---- the shortest bad beginning

#[test]
fn the_append_and_the_first_reading_that_lacks_it_are_the_shortest_bad_beginning() {
    let story = saw(saw(appended(), (10, 11), &[1], 5), (12, 13), &[1], 5);
    let finding = finding(story, &[1, 2], &[1, 2]);
    assert_eq!(finding.because.len(), 2, "{:?}", finding.because);
    assert_eq!(finding.prefix, [4, 10], "{:?}", finding.because);
}

#[test]
fn two_sights_that_differ_show_with_the_second_of_them() {
    let story = saw(saw(appended(), (3, 7), &[1, 3], 6), (4, 9), &[1, 2], 7);
    let lines = story.lines();
    let begins = |time: u64| lines.iter().find(|line| line.time == time && line.f == "list");
    let begins = [3, 4].map(|time| begins(time).map(|line| line.index));
    let finding = append::check(&lines, &[]);
    assert!(finding.because[0].contains("neither begins with the other"), "{:?}", finding.because);
    assert_eq!(finding.prefix, begins.map(Option::unwrap));
}

// ---- appends to whoever judges revisions and watchers

#[test]
fn an_append_takes_a_revision_as_any_change_does() {
    let judged = |story: Story| {
        let lines = story.lines();
        revision::check(&with_lists(&lines), &lines).valid
    };
    assert_eq!(judged(saw(appended(), (10, 11), &[1, 2], 7)), Valid::Yes);
    assert_eq!(judged(appended().done(&add(5, 1, (10, 11)), Some(7))), Valid::No);
    assert_eq!(judged(appended().done(&add(5, 1, (10, 11)), None)), Valid::No);
    assert_eq!(judged(saw(appended(), (10, 11), &[1, 2], 8)), Valid::No);
}

#[test]
fn a_watcher_is_told_every_append_and_none_that_was_refused() {
    let judged = |events: &[(u64, &str)]| {
        let story = events.iter().fold(appended(), |story, (rev, value)| told(story, *rev, value));
        let lines = story.lines();
        watch::check(&with_lists(&lines), &lines).valid
    };
    assert_eq!(judged(&[(5, "1"), (7, "1 2"), (9, "1 2 3")]), Valid::Yes);
    assert_eq!(judged(&[(5, "1"), (9, "1 2 3")]), Valid::No);
    assert_eq!(judged(&[(5, "1"), (7, "1 2"), (9, "1 2 4")]), Valid::No);
    assert_eq!(judged(&[(5, "1"), (8, "1 2")]), Valid::No);
}

/// A history of a night is judged in the time of a breath.
#[test]
fn very_many_readings_are_judged_at_once() {
    let mut story = appended();
    for nth in 0..20_000 {
        story = saw(story, (20 + 2 * nth, 21 + 2 * nth), &[1, 2], 7);
    }
    assert_eq!(verdict(story, &[1, 2]), Valid::Yes);
}
