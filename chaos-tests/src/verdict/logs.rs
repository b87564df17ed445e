//! What the logs of Managers and agents must not tell: that a process panicked, that a log is damaged which nobody damaged,
//! that consensus was given up on a disk that was whole.
//!
//! A log is a host's. Who speaks in it is whoever said last that it started there, so what was done to one disk excuses
//! the Manager whose disk it was, under that number, and nobody else.

use std::collections::BTreeSet;
use std::fs;

use serde_json::json;

use super::evidence::{Evidence, homes};
use crate::checker::{Finding, Valid};
use crate::fault::{ASKED_TO_END, Flush, Means};
use crate::sayings::{PANIC, STARTED};
use crate::strikes::Strike;

/// A line of a Manager's log, and whose it is.
struct Said {
    host: u64,
    /// Its number; 0 when nobody had said who it is.
    manager: u64,
    line: String,
}

/// All that all Managers said, or why it cannot be told.
fn said(evidence: &Evidence) -> Result<Vec<Said>, String> {
    let (mut said, founders) =
        (Vec::new(), homes(&evidence.lines[..evidence.lines.len().min(100)]));
    for papers in &evidence.papers {
        // On the spare host there may never have been one.
        let spare = papers.host > u64::from(evidence.chosen.managers);
        if spare && !papers.manager.exists() {
            continue;
        }
        let text = text(&papers.manager)?;
        let mut manager = founders.get(&papers.host).copied().unwrap_or(0);
        for line in text.lines() {
            if let Some((_, rest)) = line.split_once(STARTED) {
                let number = rest.split(' ').next().and_then(|it| it.parse().ok());
                manager = number.unwrap_or(manager);
            }
            said.push(Said { host: papers.host, manager, line: line.to_owned() });
        }
    }
    match said.is_empty() {
        true => Err("there is no log of any Manager".to_owned()),
        false => Ok(said),
    }
}

