//! One step being worked on: what every step does the same way. It tells that it begins before it acts, counts
//! its time, and ends with a sentence.

use super::{Act, Deed, Move, Place};
use crate::base::Epoch;
use crate::capabilities::managers::plan::Seen;
use crate::capabilities::operations::model::{Kind, Step, StepEnd, StepStatus, Work};
use crate::machine::State;

/// Longest time one step may take in one tenure. Facts are tens of megabytes at most, so a member that has not
/// got them in ten minutes is not reachable, or slower than the group writes.
pub const STEP_MAX_MS: u64 = 10 * 60 * 1000;

/// A step, and everything its next move depends on.
pub(super) struct Doing<'s> {
    pub(super) state: &'s State,
    pub(super) seen: &'s Seen,
    pub(super) epoch: Epoch,
    pub(super) at: Place,
    pub(super) step: &'s Step,
    pub(super) kind: &'s Kind,
    pub(super) work: Work<'s>,
}

impl Doing<'_> {
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
            self.end(StepEnd::Failed, format!("not done within {longest}; last known: {known}"))
        })
    }

    /// For how long it has been worked on in this tenure.
    pub(super) fn running_ms(&self) -> u64 {
        let since = self.step.started_at.unwrap_or(self.seen.now);
        self.seen.now.since_ms(since)
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
        Some(self.end(StepEnd::Failed, detail))
    }

    pub(super) fn deed(&self, deed: Deed, because: impl Into<String>) -> Option<Move> {
        Some(Move { because: because.into(), act: Act::Do { at: self.at, deed } })
    }
}
