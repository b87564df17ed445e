//! What the disk holds of a unit that the agent looks after: what it is, whether it is to run, how it stands.
//!
//! The agent writes `spec.json` and `wanted`; the keeper writes `status.json` and holds `keeper.lock` for as long as
//! it lives, so the kernel tells whether there is one.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::config::Supervised;
use super::process::ProcessId;
use crate::cluster::private_file;
use crate::remote::UnitState;

/// The folder of one unit.
#[derive(Clone, Debug)]
pub(super) struct UnitDir {
    dir: PathBuf,
}

/// What a keeper needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spec {
    pub(super) run: Vec<String>,
    pub(super) directory: PathBuf,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) restart: bool,
    pub(super) restart_after_ms: u64,
    pub(super) restart_after_max_ms: u64,
    pub(super) stop_after_ms: u64,
    pub(super) log_bytes: u64,
    pub(super) log_files: u32,
}

/// How a unit stands, by the word of its keeper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Status {
    /// The keeper that wrote it.
    pub(super) keeper: u32,
    pub(super) state: State,
    pub(super) process: Option<ProcessId>,
    pub(super) since_ms: u64,
    /// How the last process ended; empty while none has.
    pub(super) ended: String,
}

/// [`UnitState`], as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Running,
    Starting,
    Stopping,
    Stopped,
    Failed,
}

impl From<State> for UnitState {
    fn from(state: State) -> Self {
        match state {
            State::Running => Self::Running,
            State::Starting => Self::Starting,
            State::Stopping => Self::Stopping,
            State::Stopped => Self::Stopped,
            State::Failed => Self::Failed,
        }
    }
}

impl Spec {
    /// The program with the environment it is given: the agent's own few, and what the configuration adds.
    pub(super) fn of(unit: &Supervised, search_path: &str) -> Self {
        let kept = ["HOME", "LANG", "LC_ALL", "LOGNAME", "SHELL", "TZ", "USER"];
        let own =
            kept.into_iter().filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
        let mut environment: BTreeMap<String, String> = own.collect();
        environment.insert("PATH".to_owned(), search_path.to_owned());
        environment.extend(unit.environment.clone());
        let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).expect("bounded");
        Self {
            run: unit.run.clone(),
            directory: unit.directory.clone(),
            environment,
            restart: unit.restart,
            restart_after_ms: ms(unit.restart_after),
            restart_after_max_ms: ms(unit.restart_after_max),
            stop_after_ms: ms(unit.stop_after),
            log_bytes: unit.log_bytes,
            log_files: unit.log_files,
        }
    }
}

impl UnitDir {
    pub(super) fn at(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.dir
    }

    /// Where the unit's output goes.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("out.log")
    }

    /// The log and those that were turned, the oldest first.
    pub(super) fn logs(&self) -> Vec<PathBuf> {
        let turned = (1..=99).rev().map(|number| self.turned(number));
        turned.chain([self.log()]).filter(|path| path.exists()).collect()
    }

    pub(super) fn turned(&self, number: u32) -> PathBuf {
        self.dir.join(format!("out.log.{number}"))
    }

    pub(super) fn spec(&self) -> io::Result<Option<Spec>> {
        self.read("spec.json")
    }

    pub(super) fn describe(&self, spec: &Spec) -> io::Result<()> {
        self.write("spec.json", spec)
    }

    /// Whether it is to run.
    pub(super) fn wanted(&self) -> io::Result<bool> {
        Ok(self.read("wanted")?.unwrap_or(false))
    }

    pub(super) fn want(&self, running: bool) -> io::Result<()> {
        self.write("wanted", &running)
    }

    pub(super) fn status(&self) -> io::Result<Option<Status>> {
        self.read("status.json")
    }

    pub(super) fn note(&self, status: &Status) -> io::Result<()> {
        self.write("status.json", status)
    }

    /// Whether a keeper lives.
    pub(super) fn is_kept(&self) -> io::Result<bool> {
        match self.open("keeper.lock")?.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The lock of the keeper; its holder writes its number into it.
    pub(super) fn keeper_lock(&self) -> io::Result<File> {
        self.open("keeper.lock")
    }

    /// The number of the keeper that lives.
    pub(super) fn keeper(&self) -> Option<ProcessId> {
        let text = std::fs::read(self.dir.join("keeper.lock")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// The lock of whoever changes what is wanted.
    pub(super) fn order_lock(&self) -> io::Result<File> {
        self.open("order.lock")
    }

    fn open(&self, name: &str) -> io::Result<File> {
        File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(self.dir.join(name))
            .map_err(|error| io::Error::other(format!("{}: {error}", self.dir.display())))
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        let path = self.dir.join(name);
        let told = |error: String| io::Error::other(format!("{}: {error}", path.display()));
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| told(e.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(told(error.to_string())),
        }
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> io::Result<()> {
        let text = serde_json::to_vec(value).expect("plain data can be written");
        private_file::write(&self.dir.join(name), &text)
    }
}
