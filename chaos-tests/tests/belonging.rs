//! The checkers of membership and operations on histories known to be good and known to be bad.

use super::support::Story;
use chaos_tests::checker::{Valid, membership, operations};
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
