//! What Managers and the agents of hosts say in their logs of who was Active when, and whom a host obeyed.
//!
//! Knows the form of two kinds of line, and that the monotonic clock is the same for every process of a machine.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::Failure;
use crate::history::{History, Kind, Line, Process};

/// A claim to be Active, as a Manager tells it.
const CLAIM: &str = "kyvos::active: ";
/// An act on a host, as its agent tells it.
const GATE: &str = "kyvos::gate: ";

/// Writes down what a Manager says of its claims.
pub fn of_manager(log: &Path, history: &History) -> Result<(), Failure> {
    for said in lines(log, CLAIM)? {
        let (Some(manager), Some(epoch)) = (said.number("manager"), said.number("epoch")) else {
            continue;
        };
        let time = |field: &str| said.number(field).map(|ns| history.at_monotonic(ns));
        let (f, value) = match said.first() {
            "began" => ("begin", json!({ "epoch": epoch, "at": time("at_ns") })),
            "ended" => {
                let held = said.number("held_ns").filter(|ns| *ns > 0);
                let held = held.map(|ns| history.at_monotonic(ns));
                ("end", json!({ "epoch": epoch, "at": time("at_ns"), "held": held }))
            }
            _ => continue,
        };
        history.record(Line::of_harness("active", f, Some(manager), value));
    }
    Ok(())
}

/// Writes down what the agent of a host says of whom it let through.
pub fn of_agent(host: &str, log: &Path, history: &History) -> Result<(), Failure> {
    for said in lines(log, GATE)? {
        let f = match said.first() {
            "opened" => "opened",
            "let" => "accepted",
            "kept" => "refused",
            _ => continue,
        };
        let value = json!({ "epoch": said.number("epoch"), "highest": said.number("highest") });
        let node = said.number("manager");
        let key = Some(host.to_owned());
        let process = Process::Named("effect".to_owned());
        history.record(Line { key, node, ..Line::new(process, Kind::Info, f, value) });
    }
    Ok(())
}

/// A line of a log, from its words on.
struct Said(String);

impl Said {
    fn first(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }

    fn number(&self, field: &str) -> Option<u64> {
        let value = self.0.split(' ').find_map(|word| word.strip_prefix(field)?.strip_prefix('='));
        value?.parse().ok()
    }
}

fn lines(log: &Path, target: &str) -> Result<Vec<Said>, Failure> {
    // Written by processes that were killed: a line may be cut anywhere.
    let bytes = fs::read(log).map_err(Failure::doing(log.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let said = text.lines().filter_map(|line| Some(Said(line.split_once(target)?.1.to_owned())));
    Ok(said.collect())
}

#[cfg(test)]
mod tests {
    use super::Said;

    #[test]
    fn the_words_and_numbers_of_a_line_are_found() {
        let said = Said("ended manager=4 epoch=12 at_ns=99 because=\"epoch=7\"".to_owned());
        assert_eq!(said.first(), "ended");
        assert_eq!((said.number("manager"), said.number("epoch")), (Some(4), Some(12)));
        assert_eq!(said.number("held_ns"), None);
    }
}
