//! How access decides and evolves: who may be made, changed, locked and let in.

use super::command::{Command, Event};
use super::model::{
    ApiToken, FAILURES_MAX, Facts, LOCK_MS, PASSWORD_HASH_MAX_BYTES, Role, SESSION_TTL_MS,
    SESSIONS_MAX, Session, TOKEN_NAME_MAX_BYTES, TOKEN_TTL_MAX_MS, TOKENS_MAX, USERNAME_MAX_BYTES,
    USERS_MAX, User,
};
use crate::base::{Code, Digest, Refusal, Revision, Timestamp, text};
use crate::machine::{Actor, Capability, Moment, State, Trace};

/// The room, for the machine.
pub struct Room;

impl Capability for Room {
    type Facts = Facts;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, moment: &Moment, command: &Command) -> Result<Vec<Event>, Refusal> {
        let facts = &state.access;
        match command {
            Command::CreateUser { username, role, password_hash } => {
                create_user(facts, username, password_hash)?;
                let (username, password_hash) = (username.clone(), password_hash.clone());
                Ok(vec![Event::UserCreated { username, role: *role, password_hash }])
            }
            Command::ChangeUser { username, role, active, password_hash, expect } => {
                let (role, active) = (*role, *active);
                change_user(facts, username, role, active, password_hash.as_deref(), *expect)?;
                let nothing = role.is_none() && active.is_none() && password_hash.is_none();
                let (username, password_hash) = (username.clone(), password_hash.clone());
                let changed = Event::UserChanged { username, role, active, password_hash };
                Ok(if nothing { vec![] } else { vec![changed] })
            }
            Command::DeleteUser { username, expect } => {
                unchanged(facts.user(username)?, *expect)?;
                keeps_an_administrator(facts, username)?;
                Ok(vec![Event::UserDeleted { username: username.clone() }])
            }
            Command::OpenSession { username, checked, digest } => {
                open_session(facts, moment, username, *checked, *digest)
            }
            Command::CountFailure { username } => Ok(count_failure(facts, moment, username)),
            Command::CloseSession { digest } => {
                let known = facts.sessions.contains_key(digest);
                Ok(if known { vec![Event::SessionClosed { digest: *digest }] } else { vec![] })
            }
            Command::CreateToken { name, digest, role, ttl_ms } => {
                create_token(facts, moment, name, *ttl_ms)?;
                let token = ApiToken {
                    name: name.clone(),
                    digest: *digest,
                    role: *role,
                    created_by: maker(facts, moment)?,
                    created_at: moment.at,
                    expires_at: ttl_ms.map(|ttl| moment.at.plus_ms(ttl)),
                };
                Ok(vec![Event::TokenCreated(token)])
            }
            Command::DeleteToken { id } => {
                let unknown =
                    || Refusal::new(Code::NoSuchToken, format!("There is no API token {id}."));
                facts.tokens.get(id).ok_or_else(unknown)?;
                Ok(vec![Event::TokenDeleted { id: *id }])
            }
        }
    }

    fn evolve(facts: &mut Facts, moment: &Moment, event: &Event) {
        match event {
            Event::UserCreated { username, role, password_hash } => {
                facts.users.insert(username.clone(), new_user(moment, *role, password_hash));
            }
            Event::UserChanged { username, role, active, password_hash } => {
                user_changed(facts, moment, username, *role, *active, password_hash.as_deref());
            }
            Event::UserDeleted { username } => {
                facts.users.remove(username);
                end_sessions(facts, username);
                end_tokens(facts, username);
            }
            Event::SessionOpened { digest, session } => {
                session_opened(facts, moment.at, *digest, session);
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
                facts.tokens.retain(|_, token| token.holds(moment.at));
                facts.tokens.insert(moment.revision, token.clone());
            }
            Event::TokenDeleted { id } => {
                facts.tokens.remove(id);
            }
        }
    }

    fn trace(state: &State, command: &Command) -> Option<Trace> {
        let facts = &state.access;
        let (verb, object) = command.verb_and_object();
        let trace = Trace::new(&format!("access.{verb}"), object);
        Some(match command {
            Command::CreateUser { role, .. } | Command::CreateToken { role, .. } => {
                trace.changing(None, Some(role.as_str().into()))
            }
            Command::ChangeUser { username, role, active, password_hash, .. } => {
                let before = facts.users.get(username).map(User::in_words);
                let after = changes_in_words(*role, *active, password_hash.is_some());
                trace.changing(before, Some(after))
            }
            Command::CloseSession { digest } => match facts.sessions.get(digest) {
                Some(session) => Trace { object: session.username.clone(), ..trace },
                None => trace,
            },
            Command::DeleteToken { id } => match facts.tokens.get(id) {
                Some(token) => Trace { object: token.name.clone(), ..trace },
                None => trace,
            },
            Command::CountFailure { .. } => Trace { refused: Some(WRONG_PASSWORD), ..trace },
            Command::DeleteUser { .. } | Command::OpenSession { .. } => trace,
        })
    }
}

