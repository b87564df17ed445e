//! What a reconciler needs of the group: to look, to decide and to change who votes, all in one tenure.
//!
//! Every act asks the tenure first and carries its epoch, so a pass of a past Active changes nothing.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Instant;

use bytes::Bytes;

use super::plan::Seen;
use crate::base::{Epoch, HostId, ManagerId, Refusal};
use crate::capabilities::services::model::Endpoint;
use crate::cluster::{Group, MemberStatus, MembershipFailure, ProposeFailure, look_at};
use crate::leadership::{Ended, HandOverFailure, Tenure};
use crate::machine::{Command, State};
use crate::remote::{
    Command as HostCommand, FileStamp, Output, Remote, RemoteFailure, RemotePath, UnitName,
    UnitStatus, UnitVerb, Upload,
};

/// The permissions of the Disaster Recovery script: its owner runs it.
const SCRIPT_MODE: u32 = 0o700;

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
    /// A host did not do it, or it is not known whether it did.
    #[error(transparent)]
    Remote(#[from] RemoteFailure),
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

/// The group, and the hosts as services of the group run there.
pub trait OnHosts: Reach {
    /// How the Manager's service stands on a host.
    fn service(&self, host: HostId) -> impl Future<Output = Result<UnitStatus, ActFailure>> + Send;

    /// Starts or stops the Manager's service on a host, and waits until it has. Done already is done.
    fn order(
        &self,
        host: HostId,
        verb: UnitVerb,
    ) -> impl Future<Output = Result<UnitStatus, ActFailure>> + Send;

    /// How a unit stands on a host.
    fn unit(
        &self,
        host: HostId,
        unit: &UnitName,
    ) -> impl Future<Output = Result<UnitStatus, ActFailure>> + Send;

    /// Starts or stops a unit on a host, and waits until it has. Done already is done.
    fn order_unit(
        &self,
        host: HostId,
        unit: &UnitName,
        verb: UnitVerb,
    ) -> impl Future<Output = Result<UnitStatus, ActFailure>> + Send;

    /// Whether a service answers, asked from here; if not, why.
    fn answers(&self, endpoint: &Endpoint) -> impl Future<Output = Result<(), String>> + Send;

    /// Runs one of the known commands on a host.
    fn run(
        &self,
        host: HostId,
        command: HostCommand,
    ) -> impl Future<Output = Result<Output, ActFailure>> + Send;

    /// Writes a program to a host, whole or not at all.
    fn put(
        &self,
        host: HostId,
        path: RemotePath,
        program: Bytes,
    ) -> impl Future<Output = Result<FileStamp, ActFailure>> + Send;
}

/// The real one, with the right to act on hosts where it is needed.
pub struct InTenure<'t, H = ()> {
    group: &'t Group,
    tenure: &'t Tenure,
    hosts: H,
}

impl<'t> InTenure<'t> {
    /// The group, for as long as the tenure lasts.
    pub fn of(group: &'t Group, tenure: &'t Tenure) -> Self {
        Self { group, tenure, hosts: () }
    }

    /// The same, with the hosts.
    pub fn acting<H: Remote>(self, hosts: H) -> InTenure<'t, H> {
        InTenure { group: self.group, tenure: self.tenure, hosts }
    }
}

impl<H: Send + Sync> Reach for InTenure<'_, H> {
    fn epoch(&self) -> Epoch {
        self.tenure.epoch()
    }

    fn look<R>(&self, look: impl FnOnce(&State, &Seen) -> R) -> R {
        let mut seen = seen(self.group);
        self.group.view(|state| {
            let tries = state.operations.tries(self.epoch()).map(|(it, _)| it);
            seen.worked_ms = self.tenure.stopwatch().read(Instant::now(), tries);
            look(state, &seen)
        })
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

impl<H: Remote> OnHosts for InTenure<'_, H> {
    async fn service(&self, host: HostId) -> Result<UnitStatus, ActFailure> {
        Ok(self.hosts.unit(host, &UnitName::manager()).await?)
    }

    async fn order(&self, host: HostId, verb: UnitVerb) -> Result<UnitStatus, ActFailure> {
        self.tenure.still_valid()?;
        Ok(self.hosts.order(host, &UnitName::manager(), verb).await?)
    }

    async fn unit(&self, host: HostId, unit: &UnitName) -> Result<UnitStatus, ActFailure> {
        Ok(self.hosts.unit(host, unit).await?)
    }

    async fn order_unit(
        &self,
        host: HostId,
        unit: &UnitName,
        verb: UnitVerb,
    ) -> Result<UnitStatus, ActFailure> {
        self.tenure.still_valid()?;
        Ok(self.hosts.order(host, unit, verb).await?)
    }

    async fn answers(&self, endpoint: &Endpoint) -> Result<(), String> {
        look_at(endpoint).await
    }

    async fn run(&self, host: HostId, command: HostCommand) -> Result<Output, ActFailure> {
        self.tenure.still_valid()?;
        Ok(self.hosts.run(host, &command).await?)
    }

    async fn put(
        &self,
        host: HostId,
        path: RemotePath,
        program: Bytes,
    ) -> Result<FileStamp, ActFailure> {
        self.tenure.still_valid()?;
        Ok(self.hosts.put(host, &path, Upload::of(program, SCRIPT_MODE)).await?)
    }
}

fn seen(group: &Group) -> Seen {
    let (standing, own) = (group.standing(), group.own_status());
    let answering: Vec<_> = group.peers().into_iter().filter(|peer| peer.reachable).collect();
    let is_full = |told: &MemberStatus| told.disk_full.is_some();
    let full = answering.iter().filter(|peer| peer.status.as_ref().is_some_and(is_full));
    let full = full.map(|peer| peer.id).chain(is_full(&own).then_some(group.here())).collect();
    let others =
        answering.into_iter().filter_map(|peer| Some((peer.id, peer.status?.about.started_at)));
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
        full,
        worked_ms: BTreeMap::new(),
        now: group.now(),
    }
}

#[cfg(test)]
pub(crate) mod fake;
