//! What `km login` remembers, so that later verbs need no flags: servers, authority and token.
//!
//! One file, `$XDG_STATE_HOME/km/session.json`, readable by its owner only.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::outcome::Failure;

/// A sign-in on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    /// Servers to ask, in order.
    pub servers: Vec<String>,
    /// The authority to trust, PEM.
    pub ca_pem: Option<String>,
    /// The session's token.
    pub token: String,
}

/// The file; `None` when the host has no place for it.
fn path() -> Option<PathBuf> {
    let state = match std::env::var_os("XDG_STATE_HOME").filter(|value| !value.is_empty()) {
        Some(state) => PathBuf::from(state),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".local/state"),
    };
    Some(state.join("km/session.json"))
}

/// The remembered sign-in, if there is one that can be read.
pub(super) fn load() -> Option<Session> {
    serde_json::from_slice(&fs::read(path()?).ok()?).ok()
}

/// Remembers a sign-in in place of an earlier one.
pub(super) fn store(session: &Session) -> Result<PathBuf, Failure> {
    let path = path().ok_or_else(|| {
        Failure::Refused("neither XDG_STATE_HOME nor HOME is set: nowhere to remember".into())
    })?;
    let doing = format!("write {}", path.display());
    let write = || {
        let folder = path.parent().expect("the path ends in km/session.json");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let new = path.with_extension("new");
        let mut options = OpenOptions::new();
        let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec_pretty(session).expect("plain data"))?;
        fs::rename(&new, &path)
    };
    write().map_err(Failure::local(doing))?;
    Ok(path)
}

/// Forgets the sign-in.
pub(super) fn forget() -> Result<(), Failure> {
    match path().map(fs::remove_file) {
        Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::Refused(format!("forget the sign-in: {error}")))
        }
        _ => Ok(()),
    }
}
