//! The group grows by itself once a host was admitted: the rooms' reconcilers on real members.

use std::sync::Arc;

use kyvos_manager::base::ManagerId;
use kyvos_manager::capabilities::managers::model::Role;
use kyvos_manager::capabilities::managers::reconciler::Managers;
use kyvos_manager::capabilities::operations::model::{
    Command, Kind, Operation, Status, StepStatus,
};
use kyvos_manager::capabilities::operations::reconciler::Operations;
use kyvos_manager::cluster::Group;
use kyvos_manager::leadership::{Driver, Mode};

use crate::support::{Member, admit, committed, first_member, properties_ha, set, three, until};

/// What `km serve` runs while it is Active.
fn lead(member: &Member) -> Driver {
    let group = member.group();
    let rooms: Vec<Arc<dyn kyvos_manager::leadership::Reconciler>> =
        vec![Arc::new(Managers::of(group.clone())), Arc::new(Operations::of(group.clone()))];
    Driver::start(group, rooms)
}

/// The newest operation, whichever member it adds.
fn addition(group: &Group) -> Option<Operation> {
    let adds = |operation: &&Operation| matches!(operation.kind, Kind::AddManager { .. });
    group.view(|state| state.operations.operations.values().rev().find(adds).cloned())
}

fn status(group: &Group) -> Option<Status> {
    addition(group).map(|operation| operation.status)
}

fn newest_member(group: &Group) -> ManagerId {
    group.view(|state| *state.managers.members.keys().next_back().unwrap())
}

/// Admits a host that has not been started yet.
async fn invited(leader: &Group, role: Role) -> (Member, tokio::net::TcpListener) {
    let (member, listener) = Member::new(role).await;
    admit(leader, &member).await;
    (member, listener)
}

async fn end(drivers: Vec<Driver>, members: Vec<Member>) {
    for driver in drivers {
        driver.shutdown().await;
    }
    for mut member in members.into_iter().filter(|member| member.group.is_some()) {
        member.stop().await;
    }
}

// row 86
#[tokio::test(flavor = "multi_thread")]
async fn an_admitted_manager_and_a_witness_come_to_vote_by_themselves() {
    let first = first_member().await;
    set(first.group(), properties_ha()).await.unwrap();
    let drivers = vec![lead(&first)];
    let mut members = vec![first];
    for role in [Role::Manager, Role::Witness] {
        let (mut member, listener) = invited(members[0].group(), role).await;
        member.start(listener).await;
        let id = member.group().here();
        members.push(member);
        let group = members[0].group();
        until("it votes", || group.standing().voters.contains(&id)).await;
        until("its operation is done", || status(group) == Some(Status::Succeeded)).await;
        let steps = addition(group).unwrap().steps;
        assert!(steps.iter().all(|step| step.status == StepStatus::Done), "{steps:?}");
    }
    assert_eq!(members[0].group().standing().voters.len(), 3);
    end(drivers, members).await;
}

// rows 86, 88
#[tokio::test(flavor = "multi_thread")]
async fn the_next_active_brings_in_whom_the_last_one_began_to_add() {
    let mut members = three().await;
    let mut drivers: Vec<Driver> = members.iter().map(lead).collect();
    let mut active = None;
    until("one is Active", || {
        active = drivers.iter().position(|one| matches!(one.office().mode(), Mode::Active(_)));
        active.is_some()
    })
    .await;
    let active = active.unwrap();
    let (mut late, listener) = invited(members[active].group(), Role::Manager).await;
    let group = members[active].group();
    until("it follows", || {
        addition(group).is_some_and(|operation| operation.steps[0].status == StepStatus::Done)
    })
    .await;

    drop(drivers.remove(active));
    drop(members.remove(active));
    let group = members[0].group();
    until("another one took it up", || addition(group).is_some_and(|one| one.resumed > 0)).await;
    late.start(listener).await;
    let id = late.group().here();
    until("it votes", || group.standing().voters.contains(&id)).await;
    until("its operation is done", || status(group) == Some(Status::Succeeded)).await;
    members.push(late);
    end(drivers, members).await;
}

// row 86
#[tokio::test(flavor = "multi_thread")]
async fn an_addition_called_off_leaves_no_half_member() {
    let first = first_member().await;
    set(first.group(), properties_ha()).await.unwrap();
    let driver = lead(&first);
    let (_never, _listener) = invited(first.group(), Role::Manager).await;
    let group = first.group();
    let id = newest_member(group);
    until("it follows", || group.standing().learners.contains(&id)).await;
    let operation = group.view(|state| *state.operations.operations.keys().next_back().unwrap());
    committed(group, Command::Cancel { id: operation }).await;
    until("it is gone from Raft and from the facts", || {
        let known = group.view(|state| state.managers.members.contains_key(&id));
        !known && !group.standing().learners.contains(&id)
    })
    .await;
    let removal = group.view(|state| state.managers.removed.get(&id).cloned()).unwrap();
    assert!(removal.because.contains("called off"), "{removal:?}");
    end(vec![driver], vec![first]).await;
}
