//! The log as openraft sees it.

use std::io;
use std::sync::{Arc, Mutex};

use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend};
use tokio::sync::{mpsc, oneshot};

use crate::checkpoint::Fallback;
use crate::health::lock;
use crate::log::reader::LogReader;
use crate::log::recovery::payload_bytes;
use crate::log::table::Table;
use crate::log::writer::{Done, Request};
use crate::planted::{Bug, planted};
use crate::stored::{Entry, LogId, Vote};
use crate::types::{PAYLOAD_MAX_BYTES, TypeConfig};

/// Where it is noted, at no cost, how far the log is known to be committed. May be lost; then a start knows less.
pub(crate) trait Notes: Send + Sync {
    /// Notes the newest committed entry.
    fn committed(&self, committed: &LogId) -> io::Result<()>;
}

/// The Raft log of one member.
pub struct LogStore {
    pub(super) table: Arc<Mutex<Table>>,
    pub(super) notes: Arc<dyn Notes>,
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) fallback: Fallback,
}

impl LogStore {
    /// The last purged entry, up to which only a checkpoint has the facts.
    pub(crate) fn purged(&self) -> Option<LogId> {
        lock(&self.table).purged
    }

    async fn reserve(&self) -> io::Result<mpsc::Permit<'_, Request>> {
        self.requests.reserve().await.map_err(|_| stopped())
    }

    async fn request(&self, make: impl FnOnce(Done) -> Request) -> io::Result<()> {
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
        if !planted(Bug::VoteNotPersisted) {
            self.request(|done| Request::Vote { vote, done }).await?;
        }
        lock(&self.table).vote = Some(vote);
        Ok(())
    }

    /// Costs no flush: it is noted in the mark, which outlives the process, and written to the log with the
    /// next group, which outlives the power.
    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        let Some(committed) = committed else { return Ok(()) };
        lock(&self.table).committed = Some(committed);
        self.notes.committed(&committed)
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
            if planted(Bug::TruncationCutsCommitted) { table.lose_last() } else { table.last() }
        };
        self.request(|done| Request::Truncate { after, done }).await
    }

    /// Returns before the purge is on the disk: a purge that is forgotten by a crash is asked for again. What
    /// the older checkpoint needs stays, and goes with a later purge.
    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        let place_in_queue = self.reserve().await?;
        let mut table = lock(&self.table);
        let Some(upto) = purgeable(&table, upto, &self.fallback) else { return Ok(()) };
        table.purge(upto);
        place_in_queue.send(Request::Purge { upto });
        Ok(())
    }
}

/// How much of the log may go. All of it when a checkpoint is beyond its end: nothing could follow it otherwise.
fn purgeable(table: &Table, upto: LogId, fallback: &Fallback) -> Option<LogId> {
    if table.last().is_none_or(|last| last.index <= upto.index) {
        return Some(upto);
    }
    let index = fallback.allows(upto.index)?;
    if index == upto.index { Some(upto) } else { table.id_at(index) }
}

/// Adds the entries to the table, all or none.
pub(super) fn push_all(table: &mut Table, entries: &[Entry]) -> io::Result<()> {
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
