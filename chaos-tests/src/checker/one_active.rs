//! At most one Manager is Active at any instant (promise 1), as far as probes from outside and the Managers' own logs prove.
//!
//! A 200 from `/health/active` says that its Manager was Active at some instant between sending and receiving.
//! A tenure is (Manager, epoch) and unbroken, so it surely lasts from the first receiving to the last sending.
//! A Manager's log says when a tenure had begun and when it was last seen to hold, on the same clock.
//! Were a tenure still held after one of a later epoch had surely begun, two were Active at once.
//!
//! The log says as well until when a claim would hold if nothing more were heard. Whose process went on, and ended its tenure
//! itself, could have acted until then: nobody else may have begun before that moment, or before that end if it came first.
//! A process that died says no end, and whoever is told of its death need not wait for its lease.

use std::collections::BTreeMap;

use serde_json::json;

use super::Finding;
use crate::history::Line;

const CHECK: &str = "one_active";

/// What probes prove of one tenure, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tenure {
    pub(super) epoch: u64,
    pub(super) manager: u64,
    /// It had begun by then.
    pub(super) begun_by: u64,
    /// It had not ended before.
    pub(super) held_until: u64,
    /// The last moment that it was entitled to, as far as it knew.
    leased_until: u64,
    /// When its Manager said that it ended; `None`: it never did.
    ended: Option<u64>,
}

impl Tenure {
    /// Until when its Manager could have acted under it.
    fn could_act_until(&self) -> u64 {
        self.ended.map_or(0, |ended| self.leased_until.min(ended)).max(self.held_until)
    }
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
pub(super) fn tenures(lines: &[Line]) -> Vec<Tenure> {
    let mut tenures: BTreeMap<(u64, u64), Tenure> = BTreeMap::new();
    for seen in lines.iter().filter_map(seen) {
        let tenure = tenures.entry((seen.epoch, seen.manager)).or_insert(seen);
        tenure.begun_by = tenure.begun_by.min(seen.begun_by);
        tenure.held_until = tenure.held_until.max(seen.held_until);
        tenure.leased_until = tenure.leased_until.max(seen.leased_until);
        tenure.ended = tenure.ended.max(seen.ended);
    }
    tenures.into_values().collect()
}

/// What a line proves of a tenure.
fn seen(line: &Line) -> Option<Tenure> {
    let number = |field: &str| line.value[field].as_u64();
    let (begun_by, held_until) = match &*line.f {
        "active" if line.is_by("probe") => (number("received")?, number("sent")?),
        "begin" if line.is_by("active") => (number("at")?, 0),
        // It began before, but when the line does not tell.
        "renew" if line.is_by("active") => (u64::MAX, number("at")?),
        // It ends at the latest when it says so; a process that stood still says so late.
        "end" if line.is_by("active") => (u64::MAX, number("held").unwrap_or(0)),
        _ => return None,
    };
    Some(Tenure {
        epoch: number("epoch").unwrap_or(0),
        manager: line.node?,
        begun_by,
        held_until,
        leased_until: number("until").unwrap_or(0),
        ended: number("at").filter(|_| line.is_by("active") && line.f == "end"),
    })
}

fn conflict(earlier: &Tenure, later: &Tenure) -> Option<String> {
    let (one, other) = (earlier.manager, later.manager);
    if earlier.epoch == later.epoch {
        return Some(format!(
            "epoch {} was held by Manager {one} and Manager {other}",
            later.epoch
        ));
    }
    let until = earlier.could_act_until();
    (until > later.begun_by).then(|| {
        let was = if earlier.held_until > later.begun_by { "was still" } else { "could still be" };
        let overlap_us = (until - later.begun_by) / 1_000;
        format!(
            "Manager {one} {was} Active in epoch {} {overlap_us} µs after Manager {other} surely was in epoch {}: from {} to {} ns",
            earlier.epoch, later.epoch, later.begun_by, until
        )
    })
}
