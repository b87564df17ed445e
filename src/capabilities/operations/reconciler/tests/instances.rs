//! What operators do with instances, where it does not go smoothly.

use super::*;

/// Three Managers, the first one Active; gives the numbers of the other two.
async fn three() -> (FakeGroup, ManagerId, ManagerId) {
    let group = group();
    let (b, c) = (group.admit("km2", "manager"), group.admit("km3", "manager"));
    settle(&group).await;
    group.inside().deeds.clear();
    (group, b, c)
}

fn newest(group: &FakeGroup) -> Operation {
    let inside = group.inside();
    inside.state.operations.operations.values().next_back().unwrap().clone()
}

fn details(operation: &Operation) -> Vec<&str> {
    operation.steps.iter().map(|step| step.detail.as_str()).collect()
}

// row 67
#[tokio::test]
async fn the_active_hands_over_before_it_restarts_and_comes_back_as_a_passive() {
    let (group, _, _) = three().await;
    group.say("operations begin restart-active 1 km1");
    settle(&group).await;
    let operation = newest(&group);
    assert_eq!(operation.status, Status::Succeeded, "{operation:?}");
    let inside = group.inside();
    assert!(inside.deeds[0].starts_with("hand over to"), "{:?}", inside.deeds);
    assert_eq!(inside.deeds[1..], ["restart 1"]);
    assert!(!inside.state.managers.is_active(ManagerId(1)));
}

// row 67
#[tokio::test]
async fn an_active_without_a_healthy_passive_restarts_plainly() {
    let (group, b, c) = three().await;
    group.inside().silent.extend([b, c]);
    for n in 0..100 {
        group.say(&format!("properties set custom/p{n} x"));
    }
    group.say("operations begin restart-active 1 km1");
    settle(&group).await;
    let operation = newest(&group);
    assert_eq!(operation.steps[0].status, StepStatus::Skipped, "{:?}", details(&operation));
    assert!(group.inside().deeds.contains(&"restart 1".to_owned()));
}

// row 57
#[tokio::test]
async fn a_passive_that_became_active_meanwhile_is_left_alone() {
    let (group, b, _) = three().await;
    group.say(&format!("operations begin restart-passives {b}"));
    group.inside().lead = b;
    group.fail_over();
    settle(&group).await;
    let operation = newest(&group);
    assert_eq!(operation.status, Status::Failed);
    assert!(operation.error.unwrap().contains("became Active meanwhile"));
    assert!(group.inside().deeds.is_empty());
}

// row 57: also when it becomes Active after it was asked to restart, and before it has read so.
#[tokio::test]
async fn an_order_to_restart_does_not_reach_an_active() {
    let (group, b, _) = three().await;
    group.say(&format!("operations begin restart-passives {b}"));
    assert!(matches!(pass(&group).await, Pass::Did(_)));
    let ordered = |group: &FakeGroup| {
        let inside = group.inside();
        let facts = &inside.state.managers;
        inside.state.operations.restart_ordered(facts, b, inside.seen.processes[&b]).is_some()
    };
    assert!(ordered(&group));
    group.inside().lead = b;
    group.fail_over();
    assert!(!ordered(&group));
}

// row 63
#[tokio::test]
async fn a_rolling_restart_waits_until_each_has_caught_up() {
    let (group, b, c) = three().await;
    group.say(&format!("operations begin restart-passives {b} {c} all=true"));
    passes(&group, 2).await;
    group.inside().silent.insert(b);
    for n in 0..100 {
        group.say(&format!("properties set custom/p{n} x"));
    }
    passes(&group, 20).await;
    assert_eq!(group.inside().deeds, [format!("restart {b}")]);
    assert!(newest(&group).steps[1].detail.contains("entries behind"), "{:?}", newest(&group));
    group.inside().silent.clear();
    settle(&group).await;
    assert_eq!(newest(&group).status, Status::Succeeded);
    assert_eq!(group.inside().deeds, [format!("restart {b}"), format!("restart {c}")]);
}

// row 78
#[tokio::test]
async fn a_target_that_lags_or_does_not_answer_is_not_made_active() {
    let (group, b, c) = three().await;
    group.inside().silent.insert(b);
    for n in 0..100 {
        group.say(&format!("properties set custom/p{n} x"));
    }
    group.say(&format!("operations begin make-active {b} km2"));
    settle(&group).await;
    let error = newest(&group).error.unwrap();
    assert!(error.starts_with("km2 cannot take over: it is 1"), "{error}");
    group.inside().seen.processes.remove(&c);
    group.say(&format!("operations begin make-active {c} km3"));
    settle(&group).await;
    assert_eq!(newest(&group).error.unwrap(), "km3 cannot take over: it does not answer");
    assert!(group.inside().deeds.is_empty());
}

#[tokio::test]
async fn a_hand_over_that_nobody_takes_is_given_up_after_three_tries() {
    let (group, b, _) = three().await;
    group.inside().nobody_takes_over = true;
    group.say(&format!("operations begin make-active {b} km2"));
    settle(&group).await;
    let operation = newest(&group);
    assert_eq!(operation.error.as_deref(), Some("km2 did not take over, 3 times"));
    assert_eq!(group.inside().deeds.len(), 3);
    assert_eq!(operation.resumed, 0, "nobody else went on with it");
}

// row 27
#[tokio::test]
async fn switching_ha_restarts_the_only_manager_once() {
    let group = group();
    settle(&group).await;
    assert!(group.inside().deeds.is_empty(), "it was on before the process began");
    group.say("properties set kyvos-manager/ENABLE_KM_HA no");
    settle(&group).await;
    let operation = newest(&group);
    assert_eq!((operation.kind.name(), operation.status), ("SWITCH_HA", Status::Succeeded));
    group.say("properties set kyvos-manager/ENABLE_KM_HA no");
    settle(&group).await;
    assert_eq!(group.inside().deeds, ["restart 1"], "nothing was switched");
    group.say("properties set kyvos-manager/ENABLE_KM_HA yes");
    settle(&group).await;
    assert_eq!(group.inside().deeds, ["restart 1", "restart 1"]);
}

// row 87
#[tokio::test]
async fn a_removed_member_gets_the_log_until_it_has_gone() {
    let (group, b, _) = three().await;
    group.say(&format!("operations begin remove-manager {b} km2"));
    settle(&group).await;
    assert_eq!(newest(&group).status, Status::Succeeded);
    let inside = group.inside();
    assert_eq!(inside.deeds, [format!("demote {b}"), format!("remove {b}")]);
    assert!(inside.state.managers.removed.contains_key(&b));
}

// row 87
#[tokio::test]
async fn an_active_that_is_deleted_hands_over_first_and_stays_when_nobody_can_take_over() {
    let (group, b, c) = three().await;
    group.say("operations begin remove-manager 1 km1");
    settle(&group).await;
    assert_eq!(newest(&group).status, Status::Succeeded);
    assert!(group.inside().deeds[0].starts_with("hand over to"));

    let lead = group.inside().lead;
    let other = if lead == b { c } else { b };
    group.inside().seen.processes.remove(&other);
    group.say(&format!("operations begin remove-manager {lead} it"));
    settle(&group).await;
    assert_eq!(newest(&group).error.as_deref(), Some("nobody can take over from it"));
    assert!(group.inside().state.managers.members.contains_key(&lead));
}
