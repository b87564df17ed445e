//! A note in the store's directory: the history must be made anew at the next start.
//!
//! It cannot be made anew while the member runs, because the rows since the last checkpoint follow only from
//! applying the log again.

use std::fs;
use std::io;
use std::path::Path;

use crate::disk;

const NOTE: &str = "history.suspect";

/// What an earlier run noted, if it did.
pub(crate) fn suspicion(store: &Path) -> Option<String> {
    match fs::read(store.join(NOTE)) {
        Ok(note) => Some(String::from_utf8_lossy(&note).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(format!("its note cannot be read: {error}")),
    }
}

/// Leaves the note. That it could not be left is logged; the whole history is read at the next start anyway.
pub(crate) fn suspect(store: &Path, because: &io::Error) {
    tracing::error!(%because, "the history is damaged; it is made anew at the next start");
    let note = store.join(NOTE);
    if let Err(error) = disk::replace(&note, because.to_string().as_bytes()) {
        tracing::error!(%error, note = %note.display(), "could not be written");
    }
}

/// Takes the note away, after the history was put aside.
pub(crate) fn clear_suspicion(store: &Path) -> io::Result<()> {
    match fs::remove_file(store.join(NOTE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => disk::sync_dir(store),
    }
}
