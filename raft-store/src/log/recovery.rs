//! Reads a log back, only reading: what it holds, where writing goes on, or where it is damaged.
//!
//! The rule: what was acknowledged is there or the log is refused. Only the very last group can be a write
//! that never finished, and only when it lies at or above the mark; that one was never acknowledged and is
//! dropped. Everything else that cannot be read is damage: a group with a good one after it, a gap between
//! segments, a file that is gone, an end below the mark.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use openraft::EntryPayload;

use crate::log::mark;
use crate::log::record::Record;
use crate::log::segment::{self, Located, SegmentEnd, SegmentName, Tail};
use crate::log::table::{Place, Table};
use crate::stored::{Entry, LogId, MarkV1, SegmentHeadV1, Vote};

/// Damage in the log that must not be passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub file: PathBuf,
    pub offset: u64,
    pub reason: String,
}

/// A log as it was read back.
pub(crate) struct Recovered {
    pub table: Table,
    /// The segments in stream order. The last one is where writing goes on.
    pub segments: Vec<ReadSegment>,
    /// Number of the next group.
    pub next_group: u64,
    pub mark: MarkV1,
    /// The mark could not be read or was gone; it has to be made again.
    pub mark_lost: bool,
}

/// A segment that was read.
#[derive(Debug)]
pub(crate) struct ReadSegment {
    pub name: SegmentName,
    pub file_bytes: u64,
    /// Just after the last good group.
    pub end: u64,
    /// The last group never finished: what follows `end` has to be wiped.
    pub torn: Option<String>,
    /// Highest index of an entry in it, whether or not it was cut off later.
    pub highest: Option<u64>,
}

/// Reads the log in `dir`. The outer error is the file system's, the inner is damage.
pub(crate) fn recover(
    dir: &Path,
    salt: u64,
    cache_max_bytes: usize,
) -> io::Result<Result<Recovered, Damage>> {
    let mark_path = dir.join(mark::NAME);
    let slots = mark::read(&mark_path)?;
    let names = if dir.is_dir() { segment::list(dir)? } else { Vec::new() };
    let known = slots.and_then(|slots| slots.newest);
    if names.is_empty() && known.is_none() {
        let reason = "the log is gone, with the votes that were in it".to_owned();
        return Ok(Err(Damage { file: mark_path, offset: 0, reason }));
    }
    let mark_lost = known.is_none();
    let mut reading = Reading {
        table: Table::new(cache_max_bytes),
        segments: Vec::new(),
        next_group: None,
        mark: known.unwrap_or_default(),
    };
    for (at, name) in names.iter().enumerate() {
        let is_last = at + 1 == names.len();
        if let Err(damage) = reading.segment(name, salt, is_last)? {
            return Ok(Err(damage));
        }
    }
    Ok(reading.finish(dir, mark_lost))
}

/// Damage that one segment shows by itself.
pub(crate) fn damage_within(path: &Path, salt: u64) -> io::Result<Option<Damage>> {
    let end = segment::read(&fs::read(path)?, salt, None, &mut |_located| Ok(()));
    Ok(match end.tail {
        Tail::Damaged { offset, reason } => Some(Damage { file: path.to_owned(), offset, reason }),
        Tail::Clean | Tail::Unreadable { .. } => None,
    })
}

struct Reading {
    table: Table,
    segments: Vec<ReadSegment>,
    next_group: Option<u64>,
    mark: MarkV1,
}

impl Reading {
    fn segment(
        &mut self,
        name: &SegmentName,
        salt: u64,
        is_last: bool,
    ) -> io::Result<Result<(), Damage>> {
        if let Some(before) = self.segments.last()
            && name.number != before.name.number + 1
        {
            let reason = format!("segment {} before it is missing", name.number - 1);
            return Ok(Err(Damage { file: name.path.clone(), offset: 0, reason }));
        }
        let bytes = fs::read(&name.path)?;
        let file = Arc::new(File::open(&name.path)?);
        let first = self.segments.is_empty();
        let mut highest = None;
        let table = &mut self.table;
        let end = segment::read(&bytes, salt, self.next_group, &mut |located| {
            if let Record::Entry(entry) = &located.record {
                highest = highest.max(Some(entry.log_id.index));
            }
            replay(table, located, name.number, first, &file)
        });
        let torn = match self.judge(name, &end, is_last) {
            Ok(torn) => torn,
            Err(damage) => return Ok(Err(damage)),
        };
        if let Some(number) = end.number {
            self.next_group = Some(number + 1);
        }
        self.segments.push(ReadSegment {
            name: name.clone(),
            file_bytes: bytes.len() as u64,
            end: end.offset,
            torn,
            highest,
        });
        Ok(Ok(()))
    }

