//! Opening a store: lock, identity, log, the newest usable checkpoint, history; each judged by what it is
//! worth.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::checkpoint::{self, CheckpointDir, Head, Unusable};
use crate::disk;
use crate::error::{Doing, OpenError};
use crate::format::{self, DirLock, Identity};
use crate::health::StoreHealth;
use crate::log::{self, LogStore, LogThreads};
use crate::machine::Machine;
use crate::options::Options;
use crate::state::{
    self, Checkpoint, Core, History, Position, Scribe, ScribeThread, Shelves, StateStore,
};

/// An open store.
pub struct Opened<M: Machine> {
    /// For openraft: the log.
    pub log: LogStore,
    /// For openraft: the applied state.
    pub state: StateStore<M>,
    /// For readers: the history.
    pub history: History,
    /// For operators: what was put aside, what is short of room.
    pub health: StoreHealth,
    /// For the way down.
    pub closing: Closing,
}

/// Waits for the store to be wholly on the disk, once `log` and `state` are gone.
pub struct Closing {
    log: LogThreads,
    scribe: ScribeThread,
}

impl Closing {
    /// Blocks until everything is written and the directory is free. Only to be called after the Raft node
    /// that was given `log` and `state` was shut down and dropped, or it waits for that.
    pub fn wait(self) {
        self.log.join();
        self.scribe.join();
    }
}

/// Opens the store in `dir`, which must be the expected one, and brings the machine to its newest checkpoint.
pub fn open<M: Machine>(
    dir: &Path,
    expect: &Identity,
    options: Options,
    machine: Arc<M>,
) -> Result<Opened<M>, OpenError> {
    if format::identity(dir)?.is_none() {
        return Err(OpenError::NotFormatted { dir: dir.to_owned() });
    }
    let dir_lock = Arc::new(DirLock::take(dir)?);
    format::verify(dir, expect)?;
    let health = StoreHealth::default();
    let log_dir = dir.join(log::DIR);
    log::release_ballast(&log_dir).doing("give up the spare of", &log_dir)?;
    let (log, log_threads) =
        log::open(&log_dir, &expect.disk_id, &options, &health, dir_lock.clone())?;

    let checkpoint_dir = dir.join(checkpoint::DIR);
    let checkpoints =
        Arc::new(CheckpointDir::open(&checkpoint_dir).doing("open", &checkpoint_dir)?);
    let cluster_id = expect.cluster_id.into_bytes();
    let newest = newest_checkpoint(dir, &checkpoints, &log, cluster_id, &health)?;
    let position = match &newest {
        Some((checkpoint, image)) => restore(machine.as_ref(), checkpoint, image)?,
        None => Position::default(),
    };
    let newest = newest.map(|(checkpoint, _image)| checkpoint);
    let shelves = open_history(dir, &options, newest.as_ref(), &health)?;
    let (scribe, history, scribe_thread) = Scribe::start(
        dir,
        shelves,
        options.history_keep,
        health.clone(),
        options.on_fatal.clone(),
        dir_lock,
    )
    .doing("start the history of", dir)?;
    let core = Core {
        machine,
        position: Mutex::new(position),
        scribe,
        history: history.clone(),
        checkpoints,
        newest: Mutex::new(newest),
        cluster_id,
        health: health.clone(),
    };
    let closing = Closing { log: log_threads, scribe: scribe_thread };
    Ok(Opened { log, state: StateStore::new(core), history, health, closing })
}

fn restore<M: Machine>(
    machine: &M,
    checkpoint: &Checkpoint,
    image: &[u8],
) -> Result<Position, OpenError> {
    machine
        .restore(image)
        .map_err(|source| OpenError::Image { file: checkpoint.path.clone(), source })?;
    let head = &checkpoint.head;
    Ok(Position { last: head.log_id, membership: head.membership.clone() })
}

/// The newest checkpoint with which nothing is wrong; newer ones are put aside. The log must go on where it
/// ends.
fn newest_checkpoint(
    dir: &Path,
    checkpoints: &CheckpointDir,
    log: &LogStore,
    cluster_id: [u8; 16],
    health: &StoreHealth,
) -> Result<Option<(Checkpoint, Vec<u8>)>, OpenError> {
    let mut reason = "there is none".to_owned();
    for path in checkpoints.newest_first().doing("read", dir)? {
        match read_own(&path, cluster_id) {
            Ok((head, image)) if reaches(log, &head) => {
                let bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
                health.set_checkpoint_bytes(bytes);
                return Ok(Some((Checkpoint { head, path }, image)));
            }
            Ok((head, _)) => {
                reason = format!("the newest usable one ends at {:?}", head.log_id);
                break;
            }
            Err(unusable) => {
                reason = format!("{} is damaged {unusable}", path.display());
                let now = disk::quarantine(dir, &path).doing("put aside", &path)?;
                health.quarantined(path, now, unusable.to_string());
            }
        }
    }
    match log.purged() {
        Some(purged) => Err(OpenError::Checkpoint { log_begins: purged.index, reason }),
        None => Ok(None),
    }
}

fn read_own(path: &Path, cluster_id: [u8; 16]) -> Result<(Head, Vec<u8>), String> {
    let (head, image) = checkpoint::read_image(path).map_err(|bad: Unusable| bad.to_string())?;
    if head.cluster_id != cluster_id {
        return Err("it belongs to another cluster".to_owned());
    }
    Ok((head, image))
}

fn reaches(log: &LogStore, head: &Head) -> bool {
    log.purged().map(|purged| purged.index) <= head.log_id.map(|id| id.index)
}

/// Opens the history, or makes it anew from the checkpoint when there is any doubt about it.
fn open_history(
    dir: &Path,
    options: &Options,
    newest: Option<&Checkpoint>,
    health: &StoreHealth,
) -> Result<Shelves, OpenError> {
    let path: PathBuf = dir.join(state::HISTORY_DIR);
    let doubt = match state::is_suspect(dir) {
        true => Some("an earlier run could not write it".to_owned()),
        false => None,
    };
    let opened = match doubt {
        Some(doubt) => Err(doubt),
        None => match Shelves::open(&path, options.history_keep) {
            Ok(shelves) => Ok(shelves),
            Err(error) if disk::is_disk_full(&error) => {
                let needed_bytes = 2 * options.segment_bytes;
                return Err(OpenError::DiskFull { file: path, needed_bytes });
            }
            Err(error) => Err(error.to_string()),
        },
    };
    let shelves = match opened {
        Ok(shelves) => shelves,
        Err(doubt) => {
            if path.exists() {
                let now = disk::quarantine(dir, &path).doing("put aside", &path)?;
                health.quarantined(path.clone(), now, doubt);
            }
            state::clear_suspicion(dir).doing("clear the note on", &path)?;
            Shelves::open(&path, options.history_keep).doing("make anew", &path)?
        }
    };
    catch_up(&shelves, newest).doing("bring up to the checkpoint", &path)?;
    Ok(shelves)
}

fn catch_up(shelves: &Shelves, newest: Option<&Checkpoint>) -> std::io::Result<()> {
    let Some(Checkpoint { head, path }) = newest else { return Ok(()) };
    if shelves.progress()? < head.log_id.map(|id| id.index) {
        state::import(shelves, path, head)?;
    }
    Ok(())
}
