//! The Raft log: votes and entries, in order, on the disk before anybody is told so.
//!
//! ```text
//!   append, vote, truncate, purge ──→ queue ──→ writer: one write, one fdatasync ──→ callbacks
//!         │                                        │
//!         └──→ table (memory) ←── where it is ─────┘        log/  00000001-00000000000000000000.log
//!                 ↑                                               00000002-00000000000000081234.log
//!              readers ←── older entries ──── segments            spare-1   mark
//! ```
//!
//! **One stream.** Everything is a record of one append-only stream, cut into segment files: entries, votes,
//! cuts and purges. So "strictly ordered" is true by construction, one flush serves a vote and the entries
//! around it, and no second file can disagree with the first.
//!
//! **A cut is a record**, never an overwrite. Reading the stream back repeats it, so an entry that was cut off
//! cannot come back, and what follows the cut cannot be there without it. For the same reason the segments are
//! numbered, and the index in their name is only for people: after a cut an index can occur twice.
//!
//! **Each segment begins with a head** that repeats the vote, the commit, the purge and the last entry so far.
//! Therefore a segment whose entries are all purged can be deleted whole, and nothing else ever is.
//!
//! **Groups.** What one flush covers is framed as one group, all or nothing, numbered and salted with the disk.
//! A group proves that the one before it was flushed; the mark proves it for the last one. See `recovery`.

mod group;
mod mark;
mod reader;
mod record;
mod recovery;
mod segment;
mod spare;
mod table;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use self::group::GroupDraft;
use self::mark::MarkFile;
pub use self::reader::LogReader;
pub(crate) use self::recovery::Damage;
use self::recovery::{ReadSegment, Recovered, payload_bytes};
use self::spare::{SpareKeeper, SpareMaker, SpareStop};
use self::table::Table;
use self::writer::{Active, Request, Sealed, Told, Writer};
use crate::disk;
use crate::error::{Doing, OpenError};
use crate::format::DirLock;
use crate::health::{StoreHealth, lock};
use crate::options::Options;
use crate::stored::{Entry, LogId, MarkV1, Vote};
use crate::types::{PAYLOAD_MAX_BYTES, TypeConfig};

/// Directory of the log inside the store's.
pub(crate) const DIR: &str = "log";
/// Requests that may wait for the writer. Whoever finds the queue full waits.
const QUEUE_MAX: usize = 4096;

/// The Raft log of one member.
pub struct LogStore {
    table: Arc<Mutex<Table>>,
    mark: Arc<MarkFile>,
    requests: mpsc::Sender<Request>,
}

/// The threads of an open log; they end when every [`LogStore`] is gone.
pub(crate) struct LogThreads {
    writer: JoinHandle<()>,
    spares: SpareStop,
}

impl LogThreads {
    pub(crate) fn join(self) {
        self.spares.stop();
        if self.writer.join().is_err() {
            tracing::error!("the writer of the log panicked");
        }
    }
}

/// Makes the directory of a log that holds nothing.
pub(crate) fn create(dir: &Path) -> io::Result<()> {
    disk::ensure_dir(dir)?;
    mark::create(&dir.join(mark::NAME), &MarkV1::default())
}

/// Everything that is wrong with the log in `dir`, without changing it.
pub(crate) fn check(dir: &Path, disk_id: &Uuid) -> io::Result<Vec<Damage>> {
    let salt = salt_of(disk_id);
    let mark = dir.join(mark::NAME);
    let mut damages: Vec<Damage> = mark::read(&mark)?
        .map_or(Vec::new(), |slots| slots.damaged)
        .into_iter()
        .map(|offset| Damage {
            file: mark.clone(),
            offset,
            reason: "a slot cannot be read; the other one may still stand for it".to_owned(),
        })
        .collect();
    damages.extend(recovery::recover(dir, salt, 0)?.err());
    // Reading the log as a whole ends at the first damage; each segment by itself may show more.
    let names = if dir.is_dir() { segment::list(dir)? } else { Vec::new() };
    for name in names {
        let found = recovery::damage_within(&name.path, salt)?;
        damages.extend(found.filter(|found| damages.iter().all(|known| known.file != found.file)));
    }
    Ok(damages)
}

