//! History rows on sled: one tree, a shelf, per 10,000 revisions, so that old history goes by dropping trees.
//!
//! sled is kept to what it was seen to do well: small values, one batch per write, no flusher of its own, and
//! after its flush, which does not flush the device, a flush of our own. Everything here can be had again
//! from a checkpoint and the log, so on any doubt the directory is put aside and made anew.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use sled::{Batch, Db, Tree};

use crate::containment::contained;
use crate::envelope::Kind;
use crate::state::quirks::{
    damaged, guarded, guarded_io, malformed, remove_unfinished_snapshots, sync_creation, to_io,
    wait_for_lock,
};
use crate::state::rows::{
    BLOCK, Block, MARKS, StoredRow, beside, block_key, blocks, encode, marks, may_hold, whole_block,
};
use crate::state::shelving::{Kept, Shelving};
use crate::stored::{self, ProgressV1};

/// Directory of the history inside the store's.
pub(crate) const DIR: &str = "history";
/// Revisions in one tree. Dropping a tree of this size was measured at 2 ms; purging as many single rows at
/// ten times that.
pub(crate) const SHELF_REVISIONS: u64 = 10_000;
const SEGMENT_BYTES: usize = 8 << 20;
const CACHE_BYTES: u64 = 8 << 20;

/// A block from this size on is copied into a checkpoint as it lies. Smaller ones pack better together.
const COPIED_BYTES_LEAST: usize = 4 << 10;

const PROGRESS: &[u8] = &[0];
/// Stands in the history from its creation on. sled opens what it cannot read as if it were new; without this,
/// a history that was emptied would look like one that is young.
const BEGUN: &[u8] = b"begun";

/// The open history.
pub(crate) struct Shelves {
    db: OpenDb,
    file: File,
    keep: u64,
    /// Held for reading while shelves are walked, so that none is dropped under the walk.
    walking: RwLock<()>,
}

/// sled, closed as carefully as it is used: on a disk that fails it panics while it is dropped, too.
struct OpenDb(Option<Db>);

impl std::ops::Deref for OpenDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        self.0.as_ref().expect("it is taken only when it is dropped")
    }
}

impl Drop for OpenDb {
    fn drop(&mut self) {
        let db = self.0.take();
        if contained(|| drop(db)).is_none() {
            tracing::warn!(
                "sled panicked while the history was closed; the next start looks it over"
            );
        }
    }
}

impl Shelves {
    /// Opens the history in `dir`. Whatever is wrong with it comes back as an error, a panic of sled included.
    pub(crate) fn open(dir: &Path, keep: u64) -> io::Result<Shelves> {
        let fresh = !dir.exists();
        if !fresh {
            wait_for_lock(dir)?;
            remove_unfinished_snapshots(dir)?;
        }
        let db = guarded(|| {
            sled::Config::new()
                .path(dir)
                .flush_every_ms(None)
                .segment_size(SEGMENT_BYTES)
                .cache_capacity(CACHE_BYTES)
                .open()
        })?;
        let file = File::open(dir.join("db"))?;
        let shelves = Shelves { db: OpenDb(Some(db)), file, keep, walking: RwLock::new(()) };
        match fresh {
            true => shelves.begin(dir)?,
            false => shelves.must_have_begun()?,
        }
        Ok(shelves)
    }

    fn begin(&self, dir: &Path) -> io::Result<()> {
        guarded(|| self.db.insert(BEGUN, &[]))?;
        self.flush()?;
        sync_creation(dir)
    }

    fn must_have_begun(&self) -> io::Result<()> {
        match guarded(|| self.db.contains_key(BEGUN))? {
            true => Ok(()),
            false => Err(damaged("nothing is left of what was written into it")),
        }
    }

    /// Reads everything and fails on the first thing that is wrong: a row that cannot be read, one that is
    /// missing, a block without the marks of its keys.
    pub(crate) fn verify(&self) -> io::Result<()> {
        let _walk = self.walk();
        guarded_io(|| self.numbers().into_iter().try_for_each(|shelf| self.verify_shelf(shelf)))
    }

    fn verify_shelf(&self, shelf: u64) -> io::Result<()> {
        let tree = self.tree(shelf)?;
        let mut found = 0;
        for item in tree.scan_prefix([BLOCK]) {
            let (key, bytes) = item.map_err(to_io)?;
            let block = Block::read(&bytes)?;
            let rows = block.rows()?;
            let marked = tree.get(beside(&key, MARKS)).map_err(to_io)?;
            if marked.as_deref().unwrap_or_default() != marks(&rows) {
                let first = rows.first().map_or(0, |row| row.revision);
                return Err(damaged(&format!(
                    "the marks of the block of revision {first} are wrong"
                )));
            }
            found += rows.len() as u64;
        }
        let expected = progress_of(&tree)?.map_or(0, |progress| progress.rows);
        if found != expected {
            return Err(damaged(&format!(
                "shelf {shelf} holds {found} rows instead of {expected}"
            )));
        }
        Ok(())
    }

