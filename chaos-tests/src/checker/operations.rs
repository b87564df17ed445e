//! Long work survives the Active (promise 12): whatever was begun has come to an end once the group is whole again, and
//! nothing that was begun is gone.

use std::collections::BTreeMap;

use serde_json::json;

use super::Finding;
use crate::history::Line;

const CHECK: &str = "operations";

/// Judges the operations that were begun, by what is listed at the end.
pub fn check(lines: &[Line]) -> Finding {
    let Some(listed) = lines.iter().rfind(|line| line.is_by("final") && line.f == "operations")
    else {
        return Finding::unknown(CHECK, "nobody told the operations at the end");
    };
    let listed: BTreeMap<u64, &str> = listed
        .value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| Some((it["id"].as_u64()?, it["status"].as_str()?)))
        .collect();
    let open = |(id, status): (&u64, &&str)| {
        matches!(*status, "queued" | "running").then(|| format!("operation {id} is still {status}"))
    };
    let mut because: Vec<String> = listed.iter().filter_map(open).collect();
    let begun = lines.iter().filter(|line| line.is_by("operation"));
    let begun: Vec<u64> = begun.filter_map(|line| line.value["operation"].as_u64()).collect();
    // Only the newest are listed.
    let oldest = listed.keys().next().copied().unwrap_or(0);
    let gone = begun.iter().filter(|id| **id >= oldest && !listed.contains_key(id));
    because.extend(gone.map(|id| format!("operation {id} was begun and is not there")));
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    listed.values().for_each(|status| *ends.entry(status).or_default() += 1);
    Finding::against(CHECK, because, json!({ "killed_at_steps": begun.len(), "ends": ends }))
}
