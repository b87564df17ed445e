//! Who lived on which host, as a history tells of those who founded the group or joined it.

use std::collections::BTreeMap;

use crate::history::Line;

/// What is told of each Manager that ever came, in the order of time.
pub fn arrivals(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|line| line.is_by("member") && matches!(&*line.f, "founded" | "joined"))
}

/// The host that each number is or was on.
pub fn hosts(lines: &[Line]) -> BTreeMap<u64, u64> {
    homes(lines).collect()
}

/// The number that came last to each host.
pub fn last_numbers(lines: &[Line]) -> BTreeMap<u64, u64> {
    homes(lines).map(|(number, host)| (host, number)).collect()
}

fn homes(lines: &[Line]) -> impl Iterator<Item = (u64, u64)> {
    arrivals(lines).filter_map(|line| Some((line.node?, line.value["host"].as_u64()?)))
}
