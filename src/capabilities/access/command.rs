//! What may be asked of access, and what happens to it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::model::{ApiToken, Role, Session};
use crate::base::{Digest, Revision};

/// What may be asked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Makes a user.
    CreateUser {
        /// The name.
        username: String,
        /// What they may do.
        role: Role,
        /// The password's hash.
        password_hash: String,
    },
    /// Changes what is given of a user.
    ChangeUser {
        /// Who.
        username: String,
        /// The new role.
        role: Option<Role>,
        /// Whether they may sign in.
        active: Option<bool>,
        /// The new password's hash.
        password_hash: Option<String>,
        /// Change only if the last change is this revision.
        expect: Option<Revision>,
    },
    /// Deletes a user and ends their sessions and API tokens.
    DeleteUser {
        /// Who.
        username: String,
        /// Delete only if the last change is this revision.
        expect: Option<Revision>,
    },
    /// Signs a user in, whose password was found right.
    OpenSession {
        /// Who.
        username: String,
        /// The user's revision the password was checked against.
        checked: Revision,
        /// Digest of the session token.
        digest: Digest,
    },
    /// Counts a wrong password.
    CountFailure {
        /// For whom.
        username: String,
    },
    /// Signs out.
    CloseSession {
        /// Digest of the session token.
        digest: Digest,
    },
    /// Makes an API token.
    CreateToken {
        /// What it is called.
        name: String,
        /// Digest of the token.
        digest: Digest,
        /// What it may do.
        role: Role,
        /// How long it holds; `None`: until it is deleted.
        ttl_ms: Option<u64>,
    },
    /// Deletes an API token.
    DeleteToken {
        /// The revision that made it.
        id: Revision,
    },
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A user was made.
    UserCreated {
        /// The name.
        username: String,
        /// What they may do.
        role: Role,
        /// The password's hash.
        password_hash: String,
    },
    /// A user was changed.
    UserChanged {
        /// Who.
        username: String,
        /// The new role.
        role: Option<Role>,
        /// Whether they may sign in.
        active: Option<bool>,
        /// The new password's hash.
        password_hash: Option<String>,
    },
    /// A user is no more.
    UserDeleted {
        /// Who.
        username: String,
    },
    /// A user signed in.
    SessionOpened {
        /// Digest of the session token.
        digest: Digest,
        /// The session.
        session: Session,
    },
    /// A wrong password was counted.
    FailureCounted {
        /// For whom.
        username: String,
        /// Whether that one locked the user.
        locks: bool,
    },
    /// A session ended.
    SessionClosed {
        /// Digest of the session token.
        digest: Digest,
    },
    /// An API token was made.
    TokenCreated(ApiToken),
    /// An API token is no more.
    TokenDeleted {
        /// The revision that made it.
        id: Revision,
    },
}

impl fmt::Debug for Command {
    /// Without password hashes: a command may end in a log line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, object) = self.verb_and_object();
        write!(f, "{verb} {object}")
    }
}

impl Command {
    /// The verb and what it is about, as far as the command itself tells.
    pub(super) fn verb_and_object(&self) -> (&'static str, String) {
        match self {
            Self::CreateUser { username, .. } => ("create_user", username.clone()),
            Self::ChangeUser { username, .. } => ("change_user", username.clone()),
            Self::DeleteUser { username, .. } => ("delete_user", username.clone()),
            Self::OpenSession { username, .. } => ("sign_in", username.clone()),
            Self::CountFailure { username } => ("wrong_password", username.clone()),
            Self::CloseSession { .. } => ("sign_out", String::new()),
            Self::CreateToken { name, .. } => ("create_token", name.clone()),
            Self::DeleteToken { id } => ("delete_token", id.to_string()),
        }
    }
}

impl fmt::Debug for Event {
    /// Without password hashes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, whom) = match self {
            Self::UserCreated { username, .. } => ("UserCreated", username.clone()),
            Self::UserChanged { username, .. } => ("UserChanged", username.clone()),
            Self::UserDeleted { username } => ("UserDeleted", username.clone()),
            Self::SessionOpened { session, .. } => ("SessionOpened", session.username.clone()),
            Self::FailureCounted { username, .. } => ("FailureCounted", username.clone()),
            Self::SessionClosed { .. } => ("SessionClosed", String::new()),
            Self::TokenCreated(token) => ("TokenCreated", token.name.clone()),
            Self::TokenDeleted { id } => ("TokenDeleted", id.to_string()),
        };
        write!(f, "{what} {whom}")
    }
}
