//! Alerts over HTTP: what a person should know, seeing it, and who else is told.

mod channels;
mod wire;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::wire::{AlertState, SeverityName};
use super::model::{self, Alert as Known, NOTE_MAX_BYTES};
use crate::api::{
    AcknowledgeAlerts, Answer, Asked, Change, Page, Path, Problem, Reader, Routes, Time, View,
    Window,
};
use crate::base::Revision;
use crate::base::text::fits;
use crate::machine::State;

/// Something a person should know.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Alert {
    /// The revision that raised it.
    pub id: u64,
    /// What kind of alert it is, stable.
    pub code: &'static str,
    /// How much it matters.
    pub severity: SeverityName,
    /// How it stands.
    pub state: AlertState,
    /// What it is about: a host, a check; empty for the group as a whole.
    pub subject: String,
    /// The sentence.
    pub text: String,
    /// Since when it is so.
    pub since: Time,
    /// When it came last.
    pub raised_at: Time,
    /// How many times it came.
    pub count: u32,
    /// Who has seen it.
    pub acknowledged_by: Option<String>,
    /// When.
    pub acknowledged_at: Option<Time>,
    /// What he had to say.
    pub note: Option<String>,
    /// When its cause was gone.
    pub resolved_at: Option<Time>,
    /// Revision of its last change.
    pub revision: u64,
}

/// Which alerts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertQuery {
    /// Only those that stand so.
    state: Option<AlertState>,
    /// Only those that matter so much, or more.
    severity: Option<SeverityName>,
    /// Most items, 1 to 500; 100 when absent.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Somebody has seen it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acknowledge {
    /// What he has to say.
    #[serde(default)]
    note: String,
}

/// The routes of this room.
pub(crate) fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(acknowledge))
        .merge(channels::routes())
}

/// What the live feed tells of an event: kind, subject and data.
pub(crate) fn notice(event: &model::Event) -> (&'static str, String, serde_json::Value) {
    use serde_json::json;
    let of_cause = |cause: &model::Cause| json!({ "code": cause.kind.as_str(), "severity": cause.severity.as_str(), "text": cause.text });
    match event {
        model::Event::Raised { cause } => ("raised", cause.key.clone(), of_cause(cause)),
        model::Event::Again { id, cause } => ("again", id.to_string(), of_cause(cause)),
        model::Event::Restated { id, cause } => ("restated", id.to_string(), of_cause(cause)),
        model::Event::Acknowledged { id, acknowledged } => {
            ("acknowledged", id.to_string(), json!({ "by": acknowledged.by }))
        }
        model::Event::Resolved { id } => ("resolved", id.to_string(), json!({})),
        model::Event::ChannelAdded { setting } => {
            ("channel_added", setting.name.clone(), json!({ "kind": setting.way.as_str() }))
        }
        model::Event::ChannelSet { id, .. } => ("channel_set", id.to_string(), json!({})),
        model::Event::ChannelRemoved { id } => ("channel_removed", id.to_string(), json!({})),
        model::Event::TryOutAsked { id } => ("test_asked", id.to_string(), json!({})),
        model::Event::TriedOut { id, outcome } => {
            ("tested", id.to_string(), json!({ "ok": outcome.is_ok() }))
        }
        model::Event::Told { id, letter, outcome } => {
            ("told", id.to_string(), json!({ "letter": letter.0, "ok": outcome.is_ok() }))
        }
    }
}

/// Alerts, the newest first. Resolved ones are kept for a while.
#[utoipa::path(get, path = "/alerts", operation_id = "list_alerts", tag = "alerts",
    params(AlertQuery), responses((status = 200, body = Page<Alert>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn list(
    reader: Reader<View>,
    Asked(query): Asked<AlertQuery>,
) -> Result<Answer<Page<Alert>>, Problem> {
    let window = Window::new(query.limit.as_deref(), query.after)?;
    let before = window.after_revision()?.unwrap_or(Revision(u64::MAX));
    reader.show(|state| {
        let older = state.alerts.alerts.range(..before).rev();
        let wanted = older.filter(|(_, alert)| {
            let stands = query.state.is_none_or(|stands| stands == alert.stand().into());
            let severity = SeverityName::from(alert.cause.severity);
            stands && query.severity.is_none_or(|least| severity >= least)
        });
        Ok(window.page(wanted.map(|(id, alert)| (id.to_string(), shown(*id, alert)))))
    })
}

/// Notes that somebody has seen an alert. One that tells of a moment is over with it; one that lasts stays until its cause
/// is gone.
#[utoipa::path(post, path = "/alerts/{id}/acknowledge", operation_id = "acknowledge_alert", tag = "alerts",
    params(("id" = u64, Path,)), request_body = Acknowledge,
    responses((status = 200, body = Alert)), extensions(("x-km-handled" = json!("forwarded"))))]
async fn acknowledge(
    Path(id): Path<u64>,
    change: Change<AcknowledgeAlerts, Acknowledge>,
) -> Result<Answer<Alert>, Problem> {
    let id = Revision(id);
    fits("A note", &change.body.note, NOTE_MAX_BYTES)?;
    let command = model::Command::Acknowledge { id, note: change.body.note.clone() };
    let committed = change.propose(command, None).await?;
    let now = |state: &State| state.alerts.alerts.get(&id).map(|alert| shown(id, alert));
    Ok(committed.show(&change.surface, StatusCode::OK, now))
}

fn shown(id: Revision, alert: &Known) -> Alert {
    let cause = &alert.cause;
    let seen = alert.acknowledged.as_ref();
    Alert {
        id: id.0,
        code: cause.kind.as_str(),
        severity: cause.severity.into(),
        state: alert.stand().into(),
        subject: cause.subject.clone(),
        text: cause.text.clone(),
        since: cause.since.into(),
        raised_at: alert.raised_at.into(),
        count: alert.count,
        acknowledged_by: seen.map(|seen| seen.by.clone()),
        acknowledged_at: seen.map(|seen| seen.at.into()),
        note: seen.map(|seen| seen.note.clone()).filter(|note| !note.is_empty()),
        resolved_at: alert.resolved_at.map(Time::from),
        revision: alert.revision.0,
    }
}
