//! Who belongs to the group is what was acknowledged, and a number is given once (promises 11 and 13; invariant I10).
//!
//! No two hosts ever come in under one number, and none under a number that was used; at the end every Manager tells the
//! same members and voters: those who came and did not leave.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Finding;
use crate::history::Line;

const CHECK: &str = "membership";

/// Judges who came, who left, and what every Manager tells at the end.
pub fn check(lines: &[Line], managers: &[u64]) -> Finding {
    let (mut because, mut numbers, mut here) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    let mut perhaps = BTreeSet::new();
    for line in lines.iter().filter(|line| line.is_by("member")) {
        let Some(id) = line.node else { continue };
        match line.f.as_str() {
            "founded" | "joined" => {
                if !numbers.insert(id) {
                    because.push(format!("number {id} was given again"));
                }
                if numbers.last() > Some(&id) {
                    because.push(format!("number {id} came after {:?}", numbers.last()));
                }
                here.insert(id);
            }
            "leaves" => drop(perhaps.insert(id)),
            "left" => {
                here.remove(&id);
                perhaps.remove(&id);
            }
            _ => {}
        }
    }
    if numbers.is_empty() {
        return Finding::unknown(CHECK, "nobody's number was written down");
    }
    let mut silent = None;
    for manager in managers {
        let of_it = |line: &&Line| {
            line.is_by("final") && line.f == "members" && line.node == Some(*manager)
        };
        let Some(told) = lines.iter().rfind(of_it) else {
            silent.get_or_insert(*manager);
            continue;
        };
        for field in ["members", "voters"] {
            let told = ids(&told.value[field]);
            let differ = told.symmetric_difference(&here).find(|id| !perhaps.contains(id));
            if let Some(id) = differ {
                because.push(format!(
                    "Manager {manager} tells the {field} {told:?}, not {here:?}: {id} is odd"
                ));
            }
        }
    }
    // What is wrong already is, whoever says nothing in the end.
    if let Some(manager) = silent.filter(|_| because.is_empty()) {
        return Finding::unknown(CHECK, format!("Manager {manager} did not tell who is there"));
    }
    let changes = lines.iter().filter(|line| line.is_by("member") && line.f != "founded").count();
    Finding::against(CHECK, because, json!({ "numbers": numbers.len(), "changes": changes }))
}

fn ids(told: &Value) -> BTreeSet<u64> {
    told.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}
