//! Nothing acknowledged is lost, nothing refused appears (promises 3 and 7): at the end every Manager shows
//! every acknowledged element of the set with the value it was added with, none that nobody added, and none whose adding
//! certainly failed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Finding, Objection};
use crate::history::{Action, Line, Operation, Outcome};

const CHECK: &str = "set";

/// Judges the final reads, one line per Manager, against everything that was added.
pub fn check(operations: &[Operation], lines: &[Line], managers: &[u64]) -> Finding {
    // With the numbers of the lines that added them.
    let added = |wanted: Outcome| -> BTreeMap<u64, u64> {
        let adds = operations.iter().filter(|operation| operation.outcome == wanted);
        adds.filter_map(|add| Some((element(add)?, add.index))).collect()
    };
    let (acknowledged, unknown) = (added(Outcome::Done), added(Outcome::Unknown));
    let not = added(Outcome::Failed).into_iter().chain(added(Outcome::Refused));
    let not: BTreeMap<u64, u64> = not.collect();
    let (mut against, mut unread) = (Vec::new(), None);
    for manager in managers {
        let Some(Shown { line, elements: shown, odd }) = last_shown(lines, *manager) else {
            unread.get_or_insert(*manager);
            continue;
        };
        let objection = |because: String, add: Option<&u64>| Objection {
            because,
            shown: line.time,
            lines: add.into_iter().copied().chain([line.index]).collect(),
        };
        let lost: Vec<u64> =
            acknowledged.keys().copied().filter(|element| !shown.contains(element)).collect();
        if let Some(first) = lost.iter().filter_map(|element| acknowledged.get(element)).min() {
            let because = format!("Manager {manager} lacks acknowledged elements: {lost:?}");
            against.push(objection(because, Some(first)));
        }
        let known =
            |element: &u64| acknowledged.contains_key(element) || unknown.contains_key(element);
        let ghosts: Vec<u64> = shown.iter().copied().filter(|element| !known(element)).collect();
        if let Some(ghost) = ghosts.first() {
            let because =
                format!("Manager {manager} shows elements that were not added: {ghosts:?}");
            against.push(objection(because, not.get(ghost)));
        }
        if !odd.is_empty() {
            let because =
                format!("Manager {manager} shows what nobody added so: {}", odd.join(", "));
            against.push(objection(because, None));
        }
    }
    // What is wrong already is, whoever was not read.
    if against.is_empty() {
        if acknowledged.is_empty() {
            return Finding::unknown(CHECK, "no element was acknowledged");
        }
        if let Some(manager) = unread {
            return Finding::unknown(CHECK, format!("Manager {manager} was not read at the end"));
        }
    }
    let facts = json!({ "acknowledged": acknowledged.len(), "unknown": unknown.len() });
    Finding::shown(CHECK, against, facts)
}

fn element(operation: &Operation) -> Option<u64> {
    match operation.action {
        Action::Add(element) => Some(element),
        Action::Read | Action::Write(_) | Action::Cas { .. } | Action::Delete => None,
    }
}

/// The set as a Manager shows it at the end.
struct Shown<'a> {
    line: &'a Line,
    elements: BTreeSet<u64>,
    /// What stands in the place of elements, with another name or value than any was added with.
    odd: Vec<String>,
}

fn last_shown(lines: &[Line], manager: u64) -> Option<Shown<'_>> {
    let of_it = |line: &&Line| line.is_by("final") && line.f == "set" && line.node == Some(manager);
    let line = lines.iter().rfind(of_it)?;
    let shown = line.value.as_array()?;
    let odd = shown.iter().filter(|shown| !shown.is_u64()).map(Value::to_string);
    let elements = shown.iter().filter_map(Value::as_u64).collect();
    Some(Shown { line, elements, odd: odd.collect() })
}
