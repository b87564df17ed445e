//! One step being worked on: what every step does the same way. It tells that it begins before it acts, counts
//! its time, and ends with a sentence.

use super::{Act, Chore, Deed, Move, Place};
use crate::base::{Epoch, HostId, ManagerId};
use crate::capabilities::managers::plan::Seen;
use crate::capabilities::operations::model::{Kind, Operation, Step, StepEnd, StepStatus, Work};
use crate::machine::State;

/// Longest time one step may take in one tenure. Facts are tens of megabytes at most, so a member that has not
/// got them in ten minutes is not reachable, or slower than the group writes.
pub const STEP_MAX_MS: u64 = 10 * 60 * 1000;

/// Longest time something may take on a host in one tenure: a little longer than a host is given to stop a service.
pub const CHORE_MAX_MS: u64 = 6 * 60 * 1000;

/// A step, and everything its next move depends on.
pub(super) struct Doing<'s> {
    pub(super) state: &'s State,
    pub(super) seen: &'s Seen,
    pub(super) epoch: Epoch,
    pub(super) at: Place,
    pub(super) step: &'s Step,
    pub(super) operation: &'s Operation,
    pub(super) kind: &'s Kind,
    pub(super) work: Work<'s>,
    /// With whom; `None` as long as nobody was let in, and where it is about nobody.
    pub(super) member: Option<ManagerId>,
}

impl Doing<'_> {
    /// With whom.
    pub(super) fn member(&self) -> ManagerId {
        self.member.expect("a step that is about a member is not begun without it")
    }

    /// On which host.
    pub(super) fn host(&self) -> HostId {
        self.work.at.expect("a step that acts on a host knows the way")
    }

    /// The move before the work: tell that it begins in this tenure, or that its time is over.
    pub(super) fn begun(&self, longest_ms: u64, detail: impl Into<String>) -> Option<Move> {
        if self.step.status != StepStatus::Running || self.step.epoch != Some(self.epoch) {
            return Some(self.tell(detail));
        }
        let known = &self.step.detail;
        let over = self.running_ms() > longest_ms;
        over.then(|| {
            let longest = match longest_ms / 60_000 {
                1 => "1 minute".to_owned(),
                minutes => format!("{minutes} minutes"),
            };
            self.end(self.given_up(), format!("not done within {longest}; last known: {known}"))
        })
    }

    /// For how long it has been worked on in this tenure.
    pub(super) fn running_ms(&self) -> u64 {
        self.seen.worked_on_ms(self.at.id, self.at.step)
    }

    pub(super) fn tell(&self, detail: impl Into<String>) -> Move {
        let detail = detail.into();
        Move { because: detail.clone(), act: Act::Tell { at: self.at, detail } }
    }

    pub(super) fn end(&self, end: StepEnd, detail: impl Into<String>) -> Move {
        let detail = detail.into();
        Move { because: detail.clone(), act: Act::End { at: self.at, end, detail } }
    }

    pub(super) fn done(&self, detail: impl Into<String>) -> Option<Move> {
        Some(self.end(StepEnd::Done, detail))
    }

    pub(super) fn failed(&self, detail: impl Into<String>) -> Option<Move> {
        Some(self.end(self.given_up(), detail))
    }

    /// How a step ends that cannot be done: with the operation, or passed over.
    pub(super) fn given_up(&self) -> StepEnd {
        if self.kind.passes_over() { StepEnd::Skipped } else { StepEnd::Failed }
    }

    /// Something to do on the step's host, once it was told that it begins.
    pub(super) fn chore(&self, chore: Chore, because: impl Into<String>) -> Option<Move> {
        self.chore_or(chore, because, self.given_up())
    }

    /// The same, with the end of the step should it come to nothing.
    pub(super) fn chore_or(
        &self,
        chore: Chore,
        because: impl Into<String>,
        otherwise: StepEnd,
    ) -> Option<Move> {
        let because = because.into();
        let begun = self.begun(CHORE_MAX_MS, because.clone());
        let host = self.host();
        let act = Act::Chore { at: self.at, host, chore, otherwise };
        begun.or(Some(Move { because, act }))
    }

    pub(super) fn deed(&self, deed: Deed, because: impl Into<String>) -> Option<Move> {
        Some(Move { because: because.into(), act: Act::Do { at: self.at, deed } })
    }
}
