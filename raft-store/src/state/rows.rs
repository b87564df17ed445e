//! How history rows lie in a tree of sled: in packed blocks under their first revision, and beside each block
//! the marks of the keys in it.
//!
//! Whoever looks for a key goes through the marks and opens the blocks that have its own. An index with an entry
//! for every row would find them sooner, but sled splits a page at every sixteenth entry, and keeping such an index
//! cost more than everything else that a write leaves in the history. Revisions are big-endian in keys, so that
//! sled's order is theirs.

use std::collections::BTreeMap;
use std::io;

use crate::envelope::{Envelope, Kind, Malformed};
use crate::pack;
use crate::state::quirks::{damaged, malformed};
use crate::stored::{self, BlockV1, RowV1};

/// Rows of one write are put into blocks of about this size, and packed: a write of many rows then costs sled a few
/// insertions. A page of sixteen is far below the size at which sled would write a file of its own, which it does not
/// flush, even when nothing in it repeats itself.
const BLOCK_BYTES: usize = 32 << 10;

/// First byte of the key of a block.
pub(super) const BLOCK: u8 = 1;
/// First byte of the key of a block's marks.
pub(super) const MARKS: u8 = 2;
/// Bytes of one mark.
const MARK_BYTES: usize = 4;

/// One row as it is handed in and out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredRow {
    pub revision: u64,
    pub position: u32,
    pub table: u8,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// The bytes of a block as they lie in the tree.
pub(super) fn encode(block: &BlockV1<'_>) -> Vec<u8> {
    let (mut plain, mut packed) = (Vec::with_capacity(2 * BLOCK_BYTES), Vec::new());
    stored::put_plain(&mut plain, block);
    pack::put(&mut packed, Kind::HistoryBlock, &plain);
    packed
}

/// A block that was read.
pub(super) struct Block(Vec<u8>);

impl Block {
    pub(super) fn read(bytes: &[u8]) -> io::Result<Block> {
        Ok(Block(unpack(bytes).map_err(malformed)?))
    }

    pub(super) fn rows(&self) -> io::Result<Vec<RowV1<'_>>> {
        match stored::get_plain(&self.0).map_err(malformed)? {
            (BlockV1 { rows }, []) => Ok(rows),
            (_, rest) => Err(damaged(&format!("{} bytes after a block", rest.len()))),
        }
    }
}

/// The bytes of a block, if they are as they were written.
pub(super) fn whole_block(bytes: &[u8]) -> io::Result<&[u8]> {
    let (envelope, used) = Envelope::open(bytes).map_err(malformed)?;
    match (envelope.kind, bytes.len() - used) {
        (Kind::HistoryBlock, 0) => Ok(bytes),
        (_, more) => Err(damaged(&format!("no block, or {more} bytes after it"))),
    }
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let (envelope, used) = Envelope::open(bytes)?;
    match bytes.len() - used {
        0 => pack::get(envelope, Kind::HistoryBlock),
        more => Err(Malformed::Content(format!("{more} bytes left over"))),
    }
}

/// The rows of each table, in order, in blocks.
pub(super) fn blocks(rows: &[StoredRow]) -> Vec<BlockV1<'_>> {
    let mut tables: BTreeMap<u8, Vec<BlockV1<'_>>> = BTreeMap::new();
    let mut filled: BTreeMap<u8, usize> = BTreeMap::new();
    for row in rows {
        let blocks = tables.entry(row.table).or_default();
        let bytes = filled.entry(row.table).or_default();
        *bytes += row.key.len() + row.value.len();
        if blocks.is_empty() || *bytes > BLOCK_BYTES {
            blocks.push(BlockV1 { rows: Vec::new() });
            *bytes = row.key.len() + row.value.len();
        }
        let block = blocks.last_mut().expect("there is one by now");
        block.rows.push(RowV1::from(row));
    }
    tables.into_values().flatten().collect()
}

/// The key of the block that begins with this row.
pub(super) fn block_key(table: u8, revision: u64, position: u32) -> Vec<u8> {
    [&[BLOCK, table][..], &revision.to_be_bytes(), &position.to_be_bytes()].concat()
}

/// The key of a block's marks, and the other way round.
pub(super) fn beside(key: &[u8], kind: u8) -> Vec<u8> {
    let mut beside = key.to_vec();
    beside[0] = kind;
    beside
}

/// The marks of the keys in a block; nothing for one whose rows have none.
pub(super) fn marks(rows: &[RowV1<'_>]) -> Vec<u8> {
    let keys = rows.iter().map(|row| row.key).filter(|key| !key.is_empty());
    keys.flat_map(mark).collect()
}

/// Whether a block with these marks may hold rows of the key.
pub(super) fn may_hold(marks: &[u8], key: &[u8]) -> bool {
    let wanted = mark(key);
    marks.chunks_exact(MARK_BYTES).any(|mark| mark == wanted)
}

fn mark(key: &[u8]) -> [u8; MARK_BYTES] {
    crc32c::crc32c(key).to_le_bytes()
}

impl<'a> From<&'a StoredRow> for RowV1<'a> {
    fn from(row: &'a StoredRow) -> Self {
        RowV1 {
            revision: row.revision,
            position: row.position,
            table: row.table,
            key: &row.key,
            value: &row.value,
        }
    }
}

impl From<RowV1<'_>> for StoredRow {
    fn from(row: RowV1<'_>) -> Self {
        StoredRow {
            revision: row.revision,
            position: row.position,
            table: row.table,
            key: row.key.to_vec(),
            value: row.value.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Frozen like the stored forms: an older history is found under these keys.
    #[test]
    fn keys_and_marks_have_the_bytes_they_were_frozen_with() {
        let key = block_key(4, 70_000, 1);
        assert_eq!(key, b"\x01\x04\0\0\0\0\0\x01\x11\x70\0\0\0\x01");
        assert_eq!(beside(&key, MARKS)[..2], [2, 4]);
        assert_eq!(beside(&beside(&key, MARKS), BLOCK), key);
        assert_eq!(mark(b"123456789"), 0xE306_9283_u32.to_le_bytes());
    }

    #[test]
    fn a_block_has_a_mark_for_every_key_in_it() {
        let row = |key| RowV1 { revision: 1, position: 0, table: 1, key, value: b"" };
        let marks = marks(&[row(&b"red"[..]), row(b""), row(b"blue")]);
        assert_eq!(marks.len(), 2 * MARK_BYTES);
        assert!(may_hold(&marks, b"red") && may_hold(&marks, b"blue"));
        assert!(!may_hold(&marks, b"green"));
    }

    #[test]
    fn blocks_keep_the_order_of_each_table_and_stay_small() {
        let row = |revision, table| StoredRow {
            revision,
            position: 0,
            table,
            key: Vec::new(),
            value: vec![0; 10_000],
        };
        let rows: Vec<_> = (0..12).map(|revision| row(revision, (revision % 2) as u8)).collect();
        let packed = blocks(&rows);
        let revisions: Vec<Vec<u64>> = packed
            .iter()
            .map(|block| block.rows.iter().map(|row| row.revision).collect())
            .collect();
        assert_eq!(revisions, [vec![0, 2, 4], vec![6, 8, 10], vec![1, 3, 5], vec![7, 9, 11]]);
    }
}
