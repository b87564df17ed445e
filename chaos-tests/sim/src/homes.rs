//! Where the members of a run have their homes: in memory, where the computer has that, and gone with the run.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Homes for a run in this process.
pub fn make() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(&prefix(std::process::id())).tempdir_in(within())
}

/// Removes the homes of a process that was killed.
pub fn remove_of(pid: u32) {
    let Ok(all) = std::fs::read_dir(within()) else { return };
    for entry in all.flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix(pid)) {
            // What cannot be removed is in the way of no other run.
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

fn within() -> PathBuf {
    let shared_memory = Path::new("/dev/shm");
    if shared_memory.is_dir() { shared_memory.to_owned() } else { std::env::temp_dir() }
}

fn prefix(pid: u32) -> String {
    format!("km-sim-{pid}-")
}
