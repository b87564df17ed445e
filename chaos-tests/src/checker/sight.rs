//! How closely Managers were looked at: the time from one probe to the next, as long as both were answered. Who is down or
//! cut off answers none, and that time is not counted; who stands still answers late what was sent meanwhile.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::history::Line;
use crate::homes;

/// A gap of more is too long to count as looked at. Far below the lease (1.5 s), which two who are Active at once would
/// differ by, and above what a probe has to wait while its Manager stands still (every tenth is sent, 100 ms apart).
const NEAR_NS: u64 = 200_000_000;
/// The longest gap that may be the middle one.
const MEDIAN_MAX_NS: u64 = 100_000_000;
/// So much of the time it has to be looked at closely.
const NEAR_MIN_PERCENT: u64 = 50;
/// Of whoever answered for less long in all nothing is concluded.
const LASTED_MIN_NS: u64 = 1_000_000_000;

/// The gaps between probes of whoever lived on a host.
#[derive(Debug, Default)]
pub(super) struct Sight {
    answered: usize,
    /// In nanoseconds, the shortest first.
    gaps: Vec<u64>,
}

/// By host; by Manager, where no host is known.
pub(super) fn sights(lines: &[Line]) -> BTreeMap<String, Sight> {
    let hosts = homes::hosts(lines);
    let mut sights: BTreeMap<String, Sight> = BTreeMap::new();
    for (manager, mut probes) in probes(lines) {
        let place = match hosts.get(&manager) {
            Some(host) => format!("host {host}"),
            None => format!("Manager {manager}"),
        };
        probes.sort_unstable();
        let sight = sights.entry(place).or_default();
        sight.answered += probes.iter().filter(|(_, answered)| *answered).count();
        let both = probes.windows(2).filter(|pair| pair[0].1 && pair[1].1);
        sight.gaps.extend(both.map(|pair| pair[1].0 - pair[0].0));
    }
    sights.values_mut().for_each(|sight| sight.gaps.sort_unstable());
    sights.retain(|_, sight| sight.answered > 0);
    sights
}

/// When each Manager was asked, and whether it answered.
fn probes(lines: &[Line]) -> BTreeMap<u64, Vec<(u64, bool)>> {
    let mut probes: BTreeMap<u64, Vec<(u64, bool)>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.is_by("probe")) {
        if let (Some(manager), Some(sent)) = (line.node, line.value["sent"].as_u64()) {
            probes.entry(manager).or_default().push((sent, line.f != "silent"));
        }
    }
    probes
}

impl Sight {
    /// Why the probes were too few to see two Managers Active at once; `None`: they were not.
    pub(super) fn doubt(&self) -> Option<String> {
        let seldom = self.median() > MEDIAN_MAX_NS || self.near_percent() < NEAR_MIN_PERCENT;
        (seldom && self.lasted() >= LASTED_MIN_NS).then(|| {
            format!(
                "was probed too seldom to see it: the gap in the middle was {} ms, and {} % of the time had gaps of no more than {} ms",
                self.median() / 1_000_000,
                self.near_percent(),
                NEAR_NS / 1_000_000
            )
        })
    }

    /// For people.
    pub(super) fn told(&self) -> Value {
        let longest = self.gaps.last().copied().unwrap_or(0);
        json!({
            "median": (self.median() / 100_000) as f64 / 10.0,
            "longest": longest / 1_000_000,
            "near_percent": self.near_percent(),
        })
    }

    fn lasted(&self) -> u64 {
        self.gaps.iter().sum()
    }

    fn median(&self) -> u64 {
        self.gaps.get(self.gaps.len() / 2).copied().unwrap_or(0)
    }

    /// How much of the time was between two probes that were near each other.
    fn near_percent(&self) -> u64 {
        let near: u64 = self.gaps.iter().filter(|gap| **gap <= NEAR_NS).sum();
        (near * 100).checked_div(self.lasted()).unwrap_or(100)
    }
}
