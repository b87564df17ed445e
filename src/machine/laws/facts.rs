//! Laws of the facts: what holds after every step of every walk, whatever was asked.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::walks::{log, walk};
use crate::base::ManagerId;
use crate::capabilities::access::model as access;
use crate::capabilities::managers::model as managers;
use crate::capabilities::properties::schema;
use crate::machine::{State, apply};

/// How a law would go unnoticed: walks in which nothing happens.
#[test]
fn walks_go_somewhere() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..100 {
        let story = walk().new_tree(&mut runner).unwrap().current();
        let mut state = State::default();
        for entry in log(&story) {
            let events =
                apply(&mut state, &entry).change.into_iter().flat_map(|change| change.events);
            seen.extend(events.map(|event| kind_of(&event)));
        }
    }
    assert!(seen.len() >= 20, "only {seen:?}");
}

/// Room and name of an event.
fn kind_of(event: &crate::machine::Event) -> String {
    let said = format!("{event:?}");
    said.split(['(', ' ', '{']).take(2).collect::<Vec<_>>().join(" ")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_facts_make_sense_after_every_step(walk in walk()) {
        let mut state = State::default();
        for (step, entry) in walk.iter().zip(log(&walk)) {
            apply(&mut state, &entry);
            for (law, holds) in LAWS {
                prop_assert!(holds(&state), "{law}, after {}", step.line);
            }
        }
    }

    /// From any set of timers that work together to any other leads an order of single changes.
    #[test]
    fn every_set_of_timers_can_be_reached_one_change_at_a_time(from in timers(), to in timers()) {
        let mut state = State::default();
        prop_assert!(reach(&mut state, &from), "from the defaults to {from:?}");
        prop_assert!(reach(&mut state, &to), "from {from:?} to {to:?}");
    }
}

type Law = (&'static str, fn(&State) -> bool);

const LAWS: &[Law] = &[
    ("two members never share an alias, an address or a disk", |state| {
        let members = &state.managers.members;
        let aliases =
            members.values().map(|member| &member.alias).filter(|alias| !alias.is_empty());
        all_differ(aliases)
            && all_differ(members.values().map(|member| &member.profile.peer_addr))
            && all_differ(members.values().map(|member| member.disk_id))
    }),
    ("a group has between one and nine members", |state| {
        (1..=managers::MEMBERS_MAX).contains(&state.managers.members.len())
    }),
    ("the Active is a member and no witness", |state| {
        state.managers.tenure.as_ref().is_none_or(|tenure| {
            state
                .managers
                .members
                .get(&tenure.active)
                .is_some_and(|member| member.role == managers::Role::Manager)
        })
    }),
    ("an epoch is a revision that was applied", |state| {
        state.managers.epoch().0 <= state.kernel.revision.0
    }),
    ("a removed number is not a member's", |state| {
        state.managers.removed.keys().all(|id| !state.managers.members.contains_key(id))
    }),
    ("with HA off there is one member (A13)", |state| {
        state.properties.ha_enabled() || state.managers.members.len() == 1
    }),
    ("every member speaks the group's level", |state| {
        state.managers.level_spoken_by_all() >= state.kernel.level
    }),
    ("the timers work together", |state| {
        let [heartbeat, min, max] = TIMERS.map(|name| state.properties.number(name));
        heartbeat * 3 <= min && min < max
    }),
    ("somebody can let others in, once there is anybody", |state| {
        let able = |user: &access::User| user.active && user.role == access::Role::Administrator;
        state.access.users.is_empty() || state.access.users.values().any(able)
    }),
    ("a session belongs to an active user", |state| {
        let user = |session: &access::Session| state.access.users.get(&session.username);
        state.access.sessions.values().all(|session| user(session).is_some_and(|user| user.active))
    }),
    ("two open operations are never about the same thing", |state| {
        let open: Vec<_> = state.operations.open().map(|(_, operation)| &operation.kind).collect();
        open.iter()
            .enumerate()
            .all(|(at, kind)| open[at + 1..].iter().all(|other| !kind.collides(other)))
    }),
    (
        "what is known of the surroundings has its bounds, and no answer comes before its ask",
        |state| {
            use crate::capabilities::prechecks::model::{DETAIL_MAX_BYTES, RESULTS_MAX};
            let (facts, revision) = (&state.prechecks, state.kernel.revision);
            let bounded = facts
                .results
                .values()
                .all(|outcome| outcome.detail.len() <= DETAIL_MAX_BYTES && outcome.run <= revision);
            let asked = facts.pending.is_none() || facts.asked > facts.answered;
            bounded && facts.results.len() <= RESULTS_MAX && asked && facts.answered <= facts.asked
        },
    ),
    ("an operation that is over has no step to do, one that is open has", |state| {
        use crate::capabilities::operations::model::Status;
        state.operations.operations.values().all(|operation| match operation.status {
            Status::Succeeded | Status::Cancelled => operation.finished_at.is_some(),
            Status::Failed => operation.finished_at.is_some() && operation.next_step().is_some(),
            Status::Queued | Status::Running | Status::NeedsDecision => {
                operation.finished_at.is_none() && operation.next_step().is_some()
            }
        })
    }),
];

fn all_differ<T: Ord>(things: impl Iterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    things.into_iter().all(|thing| seen.insert(thing))
}

const TIMERS: [&str; 3] =
    [schema::RAFT_HEARTBEAT_MS, schema::RAFT_ELECTION_MIN_MS, schema::RAFT_ELECTION_MAX_MS];

fn timers() -> impl Strategy<Value = [u64; 3]> {
    let bounds = (20..=10_000_u64, 150..=60_000_u64, 200..=60_000_u64);
    bounds.prop_map(<[u64; 3]>::from).prop_filter("they work together", |[heartbeat, min, max]| {
        heartbeat * 3 <= *min && min < max
    })
}

/// Tries the changes in every order until one goes through.
fn reach(state: &mut State, wanted: &[u64; 3]) -> bool {
    const ORDERS: [[usize; 3]; 6] =
        [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    ORDERS.iter().any(|order| {
        let mut trial = state.clone();
        let reached = order.iter().all(|at| set(&mut trial, TIMERS[*at], wanted[*at]));
        if reached {
            *state = trial;
        }
        reached
    })
}

/// Sets a timer as an operator would; whether the group let it.
fn set(state: &mut State, timer: &str, value: u64) -> bool {
    if state.managers.group.is_none() {
        told(state, "managers found km1");
    }
    told(state, &format!("properties set kyvos-manager/{timer} {value}"))
}

fn told(state: &mut State, line: &str) -> bool {
    let step = super::walks::Step {
        line: line.into(),
        at: 1,
        by: crate::machine::Actor::Manager(ManagerId(1)),
        leader: 1,
        term: 1,
        request: state.kernel.revision.0,
        fence: None,
    };
    let entry = step.entry(state.kernel.revision.0);
    apply(state, &entry).answer.unwrap().into_result().is_ok()
}
