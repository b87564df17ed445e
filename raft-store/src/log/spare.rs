//! The next segment, set aside before it is needed, and the disposal of those no longer needed.
//!
//! Setting aside takes the file system tens of milliseconds, so a thread of its own does it. It is also
//! where a full disk is met: while there is a spare, every write to the log has its room. When there is no room
//! for one the health says so, new proposals are refused, and the thread tries again until there is. Any other
//! error is that of a failing disk: it is never tried again, and the process ends. The file is a ballast as
//! well: it is given up when the store is opened, so that a start on a full disk has room.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::disk::{self, Allocator};
use crate::health::{StoreHealth, lock};
use crate::options::OnFatal;

/// A spare never has the name of another one: the one before may still be on its way to its own name.
const PREFIX: &str = "spare-";
/// How often a full disk is tried again. Short against the time an operator takes to free space.
const RETRY: Duration = Duration::from_millis(500);

/// Zeros written at once, so that a flush of the log never waits behind many of them.
const FILL_BYTES: usize = 1 << 20;

/// A preallocated file without a place in the log yet.
pub(crate) struct Spare {
    pub path: PathBuf,
    pub file: File,
    pub bytes: u64,
}

/// Makes spares.
pub(crate) struct SpareMaker {
    dir: PathBuf,
    segment_bytes: u64,
    allocator: Arc<dyn Allocator>,
    made: AtomicU64,
}

impl SpareMaker {
    pub(crate) fn new(dir: &Path, segment_bytes: u64, allocator: Arc<dyn Allocator>) -> SpareMaker {
        SpareMaker { dir: dir.to_owned(), segment_bytes, allocator, made: AtomicU64::new(0) }
    }

    /// How much room a log needs to begin with: a segment and a spare.
    pub(crate) fn needed_bytes(&self) -> u64 {
        2 * self.segment_bytes
    }

    /// Makes a spare, durably, or leaves nothing behind.
    pub(crate) fn make(&self) -> io::Result<Spare> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("{PREFIX}{number}"));
        self.make_at(&path).inspect_err(|_| self.remove_leftover(&path))
    }

    fn remove_leftover(&self, path: &Path) {
        if let Err(error) = fs::remove_file(path) {
            tracing::warn!(%error, path = %path.display(), "an unfinished spare stays; the next start removes it");
        }
    }

    fn make_at(&self, path: &Path) -> io::Result<Spare> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        self.allocator.reserve(&file, self.segment_bytes)?;
        self.fill(&file)?;
        file.sync_all()?;
        Ok(Spare { path: path.to_owned(), file, bytes: self.segment_bytes })
    }

    /// Writes zeros into all of it. A flush into blocks that were only reserved has to change the file
    /// system's own records as well: measured at twice the time of one into blocks that were written before.
    fn fill(&self, file: &File) -> io::Result<()> {
        let zeros = vec![0; FILL_BYTES];
        let mut at = 0;
        while at < self.segment_bytes {
            let bytes = (self.segment_bytes - at).min(FILL_BYTES as u64);
            file.write_all_at(&zeros[..bytes as usize], at)?;
            file.sync_data()?;
            at += bytes;
        }
        Ok(())
    }
}

/// Gives up the spares of an earlier run.
pub(crate) fn discard_old(dir: &Path) -> io::Result<()> {
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The thread that keeps one spare ready.
pub(crate) struct SpareKeeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    ready: Option<Spare>,
    discarded: VecDeque<PathBuf>,
    begun: bool,
    stopped: bool,
    /// Why no spare will ever be made again.
    failed: Option<io::Error>,
}

/// Lets the owner of a store say when to begin and when to give up.
#[derive(Clone)]
pub(crate) struct SpareControl(Arc<Shared>);

impl SpareControl {
    /// From now on a spare is kept. Before, the room is left to whatever else is being opened.
    pub(crate) fn begin(&self) {
        lock(&self.0.state).begun = true;
        self.0.changed.notify_all();
    }

