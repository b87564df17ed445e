//! The checkers of membership and operations on histories known to be good and known to be bad.

use super::support::{SECOND, Story, bit};
use chaos_tests::checker::{Valid, membership, operations};
use chaos_tests::history::Action::Write;
use chaos_tests::history::Outcome::Done;
use serde_json::{Value, json};

fn founded() -> Story {
    [1, 4, 7]
        .into_iter()
        .fold(Story::default(), |story, id| story.line("member", "founded", id, Value::Null))
}

fn told(story: Story, ids: &[u64]) -> Story {
    [1, 4].into_iter().fold(story, |story, manager| {
        story.line("final", "members", manager, json!({ "members": ids, "voters": ids }))
    })
}

fn verdict(story: Story) -> Valid {
    membership::check(&story.unsorted(), &[1, 4]).valid
}

#[test]
fn members_who_came_and_stayed_are_good_and_so_are_those_who_left() {
    let story = founded()
        .line("member", "joined", 30, Value::Null)
        .line("member", "leaves", 7, Value::Null)
        .line("member", "left", 7, Value::Null);
    assert_eq!(verdict(told(story, &[1, 4, 30])), Valid::Yes);
}

#[test]
fn a_leave_of_unknown_outcome_may_have_come_or_not() {
    let story = || founded().line("member", "leaves", 7, Value::Null);
    assert_eq!(verdict(told(story(), &[1, 4])), Valid::Yes);
    assert_eq!(verdict(told(story(), &[1, 4, 7])), Valid::Yes);
}

/// A group that lost its way because of it has nobody to tell who is there.
#[test]
fn a_number_given_again_is_found_though_nobody_tells_who_is_there_in_the_end() {
    let story = founded().line("member", "left", 7, Value::Null);
    assert_eq!(verdict(story.line("member", "joined", 7, Value::Null)), Valid::No);
    assert_eq!(verdict(founded()), Valid::Unknown);
}

#[test]
fn a_number_given_again_is_found() {
    let story =
        founded().line("member", "left", 7, Value::Null).line("member", "joined", 7, Value::Null);
    assert_eq!(verdict(told(story, &[1, 4, 7])), Valid::No);
}

#[test]
fn a_number_lower_than_one_before_is_found() {
    let story = founded().line("member", "joined", 5, Value::Null);
    assert_eq!(verdict(told(story, &[1, 4, 5, 7])), Valid::No);
}

#[test]
fn a_member_who_left_and_is_still_told_is_found_and_one_who_is_lost() {
    let left = founded().line("member", "left", 7, Value::Null);
    assert_eq!(verdict(told(left, &[1, 4, 7])), Valid::No);
    assert_eq!(verdict(told(founded(), &[1, 4])), Valid::No);
}

#[test]
fn a_manager_that_does_not_tell_leaves_it_unknown() {
    assert_eq!(verdict(founded()), Valid::Unknown);
}

fn operations_verdict(listed: &Value) -> Valid {
    let story = Story::default()
        .strike("steps-active", (SECOND, 2 * SECOND), &[1], bit())
        .line("operation", "killed-at-steps", 0, json!({ "operation": 50 }))
        .line("final", "operations", 0, listed.clone());
    operations::check(&story.unsorted()).valid
}

#[test]
fn operations_that_came_to_an_end_are_good_whichever() {
    let listed = json!([{ "id": 50, "status": "failed" }, { "id": 40, "status": "succeeded" }]);
    assert_eq!(operations_verdict(&listed), Valid::Yes);
}

#[test]
fn an_operation_that_goes_on_for_ever_or_is_gone_is_found() {
    assert_eq!(operations_verdict(&json!([{ "id": 50, "status": "running" }])), Valid::No);
    assert_eq!(operations_verdict(&json!([{ "id": 40, "status": "succeeded" }])), Valid::No);
}

#[test]
fn without_the_list_nothing_is_shown() {
    assert_eq!(operations::check(&[]).valid, Valid::Unknown);
}

/// What Managers with logs did, of whom one became Active at revision 60, and how the operations of a run ended that were
/// begun at these paths and killed at their steps.
fn killed(paths: &[&str], listed: &Value) -> Story {
    let ids = [1, 4, 7];
    let story = ids.into_iter().fold(founded(), |story, id| {
        let text = format!("km::node::serve: started manager={id} role=\"manager\"");
        story.line("log", "start", 0, json!({ "at": SECOND, "text": text }))
    });
    let story = story
        .strike("steps-active", (10 * SECOND, 200 * SECOND), &[1], bit())
        .line("active", "begin", 4, json!({ "epoch": 60, "at": 10 * SECOND }))
        .line("final", "operations", 0, listed.clone());
    paths.iter().zip(50..).fold(story, |story, (path, id)| {
        let told = json!({ "operation": id, "path": path, "kills": 1, "ended": null });
        story.at(200 * SECOND, "operation", "killed-at-steps", 0, told)
    })
}

fn operation(id: u64, kind: &str, status: &str, error: &str) -> Value {
    let error = if error.is_empty() { Value::Null } else { json!(error) };
    json!({
        "id": id, "kind": kind, "status": status, "error": error, "revision": 90, "resumed": 1,
        "progress": { "done": 1, "total": 1 },
    })
}

