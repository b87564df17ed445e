//! Facts of the operations: what was asked, how far it is, and what came of it.

mod kind;
mod order;
mod work;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::kind::{Instance, Kind, Removal, Site, Subject, Target};
pub use self::order::{AT_ONCE_MAX, Order, Recover, Scope, Target as ServiceTarget, Verb};
pub use self::work::{Task, Work};
pub use super::command::{Command, Event};
use crate::base::{Code, Epoch, ManagerId, Refusal, Revision, Timestamp};
use crate::capabilities::managers::model as managers;
use crate::machine::Moment;

/// How many ended operations are kept.
pub const ENDED_KEPT: usize = 1_000;
/// Most operations open at a time.
pub const OPEN_MAX: usize = 100;
/// Most steps of an operation.
pub const STEPS_MAX: usize = 2_000;
/// Longest detail of a step, in bytes; longer ones are cut.
pub const DETAIL_MAX_BYTES: usize = 1_024;

/// Every operation that is open or ended not long ago, by the revision that began it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// By id.
    pub operations: BTreeMap<Revision, Operation>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// What it does.
    pub kind: Kind,
    /// Who asked for it.
    pub requested_by: String,
    /// The Manager that took the request in.
    pub via: ManagerId,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When its first step began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How it stands.
    pub status: Status,
    /// How many failovers it survived.
    pub resumed: u32,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Why it failed or needs a decision.
    pub error: Option<String>,
    /// Revision of its last change.
    pub revision: Revision,
}

/// How an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Asked for, not begun.
    Queued,
    /// A step is being carried out.
    Running,
    /// All steps done.
    Succeeded,
    /// A step failed for good.
    Failed,
    /// It cannot be known whether a step may be repeated: a person must say.
    NeedsDecision,
    /// Somebody called it off.
    Cancelled,
}

/// One step of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name, stable.
    pub name: String,
    /// What it does, for people.
    pub title: String,
    /// How it stands.
    pub status: StepStatus,
    /// How many times it was begun.
    pub attempt: u32,
    /// What is known of it, in a sentence.
    pub detail: String,
    /// When it was last begun.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Who last worked on it.
    pub executed_by: Option<ManagerId>,
    /// In which tenure.
    pub epoch: Option<Epoch>,
}

/// One try of a step: what is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Try {
    /// The operation.
    pub id: Revision,
    /// The step's place, from 0.
    pub step: u32,
    /// Which try, from 1.
    pub attempt: u32,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepStatus {
    /// Not begun.
    Pending,
    /// Begun.
    Running,
    /// Done.
    Done,
    /// Failed for good.
    Failed,
    /// Not needed.
    Skipped,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepEnd {
    /// It did what it says.
    Done,
    /// There was nothing to do.
    Skipped,
    /// It cannot be done.
    Failed,
    /// It cannot be known whether it was done, and doing it twice would harm: a person must say.
    NeedsDecision,
}

impl Status {
    /// Whether the operation still takes part in anything.
    pub fn is_open(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::NeedsDecision => true,
            Self::Succeeded | Self::Failed | Self::Cancelled => false,
        }
    }
}

impl Operation {
    /// The first step that is not done, by its place.
    pub fn next_step(&self) -> Option<(u32, &Step)> {
        let open = |step: &&Step| !matches!(step.status, StepStatus::Done | StepStatus::Skipped);
        let place = self.steps.iter().position(|step| open(&step))?;
        Some((
            u32::try_from(place).expect("an operation has a handful of steps"),
            &self.steps[place],
        ))
    }

    /// Whether it is just moving the office away from this member.
    pub fn moves_the_office(&self, from: ManagerId) -> bool {
        let running = self.next_step().filter(|(_, step)| step.status == StepStatus::Running);
        let work = running.and_then(|(place, _)| self.work(place));
        work.is_some_and(|work| {
            let away = work.task == Task::TakeOver || work.manager == Some(from);
            work.task.ends_the_tenure() && away
        })
    }

    /// The work of a step.
    pub fn work(&self, step: u32) -> Option<Work<'_>> {
        self.kind.works().get(step as usize).copied()
    }

    pub(super) fn new(kind: Kind, moment: &Moment) -> Self {
        let step = |work: &Work<'_>| Step {
            name: work.name().into(),
            title: work.title(),
            status: StepStatus::Pending,
            attempt: 0,
            detail: String::new(),
            started_at: None,
            finished_at: None,
            executed_by: None,
            epoch: None,
        };
        Self {
            steps: kind.works().iter().map(step).collect(),
            kind,
            requested_by: moment.by.to_string(),
            via: moment.via,
            requested_at: moment.at,
            started_at: None,
            finished_at: None,
            status: Status::Queued,
            resumed: 0,
            error: None,
            revision: moment.revision,
        }
    }

    /// Counts a failover when another tenure than the last goes on with it. A hand-over ends its own tenure:
    /// whoever goes on after it has not made up for a failure.
    pub(super) fn adopt(&mut self, epoch: Epoch) {
        let worked_on = |(place, step): (usize, &Step)| Some((step.epoch?, place));
        let Some((last, place)) = self.steps.iter().enumerate().filter_map(worked_on).max() else {
            return;
        };
        let works = self.kind.works();
        let planned = works.get(place).is_some_and(|work| work.task.ends_the_tenure());
        self.resumed += u32::from(last != epoch && !planned);
    }
}

impl Facts {
    /// An operation by id.
    pub fn operation(&self, id: Revision) -> Result<&Operation, Refusal> {
        let unknown =
            || Refusal::new(Code::NoSuchOperation, format!("There is no operation {id}."));
        self.operations.get(&id).ok_or_else(unknown)
    }

