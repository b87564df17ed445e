//! The checker of revisions on histories known to be good and known to be bad, besides those in `promises`.

use super::support::{Asked, SECOND, Story, bit};
use chaos_tests::checker::{Valid, lists, revision};
use chaos_tests::history::Action::{Delete, Read, Write};
use chaos_tests::history::Line;
use chaos_tests::history::Outcome::{Done, Seen, Unknown};
use serde_json::{Value, json};

fn judge(lines: &[Line]) -> Valid {
    revision::check(&lists::with_lists(lines), lines).valid
}

fn ask(f: &'static str, req: &'static str, process: u64, times: (u64, u64)) -> Asked {
    Asked { f, key: "q.1.0", req: Some(req), value: json!("7"), process, times }
}

// ---- each change its own, whoever asked for it

#[test]
fn a_request_and_a_write_that_share_a_revision_are_found() {
    let both = |rev: u64| {
        let story = Story::default().on("k", 1, (0, 5), Write(1), Done, Some(8));
        judge(&story.done(&ask("ask", "c1-1", 2, (1, 4)), Some(rev)).lines())
    };
    assert_eq!((both(9), both(8)), (Valid::Yes, Valid::No));
}

#[test]
fn a_sign_in_takes_a_revision_of_its_own() {
    let both = |rev: u64| {
        let story = Story::default().on("k", 1, (0, 5), Write(1), Done, Some(8));
        judge(&story.done(&ask("login", "c1-1", 2, (1, 4)), Some(rev)).lines())
    };
    assert_eq!((both(9), both(8)), (Valid::Yes, Valid::No));
}

#[test]
fn repetitions_of_one_request_share_its_revision_however_late_they_are() {
    let repeated = |second: &'static str| {
        let story = Story::default().done(&ask("ask", "c1-1", 2, (0, 1)), Some(8));
        let story = story.on("k", 1, (2, 3), Write(1), Done, Some(9));
        judge(&story.done(&ask("again", second, 3, (4, 5)), Some(8)).lines())
    };
    assert_eq!((repeated("c1-1"), repeated("c1-2")), (Valid::Yes, Valid::No));
}

#[test]
fn a_request_of_which_nobody_knew_may_have_been_done_as_soon_as_it_was_sent() {
    let story = Story::default()
        .unknown(&ask("ask", "c1-1", 2, (0, 1)))
        .on("k", 1, (2, 3), Write(1), Done, Some(9))
        .done(&ask("again", "c1-1", 3, (4, 5)), Some(8));
    assert_eq!(judge(&story.lines()), Valid::Yes);
    let late = Story::default()
        .on("k", 1, (2, 3), Write(1), Done, Some(9))
        .done(&ask("ask", "c1-1", 3, (4, 5)), Some(8));
    assert_eq!(judge(&late.lines()), Valid::No);
}

// ---- what a read shows is of its revision

/// Writes at 7 and, for as long as the read lasts, at 8; a read at `rev` shows the first as of `mod_rev`.
fn reading(second: Option<u64>, rev: Option<u64>, mod_rev: u64) -> Valid {
    let outcome = if second.is_some() { Done } else { Unknown };
    let story = Story::default()
        .on("k", 1, (0, 1), Write(1), Done, Some(7))
        .on("k", 2, (2, 9), Write(2), outcome, second)
        .on("k", 3, (3, 8), Read, Seen(Some(1)), rev);
    let mut lines = story.lines();
    let end = lines.iter_mut().rfind(|line| line.f == "read").expect("one was read");
    end.mod_rev = Some(mod_rev);
    judge(&lines)
}

#[test]
fn a_read_shows_the_newest_change_up_to_its_revision() {
    assert_eq!(reading(Some(8), Some(7), 7), Valid::Yes);
    assert_eq!(reading(Some(9), Some(8), 7), Valid::Yes);
    assert_eq!(reading(Some(8), Some(9), 7), Valid::No);
    assert_eq!(reading(Some(8), Some(8), 7), Valid::No);
}

#[test]
fn a_change_of_which_nobody_knows_is_held_against_no_read() {
    assert_eq!(reading(None, Some(9), 7), Valid::Yes);
}

