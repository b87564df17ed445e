//! What a Manager tells of itself: its term never goes back, whatever became of its process, or it might vote twice in
//! one, unless its disk lied; and at one revision all have the same facts, at every moment and not only at the end (promise 6).

use std::collections::BTreeMap;

use serde_json::json;

use super::Finding;
use crate::glance::NAME;
use crate::history::Line;

const CHECK: &str = "standing";

/// Judges every look.
pub fn check(lines: &[Line]) -> Finding {
    let looks = lines.iter().filter(|line| line.is_by(NAME) && line.f == "standing");
    let (mut terms, mut digests) = (BTreeMap::new(), BTreeMap::new());
    let (mut because, mut count, whole) = (Vec::new(), 0_u64, !a_disk_lied(lines));
    for line in looks {
        let Some(node) = line.node else { continue };
        count += 1;
        let back = gone_back(&mut terms, node, &line.value["term"]);
        because.extend(back.filter(|_| whole));
        because.extend(different(&mut digests, node, &line.value["digest"]));
    }
    match count {
        0 => Finding::unknown(CHECK, "nobody told where it stands"),
        _ => Finding::against(CHECK, because, json!({ "looks": count })),
    }
}

/// Whether somebody's disk was damaged, or forgot what it said it had: a vote may be gone with it.
fn a_disk_lied(lines: &[Line]) -> bool {
    let lies = |line: &Line| line.is_by("nemesis") && line.f.starts_with("flush-lies");
    lines.iter().any(|line| line.is_by("damage") || lies(line))
}

fn gone_back(
    terms: &mut BTreeMap<u64, u64>,
    node: u64,
    told: &serde_json::Value,
) -> Option<String> {
    let (told, known) = (told.as_u64()?, terms.entry(node).or_default());
    let before = std::mem::replace(known, told);
    (told < before).then(|| format!("Manager {node} went back from term {before} to {told}"))
}

fn different<'a>(
    digests: &mut BTreeMap<u64, (u64, &'a str)>,
    node: u64,
    told: &'a serde_json::Value,
) -> Option<String> {
    let (revision, digest) = (told["revision"].as_u64()?, told["value"].as_str()?);
    let (other, known) = digests.entry(revision).or_insert((node, digest));
    (*known != digest).then(|| {
        format!("at revision {revision} Manager {other} has {known}, Manager {node} {digest}")
    })
}
