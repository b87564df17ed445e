//! What the operations' room has to do: the next step of every open operation, and the undoing of what failed.
//!
//! Every step checks before it does, so whoever is Active may take up any operation at any point. A step tells
//! that it began before it acts, and one that does not come to its end in time fails with what was last known.

use super::model::{Kind, Operation, Status, Step, StepEnd, StepStatus};
use crate::base::{Epoch, ManagerId, Revision};
use crate::capabilities::managers::plan::Seen;
use crate::machine::State;

/// Longest time one step may take in one tenure. Facts are tens of megabytes at most, so a member that has not
/// got them in ten minutes is not reachable, or slower than the group writes.
pub const STEP_MAX_MS: u64 = 10 * 60 * 1000;

/// So few entries behind counts as caught up: what is left arrives while its vote is being agreed on.
pub const CAUGHT_UP_ENTRIES: u64 = 64;

/// Progress is told again after this part of the whole, so that telling it does not become the work.
const PROGRESS_ONE_IN: u64 = 20;

/// One thing to do, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Why, as it is logged.
    pub because: String,
    /// What.
    pub act: Act,
}

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Tell that a step has begun, or how far it is.
    Tell {
        /// The operation and its step.
        at: Place,
        /// How far it is.
        detail: String,
    },
    /// Tell how a step ended.
    End {
        /// The operation and its step.
        at: Place,
        /// How.
        end: StepEnd,
        /// What came of it.
        detail: String,
    },
    /// Let a member follow, without a vote.
    AddLearner {
        /// The operation and its step.
        at: Place,
        /// Who.
        member: ManagerId,
    },
    /// Give a member its vote.
    Promote {
        /// The operation and its step.
        at: Place,
        /// Who.
        member: ManagerId,
    },
    /// Take a member out of Raft's membership.
    Remove(ManagerId),
    /// Take a member that does not vote out of the facts.
    Withdraw {
        /// Who.
        member: ManagerId,
        /// Why, for people.
        because: String,
    },
}

/// An operation and one of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The operation.
    pub id: Revision,
    /// The step's place, from 0.
    pub step: u32,
}

/// The moves to make now, at most one for each operation. Nothing when all is done.
pub fn plan(state: &State, seen: &Seen, epoch: Epoch) -> Vec<Move> {
    let operations = &state.operations.operations;
    let forward =
        operations.iter().filter_map(|(id, operation)| next(state, seen, epoch, *id, operation));
    let back = state.managers.members.keys().filter_map(|member| undo(state, seen, *member));
    forward.chain(back).collect()
}

/// The next move of an open operation.
fn next(
    state: &State,
    seen: &Seen,
    epoch: Epoch,
    id: Revision,
    operation: &Operation,
) -> Option<Move> {
    match operation.status {
        Status::Queued | Status::Running => {}
        Status::NeedsDecision | Status::Succeeded | Status::Failed | Status::Cancelled => {
            return None;
        }
    }
    let (place, step) = operation.next_step()?;
    let at = Place { id, step: place };
    match &operation.kind {
        Kind::AddManager { manager, host } => {
            let added = Addition { seen, at, step, member: *manager, host };
            if !state.managers.members.contains_key(manager) {
                let detail = format!("{host} is no longer a member of the group");
                return Some(added.end(StepEnd::Failed, detail));
            }
            added.next(epoch)
        }
    }
}

/// One step of the addition of a Manager or witness.
struct Addition<'s> {
    seen: &'s Seen,
    at: Place,
    step: &'s Step,
    member: ManagerId,
    host: &'s str,
}

