//! The directory of checkpoints: names, which is newest, which may go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::checkpoint::file::Head;
use crate::disk;

/// Directory of the checkpoints inside the store's.
pub(crate) const DIR: &str = "checkpoints";
const SUFFIX: &str = "checkpoint";
const DRAFT_SUFFIX: &str = "draft";
/// The newest, and one more in case the newest is damaged.
const KEPT: usize = 2;

pub(crate) struct CheckpointDir {
    dir: PathBuf,
    drafts: AtomicU64,
}

impl CheckpointDir {
    /// Opens the directory and removes what was never finished.
    pub(crate) fn open(dir: &Path) -> io::Result<CheckpointDir> {
        disk::ensure_dir(dir)?;
        for file in fs::read_dir(dir)? {
            let path = file?.path();
            if path.extension().is_some_and(|suffix| suffix == DRAFT_SUFFIX) {
                fs::remove_file(&path)?;
            }
        }
        Ok(CheckpointDir { dir: dir.to_owned(), drafts: AtomicU64::new(0) })
    }

    /// A name for one that is being written or received; it does not count.
    pub(crate) fn draft(&self) -> PathBuf {
        let number = self.drafts.fetch_add(1, Ordering::Relaxed);
        self.dir.join(format!("{number}.{DRAFT_SUFFIX}"))
    }

    /// Gives a finished and flushed checkpoint the name that counts, and lets the oldest go.
    pub(crate) fn adopt(&self, path: &Path, head: &Head) -> io::Result<PathBuf> {
        let named = self.dir.join(name(head));
        if path != named {
            disk::rename(path, &named)?;
        }
        self.prune()?;
        Ok(named)
    }

    /// All that count, newest first.
    pub(crate) fn newest_first(&self) -> io::Result<Vec<PathBuf>> {
        list(&self.dir)
    }

    fn prune(&self) -> io::Result<()> {
        for path in self.newest_first()?.into_iter().skip(KEPT) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// The checkpoints in `dir`, newest first. Names begin with the index, so they sort.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        if path.extension().is_some_and(|suffix| suffix == SUFFIX) {
            paths.push(path);
        }
    }
    paths.sort_by(|one, other| other.cmp(one));
    Ok(paths)
}

fn name(head: &Head) -> String {
    let (index, term, leader) =
        head.log_id.map_or((0, 0, 0), |id| (id.index, id.leader_id.term, id.leader_id.node_id));
    format!("{index:020}-{term:020}-{leader:020}.{SUFFIX}")
}
