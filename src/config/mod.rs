//! How one Manager is set up: defaults < file < environment < flags, checked once into an immutable
//! [`Config`].
//!
//! Only what must differ between hosts, or must be known before the group can be reached, is here. What the
//! whole group shares is a property. Deliberately unaware of what the parts do with their sections.

mod check;
mod error;
mod layers;
mod reference;
mod settings;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::{ConfigError, Origin};
pub use reference::reference;

use crate::capabilities::managers::model::Role;

use layers::Layers;

/// A checked configuration. Any value of it fits, and the values fit each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The process and its disk.
    pub node: Node,
    /// The port for the other members.
    pub peer: Peer,
    /// The port for people and programs.
    pub api: Api,
    /// The port for load balancers.
    pub health: Health,
    /// How long things are waited for.
    pub timing: Timing,
    /// When checkpoints are made.
    pub checkpoint_after: u64,
    /// What is logged.
    pub log: Log,
    /// How much of it is kept.
    pub log_files: LogFiles,
    /// Every setting in force as it was given, one a line, for people who look into a problem. No setting is a secret.
    pub in_force: String,
}

/// `[node]`: the process and its disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Everything that must not be lost.
    pub data_dir: PathBuf,
    /// The name others reach this host by.
    pub host: String,
    /// What the process is started as.
    pub role: Role,
}

/// `[peer]`: the port for the other members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where to listen.
    pub listen: SocketAddr,
    /// `HOST:PORT` the others dial.
    pub advertise: String,
}

/// `[api]`: the port for people and programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The URL it is reached at, without a trailing slash.
    pub advertise: String,
    /// The site's own certificate; `None`: one of the group's authority.
    pub tls: Option<TlsFiles>,
}

/// A certificate chain and its key, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the leaf first.
    pub cert: PathBuf,
    /// The leaf's key.
    pub key: PathBuf,
}

/// `[health]`: the port for load balancers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The URL it is reached at.
    pub url: String,
}

/// `[timing]`: how long things are waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a request is held during an election.
    pub forward_hold: Duration,
}

/// `[log]`: what is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: &'static str,
    /// Whether each renewal of a claim to be Active is written, whatever the level.
    pub renewals: bool,
    /// The form of a line.
    pub format: LogFormat,
}

/// `[log]`: how much of it is kept in the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogFiles {
    /// From how many bytes on the next file begins.
    pub bytes: u64,
    /// How many files are kept.
    pub files: usize,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For a log collector.
    Json,
}

/// A value given on the command line: the flag as typed, the setting, the value.
#[derive(Clone, Debug)]
pub struct Flag {
    /// As the error message calls it: `--role`.
    pub name: String,
    /// `section.name`.
    pub key: String,
    /// The value.
    pub value: String,
}

impl Config {
    /// Reads the file, lays environment and flags over it, and checks the whole.
    pub fn load(
        path: &Path,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        flags: &[Flag],
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::defaults();
        layers.file(path)?;
        layers.environment(environment)?;
        for flag in flags {
            layers.flag(&flag.name, &flag.key, &flag.value)?;
        }
        check::config(&layers, path)
    }
}
