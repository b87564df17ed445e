//! The group's clocks: how long silence may last, and for how long a claim to be Active is good.
//!
//! Pure. Deliberately knows neither sockets nor the Raft library's configuration type; `start.rs` hands
//! the numbers over.
//!
//! # Why the claim is bounded by other members' leases
//!
//! A member that heard from its leader refuses to vote for anybody else for its *own* lease, which is
//! its own `election_max_ms`. A leader that lost its quorum must therefore stop calling itself Active
//! before the *shortest* lease any member may be running with has passed, counted from the moment it
//! sent what a quorum answered. A member that was just told to use shorter timers is dangerous until the
//! leader knows. So a member that wants shorter timers announces them first (a replicated fact) and runs
//! with them only after it has been started anew since the leader answered that it applied the announcement. Facts may
//! go back a little when a process dies, so the longest lease the group may still count on is kept in a file of
//! its own (see [`promise`](super::promise)); a member never runs with a shorter one than that. One that lost the file
//! takes the longest lease there is for promised (see [`assumed_lease`](super::assumed_lease)).
//!
//! A member that was started anew has forgotten from whom it heard last. It therefore neither votes nor
//! stands for one full lease (see [`quarantine`](super::quarantine)).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::capabilities::properties::model::Facts as Properties;
use crate::capabilities::properties::schema;

/// Timers of one member.
///
/// With the defaults a killed leader is replaced after `election_max` (the lease) plus a random
/// `election_min..election_max`: 1.5 to 2 s. Shorter timers elect faster and are disturbed sooner:
/// an acknowledgement that takes longer than one heartbeat interval counts for nothing, and under load
/// a synced write takes 10 to 50 ms at the 99.9th percentile on ordinary cloud disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timers {
    /// `RAFT_HEARTBEAT_MS`. How often a leader proves that it is there. Must exceed the round trip plus
    /// a synced write of a follower. Default 100.
    pub heartbeat_ms: u64,
    /// `RAFT_ELECTION_MIN_MS`. Shortest silence after which a follower may stand, once the lease has
    /// passed. At least three heartbeats, so that two may be lost. Default 500.
    pub election_min_ms: u64,
    /// `RAFT_ELECTION_MAX_MS`. Longest such silence, and the lease: for so long a member that heard from
    /// its leader votes for nobody else. Default 1000.
    pub election_max_ms: u64,
}

/// Timers that contradict each other or are out of bounds.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimersFailure {
    /// A follower would stand for election while its leader is alive and two heartbeats late.
    #[error(
        "RAFT_HEARTBEAT_MS ({heartbeat_ms}) times 3 must not exceed RAFT_ELECTION_MIN_MS ({election_min_ms})"
    )]
    HeartbeatTooSlow {
        /// As given.
        heartbeat_ms: u64,
        /// As given.
        election_min_ms: u64,
    },
    /// Without a spread, members stand at the same moment and split their votes.
    #[error(
        "RAFT_ELECTION_MIN_MS ({election_min_ms}) must be less than RAFT_ELECTION_MAX_MS ({election_max_ms})"
    )]
    NoSpread {
        /// As given.
        election_min_ms: u64,
        /// As given.
        election_max_ms: u64,
    },
    /// Below what a disk can do, or above what an operator would wait.
    #[error("{name} is {value_ms} ms, allowed are {LEAST_MS} to {MOST_MS} ms")]
    OutOfBounds {
        /// The property.
        name: &'static str,
        /// Its value.
        value_ms: u64,
    },
}

/// No timer is shorter than this: one synced write may take as long.
const LEAST_MS: u64 = 10;
/// No timer is longer than this: for so long nobody would be Active after a failure.
const MOST_MS: u64 = 60_000;

/// Part of the lease that is never used, against clocks that run at different rates: one in this many.
const MARGIN_ONE_IN: u64 = 10;
/// Least part of the lease that is never used.
const MARGIN_LEAST_MS: u64 = 50;

impl Default for Timers {
    fn default() -> Self {
        Timers { heartbeat_ms: 100, election_min_ms: 500, election_max_ms: 1000 }
    }
}

impl Timers {
    /// What the properties say. They are checked where they are set, so this never fails in practice; were
    /// it otherwise, nobody should run with them.
    pub fn wanted(properties: &Properties) -> Result<Self, TimersFailure> {
        Timers {
            heartbeat_ms: properties.number(schema::RAFT_HEARTBEAT_MS),
            election_min_ms: properties.number(schema::RAFT_ELECTION_MIN_MS),
            election_max_ms: properties.number(schema::RAFT_ELECTION_MAX_MS),
        }
        .checked()
    }

