//! History rows: found by key and by table, newest first, for as long as they are kept.

use std::sync::Arc;

use openraft::RaftSnapshotBuilder;
use openraft::alias::SnapshotOf;
use openraft::storage::RaftStateMachine;
use raft_store::types::TypeConfig;
use raft_store::{CheckpointFile, Opened, Options};

use crate::support::{
    ALL, BY_PAYLOAD, Counting, Entry, Home, append, apply, close, entry, files, log_id, run, small,
};

const SHELF: u64 = 10_000;

/// Appends and applies one entry for each payload, and waits for their rows.
async fn write(opened: &mut Opened<Counting>, first: u64, payloads: &[&[u8]]) {
    let written: Vec<Entry> =
        (first..).zip(payloads).map(|(index, payload)| entry(1, index, payload)).collect();
    let last = written[written.len() - 1].log_id;
    append(&mut opened.log, written.clone()).await.unwrap();
    apply(opened, written).await;
    opened.history.reached(last.index).await.unwrap();
}

fn values(rows: &[(u64, Vec<u8>)]) -> Vec<(u64, &[u8])> {
    rows.iter().map(|(revision, value)| (*revision, value.as_slice())).collect()
}

fn count(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

#[test]
fn rows_of_one_key_come_newest_first_and_in_pages() {
    let home = Home::new();
    let mut opened = home.open();
    run(write(&mut opened, 0, &[b"red", b"blue", b"red", b"re", b"red", b"redder"]));
    let history = opened.history.clone();
    let all = history.scan(BY_PAYLOAD, b"red", None, 10).unwrap();
    assert_eq!(all, [(4, count(3)), (2, count(2)), (0, count(1))]);
    assert_eq!(history.scan(BY_PAYLOAD, b"red", None, 2).unwrap(), all[..2]);
    assert_eq!(history.scan(BY_PAYLOAD, b"red", Some(4), 1).unwrap(), all[1..2]);
    assert_eq!(history.scan(BY_PAYLOAD, b"red", Some(0), 1).unwrap(), []);
    assert_eq!(history.scan(BY_PAYLOAD, b"green", None, 1).unwrap(), []);
    assert_eq!(history.scan(9, b"red", None, 1).unwrap(), []);
    close(opened);
}

#[test]
fn rows_of_a_table_come_newest_first_whatever_their_key() {
    let home = Home::new();
    let mut opened = home.open();
    run(write(&mut opened, 0, &[b"red", b"blue"]));
    run(write(&mut opened, 2, &[b"green"]));
    let all = opened.history.scan_table(ALL, None, 10).unwrap();
    assert_eq!(values(&all), [(2, &b"green"[..]), (1, b"blue"), (0, b"red")]);
    assert_eq!(opened.history.scan_table(ALL, Some(2), 1).unwrap(), all[1..2]);
    assert_eq!(opened.history.scan(ALL, b"", None, 10).unwrap(), all);
    let keyed = opened.history.scan_table(BY_PAYLOAD, None, 10).unwrap();
    assert_eq!(keyed.iter().map(|row| row.0).collect::<Vec<_>>(), [2, 1, 0]);
    close(opened);
}

#[test]
fn old_history_goes_by_whole_shelves() {
    let home = Home::new();
    let options = Options { history_keep: 2 * SHELF, segment_bytes: 1 << 20, ..small() };
    let mut opened = home.open_with(options).unwrap();
    run(async {
        for first in [0, SHELF + 5, 2 * SHELF + 5, 3 * SHELF + 5] {
            let written = vec![entry(1, first, b"red")];
            apply(&mut opened, written).await;
        }
        opened.history.reached(3 * SHELF + 5).await.unwrap();
    });
    assert_eq!(opened.history.floor().unwrap(), SHELF);
    let kept = opened.history.scan(BY_PAYLOAD, b"red", None, 10).unwrap();
    assert_eq!(kept.iter().map(|row| row.0).collect::<Vec<_>>(), [30_005, 20_005, 10_005]);
    close(opened);
}

/// Installs a checkpoint of one member at another, a hundred bytes at a time.
async fn carry(built: &SnapshotOf<TypeConfig, CheckpointFile>, to: &mut Opened<Counting>) {
    let mut receiving = to.state.inbox().begin_receiving().unwrap();
    let mut offset = 0;
    loop {
        let chunk = built.snapshot.read_chunk(offset, 100).await.unwrap();
        if chunk.is_empty() {
            break;
        }
        receiving.write_chunk(&chunk).unwrap();
        offset += chunk.len() as u64;
    }
    assert_eq!(offset, built.snapshot.bytes());
    let received = receiving.finish().unwrap();
    to.state.install_snapshot(&built.meta, received).await.unwrap();
}

#[test]
fn a_checkpoint_takes_facts_and_history_to_another_member() {
    let (leader, joiner) = (Home::new(), Home::new());
    let mut from = leader.open();
    let mut to = joiner.open();
    run(async {
        write(&mut from, 0, &[b"red", b"blue", b"red"]).await;
        write(&mut to, 0, &[b"stale"]).await;
        let mut builder = from.state.try_create_snapshot_builder(true).await.unwrap();
        let built = builder.build_snapshot().await.unwrap();
        carry(&built, &mut to).await;
        let (applied, _) = to.state.applied_state().await.unwrap();
        assert_eq!(applied, Some(log_id(1, 2)));
        let rows = to.history.scan_table(ALL, None, 10).unwrap();
        assert_eq!(rows, from.history.scan_table(ALL, None, 10).unwrap());
        let current = to.state.get_current_snapshot().await.unwrap().unwrap();
        assert_eq!(current.meta, built.meta);
    });
    close(from);
    close(to);
    let machine = Arc::new(Counting::default());
    let again =
        raft_store::open(joiner.path(), &joiner.identity, small(), machine.clone()).unwrap();
    let counts: Vec<_> = machine.counts().into_iter().collect();
    assert_eq!(counts, [(b"blue".to_vec(), 1), (b"red".to_vec(), 2)]);
    assert_eq!(again.history.scan(BY_PAYLOAD, b"red", None, 10).unwrap().len(), 2);
    drop((again.log, again.state));
    again.closing.wait();
}

/// Bytes in which nothing repeats itself.
fn noise(number: u64) -> Vec<u8> {
    let mut bytes = vec![0; 400];
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for byte in &mut bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state as u8;
    }
    bytes
}

