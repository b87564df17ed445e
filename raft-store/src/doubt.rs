//! Facts that turned out wrong although nothing is damaged: a note for the next start, which makes them anew.
//!
//! The newest checkpoint, which may hold what is wrong, and the history are put aside then. The facts follow from
//! the older checkpoint, or from nothing, and the log. It does not know who doubts, or why.

use std::fs;
use std::io;
use std::path::Path;

use crate::checkpoint;
use crate::disk;
use crate::error::{Doing, OpenError};
use crate::health::StoreHealth;
use crate::state;

const NOTE: &str = "facts.suspect";

/// Leaves the note in the store's directory. The process is to end after that, without using its facts again.
pub fn doubt(dir: &Path, because: &str) -> io::Result<()> {
    let newest = checkpoint::list(&dir.join(checkpoint::DIR))?.into_iter().next();
    let name =
        newest.and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
    state::suspect(dir, &io::Error::other(because.to_owned()));
    disk::replace(&dir.join(NOTE), format!("{}\n{because}", name.unwrap_or_default()).as_bytes())
}

/// Does what an earlier run's note asks for. Repeated after a crash, it comes to the same.
pub(crate) fn settle(dir: &Path, health: &StoreHealth) -> Result<(), OpenError> {
    let note = dir.join(NOTE);
    let text = match fs::read_to_string(&note) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(OpenError::Io { doing: "read", file: note, source }),
    };
    let (name, because) = text.split_once('\n').unwrap_or_default();
    let doubted = dir.join(checkpoint::DIR).join(name);
    if !name.is_empty() && doubted.is_file() {
        let now = disk::quarantine(dir, &doubted).doing("put aside", &doubted)?;
        health.quarantined(doubted, now, because.to_owned());
    }
    fs::remove_file(&note).and_then(|()| disk::sync_dir(dir)).doing("clear the note", &note)
}
