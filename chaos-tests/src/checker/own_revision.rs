//! The revision that a Manager tells of itself never goes back while its process lives (promise 36): it has once had the facts of the
//! higher one.
//!
//! A process that starts again has a checkpoint and what it learns is committed; that may be less for a moment. Its log says when
//! it started, by its host's wall clock: where that was moved meanwhile, under whatever number, or no log says anything, nothing is
//! held against it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Objection;
use crate::client::CALL_TIMEOUT;
use crate::fault::Means;
use crate::glance::NAME;
use crate::history::{Line, ns};
use crate::sayings::{Start, starts};
use crate::strikes::{Strike, strikes};

/// How far the time of a start may be off what was told before or after it.
const SLACK: Duration = Duration::from_secs(2);

/// Managers that went back.
pub(super) fn gone_back(lines: &[Line]) -> Vec<Objection> {
    let (starts, moved) = (starts(lines).collect::<Vec<_>>(), moved(lines));
    let (mut last, mut against) = (BTreeMap::new(), Vec::new());
    for line in lines.iter().filter(|line| line.is_by(NAME) && line.f == "standing") {
        let told = line.node.zip(line.value["digest"]["revision"].as_u64());
        let Some((node, revision)) = told else { continue };
        let Some((highest, before)): Option<(u64, &Line)> = last.insert(node, (revision, line))
        else {
            continue;
        };
        let span = (sent(before), line.time);
        if revision < highest && lived_on(node, span, &starts, &moved) {
            against.push(Objection {
                because: format!(
                    "Manager {node} went back from revision {highest} to {revision} and had not started anew"
                ),
                shown: line.time,
                lines: vec![before.index, line.index],
            });
        }
    }
    against
}

/// From when on the answer may have been given: it may have been held up on its way until the line was written. A history from
/// before 30 November 2026, night, does not tell when it was asked for.
fn sent(line: &Line) -> u64 {
    let earliest = || line.time.saturating_sub(ns(CALL_TIMEOUT));
    line.value["sent"].as_u64().unwrap_or_else(earliest)
}

/// What moved wall clocks.
fn moved(lines: &[Line]) -> Vec<Strike> {
    strikes(lines).into_iter().filter(|strike| strike.is(Means::moves_clocks)).collect()
}

/// Whether one process answered at both ends of a span. Who comes to its host under another number may have answered as well, and
/// who was there under another has the same clock.
fn lived_on(node: u64, (from, to): (u64, u64), starts: &[Start<'_>], moved: &[Strike]) -> bool {
    let own = starts.iter().filter(|start| start.manager == node);
    let logs: BTreeSet<&str> = own.map(|start| start.log).collect();
    let of_host: Vec<&Start<'_>> = starts.iter().filter(|start| logs.contains(start.log)).collect();
    let numbers: BTreeSet<u64> = of_host.iter().map(|start| start.manager).collect();
    let span = from.saturating_sub(ns(SLACK))..=to.saturating_add(ns(SLACK));
    let began = of_host.iter().any(|start| start.at.is_some_and(|at| span.contains(&at)));
    let of_clock = |strike: &&Strike| strike.victims.iter().any(|id| numbers.contains(id));
    let in_doubt = moved.iter().filter(of_clock).any(|strike| {
        strike.from <= *span.end() && strike.to.is_none_or(|over| *span.start() <= over)
    });
    !logs.is_empty() && !began && !in_doubt
}
