//! Passwords checked before the log: at sign-in, and again before an act that takes something down (A10).
//!
//! The password goes no further than here. What enters the log is a session's digest, or one more wrong password.

use super::changing::Change;
use super::codes::Fault;
use super::error::Problem;
use crate::base::{Code, Refusal, Revision, Secret};
use crate::capabilities::access::model::{Command, Role};
use crate::cluster::Consistency;
use crate::machine::Actor;

/// What the group knows of a user whose password was right.
pub(crate) struct Known {
    /// Of the user's last change: what the password was checked against.
    pub(crate) revision: Revision,
    /// What the user may do.
    pub(crate) role: Role,
}

impl<P, T, C> Change<P, T, C> {
    /// Checks the caller's own password once more. A wrong one counts toward the lock, is audited, and nothing
    /// else happens. An API token is its own proof: it has no password, and no desk it could be left open on.
    pub(crate) async fn confirm(&self, password: Option<&Secret>) -> Result<(), Problem> {
        let Actor::User(username) = self.actor() else { return Ok(()) };
        let Some(password) = password else {
            let detail = "This needs your Kyvos Manager password once more, as password.";
            return Err(Problem::new(Fault::InvalidInput, detail));
        };
        self.throttled(&username)?;
        self.match_password(&username, password, Fault::WrongPassword).await.map(drop)
    }

    /// What is known of the user whose password this is. A wrong one is counted by the group; unknown users, and
    /// users who may not sign in, cost the same time as others.
    pub(crate) async fn match_password(
        &self,
        username: &str,
        password: &Secret,
        wrong: Fault,
    ) -> Result<Known, Problem> {
        let surface = &self.surface;
        surface.group.settle(Consistency::Linearizable).await?;
        let now = surface.group.now();
        let known = surface.group.view(|state| {
            let user = state.access.users.get(username)?;
            let known = Known { revision: user.revision, role: user.role };
            Some((known, user.password_hash.clone(), user.may_sign_in(now)))
        });
        let hash = known.as_ref().map(|(_, hash, _)| hash.clone());
        let right = surface.passwords.verify(password.clone(), hash).await?;
        match known {
            Some((known, _, true)) if right => Ok(known),
            Some((_, _, false)) => {
                Err(Refusal::new(Code::Locked, "This user is inactive, or locked for a while.")
                    .into())
            }
            Some(_) => {
                self.count_failure(username).await?;
                Err(Problem::new(wrong, sentence(wrong)))
            }
            None => Err(Problem::new(wrong, sentence(wrong))),
        }
    }

    /// One more wrong password, told of whom it was tried for, and always under a fresh name: under the client's
    /// key somebody could try many passwords and be counted once.
    async fn count_failure(&self, username: &str) -> Result<(), Problem> {
        let command = Command::CountFailure { username: username.into() };
        self.propose_apart(Actor::User(username.into()), command).await.map(drop)
    }
}

/// At the sign-in it stays open which of the two was wrong; who is signed in has given a password only.
fn sentence(wrong: Fault) -> &'static str {
    match wrong {
        Fault::WrongPassword => "The password is wrong.",
        _ => "User name or password is wrong.",
    }
}
