//! Hosts over HTTP: registering, changing, and what was seen of them. Enrolment is in `enrol`, what SSH needs in
//! `ssh`, a look that somebody asks for in `check`.

mod check;
mod enrol;
mod ssh;
mod wire;

use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::wire::{Host, HostRoleName, TransportInput, host};
use super::model;
use crate::api::{
    Answer, Asked, Change, IfMatch, ManageHosts, Nothing, Page, Paging, Path, Problem, Reader,
    Routes, View,
};
use crate::base::{HostId, Revision};
use crate::machine::State;

/// A machine to look after.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterHost {
    /// Its name: letters, digits, hyphens, underscores and dots. The Manager on it goes by the same name.
    name: String,
    /// What it is for.
    #[serde(default)]
    roles: Vec<HostRoleName>,
    /// How it is reached.
    transport: TransportInput,
}

/// What is to change of a host.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatchHost {
    /// What it is for from now on.
    roles: Option<Vec<HostRoleName>>,
    /// How it is reached from now on.
    transport: Option<TransportInput>,
}

/// The routes of this room.
pub(crate) fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(list, register))
        .routes(routes!(get, patch, delete))
        .merge(enrol::routes())
        .merge(ssh::routes())
        .merge(check::routes())
}

/// What the live feed tells of an event: kind, subject and data.
pub(crate) fn notice(event: &model::Event) -> (&'static str, String, serde_json::Value) {
    use serde_json::json;
    match event {
        model::Event::Registered { host, name, .. } => {
            ("registered", host.to_string(), json!({ "name": name }))
        }
        model::Event::Changed { host, .. } => ("changed", host.to_string(), json!({})),
        model::Event::Removed { host } => ("removed", host.to_string(), json!({})),
        model::Event::Invited { host, .. } => ("invited", host.to_string(), json!({})),
        model::Event::Enrolled { host, .. } => ("enrolled", host.to_string(), json!({})),
        model::Event::Trusted { host, .. } => ("trusted", host.to_string(), json!({})),
        model::Event::SshKeySet(key) => {
            ("ssh_key_set", "group".to_owned(), json!({ "public_key": key.public }))
        }
        model::Event::Noted { host, reach, .. } => {
            let answers = matches!(reach, model::Reach::Answers { .. });
            ("noted", host.to_string(), json!({ "answers": answers }))
        }
        model::Event::LookAsked { host } => ("look_asked", host.to_string(), json!({})),
    }
}

/// Every host, in the order of registration.
#[utoipa::path(get, path = "/hosts", operation_id = "list_hosts", tag = "hosts",
    params(Paging), responses((status = 200, body = Page<Host>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn list(
    reader: Reader<View>,
    Asked(paging): Asked<Paging>,
) -> Result<Answer<Page<Host>>, Problem> {
    let window = paging.window()?;
    let after = window.after_revision()?.unwrap_or_default();
    reader.show(|state| {
        let later = state.hosts.hosts.iter().filter(|(id, _)| id.0 > after.0);
        Ok(window.page(later.map(|(id, known)| (id.to_string(), host(state, *id, known)))))
    })
}

/// One host.
#[utoipa::path(get, path = "/hosts/{id}", operation_id = "get_host", tag = "hosts",
    params(("id" = u64, Path,)), responses((status = 200, body = Host)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn get(reader: Reader<View>, Path(id): Path<u64>) -> Result<Answer<Host>, Problem> {
    let id = HostId(id);
    reader.show(|state| Ok(host(state, id, state.hosts.host(id)?))).map(tagged)
}

/// Takes a machine into care. Reached by an agent, it is enrolled next; over SSH, its key is trusted next.
#[utoipa::path(post, path = "/hosts", operation_id = "register_host", tag = "hosts",
    request_body = RegisterHost, responses((status = 201, body = Host)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn register(change: Change<ManageHosts, RegisterHost>) -> Result<Answer<Host>, Problem> {
    let RegisterHost { name, roles, transport } = &change.body;
    let roles = roles.iter().copied().map(Into::into).collect();
    let (name, transport) = (name.clone(), transport.clone().into());
    let committed =
        change.propose(model::Command::Register { name, roles, transport }, None).await?;
    let id = HostId(committed.revision.0);
    Ok(tagged(committed.show(&change.surface, StatusCode::CREATED, |state| shown(state, id))))
}

/// Changes what a host is for, or how it is reached. A key that was trusted holds for one address only.
#[utoipa::path(patch, path = "/hosts/{id}", operation_id = "patch_host", tag = "hosts",
    params(("id" = u64, Path,), IfMatch), request_body = PatchHost,
    responses((status = 200, body = Host)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn patch(
    Path(id): Path<u64>,
    change: Change<ManageHosts, PatchHost, IfMatch>,
) -> Result<Answer<Host>, Problem> {
    let id = HostId(id);
    let PatchHost { roles, transport } = &change.body;
    let roles = roles.as_ref().map(|roles| roles.iter().copied().map(Into::into).collect());
    let transport = transport.clone().map(model::Transport::from);
    let command = model::Command::Change { host: id, roles, transport, expect: change.expect() };
    let committed = change.propose(command, None).await?;
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, |state| shown(state, id))))
}

/// Lets a host go. What runs on it runs on.
#[utoipa::path(delete, path = "/hosts/{id}", operation_id = "delete_host", tag = "hosts",
    params(("id" = u64, Path,), IfMatch), responses((status = 204)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn delete(
    Path(id): Path<u64>,
    change: Change<ManageHosts, Nothing, IfMatch>,
) -> Result<Answer<()>, Problem> {
    let command = model::Command::Remove { host: HostId(id), expect: change.expect() };
    Ok(change.propose(command, None).await?.empty(&change.surface))
}

fn tagged(answer: Answer<Host>) -> Answer<Host> {
    answer.tagged_by(|host| Revision(host.revision))
}

fn shown(state: &State, id: HostId) -> Option<Host> {
    state.hosts.hosts.get(&id).map(|known| host(state, id, known))
}
