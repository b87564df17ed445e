//! Who is Active: handing over to a chosen Manager, or away from one (rows 49, 67, 78).
//!
//! A hand-over ends the tenure it is made in, so its step is ended by whoever is Active then: by the new one when
//! it came about, by the old one, in a new tenure, when it did not.

use super::step::Doing;
use super::{Deed, Move};
use crate::base::ManagerId;
use crate::capabilities::managers::plan::{hindrance, successor};
use crate::capabilities::operations::model::{Kind, StepEnd};

/// How often is tried. Each try is a moment without an Active.
const TRIES: u32 = 3;

/// Longest time a hand-over may be refused without anything having been tried.
const REFUSED_MAX_MS: u64 = 60_000;

impl Doing<'_> {
    /// The member takes over from whoever is Active.
    pub(super) fn take_over(&self) -> Option<Move> {
        let (host, to) = (self.work.host, self.member());
        if self.state.managers.is_active(to) {
            return self.done(format!("{host} is Active"));
        }
        match hindrance(self.state, self.seen, to) {
            Some(why) => self.failed(format!("{host} cannot take over: {why}")),
            None => self.hand(to),
        }
    }

    /// Whoever can takes over from the member, if it is Active.
    pub(super) fn hand_over(&self) -> Option<Move> {
        let host = self.work.host;
        if !self.state.managers.is_active(self.member()) {
            return self.done(format!("{host} is not Active"));
        }
        match (successor(self.state, self.seen), self.kind) {
            (Some(to), _) => self.hand(to),
            (None, Kind::RestartActive(_)) => {
                let detail =
                    "no healthy Passive: Kyvos Manager is unavailable while it restarts".to_owned();
                Some(self.end(StepEnd::Skipped, detail))
            }
            (None, _) => self.failed(format!("nobody can take over from {host}")),
        }
    }

    fn hand(&self, to: ManagerId) -> Option<Move> {
        let host = self.host_of(to);
        if self.step.attempt >= TRIES && self.step.epoch != Some(self.epoch) {
            return self.failed(format!("{host} did not take over, {TRIES} times"));
        }
        let begun = self.begun(REFUSED_MAX_MS, format!("handing over to {host}"));
        begun.or_else(|| self.deed(Deed::HandOver(to), format!("{host} is to be Active")))
    }

    fn host_of(&self, member: ManagerId) -> String {
        let known = self.state.managers.members.get(&member);
        known.map_or_else(|| member.to_string(), |known| known.profile.host.clone())
    }
}
