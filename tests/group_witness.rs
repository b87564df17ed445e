//! A witness votes and keeps the log, and that is all it does.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod support;

use std::time::Duration;

use kyvos_manager::capabilities::managers::model::Role;
use kyvos_manager::cluster::{Consistency, MembershipFailure};
use kyvos_manager::leadership::{Driver, HandOverFailure, Mode};
use support::{
    Member, committed, first_member, greeting, join, properties_ha, seen_greeting, set, until,
};

async fn two_and_a_witness() -> Vec<Member> {
    let first = first_member().await;
    set(first.group(), properties_ha()).await.unwrap();
    let second = join(first.group(), Role::Manager).await;
    let witness = join(first.group(), Role::Witness).await;
    vec![first, second, witness]
}

async fn stop_all(members: &mut [Member]) {
    for member in members.iter_mut().filter(|member| member.group.is_some()) {
        member.stop().await;
    }
}

// rows 49, 93; section 3.3
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_only_the_dead_leader_and_the_witness_have_is_not_lost_and_the_other_manager_leads()
 {
    let mut members = two_and_a_witness().await;
    drop(members[1].group.take());
    for round in 0..30 {
        committed(members[0].group(), greeting(&round.to_string())).await;
    }
    let written = committed(members[0].group(), greeting("only two have this")).await;
    drop(members[0].group.take());
    members[1].restart().await;
    assert!(members[1].group().standing().last_log < written.answer.revision);

    until("the Manager with the shorter log leads", || members[1].group().standing().leading).await;
    members[1].group().settle(Consistency::Linearizable).await.unwrap();
    assert_eq!(seen_greeting(members[1].group()).as_deref(), Some("only two have this"));
    stop_all(&mut members).await;
}

// section 3.3
#[tokio::test(flavor = "multi_thread")]
async fn a_witness_never_leads_not_even_when_asked_or_alone() {
    let mut members = two_and_a_witness().await;
    let witness = members[2].group().here();
    let driver = Driver::start(members[0].group(), vec![]);
    until("the first is Active", || matches!(driver.office().mode(), Mode::Active(_))).await;
    let refused = driver.hand_over(witness).await.unwrap_err();
    assert_eq!(refused, HandOverFailure::Membership(MembershipFailure::NeverLeads(witness)));
    assert!(matches!(driver.office().mode(), Mode::Active(_)), "nothing was given up for it");

    drop(driver);
    drop(members[0].group.take());
    let watched = members[2].group().clone();
    let until_then = std::time::Instant::now() + Duration::from_secs(4);
    until("another one leads or time is up", || {
        assert!(!watched.standing().leading);
        std::time::Instant::now() > until_then
    })
    .await;
    assert!(members[1].group().standing().leading);
    drop(watched);
    stop_all(&mut members).await;
}
