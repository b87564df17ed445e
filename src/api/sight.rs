//! What this Manager sees of the group at one moment: its own standing, its mode and what it heard of the others.

use std::collections::{BTreeMap, BTreeSet};

use raft_store::HealthReport;

use super::port::Group;
use crate::base::{ManagerId, Revision, Timestamp};
use crate::capabilities::managers::plan::Seen;
use crate::cluster::{Difference, MemberStatus, PeerReport, Standing};
use crate::leadership::{Mode, Verdict};
use crate::machine::State;

/// One look at the group.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    /// When it was looked.
    pub(crate) at: Timestamp,
    pub(crate) here: ManagerId,
    pub(crate) verdict: Verdict,
    pub(crate) standing: Standing,
    pub(crate) own: MemberStatus,
    /// The other members.
    pub(crate) peers: Vec<PeerReport>,
    pub(crate) store: HealthReport,
    /// Members whose facts are not the same.
    pub(crate) difference: Option<Difference>,
}

impl Sight {
    /// Looks now.
    pub(crate) fn of(group: &dyn Group) -> Self {
        Self {
            at: group.now(),
            here: group.here(),
            verdict: group.verdict(),
            standing: group.standing(),
            own: group.own_status(),
            peers: group.peers(),
            store: group.store_health(),
            difference: group.difference(),
        }
    }

    /// The Active, if one is known that holds office now: a tenure whose holder still leads, as far as this
    /// Manager hears. Between two tenures there is none (A4).
    pub(crate) fn active(&self, state: &State) -> Option<ManagerId> {
        match self.verdict.mode {
            Mode::Active(_) => Some(self.here),
            Mode::NoQuorum => None,
            Mode::Passive => {
                let holder = state.managers.tenure.as_ref()?.active;
                (Some(holder) == self.standing.leader && holder != self.here).then_some(holder)
            }
        }
    }

    fn peer(&self, id: ManagerId) -> Option<&PeerReport> {
        self.peers.iter().find(|peer| peer.id == id)
    }

    /// Whether a member answers; this one always does.
    pub(crate) fn reaches(&self, id: ManagerId) -> bool {
        id == self.here || self.peer(id).is_some_and(|peer| peer.reachable)
    }

    /// How long ago a member last answered; `None` if never since this process started.
    pub(crate) fn contact_ms(&self, id: ManagerId) -> Option<u64> {
        if id == self.here { Some(0) } else { self.peer(id)?.age_ms }
    }

    /// What a member last told of itself.
    pub(crate) fn status(&self, id: ManagerId) -> Option<&MemberStatus> {
        if id == self.here { Some(&self.own) } else { self.peer(id)?.status.as_ref() }
    }

    /// Every member that ever told of itself, this one first.
    pub(crate) fn statuses(&self) -> impl Iterator<Item = (ManagerId, &MemberStatus)> {
        let others = self.peers.iter().filter_map(|peer| Some((peer.id, peer.status.as_ref()?)));
        std::iter::once((self.here, &self.own)).chain(others)
    }

    /// The newest entry anybody is known to have.
    pub(crate) fn last_log(&self) -> Revision {
        let known = self.statuses().map(|(_, status)| status.last_log).max();
        known.unwrap_or_default().max(self.standing.last_log)
    }

    /// How many entries a member is behind, by what was known when it last told: an entry that came since is no lag yet.
    /// `None` when it was never heard.
    pub(crate) fn lag(&self, id: ManagerId) -> Option<u64> {
        let applied = self.status(id)?.applied;
        let newest = match self.peer(id) {
            Some(peer) => peer.newest_then.unwrap_or_default(),
            None => self.last_log(),
        };
        Some(newest.0.saturating_sub(applied.0))
    }

    /// Votes needed to agree on anything.
    pub(crate) fn quorum(&self) -> usize {
        self.standing.voters.len() / 2 + 1
    }

    /// Everything a plan sees of the group, as far as this Manager knows it.
    pub(crate) fn seen(&self) -> Seen {
        let answering = self.statuses().filter(|(id, _)| self.reaches(*id));
        let mut matched = self.standing.matched.clone();
        for (id, status) in self.statuses() {
            matched.entry(id).or_insert(status.last_log);
        }
        Seen {
            voters: self.standing.voters.clone(),
            learners: self.standing.learners.clone(),
            joint: self.standing.joint(),
            last_log: self.last_log(),
            matched,
            processes: answering.map(|(id, status)| (id, status.about.started_at)).collect(),
            full: self
                .statuses()
                .filter(|(_, it)| it.disk_full.is_some())
                .map(|(id, _)| id)
                .collect(),
            worked_ms: BTreeMap::new(),
            now: self.at,
        }
    }

    /// Whether the voters that answer still agree on things without these.
    pub(crate) fn quorum_without(&self, gone: &BTreeSet<ManagerId>) -> bool {
        self.standing.configs.iter().all(|config| {
            let left = config.iter().filter(|id| self.reaches(**id) && !gone.contains(id));
            left.count() > config.len() / 2
        })
    }

    /// How many more voters may fail before nothing can be agreed on.
    pub(crate) fn failure_tolerance(&self) -> usize {
        self.standing.failure_tolerance(|id| self.reaches(id))
    }
}
