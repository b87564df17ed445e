//! A log on something else than files: whoever opens it so decides what is kept, when, and what is lost.
//!
//! The seam for simulations, which run thousands of crashes a minute. Everything above the writing is the log as it
//! ships: the table, the readers, the order of requests, what may be purged. The files have tests of their own.

#![expect(
    clippy::disallowed_methods,
    reason = "the task ends when every handle on its log is gone"
)]

use std::io;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use tokio::sync::mpsc;

use crate::checkpoint::Fallback;
use crate::health::lock;
use crate::log::open::{QUEUE_MAX, all_flushed};
use crate::log::recovery::payload_bytes;
use crate::log::store::{LogStore, Notes};
use crate::log::table::Table;
use crate::log::writer::Request;
use crate::stored::{Entry, LogId, Vote};

/// One thing written to a log. A log is what all of them say in order.
#[derive(Clone, Debug)]
pub enum Record {
    /// Follows the last entry.
    Entry(Entry),
    /// Replaces the vote before it.
    Vote(Vote),
    /// Cuts off what comes after this entry; `None` cuts off all.
    Truncate(Option<LogId>),
    /// Forgets everything up to this entry, which may lie beyond the last one.
    Purge(LogId),
}

/// What a platter has of a log when it is opened.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The last vote.
    pub vote: Option<Vote>,
    /// The newest entry noted to be committed.
    pub committed: Option<LogId>,
    /// Up to where everything was forgotten.
    pub purged: Option<LogId>,
    /// What follows it.
    pub entries: Vec<Entry>,
}

/// Where the records of a log are kept.
pub trait Platter: Send + Sync + 'static {
    /// What there is.
    fn kept(&self) -> Kept;

    /// Takes records after those before them. Whoever waits for them is told when all of them are kept. One that ends
    /// before, by a crash or with an error, may have kept all of them, none, or a beginning that ends after any record: files take
    /// a batch as one group, whole or not, but several where it is longer than a group or comes to the end of its segment.
    fn write(&self, records: Vec<Record>) -> BoxFuture<'static, io::Result<()>>;

    /// Notes how far the log is known to be committed. A note may be lost.
    fn note(&self, committed: LogId);
}

struct NotesOn(Arc<dyn Platter>);

impl Notes for NotesOn {
    fn committed(&self, committed: &LogId) -> io::Result<()> {
        self.0.note(*committed);
        Ok(())
    }
}

/// Opens the log on a platter. To be called within a runtime, in which it is written.
pub(crate) fn open_on(platter: Arc<dyn Platter>, fallback: Fallback) -> LogStore {
    let Kept { vote, committed, purged, entries } = platter.kept();
    // Nothing has a place in a file, so nothing leaves memory.
    let mut table = Table::new(usize::MAX);
    (table.vote, table.committed) = (vote, committed);
    if let Some(purged) = purged {
        table.purge(purged);
    }
    for entry in entries {
        let bytes = payload_bytes(&entry);
        table.push(entry, bytes);
    }
    all_flushed(&mut table);
    let table = Arc::new(Mutex::new(table));
    let (requests, queue) = mpsc::channel(QUEUE_MAX);
    tokio::spawn(write(queue, platter.clone(), table.clone()));
    let notes = Arc::new(NotesOn(platter));
    LogStore { table, notes, requests, fallback }
}

async fn write(
    mut queue: mpsc::Receiver<Request>,
    platter: Arc<dyn Platter>,
    table: Arc<Mutex<Table>>,
) {
    while let Some(first) = queue.recv().await {
        let mut batch = vec![first];
        while let Ok(next) = queue.try_recv() {
            batch.push(next);
        }
        let records: Vec<Record> = batch.iter().flat_map(records).collect();
        let last = records.iter().rev().find_map(|record| match record {
            Record::Entry(entry) => Some(entry.log_id),
            Record::Vote(_) | Record::Truncate(_) | Record::Purge(_) => None,
        });
        let written = platter.write(records).await;
        if let Some(last) = last.filter(|_| written.is_ok()) {
            lock(&table).flushed(&last);
        }
        for waiting in batch.into_iter().filter_map(Request::waiting) {
            waiting.tell(&written);
        }
        if written.is_err() {
            return;
        }
    }
}

fn records(request: &Request) -> Vec<Record> {
    match request {
        Request::Append { entries, .. } => entries.iter().cloned().map(Record::Entry).collect(),
        Request::Vote { vote, .. } => vec![Record::Vote(*vote)],
        Request::Truncate { after, .. } => vec![Record::Truncate(*after)],
        Request::Purge { upto } => vec![Record::Purge(*upto)],
    }
}
