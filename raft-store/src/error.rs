//! Why a directory cannot be opened, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use uuid::Uuid;

use crate::envelope::Malformed;

/// Why a directory was not opened or formatted. The message says what to do.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The directory has never been formatted.
    #[error(
        "{dir} holds no Manager data. Run `km init` (first Manager) or `km join` (further ones) with this data directory"
    )]
    NotFormatted { dir: PathBuf },
    /// Formatting asks for an empty directory.
    #[error("{dir} is not empty. Choose an empty directory, or move away what is in it")]
    NotEmpty { dir: PathBuf },
    /// The data belongs to another cluster.
    #[error(
        "{dir} belongs to cluster {found}, not to {expected}. Point this Manager at its own data directory, or join with an empty one"
    )]
    OtherCluster { dir: PathBuf, found: Uuid, expected: Uuid },
    /// The disk was formatted again, or is that of another Manager.
    #[error(
        "{dir} is disk {found}, but this Manager is bound to disk {expected}. A number is never given to a second disk: put the old disk back, or remove this Manager from the group and join again with `km join --replace`"
    )]
    OtherDisk { dir: PathBuf, found: Uuid, expected: Uuid },
    /// The disk belongs to another number.
    #[error(
        "{dir} is the disk of node {found}, not of node {expected}. Point this Manager at its own data directory, or join with an empty one"
    )]
    OtherNode { dir: PathBuf, found: u64, expected: u64 },
    /// Written by a later version.
    #[error(
        "{file} was written by a newer version of this program ({malformed}). Start that version, or a later one"
    )]
    Newer { file: PathBuf, malformed: Malformed },
    /// The directory header is damaged.
    #[error(
        "{file} is damaged: {malformed}. Without it nobody can tell whose data this is: remove this Manager from the group and join again with `km join --replace`"
    )]
    Header { file: PathBuf, malformed: Malformed },
    /// The log is damaged where it was known to be on the disk.
    #[error(
        "the log is damaged: {file} at offset {offset}: {reason}. Acknowledged entries or votes may be gone, so this Manager must not serve under its number again: remove it from the group and join again with `km join --replace`"
    )]
    Log { file: PathBuf, offset: u64, reason: String },
    /// No checkpoint can be read and the log no longer begins at the beginning.
    #[error(
        "no usable checkpoint: the log begins after entry {log_begins}, and {reason}. Remove this Manager from the group and join again with `km join --replace`"
    )]
    Checkpoint { log_begins: u64, reason: String },
    /// Another process has it open.
    #[error("{dir} is in use by another process. Stop it first")]
    Locked { dir: PathBuf },
    /// The disk has no room to begin with.
    #[error(
        "no space left on the disk of {file}. Free at least {needed_bytes} bytes and start again"
    )]
    DiskFull { file: PathBuf, needed_bytes: u64 },
    /// The state machine did not accept an image that is intact.
    #[error(
        "the image in {file} is intact but was not accepted: {source}. This looks like a fault of this program or a newer image: keep the directory and report it"
    )]
    Image { file: PathBuf, source: io::Error },
    /// The file system refused.
    #[error("{doing} {file}: {source}")]
    Io { doing: &'static str, file: PathBuf, source: io::Error },
}

/// Adds what was being done, and to what, to an error of the file system.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str, file: &Path) -> Result<T, OpenError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, file: &Path) -> Result<T, OpenError> {
        self.map_err(|source| OpenError::Io { doing, file: file.to_owned(), source })
    }
}
