//! A wall clock of its own for a program, by the library of Debian's package `faketime`: a file says how far it is from this
//! computer's. The monotonic clock stays: a lease on one that jumps would be another product.

use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use tokio::process::Command;

use crate::Failure;

/// Where the library keeps its shared memory.
const SHARED: &str = "/dev/shm";
/// What it keeps there of a process begins with, in the order in which it may be removed: the memory, then its semaphore.
const KEPT: [&str; 2] = ["faketime_shm_", "sem.faketime_sem_"];
/// When a file was last read that nobody has read yet.
const UNREAD: SystemTime = SystemTime::UNIX_EPOCH;

/// Gives a program the clock of a file. It is read again when a program asks for the time and another second has begun: what
/// is kept for 1 s is read every 2 s only, and with each call it would be too often for a program that is traced.
pub(super) fn give(command: &mut Command, library: &Path, file: &Path) {
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", file)
        .env("FAKETIME_CACHE_DURATION", "0")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
}

/// Has the file say how far its clock is from this computer's, such as `+60` or `-60` (seconds).
pub(super) fn show(file: &Path, offset: &str) -> Result<(), Failure> {
    let next = file.with_extension("next");
    let written = File::create(&next).and_then(|mut made| {
        made.write_all(offset.as_bytes())?;
        made.set_times(FileTimes::new().set_accessed(UNREAD))
    });
    written.map_err(Failure::doing(next.display()))?;
    // Renamed into place, so that it is never read half written.
    fs::rename(&next, file).map_err(Failure::doing(file.display()))
}

/// Whether a program has read what the file says now.
pub(super) fn was_read(file: &Path) -> bool {
    fs::metadata(file).and_then(|told| told.accessed()).is_ok_and(|at| at != UNREAD)
}

/// Whether it shows when files of this folder are read: on a file system that was mounted `noatime` it never does.
pub(super) fn reads_show(folder: &Path) -> bool {
    let probe = folder.join("clock-probe");
    let shows = show(&probe, "+0").is_ok() && fs::read(&probe).is_ok() && was_read(&probe);
    // One that was never made is gone.
    let _ = fs::remove_file(&probe);
    shows
}

/// Removes what the library of a process that has ended, or is about to, left in shared memory: of one that came by way of another
/// program, or was killed, it leaves all. The memory goes first: by a semaphore that is left alone the next process of that
/// number goes without both, by memory that is left alone it ends.
pub(super) fn forget(pid: i32) {
    for kept in KEPT {
        // Most processes have none.
        let _ = fs::remove_file(Path::new(SHARED).join(format!("{kept}{pid}")));
    }
}

/// Removes what is still there of processes of this user that are gone, whoever started them.
pub(super) fn forget_all(is_gone: impl Fn(u32) -> bool) {
    let Ok(folder) = File::open(SHARED) else { return };
    // Whoever else is at it does the same. Two at once might take what a new process of such a number made in between.
    if folder.try_lock().is_err() {
        return;
    }
    let entries = fs::read_dir(SHARED).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    for path in left(names.collect(), is_gone).iter().map(|name| Path::new(SHARED).join(name)) {
        if is_own(&path) {
            // What cannot be removed stays for the next one.
            let _ = fs::remove_file(path);
        }
    }
}

/// Which of these files the library left of processes that are gone, in the order in which they may be removed. A process that
/// begins under such a number meanwhile makes none while one of them is there, and what it makes later is not among them.
fn left(mut names: Vec<String>, is_gone: impl Fn(u32) -> bool) -> Vec<String> {
    names.retain(|name| owner(name).is_some_and(&is_gone));
    names.sort_by_key(|name| KEPT.iter().position(|kept| name.starts_with(kept)));
    names
}

/// The process a file of this name is of, if the library made it.
fn owner(name: &str) -> Option<u32> {
    let digits = KEPT.iter().find_map(|kept| name.strip_prefix(kept))?;
    let pid: u32 = digits.parse().ok()?;
    (pid.to_string() == digits).then_some(pid)
}

fn is_own(path: &Path) -> bool {
    let user = rustix::process::geteuid().as_raw();
    fs::symlink_metadata(path).is_ok_and(|told| told.is_file() && told.uid() == user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_shown_is_unread_until_somebody_reads_it_and_another_one_is_unread_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("clock");
        show(&file, "+60").unwrap();
        assert!(!was_read(&file));
        assert_eq!(fs::read_to_string(&file).unwrap(), "+60");
        assert!(was_read(&file));
        show(&file, "-60").unwrap();
        assert!(!was_read(&file));
        assert!(reads_show(dir.path()));
    }

    #[test]
    fn what_is_there_of_the_dead_is_removed_memory_first_and_nothing_else_is() {
        let names = [
            "sem.faketime_sem_7",
            "faketime_shm_7",
            "sem.faketime_sem_8",
            "faketime_shm_8",
            "sem.faketime_sem_9",
            "sem.faketime_sem_07",
            "sem.faketime_sem_+7",
            "sem.faketime_sem_7.next",
            "faketime_shm_",
            "xfaketime_shm_7",
            "sem.faketime_shm_7",
            "PostgreSQL.7",
        ];
        let lives = 8;
        let removed = left(names.map(str::to_owned).into(), |pid| pid != lives);
        assert_eq!(removed, ["faketime_shm_7", "sem.faketime_sem_7", "sem.faketime_sem_9"]);
    }
}
