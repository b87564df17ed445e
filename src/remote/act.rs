//! What may be done on a host. The types are the closed list: each checks its own form, so that nothing ill-formed
//! travels and nothing on the other side is ever handed to a shell.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use futures::StreamExt;

use super::ByteStream;
use crate::base::{Secret, Timestamp};

/// Longest name of a unit, in bytes.
pub const UNIT_NAME_MAX_BYTES: usize = 64;
/// Longest path on a host, in bytes.
pub const PATH_MAX_BYTES: usize = 1_024;
/// Most output of a command that is kept of each of its streams, in bytes.
pub const OUTPUT_MAX_BYTES: usize = 64 << 10;
/// Largest file that is put or got, in bytes.
pub const FILE_MAX_BYTES: u64 = 64 << 30;
/// Longest URL, address or location, in bytes.
pub const TARGET_MAX_BYTES: usize = 2_048;

/// A text that is not of the form it has to have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

/// The name of a unit: something that runs on a host and can be started and stopped, as the host's own agent
/// configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitName(String);

impl UnitName {
    /// The unit of the Manager on its host.
    pub const MANAGER: &'static str = "kyvos-manager";

    /// The unit of the Manager on its host.
    pub fn manager() -> Self {
        Self(Self::MANAGER.to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UnitName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_@".contains(&byte);
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if begins && text.len() <= UNIT_NAME_MAX_BYTES && text.bytes().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err(Malformed(format!(
            "a unit's name has 1 to {UNIT_NAME_MAX_BYTES} letters, digits, hyphens, underscores or @"
        )))
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An absolute path on a host, without detours. Where it may lead is for the host to say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemotePath(String);

impl RemotePath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RemotePath {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let parts = || text.split('/').skip(1);
        let straight = parts().all(|part| !part.is_empty() && part != "." && part != "..");
        let plain = text.len() <= PATH_MAX_BYTES && !text.chars().any(char::is_control);
        if text.starts_with('/') && straight && plain {
            return Ok(Self(text.to_owned()));
        }
        Err(Malformed("a path on a host is absolute, without . and .. and empty parts".into()))
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What may be ordered of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitVerb {
    /// It is to run from now on, also after it fails and after the host starts anew.
    Start,
    /// It is to stay away until it is started.
    Stop,
    /// It is to end and to run again.
    Restart,
}

/// How a unit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitState {
    /// Its process runs.
    Running,
    /// It is to run and waits for its next start.
    Starting,
    /// It is to stop and has not ended yet.
    Stopping,
    /// It was stopped, or was never started.
    Stopped,
    /// It ended by itself and is not started again.
    Failed,
}

/// How a unit stands, and its process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitStatus {
    /// How it stands.
    pub state: UnitState,
    /// Its process, while there is one.
    pub pid: Option<u32>,
    /// Since when, where the host knows.
    pub since: Option<Timestamp>,
    /// How its last process ended; empty while none has.
    pub ended: String,
}

/// A cloud's command line tool, or Hadoop's (rows 15, 16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// Amazon's.
    Aws,
    /// Microsoft's.
    Azcopy,
    /// Google's.
    Gsutil,
    /// Hadoop's.
    Hdfs,
}

/// One step of the proof that a place can be written, read and cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CanaryStep {
    /// Writes it.
    Put,
    /// Reads it back.
    Get,
    /// Takes it away.
    Delete,
}

/// One of the known commands.
#[derive(Clone, Debug)]
pub enum Command {
    /// Where a tool lies on the agent's search path.
    Find(Tool),
    /// A small file at a place only the tool reaches, such as `s3://bucket/snapshots`.
    Canary {
        /// The tool that reaches it.
        tool: Tool,
        /// Where.
        location: Location,
        /// What to do.
        step: CanaryStep,
    },
    /// Who the host is to its cloud (row 20).
    Identity(Tool),
    /// Lets a Manager on that host into the group: `km join`.
    Join {
        /// The Manager's configuration there.
        config: RemotePath,
        /// The join token.
        token: Secret,
    },
}

/// A place that a tool reaches: a URL with one of the known schemes and nothing that could be taken for an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(String);

impl Location {
    const SCHEMES: [&'static str; 7] =
        ["s3://", "https://", "gs://", "hdfs://", "wasbs://", "abfss://", "/"];

    /// The place as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Location {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let known = Self::SCHEMES.iter().any(|scheme| text.starts_with(scheme));
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if known && plain && text.len() <= TARGET_MAX_BYTES {
            return Ok(Self(text.to_owned()));
        }
        Err(Malformed(format!("a location begins with one of {}", Self::SCHEMES.join(" "))))
    }
}

/// What a command left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its exit code; `None` when a signal ended it.
    pub exit: Option<i32>,
    /// The first [`OUTPUT_MAX_BYTES`] of its standard output.
    pub stdout: Bytes,
    /// The first [`OUTPUT_MAX_BYTES`] of its standard error.
    pub stderr: Bytes,
}

impl Output {
    /// Whether it ended well.
    pub fn succeeded(&self) -> bool {
        self.exit == Some(0)
    }
}

/// A file on its way to a host.
pub struct Upload {
    /// Its permissions: the lowest nine bits.
    pub mode: u32,
    /// How long it is.
    pub length: u64,
    /// What is in it.
    pub content: ByteStream,
}

impl Upload {
    /// A file that is in memory.
    pub fn of(bytes: impl Into<Bytes>, mode: u32) -> Self {
        let bytes = bytes.into();
        let length = bytes.len() as u64;
        Self { mode, length, content: futures::stream::iter([Ok(bytes)]).boxed() }
    }
}

/// What was written of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStamp {
    /// How many bytes.
    pub length: u64,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

/// Where log lines come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogSource {
    /// What a unit said.
    Unit(UnitName),
    /// A file.
    File(RemotePath),
}

/// Which log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogAsk {
    /// Where from.
    pub source: LogSource,
    /// Not from before.
    pub since: Option<Timestamp>,
    /// Not from this time on.
    pub until: Option<Timestamp>,
    /// At most so many bytes, the last ones.
    pub bytes_max: u64,
}

/// What to look for from a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Whether something listens at `host:port`.
    Tcp(String),
    /// What answers a GET of a URL.
    Http(String),
    /// Whether a process of that number runs.
    Process(u32),
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// Whether something answers.
    pub answers: bool,
    /// The HTTP status, for a URL that answers.
    pub status: Option<u16>,
    /// What it said, or why it does not answer; cut at [`OUTPUT_MAX_BYTES`].
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_paths_have_one_form() {
        for good in ["kyvos-manager", "postgres@2", "Z"] {
            good.parse::<UnitName>().unwrap();
        }
        for bad in ["", "-rf", "a b", "a.service", "../x", "ü", &"x".repeat(65)] {
            bad.parse::<UnitName>().unwrap_err();
        }
        for good in ["/etc/km/km.toml", "/a b"] {
            good.parse::<RemotePath>().unwrap();
        }
        for bad in ["", "/", "etc", "/a/../b", "/a/./b", "/a//b", "/a/", "/a\n"] {
            bad.parse::<RemotePath>().unwrap_err();
        }
        for good in ["s3://bucket/dir", "/user/kyvos"] {
            good.parse::<Location>().unwrap();
        }
        for bad in ["", "--profile", "file:///etc", "s3://a b"] {
            bad.parse::<Location>().unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused_without_panic(text in "\\PC{0,80}") {
            // Either answer will do.
            let _ = (text.parse::<UnitName>(), text.parse::<RemotePath>(), text.parse::<Location>());
        }
    }
}
