//! The directory of checkpoints: names, which is newest, which may go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::checkpoint::Fallback;
use crate::checkpoint::file::Head;
use crate::disk;
use crate::health::lock;

/// Directory of the checkpoints inside the store's.
pub(crate) const DIR: &str = "checkpoints";
const SUFFIX: &str = "checkpoint";
/// The newest, and one more in case the newest is damaged.
const KEPT: usize = 2;

pub(crate) struct CheckpointDir {
    dir: PathBuf,
    drafts: AtomicU64,
    fallback: Fallback,
    /// One is built while another is installed. Who lets the oldest go must find it there.
    naming: Mutex<()>,
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
        let (dir, drafts, naming) = (dir.to_owned(), AtomicU64::new(0), Mutex::new(()));
        let directory = CheckpointDir { dir, drafts, fallback, naming };
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
        let _alone = lock(&self.naming);
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

#[cfg(test)]
mod tests {
    use std::thread;

    use openraft::alias::LeaderIdOf;
    use openraft::vote::RaftLeaderId;

    use super::*;
    use crate::stored::{LogId, StoredMembership};
    use crate::types::TypeConfig;

    fn head(index: u64) -> Head {
        let log_id = Some(LogId::new(LeaderIdOf::<TypeConfig>::new(1, 1), index));
        let membership = StoredMembership::default();
        Head { cluster_id: [0; 16], log_id, membership, history_floor: 0 }
    }

    #[test]
    fn those_that_are_built_and_those_that_are_installed_do_not_take_the_oldest_from_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(DIR);
        let directory = CheckpointDir::open(&path, Fallback::new(true)).unwrap();
        let adopt = |first: u64| {
            for index in (first..400).step_by(4) {
                let draft = directory.draft();
                fs::write(&draft, b"whole").unwrap();
                directory.adopt(&draft, &head(index)).unwrap();
            }
        };
        thread::scope(|scope| {
            for first in 0..4 {
                scope.spawn(move || adopt(first));
            }
        });
        let left: Vec<_> = directory.newest_first().unwrap();
        let left: Vec<_> = left.iter().filter_map(|path| index_of(path)).collect();
        assert_eq!(left, [399, 398]);
    }
}
