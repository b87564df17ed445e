//! What was acknowledged is there after a kill or a power cut; what was not is dropped without a word.

use std::fs;
use std::path::Path;

use openraft::RaftLogReader;
use openraft::alias::VoteOf;
use openraft::storage::RaftLogStorage;
use raft_store::OpenError;
use raft_store::types::TypeConfig;

use crate::support::{Entry, Home, append, close, entries, entry, log_id, run, segments, small};

type Vote = VoteOf<TypeConfig>;

/// What a store holds, as far as Raft relies on it.
#[derive(Clone, Debug, PartialEq)]
struct Held {
    entries: Vec<Entry>,
    vote: Option<Vote>,
}

fn held(home: &Home) -> Result<Held, OpenError> {
    let mut opened = home.open_with(small())?;
    let held = run(async {
        let entries = entries(&mut opened.log).await;
        Held { entries, vote: opened.log.get_log_reader().await.read_vote().await.unwrap() }
    });
    close(opened);
    Ok(held)
}

/// A copy of the files whenever something was acknowledged, with what was acknowledged by then.
fn moments() -> Vec<(Home, Held)> {
    let home = Home::new();
    let mut opened = home.open();
    let mut expected = Held { entries: Vec::new(), vote: None };
    let mut moments = vec![(home.copy(), expected.clone())];
    run(async {
        for step in 1..40_u64 {
            if step % 7 == 3 {
                let vote = Vote::new(step, 1);
                opened.log.save_vote(&vote).await.unwrap();
                expected.vote = Some(vote);
            } else if step % 11 == 10 {
                let after = expected.entries.len() / 2;
                let last = expected.entries[after].log_id;
                opened.log.truncate_after(Some(last)).await.unwrap();
                expected.entries.truncate(after + 1);
            } else {
                let next = expected.entries.last().map_or(0, |last| last.log_id.index + 1);
                let more: Vec<Entry> = (0..step % 5 + 1)
                    .map(|at| entry(step, next + at, &[step as u8; 300]))
                    .collect();
                append(&mut opened.log, more.clone()).await.unwrap();
                expected.entries.extend(more);
            }
            moments.push((home.copy(), expected.clone()));
        }
    });
    close(opened);
    moments
}

#[test]
fn a_kill_after_any_acknowledgement_loses_nothing() {
    for (home, expected) in moments() {
        assert_eq!(held(&home).unwrap(), expected);
    }
}

/// The newest segment of both, when the later moment only added to it.
fn grown(before: &Home, after: &Home) -> Option<(Vec<u8>, Vec<u8>, usize)> {
    let (old, new) = (segments(before.path()), segments(after.path()));
    if old.len() != new.len() {
        return None;
    }
    let at = new.len() - 1;
    Some((fs::read(&old[at]).unwrap(), fs::read(&new[at]).unwrap(), at))
}

fn put_segment(home: &Path, at: usize, bytes: &[u8]) {
    fs::write(&segments(home)[at], bytes).unwrap();
}

#[test]
fn a_last_write_that_is_torn_anywhere_is_dropped_quietly() {
    let moments = moments();
    for pair in [3, 9, 16, 30].map(|at| &moments[at..at + 2]) {
        let (before, expected) = &pair[0];
        let Some((old, new, at)) = grown(before, &pair[1].0) else { continue };
        let start = (0..new.len()).find(|byte| old[*byte] != new[*byte]).unwrap();
        let end = (0..new.len()).rev().find(|byte| old[*byte] != new[*byte]).unwrap() + 1;
        for cut in (start..end).step_by(29) {
            let home = before.copy();
            let torn = [&new[..cut], &old[cut..]].concat();
            put_segment(home.path(), at, &torn);
            assert_eq!(held(&home).unwrap(), *expected, "cut at {cut} of {start}..{end}");
            assert_eq!(held(&home).unwrap(), *expected, "and again after the repair");
        }
    }
}

