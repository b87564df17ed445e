//! Managers over HTTP: each instance as it is known here, and its alias. Joining is in `join`, adding by a host in
//! `addition`, what operators do with instances in `control` and `services`, the Disaster Recovery script in `recovery`.
//!
//! Works without a quorum: what this Manager knows of itself is fresh, of the others it is the last known.

mod addition;
pub(crate) mod blocked;
mod control;
mod join;
mod recovery;
mod services;
mod tenures;

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model;
use crate::api::{
    Answer, Asked, Change, IfMatch, NameManagers, Onlooker, Page, Paging, Path, Problem, Routes,
    Sight, Time, View,
};
use crate::base::{ManagerId, Revision, Timestamp};
use crate::capabilities::operations::model::{StepStatus, Task, Work};
use crate::machine::State;

/// One Kyvos Manager instance, or a witness.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Manager {
    /// Its number.
    pub id: u64,
    /// Host name.
    pub host: String,
    /// What people call the host; empty for none.
    pub alias: String,
    /// Active or Passive.
    pub mode: ManagerMode,
    /// What it is in the group.
    pub role: MemberRole,
    /// How its service stands, as far as this Manager knows.
    pub state: ManagerState,
    /// Since when it is in this mode, or, when it does not run, since when it was not heard; as far as this Manager knows.
    pub since: Time,
    /// Version of its build.
    pub version: String,
    /// URL of its API and dashboard; empty for a witness.
    pub api_url: String,
    /// Where its peers reach it.
    pub peer_addr: String,
    /// URL of its health listener.
    pub health_url: String,
    /// Entries it is behind; null when it was never heard.
    pub lag: Option<u64>,
    /// How long ago it answered; null when it never did since this Manager's start.
    pub last_contact_ms: Option<u64>,
    /// When the fields below were last heard.
    pub as_of: Option<Time>,
    /// Whether it is the one that answers.
    pub here: bool,
    /// What cannot be done with it now, and why: `start`, `stop`, `restart`, `restart_active`, `make_active`,
    /// `remove`, `logs`. What is not listed can.
    pub blocked: BTreeMap<&'static str, String>,
    /// Whether the others have a quorum without it: if not, taking it down must be confirmed.
    pub quorum_without: bool,
    /// The open operation it is part of.
    pub operation: Option<u64>,
    /// Its process.
    pub pid: Option<u32>,
    /// When the process started.
    pub started_at: Option<Time>,
    /// Where its program lies.
    pub install_path: Option<String>,
    /// Where its data lie.
    pub data_dir: Option<String>,
    /// Its term.
    pub term: Option<u64>,
    /// Last entry in its log.
    pub last_log: Option<u64>,
    /// Last entry it applied.
    pub applied: Option<u64>,
    /// Last entry its newest checkpoint holds.
    pub checkpoint: Option<u64>,
    /// Bytes its data take.
    pub data_bytes: Option<u64>,
    /// When its certificate ends.
    pub certificate_expires_at: Option<Time>,
    /// The disk its number is bound to.
    pub disk_id: String,
    /// Revision of the last change of what the group knows of it.
    pub revision: u64,
}

/// Whether it is the one in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ManagerMode {
    /// In use (row 45).
    Active,
    /// Added and not in use (row 46).
    Passive,
}

/// What a member is in the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Votes and may become Active.
    Voter,
    /// Listens until it has caught up.
    Learner,
    /// Votes and never leads.
    Witness,
}

/// How its service stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ManagerState {
    /// It answers.
    Running,
    /// Stopped on purpose.
    Stopped,
    /// It does not answer.
    Down,
    /// Being started.
    Starting,
    /// Being stopped.
    Stopping,
}

/// A new alias.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatchManager {
    /// At most 64 letters, digits, spaces, hyphens, underscores or dots; empty takes it away.
    alias: String,
}

/// The routes of this room.
pub(crate) fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, patch))
        .merge(control::routes())
        .merge(services::routes())
        .merge(addition::routes())
        .merge(recovery::routes())
        .merge(tenures::routes())
        .merge(join::routes())
}

