//! Opening a store: lock, identity, log, the newest usable checkpoint, history; each judged by what it is
//! worth.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use tokio::task::JoinError;
use uuid::Uuid;

use crate::checkpoint::{self, CheckpointDir, Fallback, Head, Unusable};
use crate::disk;
use crate::doubt;
use crate::error::{Doing, OpenError};
use crate::format::{self, DirLock, Identity};
use crate::health::StoreHealth;
use crate::log::{self, LogStore, LogThreads, Platter};
use crate::machine::Machine;
use crate::options::Options;
use crate::state::{
    self, Checkpoint, Core, History, InMemory, Position, Scribe, ScribeThread, Shelves, Shelving,
    StateStore,
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
pub struct Closing(Option<Threads>);

struct Threads {
    log: LogThreads,
    scribe: ScribeThread,
}

impl Closing {
    /// The same as [`wait`](Self::wait), without blocking whoever waits.
    pub async fn waited(self) -> Result<(), JoinError> {
        match self.0.is_some() {
            true => tokio::task::spawn_blocking(move || self.wait()).await,
            false => Ok(()),
        }
    }

    /// Blocks until everything is written and the directory is free. Only to be called after the Raft node
    /// that was given `log` and `state` was shut down and dropped, or it waits for that.
    pub fn wait(self) {
        if let Some(Threads { log, scribe }) = self.0 {
            log.join();
            scribe.join();
        }
    }
}

/// Opens the store in `dir`, which must be the expected one, and brings the machine to its newest checkpoint.
pub fn open<M: Machine>(
    dir: &Path,
    expect: &Identity,
    options: Options,
    machine: Arc<M>,
) -> Result<Opened<M>, OpenError> {
    let dir_lock = enter(dir, expect)?;
    let health = StoreHealth::default();
    doubt::settle(dir, &health)?;
    // The two long readings, of the log and of the history, at the same time.
    let (looked, facts) = thread::scope(|scope| {
        let looking = scope.spawn(|| look_at_history(dir, options.history_keep));
        let facts = open_facts(dir, expect, &options, machine.as_ref(), &health, &dir_lock);
        (looking.join(), facts)
    });
    let looked = looked.unwrap_or_else(|_| Looked::Doubtful("reading it panicked".to_owned()));
    let Facts { log, log_threads, checkpoints, newest, position } = facts?;
    let scribing = use_history(dir, looked, &options, newest.as_ref(), &health)
        .and_then(|shelves| start_scribe(dir, shelves, &options, &health, dir_lock));
    let (scribe, history, scribe_thread) = match scribing {
        Ok(scribing) => scribing,
        Err(error) => return Err(give_up(log, log_threads, error)),
    };
    log_threads.keep_spare();
    let core = Core {
        machine,
        position: Mutex::new(position),
        scribe,
        history: history.clone(),
        checkpoints,
        newest: Mutex::new(newest),
        cluster_id: expect.cluster_id.into_bytes(),
        health: health.clone(),
    };
    let closing = Closing(Some(Threads { log: log_threads, scribe: scribe_thread }));
    Ok(Opened { log, state: StateStore::new(core), history, health, closing })
}

/// Opens a store whose log is on `platter` and whose history is in memory; its checkpoints are files in `dir`. To be
/// called in the runtime the member runs in.
pub fn open_on<M: Machine>(
    platter: Arc<dyn Platter>,
    dir: &Path,
    cluster_id: Uuid,
    options: &Options,
    machine: Arc<M>,
) -> Result<Opened<M>, OpenError> {
    let health = StoreHealth::default();
    let checkpoint_dir = dir.join(checkpoint::DIR);
    let fallback = Fallback::new(options.keep_for_older_checkpoint);
    let checkpoints =
        CheckpointDir::open(&checkpoint_dir, fallback.clone()).doing("open", &checkpoint_dir)?;
    let log = log::open_on(platter, fallback);
    let cluster_id = cluster_id.into_bytes();
    let (newest, position) = newest_checkpoint(dir, &checkpoints, &log, cluster_id, &health)
        .and_then(|newest| restore(machine.as_ref(), newest))?;
    let shelves = InMemory::default();
    catch_up(&shelves, newest.as_ref()).doing("bring up to the checkpoint", dir)?;
    let on_fatal = options.on_fatal.clone();
    let (scribe, history) = Scribe::start_in_memory(dir, shelves, health.clone(), on_fatal)
        .doing("start the history of", dir)?;
    let core = Core {
        machine,
        position: Mutex::new(position),
        scribe,
        history: history.clone(),
        checkpoints: Arc::new(checkpoints),
        newest: Mutex::new(newest),
        cluster_id,
        health: health.clone(),
    };
    Ok(Opened { log, state: StateStore::new(core), history, health, closing: Closing(None) })
}

/// Nobody else is in, and it is the right directory.
fn enter(dir: &Path, expect: &Identity) -> Result<Arc<DirLock>, OpenError> {
    if format::identity(dir)?.is_none() {
        return Err(OpenError::NotFormatted { dir: dir.to_owned() });
    }
    let dir_lock = Arc::new(DirLock::take(dir)?);
    format::verify(dir, expect)?;
    let log_dir = dir.join(log::DIR);
    log::release_ballast(&log_dir).doing("give up the spare of", &log_dir)?;
    Ok(dir_lock)
}

/// What the facts are made of: the log, and the checkpoint it goes on from.
struct Facts {
    log: LogStore,
    log_threads: LogThreads,
    checkpoints: Arc<CheckpointDir>,
    newest: Option<Checkpoint>,
    position: Position,
}

fn open_facts<M: Machine>(
    dir: &Path,
    expect: &Identity,
    options: &Options,
    machine: &M,
    health: &StoreHealth,
    dir_lock: &Arc<DirLock>,
) -> Result<Facts, OpenError> {
    let checkpoint_dir = dir.join(checkpoint::DIR);
    let fallback = Fallback::new(options.keep_for_older_checkpoint);
    let checkpoints =
        CheckpointDir::open(&checkpoint_dir, fallback.clone()).doing("open", &checkpoint_dir)?;
    let checkpoints = Arc::new(checkpoints);
    let log_dir = dir.join(log::DIR);
    let (log, log_threads) =
        log::open(&log_dir, &expect.disk_id, options, fallback, health, dir_lock.clone())?;
    let cluster_id = expect.cluster_id.into_bytes();
    let restored = newest_checkpoint(dir, &checkpoints, &log, cluster_id, health)
        .and_then(|newest| restore(machine, newest));
    match restored {
        Ok((newest, position)) => Ok(Facts { log, log_threads, checkpoints, newest, position }),
        Err(error) => Err(give_up(log, log_threads, error)),
    }
}

/// Closes the log again, so that the directory is free when the error is seen.
fn give_up(log: LogStore, log_threads: LogThreads, error: OpenError) -> OpenError {
    drop(log);
    log_threads.join();
    error
}

fn start_scribe(
    dir: &Path,
    shelves: Shelves,
    options: &Options,
    health: &StoreHealth,
    dir_lock: Arc<DirLock>,
) -> Result<(Scribe, History, ScribeThread), OpenError> {
    let on_fatal = options.on_fatal.clone();
    Scribe::start(dir, shelves, options.history_keep, health.clone(), on_fatal, dir_lock)
        .doing("start the history of", dir)
}

fn restore<M: Machine>(
    machine: &M,
    newest: Option<(Checkpoint, Vec<u8>)>,
) -> Result<(Option<Checkpoint>, Position), OpenError> {
    let Some((checkpoint, image)) = newest else { return Ok((None, Position::default())) };
    machine
        .restore(&image)
        .map_err(|source| OpenError::Image { file: checkpoint.path.clone(), source })?;
    let head = &checkpoint.head;
    let position = Position { last: head.log_id, membership: head.membership.clone() };
    Ok((Some(checkpoint), position))
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

/// The history as it is: usable, or why not.
enum Looked {
    Good(Shelves),
    Doubtful(String),
    DiskFull,
    InUse,
}

/// Opens the history and reads all of it. It is not believed otherwise: sled has been seen to forget quietly.
fn look_at_history(dir: &Path, keep: u64) -> Looked {
    if let Some(note) = state::suspicion(dir) {
        return Looked::Doubtful(format!("an earlier run doubted it: {note}"));
    }
    let opened = Shelves::open(&dir.join(state::HISTORY_DIR), keep)
        .and_then(|shelves| shelves.verify().map(|()| shelves));
    match opened {
        Ok(shelves) => Looked::Good(shelves),
        Err(error) if disk::is_disk_full(&error) => Looked::DiskFull,
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Looked::InUse,
        Err(error) => Looked::Doubtful(error.to_string()),
    }
}

/// Uses the history, or makes it anew from the checkpoint when there is any doubt about it.
fn use_history(
    dir: &Path,
    looked: Looked,
    options: &Options,
    newest: Option<&Checkpoint>,
    health: &StoreHealth,
) -> Result<Shelves, OpenError> {
    let path: PathBuf = dir.join(state::HISTORY_DIR);
    let shelves = match looked {
        Looked::Good(shelves) => shelves,
        Looked::DiskFull => {
            let needed_bytes = 2 * options.segment_bytes;
            return Err(OpenError::DiskFull { file: path, needed_bytes });
        }
        Looked::InUse => return Err(OpenError::Locked { dir: path }),
        Looked::Doubtful(because) => {
            if path.exists() {
                let now = disk::quarantine(dir, &path).doing("put aside", &path)?;
                health.quarantined(path.clone(), now, because);
            }
            state::clear_suspicion(dir).doing("clear the note on", &path)?;
            Shelves::open(&path, options.history_keep).doing("make anew", &path)?
        }
    };
    catch_up(&shelves, newest).doing("bring up to the checkpoint", &path)?;
    health.set_history_bytes(shelves.bytes());
    Ok(shelves)
}

fn catch_up(shelves: &dyn Shelving, newest: Option<&Checkpoint>) -> std::io::Result<()> {
    let Some(Checkpoint { head, path }) = newest else { return Ok(()) };
    if shelves.progress()? < head.log_id.map(|id| id.index) {
        state::import(shelves, path, head)?;
    }
    Ok(())
}
