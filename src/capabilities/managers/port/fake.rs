//! A group for tests: a real machine, a Raft that does at once what it is told, or does not, and hosts whose
//! services run the Managers.

mod hosts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use raft_store::machine::Committed;

use super::{ActFailure, Reach};
use crate::base::{Digest, Epoch, ManagerId, RequestId, Revision, Timestamp};
use crate::capabilities::managers::model::Role;
use crate::capabilities::managers::plan::Seen;
use crate::cluster::MembershipFailure;
use crate::leadership::{Ended, Stopwatch};
use crate::machine::script::command_of;
use crate::machine::{Actor, Answer, Command, Proposal, State, apply};
use crate::remote::fake::FakeHosts;

/// The group and what its Raft is like.
pub(crate) struct FakeGroup {
    inside: Mutex<Inside>,
    /// The hosts of those that are registered.
    pub(crate) hosts: FakeHosts,
}

pub(crate) struct Inside {
    pub(crate) state: State,
    pub(crate) seen: Seen,
    /// The clock that nobody sets.
    steady: Instant,
    stopwatch: Stopwatch,
    pub(crate) epoch: Epoch,
    /// Who leads.
    pub(crate) lead: ManagerId,
    /// Hosts that fail their prechecks.
    pub(crate) unfit: BTreeSet<String>,
    /// Hosts that were let in and have not settled down as a member.
    pub(crate) unsettled: BTreeSet<String>,
    /// Members that do not answer: they follow, and get nothing.
    pub(crate) silent: BTreeSet<ManagerId>,
    /// Whether another change of the members is under way.
    pub(crate) busy: bool,
    /// Whether nobody takes the office over.
    pub(crate) nobody_takes_over: bool,
    /// What was done outside the facts, in order.
    pub(crate) deeds: Vec<String>,
    /// After so many acts the Active dies.
    pub(crate) acts_left: Option<usize>,
    /// Whether the tenure is over, so that its pass does nothing any more.
    pub(crate) over: bool,
}

impl FakeGroup {
    /// A group of one, with HA and an epoch.
    pub(crate) fn founded() -> Self {
        let founder = ManagerId(1);
        let seen = Seen {
            voters: BTreeSet::from([founder]),
            processes: BTreeMap::from([(founder, Timestamp(1))]),
            ..Seen::default()
        };
        let inside = Inside {
            state: State::default(),
            seen,
            steady: Instant::now(),
            stopwatch: Stopwatch::default(),
            epoch: Epoch(2),
            lead: founder,
            unfit: BTreeSet::new(),
            unsettled: BTreeSet::new(),
            silent: BTreeSet::new(),
            busy: false,
            nobody_takes_over: false,
            deeds: Vec::new(),
            acts_left: None,
            over: false,
        };
        let hosts = FakeHosts::in_epoch(Epoch(2));
        let group = Self { inside: Mutex::new(inside), hosts };
        let ca = "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n";
        group.say(&format!("managers found km1 ca=\"{ca}\""));
        group.say("managers become-active 1");
        group.say("properties set kyvos-manager/ENABLE_KM_HA yes");
        group
    }

    /// The same group at another time than 0.
    pub(crate) fn at(self, now: Timestamp) -> Self {
        self.set_clock(now);
        self
    }

    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    /// Somebody asks for something in the words of the scripts.
    pub(crate) fn say(&self, line: &str) {
        self.inside().commit(command_of(line), None).into_result().unwrap();
    }

    /// The Active tells something.
    pub(crate) fn tell(&self, command: impl Into<Command>) {
        let mut inside = self.inside();
        let epoch = inside.state.managers.epoch();
        inside.commit(command.into(), Some(epoch)).into_result().unwrap();
    }

