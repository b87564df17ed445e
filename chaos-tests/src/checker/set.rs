//! Nothing acknowledged is lost, nothing refused appears (promises 3 and 7): at the end every Manager shows
//! every acknowledged element of the set, none that nobody added, and none whose adding certainly failed.

use std::collections::BTreeSet;

use serde_json::json;

use super::Finding;
use crate::history::{Action, Line, Operation, Outcome};

const CHECK: &str = "set";

/// Judges the final reads, one line per Manager, against everything that was added.
pub fn check(operations: &[Operation], lines: &[Line], managers: &[u64]) -> Finding {
    let added = |wanted: Outcome| -> BTreeSet<u64> {
        let adds = operations.iter().filter(|operation| operation.outcome == wanted);
        adds.filter_map(element).collect()
    };
    let (acknowledged, unknown) = (added(Outcome::Done), added(Outcome::Unknown));
    let mut because = Vec::new();
    for manager in managers {
        let Some(shown) = last_shown(lines, *manager) else {
            return Finding::unknown(CHECK, format!("Manager {manager} was not read at the end"));
        };
        let lost: Vec<_> = acknowledged.difference(&shown).collect();
        if !lost.is_empty() {
            because.push(format!("Manager {manager} lacks acknowledged elements: {lost:?}"));
        }
        let ghosts: Vec<_> =
            shown.difference(&acknowledged).filter(|element| !unknown.contains(element)).collect();
        if !ghosts.is_empty() {
            because
                .push(format!("Manager {manager} shows elements that were not added: {ghosts:?}"));
        }
    }
    let facts = json!({ "acknowledged": acknowledged.len(), "unknown": unknown.len() });
    Finding::against(CHECK, because, facts)
}

fn element(operation: &Operation) -> Option<u64> {
    match operation.action {
        Action::Add(element) => Some(element),
        Action::Read | Action::Write(_) | Action::Cas { .. } | Action::Delete => None,
    }
}

fn last_shown(lines: &[Line], manager: u64) -> Option<BTreeSet<u64>> {
    let of_it = |line: &&Line| line.is_by("final") && line.f == "set" && line.node == Some(manager);
    let shown = lines.iter().rfind(of_it)?.value.as_array()?;
    Some(shown.iter().filter_map(serde_json::Value::as_u64).collect())
}
