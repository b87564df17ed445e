//! Additions from admission to vote, and back, with both rooms' reconcilers at work on one group.

mod boundaries;
mod instances;
mod on_hosts;
mod recovering;
mod schedules;
mod services;

use super::*;
use crate::base::{ManagerId, Timestamp};
use crate::capabilities::managers::plan as managers_plan;
use crate::capabilities::managers::port::fake::FakeGroup;
use crate::capabilities::managers::reconciler as managers_reconciler;
use crate::capabilities::operations::model::{Operation, Status, StepStatus};
use crate::capabilities::operations::plan::STEP_MAX_MS;
use crate::machine::LEVEL_MAX;

/// Passes of both rooms, and what the Managers do by themselves meanwhile, until nobody has anything to do.
async fn settle(group: &FakeGroup) -> usize {
    for passes in 0..1_000 {
        let managers = managers_reconciler::pass(group).await;
        let operations = pass(group).await;
        let chores = chores::pass(group).await;
        let obeyed = group.obey();
        if [managers, operations, chores] != [Pass::Nothing, Pass::Nothing, Pass::Nothing] || obeyed
        {
            continue;
        }
        let waits =
            |operation: &Operation| matches!(operation.status, Status::Queued | Status::Running);
        if !group.inside().state.operations.operations.values().any(waits) {
            return passes;
        }
        group.wait(1_000);
    }
    let open: Vec<_> = group.inside().state.operations.open().map(|(_, it)| it.clone()).collect();
    panic!("the reconcilers do not come to rest: {open:?}");
}

/// So many passes of both rooms, whatever comes of them.
async fn passes(group: &FakeGroup, count: usize) {
    for _ in 0..count {
        let _ = managers_reconciler::pass(group).await;
        let _ = pass(group).await;
        let _ = chores::pass(group).await;
        group.obey();
    }
}

fn addition(group: &FakeGroup, member: ManagerId) -> Operation {
    let inside = group.inside();
    let (_, operation) =
        inside.state.operations.addition_of(&inside.state.managers, member).expect("an operation");
    operation.clone()
}

fn group() -> FakeGroup {
    FakeGroup::founded().at(Timestamp(1_000_000))
}

/// Half a member: Raft counts it but the facts do not know it, or the other way round without an open operation.
fn half_members(group: &FakeGroup) -> Vec<ManagerId> {
    let inside = group.inside();
    let (facts, seen) = (&inside.state.managers.members, &inside.seen);
    let strangers = seen.learners.iter().chain(&seen.voters).filter(|id| !facts.contains_key(id));
    let open = |id: &ManagerId| {
        let addition = inside.state.operations.addition_of(&inside.state.managers, *id);
        addition.is_some_and(|(_, operation)| operation.status.is_open())
    };
    let unfinished = facts.keys().filter(|id| !seen.voters.contains(id) && !open(id));
    strangers.chain(unfinished).copied().collect()
}

// row 86
#[tokio::test]
async fn an_admitted_member_becomes_learner_catches_up_and_votes() {
    for role in ["manager", "witness"] {
        let group = group();
        let member = group.admit("km2", role);
        settle(&group).await;
        let operation = addition(&group, member);
        assert_eq!(operation.status, Status::Succeeded);
        assert!(
            operation.steps.iter().all(|step| step.status == StepStatus::Done),
            "{operation:?}"
        );
        assert!(group.inside().seen.voters.contains(&member));
        assert_eq!(settle(&group).await, 0, "there is nothing left to do");
    }
}

#[tokio::test]
async fn two_members_are_added_side_by_side() {
    let group = group();
    let (one, other) = (group.admit("km2", "manager"), group.admit("km3", "manager"));
    settle(&group).await;
    assert_eq!(addition(&group, one).status, Status::Succeeded);
    assert_eq!(addition(&group, other).status, Status::Succeeded);
}

// row 86
#[tokio::test]
async fn a_member_that_does_not_catch_up_in_time_leaves_nothing_behind() {
    let group = group();
    let member = group.admit("km2", "manager");
    group.inside().silent.insert(member);
    for n in 0..100 {
        group.say(&format!("properties set custom/p{n} x"));
    }
    passes(&group, 20).await;
    let operation = addition(&group, member);
    assert_eq!(operation.status, Status::Running);
    assert!(operation.steps[1].detail.starts_with("0 of "), "{}", operation.steps[1].detail);

    group.wait(STEP_MAX_MS + 1);
    settle(&group).await;
    let operation = addition(&group, member);
    assert_eq!(operation.status, Status::Failed);
    let error = operation.error.expect("a reason");
    assert!(error.starts_with("not done within 10 minutes; last known: 0 of "), "{error}");
    assert_eq!(half_members(&group), []);
    let inside = group.inside();
    assert!(inside.state.managers.removed[&member].because.contains("not done within"));
}