impl Addition<'_> {
    fn next(&self, epoch: Epoch) -> Option<Move> {
        if self.seen.votes(self.member) {
            return Some(self.end(StepEnd::Done, format!("{} votes", self.host)));
        }
        match self.step.name.as_str() {
            "learner" => self.learner(epoch),
            "catch-up" => self.catch_up(epoch),
            "voter" => self.voter(epoch),
            other => unreachable!("an addition has no step {other}"),
        }
    }

    fn learner(&self, epoch: Epoch) -> Option<Move> {
        if self.seen.counts(self.member) {
            return Some(self.end(StepEnd::Done, format!("{} follows the log", self.host)));
        }
        let begun = self.begun(epoch, format!("asking the group to let {} follow", self.host));
        begun.or_else(|| Some(self.act(Act::AddLearner { at: self.at, member: self.member })))
    }

    fn catch_up(&self, epoch: Epoch) -> Option<Move> {
        if !self.seen.counts(self.member) {
            let detail = format!("{} does not follow the log any more", self.host);
            return Some(self.end(StepEnd::Failed, detail));
        }
        let whole = self.seen.last_log.0;
        let got = self.seen.matched.get(&self.member).map_or(0, |matched| matched.0.min(whole));
        let progress = format!("{got} of {whole} entries");
        if whole - got <= CAUGHT_UP_ENTRIES {
            return Some(self.end(StepEnd::Done, progress));
        }
        if let Some(begun) = self.begun(epoch, progress.clone()) {
            return Some(begun);
        }
        let worth_telling = got >= self.told() + (whole / PROGRESS_ONE_IN).max(1);
        worth_telling.then(|| self.tell(progress))
    }

    fn voter(&self, epoch: Epoch) -> Option<Move> {
        if !self.seen.counts(self.member) {
            let detail = format!("{} does not follow the log any more", self.host);
            return Some(self.end(StepEnd::Failed, detail));
        }
        let begun = self.begun(epoch, format!("asking the group to let {} vote", self.host));
        begun.or_else(|| Some(self.act(Act::Promote { at: self.at, member: self.member })))
    }

    /// The move before the work: tell that it begins in this tenure, or that its time is over.
    fn begun(&self, epoch: Epoch, detail: String) -> Option<Move> {
        if self.step.status != StepStatus::Running || self.step.epoch != Some(epoch) {
            return Some(self.tell(detail));
        }
        let since = self.step.started_at.unwrap_or(self.seen.now);
        let late = self.seen.now.since_ms(since) > STEP_MAX_MS;
        late.then(|| {
            let minutes = STEP_MAX_MS / 60_000;
            let known = &self.step.detail;
            self.end(
                StepEnd::Failed,
                format!("not done within {minutes} minutes; last known: {known}"),
            )
        })
    }

    /// How many entries the last progress told of.
    fn told(&self) -> u64 {
        self.step.detail.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
    }

    fn tell(&self, detail: String) -> Move {
        self.act(Act::Tell { at: self.at, detail })
    }

    fn end(&self, end: StepEnd, detail: String) -> Move {
        self.act(Act::End { at: self.at, end, detail })
    }

    fn act(&self, act: Act) -> Move {
        let because = match &act {
            Act::Tell { detail, .. } | Act::End { detail, .. } => detail.clone(),
            Act::AddLearner { .. } => format!("{} was admitted and does not follow yet", self.host),
            Act::Promote { .. } => format!("{} has caught up", self.host),
            Act::Remove(_) | Act::Withdraw { .. } => unreachable!("a step never goes back"),
        };
        Move { because, act }
    }
}

/// Takes back what an addition that failed or was called off has left: first out of Raft, then out of the facts.
/// One that votes stays, whatever the operation says: it came too late to be called off, and taking a vote away
/// is for a person to decide.
fn undo(state: &State, seen: &Seen, member: ManagerId) -> Option<Move> {
    let (_, operation) = state.operations.addition_of(member)?;
    let why = match operation.status {
        Status::Failed => operation.error.clone().unwrap_or_default(),
        Status::Cancelled => "it was called off".to_owned(),
        Status::Queued | Status::Running | Status::NeedsDecision | Status::Succeeded => {
            return None;
        }
    };
    if seen.voters.contains(&member) {
        return None;
    }
    let because = format!("its addition came to nothing: {why}");
    let act = match seen.learners.contains(&member) {
        true => Act::Remove(member),
        false => Act::Withdraw { member, because: because.clone() },
    };
    Some(Move { because, act })
}
