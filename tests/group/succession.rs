//! A dead leader is succeeded at once when its death is proven, and by nothing less than that.
//!
//! The members here run with a lease of a minute, far longer than any of these tests waits: whoever is elected was
//! elected past it.

use std::time::Duration;

use kyvos_manager::capabilities::managers::model::Role;
use kyvos_manager::cluster::{Heard, Instructions, Keeper};
use tokio::sync::mpsc;

use crate::long_leases::three_with_long_leases;
use crate::support::{
    Member, committed, eventually, first_member, greeting, join, join_any, properties_ha, set,
    until,
};

/// Long enough for a follower that wants to stand to have stood.
const A_WHILE: Duration = Duration::from_secs(3);

/// A will is deposited once a second, as often as members ask each other how they are, and by the same links. Nothing shows
/// that it was noted: after so many answers it was.
const ANSWERS: usize = 4;

/// Has the will of the first of them kept by the others, and gives its instructions to its keeper.
async fn willed(members: &[Member]) -> Instructions {
    let leader = members[0].group();
    leader.will_is_kept(true);
    for round in 0..ANSWERS {
        all_ask_each_other(members, round).await;
    }
    leader.instructions()
}

/// Waits until each of them has asked every other how it is, and was answered.
async fn all_ask_each_other(members: &[Member], round: usize) {
    let value = greeting(&round.to_string());
    let last = committed(members[0].group(), value).await.answer.revision;
    until("all were answered", || {
        members.iter().all(|asker| {
            let reports = asker.group().peers();
            let answered = reports.iter().filter(|it| it.reachable && it.newest_then >= Some(last));
            answered.count() + 1 == members.len()
        })
    })
    .await;
}

/// Tells the others, in the name of `of`, that the process is gone which gave these instructions.
async fn tell_of_death(of: &Member, instructions: &Instructions) {
    let (words, heard) = mpsc::channel(2);
    words.send(Heard::Instructions(instructions.clone())).await.unwrap();
    words.send(Heard::Gone).await.unwrap();
    Keeper::new(of.home()).unwrap().keep(heard).await;
}

/// The same until one of them leads: what is told is given up after a second, and a busy machine may need longer.
async fn tell_until_one_leads(of: &Member, instructions: &Instructions, heirs: &[Member]) {
    eventually("an heir leads", || async {
        tell_of_death(of, instructions).await;
        if leads(heirs) { Ok(()) } else { Err(()) }
    })
    .await;
}

fn leads(members: &[Member]) -> bool {
    members.iter().any(|member| member.group().standing().leading)
}

// row 91
#[tokio::test(flavor = "multi_thread")]
async fn only_a_proven_death_elects_before_the_lease_is_over() {
    let mut members = three_with_long_leases().await;
    let instructions = willed(&members).await;
    let mut dead = members.remove(0);
    let of_somebody_else = members[0].group().instructions();
    dead.stop().await;
    tokio::time::sleep(A_WHILE).await;
    assert!(!leads(&members), "closed connections and a refused port elected somebody");

    tell_of_death(&dead, &of_somebody_else).await;
    tokio::time::sleep(A_WHILE).await;
    assert!(!leads(&members), "a secret that is not the leader's elected somebody");

    tell_until_one_leads(&dead, &instructions, &members).await;
    committed(members[0].group(), greeting("after")).await;
    for member in &mut members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_started_anew_votes_for_the_successor_although_it_heard_of_no_death() {
    let mut members = three_with_long_leases().await;
    let instructions = willed(&members).await;
    members[1].stop().await;
    committed(members[0].group(), greeting("missed")).await;
    let mut dead = members.remove(0);
    dead.stop().await;
    members[0].restart().await;
    knows_the_process_of(&members[1], &members[0]).await;
    tell_until_one_leads(&dead, &instructions, &members[1..]).await;
    committed(members[1].group(), greeting("after")).await;
    for member in &mut members {
        member.stop().await;
    }
}

/// Waits until a member was answered by another since that one was started anew: by the link on which votes are asked for.
async fn knows_the_process_of(asker: &Member, other: &Member) {
    let other = other.group();
    let started_at = other.own_status().about.started_at;
    until("it was answered by the new process", || {
        let mut reports = asker.group().peers().into_iter();
        let told = reports.find(|it| it.id == other.here()).and_then(|it| it.status);
        told.is_some_and(|told| told.about.started_at == started_at)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_never_succeeds() {
    let first = first_member().await;
    set(first.group(), properties_ha()).await.unwrap();
    let second = join(first.group(), Role::Manager).await;
    let witness = join_any(&[first.group(), second.group()], Role::Witness).await;
    let mut members = vec![first, second, witness];
    let instructions = willed(&members).await;
    let mut first = members.remove(0);
    first.stop().await;
    tell_of_death(&first, &instructions).await;
    until("the other Manager leads", || members[0].group().standing().leading).await;
    assert!(!members[1].group().standing().leading);
    for member in &mut members {
        member.stop().await;
    }
}
