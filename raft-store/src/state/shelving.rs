//! What the writer and the readers of the history need of whatever holds it, and one that holds it in memory only.

use std::io;
use std::sync::Mutex;

use crate::health::lock;
use crate::state::rows::StoredRow;
use crate::stored::RowV1;

/// What a walk over the history shows.
pub(crate) enum Kept<'a> {
    /// A block of rows, framed and packed.
    Block(&'a [u8]),
    Row(&'a RowV1<'a>),
}

/// Holds history rows, in order of revision.
pub(crate) trait Shelving: Send + Sync {
    /// Up to which revision all rows are here; `None` for an empty history.
    fn progress(&self) -> io::Result<Option<u64>>;

    /// The oldest revision still held.
    fn floor(&self) -> u64;

    /// Bytes on the disk.
    fn bytes(&self) -> u64;

    /// Adds rows, in order of revision, and notes that everything up to `upto` is here.
    fn put(&self, upto: u64, rows: &[StoredRow]) -> io::Result<()>;

    /// Makes everything put so far durable.
    fn flush(&self) -> io::Result<()>;

    /// Forgets everything and starts at `floor`.
    fn reset(&self, floor: u64) -> io::Result<()>;

    /// Shows all rows up to `upto`, in their order: large blocks as they lie, since copying one costs nothing beside
    /// unpacking and packing it, the rows of the others one by one.
    fn each_upto(
        &self,
        upto: u64,
        visit: &mut dyn FnMut(Kept<'_>) -> io::Result<()>,
    ) -> io::Result<()>;

    /// Rows of one key, newest first, older than `before`.
    fn scan(&self, table: u8, key: &[u8], before: u64, limit: usize) -> io::Result<Vec<StoredRow>>;

    /// Rows of a table, whatever their key, newest first, older than `before`.
    fn scan_table(&self, table: u8, before: u64, limit: usize) -> io::Result<Vec<StoredRow>>;
}

/// A history that is gone with its process. A start makes it anew from checkpoint and log, as it does with one that
/// was lost.
#[derive(Default)]
pub(crate) struct InMemory(Mutex<Held>);

#[derive(Default)]
struct Held {
    rows: Vec<StoredRow>,
    progress: Option<u64>,
    floor: u64,
}

impl InMemory {
    fn newest(
        &self,
        before: u64,
        limit: usize,
        fits: impl Fn(&StoredRow) -> bool,
    ) -> Vec<StoredRow> {
        let held = lock(&self.0);
        let older = held.rows.iter().rev().filter(|row| row.revision < before && fits(row));
        older.take(limit).cloned().collect()
    }
}

impl Shelving for InMemory {
    fn progress(&self) -> io::Result<Option<u64>> {
        Ok(lock(&self.0).progress)
    }

    fn floor(&self) -> u64 {
        lock(&self.0).floor
    }

    fn bytes(&self) -> u64 {
        0
    }

    fn put(&self, upto: u64, rows: &[StoredRow]) -> io::Result<()> {
        let mut held = lock(&self.0);
        held.rows.extend_from_slice(rows);
        held.progress = held.progress.max(Some(upto));
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    fn reset(&self, floor: u64) -> io::Result<()> {
        *lock(&self.0) = Held { floor, ..Held::default() };
        Ok(())
    }

    fn each_upto(
        &self,
        upto: u64,
        visit: &mut dyn FnMut(Kept<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let held = lock(&self.0);
        let mut wanted = held.rows.iter().filter(|row| row.revision <= upto);
        wanted.try_for_each(|row| visit(Kept::Row(&RowV1::from(row))))
    }

    fn scan(&self, table: u8, key: &[u8], before: u64, limit: usize) -> io::Result<Vec<StoredRow>> {
        Ok(self.newest(before, limit, |row| row.table == table && row.key == key))
    }

    fn scan_table(&self, table: u8, before: u64, limit: usize) -> io::Result<Vec<StoredRow>> {
        Ok(self.newest(before, limit, |row| row.table == table))
    }
}
