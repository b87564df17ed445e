//! Three members: any of them takes a change, one of them leads, and losing one loses nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use kyvos_manager::base::RequestId;
use kyvos_manager::capabilities::properties::schema::File;
use kyvos_manager::cluster::{Consistency, Draft, MembershipFailure, ProposeFailure, ReadFailure};
use kyvos_manager::machine;

use crate::support::{
    Member, admit, by_the_leader, committed, first_member, greeting, join, leader_of,
    properties_ha, seen_greeting, set, setting, three, until,
};

async fn stop_all(members: &mut [Member]) {
    for member in members.iter_mut().filter(|member| member.group.is_some()) {
        member.stop().await;
    }
}

// rows 81, 82, 85, 86
#[tokio::test(flavor = "multi_thread")]
async fn any_manager_takes_a_change_and_every_manager_reads_it() {
    let mut members = three().await;
    let leader = leader_of(&members).await;
    for (round, taker) in (0..6).zip((0..3).cycle()) {
        let value = format!("hello {round}");
        let settled = committed(members[taker].group(), greeting(&value)).await;
        assert_eq!(settled.committed_by, members[leader].group().here());
        for reader in &members {
            reader.group().settle(Consistency::Linearizable).await.unwrap();
            assert_eq!(seen_greeting(reader.group()).as_deref(), Some(value.as_str()));
        }
    }
    let digests =
        || members.iter().map(|m| m.group().view(|s| (s.kernel.revision, machine::digest(s))));
    until("all are at one revision", || {
        let all: Vec<_> = digests().collect();
        all.iter().all(|one| one.0 == all[0].0)
    })
    .await;
    let all: Vec<_> = digests().collect();
    assert!(all.iter().all(|one| one == &all[0]));
    stop_all(&mut members).await;
}

// rows 83, 93, 96
#[tokio::test(flavor = "multi_thread")]
async fn a_request_repeated_after_its_leader_died_has_one_effect_and_the_first_answer() {
    let mut members = three().await;
    let leader = leader_of(&members).await;
    let taker = (leader + 1) % 3;
    let draft = Draft {
        request: Some(RequestId::new("pay-once").unwrap()),
        ..Draft::own(members[taker].group().here(), greeting("paid"))
    };
    let first = members[taker].group().propose(draft.clone()).await.unwrap();
    // The reply is as good as lost: the leader is gone before the client asks again elsewhere.
    drop(members[leader].group.take());

    let other = (leader + 2) % 3;
    let again = members[other].group().propose(draft).await.unwrap();
    assert_eq!(again.answer.revision, first.answer.revision);
    assert!(again.answer.repeated);
    assert_ne!(again.committed_by, first.committed_by);
    stop_all(&mut members).await;
}

// rows 82, 83, 93, 96
#[tokio::test(flavor = "multi_thread")]
async fn changes_under_way_when_the_leader_dies_are_all_made_exactly_once() {
    const CHANGES: usize = 200;
    let mut members = three().await;
    let leader = leader_of(&members).await;
    let takers = [1, 2].map(|step| members[(leader + step) % 3].group().clone());
    let draft = |number: usize| Draft {
        request: Some(RequestId::new(format!("change-{number}")).unwrap()),
        ..Draft::own(takers[number % 2].here(), numbered(number))
    };
    let under_way: Vec<_> = (0..CHANGES)
        .map(|number| {
            let (group, draft) = (takers[number % 2].clone(), draft(number));
            tokio::spawn(async move { group.propose(draft).await })
        })
        .collect();
    let watched = takers[0].clone();
    until("some are made", || watched.view(|state| state.kernel.answer_to(&id(0)).is_some())).await;
    drop(members[leader].group.take());

    let mut revisions = BTreeSet::new();
    for (number, change) in under_way.into_iter().enumerate() {
        let settled = change.await.unwrap().unwrap();
        assert!(revisions.insert(settled.answer.revision), "two changes at one revision");
        let again = takers[(number + 1) % 2].propose(draft(number)).await.unwrap();
        assert_eq!(again.answer.revision, settled.answer.revision);
        assert!(again.answer.repeated);
    }
    drop((takers, watched));
    stop_all(&mut members).await;
}

