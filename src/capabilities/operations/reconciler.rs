//! One pass of the operations' room: look, choose, make each move. What is done on hosts has a loop of its own in
//! `chores`, so that a host that is slow to answer holds up nobody else.

mod chores;
mod waves;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::BoxFuture;

use super::command::Command;
use super::plan::{Act, Deed, Move, Place, plan};
use crate::capabilities::managers::model as managers;
use crate::capabilities::managers::port::{ActFailure, InTenure, Reach};
use crate::capabilities::prechecks::model as prechecks;
use crate::cluster::{Group, MembershipFailure};
use crate::leadership::{Pass, Reconciler, Tenure};

pub use self::chores::Chores;

/// How often is looked how far a member has caught up. Everything else is noticed by its event.
const PERIOD: Duration = Duration::from_millis(500);

/// Carries operations forward, and failed ones back.
pub struct Operations {
    group: Group,
}

impl Operations {
    /// The reconciler of this group.
    pub fn of(group: Group) -> Self {
        Self { group }
    }
}

impl Reconciler for Operations {
    fn name(&self) -> &'static str {
        "operations"
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    fn pass<'a>(&'a self, tenure: &'a Tenure) -> BoxFuture<'a, Pass> {
        Box::pin(async move { pass(&InTenure::of(&self.group, tenure)).await })
    }
}

/// One move that fails does not hold up those of other operations.
async fn pass(reach: &impl Reach) -> Pass {
    let epoch = reach.epoch();
    let mut moves = reach.look(|state, seen| plan(state, seen, epoch));
    moves.retain(|step| !matches!(step.act, Act::Chore { .. } | Act::Wave { .. }));
    let mut done = Pass::Nothing;
    for Move { because, act } in moves {
        match make(reach, act).await {
            Ok(()) if !matches!(done, Pass::Failed(_)) => done = Pass::Did(because),
            Ok(()) => {}
            Err(failure) => done = Pass::Failed(format!("{because}: {failure}")),
        }
    }
    done
}

async fn make(reach: &impl Reach, act: Act) -> Result<(), ActFailure> {
    let epoch = reach.epoch();
    match act {
        Act::Tell { at, detail } => tell(reach, at, detail).await,
        Act::End { at: Place { id, step }, end, detail } => {
            reach.propose(Command::StepEnded { id, step, end, detail, epoch }.into()).await
        }
        Act::Do { at, deed } => told(reach, at, carry_out(reach, deed).await).await,
        Act::Chore { .. } | Act::Wave { .. } => Ok(()),
        Act::Look { host } => {
            let hosts = BTreeSet::from([host]);
            reach.propose(prechecks::Command::Ask { hosts }.into()).await
        }
        Act::Remove(member) => reach.remove(member).await,
        Act::Withdraw { member, because } => {
            reach.propose(managers::Command::Withdraw { manager: member, because }.into()).await
        }
    }
}

async fn carry_out(reach: &impl Reach, deed: Deed) -> Result<(), ActFailure> {
    match deed {
        Deed::AddLearner(member) => reach.add_learner(member).await,
        Deed::Promote(member) => reach.promote(member).await,
        Deed::Demote(member) => reach.demote(member).await,
        Deed::Remove(member) => reach.remove(member).await,
        Deed::HandOver(to) => reach.hand_over(to).await,
    }
}

async fn tell(reach: &impl Reach, at: Place, detail: String) -> Result<(), ActFailure> {
    let Place { id, step } = at;
    let epoch = reach.epoch();
    reach.propose(Command::StepStarted { id, step, detail, epoch }.into()).await
}

/// A failure is told once in the operation, where people look for it; the next pass tries again.
async fn told(
    reach: &impl Reach,
    at: Place,
    outcome: Result<(), ActFailure>,
) -> Result<(), ActFailure> {
    let Err(failure) = outcome else { return Ok(()) };
    let detail = in_words(&failure);
    let known = reach.look(|state, _| {
        let operation = state.operations.operations.get(&at.id);
        operation
            .and_then(|operation| operation.next_step())
            .is_some_and(|(_, step)| step.detail == detail)
    });
    if !known {
        tell(reach, at, detail).await?;
    }
    Err(failure)
}

/// What changes from one try to the next is left out: it would be told every time.
fn in_words(failure: &ActFailure) -> String {
    match failure {
        ActFailure::Membership(MembershipFailure::Changed(_)) => {
            "another change of the members is under way; trying again".to_owned()
        }
        ActFailure::Membership(MembershipFailure::NotCaughtUp { .. }) => {
            "it is not caught up yet; trying again".to_owned()
        }
        ActFailure::Ended(_)
        | ActFailure::Refused(_)
        | ActFailure::Propose(_)
        | ActFailure::Membership(_)
        | ActFailure::HandOver(_)
        | ActFailure::Remote(_) => format!("{failure}; trying again"),
    }
}

#[cfg(test)]
mod tests;
