//! What goes wrong in the world, made so and undone again: processes and hosts, links, disks, clocks, votes and timers.

use kyvos_manager::base::ManagerId;
use kyvos_manager::capabilities::properties::model as properties;
use kyvos_manager::capabilities::properties::schema::File;
use kyvos_manager::cluster::Draft;

use crate::disk::Flushes;
use crate::nemesis::{Fault, Sight};
use crate::net::{Host, Quality};
use crate::world::World;

impl World {
    /// Something may go wrong, and something may end.
    pub fn trouble(&mut self) {
        let now = self.now();
        for fault in self.nemesis.ended(now) {
            self.end(fault);
        }
        if let Some((agent, until)) = self.agents.trouble(now) {
            *self.nemesis.counts.entry("agent-killed").or_default() += 1;
            self.trace.note(now, &format!("agent {agent} is killed until {until}"));
        }
        if now < self.nemesis.next_at {
            return;
        }
        let sight = Sight {
            members: self.present(),
            leader: self.leader(),
            troubled: self.nemesis.troubled(),
            nobody_visits: self.visit.is_over(),
        };
        if let Some((until, fault)) = self.nemesis.draw(now, &sight) {
            self.trace.note(now, &format!("{fault:?} until {until}"));
            self.begin(&fault);
            self.nemesis.active.push((until, fault));
            self.cut();
        }
    }

    /// Everything that is wrong ends.
    pub fn heal(&mut self) {
        let now = self.now();
        self.trace.note(now, "healed");
        for fault in self.nemesis.end_all() {
            self.end(fault);
        }
        self.net.heal(self.plan.quality);
        for place in 0..self.members.len() {
            self.start(place);
        }
        self.visit.leave();
    }

    fn begin(&mut self, fault: &Fault) {
        match fault {
            Fault::Down { members, with_power } => {
                members.iter().for_each(|member| self.crash(*member, *with_power));
            }
            Fault::Paused { members } => {
                for member in members {
                    if let Some(process) = &mut self.members[*member].process {
                        process.paused = true;
                    }
                }
            }
            Fault::Asleep { members } => {
                members.iter().for_each(|member| self.suspend(*member));
            }
            Fault::Cut { .. } => {}
            Fault::Poor { loss_per_mille, jitter_us } => {
                let least_us = self.plan.quality.least_us;
                self.links(Quality {
                    least_us,
                    jitter_us: *jitter_us,
                    loss_per_mille: *loss_per_mille,
                });
            }
            Fault::SlowDisk { members, us } => {
                let flushes = Flushes { least_us: *us, jitter_us: *us / 2 };
                members.iter().for_each(|member| self.members[*member].disk.set_flushes(flushes));
            }
            Fault::WallClock { members, off_ms } => {
                members.iter().for_each(|member| self.members[*member].wall.set_off(*off_ms));
            }
            Fault::DiskFails { member } => self.members[*member].disk.set_failing(true),
            Fault::Timers { lease_ms } => self.set_lease(*lease_ms),
            Fault::Visit { role } => self.invite(*role),
            Fault::HandOver { to } => self.hand_over(*to),
            Fault::Demotion { member } => self.vote_of(*member, false),
            Fault::Restart { member } => self.stop(*member),
        }
    }

    fn end(&mut self, fault: Fault) {
        self.trace.note(self.now(), &format!("over: {}", fault.name()));
        match fault {
            Fault::Down { members, .. } => {
                members.into_iter().for_each(|member| self.start(member))
            }
            Fault::Paused { members } => {
                let now = self.now();
                for member in members {
                    if let Some(process) = self.members[member].process.as_mut()
                        && process.paused
                    {
                        process.go_on(now);
                    }
                }
            }
            Fault::Asleep { members } => members.into_iter().for_each(|member| self.wake(member)),
            Fault::Cut { .. } => self.cut(),
            Fault::Poor { .. } => self.links(self.plan.quality),
            Fault::SlowDisk { members, .. } => {
                let flushes = self.plan.flushes;
                members
                    .into_iter()
                    .for_each(|member| self.members[member].disk.set_flushes(flushes));
            }
            Fault::WallClock { members, .. } => {
                members.into_iter().for_each(|member| self.members[member].wall.set_off(0));
            }
            Fault::DiskFails { member } => {
                self.members[member].disk.set_failing(false);
                self.start(member);
            }
            Fault::Visit { .. } => self.visit.leave(),
            Fault::HandOver { .. } | Fault::Timers { .. } => {}
            Fault::Demotion { member } => self.vote_of(member, true),
            Fault::Restart { member } => {
                // One that did not come down in good order in time is killed, as systemd would.
                self.crash(member, false);
                self.start(member);
            }
        }
    }

