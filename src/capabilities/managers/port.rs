//! What a reconciler needs of the group: to look, to decide and to change who votes, all in one tenure.
//!
//! Every act asks the tenure first and carries its epoch, so a pass of a past Active changes nothing.

use std::future::Future;

use super::plan::Seen;
use crate::base::{Epoch, ManagerId, Refusal};
use crate::cluster::{Group, MembershipFailure, ProposeFailure, wall_clock};
use crate::leadership::{Ended, HandOverFailure, Tenure};
use crate::machine::{Command, State};

/// Why an act was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActFailure {
    /// The right to act has ended.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// The group said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The group has not judged.
    #[error(transparent)]
    Propose(#[from] ProposeFailure),
    /// The membership did not change.
    #[error(transparent)]
    Membership(#[from] MembershipFailure),
    /// The office was not handed over.
    #[error(transparent)]
    HandOver(#[from] HandOverFailure),
}

/// The group, as one pass of the Active sees and changes it.
pub trait Reach: Sync {
    /// The tenure's number.
    fn epoch(&self) -> Epoch;

    /// Looks at the facts and at who votes.
    fn look<R>(&self, look: impl FnOnce(&State, &Seen) -> R) -> R;

    /// Proposes a decision, fenced by the epoch.
    fn propose(&self, command: Command) -> impl Future<Output = Result<(), ActFailure>> + Send;

    /// Lets an admitted member follow, without a vote. Done already is done.
    fn add_learner(&self, who: ManagerId) -> impl Future<Output = Result<(), ActFailure>> + Send;

    /// Gives a member that has caught up its vote. Done already is done.
    fn promote(&self, who: ManagerId) -> impl Future<Output = Result<(), ActFailure>> + Send;

    /// Takes a member's vote; it still follows. Done already is done.
    fn demote(&self, who: ManagerId) -> impl Future<Output = Result<(), ActFailure>> + Send;

    /// Takes a member out of Raft's membership. Done already is done.
    fn remove(&self, who: ManagerId) -> impl Future<Output = Result<(), ActFailure>> + Send;

    /// Ends the tenure and hands the lead over. Comes back only when that was refused: the pass ends with its
    /// tenure.
    fn hand_over(&self, to: ManagerId) -> impl Future<Output = Result<(), ActFailure>> + Send;
}

/// The real one.
pub struct InTenure<'t> {
    group: &'t Group,
    tenure: &'t Tenure,
}

impl<'t> InTenure<'t> {
    /// The group, for as long as the tenure lasts.
    pub fn of(group: &'t Group, tenure: &'t Tenure) -> Self {
        Self { group, tenure }
    }
}

impl Reach for InTenure<'_> {
    fn epoch(&self) -> Epoch {
        self.tenure.epoch()
    }

    fn look<R>(&self, look: impl FnOnce(&State, &Seen) -> R) -> R {
        let seen = seen(self.group);
        self.group.view(|state| look(state, &seen))
    }

    async fn propose(&self, command: Command) -> Result<(), ActFailure> {
        self.tenure.still_valid()?;
        self.tenure.propose(command).await?.answer.into_result()?;
        Ok(())
    }

    async fn add_learner(&self, who: ManagerId) -> Result<(), ActFailure> {
        self.tenure.still_valid()?;
        Ok(self.group.add_learner(who).await?)
    }

    async fn promote(&self, who: ManagerId) -> Result<(), ActFailure> {
        self.tenure.still_valid()?;
        Ok(self.group.promote(who).await?)
    }

    async fn demote(&self, who: ManagerId) -> Result<(), ActFailure> {
        self.tenure.still_valid()?;
        Ok(self.group.demote(who).await?)
    }

    async fn remove(&self, who: ManagerId) -> Result<(), ActFailure> {
        self.tenure.still_valid()?;
        Ok(self.group.remove(who).await?)
    }

    async fn hand_over(&self, to: ManagerId) -> Result<(), ActFailure> {
        self.tenure.still_valid()?;
        Ok(self.tenure.hand_over(to).await?)
    }
}

fn seen(group: &Group) -> Seen {
    let (standing, own) = (group.standing(), group.own_status());
    let answering = group.peers().into_iter().filter(|peer| peer.reachable);
    let others = answering.filter_map(|peer| Some((peer.id, peer.status?.about.started_at)));
    let processes = others.chain([(group.here(), own.about.started_at)]).collect();
    let mut matched = standing.matched.clone();
    matched.insert(group.here(), standing.last_log);
    Seen {
        joint: standing.joint(),
        voters: standing.voters,
        learners: standing.learners,
        last_log: standing.last_log,
        matched,
        processes,
        now: wall_clock(),
    }
}

#[cfg(test)]
pub(crate) mod fake;
