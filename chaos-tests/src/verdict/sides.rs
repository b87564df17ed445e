//! On whose side a majority is, at each moment: what the others answer meanwhile says nothing of how much the group does.
//!
//! Who is cut off from a majority, or held, is not on it until a lease after that is over and it said how it is, as
//! `checker/left_alone.rs` has it. Whatever else befalls a Manager leaves it there, with all that it still answers. Whoever
//! joins or leaves answers as well, by passing on what it is asked, and no vote is waited for that may not be there.

use std::collections::BTreeSet;

use crate::checker::left_alone::{Group, Moment, answers, belonging, hits, settles};
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
            (time, group.side().unwrap_or_default())
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

/// Whom it does not hit of all that were there until it was over: who comes meanwhile comes to them.
fn others(lines: &[Line], strike: &Strike) -> Vec<u64> {
    let over = strike.over().unwrap_or(u64::MAX);
    let came = |line: &Line| match belonging(line)? {
        Moment::Founded(id) | Moment::Joined(id) => Some(id),
        _ => None,
    };
    let came = lines.iter().filter(|line| line.time <= over).filter_map(came);
    came.filter(|id| !strike.victims.contains(id)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn told(time: u64, name: &str, f: &str, node: u64, value: Value) -> Line {
        Line { time, ..Line::of_harness(name, f, Some(node), value) }
    }

    /// Three Managers that always say how they are, and a fault from 10 s to 20 s, with a visitor from 12 s to 18 s.
    fn sides(class: &str, victims: &[u64]) -> Sides {
        let mut lines = vec![
            told(12 * SECOND, "member", "joined", 30, Value::Null),
            told(17 * SECOND, "member", "leaves", 30, Value::Null),
            told(18 * SECOND, "member", "left", 30, Value::Null),
            told(10 * SECOND, "nemesis", class, 0, json!({ "begins": victims })),
            told(
                20 * SECOND,
                "nemesis",
                class,
                0,
                json!({ "ends": victims, "outcome": "installed" }),
            ),
        ];
        for id in [1, 4, 7] {
            lines.push(told(0, "member", "founded", id, Value::Null));
            lines.extend((0..30).map(|second| {
                let sent = json!({ "sent": second * SECOND });
                told(second * SECOND, "probe", "not-active", id, sent)
            }));
        }
        lines.sort_by_key(|line| line.time);
        Sides::of(&lines)
    }

    fn at(sides: &Sides, second: u64) -> Vec<u64> {
        [1, 4, 7, 30].into_iter().filter(|id| sides.has(*id, second * SECOND)).collect()
    }

    #[test]
    fn a_visitor_takes_nobody_off_the_side_of_a_majority_and_is_on_it() {
        let sides = sides("split-one", &[1]);
        assert_eq!(at(&sides, 9), [1, 4, 7]);
        assert_eq!(at(&sides, 11), [4, 7]);
        assert_eq!(at(&sides, 13), [4, 7, 30]);
        assert_eq!(at(&sides, 19), [4, 7]);
        assert_eq!(at(&sides, 22), [1, 4, 7]);
    }

    #[test]
    fn a_visitor_that_comes_to_those_without_a_majority_has_none() {
        let sides = sides("split-majority", &[1, 4]);
        assert_eq!(at(&sides, 11), [1, 4]);
        assert_eq!(at(&sides, 13), [1, 4]);
    }

    #[test]
    fn a_visitor_is_no_majority_of_those_who_are_hit() {
        assert!(at(&sides("kill-majority", &[1, 4]), 13).is_empty());
        assert!(at(&sides("shatter-all", &[1, 4, 7]), 13).is_empty());
    }
}
