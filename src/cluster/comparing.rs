//! Do all members have the same facts? They take the digest of theirs at the same revisions, tell each other once
//! a second, and compare (row 81).
//!
//! A revision is read when the group's own clock enters another window, which is the same entry on every member;
//! and when nothing changed since the last look. The digest is taken of a copy, off the path of the entries.
//! Whoever differs from a majority stops, and makes its facts anew at its next start. Without a majority nobody
//! knows who is right: then everybody says so, and nobody stops.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::Group;
use super::status::PeerReport;
use crate::base::{Digest, ManagerId, Revision};
use crate::machine::{self, State};

/// A revision is read in each of these windows of the group's clock in which an entry was proposed.
pub(super) const WINDOW_MS: u64 = 30_000;

/// Readings kept and told. Members are rarely further apart than a few.
const KEPT: usize = 8;

/// The digest of all facts at a revision.
pub type Reading = (Revision, Digest);

/// The newest readings of this member.
#[derive(Default)]
pub(crate) struct Readings {
    taken: Mutex<VecDeque<Reading>>,
}

impl Readings {
    fn add(&self, reading: Reading) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|(revision, _)| *revision != reading.0);
        taken.push_back(reading);
        if taken.len() > KEPT {
            taken.pop_front();
        }
    }

    pub(super) fn told(&self) -> Vec<Reading> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    fn has(&self, revision: Revision) -> bool {
        self.told().iter().any(|(taken, _)| *taken == revision)
    }
}

/// Members whose facts are not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where they were compared.
    pub revision: Revision,
    /// Who differs from a majority; empty when there is none.
    pub odd: Vec<ManagerId>,
}

impl Difference {
    /// For an operator.
    pub fn told(&self) -> String {
        let Difference { revision, odd } = self;
        let odd: Vec<String> = odd.iter().map(ToString::to_string).collect();
        match odd.is_empty() {
            true => format!(
                "the facts of the members differ at revision {revision}, and no majority says whose are right"
            ),
            false => format!(
                "the facts of {} differ from the majority's at revision {revision}",
                odd.join(", ")
            ),
        }
    }
}

/// Compares what `told` holds at the newest revision that more than one member has read.
fn compare(told: &BTreeMap<ManagerId, Vec<Reading>>, members: usize) -> Option<Difference> {
    let mut at: BTreeMap<Revision, BTreeMap<Digest, Vec<ManagerId>>> = BTreeMap::new();
    for (id, readings) in told {
        for (revision, digest) in readings {
            at.entry(*revision).or_default().entry(*digest).or_default().push(*id);
        }
    }
    let common =
        |by: &BTreeMap<Digest, Vec<ManagerId>>| by.values().map(Vec::len).sum::<usize>() > 1;
    let (revision, by_digest) = at.into_iter().rev().find(|(_, by_digest)| common(by_digest))?;
    if by_digest.len() == 1 {
        return None;
    }
    let right = by_digest.values().position(|ids| ids.len() > members / 2);
    let others = by_digest
        .into_values()
        .enumerate()
        .filter(|(at, _)| right.is_some_and(|right| right != *at));
    Some(Difference { revision, odd: others.flat_map(|(_, ids)| ids).collect() })
}

impl Group {
    /// What differs, as this member saw it when it last compared.
    pub fn difference(&self) -> Option<Difference> {
        self.core.difference.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the readings that are due. `before` is the revision of the last look.
    pub(super) async fn take_readings(&self, before: Revision) -> Revision {
        let now = *self.applied().borrow();
        let mut due: Vec<State> = self.core.replica.take_due();
        if now == before && now != Revision(0) && !self.core.readings.has(now) {
            due.push(self.view(State::clone));
        }
        for state in due {
            let reading = move || (state.kernel.revision, machine::digest(&state));
            match raft_store::aside(reading).await {
                Ok(reading) => self.core.readings.add(reading),
                Err(error) => tracing::error!(%error, "no digest of the facts"),
            }
        }
        now
    }

    /// Compares with what the others told last.
    pub(super) fn compare_facts(&self, peers: &[PeerReport]) {
        let mut told = BTreeMap::from([(self.here(), self.core.readings.told())]);
        // Another build may keep the same facts in another form, and its digest says nothing to this one.
        let version = &self.core.about.version;
        told.extend(peers.iter().filter(|peer| peer.reachable).filter_map(|peer| {
            let status = peer.status.as_ref().filter(|status| status.about.version == *version)?;
            Some((peer.id, status.readings.clone()))
        }));
        let members = self.view(|state| state.managers.members.len()).max(told.len());
        self.note_difference(compare(&told, members));
    }

    fn note_difference(&self, found: Option<Difference>) {
        let mut known = self.core.difference.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == found {
            return;
        }
        match &found {
            Some(difference) => {
                tracing::error!(difference = %difference.told(), "members disagree")
            }
            None => tracing::info!("all members have the same facts again"),
        }
        if let Some(difference) = &found
            && difference.odd.contains(&self.here())
        {
            self.doubt(&difference.told());
        }
        *known = found;
    }

    /// Leaves the note that makes the next start put the facts aside, and ends this run.
    fn doubt(&self, because: &str) {
        if let Err(error) = raft_store::doubt(&self.core.home.store_dir(), because) {
            tracing::error!(%error, "the note for the next start could not be left");
        }
        let told = format!("{because}. They are put aside and made anew at the next start");
        self.core.doubted.set(told).unwrap_or_else(|_| tracing::debug!("doubted before"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(digests: &[(u64, u64, u8)]) -> BTreeMap<ManagerId, Vec<Reading>> {
        let mut told: BTreeMap<ManagerId, Vec<Reading>> = BTreeMap::new();
        for (id, revision, digest) in digests {
            let reading = (Revision(*revision), Digest([*digest; 32]));
            told.entry(ManagerId(*id)).or_default().push(reading);
        }
        told
    }

    fn odd(digests: &[(u64, u64, u8)], members: usize) -> Option<Vec<u64>> {
        let difference = compare(&told(digests), members)?;
        Some(difference.odd.into_iter().map(|id| id.0).collect())
    }

    // row 81
    #[test]
    fn a_majority_says_who_is_odd_and_without_one_nobody_is() {
        assert_eq!(odd(&[(1, 7, 1), (2, 7, 1), (3, 7, 1)], 3), None);
        assert_eq!(odd(&[(1, 7, 1), (2, 7, 1), (3, 7, 2)], 3), Some(vec![3]));
        assert_eq!(odd(&[(1, 7, 1), (2, 7, 2)], 2), Some(vec![]));
        // One of three is away: two that differ are no majority for either.
        assert_eq!(odd(&[(1, 7, 1), (2, 7, 2)], 3), Some(vec![]));
        assert_eq!(odd(&[(1, 7, 1), (2, 7, 2), (3, 7, 3)], 3), Some(vec![]));
    }

    #[test]
    fn only_readings_at_the_same_revision_are_compared_and_the_newest_of_them_decides() {
        assert_eq!(odd(&[(1, 7, 1), (2, 8, 2), (3, 9, 3)], 3), None);
        assert_eq!(odd(&[], 3), None);
        // They differed, and one was made anew since.
        let healed = [(1, 7, 1), (2, 7, 1), (3, 7, 2), (1, 9, 4), (3, 9, 4)];
        assert_eq!(odd(&healed, 3), None);
    }
}
