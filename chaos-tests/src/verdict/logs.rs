//! What the logs of Managers and agents say, line by line. `panics`, `damage` and `falls` judge it.
//!
//! A log is a host's. Who speaks in it is whoever said last that it started there, so what was done to one disk excuses
//! the Manager whose disk it was, under that number, and nobody else (`excuses`).

use std::fs;
use std::path::{Path, PathBuf};

use super::evidence::{Evidence, Papers};
use crate::homes::last_numbers;
use crate::sayings::{began, stamp, started};

/// A line of a Manager's log, and whose it is.
pub(super) struct Said {
    pub(super) host: u64,
    /// Its number; 0 when nobody had said who it is.
    pub(super) manager: u64,
    /// When, in nanoseconds of the run, by its own wall clock: of a line without a stamp as the one before it. `None`: nobody knows,
    /// or it was before the run.
    pub(super) at: Option<u64>,
    pub(super) line: String,
}

/// All that all Managers said, or why it cannot be told.
pub(super) fn said(evidence: &Evidence) -> Result<Vec<Said>, String> {
    let (mut said, founders) =
        (Vec::new(), last_numbers(&evidence.lines[..evidence.lines.len().min(100)]));
    let began = began(&evidence.lines);
    for papers in &evidence.papers {
        // On the spare host there may never have been one.
        let spare = papers.host > u64::from(evidence.chosen.managers);
        if spare && !papers.manager.exists() {
            continue;
        }
        let text = text(&papers.manager)?;
        let mut manager = founders.get(&papers.host).copied().unwrap_or(0);
        let mut at = None;
        for line in text.lines() {
            manager = started(line).unwrap_or(manager);
            if let Some(unix) = stamp(line) {
                at = began.and_then(|began| unix.checked_sub(began));
            }
            said.push(Said { host: papers.host, manager, at, line: line.to_owned() });
        }
    }
    match said.is_empty() {
        true => Err("there is no log of any Manager".to_owned()),
        false => Ok(said),
    }
}

/// The whole of a log.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A line, and whose it is, in words.
pub(super) fn told(said: &Said) -> String {
    format!("Manager {} on host {}: {}", said.manager, said.host, said.line)
}

/// The files, for whoever wants to read on.
pub(super) fn files(evidence: &Evidence) -> Vec<PathBuf> {
    let both = |papers: &Papers| [papers.manager.clone(), papers.agent.clone()];
    evidence.papers.iter().flat_map(both).filter(|path| path.exists()).collect()
}