    /// Admits a host and gives its number.
    pub(crate) fn admit(&self, host: &str, role: &str) -> ManagerId {
        self.say(&format!("managers create-join-token {host} {role}"));
        self.say(&format!("managers admit {host} {role} {host}"));
        let mut inside = self.inside();
        let member = ManagerId(inside.state.kernel.revision.0);
        inside.seen.processes.insert(member, Timestamp(1));
        member
    }

    /// Somebody sets the Active's wall clock.
    pub(crate) fn set_clock(&self, now: Timestamp) {
        self.inside().seen.now = now;
    }

    /// Time passes.
    pub(crate) fn wait(&self, ms: u64) {
        let mut inside = self.inside();
        inside.seen.now = inside.seen.now.plus_ms(ms);
        inside.steady += Duration::from_millis(ms);
    }

    /// The Active begins a new tenure.
    pub(crate) fn fail_over(&self) {
        let mut inside = self.inside();
        let lead = inside.lead;
        inside.takes_office(lead);
    }

    /// The Active dies and comes back; another Manager becomes Active, if there is one that votes.
    pub(crate) fn kill_active(&self) {
        let mut inside = self.inside();
        let died = inside.lead;
        self.service_restarts(&inside, died);
        inside.process_ends(died);
        inside.over = false;
        inside.acts_left = None;
    }

    /// What the Managers do by themselves: a process that is asked to end ends and begins anew, a removed Manager
    /// goes, and a tenure that ended has made room for the next one.
    pub(crate) fn obey(&self) -> bool {
        let mut inside = self.inside();
        let inside = &mut *inside;
        inside.over = false;
        let looked = inside.look_at_hosts();
        let gone = |id: &ManagerId| inside.state.managers.removed.contains_key(id);
        let left: Vec<_> = inside.seen.processes.keys().filter(|id| gone(id)).copied().collect();
        inside.seen.processes.retain(|id, _| !left.contains(id));
        let asked = |(id, process): &(&ManagerId, &Timestamp)| {
            let facts = &inside.state.managers;
            inside.state.operations.restart_ordered(facts, **id, **process).is_some()
        };
        let asked: Vec<_> = inside.seen.processes.iter().filter(asked).map(|(id, _)| *id).collect();
        for id in &asked {
            self.service_restarts(inside, *id);
            inside.deeds.push(format!("restart {id}"));
            inside.process_ends(*id);
        }
        !asked.is_empty() || !left.is_empty() || looked
    }

    fn act(&self) -> Result<MutexGuard<'_, Inside>, ActFailure> {
        let mut inside = self.inside();
        inside.over |= inside.acts_left == Some(0);
        if inside.over {
            return Err(Ended(inside.epoch).into());
        }
        inside.acts_left = inside.acts_left.map(|left| left - 1);
        Ok(inside)
    }
}

impl Inside {
    /// The "no" to what somebody asks for in the words of the scripts.
    pub(crate) fn refusal(&mut self, line: &str) -> crate::base::Refusal {
        self.commit(command_of(line), None).into_result().unwrap_err()
    }

    fn commit(&mut self, command: Command, fence: Option<Epoch>) -> Answer {
        let index = self.state.kernel.revision.0 + 1;
        let proposal = Proposal {
            at: self.seen.now,
            by: Actor::Manager(self.lead),
            via: self.lead,
            source: None,
            request: RequestId::new(format!("r{index}")).unwrap(),
            fingerprint: Digest::default(),
            fence,
            reason: None,
            command,
        };
        let payload = Some(Bytes::from(proposal.encode()));
        let leader = self.lead.0;
        let applied = apply(&mut self.state, &Committed { index, term: 1, leader, payload });
        self.seen.last_log = Revision(index);
        applied.answer.unwrap()
    }

