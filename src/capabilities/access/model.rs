//! Facts of access: users, sessions and API tokens.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{Code, Digest, Refusal, Revision, Timestamp};
use crate::machine::{Actor, Capability, Moment, State, Trace};

/// The room, for the machine.
pub struct Room;

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
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Until when; `None`: until it is deleted.
    pub expires_at: Option<Timestamp>,
}

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
    /// Deletes a user and ends their sessions.
    DeleteUser {
        /// Who.
        username: String,
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
    /// Whether they may try to sign in at that time.
    pub fn may_sign_in(&self, at: Timestamp) -> bool {
        self.active && self.locked_until.is_none_or(|until| until <= at)
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
        let holds = |token: &&ApiToken| {
            token.digest == digest && token.expires_at.is_none_or(|end| end > at)
        };
        let token = self.tokens.values().find(holds)?;
        let actor = Actor::Token(token.name.clone());
        Some(Identity { actor, role: token.role, expires_at: token.expires_at })
    }

    fn other_administrator(&self, than: &str) -> bool {
        let able = |(name, user): (&String, &User)| {
            name != than && user.active && user.role == Role::Administrator
        };
        self.users.iter().any(able)
    }
}

impl Capability for Room {
    type Facts = Facts;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, moment: &Moment, command: &Command) -> Result<Vec<Event>, Refusal> {
        let facts = &state.access;
        match command {
            Command::CreateUser { username, role, password_hash } => {
                create_user(facts, username)?;
                let (username, password_hash) = (username.clone(), password_hash.clone());
                Ok(vec![Event::UserCreated { username, role: *role, password_hash }])
            }
            Command::ChangeUser { username, role, active, password_hash, expect } => {
                change_user(facts, username, *role, *active, *expect)?;
                let (username, password_hash) = (username.clone(), password_hash.clone());
                Ok(vec![Event::UserChanged {
                    username,
                    role: *role,
                    active: *active,
                    password_hash,
                }])
            }
            Command::DeleteUser { username } => {
                facts.user(username)?;
                keeps_an_administrator(facts, username)?;
                Ok(vec![Event::UserDeleted { username: username.clone() }])
            }
            Command::OpenSession { username, checked, digest } => {
                open_session(facts, moment, username, *checked, *digest)
            }
            Command::CountFailure { username } => Ok(count_failure(facts, username)),
            Command::CloseSession { digest } => match facts.sessions.contains_key(digest) {
                true => Ok(vec![Event::SessionClosed { digest: *digest }]),
                false => Ok(vec![]),
            },
            Command::CreateToken { name, digest, role, ttl_ms } => {
                create_token(facts, moment, name, *digest, *role, *ttl_ms)
            }
            Command::DeleteToken { id } => match facts.tokens.contains_key(id) {
                true => Ok(vec![Event::TokenDeleted { id: *id }]),
                false => {
                    Err(Refusal::new(Code::NoSuchToken, format!("There is no API token {id}.")))
                }
            },
        }
    }

    fn evolve(facts: &mut Facts, moment: &Moment, event: &Event) {
        match event {
            Event::UserCreated { username, role, password_hash } => {
                let user = User {
                    role: *role,
                    password_hash: password_hash.clone(),
                    active: true,
                    failures: 0,
                    locked_until: None,
                    created_at: moment.at,
                    changed_at: moment.at,
                    revision: moment.revision,
                };
                facts.users.insert(username.clone(), user);
            }
            Event::UserChanged { username, role, active, password_hash } => {
                user_changed(facts, moment, username, *role, *active, password_hash.as_deref());
            }
            Event::UserDeleted { username } => {
                facts.users.remove(username);
                facts.sessions.retain(|_, session| session.username != *username);
            }
            Event::SessionOpened { digest, session } => {
                session_opened(facts, moment, *digest, session)
            }
            Event::FailureCounted { username, locks } => {
                if let Some(user) = facts.users.get_mut(username) {
                    user.failures = if *locks { 0 } else { user.failures + 1 };
                    user.locked_until = locks.then(|| moment.at.plus_ms(LOCK_MS));
                }
            }
            Event::SessionClosed { digest } => {
                facts.sessions.remove(digest);
            }
            Event::TokenCreated(token) => {
                facts.tokens.insert(moment.revision, token.clone());
            }
            Event::TokenDeleted { id } => {
                facts.tokens.remove(id);
            }
        }
    }

    fn trace(state: &State, command: &Command) -> Option<Trace> {
        Some(match command {
            Command::CreateUser { username, role, .. } => {
                Trace::new("access.create_user", username.clone())
                    .changing(None, Some(role.as_str().into()))
            }
            Command::ChangeUser { username, role, active, password_hash, .. } => {
                let after = changes_in_words(*role, *active, password_hash.is_some());
                let before = state.access.users.get(username).map(in_words);
                Trace::new("access.change_user", username.clone()).changing(before, Some(after))
            }
            Command::DeleteUser { username } => Trace::new("access.delete_user", username.clone()),
            Command::OpenSession { username, .. } => Trace::new("access.sign_in", username.clone()),
            Command::CountFailure { username } => {
                Trace::new("access.wrong_password", username.clone())
            }
            Command::CloseSession { digest } => {
                let whose =
                    state.access.sessions.get(digest).map(|session| session.username.clone());
                Trace::new("access.sign_out", whose.unwrap_or_default())
            }
            Command::CreateToken { name, role, .. } => {
                Trace::new("access.create_token", name.clone())
                    .changing(None, Some(role.as_str().into()))
            }
            Command::DeleteToken { id } => {
                let name = state.access.tokens.get(id).map(|token| token.name.clone());
                Trace::new("access.delete_token", name.unwrap_or_else(|| id.to_string()))
            }
        })
    }
}