/// What the audit calls a try with a wrong password, at the sign-in or at a dialog.
const WRONG_PASSWORD: &str = "WRONG_PASSWORD";

fn create_user(facts: &Facts, username: &str, password_hash: &str) -> Result<(), Refusal> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    if username.is_empty() || username.len() > USERNAME_MAX_BYTES || !username.bytes().all(fits) {
        let rule = "A user name has 1 to 64 letters, digits, dots, hyphens, underscores or @.";
        return Err(Refusal::new(Code::UsernameInvalid, rule));
    }
    text::one_line("A password hash", password_hash, PASSWORD_HASH_MAX_BYTES)?;
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
    password_hash: Option<&str>,
    expect: Option<Revision>,
) -> Result<(), Refusal> {
    let user = facts.user(username)?;
    text::one_line("A password hash", password_hash.unwrap_or_default(), PASSWORD_HASH_MAX_BYTES)?;
    unchanged(user, expect)?;
    let stays = role.unwrap_or(user.role) == Role::Administrator && active.unwrap_or(user.active);
    if stays { Ok(()) } else { keeps_an_administrator(facts, username) }
}

fn unchanged(user: &User, expect: Option<Revision>) -> Result<(), Refusal> {
    match expect.filter(|expected| *expected != user.revision) {
        None => Ok(()),
        Some(expected) => {
            let detail = format!("Changed at revision {}, expected {expected}.", user.revision);
            Err(Refusal::new(Code::Changed, detail))
        }
    }
}

fn keeps_an_administrator(facts: &Facts, without: &str) -> Result<(), Refusal> {
    let user = facts.user(without)?;
    if !user.active || user.role != Role::Administrator || facts.other_administrator(without) {
        return Ok(());
    }
    let detail = format!("{without} is the last active administrator.");
    Err(Refusal::new(Code::LastAdministrator, detail))
}

/// The password was checked before the log, against a user that may have changed since: a locked user stays
/// out even with the right password, and an old password opens nothing once there is a new one.
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
        let detail = format!("{username} was changed while signing in.");
        return Err(Refusal::new(Code::Changed, detail));
    }
    let (created_at, expires_at) = (moment.at, moment.at.plus_ms(SESSION_TTL_MS));
    let session = Session { username: username.into(), created_at, expires_at };
    Ok(vec![Event::SessionOpened { digest, session }])
}

/// A failure of somebody unknown is audited but leaves no facts: names that nobody has must not fill memory.
/// While a user is locked nothing is counted, so the lock ends when it said it would.
fn count_failure(facts: &Facts, moment: &Moment, username: &str) -> Vec<Event> {
    let Some(user) = facts.users.get(username).filter(|user| !user.is_locked(moment.at)) else {
        return vec![];
    };
    let locks = user.failures + 1 >= FAILURES_MAX;
    vec![Event::FailureCounted { username: username.into(), locks }]
}