#[test]
fn a_deletion_is_a_change_that_a_read_has_to_show() {
    let story = Story::default()
        .on("k", 1, (0, 1), Write(1), Done, Some(7))
        .on("k", 2, (2, 9), Delete, Done, Some(8))
        .on("k", 3, (3, 8), Read, Seen(Some(1)), Some(9));
    let mut lines = story.lines();
    lines.iter_mut().rfind(|line| line.f == "read").expect("one was read").mod_rev = Some(7);
    assert_eq!(judge(&lines), Valid::No);
}

#[test]
fn a_read_of_a_later_change_than_it_was_served_at_and_one_without_a_revision_are_found() {
    assert_eq!(reading(Some(9), Some(6), 7), Valid::No);
    assert_eq!(reading(Some(9), None, 7), Valid::No);
}

// ---- what a Manager tells of itself

/// Manager 4 tells of revision 30 at 20 s, of which nobody knows when it was asked for or somebody does, and of 20 at 24 s.
fn back_of(sent: Option<u64>, more: impl FnOnce(Story) -> Story) -> Valid {
    let tell = |revision: u64, sent: Option<u64>| {
        let digest = json!({ "revision": revision, "value": "a" });
        json!({ "sent": sent, "term": 1, "digest": digest })
    };
    let story = Story::default()
        .on("k", 1, (0, 1), Write(1), Done, Some(7))
        .at(20 * SECOND, "glance", "standing", 4, tell(30, sent))
        .at(24 * SECOND, "glance", "standing", 4, tell(20, Some(24 * SECOND)));
    judge(&more(story).lines())
}

fn back(more: impl FnOnce(Story) -> Story) -> Valid {
    back_of(Some(20 * SECOND), more)
}

/// When who started on the second host, as its log says.
fn starts(story: Story, manager: u64, at: Option<u64>) -> Story {
    let text = format!("2026-11-29T05:16:39.1Z  INFO started manager={manager} role=\"manager\"");
    let value = json!({ "at": at, "seq": 1, "text": text });
    let mut lines = story.at(90 * SECOND, "log", "start", 0, value).unsorted();
    let started = lines.last_mut().expect("one was told");
    (started.node, started.key) = (None, Some("manager-2".to_owned()));
    Story::of(lines)
}

#[test]
fn a_manager_that_goes_back_while_it_lives_is_found() {
    assert_eq!(back(|story| starts(story, 4, Some(2 * SECOND))), Valid::No);
    assert_eq!(back_of(None, |story| starts(story, 4, Some(2 * SECOND))), Valid::No);
}

#[test]
fn an_answer_that_was_long_under_way_may_be_of_the_process_before() {
    let begun = |story| starts(starts(story, 4, Some(2 * SECOND)), 4, Some(15 * SECOND));
    assert_eq!(back_of(Some(14 * SECOND), begun), Valid::Yes);
    assert_eq!(back_of(None, begun), Valid::Yes);
    assert_eq!(back_of(Some(19 * SECOND), begun), Valid::No);
}

#[test]
fn a_clock_is_moved_for_whoever_comes_to_its_host_under_another_number() {
    let moved = |victim: u64| {
        back(|story| {
            let story = starts(starts(story, 14, Some(SECOND)), 4, Some(2 * SECOND));
            story.strike("clock-one", (18 * SECOND, 25 * SECOND), &[victim], bit())
        })
    };
    assert_eq!((moved(14), moved(7)), (Valid::Yes, Valid::No));
}

#[test]
fn one_that_started_meanwhile_or_may_have_is_not_held_to_it() {
    let begun = |story| starts(story, 4, Some(2 * SECOND));
    assert_eq!(back(|story| starts(begun(story), 4, Some(22 * SECOND))), Valid::Yes);
    // Who comes after it on its host may have answered in its place.
    assert_eq!(back(|story| starts(begun(story), 30, Some(22 * SECOND))), Valid::Yes);
    let moved = |story: Story| story.strike("clock-one", (18 * SECOND, 23 * SECOND), &[4], bit());
    assert_eq!(back(|story| moved(begun(story))), Valid::Yes);
    // No log says when it started.
    assert_eq!(back(|story| story), Valid::Yes);
    assert_eq!(back(|story| story.line("log", "start", 0, Value::Null)), Valid::Yes);
}
