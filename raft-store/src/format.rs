//! Whose directory this is: a header file with the cluster, the disk and the node, and a lock.
//!
//! A node number is bound to a disk for ever. A member that came back with an empty or another disk has
//! forgotten its votes, and under its old number it could help to elect two leaders.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::disk;
use crate::envelope::{Kind, Malformed};
use crate::error::{Doing, OpenError};
use crate::log;
use crate::stored::{self, IdentityV1};

pub(crate) const HEADER: &str = "identity";
const LOCK: &str = "lock";

/// Whose directory this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster, made when its first member was.
    pub cluster_id: Uuid,
    /// The disk, made when the directory was formatted.
    pub disk_id: Uuid,
    /// The member's number; 0 until it is given one, for a joiner formats its disk before that.
    pub node_id: u64,
}

/// Makes an empty or missing directory a home for `identity`, durably. One whose formatting was cut short is
/// formatted anew: nobody was told that it was done.
pub fn format(dir: &Path, identity: &Identity) -> Result<(), OpenError> {
    disk::ensure_dir(dir).doing("create", dir)?;
    if !never_finished(dir).doing("read", dir)? {
        return Err(OpenError::NotEmpty { dir: dir.to_owned() });
    }
    let log_dir = dir.join(log::DIR);
    log::create(&log_dir).doing("create", &log_dir)?;
    write_header(dir, identity)
}

/// Whether there is nothing in `dir` but what a formatting leaves before its last step, which names the owner.
fn never_finished(dir: &Path) -> io::Result<bool> {
    let log_dir = dir.join(log::DIR);
    let draft_of = |name: &str| Path::new(name).with_extension(disk::DRAFT);
    let in_log = [PathBuf::from(log::MARK), draft_of(log::MARK)];
    let only = |dir: &Path, known: &[PathBuf]| -> io::Result<bool> {
        let mut names = fs::read_dir(dir)?.map(|file| file.map(|file| file.file_name()));
        names.try_fold(true, |only, name| Ok(only & known.contains(&PathBuf::from(name?))))
    };
    Ok(only(dir, &[PathBuf::from(log::DIR), draft_of(HEADER)])?
        && (!log_dir.is_dir() || only(&log_dir, &in_log)?))
}

/// Whose directory this is; `None` when it was never formatted.
pub fn identity(dir: &Path) -> Result<Option<Identity>, OpenError> {
    let file = dir.join(HEADER);
    let bytes = match fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(OpenError::Io { doing: "read", file, source }),
    };
    match stored::get_only::<IdentityV1>(&bytes, Kind::Identity) {
        Ok(header) => Ok(Some(header.into())),
        Err(malformed @ Malformed::Version(_)) => Err(OpenError::Newer { file, malformed }),
        Err(malformed) => Err(OpenError::Header { file, malformed }),
    }
}

/// Binds a formatted directory to its number, once.
pub fn assign_node_id(dir: &Path, node_id: u64) -> Result<(), OpenError> {
    let found = identity(dir)?.ok_or_else(|| OpenError::NotFormatted { dir: dir.to_owned() })?;
    if found.node_id == node_id {
        return Ok(());
    }
    if found.node_id != 0 {
        let (found, expected) = (found.node_id, node_id);
        return Err(OpenError::OtherNode { dir: dir.to_owned(), found, expected });
    }
    write_header(dir, &Identity { node_id, ..found })
}

/// Refuses a directory that is not the expected one.
pub(crate) fn verify(dir: &Path, expected: &Identity) -> Result<(), OpenError> {
    let dir = dir.to_owned();
    let Some(found) = identity(&dir)? else { return Err(OpenError::NotFormatted { dir }) };
    if found.cluster_id != expected.cluster_id {
        let (found, expected) = (found.cluster_id, expected.cluster_id);
        return Err(OpenError::OtherCluster { dir, found, expected });
    }
    if found.disk_id != expected.disk_id {
        let (found, expected) = (found.disk_id, expected.disk_id);
        return Err(OpenError::OtherDisk { dir, found, expected });
    }
    if found.node_id != expected.node_id {
        let (found, expected) = (found.node_id, expected.node_id);
        return Err(OpenError::OtherNode { dir, found, expected });
    }
    Ok(())
}

/// Keeps every other process out for as long as it lives.
#[derive(Debug)]
pub(crate) struct DirLock {
    _file: File,
}

impl DirLock {
    pub(crate) fn take(dir: &Path) -> Result<DirLock, OpenError> {
        let path: PathBuf = dir.join(LOCK);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .doing("open", &path)?;
        match file.try_lock() {
            Ok(()) => Ok(DirLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => {
                Err(OpenError::Io { doing: "lock", file: path, source })
            }
        }
    }
}

fn write_header(dir: &Path, identity: &Identity) -> Result<(), OpenError> {
    let file = dir.join(HEADER);
    let header = IdentityV1::from(identity);
    disk::replace(&file, &stored::framed(Kind::Identity, &header)).doing("write", &file)
}

impl From<&Identity> for IdentityV1 {
    fn from(identity: &Identity) -> Self {
        IdentityV1 {
            cluster_id: identity.cluster_id.into_bytes(),
            disk_id: identity.disk_id.into_bytes(),
            node_id: identity.node_id,
        }
    }
}

impl From<IdentityV1> for Identity {
    fn from(header: IdentityV1) -> Self {
        Identity {
            cluster_id: Uuid::from_bytes(header.cluster_id),
            disk_id: Uuid::from_bytes(header.disk_id),
            node_id: header.node_id,
        }
    }
}
