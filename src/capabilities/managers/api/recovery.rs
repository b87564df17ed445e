//! The Disaster Recovery script over HTTP: how it stands on each portal host, and pushing it (row 28).

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::control::{Begun, Confirmed, begin};
use crate::api::{Answer, Change, ControlManagers, Problem, Reader, Routes, Time, View};
use crate::base::{Code, HostId, Refusal, Sha256};
use crate::capabilities::hosts::model::HostRole;
use crate::capabilities::installs::model::{
    Copy, Push, ScriptState, recovery_script, script_state,
};
use crate::capabilities::operations::model::Kind;
use crate::machine::State;

/// The Disaster Recovery script, and where it lies.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct DrScript {
    /// Whether it has to be pushed.
    pub state: DrScriptState,
    /// SHA-256 of the present version. It changes when a member comes, goes or moves.
    pub version: String,
    /// Every portal host.
    pub hosts: Vec<DrScriptHost>,
}

/// Whether the script has to be pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DrScriptState {
    /// Kyvos Manager HA is off.
    NotNeeded,
    /// Some portal host has not got the present version.
    Pending,
    /// Every portal host has.
    Pushed,
}

/// The script on one host.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct DrScriptHost {
    /// The host.
    pub host: String,
    /// Whether the present version is there.
    pub state: DrScriptHostState,
    /// Where it was last written; null when it never was.
    pub path: Option<String>,
    /// What was last written there.
    pub sha256: Option<String>,
    /// When it was last pushed.
    pub at: Option<Time>,
    /// Why it could not be written.
    pub detail: Option<String>,
}

/// Whether the present version is on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DrScriptHostState {
    /// It is.
    Pushed,
    /// Another version is, or none.
    Missing,
    /// The last push there failed.
    Failed,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(push)).routes(routes!(get))
}

/// Writes the script to every portal host. What cannot be written is told of at the end; the others get it all the
/// same.
#[utoipa::path(post, path = "/managers/push-dr-script", operation_id = "push_dr_script", tag = "managers",
    request_body = Confirmed, responses((status = 202, body = Begun)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn push(change: Change<ControlManagers, Confirmed>) -> Result<Answer<Begun>, Problem> {
    begin(&change, |state, _| {
        let portals = state.hosts.with_role(HostRole::WebPortal);
        let hosts: Vec<_> = portals.map(|(id, host)| (id, host.name.clone())).collect();
        let refused = |code, detail: &str| Err(Refusal::new(code, detail).into());
        if !state.properties.ha_enabled() {
            return refused(Code::HaDisabled, "Without Kyvos Manager HA there is no use for it.");
        }
        if hosts.is_empty() {
            return refused(Code::NoWayToHost, "No host with the Web Portal is registered.");
        }
        Ok(Kind::PushScript { hosts })
    })
    .await
}

/// How the script stands: its present version, and what each portal host has.
#[utoipa::path(get, path = "/managers/dr-script", operation_id = "get_dr_script", tag = "managers",
    responses((status = 200, body = DrScript)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn get(reader: Reader<View>) -> Result<Answer<DrScript>, Problem> {
    reader.show(|state| Ok(script(state)))
}

fn script(state: &State) -> DrScript {
    let version = Sha256::of(recovery_script(state).as_bytes());
    let portals = state.hosts.with_role(HostRole::WebPortal);
    let hosts = portals.map(|(id, host)| on(state, id, &host.name, version)).collect();
    let state = match script_state(state) {
        ScriptState::NotNeeded => DrScriptState::NotNeeded,
        ScriptState::Pending => DrScriptState::Pending,
        ScriptState::Pushed => DrScriptState::Pushed,
    };
    DrScript { state, version: version.to_string(), hosts }
}

fn on(state: &State, id: HostId, name: &str, version: Sha256) -> DrScriptHost {
    let nowhere = DrScriptHost {
        host: name.to_owned(),
        state: DrScriptHostState::Missing,
        path: None,
        sha256: None,
        at: None,
        detail: None,
    };
    let Some(Push { copy, at, .. }) = state.installs.pushes.get(&id) else { return nowhere };
    let at = Some((*at).into());
    match copy {
        Copy::Failed { because } => {
            let (state, detail) = (DrScriptHostState::Failed, Some(because.clone()));
            DrScriptHost { state, at, detail, ..nowhere }
        }
        Copy::Written { path, sha256 } => {
            let state = match *sha256 == version {
                true => DrScriptHostState::Pushed,
                false => DrScriptHostState::Missing,
            };
            let (path, sha256) = (Some(path.clone()), Some(sha256.to_string()));
            DrScriptHost { state, path, sha256, at, ..nowhere }
        }
    }
}