fn create_user(facts: &Facts, username: &str) -> Result<(), Refusal> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    if username.is_empty() || username.len() > USERNAME_MAX_BYTES || !username.bytes().all(fits) {
        let rule = "A user name has 1 to 64 letters, digits, dots, hyphens, underscores or @.";
        return Err(Refusal::new(Code::UsernameInvalid, rule));
    }
    if facts.users.contains_key(username) {
        return Err(Refusal::new(Code::UserExists, format!("There is a user {username} already.")));
    }
    if facts.users.len() >= USERS_MAX {
        return Err(Refusal::new(Code::TooMany, format!("There are {USERS_MAX} users already.")));
    }
    Ok(())
}

fn change_user(
    facts: &Facts,
    username: &str,
    role: Option<Role>,
    active: Option<bool>,
    expect: Option<Revision>,
) -> Result<(), Refusal> {
    let user = facts.user(username)?;
    if let Some(expected) = expect.filter(|expected| *expected != user.revision) {
        let detail = format!("Changed at revision {}, expected {expected}.", user.revision);
        return Err(Refusal::new(Code::Changed, detail));
    }
    let stays = role.unwrap_or(user.role) == Role::Administrator && active.unwrap_or(user.active);
    if stays { Ok(()) } else { keeps_an_administrator(facts, username) }
}

fn keeps_an_administrator(facts: &Facts, without: &str) -> Result<(), Refusal> {
    let user = facts.user(without)?;
    if !user.active || user.role != Role::Administrator || facts.other_administrator(without) {
        return Ok(());
    }
    let detail = format!("{without} is the last active administrator.");
    Err(Refusal::new(Code::LastAdministrator, detail))
}

fn open_session(
    facts: &Facts,
    moment: &Moment,
    username: &str,
    checked: Revision,
    digest: Digest,
) -> Result<Vec<Event>, Refusal> {
    let user = facts.user(username)?;
    if !user.may_sign_in(moment.at) {
        return Err(Refusal::new(Code::Locked, format!("{username} is inactive or locked.")));
    }
    if user.revision != checked {
        return Err(Refusal::new(
            Code::Changed,
            format!("{username} was changed while signing in."),
        ));
    }
    let (created_at, expires_at) = (moment.at, moment.at.plus_ms(SESSION_TTL_MS));
    let session = Session { username: username.into(), created_at, expires_at };
    Ok(vec![Event::SessionOpened { digest, session }])
}

