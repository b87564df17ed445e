//! A dead leader is succeeded at once when its death is proven, and by nothing less than that.
//!
//! The members here run with a lease of a minute, far longer than any of these tests waits: whoever is elected was
//! elected past it.

use std::time::Duration;

use kyvos_manager::capabilities::managers::model::Role;
use kyvos_manager::capabilities::properties::schema::File;
use kyvos_manager::cluster::{Heard, Instructions, Keeper};
use tokio::sync::mpsc;

use crate::support::{
    Member, committed, first_member, greeting, join, properties_ha, set, setting, three, until,
};

/// Long enough for a follower that wants to stand to have stood.
const A_WHILE: Duration = Duration::from_secs(3);

/// A group of three whose followers withhold their votes for a minute, and the leader's instructions to its keeper.
async fn with_long_leases() -> (Vec<Member>, Instructions) {
    let mut members = three().await;
    committed(members[0].group(), setting(File::KyvosManager, "RAFT_ELECTION_MAX_MS", "60000"))
        .await;
    for follower in &mut members[1..] {
        let clocks = follower.dir.path().join("identity/clocks.json");
        until("the follower noted it", || {
            std::fs::read_to_string(&clocks).unwrap().contains("\"election_max_ms\":60000")
        })
        .await;
        follower.stop().await;
        follower.restart().await;
    }
    let leader = members[0].group();
    leader.will_is_kept(true);
    let instructions = leader.instructions();
    let last = committed(leader, greeting("before")).await.answer.revision;
    for follower in &members[1..] {
        until("the follower has it", || *follower.group().applied().borrow() >= last).await;
    }
    // A will is deposited once a second; what follows it on the same link came after it.
    tokio::time::sleep(A_WHILE).await;
    (members, instructions)
}

/// Tells the others, in the name of `of`, that the process is gone which gave these instructions.
async fn tell_of_death(of: &Member, instructions: Instructions) {
    let (words, heard) = mpsc::channel(2);
    words.send(Heard::Instructions(instructions)).await.unwrap();
    words.send(Heard::Gone).await.unwrap();
    Keeper::new(of.home()).unwrap().keep(heard).await;
}

fn leads(members: &[Member]) -> bool {
    members.iter().any(|member| member.group().standing().leading)
}

// row 91
#[tokio::test(flavor = "multi_thread")]
async fn only_a_proven_death_elects_before_the_lease_is_over() {
    let (mut members, instructions) = with_long_leases().await;
    let mut dead = members.remove(0);
    let of_somebody_else = members[0].group().instructions();
    dead.stop().await;
    tokio::time::sleep(A_WHILE).await;
    assert!(!leads(&members), "closed connections and a refused port elected somebody");

    tell_of_death(&dead, of_somebody_else).await;
    tokio::time::sleep(A_WHILE).await;
    assert!(!leads(&members), "a secret that is not the leader's elected somebody");

    tell_of_death(&dead, instructions).await;
    until("one of the others leads", || leads(&members)).await;
    committed(members[0].group(), greeting("after")).await;
    for member in &mut members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_started_anew_votes_for_the_successor_although_it_heard_of_no_death() {
    let (mut members, instructions) = with_long_leases().await;
    members[1].stop().await;
    committed(members[0].group(), greeting("missed")).await;
    let mut dead = members.remove(0);
    dead.stop().await;
    members[0].restart().await;
    tell_of_death(&dead, instructions).await;
    until("the one that heard leads", || members[1].group().standing().leading).await;
    committed(members[1].group(), greeting("after")).await;
    for member in &mut members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_never_succeeds() {
    let mut first = first_member().await;
    set(first.group(), properties_ha()).await.unwrap();
    let mut second = join(first.group(), Role::Manager).await;
    let mut witness = join(first.group(), Role::Witness).await;
    first.group().will_is_kept(true);
    tokio::time::sleep(A_WHILE).await;
    let instructions = first.group().instructions();
    first.stop().await;
    tell_of_death(&first, instructions).await;
    until("the other Manager leads", || second.group().standing().leading).await;
    assert!(!witness.group().standing().leading);
    second.stop().await;
    witness.stop().await;
}
