//! Facts of the operations: what was asked, how far it is, and what came of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{Code, Epoch, ManagerId, Refusal, Revision, Timestamp};
use crate::machine::{Capability, Moment, State, Trace};

/// The room, for the machine.
pub struct Room;

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
}

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Asks for an operation.
    Begin {
        /// Which.
        kind: Kind,
    },
    /// The Active begins a step, or tells how far it is.
    StepStarted {
        /// The operation.
        id: Revision,
        /// The step's place, from 0.
        step: u32,
        /// What is known so far.
        detail: String,
        /// The tenure it is carried out in.
        epoch: Epoch,
    },
    /// The Active ended a step.
    StepEnded {
        /// The operation.
        id: Revision,
        /// The step's place, from 0.
        step: u32,
        /// How.
        end: StepEnd,
        /// What came of it.
        detail: String,
        /// The tenure it was carried out in.
        epoch: Epoch,
    },
    /// Somebody calls an operation off.
    Cancel {
        /// Which.
        id: Revision,
    },
    /// Somebody wants a failed operation tried again.
    Retry {
        /// Which.
        id: Revision,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// An operation was asked for.
    Begun {
        /// Which; its id is the revision.
        kind: Kind,
    },
    /// A step began, or told how far it is.
    StepStarted {
        /// The operation.
        id: Revision,
        /// The step's place.
        step: u32,
        /// What is known so far.
        detail: String,
        /// The tenure.
        epoch: Epoch,
    },
    /// A step ended.
    StepEnded {
        /// The operation.
        id: Revision,
        /// The step's place.
        step: u32,
        /// How.
        end: StepEnd,
        /// What came of it.
        detail: String,
        /// The tenure.
        epoch: Epoch,
    },
    /// An operation was called off.
    Cancelled {
        /// Which.
        id: Revision,
    },
    /// A failed operation is to be tried again.
    Retried {
        /// Which.
        id: Revision,
    },
}

impl Kind {
    /// The kind as it is named everywhere.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AddManager { .. } => "ADD_MANAGER",
        }
    }

    /// What it is about. Two open operations never have the same target.
    pub fn target(&self) -> String {
        match self {
            Self::AddManager { host, .. } => host.clone(),
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

    fn new(kind: Kind, moment: &Moment) -> Self {
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

    /// The last tenure that worked on it.
    fn last_epoch(&self) -> Option<Epoch> {
        self.steps.iter().filter_map(|step| step.epoch).max()
    }
}

impl Facts {
    /// An operation by id.
    pub fn operation(&self, id: Revision) -> Result<&Operation, Refusal> {
        let unknown =
            || Refusal::new(Code::NoSuchOperation, format!("There is no operation {id}."));
        self.operations.get(&id).ok_or_else(unknown)
    }

    /// The operations that are not ended, oldest first.
    pub fn open(&self) -> impl Iterator<Item = (Revision, &Operation)> {
        let open = |(_, operation): &(&Revision, &Operation)| operation.status.is_open();
        self.operations.iter().filter(open).map(|(id, operation)| (*id, operation))
    }
}

impl Capability for Room {
    type Facts = Facts;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, _moment: &Moment, command: &Command) -> Result<Vec<Event>, Refusal> {
        let facts = &state.operations;
        match command {
            Command::Begin { kind } => begin(facts, kind),
            Command::StepStarted { id, step, detail, epoch } => {
                current_step(facts, *id, *step)?;
                let (id, step, detail, epoch) = (*id, *step, cut(detail), *epoch);
                Ok(vec![Event::StepStarted { id, step, detail, epoch }])
            }
            Command::StepEnded { id, step, end, detail, epoch } => {
                current_step(facts, *id, *step)?;
                let (id, step, end, detail, epoch) = (*id, *step, *end, cut(detail), *epoch);
                Ok(vec![Event::StepEnded { id, step, end, detail, epoch }])
            }
            Command::Cancel { id } => {
                in_state(facts, *id, Status::is_open, "is open")?;
                Ok(vec![Event::Cancelled { id: *id }])
            }
            Command::Retry { id } => {
                let again = |status| matches!(status, Status::Failed | Status::NeedsDecision);
                let operation = in_state(facts, *id, again, "has failed or needs a decision")?;
                free_target(facts, &operation.kind, Some(*id))?;
                Ok(vec![Event::Retried { id: *id }])
            }
        }
    }

    fn evolve(facts: &mut Facts, moment: &Moment, event: &Event) {
        match event {
            Event::Begun { kind } => {
                facts.operations.insert(moment.revision, Operation::new(kind.clone(), moment));
                forget_oldest(facts);
            }
            Event::StepStarted { id, step, detail, epoch } => {
                change(facts, moment, *id, |operation| {
                    step_started(operation, moment, *step, detail, *epoch);
                })
            }
            Event::StepEnded { id, step, end, detail, epoch } => {
                change(facts, moment, *id, |operation| {
                    step_ended(operation, moment, *step, *end, detail, *epoch);
                })
            }
            Event::Cancelled { id } => change(facts, moment, *id, |operation| {
                operation.status = Status::Cancelled;
                operation.finished_at = Some(moment.at);
            }),
            Event::Retried { id } => change(facts, moment, *id, |operation| {
                (operation.status, operation.error, operation.finished_at) =
                    (Status::Queued, None, None);
                for step in
                    operation.steps.iter_mut().filter(|step| step.status == StepStatus::Failed)
                {
                    step.status = StepStatus::Pending;
                }
            }),
        }
    }

    fn trace(state: &State, command: &Command) -> Option<Trace> {
        let title = |id: &Revision| match state.operations.operations.get(id) {
            Some(operation) => format!("{id} {}", operation.kind.title()),
            None => id.to_string(),
        };
        match command {
            Command::Begin { kind } => Some(Trace::new("operations.begin", kind.title())),
            Command::Cancel { id } => Some(Trace::new("operations.cancel", title(id))),
            Command::Retry { id } => Some(Trace::new("operations.retry", title(id))),
            Command::StepStarted { .. } | Command::StepEnded { .. } => None,
        }
    }
}

fn begin(facts: &Facts, kind: &Kind) -> Result<Vec<Event>, Refusal> {
    if facts.open().count() >= OPEN_MAX {
        return Err(Refusal::new(
            Code::TooMany,
            format!("{OPEN_MAX} operations are open already."),
        ));
    }
    free_target(facts, kind, None)?;
    Ok(vec![Event::Begun { kind: kind.clone() }])
}

fn free_target(facts: &Facts, kind: &Kind, but: Option<Revision>) -> Result<(), Refusal> {
    let target = kind.target();
    let same = |(id, operation): &(Revision, &Operation)| {
        Some(*id) != but && operation.kind.target() == target
    };
    match facts.open().find(same) {
        None => Ok(()),
        Some((id, _)) => {
            let detail = format!("Operation {id} on {target} is still open.");
            Err(Refusal::new(Code::TargetBusy, detail))
        }
    }
}

fn in_state<'f>(
    facts: &'f Facts,
    id: Revision,
    fits: impl Fn(Status) -> bool,
    wanted: &str,
) -> Result<&'f Operation, Refusal> {
    let operation = facts.operation(id)?;
    if fits(operation.status) {
        return Ok(operation);
    }
    let detail =
        format!("Only an operation that {wanted} allows this; {id} is {:?}.", operation.status);
    Err(Refusal::new(Code::WrongState, detail))
}

