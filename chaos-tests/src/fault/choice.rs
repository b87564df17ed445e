//! Whom a fault hits, of those who have a process now: the seed chooses.
//!
//! A majority is one of the Managers that a run begins with, and all are no fewer than those: a visitor may have no vote. It is hit
//! beside them.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::class::{Fault, Means, Target};
use super::network::Break;

/// Who there is, by number.
pub(super) struct There {
    /// The Managers of the run.
    pub own: Vec<u64>,
    /// Whoever has a process, a visitor as well.
    pub running: Vec<u64>,
    /// Whoever is Active, where that matters.
    pub active: Option<u64>,
}

impl There {
    /// Whether a fault can hit whom it says.
    pub(super) fn are_enough(&self, fault: Fault) -> bool {
        let own = self.running.iter().filter(|id| self.own.contains(id)).count();
        own >= needed(fault, self.own.len())
    }
}

/// How many of so many Managers must have a process before a fault can hit whom it says.
pub(super) fn needed(fault: Fault, members: usize) -> usize {
    match fault.target {
        Target::Majority => majority(members),
        Target::All if fault.means.is_of_each() => members,
        // A disk that lies or is set back must be one of a minority, and nobody knows whom the others would lack.
        Target::One | Target::Active if fault.means.is_alone() => members,
        Target::One | Target::Active | Target::All => 1,
    }
}

fn majority(members: usize) -> usize {
    members / 2 + 1
}

/// Whether it can only befall Managers of the run: what befalls one at a time, so that it is the same with every seed; a majority;
/// and a victim that has to tell how far its log is, which a witness does not.
fn befalls_own(fault: Fault) -> bool {
    fault.means.may_lose_one()
        || fault.means == Means::Network(Break::Checkpoint)
        || fault.target == Target::Majority
}