#[test]
fn a_last_write_whose_sectors_arrived_in_any_order_is_dropped_quietly() {
    let moments = moments();
    for pair in moments.windows(2) {
        let (before, expected) = &pair[0];
        let Some((old, new, at)) = grown(before, &pair[1].0) else { continue };
        let changed: Vec<usize> = (0..new.len() / 512)
            .filter(|at| old[at * 512..][..512] != new[at * 512..][..512])
            .collect();
        // Every subset but the whole, for the few sectors that one write of this test touches.
        for subset in 0..(1_u32 << changed.len().min(5)) - 1 {
            let mut torn = old.clone();
            for (bit, sector) in changed.iter().enumerate() {
                if subset & (1 << bit) != 0 {
                    torn[sector * 512..][..512].copy_from_slice(&new[sector * 512..][..512]);
                }
            }
            let home = before.copy();
            put_segment(home.path(), at, &torn);
            assert_eq!(held(&home).unwrap(), *expected, "sectors {subset:b} of {changed:?}");
        }
    }
}

#[test]
fn a_last_write_that_was_acknowledged_and_is_damaged_is_refused() {
    let moments = moments();
    let mut judged = 0;
    for pair in moments.windows(2) {
        let Some((old, new, at)) = grown(&pair[0].0, &pair[1].0) else { continue };
        let home = pair[1].0.copy();
        let start = (0..new.len()).find(|byte| old[*byte] != new[*byte]).unwrap();
        let cut = start + 5;
        put_segment(home.path(), at, &[&new[..cut], &old[cut..]].concat());
        let error = held(&home).expect_err("it was acknowledged");
        let OpenError::Log { file, offset, .. } = &error else { panic!("{error}") };
        assert_eq!(*file, segments(home.path())[at]);
        assert!(*offset <= start as u64 && start as u64 - offset < 64, "{offset} for {start}");
        judged += 1;
    }
    assert!(judged > 20, "only {judged} moments were judged");
}

#[test]
fn writing_goes_on_after_a_repair() {
    let moments = moments();
    let (before, expected) = &moments[9];
    let home = before.copy();
    let Some((old, new, at)) = grown(before, &moments[10].0) else { panic!("same segment") };
    let cut = (0..new.len()).find(|byte| old[*byte] != new[*byte]).unwrap() + 40;
    put_segment(home.path(), at, &[&new[..cut], &old[cut..]].concat());
    let next = expected.entries.last().map_or(0, |last| last.log_id.index + 1);
    let mut opened = home.open();
    run(append(&mut opened.log, vec![entry(50, next, b"after the repair")])).unwrap();
    close(opened);
    let mut wanted = expected.clone();
    wanted.entries.push(entry(50, next, b"after the repair"));
    assert_eq!(held(&home).unwrap(), wanted);
}

#[test]
fn the_committed_entry_survives_a_kill_without_a_flush_of_its_own() {
    let home = Home::new();
    let mut opened = home.open();
    let killed = run(async {
        append(&mut opened.log, (0..5).map(|at| entry(1, at, b"x")).collect()).await.unwrap();
        opened.log.save_committed(Some(log_id(1, 3))).await.unwrap();
        home.copy()
    });
    close(opened);
    let mut opened = killed.open();
    assert_eq!(run(opened.log.read_committed()).unwrap(), Some(log_id(1, 3)));
    close(opened);
}

// A member learns that an entry is committed before its own disk has it, when the others were faster.
#[test]
fn a_committed_entry_that_this_disk_never_had_is_not_claimed() {
    let home = Home::new();
    let mut opened = home.open();
    run(async {
        append(&mut opened.log, (0..5).map(|at| entry(1, at, b"x")).collect()).await.unwrap();
        opened.log.save_committed(Some(log_id(1, 2))).await.unwrap();
        opened.log.save_vote(&Vote::new(1, 1)).await.unwrap();
        opened.log.save_committed(Some(log_id(1, 9))).await.unwrap();
    });
    close(opened);
    let mut opened = home.open();
    assert_eq!(run(opened.log.read_committed()).unwrap(), Some(log_id(1, 2)));
    close(opened);
}
