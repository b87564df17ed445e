//! Facts of the operations: what was asked, how far it is, and what came of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::command::{Command, Event};
use crate::base::{Code, Epoch, ManagerId, Refusal, Revision, Timestamp};
use crate::machine::Moment;

/// How many ended operations are kept.
pub const ENDED_KEPT: usize = 1_000;
/// Most operations open at a time.
pub const OPEN_MAX: usize = 100;
/// Longest detail of a step, in bytes; longer ones are cut.
pub const DETAIL_MAX_BYTES: usize = 1_024;

/// Every operation that is open or ended not long ago, by the revision that began it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// By id.
    pub operations: BTreeMap<Revision, Operation>,
}

/// What an operation does. In the log a kind is its position: append, never reorder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Brings an admitted member in: learner → caught up → voter (row 86).
    AddManager {
        /// Who.
        manager: ManagerId,
        /// Its host, for people.
        host: String,
    },
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

impl Kind {
    /// The kind as it is named everywhere.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AddManager { .. } => "ADD_MANAGER",
        }
    }

    /// What it is about, for people.
    pub fn target(&self) -> String {
        match self {
            Self::AddManager { host, .. } => host.clone(),
        }
    }

    /// Whether both are about the same thing: of two such operations only one may be open. Hosts do not tell,
    /// because one host may carry two members.
    pub fn collides(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::AddManager { manager, .. }, Self::AddManager { manager: other, .. }) => {
                manager == other
            }
        }
    }

    /// What it does, for people.
    pub fn title(&self) -> String {
        match self {
            Self::AddManager { host, .. } => format!("Add Kyvos Manager {host}"),
        }
    }

    /// Its steps as name and title, in order.
    fn steps(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::AddManager { .. } => &[
                ("learner", "Add as learner"),
                ("catch-up", "Wait until it has caught up"),
                ("voter", "Make it a voter"),
            ],
        }
    }
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

    pub(super) fn new(kind: Kind, moment: &Moment) -> Self {
        let step = |(name, title): &(&str, &str)| Step {
            name: (*name).into(),
            title: (*title).into(),
            status: StepStatus::Pending,
            attempt: 0,
            detail: String::new(),
            started_at: None,
            finished_at: None,
            executed_by: None,
            epoch: None,
        };
        Self {
            steps: kind.steps().iter().map(step).collect(),
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

    /// Counts a failover when another tenure than the last goes on with it.
    pub(super) fn adopt(&mut self, epoch: Epoch) {
        let last = self.steps.iter().filter_map(|step| step.epoch).max();
        self.resumed += u32::from(last.is_some_and(|last| last != epoch));
    }
}

impl Facts {
    /// An operation by id.
    pub fn operation(&self, id: Revision) -> Result<&Operation, Refusal> {
        let unknown =
            || Refusal::new(Code::NoSuchOperation, format!("There is no operation {id}."));
        self.operations.get(&id).ok_or_else(unknown)
    }

    /// The newest operation that adds this member.
    pub fn addition_of(&self, member: ManagerId) -> Option<(Revision, &Operation)> {
        let adds = |(_, operation): &(&Revision, &Operation)| match &operation.kind {
            Kind::AddManager { manager, .. } => *manager == member,
        };
        let newest = self.operations.iter().rev().find(adds);
        newest.map(|(id, operation)| (*id, operation))
    }

    /// The operations that are not ended, oldest first.
    pub fn open(&self) -> impl Iterator<Item = (Revision, &Operation)> {
        let open = |(_, operation): &(&Revision, &Operation)| operation.status.is_open();
        self.operations.iter().filter(open).map(|(id, operation)| (*id, operation))
    }
}
