//! A host obeys no Manager of the past (promises 2 and 24; invariant I6), by the agents' own logs.
//!
//! What a host lets through never goes back to a lower epoch, also after its agent was killed; and an epoch belongs to
//! one Manager for ever, whoever tells of it: agents, probes, the Managers themselves.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Finding, Objection};
use crate::history::Line;

const CHECK: &str = "fencing";

/// Judges what the agents say.
pub fn check(lines: &[Line]) -> Finding {
    let effects: Vec<_> = lines.iter().filter(|line| line.is_by("effect")).collect();
    let accepted = effects.iter().filter(|line| line.f == "accepted").count();
    let mut hosts: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
    for line in &effects {
        hosts.entry(line.key.as_deref().unwrap_or_default()).or_default().push(line);
    }
    let mut against: Vec<Objection> =
        hosts.iter().flat_map(|(host, said)| gone_back(host, said)).collect();
    against.extend(shared_epochs(lines));
    // What is wrong already is, whoever let nothing through.
    if accepted == 0 && against.is_empty() {
        return Finding::unknown(CHECK, "no agent let anything through");
    }
    let refused = effects.iter().filter(|line| line.f == "refused").count();
    let facts = json!({ "hosts": hosts.len(), "accepted": accepted, "refused": refused });
    Finding::shown(CHECK, against, facts)
}

fn gone_back(host: &str, said: &[&Line]) -> Vec<Objection> {
    let mut against = Vec::new();
    // The highest epoch that the host knew, and the line that tells so.
    let mut known: Option<(u64, &Line)> = None;
    for line in said.iter().copied() {
        let number = |field: &str| line.value[field].as_u64();
        let told = match line.f.as_str() {
            "accepted" => number("epoch").unwrap_or(0),
            "opened" => number("highest").unwrap_or(0),
            // Who is kept out was kept out because of something higher.
            "refused" if number("highest") <= number("epoch") => {
                let because = format!("{host} refused epoch {:?} for no reason", number("epoch"));
                against.push(Objection::of(&because, vec![line]));
                continue;
            }
            _ => continue,
        };
        match known {
            Some((highest, shows)) if told < highest => {
                let because = match (line.f.as_str(), line.node.unwrap_or(0)) {
                    ("accepted", manager) => {
                        format!(
                            "{host} obeyed Manager {manager} of epoch {told} after epoch {highest}"
                        )
                    }
                    _ => format!("the agent of {host} came back with epoch {told} after {highest}"),
                };
                against.push(Objection::of(&because, vec![shows, line]));
            }
            _ => known = Some((told, line)),
        }
    }
    against
}

/// Epochs that more than one Manager acted or spoke in.
fn shared_epochs(lines: &[Line]) -> Vec<Objection> {
    let mut owners: BTreeMap<u64, (u64, &Line)> = BTreeMap::new();
    let mut against = Vec::new();
    let tells = |line: &&Line| {
        line.is_by("active")
            || (line.is_by("probe") && line.f == "active")
            || (line.is_by("effect") && line.f == "accepted")
    };
    for line in lines.iter().filter(tells) {
        let (Some(epoch), Some(manager)) = (line.value["epoch"].as_u64(), line.node) else {
            continue;
        };
        let (owner, shows) = *owners.entry(epoch).or_insert((manager, line));
        if owner != manager {
            let because = format!("epoch {epoch} is of Manager {owner} and of Manager {manager}");
            against.push(Objection::of(&because, vec![shows, line]));
            owners.insert(epoch, (manager, line));
        }
    }
    against
}
