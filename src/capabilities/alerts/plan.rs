//! Choice of the alerts: from the facts and what the Active sees to what is to be raised and what is resolved.
//!
//! [`causes`] is the list of everything that is derived: a new cause is a function there. What was seen for how long, and
//! what is gone for how long, is the [`Memory`] of one tenure; a new Active begins with none, and so waits a little longer.

mod causes;

use std::collections::{BTreeMap, BTreeSet};

pub use self::causes::{Found, causes};
use super::command::Command;
use super::model::{Alert, Cause, Facts, UNRESOLVED_MAX};
use crate::base::{Epoch, ManagerId, Timestamp};
use crate::machine::{Command as Proposed, State};

/// How long a cause has to be gone before its alert is resolved; the oftener it came back, the longer.
pub const GONE_FOR_MS: u64 = 10_000;
/// Longest time a cause has to be gone.
pub const GONE_FOR_MAX_MS: u64 = 10 * 60_000;
/// How long an alert of a moment waits for somebody to see it.
pub const MOMENT_KEPT_MS: u64 = 24 * 3_600_000;

/// What the Active sees besides the facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What time it is.
    pub now: Timestamp,
    /// The members, as they last told of themselves.
    pub members: BTreeMap<ManagerId, Member>,
    /// Who votes.
    pub voters: BTreeSet<ManagerId>,
    /// How many more voters may fail.
    pub failure_tolerance: usize,
    /// How the facts of the members differ.
    pub difference: Option<String>,
}

/// A member, as it last told of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Whether it answers.
    pub answers: bool,
    /// How many entries it lacks.
    pub behind: u64,
    /// When its process was started.
    pub started_at: Timestamp,
    /// How many damaged files this process has put aside and rebuilt.
    pub rebuilt: u32,
    /// Why its disk takes no more.
    pub disk_full: Option<String>,
    /// When its certificate ends.
    pub certificate_ends: Option<Timestamp>,
    /// How far its clock is ahead of the middle one.
    pub clock_off_ms: i64,
}

/// Since when causes are seen and gone, in one tenure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    epoch: Epoch,
    seen: BTreeMap<String, Timestamp>,
    gone: BTreeMap<String, Timestamp>,
}

/// Whether the group speaks of alerts yet.
pub fn may_tell(state: &State) -> bool {
    let asking = Proposed::from(Command::Resolve { key: String::new() });
    asking.level() <= state.kernel.level
}

/// What is to be told to the group now.
pub fn plan(state: &State, seen: &Seen, epoch: Epoch, memory: &mut Memory) -> Vec<Command> {
    if memory.epoch != epoch {
        *memory = Memory { epoch, ..Memory::default() };
    }
    let found = causes(state, seen);
    memory.note(&state.alerts, &found, seen.now);
    let mut commands = resolved(&state.alerts, seen.now, memory);
    let lasts = |found: &Found| memory.has_lasted(found, seen.now);
    let causes = found.into_values().filter(lasts).map(|found| found.cause);
    commands.extend(raised(&state.alerts, causes));
    commands
}

/// What is to be raised, or says something else than before.
fn raised(facts: &Facts, causes: impl Iterator<Item = Cause>) -> Vec<Command> {
    let mut room = UNRESOLVED_MAX.saturating_sub(facts.unresolved().count());
    let mut commands = Vec::new();
    for cause in causes {
        let open = facts.newest_of(&cause.key).filter(|(_, alert)| alert.resolved_at.is_none());
        let is_news = match open {
            Some((_, alert)) => alert.is_moment() || alert.cause.differs(&cause),
            // What finds no room now finds it when others are resolved.
            None => room > 0,
        };
        if is_news && !facts.has_occurred(&cause) {
            room = room.saturating_sub(usize::from(open.is_none()));
            commands.push(Command::Raise { cause });
        }
    }
    commands
}

/// What is to be resolved: what is gone for long enough, and moments that nobody came to see.
fn resolved(facts: &Facts, now: Timestamp, memory: &Memory) -> Vec<Command> {
    let over = |alert: &Alert| match alert.is_moment() {
        true => now.since_ms(alert.raised_at) >= MOMENT_KEPT_MS,
        false => memory.is_gone(alert, now),
    };
    let unresolved = facts.unresolved().filter(|(_, alert)| over(alert));
    unresolved.map(|(_, alert)| Command::Resolve { key: alert.cause.key.clone() }).collect()
}

impl Memory {
    /// Takes in what is seen now.
    fn note(&mut self, facts: &Facts, found: &BTreeMap<String, Found>, now: Timestamp) {
        self.seen.retain(|key, _| found.contains_key(key));
        for key in found.keys() {
            self.seen.entry(key.clone()).or_insert(now);
        }
        let missed: BTreeSet<&String> = facts
            .unresolved()
            .map(|(_, alert)| &alert.cause.key)
            .filter(|key| !found.contains_key(*key))
            .collect();
        self.gone.retain(|key, _| missed.contains(key));
        for key in missed {
            self.gone.entry(key.clone()).or_insert(now);
        }
    }

    /// Whether a cause has lasted long enough to bother somebody: as far as the facts know, or this tenure.
    fn has_lasted(&self, found: &Found, now: Timestamp) -> bool {
        let seen = self.seen.get(&found.cause.key).copied().unwrap_or(now);
        let since = if found.since_is_known { found.cause.since } else { seen };
        now.since_ms(since) >= found.after_ms
    }

    fn is_gone(&self, alert: &Alert, now: Timestamp) -> bool {
        let settled = GONE_FOR_MS.saturating_mul(alert.count.into()).min(GONE_FOR_MAX_MS);
        self.gone.get(&alert.cause.key).is_some_and(|since| now.since_ms(*since) >= settled)
    }
}

#[cfg(test)]
mod tests;