fn id(number: usize) -> RequestId {
    RequestId::new(format!("change-{number}")).unwrap()
}

fn numbered(number: usize) -> kyvos_manager::capabilities::properties::model::Command {
    setting(File::Custom, &format!("number-{number}"), "set")
}

// rows 83, 94
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_handed_over_and_never_answered_is_unknown_until_the_group_can_tell() {
    let mut members = three().await;
    let leader = leader_of(&members).await;
    let (mut learner, listener) = Member::new(members[leader].role).await;
    admit(members[leader].group(), &learner).await;
    learner.start(listener).await;
    let present: Vec<_> = members.iter().map(Member::group).collect();
    let number = learner.group().here();
    by_the_leader(&present, |leader| leader.add_learner(number)).await;
    let leader = leader_of(&members).await;
    let (second, third) = ((leader + 1) % 3, (leader + 2) % 3);
    let known = Some(members[leader].group().here());
    until("the learner knows its leader", || learner.group().standing().leader == known).await;

    // The leader takes it within its lease, and has nobody left to commit it with.
    drop(members[second].group.take());
    drop(members[third].group.take());
    let draft = Draft { request: Some(id(0)), ..Draft::own(learner.group().here(), numbered(0)) };
    let failure = learner.group().propose(draft.clone()).await.unwrap_err();
    assert_eq!(failure, ProposeFailure::Unknown { request: id(0) });

    members[second].restart().await;
    until("the group can tell", || {
        members[second].group().view(|state| state.kernel.answer_to(&id(0)).is_some())
    })
    .await;
    let settled = members[second].group().propose(draft).await.unwrap();
    assert!(settled.answer.repeated);
    learner.stop().await;
    stop_all(&mut members).await;
}

// rows 83, 94
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_a_stopping_leader_has_in_its_log_is_unknown_and_not_refused() {
    let mut members = three().await;
    let leader = leader_of(&members).await;
    drop(members[(leader + 1) % 3].group.take());
    drop(members[(leader + 2) % 3].group.take());
    let group = members[leader].group().clone();
    let before = group.standing().last_log;
    let draft = Draft { request: Some(id(0)), ..Draft::own(group.here(), numbered(0)) };
    let under_way = tokio::spawn(async move { group.propose(draft).await });
    until("it is in the log", || members[leader].group().standing().last_log > before).await;

    members[leader].stop().await;
    let failure = under_way.await.unwrap().unwrap_err();
    assert_eq!(failure, ProposeFailure::Unknown { request: id(0) });
}

// rows 49, 93
#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_held_while_the_next_leader_is_elected() {
    let mut members = three().await;
    let leader = leader_of(&members).await;
    committed(members[leader].group(), greeting("before")).await;
    drop(members[leader].group.take());

    let survivor = (leader + 1) % 3;
    committed(members[survivor].group(), greeting("after")).await;
    let third = (leader + 2) % 3;
    members[third].group().settle(Consistency::Linearizable).await.unwrap();
    assert_eq!(seen_greeting(members[third].group()).as_deref(), Some("after"));

    members[leader].restart().await;
    until("the returned member has caught up", || {
        seen_greeting(members[leader].group()).as_deref() == Some("after")
    })
    .await;
    stop_all(&mut members).await;
}

