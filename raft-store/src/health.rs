//! What an operator should know of a store: what was put aside and rebuilt, what is short of room, how big
//! it is. One shared handle; the parts report into it, nobody decides here.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The shared health of one open store.
#[derive(Clone, Default)]
pub struct StoreHealth(Arc<Gauges>);

#[derive(Default)]
struct Gauges {
    quarantined: Mutex<Vec<Quarantined>>,
    log_full: AtomicBool,
    history_full: AtomicBool,
    checkpoint_full: AtomicBool,
    log_bytes: AtomicU64,
    log_segments: AtomicU64,
    log_written_bytes: AtomicU64,
    checkpoint_bytes: AtomicU64,
    history_bytes: AtomicU64,
}

/// A damaged derived file that was put aside and replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// What it was.
    pub was: PathBuf,
    /// Where it is now.
    pub now: PathBuf,
    /// What was wrong with it.
    pub because: String,
}

/// All of the health at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthReport {
    /// What was put aside since this store was opened.
    pub quarantined: Vec<Quarantined>,
    /// Why new proposals should be refused, when the disk is full.
    pub disk_full: Option<&'static str>,
    /// A checkpoint waits for room. The log cannot be purged until then.
    pub checkpoint_waits: bool,
    /// Bytes the log's segments take.
    pub log_bytes: u64,
    /// How many segments the log has.
    pub log_segments: u64,
    /// Bytes written to the log since this store was opened.
    pub log_written_bytes: u64,
    /// Bytes of the newest checkpoint.
    pub checkpoint_bytes: u64,
    /// Bytes the history takes.
    pub history_bytes: u64,
}

impl StoreHealth {
    /// Why new proposals should be refused now, before they enter the log; `None` when there is room.
    ///
    /// What was proposed before still finds room: a segment is set aside before it is needed. The reason
    /// goes away by itself when space returns.
    pub fn disk_full(&self) -> Option<&'static str> {
        if self.0.log_full.load(Ordering::Acquire) {
            return Some("the disk is full: no room for the next segment of the log");
        }
        if self.0.history_full.load(Ordering::Acquire) {
            return Some("the disk is full: no room for the history");
        }
        None
    }

    /// All of it at once.
    pub fn report(&self) -> HealthReport {
        let gauges = &self.0;
        HealthReport {
            quarantined: lock(&gauges.quarantined).clone(),
            disk_full: self.disk_full(),
            checkpoint_waits: gauges.checkpoint_full.load(Ordering::Acquire),
            log_bytes: gauges.log_bytes.load(Ordering::Relaxed),
            log_segments: gauges.log_segments.load(Ordering::Relaxed),
            log_written_bytes: gauges.log_written_bytes.load(Ordering::Relaxed),
            checkpoint_bytes: gauges.checkpoint_bytes.load(Ordering::Relaxed),
            history_bytes: gauges.history_bytes.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn quarantined(&self, was: PathBuf, now: PathBuf, because: String) {
        tracing::warn!(was = %was.display(), now = %now.display(), %because, "put aside and rebuilt");
        lock(&self.0.quarantined).push(Quarantined { was, now, because });
    }

    pub(crate) fn set_log_full(&self, full: bool) {
        report_change("log", &self.0.log_full, full);
    }

    pub(crate) fn set_history_full(&self, full: bool) {
        report_change("history", &self.0.history_full, full);
    }

    pub(crate) fn set_checkpoint_full(&self, full: bool) {
        report_change("checkpoint", &self.0.checkpoint_full, full);
    }

    pub(crate) fn set_log_size(&self, segments: u64, bytes: u64) {
        self.0.log_segments.store(segments, Ordering::Relaxed);
        self.0.log_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_log_written(&self, bytes: u64) {
        self.0.log_written_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn set_checkpoint_bytes(&self, bytes: u64) {
        self.0.checkpoint_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn set_history_bytes(&self, bytes: u64) {
        self.0.history_bytes.store(bytes, Ordering::Relaxed);
    }
}

fn report_change(part: &str, flag: &AtomicBool, full: bool) {
    if flag.swap(full, Ordering::AcqRel) == full {
        return;
    }
    if full {
        tracing::error!(part, "the disk is full");
    } else {
        tracing::info!(part, "there is room on the disk again");
    }
}

/// A panic in one holder leaves these plain values whole, so poison is no reason to stop.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
