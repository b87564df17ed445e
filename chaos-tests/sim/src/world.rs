//! The world: hosts, their processes, the network, the clients; and time, which goes from window to window.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kyvos_manager::base::ManagerId;
use kyvos_manager::capabilities::managers::model::Role;
use kyvos_manager::cluster::MembershipFailure;
use kyvos_manager::machine;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::agents::Agents;
use crate::applied;
use crate::bugs;
use crate::clients::{Call, Clients, make};
use crate::clock::{WallClock, WorldTime};
use crate::comparing::Comparing;
use crate::deeds::Acts;
use crate::dice::Dice;
use crate::disk::Disk;
use crate::ledger::{Ledger, Said};
use crate::member::{Around, Keeping, Member};
use crate::nemesis::Nemesis;
use crate::net::Net;
use crate::plan::Plan;
use crate::trace::Trace;
use crate::visit::Visit;

/// How often a revision is chosen at which digests are compared, and the trace is told where everybody is. What was applied is compared after every step;
/// a digest sees the rest, and facts that differ seldom become equal by themselves, so a difference is still there at the
/// next choice, unless what differs was set anew. A digest a second and member was a twelfth of what a run costs, and a second has 125 to 250 steps.
const LOOK_US: u64 = 2_000_000;
/// How often keepers are told and run.
const KEEPERS_US: u64 = 50_000;
/// How often agents are run. Each act begins when it arrives all the same, by its agent's clock.
const AGENTS_US: u64 = 50_000;

/// The world.
pub struct World {
    pub plan: Arc<Plan>,
    pub time: Arc<WorldTime>,
    pub net: Net,
    pub ledger: Arc<Mutex<Ledger>>,
    pub members: Vec<Member>,
    pub clients: Clients,
    pub nemesis: Nemesis,
    pub trace: Trace,
    /// Keepers of members that are gone, while they tell.
    pub(crate) telling: Vec<Keeping>,
    acts: Acts,
    pub(crate) agents: Agents,
    /// Members in good order on their way down.
    pub(crate) stopping: Vec<(usize, JoinHandle<()>)>,
    /// Who comes to the spare host and goes again.
    pub visit: Visit,
    /// Changes of the membership under way.
    pub(crate) chores: Vec<(usize, JoinHandle<Result<(), MembershipFailure>>)>,
    looked: u64,
    comparing: Comparing,
    kept: u64,
    acted: u64,
}

impl World {
    pub fn new(plan: Plan, homes: PathBuf, told: bool) -> Self {
        let (plan, time) = (Arc::new(plan), Arc::new(WorldTime::default()));
        let members = plan.roles.len();
        let hosts = 2 * members + plan.agents;
        let net = Net::new(time.clone(), Dice::of(plan.seed, "net"), hosts, plan.quality);
        let (ledger, acts) = (Arc::<Mutex<Ledger>>::default(), Acts::default());
        let cluster_id = Uuid::from_u128(u128::from(plan.seed) + 1);
        let agents = Agents::new(&plan, cluster_id, &homes, ledger.clone());
        let around = Around {
            plan: plan.clone(),
            net: net.clone(),
            cluster_id,
            acts: acts.clone(),
            agents: (2 * members..hosts).collect(),
            homes,
        };
        let member = |(place, role): (usize, &_)| {
            let dice = Dice::of(plan.seed, &format!("disk {place}"));
            let disk =
                Disk::new(place, time.clone(), ledger.clone(), (dice, plan.flushes, plan.lie));
            Member::new(place, *role, disk, WallClock::new(time.clone()), around.clone())
        };
        Self {
            members: plan.roles.iter().enumerate().map(member).collect(),
            clients: Clients::new(plan.seed, plan.clients, plan.think_ms),
            nemesis: Nemesis::new(plan.seed, plan.quiet_ms),
            trace: Trace::new(told),
            telling: Vec::new(),
            agents,
            stopping: Vec::new(),
            visit: Visit::default(),
            chores: Vec::new(),
            looked: 0,
            comparing: Comparing::default(),
            kept: 0,
            acted: 0,
            plan,
            time,
            net,
            ledger,
            acts,
        }
    }

