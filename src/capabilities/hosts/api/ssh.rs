//! What reaching a host over SSH needs: the group's own key, the host's key, and somebody's word for it.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model;
use super::wire::Host;
use super::{shown, tagged};
use crate::api::{
    Answer, Change, Fault, IfMatch, Nothing, Path, Problem, Reader, Routes, TrustHosts, View,
};
use crate::base::HostId;
use crate::remote::fingerprint;

/// The key by which Managers sign in on hosts reached over SSH.
#[derive(Serialize, ToSchema)]
pub(super) struct GroupSshKey {
    /// What belongs into `authorized_keys` there; null: none was made yet.
    pub public_key: Option<String>,
}

/// The key that a host's SSH server shows now.
#[derive(Serialize, ToSchema)]
pub(super) struct OfferedKey {
    /// The key, in OpenSSH's one-line form.
    pub offered: String,
    /// Its fingerprint, as `ssh-keygen -l` prints it on the host.
    pub fingerprint: String,
    /// The key that somebody trusted; null: nobody has yet.
    pub trusted: Option<String>,
    /// Whether the two are the same.
    pub matches: bool,
}

/// Whom to believe to be a host.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustKey {
    /// The key of its SSH server, in OpenSSH's one-line form.
    key: String,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(key, make_key))
        .routes(routes!(offered))
        .routes(routes!(trust))
}

/// The key that hosts reached over SSH have to let in.
#[utoipa::path(get, path = "/hosts/ssh-key", operation_id = "get_ssh_key", tag = "hosts",
    responses((status = 200, body = GroupSshKey)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn key(reader: Reader<View>) -> Result<Answer<GroupSshKey>, Problem> {
    reader.show(|state| {
        let public_key = state.hosts.ssh_key.as_ref().map(|key| key.public.clone());
        Ok(GroupSshKey { public_key })
    })
}

/// Makes another key, in place of an earlier one. Hosts have to let it in before they can be reached again.
#[utoipa::path(post, path = "/hosts/ssh-key", operation_id = "make_ssh_key", tag = "hosts",
    responses((status = 201, body = GroupSshKey)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn make_key(change: Change<TrustHosts, Nothing>) -> Result<Answer<GroupSshKey>, Problem> {
    let key = change.surface.group.new_ssh_key()?;
    let committed = change.propose(model::Command::SetSshKey(key), None).await?;
    Ok(committed.show(&change.surface, StatusCode::CREATED, |state| {
        let public_key = state.hosts.ssh_key.as_ref().map(|key| key.public.clone());
        Some(GroupSshKey { public_key })
    }))
}

/// Asks a host's SSH server for its key, now. Nothing is trusted by that: compare the fingerprint with what the host
/// itself prints.
#[utoipa::path(get, path = "/hosts/{id}/ssh-host-key", operation_id = "get_ssh_host_key", tag = "hosts",
    params(("id" = u64, Path,)), responses((status = 200, body = OfferedKey)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn offered(
    reader: Reader<TrustHosts>,
    Path(id): Path<u64>,
) -> Result<Answer<OfferedKey>, Problem> {
    let id = HostId(id);
    let offered = reader.surface.hosts.offered_key(id).await?;
    let fingerprint = fingerprint(&offered).ok_or_else(no_key)?;
    reader.show(|state| {
        let trusted = state.hosts.host(id)?.trusted_key.clone();
        let matches = trusted.as_ref() == Some(&offered);
        Ok(OfferedKey { offered, fingerprint, trusted, matches })
    })
}

/// Trusts the key of a host's SSH server from now on, in place of an earlier one.
#[utoipa::path(post, path = "/hosts/{id}/trust", operation_id = "trust_host", tag = "hosts",
    params(("id" = u64, Path,), IfMatch), request_body = TrustKey,
    responses((status = 200, body = Host)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn trust(
    Path(id): Path<u64>,
    change: Change<TrustHosts, TrustKey, IfMatch>,
) -> Result<Answer<Host>, Problem> {
    let id = HostId(id);
    let key = without_comment(&change.body.key);
    fingerprint(&key).ok_or_else(no_key)?;
    let command = model::Command::Trust { host: id, key, expect: change.expect() };
    let committed = change.propose(command, None).await?;
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, |state| shown(state, id))))
}

/// A comment is nobody's key: with it, the same key would not be the same text.
fn without_comment(key: &str) -> String {
    key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn no_key() -> Problem {
    let rule =
        "The key must be a public key in OpenSSH's one-line form, such as \"ssh-ed25519 AAAA…\".";
    Problem::new(Fault::InvalidInput, rule)
}
