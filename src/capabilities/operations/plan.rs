//! What the operations' room has to do: the next step of every open operation, and the undoing of what failed.
//!
//! Every step checks before it does, so whoever is Active may take up any operation at any point. A step tells
//! that it began before it acts, and one that does not come to its end in time fails with what was last known.
//! The steps themselves: `addition`, `office` (who is Active), `process` (restarting), `removal`.

mod addition;
mod office;
mod process;
mod removal;
mod step;

use self::step::Doing;
use super::model::{Operation, Status, StepEnd, Task};
use crate::base::{Epoch, ManagerId, Revision};
use crate::capabilities::managers::plan::Seen;
use crate::machine::State;

pub use self::step::STEP_MAX_MS;

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
    /// Change something outside the facts for a step.
    Do {
        /// The operation and its step.
        at: Place,
        /// What.
        deed: Deed,
    },
    /// Take back what an addition left in Raft's membership.
    Remove(ManagerId),
    /// Take a member that does not vote out of the facts.
    Withdraw {
        /// Who.
        member: ManagerId,
        /// Why, for people.
        because: String,
    },
}

/// What a step can change outside the facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Let a member follow, without a vote.
    AddLearner(ManagerId),
    /// Give a member its vote.
    Promote(ManagerId),
    /// Take a member's vote.
    Demote(ManagerId),
    /// Take a member out of Raft's membership.
    Remove(ManagerId),
    /// Hand the lead over.
    HandOver(ManagerId),
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
    let work = operation.work(place)?;
    let at = Place { id, step: place };
    let doing = Doing { state, seen, epoch, at, step, kind: &operation.kind, work };
    doing.next()
}

impl Doing<'_> {
    fn next(&self) -> Option<Move> {
        if self.lost_its_member() {
            let detail = format!("{} is no longer a member of the group", self.work.host);
            return Some(self.end(StepEnd::Failed, detail));
        }
        match self.work.task {
            Task::Learner => self.learner(),
            Task::CatchUp => self.catch_up(),
            Task::Voter => self.voter(),
            Task::TakeOver => self.take_over(),
            Task::HandOver => self.hand_over(),
            Task::Restart => self.restart(),
            Task::Return => self.come_back(),
            Task::Demote => self.demote(),
            Task::Withdraw => self.withdraw(),
            Task::Leave => self.leave(),
        }
    }

    /// Every step but the last ones of a removal needs its member.
    fn lost_its_member(&self) -> bool {
        let gone = !self.state.managers.members.contains_key(&self.work.manager);
        gone && !matches!(self.work.task, Task::Withdraw | Task::Leave)
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
    if seen.voters.contains(&member) || state.operations.about(member).is_some() {
        return None;
    }
    let because = format!("its addition came to nothing: {why}");
    let act = match seen.learners.contains(&member) {
        true => Act::Remove(member),
        false => Act::Withdraw { member, because: because.clone() },
    };
    Some(Move { because, act })
}