fn current_step(facts: &Facts, id: Revision, step: u32) -> Result<(), Refusal> {
    let workable = |status| matches!(status, Status::Queued | Status::Running);
    let operation = in_state(facts, id, workable, "is queued or running")?;
    match operation.next_step() {
        Some((next, _)) if next == step => Ok(()),
        Some(_) | None => {
            Err(Refusal::new(Code::WrongState, format!("Step {step} of {id} is not the next one.")))
        }
    }
}

fn change(facts: &mut Facts, moment: &Moment, id: Revision, how: impl FnOnce(&mut Operation)) {
    if let Some(operation) = facts.operations.get_mut(&id) {
        how(operation);
        operation.revision = moment.revision;
    }
}

fn step_started(operation: &mut Operation, moment: &Moment, step: u32, detail: &str, epoch: Epoch) {
    let adopted = operation.last_epoch().is_some_and(|last| last != epoch);
    operation.resumed += u32::from(adopted);
    operation.started_at.get_or_insert(moment.at);
    operation.status = Status::Running;
    let Some(step) = operation.steps.get_mut(step as usize) else { return };
    let goes_on = step.status == StepStatus::Running && step.epoch == Some(epoch);
    if !goes_on {
        step.attempt += 1;
        step.started_at = Some(moment.at);
    }
    step.status = StepStatus::Running;
    step.detail = detail.into();
    (step.executed_by, step.epoch) = (Some(moment.via), Some(epoch));
}

fn step_ended(
    operation: &mut Operation,
    moment: &Moment,
    step: u32,
    end: StepEnd,
    detail: &str,
    epoch: Epoch,
) {
    let Some(step) = operation.steps.get_mut(step as usize) else { return };
    step.status = match end {
        StepEnd::Done => StepStatus::Done,
        StepEnd::Skipped => StepStatus::Skipped,
        StepEnd::Failed => StepStatus::Failed,
    };
    step.detail = detail.into();
    step.finished_at = Some(moment.at);
    (step.executed_by, step.epoch) = (Some(moment.via), Some(epoch));
    if end == StepEnd::Failed {
        (operation.status, operation.error) = (Status::Failed, Some(detail.into()));
        operation.finished_at = Some(moment.at);
    } else if operation.next_step().is_none() {
        operation.status = Status::Succeeded;
        operation.finished_at = Some(moment.at);
    }
}

fn forget_oldest(facts: &mut Facts) {
    let ended = facts.operations.iter().filter(|(_, operation)| !operation.status.is_open());
    let surplus = ended.clone().count().saturating_sub(ENDED_KEPT);
    let oldest: Vec<Revision> = ended.map(|(id, _)| *id).take(surplus).collect();
    for id in oldest {
        facts.operations.remove(&id);
    }
}

/// Cuts a detail at [`DETAIL_MAX_BYTES`], on a character.
fn cut(detail: &str) -> String {
    let mut end = detail.len().min(DETAIL_MAX_BYTES);
    while !detail.is_char_boundary(end) {
        end -= 1;
    }
    detail[..end].into()
}