// row 94
#[tokio::test(flavor = "multi_thread")]
async fn a_minority_commits_nothing_and_reads_nothing_linearizable() {
    let mut members = three().await;
    let leader = leader_of(&members).await;
    let (second, third) = ((leader + 1) % 3, (leader + 2) % 3);
    drop(members[second].group.take());
    drop(members[third].group.take());

    let alone = members[leader].group();
    until("the lease has run out", || {
        let acked = alone.standing().quorum_acked;
        acked.is_none_or(|acked| acked.elapsed() > Duration::from_millis(1100))
    })
    .await;
    // Both are held for as long as callers are.
    let reading = alone.settle(Consistency::Linearizable);
    let (written, read) = tokio::join!(set(alone, greeting("alone")), reading);
    let failure = written.unwrap_err();
    assert!(
        matches!(failure, ProposeFailure::NoLeader { .. } | ProposeFailure::Unknown { .. }),
        "{failure:?}"
    );
    assert!(matches!(read.unwrap_err(), ReadFailure::NoQuorum { .. }));
    let local = alone.settle(Consistency::Local).await.unwrap();
    assert!(local.revision.0 > 0);

    members[second].restart().await;
    committed(members[second].group(), greeting("together")).await;
    stop_all(&mut members).await;
}

// row 86
#[tokio::test(flavor = "multi_thread")]
async fn membership_changes_are_the_leaders_alone_and_keep_a_voter() {
    let mut first = first_member().await;
    let here = first.group().here();
    assert_eq!(
        first.group().remove(here).await.unwrap_err(),
        MembershipFailure::HandOverFirst(here)
    );
    set(first.group(), properties_ha()).await.unwrap();
    let mut second = join(first.group(), first.role).await;
    let failure = second.group().add_learner(here).await.unwrap_err();
    assert_eq!(failure, MembershipFailure::NotLeading { leader: Some(here) });

    first.group().remove(second.group().here()).await.unwrap();
    let standing = first.group().standing();
    assert!(standing.alone() && standing.learners.is_empty());
    committed(first.group(), greeting("alone again")).await;
    second.stop().await;
    first.stop().await;
}

// row 93
#[tokio::test(flavor = "multi_thread")]
async fn all_members_stopped_and_started_again_have_everything() {
    let mut members = three().await;
    committed(members[1].group(), greeting("kept")).await;
    stop_all(&mut members).await;
    for member in &mut members {
        member.restart().await;
    }
    members[2].group().settle(Consistency::Linearizable).await.unwrap();
    assert_eq!(seen_greeting(members[2].group()).as_deref(), Some("kept"));
    stop_all(&mut members).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_tell_each_other_about_themselves() {
    let mut members = three().await;
    let asker = members[0].group().clone();
    let reports = || asker.peers();
    until("both others were heard", || {
        reports().len() == 2 && reports().iter().all(|report| report.reachable)
    })
    .await;
    let told = reports()[0].status.clone().unwrap();
    assert_eq!(told.about.pid, std::process::id());
    assert!(told.about.certificate_expires_at.is_some());

    let gone = members[1].group().here();
    members[1].stop().await;
    until("the stopped one is not reached, and its last word is kept", || {
        let report = reports().into_iter().find(|report| report.id == gone);
        report.is_some_and(|report| !report.reachable && report.status.is_some())
    })
    .await;
    stop_all(&mut members).await;
}

// row 89
#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_renewed_while_the_group_runs() {
    let mut members = three().await;
    let shown = |member: &Member| member.home().credentials().unwrap().certificate_pem;
    let before: Vec<_> = members.iter().map(shown).collect();
    for member in &members {
        let ends = member.group().renew_certificate().unwrap();
        assert_eq!(member.group().own_status().about.certificate_expires_at, ends);
    }
    let after: Vec<_> = members.iter().map(shown).collect();
    assert!(before.iter().zip(&after).all(|(before, after)| before != after));
    // Started again it connects to the others, and they to it, by what all show now.
    let follower = (leader_of(&members).await + 1) % 3;
    members[follower].stop().await;
    members[follower].restart().await;
    leader_of(&members).await;
    committed(members[follower].group(), greeting("renewed")).await;
    until("it to be told everywhere", || {
        members.iter().all(|m| seen_greeting(m.group()).as_deref() == Some("renewed"))
    })
    .await;
    stop_all(&mut members).await;
}