    /// Walks back over what begins with `prefix` and then a revision older than `before`, taking the rows
    /// that `rows_of` finds there, newest first.
    fn newest(
        &self,
        prefix: &[u8],
        before: u64,
        limit: usize,
        rows_of: impl Fn(&Tree, &[u8], &[u8]) -> io::Result<Vec<StoredRow>>,
    ) -> io::Result<Vec<StoredRow>> {
        let _walk = self.walk();
        guarded_io(|| {
            let mut rows = Vec::new();
            let end = [prefix, &before.to_be_bytes()].concat();
            for shelf in self.numbers().into_iter().rev() {
                if shelf * SHELF_REVISIONS >= before {
                    continue;
                }
                let tree = self.tree(shelf)?;
                for item in tree.range(prefix.to_vec()..end.clone()).rev() {
                    if rows.len() >= limit {
                        break;
                    }
                    let (key, value) = item.map_err(to_io)?;
                    let found = rows_of(&tree, &key, &value)?;
                    rows.extend(found.into_iter().filter(|row| row.revision < before));
                }
            }
            rows.truncate(limit);
            Ok(rows)
        })
    }

    fn walk(&self) -> RwLockReadGuard<'_, ()> {
        self.walking.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_on(&self, shelf: u64, upto: u64, rows: &[StoredRow]) -> io::Result<()> {
        let tree = self.tree(shelf)?;
        let before = progress_of(&tree)?.map_or(0, |progress| progress.rows);
        let mut batch = Batch::default();
        for block in blocks(rows) {
            let first = &block.rows[0];
            let key = block_key(first.table, first.revision, first.position);
            let marks = marks(&block.rows);
            if !marks.is_empty() {
                batch.insert(beside(&key, MARKS), marks);
            }
            batch.insert(key, encode(&block));
        }
        let progress = ProgressV1 { revision: upto, rows: before + rows.len() as u64 };
        batch.insert(PROGRESS, stored::framed(Kind::HistoryProgress, &progress));
        tree.apply_batch(batch).map_err(to_io)
    }

    fn drop_old(&self, upto: u64) -> io::Result<()> {
        // While somebody walks, the old shelves stay; the next write tries again.
        let Ok(_nobody_walks) = self.walking.try_write() else { return Ok(()) };
        let oldest_kept = upto.saturating_sub(self.keep) / SHELF_REVISIONS;
        for shelf in self.numbers().into_iter().filter(|shelf| *shelf < oldest_kept) {
            self.db.drop_tree(shelf_name(shelf)).map_err(to_io)?;
        }
        Ok(())
    }

    fn tree(&self, shelf: u64) -> io::Result<Tree> {
        self.db.open_tree(shelf_name(shelf)).map_err(to_io)
    }

    /// The shelves there are, oldest first.
    fn numbers(&self) -> Vec<u64> {
        let mut numbers: Vec<u64> =
            self.db.tree_names().iter().filter_map(|name| shelf_number(name)).collect();
        numbers.sort_unstable();
        numbers
    }
}

impl Shelving for Shelves {
    fn progress(&self) -> io::Result<Option<u64>> {
        guarded_io(|| {
            for shelf in self.numbers().into_iter().rev() {
                if let Some(progress) = progress_of(&self.tree(shelf)?)? {
                    return Ok(Some(progress.revision));
                }
            }
            Ok(None)
        })
    }

    fn floor(&self) -> u64 {
        self.numbers().first().map_or(0, |shelf| shelf * SHELF_REVISIONS)
    }

    fn bytes(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }

    // One batch for each shelf touched, the note in the same batch.
    fn put(&self, upto: u64, rows: &[StoredRow]) -> io::Result<()> {
        guarded_io(|| {
            let mut rest = rows;
            while let Some(first) = rest.first() {
                let shelf = first.revision / SHELF_REVISIONS;
                let count = rest.partition_point(|row| row.revision / SHELF_REVISIONS == shelf);
                let (here, later) = rest.split_at(count);
                let end = (shelf + 1) * SHELF_REVISIONS - 1;
                self.put_on(shelf, upto.min(end), here)?;
                rest = later;
            }
            if rows
                .last()
                .is_none_or(|last| last.revision / SHELF_REVISIONS < upto / SHELF_REVISIONS)
            {
                self.put_on(upto / SHELF_REVISIONS, upto, &[])?;
            }
            self.drop_old(upto)
        })
    }

