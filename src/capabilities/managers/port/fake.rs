//! A group for tests: a real machine, and a Raft that does at once what it is told, or does not.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use raft_store::machine::Committed;

use super::{ActFailure, Reach};
use crate::base::{Digest, Epoch, ManagerId, RequestId, Revision, Timestamp};
use crate::capabilities::managers::plan::Seen;
use crate::cluster::MembershipFailure;
use crate::machine::script::command_of;
use crate::machine::{Actor, Answer, Command, Proposal, State, apply};

/// The group and what its Raft is like.
pub(crate) struct FakeGroup {
    inside: Mutex<Inside>,
}

pub(crate) struct Inside {
    pub(crate) state: State,
    pub(crate) seen: Seen,
    pub(crate) epoch: Epoch,
    /// Members that do not answer: they follow, and get nothing.
    pub(crate) silent: BTreeSet<ManagerId>,
    /// Whether another change of the members is under way.
    pub(crate) busy: bool,
}

impl FakeGroup {
    /// A group of one, with HA and an epoch.
    pub(crate) fn founded() -> Self {
        let seen = Seen { voters: BTreeSet::from([ManagerId(1)]), ..Seen::default() };
        let (state, epoch) = (State::default(), Epoch(2));
        let inside = Inside { state, seen, epoch, silent: BTreeSet::new(), busy: false };
        let group = Self { inside: Mutex::new(inside) };
        group.say("managers found km1");
        group.say("managers become-active 1");
        group.say("properties set kyvos-manager/ENABLE_KM_HA yes");
        group
    }

    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    /// Somebody asks for something in the words of the scripts.
    pub(crate) fn say(&self, line: &str) {
        self.inside().commit(command_of(line), None).into_result().unwrap();
    }

    /// Admits a host and gives its number.
    pub(crate) fn admit(&self, host: &str, role: &str) -> ManagerId {
        self.say(&format!("managers create-join-token {host} {role}"));
        self.say(&format!("managers admit {host} {role} {host}"));
        ManagerId(self.inside().state.kernel.revision.0)
    }

    /// Time passes.
    pub(crate) fn wait(&self, ms: u64) {
        let mut inside = self.inside();
        inside.seen.now = inside.seen.now.plus_ms(ms);
    }

    /// Another Manager becomes Active.
    pub(crate) fn fail_over(&self) {
        self.say("managers become-active 1");
        let mut inside = self.inside();
        inside.epoch = inside.state.managers.epoch();
    }
}

impl Inside {
    fn commit(&mut self, command: Command, fence: Option<Epoch>) -> Answer {
        let index = self.state.kernel.revision.0 + 1;
        let proposal = Proposal {
            at: self.seen.now,
            by: Actor::Manager(ManagerId(1)),
            via: ManagerId(1),
            source: None,
            request: RequestId::new(format!("r{index}")).unwrap(),
            fingerprint: Digest::default(),
            fence,
            reason: None,
            command,
        };
        let payload = Some(Bytes::from(proposal.encode()));
        let applied = apply(&mut self.state, &Committed { index, term: 1, leader: 1, payload });
        self.seen.last_log = Revision(index);
        applied.answer.unwrap()
    }

    /// Everybody who answers has everything.
    fn replicate(&mut self) {
        for learner in self.seen.learners.difference(&self.silent) {
            self.seen.matched.insert(*learner, self.seen.last_log);
        }
    }

    fn change(&mut self, how: impl FnOnce(&mut Seen)) -> Result<(), ActFailure> {
        if self.busy {
            return Err(MembershipFailure::Changed("another one".into()).into());
        }
        how(&mut self.seen);
        Ok(())
    }
}

impl Reach for FakeGroup {
    fn epoch(&self) -> Epoch {
        self.inside().epoch
    }

    fn look<R>(&self, look: impl FnOnce(&State, &Seen) -> R) -> R {
        let mut inside = self.inside();
        inside.replicate();
        look(&inside.state, &inside.seen)
    }

    async fn propose(&self, command: Command) -> Result<(), ActFailure> {
        let mut inside = self.inside();
        let fence = Some(inside.epoch);
        inside.commit(command, fence).into_result()?;
        Ok(())
    }

    async fn add_learner(&self, who: ManagerId) -> Result<(), ActFailure> {
        self.inside().change(|seen| {
            seen.learners.insert(who);
        })
    }

    async fn promote(&self, who: ManagerId) -> Result<(), ActFailure> {
        self.inside().change(|seen| {
            seen.learners.remove(&who);
            seen.voters.insert(who);
        })
    }

    async fn remove(&self, who: ManagerId) -> Result<(), ActFailure> {
        self.inside().change(|seen| {
            seen.learners.remove(&who);
            seen.voters.remove(&who);
        })
    }
}

/// A time to begin with that is not 0.
impl FakeGroup {
    pub(crate) fn at(self, now: Timestamp) -> Self {
        self.inside().seen.now = now;
        self
    }
}