    pub fn now(&self) -> u64 {
        self.time.now()
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something was seen that must not be.
    pub fn is_violated(&self) -> bool {
        !self.ledger().violations.is_empty()
    }

    /// Lets everything run for one window, then judges.
    pub fn step(&mut self) {
        let (from, until) = (self.now(), self.now() + self.plan.window_us);
        self.ask(from);
        for member in &self.members {
            if let Some(process) = &member.process {
                process.run_to(until);
            }
        }
        if until >= self.kept + KEEPERS_US || !self.telling.is_empty() {
            self.keepers(until);
        }
        self.time.set(until);
        if until >= self.acted + AGENTS_US {
            self.deliver(until);
        }
        self.answers(from, until);
        self.stopped(until);
        let again = self.broken(until);
        self.visit(until);
        self.judge(until);
        // Only now: a process that has not run yet knows nothing of what it said before.
        again.into_iter().for_each(|member| self.start(member));
    }

    /// Hosts that have a member: those it was founded with, and the spare one while somebody visits.
    pub fn present(&self) -> usize {
        let visitor = self.members[self.plan.founders].process.is_some();
        self.plan.founders + usize::from(visitor)
    }

    /// Client calls that begin.
    fn ask(&mut self, now: u64) {
        let calls = self.clients.begin(now, self.present());
        calls.into_iter().for_each(|(member, call)| self.call(member, call, now));
    }

    fn call(&mut self, member: usize, call: Call, now: u64) {
        match &self.members[member].process {
            // A witness shows no pages: nobody asks it.
            Some(process) if self.members[member].role == Role::Manager => {
                let (group, clock) = (process.group.clone(), process.clock.clone());
                drop(process.spawn(make(group, clock, call, self.clients.inbox.clone())));
            }
            _ => self.clients.nobody(&call, now),
        }
    }

    fn answers(&mut self, from: u64, now: u64) {
        let before = self.clients.done.len();
        let again = self.clients.take(from, self.present());
        for (member, call) in again {
            self.call(member, call, now);
        }
        for operation in &self.clients.done[before..] {
            let what = format!(
                "call {} {:?} {:?} {:?} at {:?}",
                operation.key,
                operation.action,
                operation.outcome,
                operation.rev,
                operation.returned
            );
            self.trace.note(now, &what);
        }
    }

    fn keepers(&mut self, until: u64) {
        self.kept = until;
        // In a suspended machine nobody looks after a keeper, and none runs.
        for member in self.members.iter_mut().filter(|member| !member.is_asleep()) {
            if member.role == Role::Manager
                && let Err(failure) = Keeping::look(member, until)
            {
                self.ledger.lock().unwrap_or_else(PoisonError::into_inner).violated(failure);
            }
            if let Some(keeping) = member.process.as_ref().and_then(Keeping::of) {
                keeping.run_to(until);
            }
        }
        self.telling.iter().for_each(|keeping| keeping.run_to(until));
        self.telling.retain(|keeping| !keeping.is_done());
    }

    /// Acts that were sent to their hosts.
    fn deliver(&mut self, now: u64) {
        self.acted = now;
        let sent = std::mem::take(&mut *self.acts.lock().unwrap_or_else(PoisonError::into_inner));
        self.agents.run_to(now, sent);
    }

    fn stopped(&mut self, now: u64) {
        let ended: Vec<usize> = self
            .stopping
            .iter()
            .filter(|(_, task)| task.is_finished())
            .map(|(member, _)| *member)
            .collect();
        for member in ended {
            self.trace.note(now, &format!("member {member} stopped"));
            // Nothing of it is under way any more, and its keeper tells.
            self.crash(member, false);
        }
        self.chores.retain(|(_, task)| !task.is_finished());
    }

    /// Processes whose disk failed end by themselves; those that are to be started again.
    fn broken(&mut self, now: u64) -> Vec<usize> {
        let mut again = Vec::new();
        for place in 0..self.members.len() {
            let member = &self.members[place];
            let ended = member.disk.has_failed()
                && member.process.as_ref().is_some_and(|process| process.says().1.is_some());
            if ended {
                self.trace.note(now, &format!("member {place} ended: its disk failed"));
                self.crash(place, false);
                // The fault may be over by now, and then nothing else starts it again.
                if !self.members[place].disk.is_failing() {
                    again.push(place);
                }
            }
        }
        again
    }

    fn judge(&mut self, now: u64) {
        let look = now >= self.looked + LOOK_US;
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let mut standing = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let Some(process) = member.process.as_ref().filter(|process| !process.paused) else {
                continue;
            };
            let (said, stopped) = process.says();
            let before = ledger.looked_at(member.place, member.run);
            ledger.said(member.place, member.node, member.run, said, &process.log);
            if said.revision > before {
                ledger.applied(member.place, &applied::since(&process.group, before));
            }
            let leaves = member.place == self.plan.founders && self.visit.is_leaving();
            let may_stop = process.stopping || member.disk.has_failed() || leaves;
            if let Some(because) = stopped.filter(|_| !may_stop) {
                ledger.violated(format!("member {} stopped: {because}", member.place));
            }
            if look {
                look_closer(&mut ledger, &mut self.trace, now, member, said);
            }
            standing.push((member, said.revision));
        }
        if look {
            self.looked = now;
            self.comparing = Comparing::at(standing.iter().map(|(_, revision)| *revision).max());
        }
        for (member, revision) in standing {
            if self.comparing.takes(member.place, member.run, revision) {
                compare(&mut ledger, &mut self.trace, now, member);
            }
        }
        ledger.active(&claims(&self.members));
        bugs::seen().into_iter().for_each(|panic| ledger.violated(panic));
    }

