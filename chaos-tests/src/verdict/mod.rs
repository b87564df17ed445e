//! What a run comes to: passed, failed, or unknown. A run that was too slow, or whose faults did not bite, has
//! proved nothing and is unknown, never passed.
//!
//! ```text
//! a folder: history, logs ──→ evidence ──→ checkers, logs, coverage ──→ verdict ──→ result.json, report.html
//! ```

mod bites;
mod coverage;
mod damage;
pub mod evidence;
mod excuses;
mod failovers;
mod falls;
mod logs;
mod panics;
pub mod rates;
mod sides;
mod summary;
mod zookeeper;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use self::evidence::{Chosen, Ended, Evidence, Papers, Versions};
use crate::checker::{
    Finding, Reason, Valid, answers, append, availability, convergence, ending, epochs, fencing,
    linearizable, lists, membership, once, one_active, operations, recovery, revision, sessions,
    set, standing, watch,
};
use crate::fault::Counts;
use crate::history::{self, Kind, Line, Process};
use crate::workload::Workload;
use crate::{Failure, report};

/// Calls that a majority answered per second, below which a run does not count.
pub const RATE_FLOOR: u64 = 100;

/// What `chaos` ends with when a promise was broken.
pub const FAILED: u8 = 1;
/// And when it cannot be told whether one was, or there was no run.
pub const UNKNOWN: u8 = 2;

/// `result.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub valid: Valid,
    /// Of what kind the doubts are that leave it unknown; none, when it is not. `scripts/chaos-smoke` reads it.
    pub unknown_because: BTreeSet<Reason>,
    pub seed: u64,
    pub seconds: u64,
    pub managers: usize,
    /// What was broken at one time, at most.
    pub overlap: usize,
    /// The command line that repeats it.
    pub repeat: String,
    pub versions: Versions,
    /// Of the sources of whoever judged, when that was not the run itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged_anew_by: Option<String>,
    pub checks: Vec<Finding>,
    /// Whether each register behaved as one.
    pub keys: BTreeMap<String, Valid>,
    /// By call, phase and end.
    pub counts: BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>>,
    /// By class and outcome.
    pub faults: BTreeMap<String, Counts>,
    /// What bit at the same time, and how often.
    pub pairs: BTreeMap<String, u64>,
    /// Why what was skipped was.
    pub skipped: BTreeMap<String, String>,
    /// How often one tenure followed another.
    pub leader_changes: usize,
    pub calls_per_second: u64,
    /// The same before the first fault, while there were faults and a majority, and once the group was whole again.
    pub calls_per_second_by_phase: BTreeMap<&'static str, u64>,
    /// From each fault that took the Active away until another tenure was seen.
    pub failover_ms: Vec<u64>,
    /// The same by class.
    pub failover_ms_by_fault: BTreeMap<String, Vec<u64>>,
    /// Every Manager's log and every agent's; in `result.json` as seen from its folder.
    pub logs: Vec<PathBuf>,
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

    /// What `chaos` ends with.
    pub fn exit_code(&self) -> u8 {
        match self.valid {
            Valid::Yes => 0,
            Valid::No => FAILED,
            Valid::Unknown => UNKNOWN,
        }
    }
}

/// Of what kind the doubts are that leave these checks unknown together; none, when they are not.
pub fn unknown_because(checks: &[Finding]) -> BTreeSet<Reason> {
    match valid(checks) {
        Valid::Yes | Valid::No => BTreeSet::new(),
        Valid::Unknown => checks.iter().flat_map(Finding::unknown_because).collect(),
    }
}

fn valid(checks: &[Finding]) -> Valid {
    checks.iter().fold(Valid::Yes, |valid, finding| valid.and(finding.valid))
}

