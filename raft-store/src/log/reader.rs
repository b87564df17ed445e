//! Reads the log: the newest entries from memory, older ones from their segment, checked again.
//!
//! What a read found is fixed under the lock and then fetched without it. Segments are only ever appended
//! to and an open file outlives its name, so a purge or a truncation meanwhile cannot disturb the read.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use futures::Stream;
use futures::stream;
use openraft::{OptionalSend, RaftLogReader};
use tokio::sync::watch;

use crate::aside::aside;
use crate::envelope::{Envelope, Malformed};
use crate::health::lock;
use crate::log::record;
use crate::log::table::{Found, Place, Table};
use crate::stored::{Entry, LogId, Vote};
use crate::types::TypeConfig;

/// One read for replication is at most about this big, so that a follower far behind is served in
/// pieces that fit a network frame.
const BATCH_MAX_BYTES: usize = 1 << 20;

/// Reads entries and the vote. Cheap to clone; never blocks a writer for longer than a copy of handles.
#[derive(Clone)]
pub struct LogReader {
    table: Arc<Mutex<Table>>,
}

impl LogReader {
    pub(crate) fn new(table: Arc<Mutex<Table>>) -> LogReader {
        LogReader { table }
    }

    /// The entry with this index, if the log holds it.
    pub fn id_at(&self, index: u64) -> Option<LogId> {
        lock(&self.table).id_at(index)
    }

    /// The last entry that was forgotten, and the last there is.
    pub fn ends(&self) -> (Option<LogId>, Option<LogId>) {
        let table = lock(&self.table);
        (table.purged, table.last())
    }

    /// Tells the index of the last entry that is on the disk, whenever that changes.
    pub fn on_disk(&self) -> watch::Receiver<Option<u64>> {
        lock(&self.table).on_disk()
    }

    async fn read(&self, wanted: Range<u64>, max_bytes: usize) -> io::Result<Vec<Entry>> {
        let found = lock(&self.table).find(wanted, max_bytes);
        if found.iter().all(|found| matches!(found, Found::Entry(_))) {
            return found.into_iter().map(fetch).collect();
        }
        aside(move || found.into_iter().map(fetch).collect()).await?
    }

    /// One batch of `wanted`, which must begin where it says: what is asked for here is known to exist.
    async fn read_batch(&self, wanted: Range<u64>) -> io::Result<Vec<Entry>> {
        let start = wanted.start;
        let batch = self.read(wanted, BATCH_MAX_BYTES).await?;
        match batch.first() {
            Some(first) if first.log_id.index > start => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("entry {start} is not in the log, which begins at {}", first.log_id.index),
            )),
            _ => Ok(batch),
        }
    }
}

impl RaftLogReader<TypeConfig> for LogReader {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<Entry>> {
        self.read(half_open(&range), usize::MAX).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(lock(&self.table).vote)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.read(start..end, BATCH_MAX_BYTES).await
    }

    /// In batches, so that a member that applies a long log does not hold all of it in memory.
    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let wanted = half_open(&range);
        let first = lock(&self.table).first_index().unwrap_or(wanted.end);
        let begin = Batches {
            reader: self.clone(),
            next: wanted.start.max(first),
            end: wanted.end,
            ready: VecDeque::new(),
        };
        stream::unfold(begin, Batches::step)
    }
}

/// A walk over the log, one batch in memory.
struct Batches {
    reader: LogReader,
    next: u64,
    end: u64,
    ready: VecDeque<Entry>,
}

impl Batches {
    async fn step(mut self) -> Option<(io::Result<Entry>, Batches)> {
        if self.ready.is_empty() && self.next < self.end {
            match self.reader.read_batch(self.next..self.end).await {
                Ok(batch) => self.ready = batch.into(),
                Err(error) => {
                    self.next = self.end;
                    return Some((Err(error), self));
                }
            }
        }
        let entry = self.ready.pop_front()?;
        self.next = entry.log_id.index + 1;
        Some((Ok(entry), self))
    }
}

fn half_open(range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}

fn fetch(found: Found) -> io::Result<Entry> {
    match found {
        Found::Entry(entry) => Ok(entry),
        Found::At(id, place) => fetch_from_disk(&id, &place),
    }
}

fn fetch_from_disk(id: &LogId, place: &Place) -> io::Result<Entry> {
    let mut bytes = vec![0; place.bytes as usize];
    place.file.read_exact_at(&mut bytes, place.offset)?;
    let entry = decode(&bytes).map_err(|malformed| {
        let at = place.offset;
        io::Error::new(io::ErrorKind::InvalidData, format!("log entry {id} at {at}: {malformed}"))
    })?;
    if entry.log_id != *id {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("log entry {id} at {}: found {}", place.offset, entry.log_id),
        ));
    }
    Ok(entry)
}

fn decode(bytes: &[u8]) -> Result<Entry, Malformed> {
    record::decode_entry(Envelope::open(bytes)?.0)
}
