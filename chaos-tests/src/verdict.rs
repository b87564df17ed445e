//! What a run comes to: passed, failed, or unknown. A run that was too slow, or whose faults did not bite, has
//! proved nothing and is unknown, never passed.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use crate::checker::{
    Finding, Valid, fencing, linearizable, once, one_active, revision, sessions, set, watch,
};
use crate::cluster::Manager;
use crate::fault::{Planned, Tally};
use crate::history::{Kind, Line, Operation, Outcome, Process, operations};

/// Calls with a certain outcome per second, below which a run does not count.
const RATE_FLOOR: u64 = 100;

/// `result.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub valid: Valid,
    pub seed: u64,
    pub seconds: u64,
    pub managers: usize,
    /// The command line that repeats it.
    pub repeat: String,
    pub checks: Vec<Finding>,
    /// By call and by end.
    pub counts: BTreeMap<String, BTreeMap<String, u64>>,
    /// By class and outcome.
    pub faults: Tally,
    pub calls_per_second: u64,
    /// From each kill or long pause of the Active until another was seen in office.
    pub failover_ms: Vec<u64>,
}

impl Verdict {
    /// In a word.
    pub fn word(&self) -> &'static str {
        match self.valid {
            Valid::Yes => "passed",
            Valid::No => "failed",
            Valid::Unknown => "unknown",
        }
    }
}

/// A run that is over.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub lines: &'a [Line],
    pub managers: &'a [Manager],
    pub plan: &'a [Planned],
    pub faults: &'a Tally,
    /// How long faults and clients went on.
    pub lasted: Duration,
    /// Share of that in which somebody waited for a processor.
    pub starved_percent: Option<u64>,
}

/// Every promise that can be judged from the evidence.
pub fn findings(evidence: &Evidence<'_>) -> Vec<Finding> {
    let operations = operations(evidence.lines);
    let ids: Vec<u64> = evidence.managers.iter().map(|manager| manager.id).collect();
    vec![
        linearizable::check(&operations),
        revision::check(&operations),
        set::check(&operations, evidence.lines, &ids),
        one_active::check(evidence.lines),
        watch::check(&operations, evidence.lines),
        once::check(evidence.lines),
        sessions::check(evidence.lines),
        fencing::check(evidence.lines),
        answers(evidence.lines),
        panics(evidence.managers),
        coverage(evidence, rate(&operations, evidence.lasted)),
    ]
}

/// Calls with a certain outcome per second.
pub fn rate(operations: &[Operation], lasted: Duration) -> u64 {
    let certain = operations.iter().filter(|operation| match operation.outcome {
        Outcome::Done | Outcome::Seen(_) | Outcome::Refused => true,
        Outcome::Failed | Outcome::Unknown => false,
    });
    certain.count() as u64 / lasted.as_secs().max(1)
}

/// Nothing but what the contract allows is ever answered. A code after a status is one that no client here asked
/// for; an outcome that is unknown is allowed.
fn answers(lines: &[Line]) -> Finding {
    let mut odd: BTreeMap<&str, u64> = BTreeMap::new();
    for line in lines.iter().filter(|line| matches!(line.process, Process::Client(_))) {
        let error = line.error.as_deref().unwrap_or_default();
        let with_status = error.starts_with(|first: char| first.is_ascii_digit());
        if with_status && error != "504 UNKNOWN_OUTCOME" {
            *odd.entry(error).or_default() += 1;
        }
    }
    let because = odd.iter().map(|(error, times)| format!("{error} was answered {times} times"));
    Finding::against("answers", because.collect(), serde_json::Value::Null)
}

/// No Manager ever panicked.
fn panics(managers: &[Manager]) -> Finding {
    let mut because = Vec::new();
    for Manager { id, log, .. } in managers {
        match fs::read(log) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                let panics = text.lines().filter(|line| line.contains("panicked at"));
                because.extend(panics.map(|line| format!("Manager {id}: {line}")));
            }
            Err(error) => return Finding::unknown("panics", format!("{}: {error}", log.display())),
        }
    }
    Finding::against("panics", because, serde_json::Value::Null)
}

/// The run was fast enough and each planned class of faults was seen to bite.
fn coverage(evidence: &Evidence<'_>, rate: u64) -> Finding {
    let mut doubts = Vec::new();
    if rate < RATE_FLOOR {
        doubts.push(format!("{rate} calls/s are fewer than {RATE_FLOOR}"));
    }
    let mut planned: Vec<_> = evidence.plan.iter().map(|planned| planned.fault.name()).collect();
    planned.sort_unstable();
    planned.dedup();
    for class in &planned {
        if evidence.faults.get(class).is_none_or(|counts| counts.installed == 0) {
            doubts.push(format!("{class} never bit"));
        }
    }
    let valid = if doubts.is_empty() { Valid::Yes } else { Valid::Unknown };
    let starved_percent = evidence.starved_percent;
    let facts = json!({
        "calls_per_second": rate, "classes": planned.len(), "starved_percent": starved_percent,
    });
    Finding { check: "coverage", valid, because: doubts, facts }
}

/// How often each call ended how.
pub fn counts(lines: &[Line]) -> BTreeMap<String, BTreeMap<String, u64>> {
    let mut counts: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for line in lines.iter().filter(|line| matches!(line.process, Process::Client(_))) {
        let end = match line.kind {
            Kind::Invoke => continue,
            Kind::Ok => "ok".to_owned(),
            Kind::Fail | Kind::Info => line.error.clone().unwrap_or_default(),
        };
        *counts.entry(line.f.clone()).or_default().entry(end).or_default() += 1;
    }
    counts
}

/// From each kill or long pause of the Active until a probe found another tenure.
pub fn failovers_ms(lines: &[Line]) -> Vec<u64> {
    let hits = lines.iter().filter(|line| {
        let active = matches!(line.f.as_str(), "kill-active" | "pause-long-active");
        active && line.is_by("nemesis") && line.value["begins"][0].is_number()
    });
    hits.filter_map(|hit| successor_ms(lines, hit)).collect()
}

fn successor_ms(lines: &[Line], hit: &Line) -> Option<u64> {
    let victim = hit.value["begins"][0].as_u64();
    let later = lines.iter().skip(usize::try_from(hit.index).ok()? + 1);
    let mut in_office = later.filter(|line| line.is_by("probe") && line.f == "active");
    let successor = in_office.find(|line| line.node != victim)?;
    Some((successor.time - hit.time) / 1_000_000)
}
