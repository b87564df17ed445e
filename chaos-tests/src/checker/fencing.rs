//! A host obeys no Manager of the past (promises 2 and 24; invariant I6), by the agents' own logs.
//!
//! What a host lets through never goes back to a lower epoch, also after its agent was killed; and an epoch belongs to
//! one Manager for ever, whoever tells of it: agents, probes, the Managers themselves.

use std::collections::BTreeMap;

use serde_json::json;

use super::Finding;
use crate::history::Line;

const CHECK: &str = "fencing";

/// Judges what the agents say.
pub fn check(lines: &[Line]) -> Finding {
    let effects: Vec<_> = lines.iter().filter(|line| line.is_by("effect")).collect();
    let accepted = effects.iter().filter(|line| line.f == "accepted").count();
    if accepted == 0 {
        return Finding::unknown(CHECK, "no agent let anything through");
    }
    let mut hosts: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
    for line in &effects {
        hosts.entry(line.key.as_deref().unwrap_or_default()).or_default().push(line);
    }
    let mut because: Vec<String> =
        hosts.iter().flat_map(|(host, said)| gone_back(host, said)).collect();
    because.extend(shared_epochs(lines));
    let refused = effects.iter().filter(|line| line.f == "refused").count();
    let facts = json!({ "hosts": hosts.len(), "accepted": accepted, "refused": refused });
    Finding::against(CHECK, because, facts)
}

fn gone_back(host: &str, said: &[&Line]) -> Vec<String> {
    let (mut highest, mut because) = (0, Vec::new());
    for line in said {
        let number = |field: &str| line.value[field].as_u64();
        match line.f.as_str() {
            "accepted" => {
                let epoch = number("epoch").unwrap_or(0);
                if epoch < highest {
                    let manager = line.node.unwrap_or(0);
                    because.push(format!(
                        "{host} obeyed Manager {manager} of epoch {epoch} after epoch {highest}"
                    ));
                }
                highest = highest.max(epoch);
            }
            "opened" => {
                let remembered = number("highest").unwrap_or(0);
                if remembered < highest {
                    because.push(format!(
                        "the agent of {host} came back with epoch {remembered} after {highest}"
                    ));
                }
                highest = highest.max(remembered);
            }
            // Who is kept out was kept out because of something higher.
            "refused" if number("highest") <= number("epoch") => {
                because.push(format!("{host} refused epoch {:?} for no reason", number("epoch")));
            }
            _ => {}
        }
    }
    because
}

/// Epochs that more than one Manager acted or spoke in.
fn shared_epochs(lines: &[Line]) -> Vec<String> {
    let mut owners: BTreeMap<u64, u64> = BTreeMap::new();
    let mut because = Vec::new();
    let tells = |line: &&Line| {
        line.is_by("active")
            || (line.is_by("probe") && line.f == "active")
            || (line.is_by("effect") && line.f == "accepted")
    };
    for line in lines.iter().filter(tells) {
        let (Some(epoch), Some(manager)) = (line.value["epoch"].as_u64(), line.node) else {
            continue;
        };
        let owner = *owners.entry(epoch).or_insert(manager);
        if owner != manager {
            because.push(format!("epoch {epoch} is of Manager {owner} and of Manager {manager}"));
            owners.insert(epoch, manager);
        }
    }
    because
}
