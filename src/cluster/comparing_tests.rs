//! A member whose facts were tampered with, in a group of three real ones.

#[path = "../../tests/support/mod.rs"]
mod support;

use raft_store::machine::Machine;

use self::support::{committed, eventually, greeting, leader_of, set, three, until};
use super::Group;
use crate::base::Digest;
use crate::machine;

/// Other facts at the same revision, as a fault of the memory or of this program would make them.
fn tamper(group: &Group) {
    let mut state = group.view(machine::State::clone);
    state.kernel.audit_head = Digest::of(b"tampered with");
    let mut image = Vec::new();
    machine::write_image(&state, &mut image).unwrap();
    group.core.replica.restore(&image).unwrap();
}

// row 81
#[tokio::test(flavor = "multi_thread")]
async fn a_member_with_other_facts_is_found_out_ends_and_is_made_anew_at_its_next_start() {
    let mut members = three().await;
    let leader = leader_of(&members).await;
    let (odd, other) = ((leader + 1) % 3, (leader + 2) % 3);
    let odd_id = members[odd].group().here();
    let before = committed(members[leader].group(), greeting("before")).await.answer.revision;
    until("it has it", || *members[odd].group().applied().borrow() >= before).await;

    tamper(members[odd].group());
    committed(members[leader].group(), greeting("after")).await;

    until("it ends", || members[odd].group().standing().stopped.is_some()).await;
    let stopped = members[odd].group().standing().stopped.unwrap();
    assert!(stopped.contains("differ from the majority's"), "{stopped}");
    until("the others name it", || {
        let named =
            |at: usize| members[at].group().difference().is_some_and(|it| it.odd == [odd_id]);
        named(leader) && named(other)
    })
    .await;
    assert!(members[leader].group().standing().stopped.is_none());

    members[odd].stop().await;
    members[odd].restart().await;
    let aside = members[odd].group().store_health().quarantined;
    assert!(aside.iter().any(|it| it.because.contains("differ")), "{aside:?}");
    let last = eventually("a change", || set(members[leader].group(), greeting("again"))).await;
    let facts = |at: usize| members[at].group().view(|s| (s.kernel.revision, machine::digest(s)));
    until("all have the same facts", || {
        facts(odd) == facts(leader)
            && facts(odd) == facts(other)
            && facts(odd).0 >= last.answer.revision
    })
    .await;
    until("nobody differs", || members.iter().all(|it| it.group().difference().is_none())).await;
    for member in &mut members {
        member.stop().await;
    }
}
