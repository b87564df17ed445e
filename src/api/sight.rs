//! What this Manager sees of the group at one moment: its own standing, its mode and what it heard of the others.

use super::port::{Group, Mode, ModeKind, PeerReport, Standing};
use crate::base::{ManagerId, Revision};
use crate::machine::State;

/// One look at the group.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    pub(crate) here: ManagerId,
    pub(crate) mode: Mode,
    pub(crate) standing: Standing,
    pub(crate) peers: Vec<PeerReport>,
}

impl Sight {
    /// Looks now.
    pub(crate) fn of(group: &dyn Group) -> Self {
        let (here, mode) = (group.here(), group.mode());
        Self { here, mode, standing: group.standing(), peers: group.peers() }
    }

    /// The Active, if one is known that holds office now: a tenure whose holder still leads, as far as this
    /// Manager hears. Between two tenures there is none (A4).
    pub(crate) fn active(&self, state: &State) -> Option<ManagerId> {
        match self.mode.kind {
            ModeKind::Active => Some(self.here),
            ModeKind::NoQuorum => None,
            ModeKind::Passive => {
                let holder = state.managers.tenure.as_ref()?.active;
                (Some(holder) == self.standing.leader && holder != self.here).then_some(holder)
            }
        }
    }

    /// What is known of a member.
    pub(crate) fn peer(&self, id: ManagerId) -> Option<&PeerReport> {
        self.peers.iter().find(|peer| peer.id == id)
    }

    /// Whether a member answers; this one always does.
    pub(crate) fn reaches(&self, id: ManagerId) -> bool {
        id == self.here || self.peer(id).is_some_and(|peer| peer.reachable)
    }

    /// The newest entry anybody is known to have.
    pub(crate) fn last_log(&self) -> Revision {
        let heard = self.peers.iter().filter_map(|peer| peer.status.as_ref());
        heard.map(|status| status.last_log).max().unwrap_or_default().max(self.standing.last_log)
    }

    /// Votes needed to agree on anything.
    pub(crate) fn quorum(&self) -> usize {
        self.standing.voters.len() / 2 + 1
    }

    /// How many more voters may fail before nothing can be agreed on.
    pub(crate) fn failure_tolerance(&self) -> usize {
        let answering = self.standing.voters.iter().filter(|id| self.reaches(**id)).count();
        answering.saturating_sub(self.quorum())
    }
}
