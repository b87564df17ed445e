//! At most one Manager is Active at any instant (promise 1), as far as probes from outside can prove.
//!
//! A 200 from `/health/active` says that its Manager was Active at some instant between sending and receiving.
//! A tenure is (Manager, epoch) and unbroken, so it surely lasts from the first receiving to the last sending.
//! Were a tenure still held after one of a later epoch had surely begun, two were Active at once.

use std::collections::BTreeMap;

use serde_json::json;

use super::Finding;
use crate::history::Line;

const CHECK: &str = "one_active";

/// What probes prove of one tenure, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tenure {
    epoch: u64,
    manager: u64,
    /// It had begun by then.
    begun_by: u64,
    /// It had not ended before.
    held_until: u64,
}

/// Judges the probes.
pub fn check(lines: &[Line]) -> Finding {
    let tenures = tenures(lines);
    if tenures.is_empty() {
        return Finding::unknown(CHECK, "no probe ever saw an Active");
    }
    let mut because = Vec::new();
    for (nth, earlier) in tenures.iter().enumerate() {
        for later in &tenures[nth + 1..] {
            because.extend(conflict(earlier, later));
        }
    }
    Finding::against(CHECK, because, json!({ "tenures": tenures.len() }))
}

/// In the order of their epochs.
fn tenures(lines: &[Line]) -> Vec<Tenure> {
    let mut tenures: BTreeMap<(u64, u64), Tenure> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.is_by("probe") && line.f == "active") {
        let Some(manager) = line.node else { continue };
        let (sent, received) = (line.value["sent"].as_u64(), line.value["received"].as_u64());
        let (Some(sent), Some(received)) = (sent, received) else { continue };
        let epoch = line.value["epoch"].as_u64().unwrap_or(0);
        let seen = Tenure { epoch, manager, begun_by: received, held_until: sent };
        let tenure = tenures.entry((epoch, manager)).or_insert(seen);
        tenure.begun_by = tenure.begun_by.min(received);
        tenure.held_until = tenure.held_until.max(sent);
    }
    tenures.into_values().collect()
}

fn conflict(earlier: &Tenure, later: &Tenure) -> Option<String> {
    let (one, other) = (earlier.manager, later.manager);
    if earlier.epoch == later.epoch {
        return Some(format!(
            "epoch {} was held by Manager {one} and Manager {other}",
            later.epoch
        ));
    }
    (earlier.held_until > later.begun_by).then(|| {
        let overlap_us = (earlier.held_until - later.begun_by) / 1_000;
        format!(
            "Manager {one} was still Active in epoch {} {overlap_us} µs after Manager {other} surely was in epoch {}: from {} to {} ns",
            earlier.epoch, later.epoch, later.begun_by, earlier.held_until
        )
    })
}
