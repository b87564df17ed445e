//! What the prechecks must look at, and what they make of it.
//!
//! A run goes in rounds: [`questions`] gives what is to be asked next, given what was answered so far, until there is
//! nothing more; then [`judge`] makes the findings of it. Who is asked how is the port's matter. What the facts alone can
//! tell, such as the roles of hosts, is asked nobody.

mod cells;
mod group;
mod here;
mod on_host;
mod repository;
mod site;

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Check, Command, Finding, Grade, Scope, Subject, Trouble};
use crate::base::{HostId, ManagerId, Timestamp};
use crate::capabilities::managers::plan::Seen;
use crate::machine::{Command as Proposed, State};

pub use self::group::{portal_ha, portal_role};
pub use self::site::Tool;
use self::site::{Place, Site};

/// How long results count as new while HA is on.
pub const EVERY_MS: u64 = 3_600_000;

/// One thing to ask.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// How a ZooKeeper server stands, asked from here.
    Zookeeper {
        /// `host:port`.
        address: String,
    },
    /// Which Manager answers behind the load balancer, asked from here.
    LoadBalancer {
        /// Its URL.
        url: String,
    },
    /// Whether a Postgres answers, asked from here.
    Postgres {
        /// `host:port`.
        address: String,
    },
    /// Whether somebody may sign in at a Postgres. With which password knows whoever tries.
    Login {
        /// The Manager that tries, from its own host; `None`: asked from here.
        by: Option<ManagerId>,
        /// `host:port`.
        address: String,
        /// Who.
        user: String,
        /// At which database.
        database: String,
    },
    /// Where a tool lies on a host. What is asked of a host first: one that does not answer is asked nothing more.
    Find {
        /// The host.
        host: HostId,
        /// The tool.
        tool: Tool,
    },
    /// Whether a host can write, read and clear a place with a tool.
    Canary {
        /// The host.
        host: HostId,
        /// The tool.
        tool: Tool,
        /// The place.
        location: String,
    },
    /// Who a host is to its cloud.
    Identity {
        /// The host.
        host: HostId,
        /// The tool that tells.
        tool: Tool,
    },
    /// Whether something listens there, seen from a host.
    Port {
        /// The host.
        host: HostId,
        /// `host:port`.
        address: String,
    },
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is so: what was said.
    Good(String),
    /// It is not: somebody's right is missing.
    Denied(String),
    /// It is not, for another reason.
    Bad(String),
    /// Whoever was asked does not answer.
    Silent(String),
    /// The Manager that was to ask cannot be reached, so nobody was asked.
    Unasked(String),
}

/// Everything answered so far.
pub type Answers = BTreeMap<Question, Answer>;

/// Whether a run is to begin, and whether it is about everything.
pub fn due(state: &State, now: Timestamp) -> Option<bool> {
    let facts = &state.prechecks;
    let begin = Proposed::from(Command::Begin { everything: true });
    if begin.level() > state.kernel.level {
        return None;
    }
    let old = |at: Timestamp| now.since_ms(at) >= EVERY_MS;
    let everything = state.properties.ha_enabled() && facts.everything_at.is_none_or(old);
    (everything || facts.running()).then_some(everything)
}

/// What is to be asked next. Nothing when everything was asked.
pub fn questions(state: &State, scope: &Scope, answers: &Answers) -> BTreeSet<Question> {
    let site = Site::of(state, scope);
    let first = site.hosts().map(|host| site.find(host)).chain(here::questions(&site));
    let further = on_host::questions(&site, answers).chain(cells::questions(&site, answers));
    let further = further.chain(here::logins(&site, answers));
    let further = further.chain(repository::questions(&site, answers));
    first.chain(further).filter(|question| !answers.contains_key(question)).collect()
}

/// What was found, in the order of the checks.
pub fn judge(state: &State, seen: &Seen, scope: &Scope, answers: &Answers) -> Vec<Finding> {
    let site = Site::of(state, scope);
    let mut findings = group::judge(&site, seen);
    findings.extend(here::judge(&site, answers));
    findings.extend(on_host::judge(&site, answers));
    findings.extend(cells::judge(&site, answers));
    findings.extend(repository::judge(&site, answers));
    findings.sort_by(|a, b| a.subject.cmp(&b.subject));
    findings
}

/// Who signs in at a repository, and at which database, as the properties say; `Err`: they say nothing of the kind.
pub fn sign_in(state: &State, address: &str) -> Result<(String, String), String> {
    let everything = Scope::everything();
    let site = Site::of(state, &everything);
    if !site.repositories().iter().any(|known| known == address) {
        return Err(format!("{address} is no repository"));
    }
    let (user, database) = site.login().ok_or("REPOSITORY_USER is empty")?;
    Ok((user.to_owned(), database.to_owned()))
}

/// Makes findings of one check.
#[derive(Clone, Copy)]
struct Of<'a> {
    check: Check,
    host: Option<&'a str>,
}

impl Of<'_> {
    fn pass(self, detail: impl Into<String>) -> Finding {
        self.found(Grade::Pass, None, detail.into())
    }

    fn warn(self, trouble: Trouble, detail: impl Into<String>) -> Finding {
        self.found(Grade::Warn, Some(trouble), detail.into())
    }

    fn fail(self, trouble: Trouble, detail: impl Into<String>) -> Finding {
        self.found(Grade::Fail, Some(trouble), detail.into())
    }

    fn found(self, grade: Grade, trouble: Option<Trouble>, detail: String) -> Finding {
        let subject = Subject { check: self.check, host: self.host.map(str::to_owned) };
        Finding { subject, grade, trouble, detail }
    }
}

fn of_group(check: Check) -> Of<'static> {
    Of { check, host: None }
}

fn of_host<'a>(check: Check, host: &'a str) -> Of<'a> {
    Of { check, host: Some(host) }
}

/// What is the matter with a host that nothing can be asked of; `None` when it answers.
fn silence(site: &Site<'_>, place: &Place<'_>, answers: &Answers) -> Option<(Trouble, String)> {
    let Some(host) = place.id else {
        let detail = format!(
            "{} is not registered as a host, so nothing can be looked at there. Register it with km hosts add.",
            place.name
        );
        return Some((Trouble::HostNotRegistered, detail));
    };
    match answers.get(&site.find(host)) {
        Some(Answer::Silent(because)) => {
            let detail = format!("{} does not answer: {because}", place.name);
            Some((Trouble::HostSilent, detail))
        }
        Some(_) => None,
        None => Some((Trouble::HostSilent, format!("{} was not asked", place.name))),
    }
}

/// The Manager a text names.
fn manager_named(text: &str) -> Option<ManagerId> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests;