    /// The prechecks are run by a loop of their own.
    fn look_at_hosts(&mut self) -> bool {
        let Some(scope) = self.state.prechecks.pending.clone() else { return false };
        let run = self.commit(command_of("prechecks begin"), None).into_result().unwrap();
        let hosts: Vec<_> = self.state.hosts.hosts.values().map(|it| it.name.clone()).collect();
        for host in hosts.iter().filter(|host| scope.holds(host)) {
            let grade = if self.unfit.contains(host) { "fail" } else { "pass" };
            let code = if grade == "fail" { " code=CLI_MISSING" } else { "" };
            let note = format!("prechecks note {run} cli {grade} so host={host}{code}");
            self.commit(command_of(&note), None).into_result().unwrap();
        }
        self.commit(command_of(&format!("prechecks finish {run}")), None).into_result().unwrap();
        true
    }

    fn takes_office(&mut self, who: ManagerId) {
        self.lead = who;
        let command = command_of(&format!("managers become-active {who}"));
        self.commit(command, None).into_result().unwrap();
        self.epoch = self.state.managers.epoch();
        self.stopwatch = Stopwatch::default();
    }

    /// A process ends and its Manager comes back in a new one. If it led, somebody else leads now.
    fn process_ends(&mut self, of: ManagerId) {
        let process = self.seen.processes.entry(of).or_default();
        *process = Timestamp(process.0 + 1);
        if of == self.lead {
            let managers = &self.state.managers.members;
            let able = |id: &&ManagerId| **id != of && managers[*id].role == Role::Manager;
            let next = self.seen.voters.iter().find(able).copied().unwrap_or(of);
            self.takes_office(next);
        }
    }

    fn time(&mut self) {
        let tries = self.state.operations.tries(self.epoch).map(|(it, _)| it);
        self.seen.worked_ms = self.stopwatch.read(self.steady, tries);
    }

    /// Everybody who answers has everything.
    fn replicate(&mut self) {
        let seen = &self.seen;
        let follows = |member: &&ManagerId| {
            !self.silent.contains(member) && seen.processes.contains_key(member)
        };
        let members: Vec<_> = seen.learners.union(&seen.voters).filter(follows).copied().collect();
        for member in &members {
            self.seen.matched.insert(*member, self.seen.last_log);
        }
    }

    /// Changes who votes, unless it is so already.
    fn change(
        &mut self,
        deed: &str,
        who: ManagerId,
        how: impl FnOnce(&mut Seen),
    ) -> Result<(), ActFailure> {
        if self.busy {
            return Err(MembershipFailure::Changed("another one".into()).into());
        }
        let before = self.seen.clone();
        how(&mut self.seen);
        if self.seen != before {
            self.deeds.push(format!("{deed} {who}"));
        }
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
        inside.time();
        look(&inside.state, &inside.seen)
    }

    async fn propose(&self, command: Command) -> Result<(), ActFailure> {
        let mut inside = self.act()?;
        let fence = Some(inside.epoch);
        inside.commit(command, fence).into_result()?;
        Ok(())
    }

    async fn add_learner(&self, who: ManagerId) -> Result<(), ActFailure> {
        self.act()?.change("add", who, |seen| {
            seen.learners.insert(who);
        })
    }

    async fn promote(&self, who: ManagerId) -> Result<(), ActFailure> {
        self.act()?.change("promote", who, |seen| {
            seen.learners.remove(&who);
            seen.voters.insert(who);
        })
    }

    async fn demote(&self, who: ManagerId) -> Result<(), ActFailure> {
        self.act()?.change("demote", who, |seen| {
            seen.voters.remove(&who);
            seen.learners.insert(who);
        })
    }

    async fn remove(&self, who: ManagerId) -> Result<(), ActFailure> {
        self.act()?.change("remove", who, |seen| {
            seen.learners.remove(&who);
            seen.voters.remove(&who);
        })
    }

    async fn hand_over(&self, to: ManagerId) -> Result<(), ActFailure> {
        let mut inside = self.act()?;
        let next = if inside.nobody_takes_over { inside.lead } else { to };
        inside.deeds.push(format!("hand over to {to}"));
        inside.takes_office(next);
        inside.over = true;
        Ok(())
    }
}