/// Judges a run by all it left.
pub fn conclude(evidence: &Evidence) -> Verdict {
    let checks = findings(evidence);
    let (chosen, tally) = (&evidence.chosen, evidence.tally());
    let failovers = failovers::failovers(evidence);
    let phases = rates::phases(evidence);
    Verdict {
        valid: valid(&checks),
        unknown_because: unknown_because(&checks),
        seed: chosen.seed,
        seconds: chosen.seconds.unwrap_or(evidence.ended.took_ms / 1_000),
        managers: evidence.managers().len(),
        overlap: chosen.overlap,
        repeat: chosen.repeat(),
        versions: evidence.versions.clone(),
        judged_anew_by: None,
        keys: keys(&evidence.lines, &checks),
        checks,
        counts: rates::counts(evidence),
        faults: tally.classes,
        pairs: tally.pairs,
        skipped: bites::skipped(evidence),
        leader_changes: failovers::leader_changes(evidence),
        calls_per_second: rates::rate(&evidence.lines),
        calls_per_second_by_phase: phases.iter().map(|it| (it.name, it.calls_per_second)).collect(),
        failover_ms: failovers.values().flatten().copied().collect(),
        failover_ms_by_fault: failovers,
        logs: logs::files(evidence),
    }
}

/// What became of each register, as `linearizable` has it.
fn keys(lines: &[Line], checks: &[Finding]) -> BTreeMap<String, Valid> {
    let Some(registers) = checks.iter().find(|finding| finding.check == "linearizable") else {
        return BTreeMap::new();
    };
    let listed = |name: &str, key: &str| {
        let keys = registers.facts[name].as_array();
        keys.is_some_and(|keys| keys.iter().any(|listed| listed == key))
    };
    let of = |key: &str| match (listed("impossible", key), listed("undecided", key)) {
        (true, _) => Valid::No,
        (_, true) => Valid::Unknown,
        _ => Valid::Yes,
    };
    let operations = history::operations(lines);
    let registers = operations.iter().filter(|operation| linearizable::is_of_register(operation));
    registers.map(|operation| (operation.key.clone(), of(&operation.key))).collect()
}

/// Every promise that can be judged from the evidence.
pub fn findings(evidence: &Evidence) -> Vec<Finding> {
    let lines = &evidence.lines;
    let (operations, ids) = (history::operations(lines), evidence.managers());
    let mut with_lists = lists::with_lists(lines);
    let mut findings = vec![
        recovery::check(lines, &ids),
        convergence::check(lines, &ids, evidence.finding_before("convergence")),
        availability::check(lines),
    ];
    if evidence.chosen.zookeeper_away {
        findings.push(zookeeper::check(evidence));
    }
    for workload in evidence.chosen.workloads() {
        findings.push(match workload {
            Workload::Register => {
                let reads = ending::last_reads(&operations, lines);
                let all = operations.iter().chain(&reads);
                ending::unless_unread(linearizable::check(all), lines)
            }
            Workload::Set => set::check(&operations, lines, &ids),
            Workload::Append => append::check(lines, &ids),
            Workload::Watch => watch::check(&with_lists, lines),
            Workload::Requests => once::check(lines),
            Workload::Sessions => sessions::check(lines),
        });
    }
    // What nobody was to do is not judged: of registers, the set and lists this is what is left to judge.
    let changes = [Workload::Register, Workload::Set, Workload::Append];
    if evidence.chosen.workloads().iter().any(|workload| changes.contains(workload)) {
        let reads = ending::last_reads(&with_lists, lines);
        with_lists.extend(reads);
        findings.push(revision::check(&with_lists, lines));
    }
    findings.extend([
        one_active::check(lines),
        fencing::check(lines),
        epochs::check(lines),
        standing::check(lines),
        membership::check(lines, &ids),
        operations::check(lines),
        answers::check(lines),
        panics::check(evidence),
        damage::check(evidence),
        falls::check(evidence),
        coverage::coverage(evidence),
    ]);
    findings
}

/// Writes `result.json`, `report.html`, and the shortest bad beginning of each history that has one.
pub fn write(dir: &Path, verdict: &Verdict, evidence: &Evidence) -> Result<(), Failure> {
    let path = dir.join("result.json");
    // What is kept is read elsewhere, too.
    let within = |log: &PathBuf| log.strip_prefix(dir).unwrap_or(log).to_owned();
    let told = Verdict { logs: verdict.logs.iter().map(within).collect(), ..verdict.clone() };
    let text = serde_json::to_vec_pretty(&told).expect("a verdict is plain data");
    fs::write(&path, text).map_err(Failure::doing(path.display()))?;
    for finding in &verdict.checks {
        let Some(file) = finding.prefix_file() else { continue };
        let path = dir.join(file);
        let text = prefix(&evidence.lines, finding).join("\n") + "\n";
        fs::write(&path, text).map_err(Failure::doing(path.display()))?;
    }
    report::write(&dir.join("report.html"), verdict, evidence)
}

