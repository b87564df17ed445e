//! Where the members of a run have their homes: in memory, where the computer has that, and gone with the run.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// What the name of each begins with. Then come a process id and characters that are drawn.
const PREFIX: &str = "km-sim-";
/// How many characters are drawn.
const DRAWN: usize = 6;

/// Homes for a run in this process. Removes those of processes that are gone: a run that was killed could not.
pub fn make() -> io::Result<TempDir> {
    // Where processes cannot be seen none is known to be gone.
    if is_there(std::process::id()) {
        remove(|pid| !is_there(pid));
    }
    let prefix = format!("{PREFIX}{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).rand_bytes(DRAWN).tempdir_in(within())
}

/// Removes the homes of a process that was killed.
pub fn remove_of(pid: u32) {
    remove(|of| of == pid);
}

/// Of which process homes of this name are; `None`: it is no name that `make` gives.
pub fn pid_in(name: &str) -> Option<u32> {
    let (pid, drawn) = name.strip_prefix(PREFIX)?.split_once('-')?;
    let is_drawn = drawn.len() == DRAWN && drawn.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let number = pid.parse::<u32>().ok().filter(|number| number.to_string() == pid);
    number.filter(|_| is_drawn)
}

fn remove(whose: impl Fn(u32) -> bool) {
    let Ok(all) = std::fs::read_dir(within()) else { return };
    for entry in all.flatten() {
        if entry.file_name().to_str().and_then(pid_in).is_some_and(&whose) {
            // What cannot be removed is in the way of no other run.
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

fn is_there(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

fn within() -> PathBuf {
    let shared_memory = Path::new("/dev/shm");
    if shared_memory.is_dir() { shared_memory.to_owned() } else { std::env::temp_dir() }
}