/// Opens the log: reads it back, wipes a last write that never finished, starts the writer.
pub(crate) fn open(
    dir: &Path,
    disk_id: &Uuid,
    options: &Options,
    health: &StoreHealth,
    dir_lock: Arc<DirLock>,
) -> Result<(LogStore, LogThreads), OpenError> {
    let salt = salt_of(disk_id);
    let recovered = recovery::recover(dir, salt, options.cache_bytes)
        .doing("read", dir)?
        .map_err(|Damage { file, offset, reason }| OpenError::Log { file, offset, reason })?;
    let mark = open_mark(dir, &recovered, health)?;
    let maker = SpareMaker::new(dir, options.segment_bytes, options.allocator.clone());
    let mut writer = build_writer(dir, salt, recovered, mark, maker, options, health)?;
    writer.begin().doing("write", dir)?;
    let table = writer.table.clone();
    let mark = writer.mark.clone();
    let spares = writer.spares.stopper();
    let (requests, queue) = mpsc::channel(QUEUE_MAX);
    let thread = thread::Builder::new()
        .name("raft-log".to_owned())
        .spawn(move || {
            writer.run(queue);
            drop(dir_lock);
        })
        .doing("start the writer of", dir)?;
    Ok((LogStore { table, mark, requests }, LogThreads { writer: thread, spares }))
}

/// The salt of a disk's log. Whoever chooses the bytes of an entry does not know the disk id.
fn salt_of(disk_id: &Uuid) -> u64 {
    let hash = blake3::hash(disk_id.as_bytes());
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("a hash is longer than eight bytes"))
}

fn open_mark(
    dir: &Path,
    recovered: &Recovered,
    health: &StoreHealth,
) -> Result<Arc<MarkFile>, OpenError> {
    let path = dir.join(mark::NAME);
    let mut newest = recovered.mark.clone();
    if recovered.mark_lost {
        let end = recovered.segments.last().expect("a log without mark and segments is refused");
        newest = MarkV1 { segment: end.name.number, offset: end.end, ..newest };
        if path.exists() {
            let now = disk::quarantine(dir, &path).doing("put aside", &path)?;
            health.quarantined(path.clone(), now, "neither slot can be read".to_owned());
        }
        mark::create(&path, &newest).doing("write", &path)?;
    }
    Ok(Arc::new(MarkFile::open(&path, newest).doing("open", &path)?))
}

fn build_writer(
    dir: &Path,
    salt: u64,
    recovered: Recovered,
    mark: Arc<MarkFile>,
    maker: SpareMaker,
    options: &Options,
    health: &StoreHealth,
) -> Result<Writer, OpenError> {
    let Recovered { table, mut segments, next_group, .. } = recovered;
    let active = match segments.pop() {
        Some(last) => resume(last)?,
        None => begin(dir, &maker)?,
    };
    let sealed = segments.into_iter().map(|segment| Sealed {
        path: segment.name.path,
        bytes: segment.file_bytes,
        highest: segment.highest,
    });
    let told = Told {
        vote: table.vote,
        committed: table.committed,
        purged: table.purged,
        last: table.last(),
    };
    Ok(Writer {
        dir: dir.to_owned(),
        salt,
        table: Arc::new(Mutex::new(table)),
        mark,
        spares: SpareKeeper::start(maker, health.clone()).doing("start the spare of", dir)?,
        health: health.clone(),
        on_fatal: options.on_fatal.clone(),
        active,
        sealed: sealed.collect(),
        told,
        next_group,
        group: GroupDraft::new(),
        placing: Vec::new(),
    })
}

/// Goes on in the last segment, after wiping a write that never finished.
fn resume(last: ReadSegment) -> Result<Active, OpenError> {
    let path = last.name.path;
    let file = OpenOptions::new().read(true).write(true).open(&path).doing("open", &path)?;
    if let Some(reason) = last.torn {
        tracing::info!(segment = %path.display(), offset = last.end, %reason, "wiped a write that never finished; it was never acknowledged");
        wipe(&file, last.end, last.file_bytes).doing("wipe the end of", &path)?;
    }
    Ok(Active {
        number: last.name.number,
        path,
        file: Arc::new(file),
        offset: last.end,
        capacity: last.file_bytes,
        highest: last.highest,
    })
}

fn wipe(file: &File, from: u64, upto: u64) -> io::Result<()> {
    let zeros = [0; 64 << 10];
    let mut at = from;
    while at < upto {
        let bytes = (upto - at).min(zeros.len() as u64);
        file.write_all_at(&zeros[..bytes as usize], at)?;
        at += bytes;
    }
    file.sync_data()
}

/// The first segment of a new log.
fn begin(dir: &Path, maker: &SpareMaker) -> Result<Active, OpenError> {
    let path: PathBuf = segment::path(dir, 1, 0);
    let spare = maker.make().map_err(|source| match disk::is_disk_full(&source) {
        true => OpenError::DiskFull { file: path.clone(), needed_bytes: maker.needed_bytes() },
        false => OpenError::Io { doing: "set aside", file: path.clone(), source },
    })?;
    disk::rename(&spare.path, &path).doing("create", &path)?;
    let file = Arc::new(spare.file);
    Ok(Active { number: 1, path, file, offset: 0, capacity: spare.bytes, highest: None })
}

