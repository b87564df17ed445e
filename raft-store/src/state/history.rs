//! Reading the history: rows of one key or of one table, newest first.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use crate::state::rows::StoredRow;
use crate::state::shelving::Shelving;
use crate::state::suspicion;

/// The open shelves, as readers share them with the one who writes. Empty while they are being reopened.
pub(crate) type SharedShelves = Arc<RwLock<Option<Arc<dyn Shelving>>>>;

/// Reads history rows. Cheap to clone. The reads block for as long as the disk does: call them where
/// blocking is allowed.
#[derive(Clone)]
pub struct History {
    store: PathBuf,
    shelves: SharedShelves,
    progress: watch::Receiver<u64>,
}

impl History {
    pub(crate) fn new(
        store: &Path,
        shelves: SharedShelves,
        progress: watch::Receiver<u64>,
    ) -> History {
        History { store: store.to_owned(), shelves, progress }
    }

    /// Values of the rows of exactly this key, with their revisions, newest first, older than `before`.
    pub fn scan(
        &self,
        table: u8,
        key: &[u8],
        before: Option<u64>,
        limit: usize,
    ) -> io::Result<Vec<(u64, Vec<u8>)>> {
        let before = before.unwrap_or(u64::MAX);
        let rows = self.judge(self.open()?.scan(table, key, before, limit))?;
        Ok(rows.into_iter().map(revision_and_value).collect())
    }

    /// Values of the rows of a table, whatever their key, newest first, older than `before`.
    pub fn scan_table(
        &self,
        table: u8,
        before: Option<u64>,
        limit: usize,
    ) -> io::Result<Vec<(u64, Vec<u8>)>> {
        let before = before.unwrap_or(u64::MAX);
        let rows = self.judge(self.open()?.scan_table(table, before, limit))?;
        Ok(rows.into_iter().map(revision_and_value).collect())
    }

    /// The oldest revision still held.
    pub fn floor(&self) -> io::Result<u64> {
        Ok(self.open()?.floor())
    }

    /// Waits until the rows of `revision` can be read. History follows the facts at a short distance; whoever
    /// has just been answered at a revision and wants to see its rows waits for it here, with a deadline of
    /// their own.
    pub async fn reached(&self, revision: u64) -> io::Result<()> {
        let mut progress = self.progress.clone();
        let closed = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the store is closed");
        progress.wait_for(|reached| *reached >= revision).await.map(drop).map_err(closed)
    }

    /// Damage that is met while reading is remembered for the next start.
    pub(crate) fn judge<T>(&self, read: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &read
            && error.kind() == io::ErrorKind::InvalidData
        {
            suspicion::suspect(&self.store, error);
        }
        read
    }

    pub(crate) fn open(&self) -> io::Result<Arc<dyn Shelving>> {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        shelves.clone().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::WouldBlock,
                "the history is closed, or being reopened after the disk was full",
            )
        })
    }
}

fn revision_and_value(row: StoredRow) -> (u64, Vec<u8>) {
    (row.revision, row.value)
}
