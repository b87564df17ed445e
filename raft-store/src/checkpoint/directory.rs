//! The directory of checkpoints: names, which is newest, which may go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::checkpoint::Fallback;
use crate::checkpoint::file::Head;
use crate::disk;

/// Directory of the checkpoints inside the store's.
pub(crate) const DIR: &str = "checkpoints";
const SUFFIX: &str = "checkpoint";
/// The newest, and one more in case the newest is damaged.
const KEPT: usize = 2;

pub(crate) struct CheckpointDir {
    dir: PathBuf,
    drafts: AtomicU64,
    fallback: Fallback,
}

impl CheckpointDir {
    /// Opens the directory and removes what was never finished.
    pub(crate) fn open(dir: &Path, fallback: Fallback) -> io::Result<CheckpointDir> {
        disk::ensure_dir(dir)?;
        for file in fs::read_dir(dir)? {
            let path = file?.path();
            if path.extension().is_some_and(|suffix| suffix == disk::DRAFT) {
                fs::remove_file(&path)?;
            }
        }
        let directory = CheckpointDir { dir: dir.to_owned(), drafts: AtomicU64::new(0), fallback };
        directory.fallback.set(&directory.newest_first()?);
        Ok(directory)
    }

    /// A name for one that is being written or received; it does not count.
    pub(crate) fn draft(&self) -> PathBuf {
        let number = self.drafts.fetch_add(1, Ordering::Relaxed);
        self.dir.join(format!("{number}.{}", disk::DRAFT))
    }

    /// Gives a finished and flushed checkpoint the name that counts, and lets the oldest go.
    pub(crate) fn adopt(&self, path: &Path, head: &Head) -> io::Result<PathBuf> {
        let named = self.dir.join(name(head));
        if path != named {
            disk::rename(path, &named)?;
        }
        self.prune()?;
        self.fallback.set(&self.newest_first()?);
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

/// The index in the name of a checkpoint.
pub(crate) fn index_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.split('-').next()?.parse().ok()
}

fn name(head: &Head) -> String {
    let (index, term, leader) =
        head.log_id.map_or((0, 0, 0), |id| (id.index, id.leader_id.term, id.leader_id.node_id));
    format!("{index:020}-{term:020}-{leader:020}.{SUFFIX}")
}
