//! The few things a file system must be asked for in the right order: durable creation, durable rename,
//! room set aside, and putting a damaged thing out of the way.
//!
//! Knows no format.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where damaged derived files are put, beside what replaced them.
pub(crate) const QUARANTINE: &str = "quarantine";

/// Ending of a file that is not whole yet.
pub(crate) const DRAFT: &str = "draft";

/// Sets room aside on the disk. A seam for tests of a full disk; production uses [`Fallocate`].
pub trait Allocator: Send + Sync {
    /// Makes sure that `file` is `bytes` long, zero where never written, and that writing into it cannot
    /// run out of space.
    fn reserve(&self, file: &File, bytes: u64) -> io::Result<()>;
}

/// Asks the file system, by `fallocate`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fallocate;

impl Allocator for Fallocate {
    fn reserve(&self, file: &File, bytes: u64) -> io::Result<()> {
        Ok(rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes)?)
    }
}

/// Whether the error says that there is no room left (disk or quota), which passes, unlike damage.
pub(crate) fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Makes the names in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Creates `dir` if it is missing and makes its name durable, also when an earlier run created it and was ended
/// before it could do that.
pub(crate) fn ensure_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => sync_dir(Path::new(".")),
    }
}

/// Replaces `path` by `bytes`: after a crash it is the old or the new, whole.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension(DRAFT);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    rename(&draft, path)
}

/// Renames durably, within one directory or between two.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    let parents = [to.parent(), from.parent()];
    let distinct = if parents[0] == parents[1] { 1 } else { 2 };
    parents.into_iter().take(distinct).flatten().try_for_each(sync_dir)
}

/// Moves `victim` into `<dir>/quarantine/<n>-<name>` and says where it is now.
pub(crate) fn quarantine(dir: &Path, victim: &Path) -> io::Result<PathBuf> {
    let ward = dir.join(QUARANTINE);
    ensure_dir(&ward)?;
    let name = victim.file_name().unwrap_or_default().to_string_lossy();
    let used = fs::read_dir(&ward)?.count();
    let free = (used + 1..)
        .map(|number| ward.join(format!("{number:04}-{name}")))
        .find(|path| !path.exists())
        .expect("numbers do not run out");
    rename(victim, &free)?;
    Ok(free)
}
