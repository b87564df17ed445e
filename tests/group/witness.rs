//! A witness votes and keeps the log, and that is all it does.

use std::path::Path;
use std::time::Duration;

use kyvos_manager::capabilities::managers::model::Role;
use kyvos_manager::cluster::{Consistency, MembershipFailure};
use kyvos_manager::leadership::{Driver, HandOverFailure, Mode};

use crate::support::{
    Member, committed, eventually, first_member, greeting, join, join_any, properties_ha,
    seen_greeting, set, until,
};

async fn two_and_a_witness() -> Vec<Member> {
    let first = first_member().await;
    set(first.group(), properties_ha()).await.unwrap();
    let second = join(first.group(), Role::Manager).await;
    let witness = join_any(&[first.group(), second.group()], Role::Witness).await;
    vec![first, second, witness]
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true => copy(&from, &to),
            false => assert!(std::fs::copy(&from, &to).is_ok()),
        }
    }
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

// A power cut can take from a leader what it had sent and not yet flushed. Its log then ends before the witness's,
// under its own vote.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_lost_its_newest_entries_is_not_made_leader_of_its_old_term_by_the_witness() {
    let mut members = two_and_a_witness().await;
    committed(members[0].group(), greeting("flushed by all")).await;
    let (store, kept) = (members[0].dir.path().join("store"), tempfile::tempdir().unwrap());
    copy(&store, kept.path());
    let written = committed(members[0].group(), greeting("lost by its leader")).await;
    // The witness too: two of three are enough for the answer, and without it nothing would keep the old leader from leading.
    until("the other two have it as well", || {
        let mut others = members[1..].iter();
        others.all(|member| member.group().standing().last_log >= written.answer.revision)
    })
    .await;
    drop(members[1].group.take());
    drop(members[0].group.take());
    eventually("its old store is out of use", || async {
        std::fs::remove_dir_all(&store).map_err(|error| error.to_string())
    })
    .await;
    copy(kept.path(), &store);
    members[0].restart().await;

    let until_then = std::time::Instant::now() + Duration::from_secs(4);
    until("it leads or time is up", || {
        let standing = members[0].group().standing();
        assert!(!standing.leading && standing.stopped.is_none(), "{standing:?}");
        std::time::Instant::now() > until_then
    })
    .await;
    members[1].restart().await;
    until("the other Manager leads", || members[1].group().standing().leading).await;
    members[1].group().settle(Consistency::Linearizable).await.unwrap();
    assert_eq!(seen_greeting(members[1].group()).as_deref(), Some("lost by its leader"));
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
    until("time is up and the other Manager leads", || {
        assert!(!watched.standing().leading);
        std::time::Instant::now() > until_then && members[1].group().standing().leading
    })
    .await;
    drop(watched);
    stop_all(&mut members).await;
}
