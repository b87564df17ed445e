//! Long work survives the Active (promise 12): whatever was begun has come to an end once the group is whole again, nothing
//! that was begun is gone, what failed had a reason, and what is told to be done is so.
//!
//! The number of an operation is the revision at which it was begun, and an epoch is a revision as well: whoever became Active
//! meanwhile has an epoch between that and the operation's last one, whatever the clocks of Managers say. A claim is judged
//! only where there is something to judge it by: what is listed tells least, what was killed at its steps was asked for by the
//! harness itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::Finding;
use super::one_active::{Tenure, tenures};
use crate::changes::Changes;
use crate::fault::Means;
use crate::history::{Kind, Line, ns};
use crate::homes::arrivals;
use crate::sayings;
use crate::strikes::{End, Strike, strikes};

const CHECK: &str = "operations";
/// Longer than a change is waited for, at two Managers; and than what is over hinders anybody.
const NEWS: Duration = Duration::from_secs(20);
/// Longer than anybody watches an operation that is killed at its steps (`fault/steps.rs`).
const WATCHED: Duration = Duration::from_secs(90);
/// Of so many that were killed at their steps one at least must have been done: each may fail by what else befalls it.
const KILLED_MIN: usize = 3;
/// Why a Passive is not restarted any more.
const BECAME_ACTIVE: &str = "became Active meanwhile";

/// One of those that are listed at the end.
struct Listed<'a> {
    id: u64,
    status: &'a str,
    told: &'a Value,
}

impl<'a> Listed<'a> {
    fn of(told: &'a Value) -> Option<Self> {
        Some(Self { id: told["id"].as_u64()?, status: told["status"].as_str()?, told })
    }

    fn name(&self) -> String {
        format!("operation {} ({})", self.id, self.told["kind"].as_str().unwrap_or("?"))
    }

    fn error(&self) -> &'a str {
        self.told["error"].as_str().unwrap_or_default()
    }

    fn was_resumed(&self) -> bool {
        self.told["resumed"].as_u64().unwrap_or(0) > 0
    }

    /// The revision of its last change; after all others, where that was not written down.
    fn last(&self) -> u64 {
        self.told["revision"].as_u64().unwrap_or(u64::MAX)
    }
}

/// What is known besides of what went on.
struct Known<'a> {
    lines: &'a [Line],
    strikes: Vec<Strike>,
    changes: Times,
    /// Every tenure; `None` where the log of some Manager is missing.
    tenures: Option<Vec<Tenure<'a>>>,
    /// At which path those were asked for that were killed at their steps, and how often they were.
    killed: BTreeMap<u64, (&'a str, u64)>,
}

/// When clients were told of changes, by the revisions of these.
struct Times {
    /// Revision of each, and when it was told.
    told: Vec<(u64, u64)>,
    /// When the last was told of all up to each.
    last: Vec<u64>,
    /// When the first was told of each and all after it.
    first: Vec<u64>,
}

impl Times {
    fn of(lines: &[Line]) -> Self {
        let changes =
            |line: &&Line| line.kind == Kind::Ok && Changes::by(&line.f) == Some(Changes::Property);
        let told = lines.iter().filter(changes).filter_map(|line| Some((line.rev?, line.time)));
        let mut told: Vec<(u64, u64)> = told.collect();
        told.sort_unstable();
        let (mut latest, mut earliest) = (0_u64, u64::MAX);
        let mut last = Vec::with_capacity(told.len());
        for (_, time) in &told {
            latest = latest.max(*time);
            last.push(latest);
        }
        let mut first = Vec::with_capacity(told.len());
        for (_, time) in told.iter().rev() {
            earliest = earliest.min(*time);
            first.push(earliest);
        }
        first.reverse();
        Self { told, last, first }
    }

    /// When the last change before a revision was told; the beginning, when none was.
    fn last_before(&self, revision: u64) -> u64 {
        let before = self.told.partition_point(|(rev, _)| *rev < revision);
        before.checked_sub(1).map_or(0, |nth| self.last[nth])
    }

    /// When the first change after a revision was told; never, when none was.
    fn first_after(&self, revision: u64) -> u64 {
        let after = self.told.partition_point(|(rev, _)| *rev <= revision);
        self.first.get(after).copied().unwrap_or(u64::MAX)
    }
}

