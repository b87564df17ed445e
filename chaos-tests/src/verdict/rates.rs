//! How many calls were answered how, and how fast: over the whole run, and before, during and after the faults.
//!
//! A rate is of what a majority did: done, or refused after it had looked. Who was cut off from it or held meanwhile is not
//! counted, and neither is what a Manager refuses by itself.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::sides::Sides;
use crate::checker::recovery::whole;
use crate::fault::{Break, Means, Target};
use crate::history::{Kind, LOOKED, Line, Process};
use crate::strikes::Strike;

const SECOND_NS: u64 = 1_000_000_000;

/// Calls that a majority answered per second, of the time from the first client's line to the last.
pub fn rate(lines: &[Line]) -> u64 {
    let mut clients = lines.iter().filter(|line| is_of_client(line)).map(|line| line.time);
    let first = clients.next().unwrap_or(0);
    let last = clients.next_back().unwrap_or(first);
    let sides = Sides::of(lines);
    per_second(lines.iter().filter(|line| is_answered(line, &sides)).count() as u64, last - first)
}

/// Of at least a second, so that a moment is no rate.
fn per_second(count: u64, lasted_ns: u64) -> u64 {
    let rate = u128::from(count) * u128::from(SECOND_NS) / u128::from(lasted_ns.max(SECOND_NS));
    u64::try_from(rate).expect("it is no more than the count")
}

fn is_of_client(line: &Line) -> bool {
    matches!(line.process, Process::Client(_))
}

/// Whether a majority did what was asked for, or looked and refused it.
fn is_answered(line: &Line, sides: &Sides) -> bool {
    let answered = match line.kind {
        Kind::Ok => true,
        Kind::Fail => line.error.as_deref().is_some_and(|error| LOOKED.contains(&error)),
        Kind::Invoke | Kind::Info => false,
    };
    answered && is_of_client(line) && line.node.is_some_and(|node| sides.has(node, line.time))
}

/// A part of a run: spans of time in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    pub name: &'static str,
    pub lasted_ms: u64,
    pub calls_per_second: u64,
}

/// Before the first fault; while there were faults, without the time in which a majority was hit at once; and from when
/// the group was whole again.
pub fn phases(evidence: &Evidence) -> Vec<Phase> {
    let lines = &evidence.lines;
    let mut clients = lines.iter().filter(|line| is_of_client(line)).map(|line| line.time);
    let Some(begin) = clients.next() else { return Vec::new() };
    let end = clients.next_back().unwrap_or(begin);
    // A fault may begin before any client's first call.
    let first = evidence.strikes.first().map_or(end, |strike| strike.from.clamp(begin, end));
    let whole = whole(lines, &evidence.strikes);
    let healed = whole.as_ref().map_or(end, |whole| whole.healed.min(end)).max(first);
    let whole = whole.and_then(|whole| whole.at(&evidence.managers()));
    let whole = whole.unwrap_or(end).min(end).max(healed);
    let dark = without_majority(evidence, (first, healed));
    let spans = [
        ("before", vec![(begin, first)]),
        ("during", between(&dark, (first, healed))),
        ("after", vec![(whole, end)]),
    ];
    let sides = Sides::of(lines);
    let phase = |(name, spans): (&'static str, Vec<(u64, u64)>)| {
        let lasted: u64 = spans.iter().map(|(from, to)| to - from).sum();
        let within = |line: &&Line| {
            let next = spans.partition_point(|(from, _)| *from <= line.time);
            next.checked_sub(1).is_some_and(|it| line.time <= spans[it].1)
        };
        let answered = lines.iter().filter(|line| is_answered(line, &sides));
        let count = answered.filter(within).count() as u64;
        let calls_per_second = per_second(count, lasted);
        Phase { name, lasted_ms: lasted / 1_000_000, calls_per_second }
    };
    spans.map(phase).into()
}

/// How long a group that a majority was taken from may take until it answers again: this time is not held against it.
const COMES_BACK_NS: u64 = 3 * SECOND_NS;

/// Spans within a span in which there was no majority, as one; apart and in order.
fn without_majority(evidence: &Evidence, (first, last): (u64, u64)) -> Vec<(u64, u64)> {
    let dark = |strike: &&Strike| {
        let Some(fault) = strike.fault.filter(|_| strike.bit()) else { return false };
        let many = matches!(fault.target, Target::All | Target::Majority);
        many && matches!(
            fault.means,
            Means::Kill
                | Means::LongPause
                | Means::PowerCut
                | Means::FullDisk
                | Means::Processor
                | Means::Network(Break::Shatter | Break::Slow)
        )
    };
    let spans = evidence.strikes.iter().filter(dark).map(|strike| {
        let over = strike.over().unwrap_or(last).saturating_add(COMES_BACK_NS);
        (strike.from.clamp(first, last), over.clamp(first, last))
    });
    let mut spans: Vec<(u64, u64)> = spans.collect();
    spans.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            Some((_, end)) if *end >= from => *end = to.max(*end),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// What is left of a span.
fn between(taken: &[(u64, u64)], (first, last): (u64, u64)) -> Vec<(u64, u64)> {
    let (mut left, mut from) = (Vec::new(), first);
    for (begin, end) in taken {
        left.push((from, *begin));
        from = *end;
    }
    left.push((from, last));
    left.retain(|(from, to)| from < to);
    left
}

/// How often each call ended how, by phase: `ok`, and `fail` and `info` with what was said.
pub fn counts(evidence: &Evidence) -> BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>> {
    let mut counts: BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>> = BTreeMap::new();
    let first = evidence.strikes.first().map_or(u64::MAX, |strike| strike.from);
    let last = evidence.strikes.iter().map(|strike| strike.to.unwrap_or(u64::MAX)).max();
    let phase_of = |time: u64| match time {
        time if time < first => "before",
        time if Some(time) <= last => "during",
        _ => "after",
    };
    for line in evidence.lines.iter().filter(|line| is_of_client(line)) {
        let error = line.error.as_deref().unwrap_or_default();
        let end = match line.kind {
            Kind::Invoke => continue,
            Kind::Ok => "ok".to_owned(),
            Kind::Fail => format!("fail {error}"),
            Kind::Info => format!("info {error}"),
        };
        let phases = counts.entry(line.f.clone()).or_default();
        let phase = phases.entry(phase_of(line.time).to_owned()).or_default();
        *phase.entry(end).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_span_lies_between_what_is_taken() {
        assert_eq!(between(&[(2, 4), (6, 9)], (0, 9)), [(0, 2), (4, 6)]);
        assert_eq!(between(&[], (3, 5)), [(3, 5)]);
        assert_eq!(between(&[(0, 9)], (0, 9)), []);
    }

    #[test]
    fn a_moment_is_no_rate() {
        assert_eq!((per_second(50, 1), per_second(50, SECOND_NS / 2)), (50, 50));
        assert_eq!(per_second(300, 2 * SECOND_NS), 150);
    }
}