    // On the device too.
    fn flush(&self) -> io::Result<()> {
        guarded(|| self.db.flush())?;
        self.file.sync_data()
    }

    // Waits for whoever walks: a shelf that goes under a walk looks like damage.
    fn reset(&self, floor: u64) -> io::Result<()> {
        let _nobody_walks = self.walking.write().unwrap_or_else(PoisonError::into_inner);
        guarded_io(|| {
            for shelf in self.numbers() {
                self.db.drop_tree(shelf_name(shelf)).map_err(to_io)?;
            }
            self.tree(floor / SHELF_REVISIONS)?;
            Ok(())
        })
    }

    fn each_upto(
        &self,
        upto: u64,
        visit: &mut dyn FnMut(Kept<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let _walk = self.walk();
        guarded_io(|| {
            for shelf in self.numbers() {
                // Only the shelf that is being filled may hold newer rows.
                let is_older = shelf < upto / SHELF_REVISIONS;
                for item in self.tree(shelf)?.scan_prefix([BLOCK]) {
                    let (_, bytes) = item.map_err(to_io)?;
                    if is_older && bytes.len() >= COPIED_BYTES_LEAST {
                        visit(Kept::Block(whole_block(&bytes)?))?;
                        continue;
                    }
                    Block::read(&bytes)?
                        .rows()?
                        .iter()
                        .filter(|row| row.revision <= upto)
                        .try_for_each(|row| visit(Kept::Row(row)))?;
                }
            }
            Ok(())
        })
    }

    fn scan(&self, table: u8, key: &[u8], before: u64, limit: usize) -> io::Result<Vec<StoredRow>> {
        let of_key = |bytes: &[u8]| {
            let block = Block::read(bytes)?;
            let rows = block.rows()?.into_iter().rev().filter(|row| row.key == key);
            Ok(rows.map(StoredRow::from).collect())
        };
        if key.is_empty() {
            return self.newest(&[BLOCK, table], before, limit, |_, _, block| of_key(block));
        }
        self.newest(&[MARKS, table], before, limit, |tree, at, marks| {
            if !may_hold(marks, key) {
                return Ok(Vec::new());
            }
            let block = tree.get(beside(at, BLOCK)).map_err(to_io)?;
            of_key(&block.ok_or_else(|| damaged("a block is missing"))?)
        })
    }

    fn scan_table(&self, table: u8, before: u64, limit: usize) -> io::Result<Vec<StoredRow>> {
        self.newest(&[BLOCK, table], before, limit, |_, _, bytes| {
            Ok(Block::read(bytes)?.rows()?.into_iter().rev().map(StoredRow::from).collect())
        })
    }
}

fn shelf_name(shelf: u64) -> String {
    format!("shelf-{shelf:012}")
}

fn shelf_number(name: &[u8]) -> Option<u64> {
    std::str::from_utf8(name).ok()?.strip_prefix("shelf-")?.parse().ok()
}

fn progress_of(tree: &Tree) -> io::Result<Option<ProgressV1>> {
    let Some(bytes) = tree.get(PROGRESS).map_err(to_io)? else { return Ok(None) };
    stored::get_only(&bytes, Kind::HistoryProgress).map(Some).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_history_is_not_replaced_under_whoever_walks_over_it() {
        let store = tempfile::tempdir().expect("a directory");
        let shelves = Shelves::open(&store.path().join("history"), 1_000).expect("it opens");
        let row =
            |revision| StoredRow { revision, position: 0, table: 1, key: vec![7], value: vec![8] };
        shelves.put(2, &[row(1), row(2)]).expect("there is room");
        let (mut seen, (told, replaced)) = (0, mpsc::channel());
        thread::scope(|scope| {
            let mut stand = |_: Kept<'_>| {
                if seen == 0 {
                    let (shelves, told) = (&shelves, told.clone());
                    scope.spawn(move || told.send(shelves.reset(0).is_ok()));
                    let early = replaced.recv_timeout(Duration::from_millis(200));
                    assert!(early.is_err(), "it was replaced under a walk");
                }
                seen += 1;
                Ok(())
            };
            shelves.each_upto(2, &mut stand).expect("what was begun to be read is read");
        });
        assert_eq!((seen, replaced.recv()), (2, Ok(true)));
        assert_eq!(shelves.scan_table(1, 9, 9).expect("readable").len(), 0);
    }
}
