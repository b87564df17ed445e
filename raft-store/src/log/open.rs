//! Opening a log: read it back, wipe a last write that never finished, start the writer.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;
use uuid::Uuid;

use crate::checkpoint::Fallback;
use crate::disk;
use crate::error::{Doing, OpenError};
use crate::format::DirLock;
use crate::health::{StoreHealth, lock};
use crate::log::group::GroupDraft;
use crate::log::mark::{self, MarkFile};
use crate::log::recovery::{self, Damage, ReadSegment, Recovered};
use crate::log::segment;
use crate::log::spare::{self, SpareControl, SpareKeeper, SpareMaker};
use crate::log::store::LogStore;
use crate::log::table::Table;
use crate::log::writer::{Active, Sealed, Told, Writer};
use crate::options::Options;
use crate::planted::{Bug, planted};
use crate::stored::MarkV1;

/// Requests that may wait for the writer. Whoever finds the queue full waits.
pub(super) const QUEUE_MAX: usize = 4096;

/// The threads of an open log; they end when every [`LogStore`] is gone.
pub(crate) struct LogThreads {
    writer: JoinHandle<()>,
    spares: SpareControl,
}

impl LogThreads {
    /// To be called when everything else is open: from now on room is set aside for the next segment.
    pub(crate) fn keep_spare(&self) {
        self.spares.begin();
    }

    pub(crate) fn join(self) {
        self.spares.stop();
        if self.writer.join().is_err() {
            tracing::error!("the writer of the log panicked");
        }
    }
}

/// Makes the directory of a log that holds nothing.
pub(crate) fn create(dir: &Path) -> io::Result<()> {
    disk::ensure_dir(dir)?;
    mark::create(&dir.join(mark::NAME), &MarkV1::default())
}

/// What a look at a log found.
#[derive(Default)]
pub(crate) struct Looked {
    /// What is wrong with the mark. By itself that does not matter: the next start makes it anew.
    pub mark: Vec<Damage>,
    /// What is wrong with the log. Nothing makes that good.
    pub log: Vec<Damage>,
    /// Up to where the log was forgotten, so that a checkpoint must stand in for it.
    pub purged: Option<u64>,
    /// Whether anything was ever written.
    pub is_used: bool,
}

/// Everything that is wrong with the log in `dir`, without changing it.
pub(crate) fn check(dir: &Path, disk_id: &Uuid) -> io::Result<Looked> {
    let salt = salt_of(disk_id);
    let mut looked = Looked { mark: check_mark(&dir.join(mark::NAME))?, ..Looked::default() };
    match recovery::recover(dir, salt, 0)? {
        Ok(recovered) => looked.purged = recovered.table.purged.map(|purged| purged.index),
        Err(damage) => looked.log.push(damage),
    }
    // Reading the log as a whole ends at the first damage; each segment by itself may show more.
    let names = if dir.is_dir() { segment::list(dir)? } else { Vec::new() };
    looked.is_used = !names.is_empty();
    for name in names {
        let found = recovery::damage_within(&name.path, salt)?;
        let known = &looked.log;
        let new = found.filter(|found| known.iter().all(|known| known.file != found.file));
        looked.log.extend(new);
    }
    Ok(looked)
}

fn check_mark(file: &Path) -> io::Result<Vec<Damage>> {
    let damage =
        |offset, reason: &str| Damage { file: file.to_owned(), offset, reason: reason.to_owned() };
    let Some(slots) = mark::read(file)? else {
        return Ok(vec![damage(0, "the mark is missing; it is made anew from the end of the log")]);
    };
    let meaning = match slots.newest {
        Some(_) => "a slot of the mark cannot be read; the other one stands for it",
        None => "a slot of the mark cannot be read, nor can the other; it is made anew",
    };
    Ok(slots.damaged.into_iter().map(|offset| damage(offset, meaning)).collect())
}

/// Opens the log: reads it back, wipes a last write that never finished, starts the writer.
pub(crate) fn open(
    dir: &Path,
    disk_id: &Uuid,
    options: &Options,
    fallback: Fallback,
    health: &StoreHealth,
    dir_lock: Arc<DirLock>,
) -> Result<(LogStore, LogThreads), OpenError> {
    let salt = salt_of(disk_id);
    let recovered = recovery::recover(dir, salt, options.cache_bytes)
        .doing("read", dir)?
        .map_err(|Damage { file, offset, reason }| OpenError::Log { file, offset, reason })?;
    let mark = open_mark(dir, &recovered, health)?;
    let maker = SpareMaker::new(dir, options.segment_bytes, options.allocator.clone());
    let mut writer = build_writer(dir, salt, recovered, mark, maker, options, health)?;
    writer.begin().doing("write", dir)?;
    // A group that is being founded would not get that far.
    if planted(Bug::LastEntryLost) && writer.told.last.is_some_and(|last| last.index > 100) {
        writer.lose_last().doing("write", dir)?;
    }
    let table = writer.table.clone();
    all_flushed(&mut lock(&table));
    let mark = writer.mark.clone();
    let spares = writer.spares.control();
    let (requests, queue) = mpsc::channel(QUEUE_MAX);
    let thread = thread::Builder::new()
        .name("raft-log".to_owned())
        .spawn(move || {
            writer.run(queue);
            drop(dir_lock);
        })
        .doing("start the writer of", dir)?;
    Ok((LogStore { table, notes: mark, requests, fallback }, LogThreads { writer: thread, spares }))
}

