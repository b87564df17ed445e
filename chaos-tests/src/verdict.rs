//! What a run comes to: passed, failed, or unknown. A run that was too slow, or whose faults did not bite, has
//! proved nothing and is unknown, never passed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use crate::checker::{
    Finding, Valid, epochs, fencing, linearizable, membership, once, one_active, operations,
    revision, sessions, set, standing, watch,
};
use crate::cluster::Manager;
use crate::fault::{Counts, Fault, Means, Tally, pairs};
use crate::history::{self, Kind, Line, Process, UNTRIED};
use crate::workload::Workload;

/// Calls with a certain outcome per second, below which a run does not count.
pub const RATE_FLOOR: u64 = 100;

/// `result.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub valid: Valid,
    pub seed: u64,
    pub seconds: u64,
    pub managers: usize,
    /// What was broken at one time, at most.
    pub overlap: usize,
    /// The command line that repeats it.
    pub repeat: String,
    pub versions: Versions,
    pub checks: Vec<Finding>,
    /// By call, phase and end.
    pub counts: BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>>,
    /// By class and outcome.
    pub faults: BTreeMap<String, Counts>,
    /// What bit at the same time, and how often.
    pub pairs: BTreeMap<String, u64>,
    /// Why what was skipped was.
    pub skipped: BTreeMap<String, String>,
    /// Tenures that were seen to begin.
    pub leader_changes: usize,
    pub calls_per_second: u64,
    /// The same before the first fault, while there were faults, and after the last.
    pub calls_per_second_by_phase: BTreeMap<&'static str, u64>,
    /// From each kill or long pause of the Active until another was seen in office.
    pub failover_ms: Vec<u64>,
    /// Every Manager's log.
    pub logs: Vec<PathBuf>,
}

/// What was run on what.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Versions {
    /// As `km --version` says.
    pub km: String,
    /// Of the sources this program was run in; empty outside of them.
    pub commit: String,
    pub kernel: String,
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
    /// What was to be broken, and came up.
    pub classes: &'a [Fault],
    pub faults: &'a Tally,
    pub workloads: &'a [Workload],
    /// How long faults and clients went on.
    pub lasted: Duration,
    /// Calls with a certain outcome per second, below which it does not count.
    pub rate_floor: u64,
    /// Share of that in which somebody waited for a processor.
    pub starved_percent: Option<u64>,
}

/// Every promise that can be judged from the evidence.
pub fn findings(evidence: &Evidence<'_>) -> Vec<Finding> {
    let (lines, operations) = (evidence.lines, history::operations(evidence.lines));
    let ids: Vec<u64> = evidence.managers.iter().map(|manager| manager.id.get()).collect();
    let mut findings = Vec::new();
    for workload in evidence.workloads {
        findings.push(match workload {
            Workload::Register => linearizable::check(&operations),
            Workload::Set => set::check(&operations, lines, &ids),
            Workload::Watch => watch::check(&operations, lines),
            Workload::Requests => once::check(lines),
            Workload::Sessions => sessions::check(lines),
        });
    }
    findings.extend([
        revision::check(&operations),
        one_active::check(lines),
        fencing::check(lines),
        epochs::check(&operations, lines),
        standing::check(lines),
        membership::check(lines, &ids),
        operations::check(lines),
        answers(lines),
        panics(evidence.managers),
        damage(evidence),
        falls(evidence),
        coverage(evidence, rate(lines, evidence.lasted)),
    ]);
    findings
}

/// Calls with a certain outcome per second.
pub fn rate(lines: &[Line], lasted: Duration) -> u64 {
    lines.iter().filter(|line| is_certain(line)).count() as u64 / lasted.as_secs().max(1)
}

fn is_certain(line: &Line) -> bool {
    let tried = |error: &str| !UNTRIED.contains(&error);
    let client = matches!(line.process, Process::Client(_));
    client
        && match line.kind {
            Kind::Ok => true,
            Kind::Fail => line.error.as_deref().is_some_and(tried),
            Kind::Invoke | Kind::Info => false,
        }
}

/// The beginning of the first fault and the end of the last, in nanoseconds.
fn broken(lines: &[Line]) -> (u64, u64) {
    let mut times = lines.iter().filter(|line| line.is_by("nemesis")).map(|line| line.time);
    let first = times.next().unwrap_or(u64::MAX);
    (first, times.next_back().unwrap_or(first))
}

fn phase_of(line: &Line, (first, last): (u64, u64)) -> &'static str {
    match line.time {
        time if time < first => "before",
        time if time <= last => "during",
        _ => "after",
    }
}

