//! The revision that a Manager tells of itself never goes back while its process lives (promise 36): it has once had the facts of the
//! higher one.
//!
//! A process that starts again has a checkpoint and what it learns is committed; that may be less for a moment. Its log says when
//! it started, by a wall clock: where that was moved meanwhile, or no log says anything, nothing is held against it.

use std::collections::{BTreeMap, BTreeSet};

use super::Objection;
use crate::fault::Means;
use crate::glance::NAME;
use crate::history::Line;
use crate::sayings::{Start, starts};
use crate::strikes::{Strike, strikes};

/// How far the time of a start may be off what was told before or after it.
const SLACK_NS: u64 = 2_000_000_000;

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
        let span = (before.time, line.time);
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

/// What moved wall clocks.
fn moved(lines: &[Line]) -> Vec<Strike> {
    let moves = |means: Means| matches!(means, Means::Clock | Means::Strobe);
    strikes(lines).into_iter().filter(|strike| strike.is(moves)).collect()
}

/// Whether one process answered at both ends of a span. Who comes to its host under another number may have answered as well.
fn lived_on(node: u64, (from, to): (u64, u64), starts: &[Start<'_>], moved: &[Strike]) -> bool {
    let own = starts.iter().filter(|start| start.manager == node);
    let logs: BTreeSet<&str> = own.map(|start| start.log).collect();
    let span = from.saturating_sub(SLACK_NS)..=to.saturating_add(SLACK_NS);
    let mut of_host = starts.iter().filter(|start| logs.contains(start.log));
    let began = of_host.any(|start| start.at.is_some_and(|at| span.contains(&at)));
    let mut moved = moved.iter().filter(|strike| strike.victims.contains(&node));
    let in_doubt = moved.any(|strike| {
        strike.from <= *span.end() && strike.to.is_none_or(|over| *span.start() <= over)
    });
    !logs.is_empty() && !began && !in_doubt
}
