//! A member that comes and goes while everything else goes wrong: it is admitted, starts on an empty disk under a number of
//! its own, follows, gets its vote, and loses number and vote again. Each step is asked of whoever leads, looked at before
//! it is made and made again by the next leader, as the product's own operations do it.

use std::sync::Arc;

use kyvos_manager::base::{Digest, ManagerId};
use kyvos_manager::capabilities::managers::model::{Command, Profile, Role};
use kyvos_manager::cluster::{Consistency, Draft, Group};
use kyvos_manager::machine;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::world::World;

/// How long a step may take until it is asked of whoever leads then.
const STEP_US: u64 = 12_000_000;
/// Pause before a step that came to nothing is asked for again.
const PAUSE_US: u64 = 200_000;

/// How far a visit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nobody visits.
    #[default]
    Over,
    /// It wants a number.
    Asking,
    /// It has one, and wants a vote.
    Entering,
    /// It votes.
    Here,
    /// It is to be no member any more.
    Leaving,
}

/// A step that somebody who leads was asked for. It comes to the visitor's number, or 0 when there is none.
struct Step {
    member: usize,
    until: u64,
    task: JoinHandle<Option<u64>>,
}

/// Whoever visits.
#[derive(Default)]
pub struct Visit {
    stage: Stage,
    /// It is to leave as soon as it may.
    has_to_leave: bool,
    step: Option<Step>,
    next_at: u64,
    /// Visits that ended: each got a vote and lost it again.
    pub ended: u64,
}

impl Visit {
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Whether whoever visits may know already that it is no member any more.
    pub fn is_leaving(&self) -> bool {
        self.stage == Stage::Leaving
    }

    /// Whoever is here leaves, as soon as it is wholly here.
    pub fn leave(&mut self) {
        self.has_to_leave = true;
    }
}

impl World {
    /// Somebody comes to the spare host, if nobody is there.
    pub(crate) fn invite(&mut self, role: Role) {
        if self.visit.is_over() {
            self.members[self.plan.founders].role = role;
            (self.visit.stage, self.visit.has_to_leave) = (Stage::Asking, false);
        }
    }

    /// The visit goes on, if there is one.
    pub(crate) fn visit(&mut self, now: u64) {
        let place = self.plan.founders;
        if let Some(came) = self.step_over(now) {
            self.visit.next_at = now + PAUSE_US;
            if let Some(number) = came {
                self.stage_over(now, place, number);
            }
        }
        if self.visit.stage == Stage::Here && self.visit.has_to_leave {
            self.visit.stage = Stage::Leaving;
        }
        let idle = self.visit.step.is_none() && now >= self.visit.next_at;
        if idle && !matches!(self.visit.stage, Stage::Over | Stage::Here) {
            self.ask_for_step(now, place);
        }
    }

    /// `None`: it goes on, or there is none. `Some(None)`: it came to nothing.
    fn step_over(&mut self, now: u64) -> Option<Option<u64>> {
        let step = self.visit.step.take()?;
        if !step.task.is_finished() && now < step.until {
            self.visit.step = Some(step);
            return None;
        }
        if !step.task.is_finished() {
            step.task.abort();
            return Some(None);
        }
        let process = self.members[step.member].process.as_ref();
        // The process it was asked in may be gone, and another there.
        Some(process.and_then(|process| process.finished(step.task).ok().flatten()))
    }

    fn stage_over(&mut self, now: u64, place: usize, number: u64) {
        self.trace.note(now, &format!("visit of {number}: {:?} is over", self.visit.stage));
        match self.visit.stage {
            Stage::Asking => {
                self.members[place].node = number;
                if let Err(failure) = self.members[place].home().begin_promising() {
                    self.ledger().violated(failure.to_string());
                }
                self.start(place);
                self.visit.stage = Stage::Entering;
            }
            Stage::Entering => self.visit.stage = Stage::Here,
            Stage::Leaving => {
                self.crash(place, true);
                if let Err(failure) = self.members[place].replace() {
                    self.ledger().violated(failure.to_string());
                }
                self.ledger().replaced(place);
                self.visit.ended += 1;
                self.visit.stage = Stage::Over;
            }
            Stage::Over | Stage::Here => {}
        }
    }

    fn ask_for_step(&mut self, now: u64, place: usize) {
        let Some(leader) = self.leader() else { return };
        let Some(process) = self.members[leader].process.as_ref().filter(|it| !it.paused) else {
            return;
        };
        let (group, visitor) = (process.group.clone(), &self.members[place]);
        let number = ManagerId(visitor.node);
        if leader == place && self.visit.stage == Stage::Leaving {
            // Whoever leads hands over first, as the product has it, and to somebody who votes.
            let voters = process.within(|process| process.group.standing().voters);
            let votes = |other: &usize| voters.contains(&ManagerId(self.members[*other].node));
            if let Some(heir) = (0..place).find(votes) {
                self.hand_over(heir);
            }
            self.visit.next_at = now + STEP_US / 10;
            return;
        }
        let (role, profile, disk_id) = (visitor.role, visitor.profile(), visitor.disk_id());
        let task = match self.visit.stage {
            Stage::Asking => process.spawn(admit(group, role, Arc::new(profile), disk_id)),
            Stage::Entering => process.spawn(enter(group, number)),
            Stage::Leaving => process.spawn(leave(group, number)),
            Stage::Over | Stage::Here => return,
        };
        self.visit.step = Some(Step { member: leader, until: now + STEP_US, task });
    }
}

/// The number of whoever has this disk.
async fn number_of(group: &Group, disk_id: Uuid) -> Result<Option<u64>, ()> {
    group.settle(Consistency::Linearizable).await.map_err(|_| ())?;
    Ok(group.view(|state| {
        let mut members = state.managers.members.iter();
        members.find(|(_, member)| member.disk_id == disk_id).map(|(id, _)| id.0)
    }))
}

async fn propose(group: &Group, command: machine::Command) {
    // What came of it is looked at.
    drop(group.propose(Draft::own(group.here(), command)).await);
}

async fn admit(group: Group, role: Role, profile: Arc<Profile>, disk_id: Uuid) -> Option<u64> {
    if let Some(number) = number_of(&group, disk_id).await.ok()? {
        return Some(number);
    }
    let token = Digest::of(disk_id.as_bytes());
    propose(&group, Command::CreateJoinToken { digest: token, role, ttl_ms: 60_000 }.into()).await;
    let profile = (*profile).clone();
    propose(&group, Command::Admit { token, role, profile, disk_id }.into()).await;
    number_of(&group, disk_id).await.ok().flatten()
}

async fn enter(group: Group, number: ManagerId) -> Option<u64> {
    group.add_learner(number).await.ok()?;
    group.promote(number).await.ok()?;
    Some(number.0)
}

async fn leave(group: Group, number: ManagerId) -> Option<u64> {
    group.remove(number).await.ok()?;
    propose(
        &group,
        Command::Withdraw { manager: number, because: "its visit is over".into() }.into(),
    )
    .await;
    group.settle(Consistency::Linearizable).await.ok()?;
    let gone = group.view(|state| !state.managers.members.contains_key(&number));
    gone.then_some(number.0)
}