/// Calls with a certain outcome per second before, during and after the faults.
pub fn rates_by_phase(lines: &[Line]) -> BTreeMap<&'static str, u64> {
    let (first, last) = broken(lines);
    let calls = || lines.iter().filter(|line| matches!(line.process, Process::Client(_)));
    let end = calls().map(|line| line.time).max().unwrap_or(0);
    let spans =
        [("before", 0, first.min(end)), ("during", first, last.min(end)), ("after", last, end)];
    let rate = |(phase, from, to): (&'static str, u64, u64)| {
        let certain = calls().filter(|line| is_certain(line));
        let count = certain.filter(|line| phase_of(line, (first, last)) == phase).count() as u64;
        let lasted_ms = to.saturating_sub(from) / 1_000_000;
        (phase, (count * 1_000).checked_div(lasted_ms).unwrap_or(0))
    };
    spans.map(rate).into()
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
                because.extend(panics.map(|line| format!("Manager {}: {line}", id.get())));
            }
            Err(error) => return Finding::unknown("panics", format!("{}: {error}", log.display())),
        }
    }
    Finding::against("panics", because, serde_json::Value::Null)
}

/// No Manager finds its log damaged, unless its disk was tampered with or did not do as it was told.
fn damage(evidence: &Evidence<'_>) -> Finding {
    let tampers = |fault: &Fault| matches!(fault.means, Means::Disk(_) | Means::Flushes(_));
    if evidence.classes.iter().any(tampers) {
        return Finding::against("damage", Vec::new(), json!({ "disks": "tampered with" }));
    }
    let mut because = Vec::new();
    for Manager { id, log, .. } in evidence.managers {
        let text = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
        let found = text.lines().find(|line| line.contains("the log is damaged"));
        because.extend(found.map(|line| format!("Manager {}: {line}", id.get())));
    }
    Finding::against("damage", because, serde_json::Value::Null)
}

/// What a process says whose disk is not to be trusted any more.
const OF_A_DISK: [&str; 2] = ["(os error", "the log is no longer written"];

/// No Manager gives up consensus by itself, unless its disk failed.
fn falls(evidence: &Evidence<'_>) -> Finding {
    let of_disks = |fault: &Fault| {
        matches!(
            fault.means,
            Means::Disk(_)
                | Means::Flushes(_)
                | Means::FullDisk
                | Means::ReadOnly
                | Means::PowerCut
        )
    };
    let disks_failed = evidence.classes.iter().any(of_disks);
    let excused = |line: &str| disks_failed && OF_A_DISK.iter().any(|words| line.contains(words));
    let mut because = Vec::new();
    for Manager { id, log, .. } in evidence.managers {
        let text = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
        let fell = text.lines().filter(|line| line.contains("because=consensus stopped"));
        because.extend(
            fell.filter(|line| !excused(line)).map(|line| format!("Manager {}: {line}", id.get())),
        );
    }
    Finding::against("falls", because, json!({ "disks_failed": disks_failed }))
}

/// The run was fast enough and each class of faults that came up was seen to bite.
fn coverage(evidence: &Evidence<'_>, rate: u64) -> Finding {
    let mut doubts = Vec::new();
    let floor = evidence.rate_floor;
    if rate < floor {
        doubts.push(format!("{rate} calls/s are fewer than {floor}"));
    }
    for class in evidence.classes {
        let counts = evidence.faults.classes.get(&class.name());
        if counts.is_none_or(|counts| counts.installed == 0) {
            doubts.push(format!("{} never bit", class.name()));
        }
    }
    if evidence.classes.is_empty() {
        doubts.push("nothing was broken".into());
    }
    let valid = if doubts.is_empty() { Valid::Yes } else { Valid::Unknown };
    let facts = json!({
        "calls_per_second": rate,
        "classes": evidence.classes.len(),
        "pairs": evidence.faults.pairs.len(),
        "of_pairs": pairs(&Fault::all()).len(),
        "starved_percent": evidence.starved_percent,
        "not_reached": evidence.faults.not_reached,
    });
    Finding { valid, ..Finding::against("coverage", doubts, facts) }
}

/// How often each call ended how, before, during and after the faults.
pub fn counts(lines: &[Line]) -> BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>> {
    let mut counts: BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>> = BTreeMap::new();
    let broken = broken(lines);
    for line in lines.iter().filter(|line| matches!(line.process, Process::Client(_))) {
        let end = match line.kind {
            Kind::Invoke => continue,
            Kind::Ok => "ok".to_owned(),
            Kind::Fail | Kind::Info => line.error.clone().unwrap_or_default(),
        };
        let phases = counts.entry(line.f.clone()).or_default();
        let phase = phases.entry(phase_of(line, broken).to_owned()).or_default();
        *phase.entry(end).or_default() += 1;
    }
    counts
}

/// Why each class that was skipped was.
pub fn skipped(lines: &[Line]) -> BTreeMap<String, String> {
    let nemesis = lines.iter().filter(|line| line.is_by("nemesis"));
    nemesis
        .filter_map(|line| {
            let why = line.value["outcome"]["skipped"].as_str()?;
            Some((line.f.clone(), why.to_owned()))
        })
        .collect()
}

/// How many tenures were seen to begin.
pub fn leader_changes(lines: &[Line]) -> usize {
    let probes = lines.iter().filter(|line| line.is_by("probe") && line.f == "active");
    let epochs: BTreeSet<u64> = probes.filter_map(|line| line.value["epoch"].as_u64()).collect();
    epochs.len()
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
