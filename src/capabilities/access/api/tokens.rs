//! API tokens over HTTP. A token is shown once, when it is made.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model;
use super::RoleName;
use crate::api::{
    Answer, Asked, Change, Fault, ManageTokens, Nothing, Page, Paging, Path, Problem, Reader,
    Routes, Time, TokenKind,
};
use crate::base::{Digest, Revision};

/// Longest life of an API token that has an end: ten years.
const EXPIRES_MAX_DAYS: u64 = 3_650;
const DAY_MS: u64 = 24 * 3_600 * 1_000;

/// An API token, without the token itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ApiToken {
    /// The revision that made it.
    pub id: u64,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: RoleName,
    /// The user who made it, or whose token did. It ends with them.
    pub created_by: String,
    /// When.
    pub created_at: Time,
    /// Until when it holds; null: until it is deleted.
    pub expires_at: Option<Time>,
}

/// A new API token, shown once.
#[derive(Serialize, ToSchema)]
pub(super) struct NewApiToken {
    /// The token, for `Authorization: Bearer`.
    pub token: String,
    /// The rest of it.
    #[serde(flatten)]
    pub about: ApiToken,
}

/// Which API token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateApiToken {
    /// What to call it: 1 to 64 bytes.
    name: String,
    /// What it may do.
    role: RoleName,
    /// How long it holds: 1 to 3,650 days; until it is deleted when absent.
    expires_in_days: Option<u64>,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(delete))
}

/// Every API token.
#[utoipa::path(get, path = "/tokens", operation_id = "list_tokens", tag = "access",
    params(Paging), responses((status = 200, body = Page<ApiToken>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn list(
    reader: Reader<ManageTokens>,
    Asked(paging): Asked<Paging>,
) -> Result<Answer<Page<ApiToken>>, Problem> {
    let window = paging.window()?;
    let after = window.after_revision()?.unwrap_or_default();
    reader.show(|state| {
        let later = state.access.tokens.iter().filter(|(id, _)| **id > after);
        Ok(window.page(later.map(|(id, token)| (id.to_string(), wire(*id, token)))))
    })
}

/// Makes an API token; it is shown once. A repeat under the same Idempotency-Key shows it again.
#[utoipa::path(post, path = "/tokens", operation_id = "create_token", tag = "access",
    request_body = CreateApiToken, responses((status = 201, body = NewApiToken)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn create(
    change: Change<ManageTokens, CreateApiToken>,
) -> Result<Answer<NewApiToken>, Problem> {
    let days = change.body.expires_in_days;
    if days.is_some_and(|days| !(1..=EXPIRES_MAX_DAYS).contains(&days)) {
        return Err(Problem::new(Fault::InvalidInput, "expires_in_days must be from 1 to 3,650."));
    }
    let token = change.token(TokenKind::Api);
    let command = model::Command::CreateToken {
        name: change.body.name.clone(),
        digest: Digest::of(token.reveal().as_bytes()),
        role: change.body.role.into(),
        ttl_ms: days.map(|days| days * DAY_MS),
    };
    let committed = change.propose(command, None).await?;
    let id = committed.revision;
    Ok(committed.show(&change.surface, StatusCode::CREATED, |state| {
        let about = wire(id, state.access.tokens.get(&id)?);
        Some(NewApiToken { token: token.reveal().into(), about })
    }))
}

/// Deletes an API token.
#[utoipa::path(delete, path = "/tokens/{id}", operation_id = "delete_token", tag = "access",
    params(("id" = u64, Path,)), responses((status = 204)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn delete(
    Path(id): Path<u64>,
    change: Change<ManageTokens, Nothing>,
) -> Result<Answer<()>, Problem> {
    let command = model::Command::DeleteToken { id: Revision(id) };
    Ok(change.propose(command, None).await?.empty(&change.surface))
}

fn wire(id: Revision, token: &model::ApiToken) -> ApiToken {
    ApiToken {
        id: id.0,
        name: token.name.clone(),
        role: token.role.into(),
        created_by: token.created_by.clone(),
        created_at: token.created_at.into(),
        expires_at: token.expires_at.map(Time),
    }
}
