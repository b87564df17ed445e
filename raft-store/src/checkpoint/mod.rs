//! Checkpoints: the facts and the kept history as of one entry, in one file.
//!
//! A checkpoint stands in for all entries up to its own, so the log may be purged up to it. It is written
//! beside the others, flushed, and only then given its name; a half-written or half-received one has no name
//! that counts. The newest two are kept, because the newest may turn out damaged, and the log from the older one on.

mod directory;
mod fallback;
mod file;
mod inbox;
mod pace;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::aside::aside;

pub(crate) use self::directory::{CheckpointDir, DIR, list};
pub(crate) use self::fallback::Fallback;
pub(crate) use self::file::{CheckpointWriter, Head, Unusable, read_image, read_rows, verify};
pub use self::inbox::{CheckpointInbox, ReceivingCheckpoint};

/// A whole checkpoint on the disk. It stays readable while this handle lives, even when a newer one has
/// taken its place.
#[derive(Clone, Debug)]
pub struct CheckpointFile {
    path: PathBuf,
    file: Arc<File>,
    bytes: u64,
    /// Removes a received one that was never installed, with the last handle on it.
    _draft: Option<Arc<Draft>>,
}

/// A file that has no name that counts, and goes unless it is given one.
#[derive(Debug)]
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %self.0.display(), "could not be removed; the next start removes it");
            }
            _ => {}
        }
    }
}

impl CheckpointFile {
    pub(crate) fn open(path: &Path) -> io::Result<CheckpointFile> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok(CheckpointFile { path: path.to_owned(), file: Arc::new(file), bytes, _draft: None })
    }

    /// The same file, under the name it was given.
    pub(crate) fn named(self, path: &Path) -> CheckpointFile {
        CheckpointFile { path: path.to_owned(), ..self }
    }

    fn received(draft: Draft) -> io::Result<CheckpointFile> {
        let opened = CheckpointFile::open(&draft.0)?;
        Ok(CheckpointFile { _draft: Some(Arc::new(draft)), ..opened })
    }

    /// Where it is, unless a newer one has taken its place.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its length.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Up to `max_bytes` from `offset` on; nothing at the end.
    pub async fn read_chunk(&self, offset: u64, max_bytes: usize) -> io::Result<Vec<u8>> {
        let file = self.file.clone();
        let left = self.bytes.saturating_sub(offset).min(max_bytes as u64);
        aside(move || {
            let mut chunk = vec![0; left as usize];
            file.read_exact_at(&mut chunk, offset)?;
            Ok(chunk)
        })
        .await?
    }
}
