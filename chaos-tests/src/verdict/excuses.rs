//! What excuses a Manager for what it says of its disk: something that befell that disk, under that number, from then until it was
//! known to be well again, and a while longer. For ever it excuses nobody: what is found wrong later is the product's doing.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::Evidence;
use super::logs::Said;
use crate::fault::Means;
use crate::homes;
use crate::strikes::Strike;

/// How much longer. A fault of a disk is over when its host serves again, or was refused and came back under another number. A log is read
/// whole at a start, so damage shows by then; what else befalls it may hold a Manager up for some twenty seconds.
const WHILE_NS: u64 = 60_000_000_000;

/// All that befell disks in a run, and what moved the clocks that logs are written by.
pub(super) struct Excuses<'a> {
    of_disks: Vec<&'a Strike>,
    of_clocks: Vec<&'a Strike>,
    /// On which host each number is or was.
    hosts: BTreeMap<u64, u64>,
}

impl<'a> Excuses<'a> {
    /// Of the faults of these means.
    pub(super) fn of(evidence: &'a Evidence, by: impl Fn(Means) -> bool) -> Self {
        // What was not seen to bite, or was broken off, may have done it all the same; not what there was nothing to do it with.
        let befell = |strike: &&Strike| strike.is(&by) && !strike.is_absent();
        let strikes = || evidence.strikes.iter();
        Self {
            of_disks: strikes().filter(befell).collect(),
            of_clocks: strikes().filter(|strike| strike.is(Means::moves_clocks)).collect(),
            hosts: homes::hosts(&evidence.lines),
        }
    }

    /// Numbers of those whom they befell.
    pub(super) fn numbers(&self) -> BTreeSet<u64> {
        self.of_disks.iter().flat_map(|strike| strike.victims.clone()).collect()
    }

    /// Whether one of them excuses a line of a log. When a line was written is told by a wall clock: where nobody knows it, or the
    /// clock was moved while there was an excuse, it may have been then. A disk is a number's, a clock its host's, whatever
    /// number that had.
    pub(super) fn cover(&self, said: &Said) -> bool {
        let own_disk = |strike: &&&Strike| strike.victims.contains(&said.manager);
        self.of_disks.iter().filter(own_disk).any(|strike| {
            let (from, until) = spell(strike);
            let in_time = said.at.is_none_or(|at| (from..=until).contains(&at));
            let overlaps =
                |clock: &&Strike| clock.from <= until && clock.to.is_none_or(|over| from <= over);
            in_time || self.of_clocks.iter().filter(|it| self.is_of_clock(it, said)).any(overlaps)
        })
    }

    fn is_of_clock(&self, strike: &Strike, said: &Said) -> bool {
        let own = |id: &u64| *id == said.manager || self.hosts.get(id) == Some(&said.host);
        strike.victims.iter().any(own)
    }
}

/// From when to when it excuses. What never ended, or was left broken, does to the end.
fn spell(strike: &Strike) -> (u64, u64) {
    let over = strike.over().filter(|_| !strike.was_broken_off());
    (strike.from, over.map_or(u64::MAX, |over| over.saturating_add(WHILE_NS)))
}
