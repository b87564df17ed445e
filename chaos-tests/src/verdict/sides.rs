//! On whose side a majority is, at each moment: what the others answer meanwhile says nothing of how much the group does.
//!
//! Who is cut off from a majority, or held, is not on it until a lease after that is over and it said how it is, as
//! `checker/availability.rs` has it. Whatever else befalls a Manager leaves it there, with all that it still answers.

use std::collections::BTreeSet;

use crate::checker::availability::{Group, Moment, answers, belonging, hits, settles};
use crate::fault::{Break, Means, Target};
use crate::history::Line;
use crate::strikes::{Strike, strikes};

/// From when on who is on the side of a majority; nobody, where there is none.
pub(super) struct Sides(Vec<(u64, BTreeSet<u64>)>);

impl Sides {
    pub(super) fn of(lines: &[Line]) -> Self {
        let members = lines.iter().filter_map(|line| Some((line.time, belonging(line)?)));
        let mut moments: Vec<(u64, Moment)> = members.collect();
        let answers = answers(lines);
        for strike in strikes(lines).iter().filter(|strike| !strike.victims.is_empty()) {
            moments.extend(settles(strike));
            let Some(way) = way(strike) else { continue };
            let apart = match way {
                Way::Victims => Some(strike.victims.clone()),
                Way::Others => Some(others(lines, strike)),
                Way::Everybody => None,
            };
            moments.extend(hits(strike, apart.as_deref(), &answers));
        }
        moments.sort_by_key(|(time, _)| *time);
        let mut group = Group::default();
        let side = |(time, moment): (u64, Moment)| {
            group.take(&moment);
            (time, group.majority().unwrap_or_default())
        };
        Self(moments.into_iter().map(side).collect())
    }

    /// Whether a Manager is on it.
    pub(super) fn has(&self, node: u64, time: u64) -> bool {
        let next = self.0.partition_point(|(from, _)| *from <= time);
        next.checked_sub(1).is_some_and(|at| self.0[at].1.contains(&node))
    }
}

/// Who has no majority.
enum Way {
    Victims,
    Others,
    Everybody,
}

/// `None`: whoever it hits still belongs to a majority. Who takes no calls makes its own, and of a bridge or ring every
/// Manager has a majority.
fn way(strike: &Strike) -> Option<Way> {
    let fault = strike.fault?;
    match fault.means {
        Means::Network(Break::Shatter) => Some(Way::Everybody),
        // The victims hear each other.
        Means::Network(Break::Split) if fault.target == Target::Majority => Some(Way::Others),
        Means::Network(
            Break::Split | Break::Flap | Break::Deaf | Break::Cable | Break::Checkpoint,
        )
        | Means::Kill
        | Means::ShortPause
        | Means::LongPause
        | Means::PowerCut
        | Means::Memory => Some(Way::Victims),
        _ => None,
    }
}

/// The members whom it does not hit.
fn others(lines: &[Line], strike: &Strike) -> Vec<u64> {
    let mut group = Group::default();
    let before = lines.iter().filter(|line| line.time <= strike.from);
    before.filter_map(belonging).for_each(|moment| group.take(&moment));
    group.members().filter(|id| !strike.victims.contains(id)).collect()
}
