//! The one thread that writes the log: take what is queued, write it in one go, flush once, tell everybody.
//!
//! Order is the order of the queue, for votes, entries, cuts and purges alike. An error of a write or a
//! flush is never retried: after a failed flush nobody knows what is on the disk, so the process ends.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use openraft::storage::IOFlushed;
use tokio::sync::{mpsc, oneshot};

use crate::disk;
use crate::health::{StoreHealth, lock};
use crate::log::group::{GroupDraft, RECORDS_AT};
use crate::log::mark::MarkFile;
use crate::log::record;
use crate::log::segment;
use crate::log::spare::SpareKeeper;
use crate::log::table::{Place, Table};
use crate::options::OnFatal;
use crate::planted::{Bug, planted};
use crate::stored::{Entry, LogId, LogIdV1, SegmentHeadV1, Vote, VoteV1};
use crate::types::TypeConfig;

/// A group is written when it is about this long, even if more is queued: long enough that the flush costs
/// little per byte, short enough that nobody waits for the end of a long queue.
const GROUP_MAX_BYTES: usize = 4 << 20;
/// Planted: every so many groups are flushed together, after all but the last were answered.
const PLANTED_SYNC: u64 = 16;

/// What is asked of the writer.
pub(crate) enum Request {
    Append { entries: Vec<Entry>, done: IOFlushed<TypeConfig> },
    Vote { vote: Vote, done: Done },
    Truncate { after: Option<LogId>, done: Done },
    Purge { upto: LogId },
}

/// Told when a request is on the disk.
pub(crate) type Done = oneshot::Sender<io::Result<()>>;

/// Whoever waits for a request of any kind.
pub(super) enum Waiting {
    Append(IOFlushed<TypeConfig>),
    Other(Done),
}

/// The segment being written.
pub(crate) struct Active {
    pub number: u64,
    pub path: PathBuf,
    pub file: Arc<File>,
    pub offset: u64,
    pub capacity: u64,
    /// Highest index of an entry in it.
    pub highest: Option<u64>,
}

/// A segment that is full.
pub(crate) struct Sealed {
    pub path: PathBuf,
    pub bytes: u64,
    pub highest: Option<u64>,
}

/// What the stream says so far; what a new segment's head repeats.
pub(crate) struct Told {
    pub vote: Option<Vote>,
    pub committed: Option<LogId>,
    pub purged: Option<LogId>,
    pub last: Option<LogId>,
}

pub(crate) struct Writer {
    pub dir: PathBuf,
    pub salt: u64,
    pub table: Arc<Mutex<Table>>,
    pub mark: Arc<MarkFile>,
    pub spares: SpareKeeper,
    pub health: StoreHealth,
    pub on_fatal: OnFatal,
    pub active: Active,
    pub sealed: VecDeque<Sealed>,
    pub told: Told,
    pub next_group: u64,
    pub group: GroupDraft,
    /// Entries in the group: id, offset and length of the frame within it.
    pub placing: Vec<(LogId, usize, usize)>,
}

