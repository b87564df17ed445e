//! Who is to lead in place of a member whose disk is full.
//!
//! Such a member follows, votes, and takes what it still has room for; as a leader it refuses every change while others
//! could take them.

use super::Group;
use crate::base::ManagerId;

/// How old the last word of somebody may be who is said to have room.
const WORD_MAX_MS: u64 = 3_000;

impl Group {
    /// Whether the disk here has no room for changes.
    pub(crate) fn is_full(&self) -> bool {
        self.core.health.disk_full().is_some()
    }

    /// Whether the disk of another member had no room when it was last heard of.
    pub(crate) fn was_full(&self, member: ManagerId) -> bool {
        let full = |status: &super::MemberStatus| status.disk_full.is_some();
        self.peers().iter().any(|it| it.id == member && it.status.as_ref().is_some_and(full))
    }

    /// The member that has most of the log among those that may lead, answer, and have room; `None` while this one has
    /// room itself, or nobody else has.
    pub(crate) fn roomier(&self) -> Option<ManagerId> {
        if !self.is_full() {
            return None;
        }
        let standing = self.standing();
        let peers = self.peers();
        let has_room = |id: &ManagerId| {
            peers.iter().any(|peer| {
                let room = peer.status.as_ref().is_some_and(|status| status.disk_full.is_none());
                let heard = peer.age_ms.is_some_and(|age| age <= WORD_MAX_MS);
                peer.id == *id && peer.reachable && heard && room
            })
        };
        let may = |id: &ManagerId| self.may_lead(&standing, *id).is_ok() && has_room(id);
        let able = standing.matched.iter().filter(|(id, _)| may(id));
        able.max_by_key(|(_, matched)| **matched).map(|(id, _)| *id)
    }
}