fn text(path: &std::path::Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Numbers of those whom a bite of one of these befell.
fn befallen(evidence: &Evidence, by: impl Fn(Means) -> bool) -> BTreeSet<u64> {
    // What was not seen to bite, or was broken off, may have done it all the same; not what there was nothing to do it with.
    let befell = |strike: &&Strike| strike.is(&by) && !strike.is_absent();
    evidence.strikes.iter().filter(befell).flat_map(|strike| strike.victims.clone()).collect()
}

fn told(said: &Said) -> String {
    format!("Manager {} on host {}: {}", said.manager, said.host, said.line)
}

/// No Manager and no agent ever panicked.
pub(super) fn panics(evidence: &Evidence) -> Finding {
    const CHECK: &str = "panics";
    let panicked = |line: &str| line.contains(PANIC);
    let said = match said(evidence) {
        Ok(said) => said,
        Err(why) => return Finding::unknown(CHECK, why),
    };
    let mut because: Vec<String> =
        said.iter().filter(|said| panicked(&said.line)).map(told).collect();
    let mut agents = 0;
    for papers in evidence.papers.iter().filter(|papers| papers.agent.exists()) {
        match text(&papers.agent) {
            Ok(text) => {
                agents += 1;
                let found = text.lines().filter(|line| panicked(line));
                because
                    .extend(found.map(|line| format!("the agent of host {}: {line}", papers.host)));
            }
            Err(why) => return Finding::unknown(CHECK, why),
        }
    }
    Finding::against(CHECK, because, json!({ "managers": evidence.papers.len(), "agents": agents }))
}

/// What a Manager says last, whyever it ends in order.
const ENDING: &str = "stopping because=";

/// What a refusal must name is looked for by the harness, and so is how the process ended.
const REFUSED: &str = "Refused(";

/// No Manager finds its log damaged, unless its own disk was tampered with; and a damaged disk is served or refused, by an
/// exit that says what to do (invariant I14). What is empty is never served.
pub(super) fn damage(evidence: &Evidence) -> Finding {
    const CHECK: &str = "damage";
    let lies = |means| matches!(means, Means::Disk(_) | Means::Flushes(Flush::Lies));
    let said = match said(evidence) {
        Ok(said) => said,
        Err(why) => return Finding::unknown(CHECK, why),
    };
    let excused = befallen(evidence, lies);
    let found: Vec<&Said> =
        said.iter().filter(|said| said.line.contains("the log is damaged")).collect();
    let mut because: Vec<String> =
        found.iter().filter(|it| !excused.contains(&it.manager)).map(|it| told(it)).collect();
    let was_asked = |id: u64| {
        let mut of_it = said.iter().rev().filter(|it| it.manager == id);
        of_it.find(|it| it.line.contains(ENDING)).is_some_and(|it| it.line.contains(ASKED_TO_END))
    };
    let (mut served, mut refused, mut asked, mut neither) = (0, 0, 0, Vec::new());
    for line in evidence.lines.iter().filter(|line| line.is_by("damage")) {
        let (id, what) = (line.node.unwrap_or(0), &line.value["what"]);
        let came = line.value["came"].as_str().unwrap_or_default();
        let odd = |odd: &str| format!("Manager {id}, {} of {what}: {odd}", line.f);
        match came.strip_prefix(REFUSED).map(|code| code.trim_end_matches(')').parse::<i32>()) {
            Some(Ok(code)) if code > 0 => {
                refused += 1;
                // An empty disk has no number to be replaced: there a Manager is not set up at all.
                let named = line.value["remedy_named"] == true || line.f == "wiped";
                because.extend((!named).then(|| odd("refused without a word of what to do")));
            }
            // Before anybody saw whether it serves. Nobody came back under that number.
            Some(Ok(0)) if was_asked(id) => asked += 1,
            Some(code) => because.push(odd(&format!("it died, {code:?}, and did not refuse"))),
            None if came == "Back" && line.f == "wiped" => {
                because.push(odd("it served from an empty disk"));
            }
            None if came == "Back" => served += 1,
            None => neither.push(odd("it neither served nor ended in time")),
        }
    }
    let facts = json!({
        "found": found.len(), "served": served, "refused": refused, "asked_to_end": asked, "neither_in_time": neither.len(),
        "tampered_with": excused,
    });
    let found = Finding::against(CHECK, because, facts);
    match (found.valid, neither.is_empty()) {
        // Whether it would have been served or refused nobody knows.
        (Valid::Yes, false) => Finding { valid: Valid::Unknown, because: neither, ..found },
        _ => found,
    }
}

/// What a process says whose disk is not to be trusted any more, besides an error of the operating system.
const OF_A_DISK: &str = "the log is no longer written";
/// The errors of a disk: input/output, no space, read-only, a structure that needs cleaning.
const ERRORS_OF_DISKS: [u64; 4] = [5, 28, 30, 117];

/// No Manager gives up consensus by itself, unless its own disk failed.
pub(super) fn falls(evidence: &Evidence) -> Finding {
    const CHECK: &str = "falls";
    let of_disks = |means| {
        matches!(
            means,
            Means::Disk(_)
                | Means::Flushes(_)
                | Means::FullDisk
                | Means::ReadOnly
                | Means::PowerCut
        )
    };
    let said = match said(evidence) {
        Ok(said) => said,
        Err(why) => return Finding::unknown(CHECK, why),
    };
    let befallen = befallen(evidence, of_disks);
    let fell: Vec<&Said> =
        said.iter().filter(|said| said.line.contains("because=consensus stopped")).collect();
    let excused = |it: &&&Said| befallen.contains(&it.manager) && is_of_a_disk(&it.line);
    let because = fell.iter().filter(|it| !excused(it)).map(|it| told(it)).collect();
    Finding::against(CHECK, because, json!({ "fell": fell.len(), "disks_failed": befallen }))
}

fn is_of_a_disk(line: &str) -> bool {
    let numbers = |before: &'static str| {
        line.split(before).skip(1).filter_map(|rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u64>().ok()
        })
    };
    let mut errors = numbers("(os error ").chain(numbers("Os { code: ")).peekable();
    match errors.peek() {
        Some(_) => errors.all(|error| ERRORS_OF_DISKS.contains(&error)),
        None => line.contains(OF_A_DISK),
    }
}

/// The files, for whoever wants to read on.
pub(super) fn files(evidence: &Evidence) -> Vec<std::path::PathBuf> {
    let both = |papers: &super::evidence::Papers| [papers.manager.clone(), papers.agent.clone()];
    evidence.papers.iter().flat_map(both).filter(|path| path.exists()).collect()
}
