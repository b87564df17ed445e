//! What sled 0.34 has to be protected from, and we from it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::containment::contained;
use crate::disk;
use crate::envelope::Malformed;

/// sled refuses for ever to open a directory with such a file, which a crash while opening leaves behind.
pub(super) fn remove_unfinished_snapshots(dir: &Path) -> io::Result<()> {
    for file in std::fs::read_dir(dir)? {
        let path: PathBuf = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// How long the threads of a closed sled may hold on to it before somebody else must be at work.
const LOCK_WAIT: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(5);

/// Waits until nobody has the history open. sled's own threads may do so for a moment after it was closed, and
/// a new opening does not wait for them but fails, which must not be taken for damage.
pub(super) fn wait_for_lock(dir: &Path) -> io::Result<()> {
    let file = match File::open(dir.join("db")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let deadline = Instant::now() + LOCK_WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => return file.unlock(),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() > deadline => {
                return Err(io::Error::new(io::ErrorKind::WouldBlock, "the history is in use"));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_POLL),
        }
    }
}

/// What sled leaves undone when it creates a directory.
pub(super) fn sync_creation(dir: &Path) -> io::Result<()> {
    for name in ["conf", "db"] {
        File::open(dir.join(name))?.sync_all()?;
    }
    disk::sync_dir(dir)?;
    dir.parent().map_or(Ok(()), disk::sync_dir)
}

pub(super) fn guarded<T>(work: impl FnOnce() -> sled::Result<T>) -> io::Result<T> {
    guarded_io(|| work().map_err(to_io))
}

/// sled panics on some damage; here that is an error like any other.
pub(super) fn guarded_io<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    contained(work).unwrap_or_else(|| Err(damaged("sled panicked")))
}

pub(super) fn to_io(error: sled::Error) -> io::Error {
    match error {
        sled::Error::Io(error) => error,
        other => damaged(&other.to_string()),
    }
}

pub(super) fn malformed(malformed: Malformed) -> io::Error {
    damaged(&malformed.to_string())
}

pub(super) fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the history is damaged: {what}"))
}
