//! Facts of access: users, sessions and API tokens.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use super::command::{Command, Event};
use crate::base::{Code, Digest, Refusal, Revision, Timestamp};
use crate::machine::Actor;

/// Longest user name, in bytes.
pub const USERNAME_MAX_BYTES: usize = 64;
/// Most users.
pub const USERS_MAX: usize = 1_000;
/// Most sessions; beyond it the one that would end first is ended.
pub const SESSIONS_MAX: usize = 2_000;
/// Most API tokens.
pub const TOKENS_MAX: usize = 200;
/// Longest name of an API token, in bytes.
pub const TOKEN_NAME_MAX_BYTES: usize = 64;
/// Longest password hash, in bytes; argon2id as a PHC string has about a hundred.
pub const PASSWORD_HASH_MAX_BYTES: usize = 512;
/// Longest life of an API token that has an end: ten years.
pub const TOKEN_TTL_MAX_MS: u64 = 3_650 * 24 * 3600 * 1000;
/// How long a session lasts.
pub const SESSION_TTL_MS: u64 = 12 * 3600 * 1000;
/// Wrong passwords in a row that lock a user.
pub const FAILURES_MAX: u32 = 5;
/// How long a lock lasts.
pub const LOCK_MS: u64 = 15 * 60 * 1000;

/// Who is known and who is signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// By name.
    pub users: BTreeMap<String, User>,
    /// By digest of the session token.
    pub sessions: BTreeMap<Digest, Session>,
    /// By the revision that made it.
    pub tokens: BTreeMap<Revision, ApiToken>,
}

/// What a person or token may do, by name. The privileges behind it are the surface's matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Everything.
    Administrator,
    /// Properties, managers and operations; no users.
    Maintainer,
    /// Looks, changes nothing.
    Auditor,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::Maintainer, Self::Auditor];

    /// The role as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Maintainer => "maintainer",
            Self::Auditor => "auditor",
        }
    }

    /// The role of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// One user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// What they may do.
    pub role: Role,
    /// The password's hash, as a PHC string.
    pub password_hash: String,
    /// Inactive users cannot sign in.
    pub active: bool,
    /// Wrong passwords in a row.
    pub failures: u32,
    /// Locked until then, after too many of them.
    pub locked_until: Option<Timestamp>,
    /// When they were made.
    pub created_at: Timestamp,
    /// When they were last changed.
    pub changed_at: Timestamp,
    /// Revision of the last change of role, status or password; the ETag.
    pub revision: Revision,
}

/// One sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who.
    pub username: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// One API token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// What people call it.
    pub name: String,
    /// Digest of the token; the token itself is shown once and kept nowhere.
    pub digest: Digest,
    /// What it may do.
    pub role: Role,
    /// The user who made it, or whose token did: it ends with them. A Manager, in words, where none did.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Until when; `None`: until it is deleted.
    pub expires_at: Option<Timestamp>,
}

/// Who stands behind a token, found by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// As it stands in proposals.
    pub actor: Actor,
    /// What they may do.
    pub role: Role,
    /// Until when; `None`: for ever.
    pub expires_at: Option<Timestamp>,
}

impl User {
    /// Role and status, in words.
    pub fn in_words(&self) -> String {
        format!("{}, {}", self.role.as_str(), if self.active { "active" } else { "inactive" })
    }

    /// Whether too many wrong passwords keep them out at that time.
    pub fn is_locked(&self, at: Timestamp) -> bool {
        self.locked_until.is_some_and(|until| until > at)
    }

    /// Whether they may try to sign in at that time.
    pub fn may_sign_in(&self, at: Timestamp) -> bool {
        self.active && !self.is_locked(at)
    }
}

impl ApiToken {
    /// Whether it is still good at that time.
    pub fn holds(&self, at: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end > at)
    }
}

impl Facts {
    /// A user by name.
    pub fn user(&self, username: &str) -> Result<&User, Refusal> {
        let unknown = || Refusal::new(Code::NoSuchUser, format!("There is no user {username}."));
        self.users.get(username).ok_or_else(unknown)
    }

    /// Who stands behind a session or API token at that time.
    pub fn identify(&self, digest: Digest, at: Timestamp) -> Option<Identity> {
        self.session_identity(digest, at).or_else(|| self.token_identity(digest, at))
    }

    fn session_identity(&self, digest: Digest, at: Timestamp) -> Option<Identity> {
        let session = self.sessions.get(&digest).filter(|session| session.expires_at > at)?;
        let user = self.users.get(&session.username).filter(|user| user.active)?;
        let actor = Actor::User(session.username.clone());
        Some(Identity { actor, role: user.role, expires_at: Some(session.expires_at) })
    }

    fn token_identity(&self, digest: Digest, at: Timestamp) -> Option<Identity> {
        let holds = |token: &&ApiToken| token.digest == digest && token.holds(at);
        let token = self.tokens.values().find(holds)?;
        let actor = Actor::Token(token.name.clone());
        Some(Identity { actor, role: token.role, expires_at: token.expires_at })
    }

    pub(super) fn other_administrator(&self, than: &str) -> bool {
        let able = |(name, user): (&String, &User)| {
            name != than && user.active && user.role == Role::Administrator
        };
        self.users.iter().any(able)
    }
}

impl fmt::Debug for User {
    /// Without the password hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words())
    }
}