/// Judges the operations that were begun, by what is listed at the end.
pub fn check(lines: &[Line]) -> Finding {
    let Some(told) = lines.iter().rfind(|line| line.is_by("final") && line.f == "operations")
    else {
        return Finding::unknown(CHECK, "nobody told the operations at the end");
    };
    let told = told.value.as_array().into_iter().flatten();
    let listed: BTreeMap<u64, Listed<'_>> =
        told.filter_map(Listed::of).map(|it| (it.id, it)).collect();
    let known = Known::of(lines);
    let mut because: Vec<String> =
        listed.values().filter_map(|operation| known.against(operation)).collect();
    // Only the newest are listed.
    let oldest = listed.keys().next().copied().unwrap_or(0);
    let gone = known.killed.keys().filter(|id| **id >= oldest && !listed.contains_key(id));
    because.extend(gone.map(|id| format!("operation {id} was begun and is not there")));
    because.extend(none_survived(&listed, &known));
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    listed.values().for_each(|it| *ends.entry(it.status).or_default() += 1);
    let resumed = listed.values().filter(|it| it.status == "succeeded" && it.was_resumed());
    let failed = listed.values().filter(|it| it.status == "failed");
    let failed: Vec<String> = failed.map(|it| format!("{}: {}", it.name(), it.error())).collect();
    let facts = json!({
        "killed_at_steps": known.killed.len(),
        "ends": ends,
        "resumed_and_done": resumed.count(),
        "failed": failed,
    });
    Finding::against(CHECK, because, facts)
}

/// That of many whose Active was killed none was done, or none of those that another Active went on with. Whoever was to be
/// restarted as a Passive and became Active by such a kill is rightly left alone.
fn none_survived(listed: &BTreeMap<u64, Listed<'_>>, known: &Known<'_>) -> Option<String> {
    let killed = known.killed.iter().filter(|(_, (_, kills))| *kills > 0);
    let ended: Vec<&Listed<'_>> = killed
        .filter_map(|(id, _)| listed.get(id))
        .filter(|it| matches!(it.status, "succeeded" | "failed"))
        .filter(|it| !it.error().contains(BECAME_ACTIVE))
        .collect();
    let none = |of: &[&Listed<'_>]| {
        of.len() >= KILLED_MIN && of.iter().all(|operation| operation.status == "failed")
    };
    let resumed: Vec<&Listed<'_>> =
        ended.iter().copied().filter(|operation| operation.was_resumed()).collect();
    let which = none(&ended).then_some(&ended).or_else(|| none(&resumed).then_some(&resumed))?;
    Some(format!("all {} failed that were killed at their steps and went on", which.len()))
}

impl<'a> Known<'a> {
    fn of(lines: &'a [Line]) -> Self {
        let killed = lines.iter().filter(|line| line.is_by("operation")).filter_map(|line| {
            let told = &line.value;
            let path = told["path"].as_str().unwrap_or_default();
            Some((told["operation"].as_u64()?, (path, told["kills"].as_u64().unwrap_or(0))))
        });
        Self {
            lines,
            strikes: strikes(lines),
            changes: Times::of(lines),
            tenures: all_logs(lines).then(|| tenures(lines)),
            killed: killed.collect(),
        }
    }

    /// What is wrong with an operation.
    fn against(&self, operation: &Listed<'_>) -> Option<String> {
        let name = operation.name();
        match operation.status {
            // Nothing that is asked for here needs anybody's decision.
            "queued" | "running" | "needs_decision" => {
                Some(format!("{name} is still {}", operation.status))
            }
            "failed" if operation.told.get("error").is_some() && operation.error().is_empty() => {
                Some(format!("{name} failed, and nobody tells why"))
            }
            "failed" if !self.may_fail(operation) => {
                Some(format!("{name} failed while nothing was broken: {}", operation.error()))
            }
            "succeeded" => self.untrue(operation).map(|why| format!("{name} is not done: {why}")),
            _ => None,
        }
    }

    /// Whether something was broken while it was worked on, or shortly before.
    fn may_fail(&self, operation: &Listed<'_>) -> bool {
        let since = self.changes.last_before(operation.id).saturating_sub(2 * ns(NEWS));
        let until = self.changes.first_after(operation.last());
        self.strikes.iter().any(|strike| {
            let tried = !strike.victims.is_empty() && !matches!(strike.end, End::Skipped(_));
            tried && strike.from <= until && strike.over().is_none_or(|over| over >= since)
        })
    }