/// What the live feed tells of an event: kind, subject and data. Join tokens are nobody's news.
pub(crate) fn notice(event: &model::Event) -> Option<(&'static str, String, serde_json::Value)> {
    use serde_json::json;
    Some(match event {
        model::Event::Founded(group) => {
            ("founded", group.name.clone(), json!({ "cluster_id": group.cluster_id }))
        }
        model::Event::Admitted { manager, role, profile, .. } => {
            let data = json!({ "host": profile.host, "role": role.as_str() });
            ("admitted", manager.to_string(), data)
        }
        model::Event::Withdrawn { manager, because } => {
            ("withdrawn", manager.to_string(), json!({ "because": because }))
        }
        model::Event::Announced { manager, profile } => {
            let data = json!({ "version": profile.version, "api_url": profile.api_url });
            ("announced", manager.to_string(), data)
        }
        model::Event::AliasSet { manager, alias } => {
            ("alias_set", manager.to_string(), json!({ "alias": alias }))
        }
        model::Event::BecameActive(tenure) => {
            let data =
                json!({ "epoch": tenure.epoch, "term": tenure.term, "because": tenure.because });
            ("became_active", tenure.active.to_string(), data)
        }
        model::Event::LevelRaised { level } => {
            ("level_raised", level.0.to_string(), json!({ "level": level.0 }))
        }
        model::Event::JoinTokenCreated(_) | model::Event::JoinTokenGone { .. } => return None,
    })
}

/// Every Manager and witness.
#[utoipa::path(get, path = "/managers", operation_id = "list_managers", tag = "managers",
    params(Paging), responses((status = 200, body = Page<Manager>)),
    extensions(("x-km-handled" = json!("local"))))]
async fn list(
    onlooker: Onlooker<View>,
    Asked(paging): Asked<Paging>,
) -> Result<Answer<Page<Manager>>, Problem> {
    let window = paging.window()?;
    let after = window.after_revision()?.unwrap_or_default();
    let sight = Sight::of(&*onlooker.surface.group);
    onlooker.show(|state| {
        let later = state.managers.members.iter().filter(|(id, _)| id.0 > after.0);
        let found = later.map(|(id, member)| (id.to_string(), manager(state, &sight, *id, member)));
        Ok(window.page(found))
    })
}

/// All that is known of one member.
#[utoipa::path(get, path = "/managers/{id}", operation_id = "get_manager", tag = "managers",
    params(("id" = u64, Path,)), responses((status = 200, body = Manager)),
    extensions(("x-km-handled" = json!("local"))))]
async fn get(onlooker: Onlooker<View>, Path(id): Path<u64>) -> Result<Answer<Manager>, Problem> {
    let (id, sight) = (ManagerId(id), Sight::of(&*onlooker.surface.group));
    onlooker.show(|state| Ok(manager(state, &sight, id, state.managers.member(id)?))).map(tagged)
}

/// Names a member's host, whatever its mode or state (rows 51, 54).
#[utoipa::path(patch, path = "/managers/{id}", operation_id = "patch_manager", tag = "managers",
    params(("id" = u64, Path,), IfMatch), request_body = PatchManager,
    responses((status = 200, body = Manager)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn patch(
    Path(id): Path<u64>,
    change: Change<NameManagers, PatchManager, IfMatch>,
) -> Result<Answer<Manager>, Problem> {
    let (manager_id, alias) = (ManagerId(id), change.body.alias.clone());
    let command = model::Command::SetAlias { manager: manager_id, alias, expect: change.expect() };
    let committed = change.propose(command, None).await?;
    let sight = Sight::of(&*change.surface.group);
    let now = |state: &State| {
        let member = state.managers.members.get(&manager_id)?;
        Some(manager(state, &sight, manager_id, member))
    };
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, now)))
}

fn tagged(answer: Answer<Manager>) -> Answer<Manager> {
    answer.tagged_by(|manager| Revision(manager.revision))
}