#[test]
fn blocks_that_are_copied_and_rows_that_are_packed_anew_arrive_in_order() {
    let (leader, joiner) = (Home::new(), Home::new());
    let mut from = leader.open();
    let mut to = joiner.open();
    run(async {
        // A large block on a full shelf, single rows behind it, a large block on the newest one.
        for (first, count) in [(0, 60), (100, 1), (200, 1), (SHELF + 3, 60), (2 * SHELF + 7, 60)] {
            let numbers = first..first + count;
            let written = numbers.map(|index| entry(1, index, &noise(index))).collect();
            apply(&mut from, written).await;
        }
        from.history.reached(2 * SHELF + 66).await.unwrap();
        let mut builder = from.state.try_create_snapshot_builder(true).await.unwrap();
        let built = builder.build_snapshot().await.unwrap();
        carry(&built, &mut to).await;
    });
    for (member, name) in [(&from, "built"), (&to, "installed")] {
        let all = member.history.scan_table(ALL, None, 1_000).unwrap();
        assert_eq!(all.len(), 182, "{name}");
        assert!(all.iter().all(|(revision, value)| *value == noise(*revision)), "{name}");
        assert!(all.is_sorted_by(|newer, older| newer.0 > older.0), "{name}");
        assert_eq!(member.history.scan_table(BY_PAYLOAD, None, 1_000).unwrap().len(), 182);
    }
    close(from);
    close(to);
}

#[test]
fn a_checkpoint_that_came_only_in_part_does_not_count() {
    let (leader, joiner) = (Home::new(), Home::new());
    let mut from = leader.open();
    let to = joiner.open();
    run(async {
        write(&mut from, 0, &[b"red"]).await;
        let mut builder = from.state.try_create_snapshot_builder(true).await.unwrap();
        let built = builder.build_snapshot().await.unwrap();
        let whole = built.snapshot.read_chunk(0, usize::MAX).await.unwrap();
        for len in [0, 1, whole.len() / 2, whole.len() - 1] {
            let mut receiving = to.state.inbox().begin_receiving().unwrap();
            receiving.write_chunk(&whole[..len]).unwrap();
            assert!(receiving.finish().is_err(), "{len} of {} bytes", whole.len());
        }
        let mut receiving = to.state.inbox().begin_receiving().unwrap();
        receiving.write_chunk(&whole).unwrap();
        receiving.write_chunk(b"more").unwrap();
        assert!(receiving.finish().is_err(), "more than there was");
        // One that came whole but was never installed must not count at the next start either.
        let mut receiving = to.state.inbox().begin_receiving().unwrap();
        receiving.write_chunk(&whole).unwrap();
        receiving.finish().unwrap();
    });
    close(from);
    close(to);
    let mut again = joiner.open();
    assert_eq!(run(again.state.applied_state()).unwrap().0, None);
    assert_eq!(files(&joiner.path().join("checkpoints")), Vec::<std::path::PathBuf>::new());
    close(again);
}

#[test]
fn a_checkpoint_of_another_cluster_is_not_received() {
    let (ours, mut theirs) = (Home::new(), Home::new());
    theirs.identity.cluster_id = uuid::Uuid::from_u128(0xBAD);
    std::fs::remove_dir_all(theirs.path()).unwrap();
    raft_store::format(theirs.path(), &theirs.identity).unwrap();
    let mut from = theirs.open();
    let to = ours.open();
    run(async {
        write(&mut from, 0, &[b"red"]).await;
        let mut builder = from.state.try_create_snapshot_builder(true).await.unwrap();
        let built = builder.build_snapshot().await.unwrap();
        let whole = built.snapshot.read_chunk(0, usize::MAX).await.unwrap();
        let mut receiving = to.state.inbox().begin_receiving().unwrap();
        receiving.write_chunk(&whole).unwrap();
        let error = receiving.finish().unwrap_err();
        assert!(error.to_string().contains("another cluster"), "{error}");
    });
    close(from);
    close(to);
}

#[test]
fn only_the_newest_two_checkpoints_are_kept_and_an_older_handle_stays_readable() {
    let home = Home::new();
    let mut opened = home.open();
    run(async {
        let mut oldest = None;
        for index in 0..4 {
            write(&mut opened, index, &[b"red"]).await;
            let mut builder = opened.state.try_create_snapshot_builder(true).await.unwrap();
            let built = builder.build_snapshot().await.unwrap();
            oldest.get_or_insert(built.snapshot);
        }
        assert_eq!(files(&home.path().join("checkpoints")).len(), 2);
        let oldest = oldest.unwrap();
        let bytes = oldest.read_chunk(0, usize::MAX).await.unwrap();
        assert_eq!(bytes.len() as u64, oldest.bytes());
    });
    close(opened);
}
