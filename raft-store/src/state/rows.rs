//! How history rows lie in a tree of sled: packed into blocks under their first revision, and an index by key.
//!
//! Revisions are big-endian in keys, so that sled's order is theirs.

use std::collections::BTreeMap;
use std::io;

use crate::envelope::Kind;
use crate::state::quirks::{damaged, malformed};
use crate::stored::{self, BlockV1, RowV1};

/// Rows of one write are packed into blocks of about this size: a write of many rows then costs sled a few
/// insertions. Far below the size at which sled would write a file of its own, which it does not flush.
const BLOCK_BYTES: usize = 16 << 10;

/// First byte of the key of a block.
pub(super) const BLOCK: u8 = 1;
/// First byte of a key in the index.
const BY_KEY: u8 = 2;

/// One row as it is handed in and out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredRow {
    pub revision: u64,
    pub position: u32,
    pub table: u8,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

pub(super) fn decode(bytes: &[u8]) -> io::Result<BlockV1<'_>> {
    stored::get_only(bytes, Kind::HistoryBlock).map_err(malformed)
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

pub(super) fn index_prefix(table: u8, key: &[u8]) -> Vec<u8> {
    [&[BY_KEY, table][..], &(key.len() as u32).to_be_bytes(), key].concat()
}

pub(super) fn index_key(table: u8, key: &[u8], revision: u64, position: u32) -> Vec<u8> {
    let mut indexed = index_prefix(table, key);
    indexed.extend_from_slice(&revision.to_be_bytes());
    indexed.extend_from_slice(&position.to_be_bytes());
    indexed
}

pub(super) fn revision_at_end(key: &[u8]) -> io::Result<(u64, u32)> {
    let (_, end) = key.split_last_chunk::<12>().ok_or_else(|| damaged("an index key is short"))?;
    let (revision, position) = end.split_at(8);
    Ok((
        u64::from_be_bytes(revision.try_into().expect("eight of twelve bytes")),
        u32::from_be_bytes(position.try_into().expect("four of twelve bytes")),
    ))
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
    fn keys_have_the_bytes_they_were_frozen_with() {
        assert_eq!(block_key(4, 70_000, 1), b"\x01\x04\0\0\0\0\0\x01\x11\x70\0\0\0\x01");
        let index = index_key(4, b"color", 70_000, 1);
        assert_eq!(index, b"\x02\x04\0\0\0\x05color\0\0\0\0\0\x01\x11\x70\0\0\0\x01");
        assert_eq!(revision_at_end(&index).ok(), Some((70_000, 1)));
    }

    #[test]
    fn blocks_keep_the_order_of_each_table_and_stay_small() {
        let row = |revision, table| StoredRow {
            revision,
            position: 0,
            table,
            key: Vec::new(),
            value: vec![0; 5000],
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
