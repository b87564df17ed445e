//! One segment file: its name, and reading it from the first byte to the last.
//!
//! A segment is a run of groups, then zeros. It is only ever appended to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::envelope::{Envelope, Malformed};
use crate::log::group::{Group, RECORDS_AT};
use crate::log::record::Record;

const SUFFIX: &str = ".log";

/// A segment on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentName {
    pub number: u64,
    pub path: PathBuf,
}

/// The name of segment `number`, whose first entry has (or will have) this index.
pub(crate) fn path(dir: &Path, number: u64, first_index: u64) -> PathBuf {
    dir.join(format!("{number:08}-{first_index:020}{SUFFIX}"))
}

/// The segments in `dir`, in stream order.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<SegmentName>> {
    let mut names = Vec::new();
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        if let Some(number) = number_in(&path) {
            names.push(SegmentName { number, path });
        }
    }
    names.sort_by_key(|name| name.number);
    Ok(names)
}

fn number_in(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    name.split_once('-')?.0.parse().ok()
}

/// One record and where its frame is in the file.
pub(crate) struct Located {
    pub record: Record,
    pub offset: u64,
    pub bytes: u32,
}

/// How the reading of a segment ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SegmentEnd {
    /// Just after the last good group.
    pub offset: u64,
    /// Number of the last good group, if there was one.
    pub number: Option<u64>,
    /// What follows the last good group.
    pub tail: Tail,
}

/// What follows the last good group of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Zeros: nothing was written there.
    Clean,
    /// Something that is no group, and no group after it: a write that never finished, or damage to the
    /// last one that did. The mark tells which.
    Unreadable { reason: String },
    /// Something that is no group, and a good group after it: damage.
    Damaged { offset: u64, reason: String },
}

/// Reads the groups of a segment in order and shows every record to `visit`, which may object.
pub(crate) fn read(
    bytes: &[u8],
    salt: u64,
    mut next_number: Option<u64>,
    visit: &mut dyn FnMut(Located) -> Result<(), String>,
) -> SegmentEnd {
    let mut at = 0;
    let mut number = None;
    loop {
        let rest = &bytes[at..];
        let group = match Group::open(rest, salt) {
            Ok(group) if next_number.is_none_or(|next| next == group.number) => group,
            Ok(group) => {
                let reason = format!("group {} stands where {next_number:?} should", group.number);
                let tail = Tail::Damaged { offset: at as u64, reason };
                return SegmentEnd { offset: at as u64, number, tail };
            }
            Err(malformed) => {
                let tail = classify(rest, at, salt, number.or(before(next_number)), &malformed);
                return SegmentEnd { offset: at as u64, number, tail };
            }
        };
        if let Err((offset, reason)) = visit_records(&group, at, visit) {
            let tail = Tail::Damaged { offset: offset as u64, reason };
            return SegmentEnd { offset: at as u64, number, tail };
        }
        at += group.bytes;
        number = Some(group.number);
        next_number = Some(group.number + 1);
    }
}

fn before(next_number: Option<u64>) -> Option<u64> {
    next_number.and_then(|next| next.checked_sub(1))
}

fn visit_records(
    group: &Group<'_>,
    group_at: usize,
    visit: &mut dyn FnMut(Located) -> Result<(), String>,
) -> Result<(), (usize, String)> {
    let mut at = 0;
    while at < group.records.len() {
        let offset = group_at + RECORDS_AT + at;
        let (envelope, bytes) =
            Envelope::open(&group.records[at..]).map_err(|bad| (offset, bad.to_string()))?;
        let record = Record::decode(envelope).map_err(|bad| (offset, bad.to_string()))?;
        visit(Located { record, offset: offset as u64, bytes: bytes as u32 })
            .map_err(|reason| (offset, reason))?;
        at += bytes;
    }
    Ok(())
}

/// What `rest`, which does not begin with a good group, is.
fn classify(
    rest: &[u8],
    at: usize,
    salt: u64,
    last_number: Option<u64>,
    malformed: &Malformed,
) -> Tail {
    if rest.iter().all(|byte| *byte == 0) {
        return Tail::Clean;
    }
    if let Malformed::Version(_) = malformed {
        return Tail::Damaged { offset: at as u64, reason: malformed.to_string() };
    }
    match later_group(rest, salt, last_number) {
        Some(later) => Tail::Damaged {
            offset: at as u64,
            reason: format!("{malformed}, and a good group follows at {}", at + later),
        },
        None => Tail::Unreadable { reason: malformed.to_string() },
    }
}

/// Where in `rest` a group of this disk begins that is newer than the last good one. Its salt is not known
/// to whoever chose the bytes inside a record, so those cannot pass for a group.
fn later_group(rest: &[u8], salt: u64, last_number: Option<u64>) -> Option<usize> {
    let salt_bytes = salt.to_le_bytes();
    (1..rest.len().saturating_sub(RECORDS_AT)).find(|at| {
        let salted = rest[at + RECORDS_AT - 16..].starts_with(&salt_bytes);
        salted
            && Group::open(&rest[*at..], salt)
                .is_ok_and(|group| last_number.is_none_or(|last| group.number > last))
    })
}