    /// Nobody waits for room any longer.
    pub(crate) fn stop(&self) {
        lock(&self.0.state).stopped = true;
        self.0.changed.notify_all();
    }
}

impl SpareKeeper {
    pub(crate) fn start(
        maker: SpareMaker,
        health: StoreHealth,
        on_fatal: OnFatal,
    ) -> io::Result<SpareKeeper> {
        let shared =
            Arc::new(Shared { state: Mutex::new(State::default()), changed: Condvar::new() });
        let work = shared.clone();
        let thread = thread::Builder::new()
            .name("raft-log-spare".to_owned())
            .spawn(move || work.run(&maker, &health, &on_fatal))?;
        Ok(SpareKeeper { shared, thread: Some(thread) })
    }

    pub(crate) fn control(&self) -> SpareControl {
        SpareControl(self.shared.clone())
    }

    /// Takes the spare, waiting for one if need be. Fails when the store is being closed, or the disk failed.
    pub(crate) fn take(&self) -> io::Result<Spare> {
        let mut state = lock(&self.shared.state);
        loop {
            if let Some(spare) = state.ready.take() {
                self.shared.changed.notify_all();
                return Ok(spare);
            }
            if let Some(error) = &state.failed {
                return Err(io::Error::new(error.kind(), error.to_string()));
            }
            if state.stopped {
                return Err(io::Error::other("the store is being closed, with the disk full"));
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Removes a segment off the writer's path. To be called oldest first.
    pub(crate) fn discard(&self, path: PathBuf) {
        lock(&self.shared.state).discarded.push_back(path);
        self.shared.changed.notify_all();
    }
}

impl Drop for SpareKeeper {
    fn drop(&mut self) {
        self.control().stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the keeper of the spare segment panicked");
        }
    }
}

impl Shared {
    fn run(&self, maker: &SpareMaker, health: &StoreHealth, on_fatal: &OnFatal) {
        let mut full = false;
        while let Some(work) = self.next_work(full) {
            if let Work::Discard(path) = work {
                discard(&path);
                continue;
            }
            match maker.make() {
                Ok(spare) => {
                    full = false;
                    lock(&self.state).ready = Some(spare);
                    self.changed.notify_all();
                }
                Err(error) if disk::is_disk_full(&error) => {
                    tracing::warn!(%error, "no room for the next segment");
                    full = true;
                }
                Err(error) => return self.give_up(error, on_fatal),
            }
            health.set_log_full(full);
        }
    }

    fn give_up(&self, error: io::Error, on_fatal: &OnFatal) {
        let told = format!("setting aside the next segment of the log: {error}");
        lock(&self.state).failed = Some(error);
        self.changed.notify_all();
        on_fatal(&told);
    }

    /// Waits for something to do; `None` when stopped with nothing left to discard.
    fn next_work(&self, full: bool) -> Option<Work> {
        let mut state = lock(&self.state);
        let mut waited = !full;
        loop {
            if let Some(path) = state.discarded.pop_front() {
                return Some(Work::Discard(path));
            }
            if state.stopped {
                return None;
            }
            if state.ready.is_none() && state.begun && waited {
                return Some(Work::Make);
            }
            state = match full {
                false => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                true => {
                    let (woken, timeout) = self
                        .changed
                        .wait_timeout(state, RETRY)
                        .unwrap_or_else(PoisonError::into_inner);
                    waited |= timeout.timed_out();
                    woken
                }
            };
        }
    }
}

enum Work {
    Make,
    Discard(PathBuf),
}

fn discard(path: &Path) {
    let removed = fs::remove_file(path).and_then(|()| match path.parent() {
        Some(dir) => disk::sync_dir(dir),
        None => Ok(()),
    });
    if let Err(error) = removed {
        tracing::warn!(%error, path = %path.display(), "a purged segment could not be removed; the next start removes it");
    }
}