// row 86
#[tokio::test]
async fn a_wall_clock_that_is_set_ends_no_step_and_keeps_none() {
    let noon = Timestamp(1_795_000_000_000);
    for set in [noon.0 + 2 * 3_600_000, noon.0 - 2 * 3_600_000] {
        let group = FakeGroup::founded().at(noon);
        let member = group.admit("km2", "manager");
        group.inside().silent.insert(member);
        for n in 0..100 {
            group.say(&format!("properties set custom/p{n} x"));
        }
        passes(&group, 20).await;
        assert_eq!(addition_status(&group, member), Some(Status::Running));
        group.set_clock(Timestamp(set));
        passes(&group, 20).await;
        assert_eq!(addition_status(&group, member), Some(Status::Running), "set to {set}");
        group.wait(STEP_MAX_MS + 1);
        settle(&group).await;
        assert_eq!(addition_status(&group, member), Some(Status::Failed), "set to {set}");
    }
}

// row 88
#[tokio::test]
async fn the_next_active_goes_on_where_the_last_one_stopped() {
    let member_votes_after = |count: usize| async move {
        let group = group();
        let member = group.admit("km2", "manager");
        passes(&group, count).await;
        let done = addition_status(&group, member) == Some(Status::Succeeded);
        group.fail_over();
        settle(&group).await;
        let operation = addition(&group, member);
        assert_eq!(operation.status, Status::Succeeded, "interrupted after {count} passes");
        assert!(operation.resumed <= 1);
        assert_eq!(half_members(&group), []);
        (done, operation.resumed)
    };
    let mut resumed = 0;
    let mut count = 1;
    while let (false, once) = member_votes_after(count).await {
        resumed += once;
        count += 1;
    }
    assert!(resumed > 0, "some failovers came between two steps");
}

fn addition_status(group: &FakeGroup, member: ManagerId) -> Option<Status> {
    let inside = group.inside();
    inside
        .state
        .operations
        .addition_of(&inside.state.managers, member)
        .map(|(_, operation)| operation.status)
}

// row 86
#[tokio::test]
async fn an_addition_called_off_at_any_point_leaves_a_whole_member_or_none() {
    for count in 1..12 {
        let group = group();
        let member = group.admit("km2", "manager");
        passes(&group, count).await;
        let (id, open) = {
            let inside = group.inside();
            let (id, operation) =
                inside.state.operations.addition_of(&inside.state.managers, member).expect("begun");
            (id, operation.status.is_open())
        };
        if open {
            group.say(&format!("operations cancel {id}"));
        }
        settle(&group).await;
        let inside = group.inside();
        let (votes, known) = (
            inside.seen.voters.contains(&member),
            inside.state.managers.members.contains_key(&member),
        );
        assert_eq!(votes, known, "called off after {count} passes");
        assert!(inside.seen.learners.is_empty(), "called off after {count} passes");
    }
}

#[tokio::test]
async fn a_change_under_way_is_told_once_and_tried_again() {
    let group = group();
    let member = group.admit("km2", "manager");
    group.inside().busy = true;
    passes(&group, 5).await;
    let told = addition(&group, member);
    assert!(told.steps[0].detail.contains("another change"), "{}", told.steps[0].detail);
    passes(&group, 5).await;
    assert_eq!(addition(&group, member).revision, told.revision, "told once");

    group.inside().busy = false;
    settle(&group).await;
    assert_eq!(addition(&group, member).status, Status::Succeeded);
}

#[tokio::test]
async fn a_member_withdrawn_meanwhile_fails_its_addition_and_is_sent_away() {
    let group = group();
    let member = group.admit("km2", "manager");
    group.inside().silent.insert(member);
    for n in 0..100 {
        group.say(&format!("properties set custom/p{n} x"));
    }
    passes(&group, 8).await;
    assert!(group.inside().seen.learners.contains(&member));
    group.say(&format!("managers withdraw {member} \"wrong host\""));
    settle(&group).await;
    assert_eq!(addition(&group, member).status, Status::Failed);
    assert_eq!(half_members(&group), []);
}

#[tokio::test]
async fn a_decision_of_a_past_tenure_moves_nothing() {
    let group = group();
    let member = group.admit("km2", "manager");
    passes(&group, 2).await;
    let before = addition(&group, member);
    group.say("managers become-active 1");
    let outcome = pass(&group).await;
    assert!(matches!(outcome, Pass::Failed(_)), "{outcome:?}");
    assert_eq!(addition(&group, member), before);
}

#[test]
fn the_level_is_raised_to_what_all_speak_and_this_build_does() {
    let group = group();
    group.say("managers announce 1 km1 level=7");
    let mut inside = group.inside();
    assert_eq!(managers_plan::plan(&inside.state, &inside.seen), []);
    inside.state.kernel.level.0 -= 1;
    let steps = managers_plan::plan(&inside.state, &inside.seen);
    assert_eq!(steps[0].act, managers_plan::Act::RaiseLevel(LEVEL_MAX));
}