    /// The newest operation that adds this member: the one that was begun for it, or that let it in on its host.
    pub fn addition_of(
        &self,
        managers: &managers::Facts,
        member: ManagerId,
    ) -> Option<(Revision, &Operation)> {
        let adds = |(id, operation): &(&Revision, &Operation)| match &operation.kind {
            Kind::AddManager { manager, .. } => *manager == member,
            _ => newcomer(managers, **id, operation) == Some(member),
        };
        let newest = self.operations.iter().rev().find(adds);
        newest.map(|(id, operation)| (*id, operation))
    }

    /// The operations that are not ended, oldest first.
    pub fn open(&self) -> impl Iterator<Item = (Revision, &Operation)> {
        let open = |(_, operation): &(&Revision, &Operation)| operation.status.is_open();
        self.operations.iter().filter(open).map(|(id, operation)| (*id, operation))
    }

    /// The steps that are worked on in this tenure.
    pub fn tries(&self, epoch: Epoch) -> impl Iterator<Item = (Try, &Step)> {
        self.open().filter_map(move |(id, operation)| {
            let (step, at) = operation.next_step()?;
            let here = at.status == StepStatus::Running && at.epoch == Some(epoch);
            here.then_some((Try { id, step, attempt: at.attempt }, at))
        })
    }

    /// The open operation that is about this member, if there is one.
    pub fn about(
        &self,
        managers: &managers::Facts,
        member: ManagerId,
    ) -> Option<(Revision, &Operation)> {
        self.open().find(|(id, operation)| {
            operation.kind.managers().contains(&member)
                || newcomer(managers, *id, operation) == Some(member)
        })
    }

    /// The open operation that brings somebody in on the host of this name, if there is one.
    pub fn bringing_in(&self, host: &str) -> Option<(Revision, &Operation)> {
        let brings = |(_, operation): &(Revision, &Operation)| {
            operation.kind.site().is_some_and(|site| site.host == host)
        };
        self.open().find(brings)
    }

    /// The operation of a recovery that Services HA decided on at this revision.
    pub fn recovering(&self, asked: Revision) -> Option<(Revision, &Operation)> {
        let mut later = self.operations.range(asked..);
        let of_it = |(_, operation): &(&Revision, &Operation)| matches!(&operation.kind, Kind::Recover(recover) if recover.asked == asked);
        later.find(of_it).map(|(id, operation)| (*id, operation))
    }

    /// The operation of a schedule that was noted to be due at this revision.
    pub fn scheduled(&self, asked: Revision) -> Option<Revision> {
        let mut later = self.operations.range(asked..);
        let of_it = |(_, operation): &(&Revision, &Operation)| matches!(&operation.kind, Kind::Services(order) if order.asked == Some(asked));
        later.find(of_it).map(|(id, _)| *id)
    }

    /// What Kyvos Manager HA was last switched to by a restart, as far as is remembered.
    pub fn last_switch(&self) -> Option<bool> {
        let switched = |operation: &Operation| match operation.kind {
            Kind::SwitchHa { on, .. } => Some(on),
            _ => None,
        };
        self.operations.values().rev().find_map(switched)
    }

    /// Since when a member is being restarted: from the moment its turn came, its office being handed over first, until
    /// it is back and has the log. Nobody is restarted while a person must say how to go on.
    pub fn restarting_since(
        &self,
        managers: &managers::Facts,
        member: ManagerId,
    ) -> Option<Timestamp> {
        let since = |(_, operation): (Revision, &Operation)| {
            let (place, step) = operation.next_step()?;
            let works = operation.kind.works();
            let its = |work: &&Work<'_>| work.manager == Some(member);
            works.iter().filter(its).find(|work| work.task == Task::Restart)?;
            works.get(place as usize).filter(its)?;
            let spared = operation.kind.spares_the_active() && managers.is_active(member);
            let held_up = operation.status == Status::NeedsDecision;
            (!spared && !held_up).then(|| step.started_at.unwrap_or(operation.requested_at))
        };
        self.open().find_map(since)
    }

    /// Whether this very process of a member is to end and begin anew now. The order is the running step
    /// itself: it was agreed on in a tenure, whoever it is for reads it in its own facts, and the process that
    /// comes after has another name.
    pub fn restart_ordered(
        &self,
        managers: &managers::Facts,
        member: ManagerId,
        process: Timestamp,
    ) -> Option<Revision> {
        let orders = |(_, operation): &(Revision, &Operation)| {
            let spared = operation.kind.spares_the_active() && managers.is_active(member);
            let running =
                operation.next_step().filter(|(_, step)| step.status == StepStatus::Running);
            let work = running.and_then(|(place, _)| operation.work(place));
            let wanted = |work: Work<'_>| {
                work.task == Task::Restart
                    && work.manager == Some(member)
                    && work.process == Some(process)
            };
            !spared && operation.status == Status::Running && work.is_some_and(wanted)
        };
        self.open().find(orders).map(|(id, _)| id)
    }
}

/// Whom an operation let in on its host: the member that calls itself as the host is called, and was admitted while
/// the operation was open. Nobody before that, and nobody once it was taken out again.
pub fn newcomer(
    managers: &managers::Facts,
    id: Revision,
    operation: &Operation,
) -> Option<ManagerId> {
    let site = operation.kind.site()?;
    let until = if operation.status.is_open() { Revision(u64::MAX) } else { operation.revision };
    let mut meanwhile = managers.members.range(ManagerId(id.0)..=ManagerId(until.0));
    meanwhile.find(|(_, member)| member.profile.host == site.host).map(|(member, _)| *member)
}
