//! Groups in which nobody stands for election for more than a minute after the last word of the leader: longer than any test
//! waits. Who leads there leads by another cause.

use kyvos_manager::capabilities::managers::model::Role;
use kyvos_manager::capabilities::properties::schema::File;
use kyvos_manager::cluster::Group;

use crate::support::{Member, admit, committed, first_member, properties_ha, set, setting, until};

/// The longest that can be set. The longer one first: one must be less than the other at any time. For as long as the
/// shorter one it is waited for a vote that was asked for.
const TIMERS: [(&str, &str); 2] =
    [("RAFT_ELECTION_MAX_MS", "60000"), ("RAFT_ELECTION_MIN_MS", "20000")];
/// Both, as a member notes them for its next start.
const NOTED: &str = "\"election_min_ms\":20000,\"election_max_ms\":60000";

/// Three Managers, all voting. The first leads and claims for no longer than usual; the others withhold their votes for a
/// minute.
pub(crate) async fn three_with_long_leases() -> Vec<Member> {
    let first = first_member().await;
    set(first.group(), properties_ha()).await.unwrap();
    for (name, ms) in TIMERS {
        committed(first.group(), setting(File::KyvosManager, name, ms)).await;
    }
    let second = joined(first.group()).await;
    let third = joined(first.group()).await;
    vec![first, second, third]
}

/// A further Manager. It is started anew with its long lease before it has a vote: until then the leader needs nobody, and
/// from then on nobody stands against it.
async fn joined(leader: &Group) -> Member {
    let (mut member, listener) = Member::new(Role::Manager).await;
    admit(leader, &member).await;
    member.start(listener).await;
    let id = member.group().here();
    leader.add_learner(id).await.unwrap();
    let clocks = member.dir.path().join("identity/clocks.json");
    until("it noted its timers", || {
        std::fs::read_to_string(&clocks).is_ok_and(|noted| noted.contains(NOTED))
    })
    .await;
    member.stop().await;
    member.restart().await;
    leader.promote(id).await.unwrap();
    member
}
