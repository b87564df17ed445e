//! What the Active sees of the group besides the facts: the members' own words.

use std::collections::BTreeMap;

use crate::base::ManagerId;
use crate::capabilities::alerts::plan::{Member, Seen};
use crate::cluster::{Group, MemberStatus, PeerReport, middle_clock};

/// Looks now.
pub fn outlook(group: &Group) -> Seen {
    let (standing, own, peers) = (group.standing(), group.own_status(), group.peers());
    let ahead: Vec<i64> = peers.iter().filter_map(|peer| peer.clock_ahead_ms).collect();
    let middle = middle_clock(&ahead);
    let mut members = BTreeMap::new();
    members.insert(group.here(), told(&own, true, 0, middle.saturating_neg()));
    members.extend(peers.iter().map(|peer| (peer.id, peer_told(peer, middle))));
    let answers = |id: ManagerId| members.get(&id).is_some_and(|member| member.answers);
    Seen {
        now: group.now(),
        failure_tolerance: standing.failure_tolerance(answers),
        voters: standing.voters.clone(),
        difference: group.difference().map(|difference| difference.told()),
        members,
    }
}

/// What a member told is compared with what was there when it told it: what came since is no lag yet.
fn peer_told(peer: &PeerReport, middle: i64) -> Member {
    let off_ms = peer.clock_ahead_ms.map_or(0, |ahead| ahead.saturating_sub(middle));
    let Some(status) = &peer.status else {
        return Member { answers: peer.reachable, clock_off_ms: off_ms, ..Member::default() };
    };
    let newest = peer.newest_then.unwrap_or_default();
    let behind = newest.0.saturating_sub(status.applied.0);
    told(status, peer.reachable, behind, off_ms)
}

fn told(status: &MemberStatus, answers: bool, behind: u64, clock_off_ms: i64) -> Member {
    Member {
        answers,
        behind,
        started_at: status.about.started_at,
        rebuilt: status.rebuilt,
        disk_full: status.disk_full.clone(),
        certificate_ends: status.about.certificate_expires_at,
        clock_off_ms,
    }
}