fn manager(state: &State, sight: &Sight, id: ManagerId, member: &model::Manager) -> Manager {
    let here = id == sight.here;
    let active = sight.active(state) == Some(id);
    let status = sight.status(id);
    let heard_ms = sight.contact_ms(id);
    let about = status.map(|status| &status.about);
    let profile = &member.profile;
    Manager {
        id: id.0,
        host: profile.host.clone(),
        alias: member.alias.clone(),
        mode: if active { ManagerMode::Active } else { ManagerMode::Passive },
        role: role(sight, id, member.role),
        state: service_state(state, sight, id),
        since: since(state, sight, id, member),
        version: about.map_or(&profile.version, |about| &about.version).clone(),
        api_url: profile.api_url.clone(),
        peer_addr: profile.peer_addr.clone(),
        health_url: profile.health_url.clone(),
        lag: sight.lag(id),
        last_contact_ms: heard_ms,
        as_of: heard_ms.map(|ms| Timestamp(sight.at.0.saturating_sub(ms)).into()),
        here,
        blocked: blocked::blocked(state, sight, id),
        quorum_without: sight.quorum_without(&BTreeSet::from([id])),
        operation: state.operations.about(&state.managers, id).map(|(operation, _)| operation.0),
        pid: about.map(|about| about.pid),
        started_at: about.map(|about| about.started_at.into()),
        install_path: about.map(|about| about.install_path.display().to_string()),
        data_dir: about.map(|about| about.data_dir.display().to_string()),
        term: status.map(|status| status.term.0),
        last_log: status.map(|status| status.last_log.0),
        applied: status.map(|status| status.applied.0),
        checkpoint: status.map(|status| status.checkpoint.0),
        data_bytes: status.map(|status| status.data_bytes),
        certificate_expires_at: about.and_then(|about| about.certificate_expires_at).map(Time),
        disk_id: member.disk_id.to_string(),
        revision: member.revision.0,
    }
}

/// How its service stands: what it does by itself, or what an operation just does with it. One that is down and was
/// not stopped on purpose has failed.
fn service_state(state: &State, sight: &Sight, id: ManagerId) -> ManagerState {
    let process = sight.status(id).map(|status| status.about.started_at);
    let ordered =
        process.and_then(|process| state.operations.restart_ordered(&state.managers, id, process));
    match (sight.reaches(id), ordered) {
        (true, None) if is_under_way(state, id, Task::Stop) => ManagerState::Stopping,
        (true, None) => ManagerState::Running,
        (true, Some(_)) => ManagerState::Stopping,
        (false, Some(_)) => ManagerState::Starting,
        (false, None) if starts(state, id) => ManagerState::Starting,
        (false, None) if state.installs.stops.contains_key(&id) => ManagerState::Stopped,
        (false, None) => ManagerState::Down,
    }
}

/// Whether its service was asked to start and it has not answered yet.
fn starts(state: &State, id: ManagerId) -> bool {
    let begun = is_under_way(state, id, Task::Start) || is_under_way(state, id, Task::Return);
    begun && !state.installs.stops.contains_key(&id)
}

/// Whether an operation just does that with it.
fn is_under_way(state: &State, id: ManagerId, task: Task) -> bool {
    let about = state.operations.about(&state.managers, id);
    let running = about.and_then(|(_, operation)| {
        let (place, step) = operation.next_step()?;
        (step.status == StepStatus::Running).then(|| operation.work(place))?
    });
    let whose = |work: &Work<'_>| work.manager.is_none_or(|manager| manager == id);
    running.is_some_and(|work| work.task == task && whose(&work))
}

/// What a member is in the group: Raft's own record says who votes.
pub(crate) fn role(sight: &Sight, id: ManagerId, role: model::Role) -> MemberRole {
    match role {
        model::Role::Witness => MemberRole::Witness,
        model::Role::Manager if sight.standing.voters.contains(&id) => MemberRole::Voter,
        model::Role::Manager => MemberRole::Learner,
    }
}

/// The tenure's beginning for the Active; for a Passive its process's start, or, when it is silent, when it was heard
/// last; when it was admitted for one that was never heard.
fn since(state: &State, sight: &Sight, id: ManagerId, member: &model::Manager) -> Time {
    let active = sight.active(state) == Some(id);
    let tenure = state.managers.tenure.as_ref().filter(|_| active).map(|tenure| tenure.since);
    let started = || sight.status(id).map(|status| status.about.started_at);
    let heard = || sight.contact_ms(id).map(|ms| Timestamp(sight.at.0.saturating_sub(ms)));
    let passive = if sight.reaches(id) { started() } else { heard() };
    tenure.or(passive).unwrap_or(member.joined_at).into()
}
