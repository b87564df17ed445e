//! Signing in and out, and one's own password.
//!
//! The password is checked here, before the log: against the hash as the group has it now, not as this Manager
//! may remember it. What enters the log is the digest of a session token, or one more wrong password.

use axum::http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{self, SESSION_TTL_MS};
use super::RoleName;
use crate::api::{
    Answer, Anyone, COOKIE, Change, Fault, Nothing, Privilege, Problem, Reader, Routes, SignedIn,
    Time, TokenKind,
};
use crate::base::{Digest, Secret};
use crate::machine::Actor;

/// Who wants to sign in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// User name.
    username: String,
    /// Password.
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// A session. The token is shown here and never again; browsers get it as a cookie too.
#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    /// For `Authorization: Bearer`.
    pub token: String,
    /// Until when it holds.
    pub expires_at: Time,
    /// Who signed in.
    pub user: SessionUser,
}

/// Who signed in, and what they may do.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SessionUser {
    /// User name.
    pub username: String,
    /// Role.
    pub role: RoleName,
    /// Privileges of the role.
    pub privileges: Vec<&'static str>,
}

/// Who asks, and what they may do.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Me {
    /// User name, or name of the API token.
    pub username: String,
    /// Role.
    pub role: RoleName,
    /// Privileges of the role.
    pub privileges: Vec<&'static str>,
    /// What was shown.
    pub kind: CredentialKind,
    /// Until when it holds; null: until it is deleted.
    pub expires_at: Option<Time>,
}

/// What somebody showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum CredentialKind {
    /// A session.
    Session,
    /// An API token.
    Token,
}

/// One's own new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePassword {
    /// The present password.
    #[schema(value_type = String, format = Password)]
    existing: Secret,
    /// The new one: 8 to 256 bytes.
    #[schema(value_type = String, format = Password)]
    new: Secret,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(me))
        .routes(routes!(change_password))
}

/// Signs in; the session holds on every Manager.
#[utoipa::path(post, path = "/login", operation_id = "login", tag = "access", security(()),
    request_body = Login, responses((status = 200, body = Session)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn login(change: Change<Anyone, Login>) -> Result<Answer<Session>, Problem> {
    let (username, password) = (&change.body.username, &change.body.password);
    change.throttled(&username.chars().take(model::USERNAME_MAX_BYTES).collect::<String>())?;
    let known = change.match_password(username, password, Fault::WrongCredentials).await?;
    let token = change.token(TokenKind::Session);
    let digest = Digest::of(token.reveal().as_bytes());
    let checked = known.revision;
    let command = model::Command::OpenSession { username: username.clone(), checked, digest };
    let committed = change.propose_by(Actor::User(username.clone()), command).await?;
    let ended =
        || Problem::new(Fault::Unauthenticated, "This sign-in was repeated after it had ended.");
    let answer = committed.show(&change.surface, StatusCode::OK, |state| {
        let session = state.access.sessions.get(&digest)?;
        let user = session_user(username, known.role);
        Some(Session { token: token.reveal().into(), expires_at: session.expires_at.into(), user })
    });
    if answer.body.is_none() {
        Err(ended())
    } else {
        Ok(answer.with(header::SET_COOKIE, cookie(&token)))
    }
}

/// Signs out: ends the session that was shown.
#[utoipa::path(post, path = "/logout", operation_id = "logout", tag = "access",
    responses((status = 204)), extensions(("x-km-handled" = json!("forwarded"))))]
async fn logout(change: Change<SignedIn, Nothing>) -> Result<Answer<()>, Problem> {
    let digest = change.shown().expect("the route needs somebody signed in");
    let committed = change.propose(model::Command::CloseSession { digest }, None).await?;
    Ok(committed.empty(&change.surface).with(header::SET_COOKIE, no_cookie()))
}

/// Who asks.
#[utoipa::path(get, path = "/me", operation_id = "me", tag = "access",
    responses((status = 200, body = Me)), extensions(("x-km-handled" = json!("forwarded"))))]
async fn me(reader: Reader<SignedIn>) -> Result<Answer<Me>, Problem> {
    let caller = &reader.caller;
    let kind = match caller.actor {
        Actor::Token(_) => CredentialKind::Token,
        Actor::User(_) | Actor::Manager(_) | Actor::Anonymous => CredentialKind::Session,
    };
    let username = match &caller.actor {
        Actor::Token(name) | Actor::User(name) => name.clone(),
        Actor::Manager(_) | Actor::Anonymous => caller.actor.to_string(),
    };
    let me = Me {
        username,
        role: caller.role.into(),
        privileges: Privilege::names_of(caller.role),
        kind,
        expires_at: caller.expires_at.map(Time),
    };
    reader.show(|_| Ok(me))
}

/// Changes one's own password. Every session of the user ends, this one too.
#[utoipa::path(post, path = "/me/password", operation_id = "change_password", tag = "access",
    request_body = ChangePassword, responses((status = 204)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn change_password(change: Change<SignedIn, ChangePassword>) -> Result<Answer<()>, Problem> {
    let Actor::User(username) = change.actor() else {
        return Err(Problem::new(Fault::Forbidden, "An API token has no password."));
    };
    change.throttled(&username)?;
    let existing = &change.body.existing;
    let known = change.match_password(&username, existing, Fault::WrongPassword).await?;
    let password_hash = Some(change.surface.passwords.hash(change.body.new.clone()).await?);
    let expect = Some(known.revision);
    let command =
        model::Command::ChangeUser { username, role: None, active: None, password_hash, expect };
    Ok(change.propose(command, None).await?.empty(&change.surface))
}

fn session_user(username: &str, role: model::Role) -> SessionUser {
    let privileges = Privilege::names_of(role);
    SessionUser { username: username.into(), role: role.into(), privileges }
}

fn cookie(token: &Secret) -> HeaderValue {
    let seconds = SESSION_TTL_MS / 1000;
    let text = format!(
        "{COOKIE}={}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict",
        token.reveal()
    );
    let mut value =
        HeaderValue::from_str(&text).expect("a token is letters, digits and underscores");
    value.set_sensitive(true);
    value
}

fn no_cookie() -> HeaderValue {
    let text = format!("{COOKIE}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict");
    HeaderValue::from_str(&text).expect("a constant")
}
