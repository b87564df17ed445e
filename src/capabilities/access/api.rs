//! Access over HTTP: signing in and out, users, and API tokens.

mod sign_in;
mod tokens;
mod users;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::model;
use super::password::PasswordFailure;
use crate::api::{Fault, Problem, Routes};

/// What a user or token may do, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// Everything.
    Administrator,
    /// Properties, aliases and operations.
    Maintainer,
    /// Looks at everything, the audit included; changes nothing.
    Auditor,
}

/// The routes of this room.
pub(crate) fn routes() -> Routes {
    OpenApiRouter::new().merge(sign_in::routes()).merge(users::routes()).merge(tokens::routes())
}

/// What the live feed tells of an event: kind, subject and data. Sessions and wrong passwords are not told.
pub(crate) fn notice(event: &model::Event) -> Option<(&'static str, String, serde_json::Value)> {
    use serde_json::json;
    Some(match event {
        model::Event::UserCreated { username, role, .. } => {
            ("user_created", username.clone(), json!({ "role": role.as_str() }))
        }
        model::Event::UserChanged { username, role, active, .. } => {
            let role = role.map(model::Role::as_str);
            ("user_changed", username.clone(), json!({ "role": role, "active": active }))
        }
        model::Event::UserDeleted { username } => ("user_deleted", username.clone(), json!({})),
        model::Event::TokenCreated(token) => {
            ("token_created", token.name.clone(), json!({ "role": token.role.as_str() }))
        }
        model::Event::TokenDeleted { id } => ("token_deleted", id.to_string(), json!({})),
        model::Event::SessionOpened { .. }
        | model::Event::SessionClosed { .. }
        | model::Event::FailureCounted { .. } => return None,
    })
}

impl From<RoleName> for model::Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Administrator => Self::Administrator,
            RoleName::Maintainer => Self::Maintainer,
            RoleName::Auditor => Self::Auditor,
        }
    }
}

impl From<model::Role> for RoleName {
    fn from(role: model::Role) -> Self {
        match role {
            model::Role::Administrator => Self::Administrator,
            model::Role::Maintainer => Self::Maintainer,
            model::Role::Auditor => Self::Auditor,
        }
    }
}

impl From<PasswordFailure> for Problem {
    fn from(failure: PasswordFailure) -> Self {
        match failure {
            PasswordFailure::Length => {
                Self::new(Fault::PasswordInvalid, "A password has 8 to 256 bytes.")
            }
            PasswordFailure::Busy => Self::new(
                Fault::TooManyLogins,
                "Too many passwords are being checked at the moment.",
            ),
        }
    }
}