fn killed_verdict(path: &str, told: Value) -> Valid {
    operations::check(&killed(&[path], &json!([told])).unsorted()).valid
}

#[test]
fn what_failed_had_a_reason_and_something_was_broken() {
    let failed = |error| operation(50, "MAKE_ACTIVE", "failed", error);
    let path = "/managers/4/make-active";
    assert_eq!(killed_verdict(path, failed("km2 cannot take over: it is behind")), Valid::Yes);
    assert_eq!(killed_verdict(path, failed("")), Valid::No);
    let calm = Story::default().line("final", "operations", 0, json!([failed("it lags")]));
    assert_eq!(operations::check(&calm.unsorted()).valid, Valid::No);
}

/// Between the changes of revisions 40 and 100, told at 300 s and at 310 s, an operation failed that began at 50 and ended at 90.
#[test]
fn what_was_broken_long_before_or_only_later_excuses_no_failure() {
    let broken = |from: u64, to: u64| {
        let failed = operation(50, "MAKE_ACTIVE", "failed", "km2 cannot take over");
        let write = |story: Story, second: u64, rev: u64| {
            let times = (second * SECOND - 1, second * SECOND);
            story.on("k", 1, times, Write(rev), Done, Some(rev))
        };
        // In another order than their revisions have.
        let story = write(write(write(Story::default(), 290, 30), 310, 100), 300, 40);
        let story = write(story, 400, 110).line("final", "operations", 0, json!([failed]));
        let story = story.strike("split-one", (from * SECOND, to * SECOND), &[1], bit());
        operations::check(&story.unsorted()).valid
    };
    assert_eq!(broken(10, 20), Valid::No);
    assert_eq!(broken(250, 259), Valid::No);
    assert_eq!(broken(250, 261), Valid::Yes);
    assert_eq!(broken(309, 350), Valid::Yes);
    assert_eq!(broken(311, 350), Valid::No);
}

#[test]
fn a_hand_over_that_is_done_and_made_nobody_active_is_found() {
    let done = operation(50, "MAKE_ACTIVE", "succeeded", "");
    assert_eq!(killed_verdict("/managers/4/make-active", done.clone()), Valid::Yes);
    assert_eq!(killed_verdict("/managers/7/make-active", done), Valid::No);
    // The tenure began before it.
    let later = operation(61, "MAKE_ACTIVE", "succeeded", "");
    let story = killed(&[], &json!([later]));
    assert_eq!(operations::check(&story.unsorted()).valid, Valid::No);
}

#[test]
fn without_the_log_of_a_manager_no_hand_over_is_doubted() {
    let done = operation(50, "MAKE_ACTIVE", "succeeded", "");
    let story = killed(&["/managers/7/make-active"], &json!([done]));
    let story = story.line("member", "joined", 30, Value::Null);
    assert_eq!(operations::check(&story.unsorted()).valid, Valid::Yes);
}

#[test]
fn a_restart_that_is_done_and_started_nobody_anew_is_found() {
    let done = || operation(50, "RESTART_MANAGER", "succeeded", "");
    assert_eq!(killed_verdict("/managers/4/restart", done()), Valid::No);
    let text = "km::node::serve: started manager=4 role=\"manager\"";
    let anew = json!({ "at": 190 * SECOND, "text": text });
    let story = killed(&["/managers/4/restart"], &json!([done()])).line("log", "start", 0, anew);
    assert_eq!(operations::check(&story.unsorted()).valid, Valid::Yes);
}

#[test]
fn a_removal_that_is_done_and_whose_member_is_still_there_is_found() {
    let with = |ids: &[u64]| {
        let done = operation(50, "REMOVE_MANAGER", "succeeded", "");
        let story = killed(&["/managers/7"], &json!([done]));
        operations::check(&told(story, ids).unsorted()).valid
    };
    assert_eq!((with(&[1, 4]), with(&[1, 4, 7])), (Valid::Yes, Valid::No));
}

#[test]
fn an_operation_that_is_done_with_a_step_left_is_found() {
    let mut half = operation(50, "ADD_MANAGER", "succeeded", "");
    assert_eq!(killed_verdict("/join", half.clone()), Valid::Yes);
    half["progress"]["total"] = json!(3);
    assert_eq!(killed_verdict("/join", half), Valid::No);
}

#[test]
fn a_run_in_which_all_failed_that_were_killed_is_found() {
    let run = |last: Value| {
        let failed = |id| operation(id, "ADD_MANAGER", "failed", "it does not answer");
        let listed = json!([failed(50), failed(51), last]);
        operations::check(&killed(&["/join"; 3], &listed).unsorted()).valid
    };
    assert_eq!(run(operation(52, "ADD_MANAGER", "failed", "it does not answer")), Valid::No);
    assert_eq!(run(operation(52, "ADD_MANAGER", "succeeded", "")), Valid::Yes);
    let spared = "km2 became Active meanwhile; the Active is not restarted here";
    assert_eq!(run(operation(52, "RESTART_MANAGER", "failed", spared)), Valid::Yes);
}
