//! Prechecks over HTTP: the latest result of each check, and asking for them anew.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{self, Facts, Grade, Subject, is_known};
use crate::api::{
    Answer, Asked, Change, ControlManagers, Problem, Reader, Routes, Time, View, Window,
};
use crate::base::{Code, Refusal};
use crate::machine::State;

/// The results, and whether new ones are on their way.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Prechecks {
    /// The results, in the order of the checks, then of the hosts.
    pub items: Vec<Precheck>,
    /// Give it as `?after=` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// When they were last all looked at, or those that were asked for; null: never.
    pub as_of: Option<Time>,
    /// Whether it is being looked now, or will be in a moment.
    pub running: bool,
    /// The newest ask, as `POST /prechecks/run` answered it.
    pub asked: Option<u64>,
    /// The newest ask that was answered; all before it are too.
    pub answered: Option<u64>,
}

/// The result of one check.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Precheck {
    /// Which check, stable.
    pub check: &'static str,
    /// What it looks at, for people.
    pub title: &'static str,
    /// About which host; null: about the group as a whole.
    pub host: Option<String>,
    /// How good it is.
    pub result: PrecheckResult,
    /// What is the matter, stable; null on a pass.
    pub code: Option<&'static str>,
    /// What was found.
    pub detail: String,
    /// When.
    pub at: Time,
}

/// How good a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrecheckResult {
    /// As it should be.
    Pass,
    /// Good to know; Kyvos Manager HA works.
    Warn,
    /// Something Kyvos Manager HA needs is missing.
    Fail,
}

/// Which results.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrecheckQuery {
    /// Only those about this host and about the group as a whole.
    host: Option<String>,
    /// Most items, 1 to 500; 100 when absent.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// About what.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunPrechecks {
    /// Only about these hosts and the group as a whole, at most 100; left out: about everything.
    #[serde(default)]
    hosts: BTreeSet<String>,
}

/// It will be looked.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct AskedPrechecks {
    /// The ask's name: `GET /prechecks` has answered it when its `answered` is not less.
    pub asked: u64,
}

/// The routes of this room.
pub(crate) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(run))
}

/// What the live feed tells of an event: kind, subject and data. The results themselves are read.
pub(crate) fn notice(event: &model::Event) -> (&'static str, String, serde_json::Value) {
    use serde_json::json;
    let subject = || "group".to_owned();
    match event {
        model::Event::Asked { .. } => ("asked", subject(), json!({})),
        model::Event::Begun { .. } => ("begun", subject(), json!({})),
        model::Event::Noted { findings } => {
            let failed = findings.iter().filter(|finding| finding.grade == Grade::Fail).count();
            ("noted", subject(), json!({ "results": findings.len(), "failed": failed }))
        }
        model::Event::Finished => ("finished", subject(), json!({})),
    }
}

/// The latest result of each check.
#[utoipa::path(get, path = "/prechecks", operation_id = "list_prechecks", tag = "prechecks",
    params(PrecheckQuery), responses((status = 200, body = Prechecks)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn list(
    reader: Reader<View>,
    Asked(query): Asked<PrecheckQuery>,
) -> Result<Answer<Prechecks>, Problem> {
    let window = Window::new(query.limit.as_deref(), query.after)?;
    reader.show(|state| {
        if let Some(host) = query.host.as_deref().filter(|host| !is_known(state, host)) {
            return Err(Refusal::new(Code::NoSuchHost, format!("There is no host {host}.")).into());
        }
        Ok(page(state, query.host.as_deref(), &window))
    })
}

/// Has the Active look anew. What it finds is told as it is found.
#[utoipa::path(post, path = "/prechecks/run", operation_id = "run_prechecks", tag = "prechecks",
    request_body = RunPrechecks, responses((status = 202, body = AskedPrechecks)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn run(
    change: Change<ControlManagers, RunPrechecks>,
) -> Result<Answer<AskedPrechecks>, Problem> {
    let hosts = change.body.hosts.clone();
    let committed = change.propose(model::Command::Ask { hosts }, None).await?;
    let asked = committed.revision.0;
    Ok(committed.show(&change.surface, StatusCode::ACCEPTED, |_| Some(AskedPrechecks { asked })))
}

/// Results about hosts that were let go meanwhile are nobody's any more.
fn page(state: &State, host: Option<&str>, window: &Window) -> Prechecks {
    let facts: &Facts = &state.prechecks;
    let wanted = |subject: &Subject| match (&subject.host, host) {
        (None, _) => true,
        (Some(of), None) => is_known(state, of),
        (Some(of), Some(host)) => of == host,
    };
    let after = window.after.as_deref();
    let rows = facts.results.iter().filter(|(subject, _)| wanted(subject));
    let rows = rows.map(|(subject, outcome)| (cursor(subject), shown(subject, outcome)));
    let rows = rows.skip_while(|(cursor, _)| after.is_some_and(|after| cursor.as_str() <= after));
    let page = window.page(rows);
    Prechecks {
        items: page.items,
        next: page.next,
        as_of: facts.as_of.map(Time),
        running: facts.running(),
        asked: facts.asked.map(|ask| ask.0),
        answered: facts.answered.map(|ask| ask.0),
    }
}

/// Orders as the results do: by the check's place, then by host.
fn cursor(subject: &Subject) -> String {
    let place = model::Check::ALL.iter().position(|check| *check == subject.check);
    let host = subject.host.as_deref().unwrap_or_default();
    format!("{:02}/{host}", place.unwrap_or_default())
}

fn shown(subject: &Subject, outcome: &model::Outcome) -> Precheck {
    Precheck {
        check: subject.check.as_str(),
        title: subject.check.title(),
        host: subject.host.clone(),
        result: match outcome.grade {
            Grade::Pass => PrecheckResult::Pass,
            Grade::Warn => PrecheckResult::Warn,
            Grade::Fail => PrecheckResult::Fail,
        },
        code: outcome.trouble.map(model::Trouble::as_str),
        detail: outcome.detail.clone(),
        at: outcome.at.into(),
    }
}
