//! Judges: one file per promise, each reading the history alone.

pub mod answers;
pub mod append;
pub mod availability;
mod calls;
pub mod convergence;
mod earned;
pub mod ending;
pub mod epochs;
pub mod fencing;
pub(crate) mod left_alone;
pub mod linearizable;
pub mod lists;
pub mod membership;
pub mod once;
pub mod one_active;
pub mod operations;
mod own_revision;
pub mod recovery;
pub mod revision;
mod sent_back;
pub mod sessions;
pub mod set;
mod shown;
mod sight;
pub mod standing;
mod told;
pub mod watch;

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::history::Line;

/// Whether a promise was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Valid {
    Yes,
    No,
    /// It could not be told. Never taken for a yes.
    Unknown,
}

impl Valid {
    /// The worse of two: a violation, then doubt, then all well.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }
}

/// Jepsen's form: `true`, `false`, `"unknown"`.
impl Serialize for Valid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Yes => serializer.serialize_bool(true),
            Self::No => serializer.serialize_bool(false),
            Self::Unknown => serializer.serialize_str("unknown"),
        }
    }
}

/// What leaves a run unknown, as far as a program that reads it takes one doubt otherwise than another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// What a run on loopback lacks.
    Loopback,
    /// There were too few calls to count.
    TooSlow,
    /// Anything else.
    Other,
}

/// What one judge says.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The promise.
    pub check: &'static str,
    pub valid: Valid,
    /// Each violation or doubt, in a sentence.
    pub because: Vec<String>,
    /// Figures.
    pub facts: Value,
    /// Numbers of the lines that begin the calls of the shortest bad beginning, where a judge knows it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefix: Vec<u64>,
    /// When that beginning is over, in nanoseconds of the run: of what ended later it has no end. `None`: the ends of these
    /// calls are part of what shows it.
    #[serde(skip)]
    pub until: Option<u64>,
    /// Of what kind its doubts are; none: of no kind that is told apart.
    #[serde(skip)]
    pub reasons: BTreeSet<Reason>,
}

/// One thing against a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// In a sentence.
    pub because: String,
    /// When it showed, in nanoseconds of the run: the history up to then is bad.
    pub shown: u64,
    /// Numbers of the lines it is seen from; of a call the one that begins it.
    pub lines: Vec<u64>,
}

impl Objection {
    /// What these lines show together, as soon as the last of them is written.
    fn of(because: &str, mut lines: Vec<&Line>) -> Self {
        lines.sort_by_key(|line| line.index);
        lines.dedup_by_key(|line| line.index);
        let cited: Vec<String> = lines.iter().map(|line| cite(line)).collect();
        Self {
            because: format!("{because}: {}", cited.join(", ")),
            shown: lines.iter().map(|line| line.time).max().unwrap_or(0),
            lines: lines.iter().map(|line| line.index).collect(),
        }
    }
}

/// Where a line stands: its number, and the how manieth of its kind it is in the log it was read from.
fn cite(line: &Line) -> String {
    match line.value["seq"].as_u64() {
        Some(seq) => format!("#{} (saying {seq} of its log)", line.index),
        None => format!("#{}", line.index),
    }
}

/// Most sentences a finding carries: the first ones tell, thousands hide.
const BECAUSE_MAX: usize = 20;

impl Finding {
    /// Valid unless there is something against it.
    pub fn against(check: &'static str, mut because: Vec<String>, facts: Value) -> Self {
        let valid = if because.is_empty() { Valid::Yes } else { Valid::No };
        because.truncate(BECAUSE_MAX);
        Self {
            check,
            valid,
            because,
            facts,
            prefix: Vec::new(),
            until: None,
            reasons: BTreeSet::new(),
        }
    }

    /// Valid unless there is something against it. What shows the first of it is the shortest bad beginning.
    pub fn shown(check: &'static str, mut objections: Vec<Objection>, facts: Value) -> Self {
        objections.sort_by_key(|objection| objection.shown);
        let mut prefix = objections.first().map(|it| it.lines.clone()).unwrap_or_default();
        prefix.sort_unstable();
        prefix.dedup();
        let because = objections.into_iter().map(|objection| objection.because).collect();
        Self { prefix, ..Self::against(check, because, facts) }
    }

    /// Cannot be told.
    pub fn unknown(check: &'static str, because: impl Into<String>) -> Self {
        let found = Self::against(check, vec![because.into()], Value::Null);
        Self { valid: Valid::Unknown, ..found }
    }

    /// The file of the shortest bad beginning, where there is one.
    pub fn prefix_file(&self) -> Option<String> {
        (!self.prefix.is_empty()).then(|| format!("shortest-bad-{}.jsonl", self.check))
    }

    /// What leaves it unknown; nothing, when it is not.
    pub fn unknown_because(&self) -> BTreeSet<Reason> {
        match (self.valid, self.reasons.is_empty()) {
            (Valid::Yes | Valid::No, _) => BTreeSet::new(),
            (Valid::Unknown, true) => [Reason::Other].into(),
            (Valid::Unknown, false) => self.reasons.clone(),
        }
    }
}
