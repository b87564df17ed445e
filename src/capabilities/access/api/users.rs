//! Users over HTTP.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model;
use super::RoleName;
use crate::api::{
    Answer, Asked, Change, IfMatch, ManageUsers, Nothing, Page, Paging, Path, Problem, Reader,
    Routes, Time,
};
use crate::base::{Revision, Secret, Timestamp};
use crate::machine::State;

/// A user.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct User {
    /// User name.
    pub username: String,
    /// Role.
    pub role: RoleName,
    /// Whether they may sign in.
    pub status: UserStatus,
    /// Locked until then after wrong passwords; null when not locked.
    pub locked_until: Option<Time>,
    /// When they were made.
    pub created_at: Time,
    /// When they were last changed.
    pub changed_at: Time,
    /// Revision of the last change.
    pub revision: u64,
}

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum UserStatus {
    /// They may.
    Active,
    /// They may not.
    Inactive,
}

/// A new user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateUser {
    /// User name.
    username: String,
    /// Role.
    role: RoleName,
    /// Password: 8 to 256 bytes.
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// What is to change of a user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatchUser {
    /// A new role.
    role: Option<RoleName>,
    /// Whether they may sign in.
    status: Option<UserStatus>,
    /// A new password: 8 to 256 bytes. It also ends a lock.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret>,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, patch, delete))
}

/// Every user, by name.
#[utoipa::path(get, path = "/users", operation_id = "list_users", tag = "access",
    params(Paging), responses((status = 200, body = Page<User>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn list(
    reader: Reader<ManageUsers>,
    Asked(paging): Asked<Paging>,
) -> Result<Answer<Page<User>>, Problem> {
    let (window, now) = (paging.window()?, reader.surface.group.now());
    reader.show(|state| {
        let after = window.after.as_deref();
        let users = state.access.users.iter();
        let later = users.filter(|(name, _)| after.is_none_or(|after| name.as_str() > after));
        Ok(window.page(later.map(|(name, user)| (name.clone(), wire(name, user, now)))))
    })
}

/// One user.
#[utoipa::path(get, path = "/users/{name}", operation_id = "get_user", tag = "access",
    params(("name" = String, Path,)), responses((status = 200, body = User)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn get(
    reader: Reader<ManageUsers>,
    Path(name): Path<String>,
) -> Result<Answer<User>, Problem> {
    let now = reader.surface.group.now();
    reader.show(|state| Ok(wire(&name, state.access.user(&name)?, now))).map(tagged)
}

/// Makes a user.
#[utoipa::path(post, path = "/users", operation_id = "create_user", tag = "access",
    request_body = CreateUser, responses((status = 201, body = User)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn create(change: Change<ManageUsers, CreateUser>) -> Result<Answer<User>, Problem> {
    let CreateUser { username, role, password } = &change.body;
    let password_hash = change.surface.passwords.hash(password.clone()).await?;
    let (username, role) = (username.clone(), (*role).into());
    let command = model::Command::CreateUser { username: username.clone(), role, password_hash };
    let committed = change.propose(command, None).await?;
    let now = change.surface.group.now();
    let look = |state: &State| shown(state, &username, now);
    Ok(tagged(committed.show(&change.surface, StatusCode::CREATED, look)))
}

/// Changes what is given of a user. A new password ends their sessions; status inactive and another role end
/// their API tokens too.
#[utoipa::path(patch, path = "/users/{name}", operation_id = "patch_user", tag = "access",
    params(("name" = String, Path,), IfMatch), request_body = PatchUser,
    responses((status = 200, body = User)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn patch(
    Path(username): Path<String>,
    change: Change<ManageUsers, PatchUser, IfMatch>,
) -> Result<Answer<User>, Problem> {
    let password_hash = match change.body.password.clone() {
        None => None,
        Some(password) => Some(change.surface.passwords.hash(password).await?),
    };
    let command = model::Command::ChangeUser {
        username: username.clone(),
        role: change.body.role.map(Into::into),
        active: change.body.status.map(|status| status == UserStatus::Active),
        password_hash,
        expect: change.expect(),
    };
    let committed = change.propose(command, None).await?;
    let now = change.surface.group.now();
    let look = |state: &State| shown(state, &username, now);
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, look)))
}

/// Deletes a user and ends their sessions and API tokens.
#[utoipa::path(delete, path = "/users/{name}", operation_id = "delete_user", tag = "access",
    params(("name" = String, Path,), IfMatch), responses((status = 204)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn delete(
    Path(username): Path<String>,
    change: Change<ManageUsers, Nothing, IfMatch>,
) -> Result<Answer<()>, Problem> {
    let command = model::Command::DeleteUser { username, expect: change.expect() };
    let committed = change.propose(command, None).await?;
    Ok(committed.empty(&change.surface))
}

fn tagged(answer: Answer<User>) -> Answer<User> {
    answer.tagged_by(|user| Revision(user.revision))
}

fn shown(state: &State, username: &str, now: Timestamp) -> Option<User> {
    state.access.users.get(username).map(|user| wire(username, user, now))
}

fn wire(username: &str, user: &model::User, now: Timestamp) -> User {
    User {
        username: username.into(),
        role: user.role.into(),
        status: if user.active { UserStatus::Active } else { UserStatus::Inactive },
        locked_until: user.locked_until.filter(|until| *until > now).map(Time),
        created_at: user.created_at.into(),
        changed_at: user.changed_at.into(),
        revision: user.revision.0,
    }
}