impl Writer {
    /// Writes until every handle on the log is gone, then leaves the mark exact.
    pub(crate) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        self.report_size();
        while let Some(first) = requests.blocking_recv() {
            let mut batch = vec![first];
            let mut bytes = 0;
            while bytes < GROUP_MAX_BYTES
                && let Ok(next) = requests.try_recv()
            {
                bytes += next.about_bytes();
                batch.push(next);
            }
            if let Err(error) = self.serve(batch) {
                self.stop_serving(&error, &mut requests);
                return;
            }
        }
        if let Err(error) = self.close() {
            tracing::warn!(%error, "the log was closed without an exact mark");
        }
    }

    /// Writes the segment head of a fresh log.
    pub(crate) fn begin(&mut self) -> io::Result<()> {
        if self.active.offset == 0 {
            self.put_head();
            self.flush()?;
        }
        Ok(())
    }

    /// Planted: cuts off the last entry.
    pub(crate) fn lose_last(&mut self) -> io::Result<()> {
        let after = lock(&self.table).lose_last();
        self.put(|out| record::put_truncate(out, after.as_ref()))?;
        self.told.last = after;
        self.flush()
    }

    /// Writes what was asked and tells everybody.
    pub(crate) fn serve(&mut self, batch: Vec<Request>) -> io::Result<()> {
        let mut waiting = Vec::with_capacity(batch.len());
        let written = self.write(batch, &mut waiting);
        for waiting in waiting {
            waiting.tell(&written);
        }
        written?;
        self.discard_purged();
        Ok(())
    }

    fn write(&mut self, batch: Vec<Request>, waiting: &mut Vec<Waiting>) -> io::Result<()> {
        let mut requests = batch.into_iter();
        let mut written = Ok(());
        for request in requests.by_ref() {
            written = self.put_request(request, waiting);
            if written.is_err() {
                break;
            }
        }
        // After an error the rest of the batch is not written, but must not wait for ever.
        waiting.extend(requests.filter_map(Request::waiting));
        written?;
        self.put_newly_committed()?;
        self.flush()
    }

    fn put_request(&mut self, request: Request, waiting: &mut Vec<Waiting>) -> io::Result<()> {
        match request {
            Request::Append { entries, done } => {
                waiting.push(Waiting::Append(done));
                entries.iter().try_for_each(|entry| self.put_entry(entry))
            }
            Request::Vote { vote, done } => {
                waiting.push(Waiting::Other(done));
                self.put(|out| record::put_vote(out, &vote))?;
                self.told.vote = Some(vote);
                Ok(())
            }
            Request::Truncate { after, done } => {
                waiting.push(Waiting::Other(done));
                self.put(|out| record::put_truncate(out, after.as_ref()))?;
                self.told.last = after;
                Ok(())
            }
            Request::Purge { upto } => {
                self.put(|out| record::put_purge(out, &upto))?;
                self.told.purged = Some(upto);
                if self.told.last.is_none_or(|last| last.index < upto.index) {
                    self.told.last = Some(upto);
                }
                Ok(())
            }
        }
    }

    fn put_entry(&mut self, entry: &Entry) -> io::Result<()> {
        let (offset, bytes) = self.put(|out| record::put_entry(out, entry))?;
        self.placing.push((entry.log_id, offset, bytes));
        self.told.last = Some(entry.log_id);
        self.active.highest = self.active.highest.max(Some(entry.log_id.index));
        Ok(())
    }

    /// The newest committed entry rides with whatever is written anyway, once the entry itself is written.
    fn put_newly_committed(&mut self) -> io::Result<()> {
        let Some(committed) = lock(&self.table).committed else { return Ok(()) };
        let written = self.told.last.is_some_and(|last| committed.index <= last.index);
        if !written || self.told.committed == Some(committed) {
            return Ok(());
        }
        self.put(|out| record::put_committed(out, &committed))?;
        self.told.committed = Some(committed);
        Ok(())
    }

    /// Adds one record to the group, in a new segment if it no longer fits, and says where in the group.
    fn put(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> io::Result<(usize, usize)> {
        if self.group.len() > GROUP_MAX_BYTES {
            self.flush()?;
        }
        let start = self.group.len();
        encode(self.group.records());
        let bytes = self.group.len() - start;
        if self.active.offset + self.group.len() as u64 <= self.active.capacity {
            return Ok((start, bytes));
        }
        let moved = self.group.records().split_off(start);
        self.flush()?;
        self.rotate(moved.len())?;
        let start = self.group.len();
        self.group.records().extend_from_slice(&moved);
        Ok((start, bytes))
    }

    /// One write, one flush. What was in the group is on the disk when this returns.
    fn flush(&mut self) -> io::Result<()> {
        if self.group.is_empty() {
            return Ok(());
        }
        let bytes = self.group.seal(self.salt, self.next_group);
        self.active.file.write_all_at(bytes, self.active.offset)?;
        let later =
            planted(Bug::AnswerBeforeFlush) && !self.next_group.is_multiple_of(PLANTED_SYNC);
        if !later && !planted(Bug::FlushWithoutFsync) {
            self.active.file.sync_data()?;
        }
        let at = self.active.offset;
        self.active.offset += self.group.len() as u64;
        self.health.add_log_written(self.group.len() as u64);
        self.next_group += 1;
        self.group.clear();
        self.mark.advance(self.active.number, self.active.offset)?;
        self.tell_places(at);
        Ok(())
    }

    fn tell_places(&mut self, group_at: u64) {
        let (mut table, mut last) = (lock(&self.table), None);
        for (id, offset, bytes) in self.placing.drain(..) {
            let file = self.active.file.clone();
            let place = Place { file, offset: group_at + offset as u64, bytes: bytes as u32 };
            table.placed(&id, place);
            last = Some(id);
        }
        if let Some(last) = last {
            table.flushed(&last);
        }
        table.evict();
    }

    /// Goes on in the spare. The group is empty; the new segment's head becomes its first record.
    fn rotate(&mut self, record_bytes: usize) -> io::Result<()> {
        let spare = self.spares.take()?;
        let number = self.active.number + 1;
        let next_index = self.told.last.map_or(0, |last| last.index + 1);
        let path = segment::path(&self.dir, number, next_index);
        disk::rename(&spare.path, &path)?;
        let capacity = spare.bytes;
        let file = Arc::new(spare.file);
        let next = Active { number, path, file, offset: 0, capacity, highest: None };
        let full = std::mem::replace(&mut self.active, next);
        self.sealed.push_back(Sealed {
            path: full.path,
            bytes: full.capacity,
            highest: full.highest,
        });
        self.put_head();
        self.report_size();
        // A record longer than a whole segment, in a deployment with tiny segments: let the file grow.
        self.active.capacity = capacity.max((self.group.len() + record_bytes) as u64);
        Ok(())
    }

    fn put_head(&mut self) {
        assert!(self.group.len() == RECORDS_AT, "the head is the first record of its segment");
        let head = SegmentHeadV1 {
            segment: self.active.number,
            vote: self.told.vote.as_ref().map(VoteV1::from),
            committed: self.told.committed.as_ref().map(LogIdV1::from),
            purged: self.told.purged.as_ref().map(LogIdV1::from),
            last: self.told.last.as_ref().map(LogIdV1::from),
        };
        record::put_head(self.group.records(), &head);
    }

    /// Hands over the oldest segments that hold nothing above the purge mark, which is on the disk by now.
    fn discard_purged(&mut self) {
        let Some(purged) = self.told.purged else { return };
        let before = self.sealed.len();
        while let Some(oldest) = self.sealed.front()
            && oldest.highest.is_none_or(|highest| highest <= purged.index)
        {
            let oldest = self.sealed.pop_front().expect("just looked at");
            self.spares.discard(oldest.path);
        }
        if self.sealed.len() != before {
            self.report_size();
        }
    }

    fn report_size(&self) {
        let sealed: u64 = self.sealed.iter().map(|segment| segment.bytes).sum();
        self.health.set_log_size(self.sealed.len() as u64 + 1, sealed + self.active.capacity);
    }

    fn stop_serving(&self, error: &io::Error, requests: &mut mpsc::Receiver<Request>) {
        tracing::error!(%error, segment = %self.active.path.display(), "the log can no longer be written");
        (self.on_fatal)(&format!("writing the log {}: {error}", self.active.path.display()));
        requests.close();
        while let Some(request) = requests.blocking_recv() {
            if let Some(waiting) = request.waiting() {
                waiting.tell(&Err(again(error)));
            }
        }
    }

    fn close(&mut self) -> io::Result<()> {
        self.put_newly_committed()?;
        self.flush()?;
        self.mark.sync()
    }
}

impl Request {
    fn about_bytes(&self) -> usize {
        match self {
            Request::Append { entries, .. } => {
                entries.iter().map(|entry| 64 + super::recovery::payload_bytes(entry)).sum()
            }
            Request::Vote { .. } | Request::Truncate { .. } | Request::Purge { .. } => 64,
        }
    }

    pub(super) fn waiting(self) -> Option<Waiting> {
        match self {
            Request::Append { done, .. } => Some(Waiting::Append(done)),
            Request::Vote { done, .. } | Request::Truncate { done, .. } => {
                Some(Waiting::Other(done))
            }
            Request::Purge { .. } => None,
        }
    }
}

impl Waiting {
    pub(super) fn tell(self, written: &io::Result<()>) {
        let result = match written {
            Ok(()) => Ok(()),
            Err(error) => Err(again(error)),
        };
        match self {
            Waiting::Append(done) => done.io_completed(result),
            // Whoever waited may have given up; the record is on the disk all the same.
            Waiting::Other(done) => drop(done.send(result)),
        }
    }
}

/// The same error once more: it cannot be cloned.
fn again(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}