    /// Whoever leads, as far as is seen from outside.
    pub fn leader(&self) -> Option<usize> {
        let says = |member: &Member| {
            let (said, _) = member.process.as_ref()?.says();
            said.leading.then_some((said.term, member.place))
        };
        self.members.iter().filter_map(says).max().map(|(_, place)| place)
    }

    /// Whoever is Active.
    pub fn active(&self) -> Option<usize> {
        let is = |member: &&Member| {
            member
                .process
                .as_ref()
                .is_some_and(|process| !process.paused && process.claim().is_some())
        };
        self.members.iter().find(is).map(|member| member.place)
    }

    /// Steps until the work is done within a member, or it is too late.
    pub fn drive<T: Send + 'static>(
        &mut self,
        member: usize,
        work: impl Future<Output = T> + Send + 'static,
        within_us: u64,
    ) -> Result<T, String> {
        let process = self.members[member].process.as_ref().ok_or("the process does not run")?;
        let task = process.spawn(work);
        let deadline = self.now() + within_us;
        while !task.is_finished() {
            if self.now() >= deadline {
                return Err("not done in time".to_owned());
            }
            self.step();
        }
        let process = self.members[member].process.as_ref().ok_or("the process does not run")?;
        process.finished(task)
    }

    /// Steps until it is so, or it is too late.
    pub fn until(&mut self, within_us: u64, so: impl Fn(&Self) -> bool) -> bool {
        let deadline = self.now() + within_us;
        while !so(self) {
            if self.now() >= deadline || self.is_violated() {
                return false;
            }
            self.step();
        }
        true
    }

    /// Whether nobody visits, every member votes, and no change of that is half done. Whoever does not is given its vote.
    pub fn all_vote(&mut self) -> bool {
        if !self.visit.is_over() {
            return false;
        }
        let Some(leader) = self.leader() else { return false };
        let Some(process) = &self.members[leader].process else { return false };
        let standing = process.within(|process| process.group.standing());
        let belongs = |member: &&Member| member.node != 0;
        let lacking = self
            .members
            .iter()
            .filter(belongs)
            .find(|member| !standing.voters.contains(&ManagerId(member.node)));
        // Whoever votes already is asked for again as well: that finishes a change that was left half done.
        let again = standing.joint().then_some(leader);
        let Some(lacking) = lacking.map(|member| member.place).or(again) else { return true };
        if self.chores.is_empty() {
            self.vote_of(lacking, true);
        }
        false
    }

    /// Revision and digest of every member that runs.
    pub fn facts(&self) -> BTreeSet<(u64, [u8; 32])> {
        let of = |member: &Member| {
            let process = member.process.as_ref()?;
            Some(process.group.view(|state| (state.kernel.revision.0, machine::digest(state).0)))
        };
        self.members.iter().filter_map(of).collect()
    }
}

/// Who says to be Active, and in which epoch.
fn claims(members: &[Member]) -> Vec<(usize, u64)> {
    let claim = |member: &Member| {
        let process = member.process.as_ref().filter(|process| !process.paused)?;
        Some((member.place, process.claim()?))
    };
    members.iter().filter_map(claim).collect()
}

fn look_closer(ledger: &mut Ledger, trace: &mut Trace, now: u64, member: &Member, said: Said) {
    let Some(process) = &member.process else { return };
    if let Some(difference) = process.group.difference() {
        ledger.violated(format!("member {} found out: {}", member.place, difference.told()));
    }
    let Said { term, leading, committed, applied, .. } = said;
    trace.note(now, &format!("{} {term} {leading} {committed} {applied}", member.place));
}

/// The digest of all facts of a member, against what others had at that revision.
fn compare(ledger: &mut Ledger, trace: &mut Trace, now: u64, member: &Member) {
    let Some(process) = &member.process else { return };
    let (revision, digest) =
        process.group.view(|state| (state.kernel.revision.0, machine::digest(state).0));
    ledger.digest(member.place, revision, digest);
    trace.note(now, &format!("{} at {revision} {digest:x?}", member.place));
}