fn create_token(
    facts: &Facts,
    moment: &Moment,
    name: &str,
    ttl_ms: Option<u64>,
) -> Result<(), Refusal> {
    if name.is_empty() || name.len() > TOKEN_NAME_MAX_BYTES || name.chars().any(char::is_control) {
        let rule = "A token's name has 1 to 64 bytes and no control characters.";
        return Err(Refusal::new(Code::InvalidName, rule));
    }
    if ttl_ms.is_some_and(|ttl| ttl == 0 || ttl > TOKEN_TTL_MAX_MS) {
        let rule = "An API token holds for up to ten years, or until it is deleted.";
        return Err(Refusal::new(Code::InvalidValue, rule));
    }
    let held = || facts.tokens.values().filter(|token| token.holds(moment.at));
    if held().any(|token| token.name == name) {
        let detail = format!("There is an API token {name} already.");
        return Err(Refusal::new(Code::TokenExists, detail));
    }
    if held().count() >= TOKENS_MAX {
        let detail = format!("There are {TOKENS_MAX} API tokens already.");
        return Err(Refusal::new(Code::TooMany, detail));
    }
    Ok(())
}

/// Who a new token ends with. One who was deleted or deactivated while asking leaves no token behind.
fn maker(facts: &Facts, moment: &Moment) -> Result<String, Refusal> {
    match &moment.by {
        Actor::User(name) => match facts.user(name)?.active {
            true => Ok(name.clone()),
            false => Err(Refusal::new(Code::Locked, format!("{name} is inactive."))),
        },
        Actor::Token(name) => {
            let gone =
                || Refusal::new(Code::NoSuchToken, format!("The API token {name} is no more."));
            let held = |token: &&ApiToken| token.name == *name && token.holds(moment.at);
            facts.tokens.values().find(held).map(|token| token.created_by.clone()).ok_or_else(gone)
        }
        // In words that are no user name.
        Actor::Manager(_) => Ok(moment.by.to_string()),
        Actor::Anonymous => {
            Err(Refusal::new(Code::NoSuchUser, "An API token is made by somebody signed in."))
        }
    }
}

fn new_user(moment: &Moment, role: Role, password_hash: &str) -> User {
    User {
        role,
        password_hash: password_hash.into(),
        active: true,
        failures: 0,
        locked_until: None,
        created_at: moment.at,
        changed_at: moment.at,
        revision: moment.revision,
    }
}

/// A new password ends the sessions opened with the old one. Deactivation and another role end the sessions and
/// the API tokens: what was given to somebody who may do less now must not go on doing more. A new password or
/// activation also lifts a lock: it is how an administrator lets somebody in again.
fn user_changed(
    facts: &mut Facts,
    moment: &Moment,
    username: &str,
    role: Option<Role>,
    active: Option<bool>,
    password_hash: Option<&str>,
) {
    let Some(user) = facts.users.get_mut(username) else { return };
    let ends = active == Some(false) || role.is_some_and(|role| role != user.role);
    user.role = role.unwrap_or(user.role);
    user.active = active.unwrap_or(user.active);
    (user.changed_at, user.revision) = (moment.at, moment.revision);
    if let Some(hash) = password_hash {
        user.password_hash = hash.into();
    }
    if password_hash.is_some() || active == Some(true) {
        (user.failures, user.locked_until) = (0, None);
    }
    if ends || password_hash.is_some() {
        end_sessions(facts, username);
    }
    if ends {
        end_tokens(facts, username);
    }
}

fn end_sessions(facts: &mut Facts, username: &str) {
    facts.sessions.retain(|_, session| session.username != username);
}

fn end_tokens(facts: &mut Facts, username: &str) {
    facts.tokens.retain(|_, token| token.created_by != username);
}

fn session_opened(facts: &mut Facts, at: Timestamp, digest: Digest, session: &Session) {
    facts.sessions.retain(|_, session| session.expires_at > at);
    if facts.sessions.len() >= SESSIONS_MAX {
        let ends_first = facts.sessions.iter().min_by_key(|(_, session)| session.expires_at);
        let ends_first = ends_first.map(|(digest, _)| *digest);
        ends_first.and_then(|digest| facts.sessions.remove(&digest));
    }
    facts.sessions.insert(digest, session.clone());
    if let Some(user) = facts.users.get_mut(&session.username) {
        (user.failures, user.locked_until) = (0, None);
    }
}

fn changes_in_words(role: Option<Role>, active: Option<bool>, password: bool) -> String {
    let role = role.map(|role| role.as_str().to_owned());
    let active = active.map(|active| if active { "active" } else { "inactive" }.to_owned());
    let password = password.then(|| "new password".to_owned());
    [role, active, password].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
