//! Laws of the log: the same entries give the same machine, once, in order.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use raft_store::machine::Committed;

use super::walks::{Step, log, told, walk};
use crate::base::{Code, Epoch, RequestId, Timestamp};
use crate::capabilities::audit::model::AuditRecord;
use crate::machine::{
    Answer, LEVEL_MAX, Outcome, REQUESTS_KEPT, State, apply, digest, from_history_bytes,
    read_image, tables, write_image,
};

fn image(state: &State) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_image(state, &mut bytes).unwrap();
    bytes
}

fn panics(act: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(act)).is_err()
}

/// All facts but the machine's own.
fn rooms(state: &State) -> State {
    State { kernel: Default::default(), ..state.clone() }
}

fn committed(answer: &Option<Answer>) -> bool {
    answer.as_ref().is_some_and(|answer| answer.outcome == Outcome::Committed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    // row 81
    #[test]
    fn two_machines_told_the_same_are_the_same_to_the_byte(walk in walk()) {
        let (mut here, mut there) = (State::default(), State::default());
        let log = log(&walk);
        prop_assert_eq!(told(&mut here, &log), told(&mut there, &log));
        prop_assert_eq!(digest(&here), digest(&there));
        prop_assert_eq!(image(&here), image(&there));
    }

    #[test]
    fn a_machine_that_went_through_an_image_goes_on_as_if_it_had_not(walk in walk(), cut in 0.0..1.0) {
        let log = log(&walk);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "a place in a short list")]
        let (before, after) = log.split_at((log.len() as f64 * cut) as usize);
        let mut here = State::default();
        told(&mut here, before);
        let mut there = read_image(&image(&here)).unwrap();
        prop_assert_eq!(&here, &there);
        prop_assert_eq!(told(&mut here, after), told(&mut there, after));
        prop_assert_eq!(here, there);
    }

    #[test]
    fn an_entry_again_or_out_of_order_stops_the_process(walk in walk(), back in 0..5_u64, gap in 2..9_u64) {
        let mut state = State::default();
        let log = log(&walk);
        told(&mut state, &log);
        let last = state.kernel.revision.0;
        let again = Committed { index: last - back, ..log[0].clone() };
        let later = Committed { index: last + gap, ..log[0].clone() };
        prop_assert!(panics(|| drop(apply(&mut state.clone(), &again))));
        prop_assert!(panics(|| drop(apply(&mut state.clone(), &later))));
    }

    // row 83
    #[test]
    fn a_request_repeated_gets_its_first_answer_and_changes_nothing(walk in walk(), which in any::<prop::sample::Index>()) {
        let mut state = State::default();
        let mut first = std::collections::BTreeMap::new();
        for (step, entry) in walk.iter().zip(log(&walk)) {
            let answer = apply(&mut state, &entry).answer.unwrap();
            first.entry(step.request).or_insert((step.clone(), answer));
        }
        let answered: Vec<_> = first.values().collect();
        let (step, answer) = &answered[which.index(answered.len())];
        let before = rooms(&state);
        let again = apply(&mut state, &Step { fence: None, ..step.clone() }.entry(walk.len() as u64));
        prop_assert_eq!(again.answer.as_ref().unwrap(), &Answer { repeated: true, ..answer.clone() });
        prop_assert!(again.rows.is_empty() && again.change.is_none());
        prop_assert_eq!(&rooms(&state), &before);

        let other = Step { line: "properties set custom/other body".into(), ..step.clone() };
        let other = apply(&mut state, &other.entry(walk.len() as u64 + 1));
        let refused = other.answer.unwrap().into_result().unwrap_err();
        prop_assert_eq!(refused.code, Code::KeyReused);
        prop_assert!(other.rows.is_empty() && other.change.is_none());
        prop_assert_eq!(rooms(&state), before);
    }

    // rows 47, 95
    #[test]
    fn what_was_decided_in_another_tenure_changes_nothing(walk in walk(), line in 0..6_usize, off in 1..9_u64) {
        let mut state = State::default();
        told(&mut state, &log(&walk));
        let Epoch(current) = state.managers.epoch();
        let stale = Step { request: 9_999, fence: Some(current + off), ..walk[line].clone() };
        let before = rooms(&state);
        let applied = apply(&mut state, &stale.entry(walk.len() as u64));
        prop_assert_eq!(applied.answer.unwrap().into_result().unwrap_err().code, Code::StaleEpoch);
        prop_assert!(applied.change.is_none());
        prop_assert_eq!(rooms(&state), before);
    }

    #[test]
    fn a_refusal_leaves_nothing_but_its_answer_and_its_audit(walk in walk()) {
        let mut state = State::default();
        for entry in log(&walk) {
            let before = rooms(&state);
            let applied = apply(&mut state, &entry);
            if committed(&applied.answer) {
                continue;
            }
            prop_assert!(applied.change.is_none());
            prop_assert!(applied.rows.iter().all(|row| row.table == tables::AUDIT));
            prop_assert_eq!(rooms(&state), before);
        }
    }

    #[test]
    fn the_groups_time_never_goes_back(walk in walk()) {
        let mut state = State::default();
        for entry in log(&walk) {
            let before = state.kernel.clock;
            let applied = apply(&mut state, &entry);
            prop_assert!(state.kernel.clock >= before);
            prop_assert!(applied.change.is_none_or(|change| change.at == state.kernel.clock));
        }
    }

    #[test]
    fn every_audit_record_names_the_hash_of_the_one_before_and_fits_its_row(walk in walk()) {
        let mut state = State::default();
        let rows = told(&mut state, &log(&walk)).into_iter().flat_map(|applied| applied.rows);
        let mut head = Default::default();
        for row in rows {
            prop_assert!(row.key.len() <= 512 && row.value.len() <= 16 << 10);
            if row.table == tables::AUDIT {
                let record: AuditRecord = from_history_bytes(&row.value).unwrap();
                prop_assert_eq!(record.previous, head);
                head = record.hash();
            }
        }
        prop_assert_eq!(head, state.kernel.audit_head);
    }
}

