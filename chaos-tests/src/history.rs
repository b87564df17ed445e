//! What was asked, answered, broken and seen, in the order of one monotonic clock.
//!
//! A history is JSON lines with Jepsen's field names. Clients write `invoke` and then one of `ok` (it happened),
//! `fail` (it certainly did not) and `info` (nobody knows; the process number is not used again). Faults, probes and
//! final reads write lines of their own. Deliberately unaware of what any of it means for a promise.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::time::ClockId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Failure;

/// Who wrote a line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Process {
    /// A single-threaded client.
    Client(u64),
    /// `nemesis`, `probe` or `final`.
    Named(String),
}

/// What a line says of its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Invoke,
    Ok,
    Fail,
    Info,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 0.
    pub index: u64,
    /// Nanoseconds since the run began.
    pub time: u64,
    pub process: Process,
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The call: `read`, `write`, `cas`, `delete`, `add`, or the name of a fault or probe.
    pub f: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default)]
    pub value: Value,
    /// Revision of the change, or at which a read was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rev: Option<u64>,
    /// Revision of the last change of the object a read returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mod_rev: Option<u64>,
    /// The Manager asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<u64>,
    /// Idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub req: Option<String>,
    /// The condition: of which revision the last change of the object has to be, 0: that there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_match: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Line {
    /// A line without the fields that most lines lack; number and time come when it is recorded.
    pub fn new(process: Process, kind: Kind, f: impl Into<String>, value: Value) -> Self {
        Self {
            index: 0,
            time: 0,
            process,
            kind,
            f: f.into(),
            key: None,
            value,
            rev: None,
            mod_rev: None,
            node: None,
            req: None,
            if_match: None,
            error: None,
        }
    }

    /// A line of the harness itself, about a Manager.
    pub fn of_harness(name: &str, f: impl Into<String>, node: Option<u64>, value: Value) -> Self {
        Self { node, ..Self::new(Process::Named(name.to_owned()), Kind::Info, f, value) }
    }

    /// Whether the harness wrote it under this name.
    pub fn is_by(&self, name: &str) -> bool {
        matches!(&self.process, Process::Named(own) if own == name)
    }
}

/// The errors of calls that certainly were not tried.
pub const UNTRIED: [&str; 5] = ["NO_ACTIVE", "NO_QUORUM", "STOPPING", "DISK_FULL", "unreachable"];

/// The history of a run that goes on: kept, and written to a file as it grows.
pub struct History {
    started: Instant,
    /// The same moment on the machine's monotonic clock, in nanoseconds.
    started_monotonic: u64,
    /// And on its wall clock.
    started_wall: u64,
    pages: Mutex<Pages>,
}

struct Pages {
    lines: Vec<Line>,
    file: BufWriter<File>,
}

impl History {
    /// An empty history whose clock starts now.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path).map_err(Failure::doing(path.display()))?;
        let pages = Pages { lines: Vec::new(), file: BufWriter::new(file) };
        let (started, started_monotonic) = (Instant::now(), clock_ns(ClockId::Monotonic));
        let started_wall = clock_ns(ClockId::Realtime);
        Ok(Self { started, started_monotonic, started_wall, pages: Mutex::new(pages) })
    }

    /// A moment of a wall clock in nanoseconds of the run; `None` when that was before the run, or the clock was moved.
    pub fn at_wall(&self, unix_ns: u64) -> Option<u64> {
        unix_ns.checked_sub(self.started_wall)
    }

    /// A moment of the machine's monotonic clock in nanoseconds of the run; what was before it is its beginning.
    pub fn at_monotonic(&self, ns: u64) -> u64 {
        ns.saturating_sub(self.started_monotonic)
    }

    /// Nanoseconds since the run began.
    pub fn now(&self) -> u64 {
        ns(self.started.elapsed())
    }

    /// Numbers, stamps and keeps a line; the time it was given.
    pub fn record(&self, line: Line) -> u64 {
        let mut pages = self.pages();
        // Stamped under the lock, so that order of lines and order of times agree.
        let (index, time) = (pages.lines.len() as u64, self.now());
        let line = Line { index, time, ..line };
        let text = serde_json::to_string(&line).expect("a line is plain data");
        writeln!(pages.file, "{text}").expect("a run whose history cannot be written is worthless");
        pages.lines.push(line);
        time
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.pages().lines.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What came after the first so many lines.
    pub fn after(&self, lines: usize) -> Vec<Line> {
        self.pages().lines.get(lines..).unwrap_or_default().to_vec()
    }

    /// Everything so far.
    pub fn lines(&self) -> Result<Vec<Line>, Failure> {
        let mut pages = self.pages();
        pages.file.flush().map_err(Failure::doing("write the history"))?;
        Ok(pages.lines.clone())
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().expect("whoever panics while recording ends the run")
    }
}

