//! Very many entries: log, checkpoints, history and memory stay bounded, and nobody waits long for a purge or a
//! checkpoint. Asked for by name, because it takes minutes.

#![expect(clippy::disallowed_methods, reason = "a test joins what it spawns")]

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use openraft::alias::{EntryOf, LeaderIdOf, LogIdOf};
use openraft::storage::{IOFlushed, RaftLogStorage, RaftStateMachine};
use openraft::type_config::TypeConfigExt;
use openraft::vote::RaftLeaderId;
use openraft::{EntryPayload, RaftSnapshotBuilder};
use raft_store::types::{Payload, TypeConfig};
use raft_store::{Applied, Committed, Frozen, Identity, Machine, Options, Row};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::support::{number, say};

const KEYS: u64 = 10_000;
const VALUE_BYTES: usize = 256;
/// Entries that one flush covers, as with so many clients at once.
const BATCH: u64 = 64;
/// As the product does it: after so many entries if as much was written as the last one is large, else after so many.
const CHECKPOINT_AFTER: (u64, u64) = (5_000, 100_000);
const KEEP_BEHIND: u64 = 2_000;
const REPORT_EVERY: u64 = 100_000;

type LogId = LogIdOf<TypeConfig>;

/// The newest value of each of [`KEYS`] keys.
#[derive(Default)]
struct Values(Mutex<BTreeMap<u64, Vec<u8>>>);

impl Machine for Values {
    fn apply(&self, entries: &[Committed]) -> Vec<Applied> {
        let mut values = self.0.lock().unwrap();
        let apply = |entry: &Committed| {
            let value = entry.payload.as_ref().unwrap().to_vec();
            let key = entry.index % KEYS;
            values.insert(key, value.clone());
            let row = Row { table: 1, key: key.to_be_bytes().to_vec(), value };
            Applied { answer: Bytes::new(), rows: vec![row] }
        };
        entries.iter().map(apply).collect()
    }

    fn freeze(&self) -> Box<dyn Frozen> {
        Box::new(Image(self.0.lock().unwrap().clone()))
    }

    fn restore(&self, image: &[u8]) -> io::Result<()> {
        let config = bincode::config::standard();
        let decoded = bincode::decode_from_slice(image, config).map_err(io::Error::other)?;
        *self.0.lock().unwrap() = decoded.0;
        Ok(())
    }
}

struct Image(BTreeMap<u64, Vec<u8>>);

impl Frozen for Image {
    fn write(self: Box<Self>, out: &mut dyn io::Write) -> io::Result<()> {
        out.write_all(&bincode::encode_to_vec(self.0, bincode::config::standard()).unwrap())
    }
}

/// What is looked at now and then.
#[derive(Clone, Copy)]
struct Figures {
    disk_mib: u64,
    memory_mib: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: make endurance"]
async fn a_million_entries_leave_a_steady_disk_and_memory_and_no_long_stall() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("store");
    let identity =
        Identity { cluster_id: Uuid::from_u128(1), disk_id: Uuid::from_u128(2), node_id: 1 };
    raft_store::format(&home, &identity).unwrap();
    let opened =
        raft_store::open(&home, &identity, Options::default(), Arc::new(Values::default()));
    let mut opened = opened.unwrap();
    let (mut stall, mut checkpoint): (Duration, Option<JoinHandle<LogId>>) = (Duration::ZERO, None);
    let (mut figures, mut newest, mut checkpoints) = (Vec::new(), (0, 0), 0);
    let all = number("ENDURANCE_ENTRIES", 1_000_000);
    for first in (0..all).step_by(BATCH as usize) {
        let batch: Vec<_> = (first..first + BATCH).map(entry).collect();
        let last = batch.last().unwrap().log_id;
        let begun = Instant::now();
        let (done, flushed) = TypeConfig::oneshot();
        opened.log.append(batch.clone(), IOFlushed::signal(done)).await.unwrap();
        flushed.await.unwrap().unwrap();
        opened.log.save_committed(Some(last)).await.unwrap();
        let items = batch.into_iter().map(|entry| Ok((entry, None)));
        opened.state.apply(futures::stream::iter(items)).await.unwrap();
        stall = stall.max(begun.elapsed());
        if checkpoint.as_ref().is_some_and(JoinHandle::is_finished) {
            let upto = checkpoint.take().unwrap().await.unwrap().index.saturating_sub(KEEP_BEHIND);
            opened.log.purge(log_id(upto)).await.unwrap();
        }
        let health = opened.health.report();
        let (entries, bytes) = (first + BATCH - newest.0, health.log_written_bytes - newest.1);
        let worth_it = entries >= CHECKPOINT_AFTER.0 && bytes >= health.checkpoint_bytes;
        if (worth_it || entries >= CHECKPOINT_AFTER.1) && checkpoint.is_none() {
            newest = (first + BATCH, health.log_written_bytes);
            checkpoints += 1;
            let mut builder = opened.state.try_create_snapshot_builder(true).await.unwrap();
            checkpoint = Some(tokio::spawn(async move {
                builder.build_snapshot().await.unwrap().meta.last_log_id.unwrap()
            }));
        }
        if first / REPORT_EVERY != (first + BATCH) / REPORT_EVERY {
            let now = Figures { disk_mib: bytes_below(&home) >> 20, memory_mib: memory_mib() };
            say(&format!(
                "{:>9} entries, {checkpoints} checkpoints: disk {} MiB, memory {} MiB, longest wait for 64 entries {} ms",
                first + BATCH,
                now.disk_mib,
                now.memory_mib,
                stall.as_millis()
            ));
            stall = Duration::ZERO;
            figures.push(now);
        }
    }
    if let Some(checkpoint) = checkpoint {
        checkpoint.await.unwrap();
    }
    let raft_store::Opened { log, state, closing, .. } = opened;
    drop((log, state));
    tokio::task::spawn_blocking(|| closing.wait()).await.unwrap();
    // The history is kept for 200,000 revisions; from then on nothing may grow.
    let (steady, end) = (figures[figures.len() / 2], figures[figures.len() - 1]);
    assert!(end.disk_mib <= steady.disk_mib * 3 / 2, "the disk grows");
    assert!(end.memory_mib <= steady.memory_mib * 3 / 2, "the memory grows");
}

fn log_id(index: u64) -> LogId {
    LogId::new(LeaderIdOf::<TypeConfig>::new(1, 1), index)
}

fn entry(index: u64) -> EntryOf<TypeConfig> {
    let payload = Payload(Bytes::from(vec![index as u8; VALUE_BYTES]));
    EntryOf::<TypeConfig> { log_id: log_id(index), payload: EntryPayload::Normal(payload) }
}

fn bytes_below(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).unwrap().flatten();
    // A file may be purged while it is looked at.
    let bytes = files.map(|file| match file.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&file.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

fn memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
}
