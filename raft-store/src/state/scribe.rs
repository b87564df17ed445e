//! The thread that writes the history, off the path on which anybody waits for an answer.
//!
//! Rows come in order through a bounded queue. Until a flush has succeeded they are kept here too: when the
//! disk is full the shelves are closed, opened again once there is room, and what the flush had not reached
//! is put again. Any other error means the shelves cannot be trusted; a note for the next start is left, which
//! puts them aside and makes them anew from checkpoint and log. So it is when a write does not end.

#![expect(
    clippy::disallowed_methods,
    reason = "a task ends when every handle of its scribe is gone"
)]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use crate::checkpoint::{self, Head};
use crate::disk;
use crate::format::DirLock;
use crate::health::StoreHealth;
use crate::options::OnFatal;
use crate::state::history::{History, SharedShelves};
use crate::state::patience::Patience;
use crate::state::rows::StoredRow;
use crate::state::shelf::{self, Shelves};
use crate::state::shelving::{InMemory, Shelving};
use crate::state::suspicion;

/// Rows that may wait, by size. When that is reached, applying waits. Large enough that on a full disk Raft's
/// own entries, and what was proposed before the disk was seen to be full, are still applied.
const QUEUE_MAX_BYTES: usize = 16 << 20;
/// What a run costs beside its rows, and a row beside its bytes.
const COST_BYTES: usize = 64;
/// A flush follows after so many revisions or rows: what has to be put again after a reopening is bounded.
const FLUSH_REVISIONS: u64 = 2_000;
const FLUSH_ROWS: usize = 4_000;
/// Under load rows are put this often: one batch of many costs far less than many of one.
const GATHER: Duration = Duration::from_millis(40);
/// What is told of a write that [`Patience`] was lost with.
const NEVER_ENDS: &str = "a write has not ended in two minutes";
/// How often a full disk is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// Rows of a checkpoint that are put at once.
const IMPORT_ROWS: usize = 1_000;

/// All rows of a run of entries, up to and including `upto`.
struct Run {
    upto: u64,
    rows: Vec<StoredRow>,
}

impl Run {
    /// What it takes of the queue; never more than there is.
    fn cost(&self) -> u32 {
        let rows: usize =
            self.rows.iter().map(|row| COST_BYTES + row.key.len() + row.value.len()).sum();
        (COST_BYTES + rows).min(QUEUE_MAX_BYTES) as u32
    }
}

enum Job {
    /// With its place in the queue, which is free again when the run is on the shelves.
    Run(Run, OwnedSemaphorePermit),
    /// Answered when everything up to a revision is durable.
    Barrier { upto: u64, done: Done },
    /// Replaces everything by what a checkpoint holds.
    Import { path: PathBuf, head: Head, done: Done },
}

type Done = oneshot::Sender<io::Result<()>>;

/// Hands rows to the thread.
#[derive(Clone)]
pub(crate) struct Scribe {
    jobs: mpsc::UnboundedSender<Job>,
    room: Arc<Semaphore>,
}

/// The thread, which ends when every [`Scribe`] is gone.
pub(crate) struct ScribeThread {
    thread: JoinHandle<()>,
    stopping: Arc<AtomicBool>,
}

impl ScribeThread {
    pub(crate) fn join(self) {
        self.stopping.store(true, Ordering::Release);
        self.thread.thread().unpark();
        if self.thread.join().is_err() {
            tracing::error!("the writer of the history panicked");
        }
    }
}

