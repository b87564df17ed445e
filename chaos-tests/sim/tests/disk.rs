//! What a power cut leaves of a batch that is on its way to the disk.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use openraft::EntryPayload;
use openraft::alias::LeaderIdOf;
use openraft::vote::RaftLeaderId;
use raft_store::types::{Payload, TypeConfig};
use raft_store::{Platter, Record};
use simulation::clock::WorldTime;
use simulation::dice::Dice;
use simulation::disk::{Disk, Entry, Flushes, LogId};
use simulation::ledger::Ledger;

const BATCH: u64 = 5;

fn entry(index: u64) -> Record {
    let log_id = LogId::new(LeaderIdOf::<TypeConfig>::new(1, 1), index);
    let payload = EntryPayload::Normal(Payload(Bytes::from_static(b"x")));
    Record::Entry(Entry { log_id, payload })
}

/// The indexes that are left of a batch whose flush had not ended.
fn left(seed: u64) -> Vec<u64> {
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let flushes = Flushes { least_us: 1_000, jitter_us: 1_000 };
    let dice = Dice::of(seed, "disk 0");
    let disk = Disk::new(0, Arc::new(WorldTime::default()), ledger, (dice, flushes, None));
    let under_way = disk.write((1..=BATCH).map(entry).collect());
    disk.crash(true);
    drop(under_way);
    disk.log().entries.iter().map(|entry| entry.log_id.index).collect()
}

#[test]
fn a_cut_leaves_all_of_a_batch_or_its_beginning_or_nothing() {
    let mut lengths = BTreeSet::new();
    for seed in 0..200 {
        let left = left(seed);
        let expected: Vec<u64> = (1..=left.len() as u64).collect();
        assert_eq!(left, expected, "seed {seed}");
        lengths.insert(left.len() as u64);
    }
    assert_eq!(lengths, (0..=BATCH).collect::<BTreeSet<u64>>());
}