/// Gives up the spare of an earlier run, so that opening the rest has room on a full disk.
pub(crate) fn release_ballast(dir: &Path) -> io::Result<()> {
    if dir.is_dir() { spare::discard_old(dir) } else { Ok(()) }
}

impl LogStore {
    /// The last purged entry, up to which only a checkpoint has the facts.
    pub(crate) fn purged(&self) -> Option<LogId> {
        lock(&self.table).purged
    }

    async fn reserve(&self) -> io::Result<mpsc::Permit<'_, Request>> {
        self.requests.reserve().await.map_err(|_| stopped())
    }

    async fn request(&self, make: impl FnOnce(writer::Done) -> Request) -> io::Result<()> {
        let (done, written) = oneshot::channel();
        self.reserve().await?.send(make(done));
        written.await.map_err(|_| stopped())?
    }
}

fn stopped() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the log is no longer written")
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = LogReader;

    async fn get_log_state(&mut self) -> io::Result<LogState<TypeConfig>> {
        let table = lock(&self.table);
        Ok(LogState { last_purged_log_id: table.purged, last_log_id: table.last() })
    }

    async fn get_log_reader(&mut self) -> LogReader {
        LogReader::new(self.table.clone())
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let vote = *vote;
        self.request(|done| Request::Vote { vote, done }).await?;
        lock(&self.table).vote = Some(vote);
        Ok(())
    }

    /// Costs no flush: it is noted in the mark, which outlives the process, and written to the log with the
    /// next group, which outlives the power.
    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        let Some(committed) = committed else { return Ok(()) };
        lock(&self.table).committed = Some(committed);
        self.mark.committed(&committed)
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(lock(&self.table).committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let place_in_queue = self.reserve().await?;
        push_all(&mut lock(&self.table), &entries)?;
        place_in_queue.send(Request::Append { entries, done: callback });
        Ok(())
    }

    /// Waits until the cut is on the disk. It is rare, and what follows it is easier to reason about.
    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> io::Result<()> {
        let after = {
            let mut table = lock(&self.table);
            if table.last().map(|last| last.index) <= last_log_id.map(|id| id.index) {
                return Ok(());
            }
            table.truncate(last_log_id);
            table.last()
        };
        self.request(|done| Request::Truncate { after, done }).await
    }

    /// Returns before the purge is on the disk: a purge that is forgotten by a crash is asked for again.
    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        let place_in_queue = self.reserve().await?;
        lock(&self.table).purge(upto);
        place_in_queue.send(Request::Purge { upto });
        Ok(())
    }
}

/// Adds the entries to the table, all or none.
fn push_all(table: &mut Table, entries: &[Entry]) -> io::Result<()> {
    let refused = |reason: String| Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    let mut next = table.next_index();
    for entry in entries {
        let index = entry.log_id.index;
        if next.is_some_and(|next| next != index) {
            return refused(format!(
                "entry {index} cannot follow the log, which ends before {next:?}"
            ));
        }
        if payload_bytes(entry) > PAYLOAD_MAX_BYTES {
            return refused(format!("entry {index} is longer than {PAYLOAD_MAX_BYTES} bytes"));
        }
        next = Some(index + 1);
    }
    for entry in entries {
        table.push(entry.clone(), payload_bytes(entry));
    }
    Ok(())
}

/// What the tests of the stored forms need of this module's inside.
#[cfg(test)]
mod frozen {
    use super::{group, mark, segment};
    use crate::stored::MarkV1;

    pub(crate) const FROZEN_SALT: u64 = 0x5A17;

    pub(crate) fn frozen_group(salt: u64, number: u64, records: &[u8]) -> Vec<u8> {
        let mut draft = group::GroupDraft::new();
        draft.records().extend_from_slice(records);
        draft.seal(salt, number).to_vec()
    }

    pub(crate) fn frozen_mark(mark: &MarkV1) -> Vec<u8> {
        mark::sector(mark).to_vec()
    }

    pub(crate) fn read_hostile_group(bytes: &[u8], salt: u64) -> bool {
        group::Group::open(bytes, salt).is_ok_and(|group| group.bytes == bytes.len())
    }

    pub(crate) fn read_hostile_mark(bytes: &[u8]) -> bool {
        mark::slot_at(bytes, 0).is_some()
    }

    pub(crate) fn read_hostile_segment(bytes: &[u8], salt: u64) {
        let end = segment::read(bytes, salt, None, &mut |_located| Ok(()));
        assert!(end.offset <= bytes.len() as u64);
    }
}
#[cfg(test)]
pub(crate) use frozen::*;
