//! Turns a mounted ext4 off, as a power cut does: nothing more reaches the device, not even the journal.
//!
//! The one place in these tests without a safe way: the kernel offers this only as an ioctl, and no crate wraps it.
#![expect(unsafe_code, reason = "an ioctl that no crate offers safely")]

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::ioctl::{Setter, ioctl, opcode};

/// `EXT4_IOC_SHUTDOWN`, `_IOR('X', 125, __u32)`.
const SHUTDOWN: rustix::ioctl::Opcode = opcode::read::<u32>(b'X', 125);
/// `EXT4_GOING_FLAGS_NOLOGFLUSH`.
const NO_LOG_FLUSH: u32 = 2;

/// Turns off the file system that holds `mounted`.
pub(crate) fn shutdown(mounted: &Path) -> io::Result<()> {
    let dir = File::open(mounted)?;
    // SAFETY: the kernel reads one u32 for this operation, and that is what it is given; it keeps no pointer.
    let operation = unsafe { Setter::<SHUTDOWN, u32>::new(NO_LOG_FLUSH) };
    // SAFETY: as above; a file system that does not know the operation answers with an error.
    unsafe { ioctl(&dir, operation) }?;
    Ok(())
}
