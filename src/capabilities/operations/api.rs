//! Operations over HTTP: how far each is, and calling one off or trying it again.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{self, Status, StepStatus};
use crate::api::{
    Answer, Asked, Change, ControlOperations, Nothing, Page, Path, Problem, Reader, Routes, Time,
    View, Window,
};
use crate::base::Revision;
use crate::machine::State;

/// Long work people see.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Operation {
    /// The revision that began it.
    pub id: u64,
    /// What it does, stable.
    pub kind: &'static str,
    /// What it does, for people.
    pub title: String,
    /// What it is about.
    pub target: String,
    /// Who asked for it.
    pub requested_by: String,
    /// The Manager that took the request in.
    pub via: u64,
    /// When it was asked for.
    pub requested_at: Time,
    /// When its first step began.
    pub started_at: Option<Time>,
    /// When it ended.
    pub finished_at: Option<Time>,
    /// How it stands.
    pub status: OperationStatus,
    /// How many failovers it survived.
    pub resumed: u32,
    /// How far it is.
    pub progress: Progress,
    /// Why it failed or needs a decision.
    pub error: Option<String>,
    /// Revision of its last change.
    pub revision: u64,
    /// Its steps; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<OperationStep>>,
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Progress {
    /// Steps done or not needed.
    pub done: usize,
    /// All steps.
    pub total: usize,
}

/// One step.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OperationStep {
    /// Its name, stable.
    pub name: String,
    /// What it does, for people.
    pub title: String,
    /// How it stands.
    pub status: OperationStepStatus,
    /// How many times it was begun.
    pub attempt: u32,
    /// What is known of it.
    pub detail: String,
    /// When it was last begun.
    pub started_at: Option<Time>,
    /// When it ended.
    pub finished_at: Option<Time>,
    /// The Manager that last worked on it.
    pub executed_by: Option<u64>,
    /// In which tenure.
    pub epoch: Option<u64>,
}

/// How an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationStatus {
    /// Asked for, not begun.
    Queued,
    /// A step is being carried out.
    Running,
    /// All steps done.
    Succeeded,
    /// A step failed for good.
    Failed,
    /// A person must say how to go on.
    NeedsDecision,
    /// Called off.
    Cancelled,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationStepStatus {
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

/// Which operations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationQuery {
    /// Only those that stand so.
    status: Option<OperationStatus>,
    /// Most items, 1 to 500; 100 when absent.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// The routes of this room.
pub(crate) fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(cancel))
        .routes(routes!(retry))
}

/// What the live feed tells of an event: kind, subject and data.
pub(crate) fn notice(event: &model::Event) -> (&'static str, String, serde_json::Value) {
    let subject = |id: &Revision| id.to_string();
    let step = |step: &u32, detail: &str| serde_json::json!({ "step": step, "detail": detail });
    match event {
        model::Event::Begun { kind } => (
            "begun",
            kind.target(),
            serde_json::json!({ "kind": kind.name(), "title": kind.title() }),
        ),
        model::Event::StepStarted { id, step: place, detail, .. } => {
            ("step_started", subject(id), step(place, detail))
        }
        model::Event::StepEnded { id, step: place, detail, .. } => {
            ("step_ended", subject(id), step(place, detail))
        }
        model::Event::Cancelled { id } => ("cancelled", subject(id), serde_json::json!({})),
        model::Event::GaveWay { id } => ("gave_way", subject(id), serde_json::json!({})),
        model::Event::Retried { id } => ("retried", subject(id), serde_json::json!({})),
    }
}

