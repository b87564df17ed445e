//! Joining over HTTP: one-time tokens, and the call of a host that shows one.

use std::time::Duration;

use axum::http::StatusCode;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::super::invitation::Invitation;
use super::super::model::{self, JOIN_TOKEN_TTL_MAX_MS};
use crate::api::{
    Answer, Anyone, Asked, Change, ChangeMembership, Committed, Fault, Nothing, Page, Paging, Path,
    Problem, Reader, Routes, Time, TokenKind,
};
use crate::base::{Digest, ManagerId, Revision, Secret};
use crate::capabilities::properties::schema;
use crate::cluster;
use crate::machine::{Level, State};

/// How long a join token holds when nobody says.
const TTL_DEFAULT_MINUTES: u64 = 60;
/// The level of a build that does not name its own.
const LEVEL_FIRST: u32 = 1;
/// How long an admitted host waits for the Active to begin its addition: it does so at once, unless it changes
/// this very moment.
const BEGUN_WAIT: Duration = Duration::from_secs(10);
/// Longest host name, in bytes.
const HOST_MAX_BYTES: usize = 253;
/// Longest address, in bytes: a host name, a colon and a port.
const ADDRESS_MAX_BYTES: usize = 260;
/// Longest version, in bytes.
const VERSION_MAX_BYTES: usize = 64;

/// What a member is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JoinRole {
    /// May become Active.
    Manager,
    /// Votes only.
    Witness,
}

/// A right to join, given once. The token itself is shown when it is made and never again.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct JoinToken {
    /// The revision that made it.
    pub id: u64,
    /// For which role.
    pub role: JoinRole,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Time,
    /// Until when it holds.
    pub expires_at: Time,
    /// Who used it. A used token is gone, so this is null in the list.
    pub used_by: Option<u64>,
}

/// A new join token, shown once.
#[derive(Serialize, ToSchema)]
pub(super) struct NewJoinToken {
    /// The revision that made it.
    pub id: u64,
    /// What `km join` takes: the right to join, how to know the group, and where it is.
    pub token: String,
    /// Until when it holds.
    pub expires_at: Time,
}

/// Which join token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateJoinToken {
    /// For which role.
    role: JoinRole,
    /// How long it holds: 1 to 10,080 minutes; 60 when absent.
    ttl_minutes: Option<u64>,
}

/// What a joining host shows and tells of itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JoinRequest {
    /// The secret part of the join token.
    #[schema(value_type = String, format = Password)]
    token: Secret,
    /// The request for its certificate, PEM.
    csr_pem: String,
    /// Its disk.
    #[schema(value_type = String)]
    disk_id: Uuid,
    /// Its host name.
    host: String,
    /// `host:port` where its peers will reach it.
    peer_addr: String,
    /// URL of its API; empty for a witness.
    api_url: String,
    /// URL of its health listener.
    health_url: String,
    /// What it is to be.
    role: JoinRole,
    /// Version of its build.
    version: String,
    /// The highest feature level its build speaks; 1 when absent.
    level: Option<u32>,
    /// The longest election lease it may be running with, in milliseconds; the group's own when absent.
    lease_ms: Option<u64>,
}

/// What a joining host needs to be a member.
#[derive(Serialize, ToSchema)]
pub(super) struct Joined {
    /// Its number.
    pub node_id: u64,
    /// The group.
    pub cluster_id: String,
    /// Certificate of the group's authority, PEM.
    pub ca_pem: String,
    /// Its own certificate, PEM.
    pub certificate_pem: String,
    /// The group key; absent for a witness.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_key: Option<String>,
    /// Who to talk to.
    pub members: Vec<JoinedMember>,
    /// The operation that brings it in.
    pub operation: u64,
}

/// Where a member is reached.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct JoinedMember {
    /// Its number.
    pub id: u64,
    /// `host:port`.
    pub peer_addr: String,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(delete)).routes(routes!(join))
}

