//! What the tests of the store share: a small machine and a store in a directory of its own.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream;
use openraft::alias::{EntryOf, LeaderIdOf, LogIdOf};
use openraft::storage::{IOFlushed, RaftLogStorage, RaftStateMachine};
use openraft::type_config::TypeConfigExt;
use openraft::vote::RaftLeaderId;
use openraft::{EntryPayload, RaftLogReader};
use raft_store::types::{Payload, TypeConfig};
use raft_store::{
    Applied, Committed, Frozen, Identity, LogStore, Machine, OpenError, Opened, Options, Row,
};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) type Entry = EntryOf<TypeConfig>;
pub(crate) type LogId = LogIdOf<TypeConfig>;

/// The table of rows that every entry adds to, without a key, and the one with the payload as key.
pub(crate) const ALL: u8 = 1;
pub(crate) const BY_PAYLOAD: u8 = 2;

/// Counts each payload, and keeps one row for every entry and one for every payload.
#[derive(Default)]
pub(crate) struct Counting {
    counts: Mutex<BTreeMap<Vec<u8>, u64>>,
}

impl Counting {
    pub(crate) fn counts(&self) -> BTreeMap<Vec<u8>, u64> {
        self.counts.lock().unwrap().clone()
    }

    fn apply_one(&self, entry: &Committed) -> Applied {
        let Some(payload) = &entry.payload else { return Applied::default() };
        let mut counts = self.counts.lock().unwrap();
        let count = counts.entry(payload.to_vec()).or_default();
        *count += 1;
        let key = payload.iter().copied().take(8).collect();
        let rows = vec![
            Row { table: ALL, key: Vec::new(), value: payload.to_vec() },
            Row { table: BY_PAYLOAD, key, value: count.to_be_bytes().to_vec() },
        ];
        Applied { answer: Bytes::from(count.to_be_bytes().to_vec()), rows }
    }
}

impl Machine for Counting {
    fn apply(&self, entries: &[Committed]) -> Vec<Applied> {
        entries.iter().map(|entry| self.apply_one(entry)).collect()
    }

    fn freeze(&self) -> Box<dyn Frozen> {
        Box::new(Image(self.counts()))
    }

    fn restore(&self, image: &[u8]) -> io::Result<()> {
        let (counts, _) = bincode::decode_from_slice(image, bincode::config::standard())
            .map_err(io::Error::other)?;
        *self.counts.lock().unwrap() = counts;
        Ok(())
    }
}

struct Image(BTreeMap<Vec<u8>, u64>);

impl Frozen for Image {
    fn write(self: Box<Self>, out: &mut dyn io::Write) -> io::Result<()> {
        let image = bincode::encode_to_vec(self.0, bincode::config::standard()).unwrap();
        out.write_all(&image)
    }
}

/// A directory in memory if there is such a file system: nothing here depends on a real device, and thousands
/// of flushes are quicker there.
pub(crate) fn fresh_dir() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A formatted directory that is removed in the end.
pub(crate) struct Home {
    pub(crate) dir: TempDir,
    pub(crate) identity: Identity,
}

impl Home {
    pub(crate) fn new() -> Home {
        let dir = fresh_dir();
        let identity = Identity {
            cluster_id: Uuid::from_u128(0xC1),
            disk_id: Uuid::from_u128(0xD1),
            node_id: 1,
        };
        raft_store::format(dir.path(), &identity).unwrap();
        Home { dir, identity }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn open(&self) -> Opened<Counting> {
        self.open_with(small()).unwrap()
    }

    pub(crate) fn open_with(&self, options: Options) -> Result<Opened<Counting>, OpenError> {
        raft_store::open(self.path(), &self.identity, options, Arc::default())
    }

    /// The same files elsewhere, as a crash at this moment would leave them to a kernel that goes on.
    pub(crate) fn copy(&self) -> Home {
        let dir = fresh_dir();
        copy_dir(self.path(), dir.path());
        Home { dir, identity: self.identity }
    }
}

/// Segments so small that a few entries fill one; a failed write fails the test.
pub(crate) fn small() -> Options {
    Options {
        segment_bytes: 4 << 10,
        cache_bytes: 1 << 10,
        on_fatal: Arc::new(|reason| panic!("fatal: {reason}")),
        ..Options::default()
    }
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    for item in std::fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_dir(&item.path(), &target);
        } else {
            // A file may be renamed or removed while a live store is copied.
            let _ = std::fs::copy(item.path(), target);
        }
    }
}

/// The files below `dir`, sorted.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in std::fs::read_dir(dir).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The segments of a store, in order.
pub(crate) fn segments(home: &Path) -> Vec<PathBuf> {
    let all = files(&home.join("log"));
    all.into_iter().filter(|path| path.extension().is_some_and(|suffix| suffix == "log")).collect()
}

pub(crate) fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(LeaderIdOf::<TypeConfig>::new(term, 1), index)
}

pub(crate) fn entry(term: u64, index: u64, payload: &[u8]) -> Entry {
    let payload = Payload(Bytes::copy_from_slice(payload));
    Entry { log_id: log_id(term, index), payload: EntryPayload::Normal(payload) }
}

/// Appends and waits until the entries are on the disk.
pub(crate) async fn append(log: &mut LogStore, entries: Vec<Entry>) -> io::Result<()> {
    let (done, flushed) = TypeConfig::oneshot();
    log.append(entries, IOFlushed::signal(done)).await?;
    flushed.await.map_err(io::Error::other)?
}

/// Applies entries that nobody waits for.
pub(crate) async fn apply(opened: &mut Opened<Counting>, entries: Vec<Entry>) {
    let items = entries.into_iter().map(|entry| Ok((entry, None)));
    opened.state.apply(stream::iter(items)).await.unwrap();
}

/// All entries in the log.
pub(crate) async fn entries(log: &mut LogStore) -> Vec<Entry> {
    log.get_log_reader().await.try_get_log_entries(0..u64::MAX).await.unwrap()
}

/// Closes the store properly.
pub(crate) fn close(opened: Opened<Counting>) {
    let Opened { log, state, closing, .. } = opened;
    drop((log, state));
    closing.wait();
}

/// Waits for a condition, with a deadline.
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs a test's future to its end.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
