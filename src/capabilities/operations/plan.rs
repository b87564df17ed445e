//! What the operations' room has to do: the next step of every open operation, and the undoing of what failed.
//!
//! Every step checks before it does, so whoever is Active may take up any operation at any point. A step tells
//! that it began before it acts, and one that does not come to its end in time fails with what was last known.
//! The steps themselves: `addition`, `office` (who is Active), `process` (restarting), `removal`, `wave` (services).

mod addition;
mod office;
mod on_host;
mod process;
mod removal;
mod step;
mod wave;

use self::step::Doing;
use super::model::{Kind, Operation, Status, StepEnd, Task, newcomer};
use crate::base::{Epoch, HostId, ManagerId, Revision};
use crate::capabilities::managers::model::Role;
use crate::capabilities::managers::plan::Seen;
use crate::machine::State;

pub use self::step::{CHORE_MAX_MS, STEP_MAX_MS};

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
    /// Do something on a host for a step. Others are not held up by a host that is slow to answer.
    Chore {
        /// The operation and its step.
        at: Place,
        /// Where.
        host: HostId,
        /// What.
        chore: Chore,
        /// How the step ends if it cannot be done.
        otherwise: StepEnd,
    },
    /// Do something with services, side by side, for a step.
    Wave {
        /// The operation and its step.
        at: Place,
        /// What.
        deed: WaveDeed,
    },
    /// Ask for prechecks of a host.
    Look {
        /// Its name.
        host: String,
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

/// What a step can do on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Start a member's service.
    Start(ManagerId),
    /// Stop a member's service.
    Stop {
        /// Whose.
        member: ManagerId,
        /// Whether it is to stay stopped: then that is noted, so that nobody takes it for a failure.
        for_good: bool,
    },
    /// Stop the service of whoever is no member any more.
    Uninstall,
    /// Let the host in.
    Join(Role),
    /// Write the Disaster Recovery script.
    Push,
}

/// What a step can do with services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaveDeed {
    /// Start them.
    Start,
    /// Stop them.
    Stop,
    /// See whether they serve.
    Serve,
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
    // The steps of a newcomer name nobody; those about nobody have no use for it.
    let member = work.manager.or_else(|| newcomer(&state.managers, id, operation));
    let doing =
        Doing { state, seen, epoch, at, step, operation, kind: &operation.kind, work, member };
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
            Task::Prechecks => self.prechecks(),
            Task::Join => self.join(),
            Task::Start => self.start(),
            Task::Stop => self.stop(),
            Task::Uninstall => self.uninstall(),
            Task::Push => self.push(),
            Task::Confirm => self.confirm(),
            Task::Evidence => self.evidence(),
            Task::StartServices => self.wave(WaveDeed::Start),
            Task::StopServices => self.wave(WaveDeed::Stop),
            Task::ServeServices => self.wave(WaveDeed::Serve),
        }
    }

    fn lost_its_member(&self) -> bool {
        let known = |member| self.state.managers.members.contains_key(&member);
        self.work.task.needs_its_member() && !self.member.is_some_and(known)
    }
}

/// Takes back what an addition that failed or was called off has left: first out of Raft, then out of the facts.
/// One that votes stays, whatever the operation says: it came too late to be called off, and taking a vote away
/// is for a person to decide. Whom its host let in is taken back by an operation of its own, on its host too.
fn undo(state: &State, seen: &Seen, member: ManagerId) -> Option<Move> {
    let (_, operation) = state.operations.addition_of(&state.managers, member)?;
    let Kind::AddManager { .. } = operation.kind else { return None };
    let why = match operation.status {
        Status::Failed => operation.error.clone().unwrap_or_default(),
        Status::Cancelled => "it was called off".to_owned(),
        Status::Queued | Status::Running | Status::NeedsDecision | Status::Succeeded => {
            return None;
        }
    };
    if seen.voters.contains(&member) || state.operations.about(&state.managers, member).is_some() {
        return None;
    }
    let because = format!("its addition came to nothing: {why}");
    let act = match seen.learners.contains(&member) {
        true => Act::Remove(member),
        false => Act::Withdraw { member, because: because.clone() },
    };
    Some(Move { because, act })
}
