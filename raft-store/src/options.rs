//! How a store is run. The defaults are what ships.

use std::fmt;
use std::sync::Arc;

use crate::disk::{Allocator, Fallocate};

/// What to do when the disk can no longer be trusted. Gets a sentence for the operator.
pub type OnFatal = Arc<dyn Fn(&str) + Send + Sync>;

/// How a store is run.
#[derive(Clone)]
pub struct Options {
    /// Length of one log segment. Larger: fewer changes of file; smaller: finer purging, and less to set aside
    /// at a start, when the spare is written anew. 16 MiB.
    pub segment_bytes: u64,
    /// Entries kept in memory for followers and for applying, by size. Older ones are read from the
    /// segments. 8 MiB.
    pub cache_bytes: usize,
    /// History kept, in revisions, rounded up to whole shelves of 10,000. 200,000.
    pub history_keep: u64,
    /// Purges the log no further than the older of the two checkpoints, so that the newest one may turn out
    /// damaged. Switched off only by Raft's own suite, which counts what it purged.
    pub keep_for_older_checkpoint: bool,
    /// Sets room aside on the disk. Replaced only by tests of a full disk.
    pub allocator: Arc<dyn Allocator>,
    /// Called once when a write or a flush failed. The default ends the process: after a failed flush
    /// nobody knows what is on the disk, and trying again would hide it.
    pub on_fatal: OnFatal,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            segment_bytes: 16 << 20,
            cache_bytes: 8 << 20,
            history_keep: 200_000,
            keep_for_older_checkpoint: true,
            allocator: Arc::new(Fallocate),
            on_fatal: Arc::new(|_reason| std::process::abort()),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("segment_bytes", &self.segment_bytes)
            .field("cache_bytes", &self.cache_bytes)
            .field("history_keep", &self.history_keep)
            .finish_non_exhaustive()
    }
}