/// What a start finds is on the disk.
pub(super) fn all_flushed(table: &mut Table) {
    if let Some(last) = table.last() {
        table.flushed(&last);
    }
}

/// The salt of a disk's log. Whoever chooses the bytes of an entry does not know the disk id.
pub(super) fn salt_of(disk_id: &Uuid) -> u64 {
    let hash = blake3::hash(disk_id.as_bytes());
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("a hash is longer than eight bytes"))
}

pub(super) fn open_mark(
    dir: &Path,
    recovered: &Recovered,
    health: &StoreHealth,
) -> Result<Arc<MarkFile>, OpenError> {
    let path = dir.join(mark::NAME);
    let mut newest = recovered.mark.clone();
    if recovered.mark_lost {
        let end = recovered.segments.last().expect("a log without mark and segments is refused");
        newest = MarkV1 { segment: end.name.number, offset: end.end, ..newest };
        if path.exists() {
            let now = disk::quarantine(dir, &path).doing("put aside", &path)?;
            health.quarantined(path.clone(), now, "neither slot can be read".to_owned());
        }
        mark::create(&path, &newest).doing("write", &path)?;
    }
    Ok(Arc::new(MarkFile::open(&path, newest).doing("open", &path)?))
}

pub(super) fn build_writer(
    dir: &Path,
    salt: u64,
    recovered: Recovered,
    mark: Arc<MarkFile>,
    maker: SpareMaker,
    options: &Options,
    health: &StoreHealth,
) -> Result<Writer, OpenError> {
    let Recovered { table, mut segments, next_group, .. } = recovered;
    let active = match segments.pop() {
        Some(last) => resume(dir, last)?,
        None => begin(dir, &maker)?,
    };
    let sealed = segments.into_iter().map(|segment| Sealed {
        path: segment.name.path,
        bytes: segment.file_bytes,
        highest: segment.highest,
    });
    let told = Told {
        vote: table.vote,
        committed: table.committed,
        purged: table.purged,
        last: table.last(),
    };
    Ok(Writer {
        dir: dir.to_owned(),
        salt,
        table: Arc::new(Mutex::new(table)),
        mark,
        spares: SpareKeeper::start(maker, health.clone(), options.on_fatal.clone())
            .doing("start the spare of", dir)?,
        health: health.clone(),
        on_fatal: options.on_fatal.clone(),
        active,
        sealed: sealed.collect(),
        told,
        next_group,
        group: GroupDraft::new(),
        placing: Vec::new(),
    })
}

/// Goes on in the last segment, after wiping a write that never finished. What was read back counts as flushed from here on, and
/// a process that was killed between its write and its flush leaves that to the page cache: it is flushed now.
fn resume(dir: &Path, last: ReadSegment) -> Result<Active, OpenError> {
    let path = last.name.path;
    let file = OpenOptions::new().read(true).write(true).open(&path).doing("open", &path)?;
    if let Some(reason) = last.torn {
        tracing::info!(segment = %path.display(), offset = last.end, %reason, "wiped a write that never finished; it was never acknowledged");
        wipe(&file, last.end, last.file_bytes).doing("wipe the end of", &path)?;
    }
    file.sync_data().doing("flush", &path)?;
    // Its name as well: it may be as new as what is in it.
    disk::sync_dir(dir).doing("flush", dir)?;
    Ok(Active {
        number: last.name.number,
        path,
        file: Arc::new(file),
        offset: last.end,
        capacity: last.file_bytes,
        highest: last.highest,
    })
}

fn wipe(file: &File, from: u64, upto: u64) -> io::Result<()> {
    let zeros = [0; 64 << 10];
    let mut at = from;
    while at < upto {
        let bytes = (upto - at).min(zeros.len() as u64);
        file.write_all_at(&zeros[..bytes as usize], at)?;
        at += bytes;
    }
    file.sync_data()
}

/// The first segment of a new log.
fn begin(dir: &Path, maker: &SpareMaker) -> Result<Active, OpenError> {
    let path = segment::path(dir, 1, 0);
    let spare = maker.make().map_err(|source| match disk::is_disk_full(&source) {
        true => OpenError::DiskFull { file: path.clone(), needed_bytes: maker.needed_bytes() },
        false => OpenError::Io { doing: "set aside", file: path.clone(), source },
    })?;
    disk::rename(&spare.path, &path).doing("create", &path)?;
    let file = Arc::new(spare.file);
    Ok(Active { number: 1, path, file, offset: 0, capacity: spare.bytes, highest: None })
}

/// Gives up the spare of an earlier run, so that opening the rest has room on a full disk.
pub(crate) fn release_ballast(dir: &Path) -> io::Result<()> {
    if dir.is_dir() { spare::discard_old(dir) } else { Ok(()) }
}