/// Judges a kept run anew, and keeps what was said before.
pub fn judge(dir: &Path, by: String) -> Result<Verdict, Failure> {
    let evidence = Evidence::of(dir)?;
    let verdict = Verdict { judged_anew_by: Some(by), ..conclude(&evidence) };
    let (result, before) = (dir.join("result.json"), dir.join(evidence::BEFORE));
    // The run's own word is what is kept, however often it is judged anew.
    if result.exists() && !before.exists() {
        fs::rename(&result, &before).map_err(Failure::doing(before.display()))?;
    }
    write(dir, &verdict, &evidence)?;
    Ok(verdict)
}

/// The lines of the shortest bad beginning: of calls with their ends, as far as these came before it is over, and of others than
/// clients as they are.
pub fn prefix(lines: &[Line], finding: &Finding) -> Vec<String> {
    let listed: BTreeSet<u64> = finding.prefix.iter().copied().collect();
    let until = finding.until.unwrap_or(u64::MAX);
    let mut open: Vec<&Process> = Vec::new();
    let mut told = Vec::new();
    for line in lines.iter().filter(|line| line.time <= until) {
        let ends = open.iter().position(|process| **process == line.process);
        let is_listed = listed.contains(&line.index);
        if let Some(ends) = ends {
            open.swap_remove(ends);
        }
        if is_listed && line.kind == Kind::Invoke {
            open.push(&line.process);
        }
        if is_listed || ends.is_some() {
            told.push(serde_json::to_string(line).expect("a line is plain data"));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_register_is_told_as_what_it_was_found_to_be_and_nothing_else_is() {
        let call = |f: &str, key: &str| {
            let line = Line::new(Process::Client(1), Kind::Invoke, f, json!(1));
            Line { key: Some(key.to_owned()), ..line }
        };
        let lines =
            [call("write", "r1"), call("read", "r2"), call("delete", "r3"), call("add", "s.1")];
        let facts = json!({ "keys": 3, "impossible": ["r2"], "undecided": ["r3"] });
        let checks = [Finding::against("linearizable", Vec::new(), facts)];
        let told = [("r1", Valid::Yes), ("r2", Valid::No), ("r3", Valid::Unknown)];
        let told = told.map(|(key, valid)| (key.to_owned(), valid));
        assert_eq!(keys(&lines, &checks), BTreeMap::from(told));
        // Where registers were not judged nothing is said of them.
        assert_eq!(keys(&lines, &[]), BTreeMap::new());
    }

    /// Of a call what came after the end of the beginning is not shown; of what its lines alone show, all is.
    #[test]
    fn a_beginning_has_no_end_that_came_later() {
        let line = |index: u64, process: u64, kind: Kind| {
            let line = Line::new(Process::Client(process), kind, "write", json!(1));
            Line { index, time: index, ..line }
        };
        let lines = [
            line(0, 1, Kind::Invoke),
            line(1, 2, Kind::Invoke),
            line(2, 3, Kind::Invoke),
            line(3, 2, Kind::Ok),
            line(4, 1, Kind::Fail),
            line(5, 2, Kind::Invoke),
        ];
        let shown = |listed: &[u64], until: Option<u64>| -> Vec<u64> {
            let found = Finding::against("linearizable", Vec::new(), json!({}));
            let found = Finding { prefix: listed.to_vec(), until, ..found };
            let told = prefix(&lines, &found);
            told.iter().map(|it| serde_json::from_str::<Line>(it).expect("a line").index).collect()
        };
        assert_eq!(shown(&[0, 1], Some(3)), [0, 1, 3]);
        assert_eq!(shown(&[0, 1], None), [0, 1, 3, 4]);
        // An answer that is listed itself opens nothing.
        assert_eq!(shown(&[3], None), [3]);
    }
}