/// A failure of somebody unknown is audited but leaves no facts: names that nobody has must not fill memory.
fn count_failure(facts: &Facts, username: &str) -> Vec<Event> {
    let Some(user) = facts.users.get(username) else { return vec![] };
    vec![Event::FailureCounted {
        username: username.into(),
        locks: user.failures + 1 >= FAILURES_MAX,
    }]
}

fn create_token(
    facts: &Facts,
    moment: &Moment,
    name: &str,
    digest: Digest,
    role: Role,
    ttl_ms: Option<u64>,
) -> Result<Vec<Event>, Refusal> {
    if name.is_empty() || name.len() > TOKEN_NAME_MAX_BYTES || name.chars().any(char::is_control) {
        let rule = "A token's name has 1 to 64 bytes and no control characters.";
        return Err(Refusal::new(Code::InvalidName, rule));
    }
    if facts.tokens.len() >= TOKENS_MAX {
        return Err(Refusal::new(
            Code::TooMany,
            format!("There are {TOKENS_MAX} API tokens already."),
        ));
    }
    let token = ApiToken {
        name: name.into(),
        digest,
        role,
        created_by: moment.by.to_string(),
        created_at: moment.at,
        expires_at: ttl_ms.map(|ttl| moment.at.plus_ms(ttl)),
    };
    Ok(vec![Event::TokenCreated(token)])
}

fn user_changed(
    facts: &mut Facts,
    moment: &Moment,
    username: &str,
    role: Option<Role>,
    active: Option<bool>,
    password_hash: Option<&str>,
) {
    let Some(user) = facts.users.get_mut(username) else { return };
    user.role = role.unwrap_or(user.role);
    user.active = active.unwrap_or(user.active);
    (user.changed_at, user.revision) = (moment.at, moment.revision);
    if let Some(hash) = password_hash {
        user.password_hash = hash.into();
        (user.failures, user.locked_until) = (0, None);
    }
    if password_hash.is_some() || active == Some(false) {
        facts.sessions.retain(|_, session| session.username != username);
    }
}

fn session_opened(facts: &mut Facts, moment: &Moment, digest: Digest, session: &Session) {
    facts.sessions.retain(|_, session| session.expires_at > moment.at);
    if facts.sessions.len() >= SESSIONS_MAX {
        let soonest = facts
            .sessions
            .iter()
            .min_by_key(|(_, session)| session.expires_at)
            .map(|(digest, _)| *digest);
        soonest.and_then(|digest| facts.sessions.remove(&digest));
    }
    facts.sessions.insert(digest, session.clone());
    if let Some(user) = facts.users.get_mut(&session.username) {
        (user.failures, user.locked_until) = (0, None);
    }
}

fn in_words(user: &User) -> String {
    format!("{}, {}", user.role.as_str(), if user.active { "active" } else { "inactive" })
}

fn changes_in_words(role: Option<Role>, active: Option<bool>, password: bool) -> String {
    let role = role.map(|role| role.as_str().to_owned());
    let active = active.map(|active| if active { "active" } else { "inactive" }.to_owned());
    let password = password.then(|| "new password".to_owned());
    [role, active, password].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

impl std::fmt::Debug for User {
    /// Without the password hash.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&in_words(self))
    }
}

impl std::fmt::Debug for Command {
    /// Without password hashes: a command may end in a log line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let trace = Room::trace(&State::default(), self);
        f.write_str(
            &trace.map(|trace| format!("{} {}", trace.action, trace.object)).unwrap_or_default(),
        )
    }
}

impl std::fmt::Debug for Event {
    /// Without password hashes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