    /// Why something that is told to be done is not.
    fn untrue(&self, operation: &Listed<'_>) -> Option<String> {
        let progress = &operation.told["progress"];
        if progress["done"] != progress["total"] {
            return Some(format!("of {} steps {} are", progress["total"], progress["done"]));
        }
        let path = self.killed.get(&operation.id).map(|(path, _)| *path);
        let asked = path.and_then(about);
        match (operation.told["kind"].as_str()?, asked) {
            ("MAKE_ACTIVE", asked) => self.nobody_took_over(operation, asked.map(|(id, _)| id)),
            ("REMOVE_MANAGER", Some((id, _))) => self.still_there(id),
            ("RESTART_PASSIVES" | "RESTART_MANAGER", Some((id, "restart"))) => {
                self.runs_on(operation.id, id)
            }
            _ => None,
        }
    }

    /// Of a hand-over, to this Manager where it is known to whom.
    fn nobody_took_over(&self, operation: &Listed<'_>, to: Option<u64>) -> Option<String> {
        let meanwhile = operation.id + 1..=operation.last();
        let took_over = |tenure: &Tenure<'_>| {
            meanwhile.contains(&tenure.epoch) && to.is_none_or(|to| tenure.manager == to)
        };
        let none = !self.tenures.as_ref()?.iter().any(took_over);
        let whom = to.map_or("nobody".to_owned(), |to| format!("Manager {to} never"));
        none.then(|| format!("{whom} became Active"))
    }

    fn still_there(&self, id: u64) -> Option<String> {
        let told = self.lines.iter().filter(|line| line.is_by("final") && line.f == "members");
        // What each Manager told last.
        let last: BTreeMap<Option<u64>, &Value> =
            told.map(|line| (line.node, &line.value["members"])).collect();
        let tells = |members: &&Value| {
            members.as_array().is_some_and(|members| members.contains(&json!(id)))
        };
        last.values().any(tells).then(|| format!("member {id} is there at the end"))
    }

    /// Of a restart: by the host's own clock, so not where that was moved.
    fn runs_on(&self, operation: u64, id: u64) -> Option<String> {
        let killed = self.lines.iter().find(|line| {
            line.is_by("operation") && line.value["operation"].as_u64() == Some(operation)
        })?;
        // A history of before 1 December 2026 does not tell since when it may have been asked for.
        let asked = killed.value["since"].as_u64();
        let asked = asked.unwrap_or_else(|| killed.time.saturating_sub(ns(WATCHED)));
        // Whoever had been started shortly before it was asked for may pass for a new process.
        let since = asked.saturating_sub(2 * ns(NEWS));
        let moved = |strike: &Strike| {
            let meanwhile = strike.over().is_none_or(|over| over >= since);
            strike.is(Means::moves_clocks) && meanwhile && strike.from <= killed.time
        };
        if self.strikes.iter().any(moved) {
            return None;
        }
        let own = |line: &&Line| started(line) == Some(id);
        let mut starts = self.lines.iter().filter(own).filter_map(|line| line.value["at"].as_u64());
        let first = starts.next()?;
        let anew = first >= since || starts.any(|at| at >= since);
        (!anew).then(|| format!("Manager {id} was not started anew"))
    }
}

/// The member that a path is about, and what is to be done with it.
fn about(path: &str) -> Option<(u64, &str)> {
    let rest = path.strip_prefix("/managers/")?;
    let (id, verb) = rest.split_once('/').unwrap_or((rest, ""));
    Some((id.parse().ok()?, verb))
}

/// Who was started, as its log tells.
fn started(line: &Line) -> Option<u64> {
    let start = line.is_by("log") && line.f == "start";
    sayings::started(line.value["text"].as_str().filter(|_| start)?)
}

/// Whether there is a log of every Manager that ever belonged to the group.
fn all_logs(lines: &[Line]) -> bool {
    let started: BTreeSet<u64> = lines.iter().filter_map(started).collect();
    arrivals(lines).filter_map(|line| line.node).all(|id| started.contains(&id))
}
