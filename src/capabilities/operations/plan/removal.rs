//! Taking a member out of the group: its vote first, then its place in the facts, then the log (row 87).
//!
//! It still gets the log when it is taken out of the facts, so that it learns of its own removal, says so and
//! stops. One that is given up for lost is not waited for.

use super::step::{Doing, STEP_MAX_MS};
use super::{Act, Deed, Move};
use crate::capabilities::operations::model::{Kind, Removal};

/// Longest time a removed member is given to learn of it.
const FAREWELL_MS: u64 = 5_000;

impl Doing<'_> {
    pub(super) fn demote(&self) -> Option<Move> {
        let (host, member) = (self.work.host, self.member());
        if self.state.managers.is_active(member) {
            // Whoever took over from it has died since.
            return self.hand_over();
        }
        if !self.seen.voters.contains(&member) && !self.seen.joint {
            return self.done(format!("{host} does not vote"));
        }
        let begun =
            self.begun(STEP_MAX_MS, format!("asking the group to do without the vote of {host}"));
        begun.or_else(|| self.deed(Deed::Demote(member), format!("{host} is to be removed")))
    }

    pub(super) fn withdraw(&self) -> Option<Move> {
        let (host, member) = (self.work.host, self.member());
        if self.state.managers.removed.contains_key(&member) {
            return self.done(format!("{host} is no member any more"));
        }
        let why = match self.kind {
            Kind::RemoveManager { why: Removal::Lost, .. } => "it was given up for lost",
            Kind::RemoveManager { why: Removal::NotAdded, .. } => "its addition came to nothing",
            Kind::Replace { .. } => "it was replaced",
            _ => "it was deleted",
        };
        let because = format!("{why}, asked for by {}", self.operation.requested_by);
        Some(Move { because: because.clone(), act: Act::Withdraw { member, because } })
    }

    pub(super) fn leave(&self) -> Option<Move> {
        let (host, member) = (self.work.host, self.member());
        if !self.seen.counts(member) {
            return self.done(format!("{host} gets nothing of the log any more"));
        }
        let begun = self.begun(STEP_MAX_MS, format!("giving {host} time to learn of it"));
        if begun.is_some() {
            return begun;
        }
        let lost = matches!(self.kind, Kind::RemoveManager { why: Removal::Lost, .. });
        let waited = lost || !self.seen.answers(member) || self.running_ms() >= FAREWELL_MS;
        waited.then(|| self.deed(Deed::Remove(member), format!("{host} was removed")))?
    }
}