    /// Whether the end of a segment is in order; if so, whether there is something to wipe.
    fn judge(
        &self,
        name: &SegmentName,
        end: &SegmentEnd,
        is_last: bool,
    ) -> Result<Option<String>, Damage> {
        let damage = |offset, reason| Damage { file: name.path.clone(), offset, reason };
        let below_mark = (name.number, end.offset) < (self.mark.segment, self.mark.offset)
            && name.number == self.mark.segment;
        match &end.tail {
            Tail::Damaged { offset, reason } => Err(damage(*offset, reason.clone())),
            Tail::Unreadable { reason } if !is_last => {
                Err(damage(end.offset, format!("{reason}, and a later segment follows")))
            }
            Tail::Unreadable { reason } if below_mark => {
                let upto = self.mark.offset;
                Err(damage(end.offset, format!("{reason}, but it was on the disk up to {upto}")))
            }
            Tail::Clean if below_mark => {
                let upto = self.mark.offset;
                Err(damage(end.offset, format!("it ends here, but was on the disk up to {upto}")))
            }
            Tail::Unreadable { reason } => Ok(Some(reason.clone())),
            Tail::Clean => Ok(None),
        }
    }

    fn finish(mut self, dir: &Path, mark_lost: bool) -> Result<Recovered, Damage> {
        let newest = self.segments.last().map_or(0, |segment| segment.name.number);
        if self.mark.segment > newest {
            let reason = format!("segment {} is missing", self.mark.segment);
            return Err(Damage { file: dir.to_owned(), offset: 0, reason });
        }
        if self.table.floor() != self.table.purged {
            let file = self.segments[0].name.path.clone();
            let reason = "a segment before it is missing".to_owned();
            return Err(Damage { file, offset: 0, reason });
        }
        self.table.committed = self.newest_committed();
        Ok(Recovered {
            table: self.table,
            segments: self.segments,
            next_group: self.next_group.unwrap_or(1),
            mark: self.mark,
            mark_lost,
        })
    }

    /// The newest committed entry that is really in the log. The mark may know of one that this member had
    /// not flushed itself before the power was cut.
    fn newest_committed(&self) -> Option<LogId> {
        let marked = self.mark.committed.map(LogId::from);
        [marked, self.table.committed]
            .into_iter()
            .flatten()
            .filter(|id| self.table.has_had(id))
            .max()
    }
}

/// Does to the table what the record says.
fn replay(
    table: &mut Table,
    located: Located,
    segment: u64,
    oldest: bool,
    file: &Arc<File>,
) -> Result<(), String> {
    match located.record {
        Record::Head(head) => replay_head(table, &head, segment, oldest),
        Record::Vote(vote) => replay_vote(table, vote),
        Record::Committed(committed) => {
            table.committed = table.committed.max(Some(committed));
            Ok(())
        }
        Record::Truncate(after) => {
            table.truncate(after);
            Ok(())
        }
        Record::Purge(upto) => {
            table.purge(upto);
            Ok(())
        }
        Record::Entry(entry) => {
            let place = Place { file: file.clone(), offset: located.offset, bytes: located.bytes };
            replay_entry(table, entry, place)
        }
    }
}

fn replay_head(
    table: &mut Table,
    head: &SegmentHeadV1,
    segment: u64,
    oldest: bool,
) -> Result<(), String> {
    if head.segment != segment {
        return Err(format!("it is segment {}, under the name of {segment}", head.segment));
    }
    let last = head.last.map(LogId::from);
    let vote = head.vote.map(Vote::from);
    if oldest {
        table.vote = vote;
        table.committed = head.committed.map(LogId::from);
        table.purged = head.purged.map(LogId::from);
        table.begin_after(last);
        return Ok(());
    }
    if table.last() != last || table.vote != vote {
        return Err("its head contradicts the segments before it".to_owned());
    }
    Ok(())
}

fn replay_vote(table: &mut Table, vote: Vote) -> Result<(), String> {
    table.vote = Some(vote);
    Ok(())
}

fn replay_entry(table: &mut Table, entry: Entry, place: Place) -> Result<(), String> {
    let index = entry.log_id.index;
    if let Some(next) = table.next_index()
        && index != next
    {
        return Err(format!("entry {index} stands where {next} should"));
    }
    let payload_bytes = payload_bytes(&entry);
    table.push_placed(entry, payload_bytes, place);
    Ok(())
}

/// What the payload of an entry weighs.
pub(crate) fn payload_bytes(entry: &Entry) -> usize {
    match &entry.payload {
        EntryPayload::Normal(payload) => payload.0.len(),
        EntryPayload::Blank | EntryPayload::Membership(_) => 0,
    }
}