/// Whom it hits; nobody, when there are too few.
pub(super) fn victims(fault: Fault, there: &There, pick: u64) -> Vec<u64> {
    if !there.are_enough(fault) {
        return Vec::new();
    }
    let mut victims = there.running.clone();
    // Before it is shuffled: a visitor that cannot be hit would change who is.
    if befalls_own(fault) {
        victims.retain(|id| there.own.contains(id));
    }
    // By where they live: who was replaced has another number.
    let place = |id: &u64| there.own.iter().position(|own| own == id).unwrap_or(usize::MAX);
    victims.sort_by_key(place);
    victims.shuffle(&mut StdRng::seed_from_u64(pick));
    match fault.target {
        Target::One => victims.truncate(1),
        Target::Active => victims.retain(|id| Some(*id) == there.active),
        Target::Majority => victims.truncate(majority(there.own.len())),
        Target::All => {}
    }
    victims
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::fault::{Damage, Flush};

    const OWN: [u64; 3] = [1, 2, 3];
    const VISITOR: u64 = 9;

    fn hit(means: Means, target: Target, running: &[u64], pick: u64) -> Vec<u64> {
        let there = There { own: OWN.to_vec(), running: running.to_vec(), active: Some(2) };
        victims(Fault { means, target }, &there, pick)
    }

    /// Whoever is hit with one seed or another.
    fn ever_hit(means: Means, target: Target, running: &[u64]) -> BTreeSet<u64> {
        (0..100).flat_map(|pick| hit(means, target, running, pick)).collect()
    }

    #[test]
    fn all_are_hit_or_nobody_is() {
        let of_each = [
            Means::Kill,
            Means::LongPause,
            Means::PowerCut,
            Means::FullDisk,
            Means::Clock,
            Means::Processor,
            Means::Certificates,
            Means::Network(Break::Slow),
        ];
        for means in of_each {
            assert!(hit(means, Target::All, &[1, 3], 1).is_empty(), "{means:?}");
            assert!(hit(means, Target::All, &[1, 3, VISITOR], 1).is_empty(), "{means:?}");
            assert_eq!(hit(means, Target::All, &OWN, 1).len(), 3, "{means:?}");
            assert_eq!(hit(means, Target::All, &[1, 2, 3, VISITOR], 1).len(), 4, "{means:?}");
        }
    }

    // All hosts may be dark just then, and what would hit one of them waits for that.
    #[test]
    fn whatever_it_is_somebody_must_be_there() {
        let nobody = There { own: OWN.to_vec(), running: vec![VISITOR], active: None };
        let one = There { own: OWN.to_vec(), running: vec![2], active: None };
        for target in [Target::One, Target::Active] {
            let fault = Fault { means: Means::LongPause, target };
            assert!(!nobody.are_enough(fault) && one.are_enough(fault), "{target:?}");
        }
    }

    #[test]
    fn what_is_between_hosts_or_of_the_group_takes_no_process_of_each() {
        let of_the_group = [
            Means::Network(Break::Shatter),
            Means::Network(Break::Loss),
            Means::Storm,
            Means::Rolling,
        ];
        for means in of_the_group {
            assert_eq!(hit(means, Target::All, &[3], 1), [3], "{means:?}");
        }
    }

    #[test]
    fn a_majority_is_one_of_the_managers_of_the_run_whoever_came_later() {
        for means in [Means::Kill, Means::LongPause, Means::PowerCut, Means::Network(Break::Split)]
        {
            assert!(hit(means, Target::Majority, &[1, VISITOR], 1).is_empty(), "{means:?}");
            for pick in 0..100 {
                let victims = hit(means, Target::Majority, &[1, 2, 3, VISITOR], pick);
                assert!(victims.len() == 2 && !victims.contains(&VISITOR), "{victims:?}");
            }
            assert_eq!(ever_hit(means, Target::Majority, &OWN), OWN.into());
        }
    }

    #[test]
    fn whom_the_seed_draws_is_the_same_whoever_is_visiting_and_however_they_are_told() {
        let of_own = [
            (Means::Disk(Damage::Wiped), Target::One),
            (Means::Network(Break::Checkpoint), Target::One),
            (Means::Kill, Target::Majority),
        ];
        for ((means, target), pick) in
            of_own.iter().flat_map(|it| (0..100).map(move |at| (*it, at)))
        {
            let alone = hit(means, target, &OWN, pick);
            assert_eq!(hit(means, target, &[VISITOR, 1, 2, 3], pick), alone, "{means:?} {pick}");
            assert_eq!(hit(means, target, &[3, 1, VISITOR, 2], pick), alone, "{means:?} {pick}");
        }
    }

    #[test]
    fn one_may_be_whoever_came_later_unless_it_may_be_lost_or_has_to_tell_of_its_log() {
        let running = [1, 2, 3, VISITOR];
        for means in [Means::Network(Break::Cable), Means::Network(Break::Split), Means::Kill] {
            assert_eq!(ever_hit(means, Target::One, &running), running.into(), "{means:?}");
        }
        for means in [Means::Network(Break::Checkpoint), Means::Disk(Damage::Wiped)] {
            assert_eq!(ever_hit(means, Target::One, &running), OWN.into(), "{means:?}");
        }
    }

    #[test]
    fn the_active_is_hit_and_nobody_while_it_has_no_process() {
        assert_eq!(hit(Means::Kill, Target::Active, &OWN, 1), [2]);
        assert!(hit(Means::Kill, Target::Active, &[1, 3], 1).is_empty());
    }

    #[test]
    fn no_disk_lies_or_is_set_back_while_somebody_is_missing() {
        for means in [Means::Flushes(Flush::Lies), Means::Disk(Damage::OldCopy)] {
            assert!(hit(means, Target::One, &[1, 2, VISITOR], 1).is_empty(), "{means:?}");
            assert_eq!(hit(means, Target::One, &OWN, 1).len(), 1, "{means:?}");
        }
    }
}