/// The lines of a history that was kept. The last one may have been cut off with the run that wrote it.
pub fn read(path: &Path) -> Result<Vec<Line>, Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::doing(path.display()))?;
    let mut lines = Vec::new();
    let mut rest = text.lines().enumerate().peekable();
    while let Some((nth, line)) = rest.next() {
        match serde_json::from_str(line) {
            Ok(line) => lines.push(line),
            Err(_) if rest.peek().is_none() => {}
            Err(error) => {
                let number = nth + 1;
                return Err(Failure(format!("{}: line {number}: {error}", path.display())));
            }
        }
    }
    Ok(lines)
}

/// A span of the run, in nanoseconds.
pub fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("a run is shorter than 584 years")
}

fn clock_ns(clock: ClockId) -> u64 {
    let now = rustix::time::clock_gettime(clock);
    let whole = u64::try_from(now.tv_sec).unwrap_or(0).saturating_mul(1_000_000_000);
    whole.saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0))
}

/// What a client wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Read,
    Write(u64),
    /// Only if the present value is `expect`; `None`: only if there is none.
    Cas {
        expect: Option<u64>,
        new: u64,
    },
    Delete,
    /// A new element of the set.
    Add(u64),
}

impl Action {
    /// Its name and value in a history.
    pub fn written(self) -> (&'static str, Value) {
        match self {
            Self::Read => ("read", Value::Null),
            Self::Write(value) => ("write", json!(value)),
            Self::Cas { expect, new } => ("cas", json!([expect, new])),
            Self::Delete => ("delete", Value::Null),
            Self::Add(element) => ("add", json!(element)),
        }
    }

    fn read(f: &str, value: &Value) -> Option<Self> {
        Some(match f {
            "read" => Self::Read,
            "write" => Self::Write(value.as_u64()?),
            "cas" => Self::Cas { expect: value[0].as_u64(), new: value[1].as_u64()? },
            "delete" => Self::Delete,
            "add" => Self::Add(value.as_u64()?),
            _ => return None,
        })
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It happened.
    Done,
    /// A read, and what it returned.
    Seen(Option<u64>),
    /// The group looked and said no: a CAS on another value, a deletion of nothing.
    Refused,
    /// It certainly was not tried.
    Failed,
    /// It may have happened, or may yet.
    Unknown,
}

/// A call with its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Number of the line that invoked it.
    pub index: u64,
    pub process: u64,
    pub key: String,
    pub action: Action,
    pub outcome: Outcome,
    pub invoked: u64,
    /// `u64::MAX` when the outcome is unknown: it may take effect at any later time.
    pub returned: u64,
    pub rev: Option<u64>,
    pub mod_rev: Option<u64>,
    pub node: Option<u64>,
}

/// Stands for what a read returned that no client can have written; none writes this.
pub const NOBODYS: u64 = u64::MAX;

/// What a read returned, as its line tells it: nothing, or a value. What is no number is somebody else's value, not nothing.
pub fn seen(told: &Value) -> Option<u64> {
    match told {
        Value::Null => None,
        told => Some(told.as_u64().unwrap_or(NOBODYS)),
    }
}

/// The error codes by which the group refuses after having looked.
pub const LOOKED: [&str; 2] = ["CHANGED", "NO_SUCH_PROPERTY"];

/// Pairs invocations with their ends.
pub fn operations(lines: &[Line]) -> Vec<Operation> {
    let mut open: HashMap<u64, usize> = HashMap::new();
    let mut operations: Vec<Operation> = Vec::new();
    for line in lines {
        let Process::Client(process) = line.process else { continue };
        if line.kind == Kind::Invoke {
            if let Some(operation) = begun(line, process) {
                open.insert(process, operations.len());
                operations.push(operation);
            }
        } else if let Some(which) = open.remove(&process) {
            end(&mut operations[which], line);
        }
    }
    operations
}

fn begun(line: &Line, process: u64) -> Option<Operation> {
    Some(Operation {
        index: line.index,
        process,
        key: line.key.clone()?,
        action: Action::read(&line.f, &line.value)?,
        outcome: Outcome::Unknown,
        invoked: line.time,
        returned: u64::MAX,
        rev: None,
        mod_rev: None,
        node: line.node,
    })
}

fn end(operation: &mut Operation, line: &Line) {
    let looked = || line.error.as_deref().is_some_and(|code| LOOKED.contains(&code));
    operation.outcome = match (line.kind, operation.action) {
        (Kind::Invoke | Kind::Info, _) => return,
        (Kind::Ok, Action::Read) => Outcome::Seen(seen(&line.value)),
        (Kind::Ok, _) => Outcome::Done,
        (Kind::Fail, Action::Cas { .. } | Action::Delete) if looked() => Outcome::Refused,
        (Kind::Fail, _) => Outcome::Failed,
    };
    operation.returned = line.time;
    (operation.rev, operation.mod_rev) = (line.rev, line.mod_rev);
}
