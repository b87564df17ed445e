//! A wall clock of its own for a program, by the library of Debian's package `faketime`: a file says how far it is from this
//! computer's. The monotonic clock stays: a lease on one that jumps would be another product.

use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use tokio::process::Command;

use crate::Failure;

/// Where the library keeps its shared memory.
const SHARED: &str = "/dev/shm";
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

/// Whether a program has read what the file says now. A file system that was mounted `noatime` never tells so.
pub(super) fn was_read(file: &Path) -> bool {
    fs::metadata(file).and_then(|told| told.accessed()).is_ok_and(|at| at != UNREAD)
}

/// Removes what the library of a process that has ended, or is about to, left in shared memory: of one that came by way of another
/// program, or was killed, it leaves all. The memory goes first: by a semaphore that is left alone the next process of that
/// number goes without both, by memory that is left alone it ends.
pub(super) fn forget(pid: i32) {
    for name in [format!("faketime_shm_{pid}"), format!("sem.faketime_sem_{pid}")] {
        // Most processes have none.
        let _ = fs::remove_file(Path::new(SHARED).join(name));
    }
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
    }
}