#[test]
fn only_so_many_requests_are_remembered() {
    let mut state = State::default();
    let found = Step {
        line: "managers found km1".into(),
        at: 1,
        by: crate::machine::Actor::Anonymous,
        leader: 1,
        term: 1,
        request: 0,
        fence: None,
    };
    apply(&mut state, &found.entry(0));
    let kept = u64::try_from(REQUESTS_KEPT).unwrap();
    for request in 1..=kept {
        let close = Step { line: "access sign-out nobody".into(), request, ..found.clone() };
        apply(&mut state, &close.entry(request));
    }
    let answer = |name: u64| state.kernel.answer_to(&RequestId::new(format!("q{name}")).unwrap());
    assert_eq!(answer(0), None, "the oldest is forgotten");
    assert!(answer(1).is_some(), "as many as promised are kept");
    assert_eq!(state.kernel.clock, Timestamp(1));
}

#[test]
fn a_build_that_does_not_speak_the_groups_level_stops() {
    let beyond = LEVEL_MAX.0 + 1;
    let line = format!("managers found km1 level={beyond}");
    let found = Step {
        line,
        at: 1,
        by: crate::machine::Actor::Anonymous,
        leader: 1,
        term: 1,
        request: 0,
        fence: None,
    };
    assert!(panics(|| drop(apply(&mut State::default(), &found.entry(0)))));

    let mut newer = State::default();
    newer.kernel.level.0 = beyond;
    assert!(read_image(&image(&newer)).unwrap_err().to_string().contains("install a newer build"));
}

#[test]
fn bytes_that_are_no_proposal_stop_the_process() {
    let garbage =
        Committed { index: 1, term: 1, leader: 1, payload: Some(b"garbage".as_slice().into()) };
    assert!(panics(|| drop(apply(&mut State::default(), &garbage))));
}
