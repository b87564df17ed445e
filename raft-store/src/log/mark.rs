//! How far the log is known to be on the disk, kept beside the log.
//!
//! A torn last write and a damaged last write look the same in the log alone. The mark tells them apart: it
//! is written after every flush, so what lies below it was acknowledged and must be there, and what lies
//! above it was not. It is not flushed itself except when the log is closed: after a kill it is exact, after
//! a power cut it may lag, and it can never run ahead. It also carries the newest committed entry, so that a
//! restarted process does not show older facts than it showed before.
//!
//! Two slots in two sectors, written in turn: a torn write spoils at most the older knowledge.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;

use crate::disk;
use crate::envelope::{Envelope, Kind};
use crate::health::lock;
use crate::log::store::Notes;
use crate::stored::{self, LogId, LogIdV1, MarkV1};

pub(crate) const NAME: &str = "mark";
const SLOT_BYTES: usize = 512;

/// The open mark.
pub(crate) struct MarkFile {
    file: File,
    newest: Mutex<MarkV1>,
}

/// What the slots of a mark file say.
pub(crate) struct Slots {
    /// The newer readable one.
    pub newest: Option<MarkV1>,
    /// Where the slots begin that cannot be read.
    pub damaged: Vec<u64>,
}

/// Reads the slots; `None` when there is no such file.
pub(crate) fn read(path: &Path) -> io::Result<Option<Slots>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let slots: Vec<Option<MarkV1>> = (0..2).map(|slot| slot_at(&bytes, slot)).collect();
    let damaged = (0..2).filter(|slot| slots[*slot].is_none());
    let damaged = damaged.map(|slot| (slot * SLOT_BYTES) as u64).collect();
    let newest = slots.into_iter().flatten().max_by_key(|mark| mark.turn);
    Ok(Some(Slots { newest, damaged }))
}

pub(super) fn slot_at(bytes: &[u8], slot: usize) -> Option<MarkV1> {
    let sector = bytes.get(slot * SLOT_BYTES..)?;
    let (envelope, _) = Envelope::open(&sector[..sector.len().min(SLOT_BYTES)]).ok()?;
    stored::get(envelope, Kind::Mark).ok()
}

/// Writes a mark file that says `mark`, durably, in both slots.
pub(crate) fn create(path: &Path, mark: &MarkV1) -> io::Result<()> {
    let sector = sector(mark);
    disk::replace(path, &[sector, sector].concat())
}

impl MarkFile {
    pub(crate) fn open(path: &Path, newest: MarkV1) -> io::Result<MarkFile> {
        let file = OpenOptions::new().write(true).open(path)?;
        Ok(MarkFile { file, newest: Mutex::new(newest) })
    }

    /// Says that the log is on the disk up to here.
    pub(crate) fn advance(&self, segment: u64, offset: u64) -> io::Result<()> {
        self.change(|mark| (mark.segment, mark.offset) = (segment, offset))
    }

    /// Makes the mark itself durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn change(&self, change: impl FnOnce(&mut MarkV1)) -> io::Result<()> {
        let mut mark = lock(&self.newest);
        change(&mut mark);
        mark.turn += 1;
        let slot = (mark.turn % 2) * SLOT_BYTES as u64;
        self.file.write_all_at(&sector(&mark), slot)
    }
}

impl Notes for MarkFile {
    fn committed(&self, committed: &LogId) -> io::Result<()> {
        self.change(|mark| mark.committed = Some(LogIdV1::from(committed)))
    }
}

pub(super) fn sector(mark: &MarkV1) -> [u8; SLOT_BYTES] {
    let frame = stored::framed(Kind::Mark, mark);
    let mut sector = [0; SLOT_BYTES];
    sector[..frame.len()].copy_from_slice(&frame);
    sector
}