    /// Accepts timers that can work together.
    pub fn checked(self) -> Result<Self, TimersFailure> {
        in_bounds("RAFT_HEARTBEAT_MS", self.heartbeat_ms)?;
        in_bounds("RAFT_ELECTION_MIN_MS", self.election_min_ms)?;
        in_bounds("RAFT_ELECTION_MAX_MS", self.election_max_ms)?;
        if self.heartbeat_ms * 3 > self.election_min_ms {
            return Err(TimersFailure::HeartbeatTooSlow {
                heartbeat_ms: self.heartbeat_ms,
                election_min_ms: self.election_min_ms,
            });
        }
        if self.election_min_ms >= self.election_max_ms {
            return Err(TimersFailure::NoSpread {
                election_min_ms: self.election_min_ms,
                election_max_ms: self.election_max_ms,
            });
        }
        Ok(self)
    }

    /// For how long a member that heard from its leader votes for nobody else.
    pub fn lease_ms(self) -> u64 {
        self.election_max_ms
    }

    /// The timers to run with, given what is wanted now and which lease the group may count on.
    ///
    /// A lease shorter than the promised one may not be used yet. The member then runs with its wish
    /// stretched to the promised lease, announces the shorter one, and uses it from the next start on.
    pub fn in_force(self, promised_lease_ms: u64) -> Timers {
        Timers { election_max_ms: self.election_max_ms.max(promised_lease_ms), ..self }
    }

    /// The lease to announce: the shortest this member may run with, now or after its next start.
    pub fn to_announce(self, in_force: Timers) -> u64 {
        self.lease_ms().min(in_force.lease_ms())
    }
}

/// For how long after a quorum's acknowledgement was asked for a leader may call itself Active.
///
/// `announced` are the leases of all members as the facts tell them, `own` the one in force here.
pub fn claim_window(own_lease_ms: u64, announced_ms: impl IntoIterator<Item = u64>) -> Duration {
    let shortest = announced_ms.into_iter().fold(own_lease_ms, u64::min);
    let margin = (shortest / MARGIN_ONE_IN).max(MARGIN_LEAST_MS);
    Duration::from_millis(shortest.saturating_sub(margin))
}

fn in_bounds(name: &'static str, value_ms: u64) -> Result<(), TimersFailure> {
    if (LEAST_MS..=MOST_MS).contains(&value_ms) {
        return Ok(());
    }
    Err(TimersFailure::OutOfBounds { name, value_ms })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn timers(heartbeat_ms: u64, election_min_ms: u64, election_max_ms: u64) -> Timers {
        Timers { heartbeat_ms, election_min_ms, election_max_ms }
    }

    #[test]
    fn the_defaults_work_together() {
        assert_eq!(Timers::default().checked(), Ok(Timers::default()));
    }

    #[test]
    fn timers_that_contradict_each_other_are_refused() {
        let refused = |timers: Timers| timers.checked().unwrap_err();
        assert!(matches!(
            refused(timers(200, 500, 1000)),
            TimersFailure::HeartbeatTooSlow { heartbeat_ms: 200, election_min_ms: 500 }
        ));
        assert!(matches!(refused(timers(100, 500, 500)), TimersFailure::NoSpread { .. }));
        assert!(matches!(refused(timers(0, 500, 1000)), TimersFailure::OutOfBounds { .. }));
        assert!(matches!(refused(timers(100, 500, 70_000)), TimersFailure::OutOfBounds { .. }));
    }

    #[test]
    fn a_shorter_lease_is_announced_now_and_used_from_the_next_start() {
        let wanted = timers(100, 300, 400);
        let first_start = wanted.in_force(1000);
        assert_eq!(first_start.lease_ms(), 1000);
        assert_eq!(wanted.to_announce(first_start), 400);
        assert_eq!(wanted.in_force(400).lease_ms(), 400);
    }

    #[test]
    fn a_longer_lease_is_used_at_once() {
        let wanted = timers(100, 500, 3000);
        let in_force = wanted.in_force(1000);
        assert_eq!(in_force.lease_ms(), 3000);
        assert_eq!(wanted.to_announce(in_force), 3000);
    }

    #[test]
    fn the_claim_is_a_tenth_shorter_than_the_shortest_lease() {
        assert_eq!(claim_window(1000, [2000, 1500]), Duration::from_millis(900));
        assert_eq!(claim_window(1000, [400]), Duration::from_millis(350));
        assert_eq!(claim_window(20, []), Duration::ZERO);
    }

    proptest! {
        /// Row 91: whatever members want and announce, a claim ends before any lease in force does.
        #[test]
        fn a_claim_ends_before_the_shortest_lease_in_force(
            wanted in proptest::collection::vec(10_u64..60_000, 1..9),
            promised in proptest::collection::vec(10_u64..60_000, 9),
        ) {
            let in_force: Vec<Timers> = wanted.iter().zip(&promised)
                .map(|(wanted, promised)| timers(10, 30, *wanted).in_force(*promised))
                .collect();
            let announced = wanted.iter().zip(&in_force)
                .map(|(wanted, in_force)| timers(10, 30, *wanted).to_announce(*in_force));
            let window = claim_window(in_force[0].lease_ms(), announced);
            for member in &in_force {
                prop_assert!(window < Duration::from_millis(member.lease_ms()));
            }
        }
    }
}