/// Every operation that is open or ended not long ago, newest first, without steps.
#[utoipa::path(get, path = "/operations", operation_id = "list_operations", tag = "operations",
    params(OperationQuery), responses((status = 200, body = Page<Operation>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn list(
    reader: Reader<View>,
    Asked(query): Asked<OperationQuery>,
) -> Result<Answer<Page<Operation>>, Problem> {
    let window = Window::new(query.limit.as_deref(), query.after)?;
    let before = window.after_revision()?.unwrap_or(Revision(u64::MAX));
    reader.show(|state| {
        let older = state.operations.operations.range(..before).rev();
        let wanted = older.filter(|(_, operation)| {
            query.status.is_none_or(|status| status == OperationStatus::from(operation.status))
        });
        Ok(window.page(wanted.map(|(id, operation)| (id.to_string(), summary(*id, operation)))))
    })
}

/// One operation with its steps.
#[utoipa::path(get, path = "/operations/{id}", operation_id = "get_operation", tag = "operations",
    params(("id" = u64, Path,)), responses((status = 200, body = Operation)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn get(reader: Reader<View>, Path(id): Path<u64>) -> Result<Answer<Operation>, Problem> {
    let id = Revision(id);
    reader.show(|state| Ok(whole(id, state.operations.operation(id)?))).map(tagged)
}

/// Calls an operation off.
#[utoipa::path(post, path = "/operations/{id}/cancel", operation_id = "cancel_operation", tag = "operations",
    params(("id" = u64, Path,)), responses((status = 200, body = Operation)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn cancel(
    Path(id): Path<u64>,
    change: Change<ControlOperations, Nothing>,
) -> Result<Answer<Operation>, Problem> {
    let id = Revision(id);
    let committed = change.propose(model::Command::Cancel { id }, None).await?;
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, |state| now(state, id))))
}

/// Tries a failed operation again.
#[utoipa::path(post, path = "/operations/{id}/retry", operation_id = "retry_operation", tag = "operations",
    params(("id" = u64, Path,)), responses((status = 200, body = Operation)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn retry(
    Path(id): Path<u64>,
    change: Change<ControlOperations, Nothing>,
) -> Result<Answer<Operation>, Problem> {
    let id = Revision(id);
    let committed = change.propose(model::Command::Retry { id }, None).await?;
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, |state| now(state, id))))
}

fn now(state: &State, id: Revision) -> Option<Operation> {
    state.operations.operation(id).ok().map(|operation| whole(id, operation))
}

fn tagged(answer: Answer<Operation>) -> Answer<Operation> {
    answer.tagged_by(|operation| Revision(operation.revision))
}

fn whole(id: Revision, operation: &model::Operation) -> Operation {
    let steps = Some(operation.steps.iter().map(step).collect());
    Operation { steps, ..summary(id, operation) }
}

fn summary(id: Revision, operation: &model::Operation) -> Operation {
    let over = |step: &&model::Step| matches!(step.status, StepStatus::Done | StepStatus::Skipped);
    let done = operation.steps.iter().filter(over).count();
    Operation {
        id: id.0,
        kind: operation.kind.name(),
        title: operation.kind.title(),
        target: operation.kind.target(),
        requested_by: operation.requested_by.clone(),
        via: operation.via.0,
        requested_at: operation.requested_at.into(),
        started_at: operation.started_at.map(Time),
        finished_at: operation.finished_at.map(Time),
        status: operation.status.into(),
        resumed: operation.resumed,
        progress: Progress { done, total: operation.steps.len() },
        error: operation.error.clone(),
        revision: operation.revision.0,
        steps: None,
    }
}

fn step(step: &model::Step) -> OperationStep {
    OperationStep {
        name: step.name.clone(),
        title: step.title.clone(),
        status: step.status.into(),
        attempt: step.attempt,
        detail: step.detail.clone(),
        started_at: step.started_at.map(Time),
        finished_at: step.finished_at.map(Time),
        executed_by: step.executed_by.map(|id| id.0),
        epoch: step.epoch.map(|epoch| epoch.0),
    }
}

impl From<Status> for OperationStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Queued => Self::Queued,
            Status::Running => Self::Running,
            Status::Succeeded => Self::Succeeded,
            Status::Failed => Self::Failed,
            Status::NeedsDecision => Self::NeedsDecision,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

impl From<StepStatus> for OperationStepStatus {
    fn from(status: StepStatus) -> Self {
        match status {
            StepStatus::Pending => Self::Pending,
            StepStatus::Running => Self::Running,
            StepStatus::Done => Self::Done,
            StepStatus::Failed => Self::Failed,
            StepStatus::Skipped => Self::Skipped,
        }
    }
}