/// Open join tokens.
#[utoipa::path(get, path = "/join-tokens", operation_id = "list_join_tokens", tag = "managers",
    params(Paging), responses((status = 200, body = Page<JoinToken>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn list(
    reader: Reader<ChangeMembership>,
    Asked(paging): Asked<Paging>,
) -> Result<Answer<Page<JoinToken>>, Problem> {
    let window = paging.window()?;
    let (after, now) = (window.after_revision()?.unwrap_or_default(), reader.surface.group.now());
    reader.show(|state| {
        let open = state.managers.join_tokens.iter().filter(|(_, token)| token.expires_at > now);
        let later = open.filter(|(id, _)| **id > after);
        Ok(window.page(later.map(|(id, token)| (id.to_string(), wire(*id, token)))))
    })
}

/// Makes a join token; it is shown once. A repeat under the same Idempotency-Key shows it again.
#[utoipa::path(post, path = "/join-tokens", operation_id = "create_join_token", tag = "managers",
    request_body = CreateJoinToken, responses((status = 201, body = NewJoinToken)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn create(
    change: Change<ChangeMembership, CreateJoinToken>,
) -> Result<Answer<NewJoinToken>, Problem> {
    let minutes = change.body.ttl_minutes.unwrap_or(TTL_DEFAULT_MINUTES);
    let ttl_ms = minutes.saturating_mul(60_000);
    if ttl_ms == 0 || ttl_ms > JOIN_TOKEN_TTL_MAX_MS {
        return Err(invalid("ttl_minutes must be from 1 to 10,080."));
    }
    let secret = change.token(TokenKind::Join);
    let digest = Digest::of(secret.reveal().as_bytes());
    let role = change.body.role.into();
    let command = model::Command::CreateJoinToken { digest, role, ttl_ms };
    let committed = change.propose(command, None).await?;
    let id = committed.revision;
    Ok(committed.show(&change.surface, StatusCode::CREATED, |state| {
        let expires_at = state.managers.join_tokens.get(&id)?.expires_at.into();
        let token = Invitation::of(&state.managers, secret)?.reveal().reveal().to_owned();
        Some(NewJoinToken { id: id.0, token, expires_at })
    }))
}

/// Takes a join token back.
#[utoipa::path(delete, path = "/join-tokens/{id}", operation_id = "delete_join_token", tag = "managers",
    params(("id" = u64, Path,)), responses((status = 204)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn delete(
    Path(id): Path<u64>,
    change: Change<ChangeMembership, Nothing>,
) -> Result<Answer<()>, Problem> {
    let command = model::Command::DeleteJoinToken { id: Revision(id) };
    Ok(change.propose(command, None).await?.empty(&change.surface))
}

/// Lets a host in that shows a join token. Its number is the revision of its admission; an operation then
/// brings it in. Asked again with the same token and disk, it gives the same number and operation.
#[utoipa::path(post, path = "/join", operation_id = "join", tag = "managers", security(()),
    request_body = JoinRequest, responses((status = 202, body = Joined)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn join(change: Change<Anyone, JoinRequest>) -> Result<Answer<Joined>, Problem> {
    change.throttled("a join")?;
    let group = &change.surface.group;
    let profile = profile(&change.body, group.view(default_lease_ms))?;
    let grant = group.admit(request(&change, profile)).await?;
    let manager = grant.member;
    let begun = begun(&change, manager).await?;
    Ok(begun.show(&change.surface, StatusCode::ACCEPTED, |state| {
        let others = state.managers.members.iter().filter(|(id, _)| **id != manager);
        Some(Joined {
            node_id: manager.0,
            cluster_id: grant.cluster_id.to_string(),
            ca_pem: grant.ca_pem,
            certificate_pem: grant.certificate_pem,
            group_key: grant.group_key.map(|key| key.as_str().to_owned()),
            members: others.map(|(id, member)| joined(*id, member)).collect(),
            operation: begun.revision.0,
        })
    }))
}

/// Waits until the Active has begun the addition: it begins those of all whom the group admitted.
async fn begun<P>(
    change: &Change<P, JoinRequest>,
    manager: ManagerId,
) -> Result<Committed, Problem> {
    let group = &change.surface.group;
    let begun = || {
        group.view(|state| {
            let (revision, _) = state.operations.addition_of(&state.managers, manager)?;
            let by = state.managers.tenure.as_ref().map_or(manager, |tenure| tenure.active);
            Some(Committed { revision, by })
        })
    };
    // What is told from here on was not there at the look that follows.
    let mut news = group.follow(group.view(|state| state.kernel.revision));
    let waiting = async { while begun().is_none() && news.next().await.is_some() {} };
    // In time or not, the look below tells.
    let _ = tokio::time::timeout(BEGUN_WAIT, waiting).await;
    begun().ok_or_else(|| {
        let detail =
            format!("The host is admitted as {manager}, but no Active has begun to add it yet.");
        Problem::new(Fault::UnknownOutcome, detail)
    })
}

fn request<P>(change: &Change<P, JoinRequest>, profile: model::Profile) -> cluster::JoinRequest {
    let asked = &change.body;
    cluster::JoinRequest {
        token: Digest::of(asked.token.reveal().as_bytes()),
        role: asked.role.into(),
        hosts: profile.names(),
        profile,
        disk_id: asked.disk_id,
        csr_pem: asked.csr_pem.clone(),
        source: change.source.clone(),
    }
}

fn wire(id: Revision, token: &model::JoinToken) -> JoinToken {
    JoinToken {
        id: id.0,
        role: token.role.into(),
        created_by: token.created_by.clone(),
        created_at: token.created_at.into(),
        expires_at: token.expires_at.into(),
        used_by: None,
    }
}

fn joined(id: ManagerId, member: &model::Manager) -> JoinedMember {
    JoinedMember { id: id.0, peer_addr: member.profile.peer_addr.clone() }
}

fn default_lease_ms(state: &State) -> u64 {
    state.properties.number(schema::RAFT_ELECTION_MAX_MS)
}

fn profile(asked: &JoinRequest, default_lease_ms: u64) -> Result<model::Profile, Problem> {
    let word = |name: &str, text: &str, max: usize| {
        let fits = !text.is_empty() && text.len() <= max;
        let rule = || invalid(format!("{name} must have 1 to {max} visible ASCII characters."));
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic()))
            .then(|| text.to_owned())
            .ok_or_else(rule)
    };
    let url = |name: &str, text: &str| {
        schema::Kind::Url.admit(text).map_err(|why| invalid(format!("{name} {why}.")))
    };
    let port = asked.peer_addr.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none_or(|port| port == 0) {
        return Err(invalid("peer_addr must be host:port."));
    }
    let api_url = url("api_url", &asked.api_url)?;
    if api_url.is_empty() && asked.role == JoinRole::Manager {
        return Err(invalid("api_url must not be empty for a Manager."));
    }
    Ok(model::Profile {
        host: word("host", &asked.host, HOST_MAX_BYTES)?,
        peer_addr: word("peer_addr", &asked.peer_addr, ADDRESS_MAX_BYTES)?,
        api_url,
        health_url: url("health_url", &asked.health_url)?,
        version: word("version", &asked.version, VERSION_MAX_BYTES)?,
        level: Level(asked.level.unwrap_or(LEVEL_FIRST)),
        lease_ms: asked.lease_ms.unwrap_or(default_lease_ms),
    })
}

fn invalid(rule: impl Into<String>) -> Problem {
    Problem::new(Fault::InvalidInput, rule)
}

impl From<JoinRole> for model::Role {
    fn from(role: JoinRole) -> Self {
        match role {
            JoinRole::Manager => Self::Manager,
            JoinRole::Witness => Self::Witness,
        }
    }
}

impl From<model::Role> for JoinRole {
    fn from(role: model::Role) -> Self {
        match role {
            model::Role::Manager => Self::Manager,
            model::Role::Witness => Self::Witness,
        }
    }
}