    /// A member's machine is suspended: its process, the keeper of that, and one that still tells of an earlier process.
    fn suspend(&mut self, member: usize) {
        let (now, keeper) = (self.now(), self.members.len() + member);
        if let Some(process) = &mut self.members[member].process {
            process.fall_asleep(now);
        }
        let telling = self.telling.iter_mut().filter(|keeping| keeping.is_on(keeper));
        telling.for_each(|keeping| keeping.fall_asleep(now));
    }

    /// It goes on.
    fn wake(&mut self, member: usize) {
        let (now, keeper) = (self.now(), self.members.len() + member);
        if let Some(process) = &mut self.members[member].process {
            process.wake(now);
        }
        let telling = self.telling.iter_mut().filter(|keeping| keeping.is_on(keeper));
        telling.for_each(|keeping| keeping.wake(now));
    }

    /// The cuts in force are made, no others: between hosts, whichever of their processes speaks.
    fn cut(&self) {
        let (cuts, members) = (self.nemesis.cuts(), self.members.len());
        for from in 0..members {
            for to in 0..members {
                let cut = cuts.contains(&(from, to));
                for (a, b) in self.between(from, to) {
                    self.net.set_cut(a, b, cut);
                }
            }
        }
    }

    fn links(&self, quality: Quality) {
        for from in 0..self.members.len() {
            for to in 0..self.members.len() {
                for (a, b) in self.between(from, to) {
                    self.net.set_quality(a, b, quality);
                }
            }
        }
    }

    fn between(&self, from: usize, to: usize) -> [(Host, Host); 4] {
        let keeper = |member: usize| self.members.len() + member;
        [(from, to), (keeper(from), to), (from, keeper(to)), (keeper(from), keeper(to))]
    }

    pub fn crash(&mut self, member: usize, with_power: bool) {
        let now = self.now();
        self.stopping.retain(|(stopping, _)| *stopping != member);
        if self.members[member].process.is_none() {
            return;
        }
        if let Some(keeping) = self.members[member].crash(with_power) {
            self.telling.push(keeping);
        }
        self.clients.lost(member, now);
        self.trace.note(now, &format!("member {member} is down, power {}", !with_power));
    }

    pub fn start(&mut self, member: usize) {
        let now = self.now();
        if self.members[member].process.is_some() || self.members[member].node == 0 {
            return;
        }
        let log = self.members[member].disk.log();
        let entries: Vec<_> = log.entries.iter().cloned().collect();
        self.ledger().opened(member, log.purged, &entries);
        self.trace.note(now, &format!("member {member} starts"));
        if let Err(failure) = self.members[member].start(now) {
            self.ledger().violated(format!("member {member} does not start: {failure}"));
        }
    }

    fn stop(&mut self, member: usize) {
        let Some(process) = &mut self.members[member].process else { return };
        self.stopping.extend(process.stop().map(|task| (member, task)));
    }

    pub(crate) fn hand_over(&self, to: usize) {
        let node = ManagerId(self.members[to].node);
        let Some(active) = self.active() else { return };
        if let Some(process) = &self.members[active].process {
            process.hand_over(node);
        }
    }

    /// Another lease is wanted. Each member runs with it once it was started anew.
    fn set_lease(&self, lease_ms: u64) {
        let Some(process) = self.active().and_then(|active| self.members[active].process.as_ref())
        else {
            return;
        };
        let set = properties::Command::Set {
            file: File::KyvosManager,
            name: "RAFT_ELECTION_MAX_MS".into(),
            value: lease_ms.to_string(),
            expect: None,
            reverts_to: None,
        };
        let group = process.group.clone();
        drop(
            process.spawn(async move { drop(group.propose(Draft::own(group.here(), set)).await) }),
        );
    }

    /// Whoever leads takes a vote, or gives it back.
    pub(crate) fn vote_of(&mut self, member: usize, given: bool) {
        let node = ManagerId(self.members[member].node);
        let Some(leader) = self.leader() else { return };
        let Some(process) = &self.members[leader].process else { return };
        let group = process.group.clone();
        let task = process.spawn(async move {
            match given {
                true => group.promote(node).await,
                false => group.demote(node).await,
            }
        });
        self.chores.push((leader, task));
    }
}