impl Scribe {
    pub(crate) fn start(
        store: &Path,
        shelves: Shelves,
        keep: u64,
        health: StoreHealth,
        on_fatal: OnFatal,
        dir_lock: Arc<DirLock>,
    ) -> io::Result<(Scribe, History, ScribeThread)> {
        // Bounded by the room that each run takes; the other jobs come one at a time.
        let (jobs, queue) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(QUEUE_MAX_BYTES));
        let mut desk = Desk::over(store, Arc::new(shelves), keep, health, on_fatal)?;
        desk.patience = Patience::new(desk.lost())?;
        let (history, stopping) = (desk.history(), desk.stopping.clone());
        let thread = thread::Builder::new().name("raft-history".to_owned()).spawn(move || {
            desk.run(queue);
            drop(dir_lock);
        })?;
        Ok((Scribe { jobs, room }, history, ScribeThread { thread, stopping }))
    }

    /// Writes into memory, in the runtime this is called in, and has no thread.
    pub(crate) fn start_in_memory(
        store: &Path,
        shelves: InMemory,
        health: StoreHealth,
        on_fatal: OnFatal,
    ) -> io::Result<(Scribe, History)> {
        let (jobs, mut queue) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(QUEUE_MAX_BYTES));
        let mut desk = Desk::over(store, Arc::new(shelves), u64::MAX, health, on_fatal)?;
        let history = desk.history();
        tokio::spawn(async move {
            while let Some(job) = queue.recv().await {
                if let Err(error) = desk.serve(job) {
                    return desk.give_up(&error);
                }
            }
        });
        Ok((Scribe { jobs, room }, history))
    }

    /// Hands over the rows of a run of entries.
    pub(crate) async fn put(&self, upto: u64, rows: Vec<StoredRow>) -> io::Result<()> {
        let run = Run { upto, rows };
        let room = self.room.clone().acquire_many_owned(run.cost()).await;
        let place = room.map_err(|_| stopped())?;
        self.jobs.send(Job::Run(run, place)).map_err(|_| stopped())
    }

    /// Waits until everything up to `upto` is durable.
    pub(crate) async fn barrier(&self, upto: u64) -> io::Result<()> {
        self.ask(|done| Job::Barrier { upto, done }).await
    }

    /// Replaces everything by what a checkpoint holds.
    pub(crate) async fn import(&self, path: PathBuf, head: Head) -> io::Result<()> {
        self.ask(|done| Job::Import { path, head, done }).await
    }

    async fn ask(&self, job: impl FnOnce(Done) -> Job) -> io::Result<()> {
        let (done, answered) = oneshot::channel();
        self.jobs.send(job(done)).map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

/// Replaces everything on the shelves by the history of a checkpoint that was verified.
pub(crate) fn import(shelves: &dyn Shelving, path: &Path, head: &Head) -> io::Result<()> {
    shelves.reset(head.history_floor)?;
    let before = head.history_floor.saturating_sub(1);
    let mut rows = Vec::with_capacity(IMPORT_ROWS);
    checkpoint::read_rows(path, &mut |row| {
        rows.push(StoredRow::from(row));
        if rows.len() == IMPORT_ROWS {
            shelves.put(before, &rows)?;
            rows.clear();
        }
        Ok(())
    })?;
    shelves.put(before, &rows)?;
    if let Some(log_id) = head.log_id {
        shelves.put(log_id.index, &[])?;
    }
    shelves.flush()
}

fn stopped() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the history is no longer written")
}

/// What the thread works with.
struct Desk {
    store: PathBuf,
    shelves: SharedShelves,
    keep: u64,
    health: StoreHealth,
    on_fatal: OnFatal,
    progress: watch::Sender<u64>,
    unflushed: Vec<Run>,
    flushed_upto: u64,
    barriers: Vec<(u64, Done)>,
    /// When rows were put last.
    put_at: Instant,
    patience: Patience,
    stopping: Arc<AtomicBool>,
}

impl Desk {
    fn over(
        store: &Path,
        shelves: Arc<dyn Shelving>,
        keep: u64,
        health: StoreHealth,
        on_fatal: OnFatal,
    ) -> io::Result<Desk> {
        let reached = shelves.progress()?.unwrap_or(0);
        Ok(Desk {
            store: store.to_owned(),
            shelves: Arc::new(RwLock::new(Some(shelves))),
            keep,
            health,
            on_fatal,
            progress: watch::channel(reached).0,
            unflushed: Vec::new(),
            flushed_upto: reached,
            barriers: Vec::new(),
            put_at: Instant::now(),
            patience: Patience::without_end(),
            stopping: Arc::default(),
        })
    }

