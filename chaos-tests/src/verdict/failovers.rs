//! Who was Active after whom, and how long it took from what befell the one to the first sight of the other.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use crate::fault::{Change, Means};
use crate::history::Line;
use crate::strikes::Strike;

/// How long after a fault was over its end may still be what took the office away.
const LATE_NS: u64 = 5_000_000_000;
/// A fault that began so long after an Active was last seen did not take it away, if another one did: nobody looks all the time.
const UNSEEN_NS: u64 = 100_000_000;

/// A tenure, as it was seen first and last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    epoch: u64,
    manager: u64,
    first: u64,
    last: u64,
}

/// In the order of their epochs, by probes and the Managers' own logs.
fn tenures(lines: &[Line]) -> Vec<Seen> {
    let mut seen: BTreeMap<u64, Seen> = BTreeMap::new();
    for line in lines {
        let number = |field: &str| line.value[field].as_u64();
        let at = match &*line.f {
            "active" if line.is_by("probe") => number("received"),
            "begin" | "renew" if line.is_by("active") => number("at"),
            "end" if line.is_by("active") => number("held"),
            _ => None,
        };
        let (Some(at), Some(epoch), Some(manager)) = (at, number("epoch"), line.node) else {
            continue;
        };
        let own = seen.entry(epoch).or_insert(Seen { epoch, manager, first: at, last: at });
        own.first = own.first.min(at);
        own.last = own.last.max(at);
    }
    seen.into_values().collect()
}

/// How often another tenure followed one.
pub(super) fn leader_changes(evidence: &Evidence) -> usize {
    tenures(&evidence.lines).len().saturating_sub(1)
}

/// From the beginning of each fault that took the Active away until another tenure was seen, by class, in milliseconds.
/// What hands the office over in good order, or kills at moments of its own choice, is none.
pub(super) fn failovers(evidence: &Evidence) -> BTreeMap<String, Vec<u64>> {
    let tenures = tenures(&evidence.lines);
    let mut failovers: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for pair in tenures.windows(2) {
        let [before, after] = pair else { continue };
        let took = |strike: &&Strike| {
            // It had been seen in office until the fault, or would have been but for another one.
            let over = strike.over().unwrap_or(u64::MAX).saturating_add(LATE_NS);
            strike.victims.contains(&before.manager)
                && strike.bit()
                && !strike.is(is_in_order)
                && !strike.is(is_elsewhere)
                && before.first <= strike.from
                && strike.from < after.first
                && after.first <= over
        };
        // An orderly change that was under way at the same time is no failover of something else.
        let in_order = evidence.strikes.iter().any(|strike| {
            let going_on = strike.from <= after.first
                && after.first <= strike.over().unwrap_or(u64::MAX).saturating_add(LATE_NS);
            strike.is(is_in_order) && strike.victims.contains(&before.manager) && going_on
        });
        // The last that befell it while it was still in office; or else the first.
        let held = before.last.saturating_add(UNSEEN_NS);
        let took: Vec<&Strike> = evidence.strikes.iter().filter(took).collect();
        let last = took.iter().rev().find(|strike| strike.from <= held).or(took.first());
        if let Some(strike) = last.filter(|_| !in_order) {
            let took_ms = (after.first - strike.from) / 1_000_000;
            failovers.entry(strike.class.clone()).or_default().push(took_ms);
        }
    }
    failovers
}

/// What ends a tenure in good order, or at a moment of its own choice.
fn is_in_order(means: Means) -> bool {
    matches!(
        means,
        Means::Transfers
            | Means::Rolling
            | Means::Steps
            | Means::MemberSteps
            | Means::Membership(Change::Replace)
    )
}

/// What does nothing to the Manager that was drawn for it.
fn is_elsewhere(means: Means) -> bool {
    matches!(
        means,
        Means::Membership(Change::Manager | Change::Witness) | Means::Agents | Means::Storm
    )
}