    /// What to do about a write that does not end.
    fn lost(&self) -> impl FnOnce() + Send + 'static {
        let (store, on_fatal) = (self.store.clone(), self.on_fatal.clone());
        move || give_up(&store, &on_fatal, &io::Error::new(io::ErrorKind::TimedOut, NEVER_ENDS))
    }

    fn history(&self) -> History {
        History::new(&self.store, self.shelves.clone(), self.progress.subscribe())
    }

    fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        let (mut done, mut next) = (Ok(()), None);
        while done.is_ok()
            && let Some(job) = next.take().or_else(|| jobs.blocking_recv())
        {
            let job = match job {
                Job::Run(first, place) => {
                    let (run, places, other) = self.gather(first, place, &mut jobs);
                    next = other;
                    Job::Run(run, places)
                }
                other => other,
            };
            done = self.serve(job);
            self.health.set_history_bytes(self.open().map_or(0, |shelves| shelves.bytes()));
        }
        match done.and_then(|()| self.flush()) {
            Ok(()) => {}
            Err(error) => self.give_up(&error),
        }
        // Readers may outlive the store; the directory must not stay open with them.
        self.share(None);
    }

    /// Adds to a run those that wait behind it, so that under load one batch carries many. Returns the job that
    /// ended the gathering, if it was another one.
    fn gather(
        &mut self,
        mut run: Run,
        mut places: OwnedSemaphorePermit,
        jobs: &mut mpsc::UnboundedReceiver<Job>,
    ) -> (Run, OwnedSemaphorePermit, Option<Job>) {
        // After a quiet time the first run goes at once: whoever made it may want to read it.
        let pause = GATHER.saturating_sub(self.put_at.elapsed());
        if !pause.is_zero() && !self.stopping.load(Ordering::Acquire) {
            thread::park_timeout(pause);
        }
        self.put_at = Instant::now();
        loop {
            match jobs.try_recv() {
                Ok(Job::Run(mut later, place)) => {
                    run.upto = later.upto;
                    run.rows.append(&mut later.rows);
                    places.merge(place);
                }
                Ok(other) => return (run, places, Some(other)),
                Err(_) => return (run, places, None),
            }
        }
    }

    fn serve(&mut self, job: Job) -> io::Result<()> {
        match job {
            Job::Run(run, _place) => self.serve_run(run),
            Job::Barrier { upto, done } => {
                self.barriers.push((upto, done));
                self.answer_barriers()
            }
            Job::Import { path, head, done } => {
                let imported = self.insist(|_, shelves| import(shelves, &path, &head));
                if imported.is_ok() {
                    self.unflushed.clear();
                    self.reached(head.log_id.map_or(0, |id| id.index));
                    self.flushed_upto = *self.progress.borrow();
                }
                answer(done, &imported);
                imported
            }
        }
    }

    fn serve_run(&mut self, run: Run) -> io::Result<()> {
        let upto = run.upto;
        self.unflushed.push(run);
        let newest = self.unflushed.len() - 1;
        self.insist(|desk, shelves| {
            desk.patience.with(|| put_again(shelves, &desk.unflushed[newest..]))
        })?;
        self.reached(upto);
        let rows: usize = self.unflushed.iter().map(|run| run.rows.len()).sum();
        if upto.saturating_sub(self.flushed_upto) >= FLUSH_REVISIONS || rows >= FLUSH_ROWS {
            self.flush()?;
        }
        self.answer_barriers()
    }

    fn reached(&self, revision: u64) {
        self.progress.send_if_modified(|reached| {
            let moved = *reached < revision;
            *reached = revision.max(*reached);
            moved
        });
    }

    fn answer_barriers(&mut self) -> io::Result<()> {
        let reached = *self.progress.borrow();
        if !self.barriers.iter().any(|(upto, _)| *upto <= reached) {
            return Ok(());
        }
        let flushed = self.flush();
        for (_, done) in self.barriers.extract_if(.., |(upto, _)| *upto <= reached) {
            answer(done, &flushed);
        }
        flushed
    }

    fn flush(&mut self) -> io::Result<()> {
        self.insist(|desk, shelves| desk.patience.with(|| shelves.flush()))?;
        self.unflushed.clear();
        self.flushed_upto = *self.progress.borrow();
        Ok(())
    }

    /// Does it, again and again while the disk is full.
    fn insist(&self, work: impl Fn(&Self, &dyn Shelving) -> io::Result<()>) -> io::Result<()> {
        loop {
            let error = match self.open().and_then(|shelves| work(self, &*shelves)) {
                Ok(()) => {
                    self.health.set_history_full(false);
                    return Ok(());
                }
                Err(error) if disk::is_disk_full(&error) => error,
                Err(error) => return Err(error),
            };
            self.health.set_history_full(true);
            self.wait_for_room(error)?;
        }
    }

    /// Closes the shelves, which do not recover from a failed write by themselves, and opens them again
    /// when that works. Whoever still reads keeps them open a little longer.
    fn wait_for_room(&self, mut full: io::Error) -> io::Result<()> {
        let closing = self.share(None).map(|shelves| Arc::downgrade(&shelves));
        loop {
            if self.stopping.load(Ordering::Acquire) {
                return Err(full);
            }
            thread::park_timeout(RETRY);
            if closing.as_ref().is_some_and(|shelves| shelves.strong_count() > 0) {
                continue;
            }
            let reopened = Shelves::open(&self.store.join(shelf::DIR), self.keep)
                .and_then(|shelves| put_again(&shelves, &self.unflushed).map(|()| shelves));
            match reopened {
                Ok(shelves) => {
                    self.share(Some(Arc::new(shelves)));
                    return Ok(());
                }
                Err(error) if disk::is_disk_full(&error) => full = error,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn open(&self) -> io::Result<Arc<dyn Shelving>> {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        shelves.clone().ok_or_else(stopped)
    }

    fn share(&self, shelves: Option<Arc<dyn Shelving>>) -> Option<Arc<dyn Shelving>> {
        let mut shared = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut shared, shelves)
    }

    fn give_up(&self, error: &io::Error) {
        if disk::is_disk_full(error) {
            tracing::warn!(%error, "the history was closed with the disk full; the next start catches up");
            return;
        }
        give_up(&self.store, &self.on_fatal, error);
    }
}

/// Leaves a note for the next start and ends the store's use.
fn give_up(store: &Path, on_fatal: &OnFatal, error: &io::Error) {
    suspicion::suspect(store, error);
    on_fatal(&format!("writing the history: {error}. It is made anew at the next start"));
}

/// Puts the rows that the shelves do not have yet.
fn put_again(shelves: &dyn Shelving, runs: &[Run]) -> io::Result<()> {
    let mut progress = shelves.progress()?;
    for run in runs {
        if progress.is_some_and(|progress| run.upto <= progress) {
            continue;
        }
        let known = run.rows.partition_point(|row| Some(row.revision) <= progress);
        shelves.put(run.upto, &run.rows[known..])?;
        progress = Some(run.upto);
    }
    Ok(())
}

fn answer(done: Done, result: &io::Result<()>) {
    let copy = match result {
        Ok(()) => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
    };
    // Whoever asked may have given up.
    drop(done.send(copy));
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    fn desk(store: &Path) -> Desk {
        let shelves = Shelves::open(&store.join(shelf::DIR), u64::MAX).expect("a new history");
        let on_fatal: OnFatal = Arc::new(|reason| panic!("{reason}"));
        Desk::over(store, Arc::new(shelves), u64::MAX, StoreHealth::default(), on_fatal)
            .expect("it can be read")
    }

    fn run(revision: u64) -> Run {
        let row = StoredRow { revision, position: 0, table: 1, key: vec![7], value: vec![8] };
        Run { upto: revision, rows: vec![row] }
    }

    #[test]
    fn what_was_not_flushed_when_the_disk_filled_up_is_put_again_once_there_is_room() {
        let store = tempfile::tempdir().expect("a directory");
        let mut desk = desk(store.path());
        desk.serve_run(run(1)).expect("there is room");
        desk.flush().expect("there is room");
        desk.serve_run(run(2)).expect("there is room");
        // The shelves forget what was not flushed, as they do after a failed write.
        let forgotten = desk.open().expect("open");
        forgotten.reset(0).expect("forgotten");
        drop(forgotten);
        let attempts = AtomicU32::new(0);
        let full_at_first =
            |_: &Desk, _: &dyn Shelving| match attempts.fetch_add(1, Ordering::SeqCst) {
                0 => Err(io::ErrorKind::StorageFull.into()),
                _ => Ok(()),
            };
        desk.insist(full_at_first).expect("there is room again");
        assert_eq!(desk.health.disk_full(), None);
        let rows = desk.open().expect("open again").scan_table(1, u64::MAX, 9).expect("readable");
        assert_eq!(rows.iter().map(|row| row.revision).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn closing_does_not_wait_for_room() {
        let store = tempfile::tempdir().expect("a directory");
        let desk = desk(store.path());
        desk.stopping.store(true, Ordering::Release);
        let always_full = |_: &Desk, _: &dyn Shelving| Err(io::ErrorKind::StorageFull.into());
        let error = desk.insist(always_full).expect_err("it was given up");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(desk.health.disk_full().is_some());
    }

    #[test]
    fn a_write_that_does_not_end_leaves_a_note_and_ends_the_use_of_the_store() {
        let store = tempfile::tempdir().expect("a directory");
        let ended = Arc::new(AtomicU32::new(0));
        let told = ended.clone();
        let on_fatal: OnFatal = Arc::new(move |_| {
            told.fetch_add(1, Ordering::SeqCst);
        });
        Desk { on_fatal, ..desk(store.path()) }.lost()();
        assert_eq!(ended.load(Ordering::SeqCst), 1);
        assert!(suspicion::suspicion(store.path()).is_some_and(|note| note.contains(NEVER_ENDS)));
    }

    #[test]
    fn damage_leaves_a_note_for_the_next_start() {
        let store = tempfile::tempdir().expect("a directory");
        let desk = Desk { on_fatal: Arc::new(|_| ()), ..desk(store.path()) };
        assert_eq!(suspicion::suspicion(store.path()), None);
        desk.give_up(&io::ErrorKind::InvalidData.into());
        assert!(suspicion::suspicion(store.path()).is_some());
        suspicion::clear_suspicion(store.path()).expect("removed");
        assert_eq!(suspicion::suspicion(store.path()), None);
    }
}
