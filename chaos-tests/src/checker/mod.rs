//! Judges: one file per promise, each reading the history alone.

mod calls;
pub mod epochs;
pub mod fencing;
pub mod linearizable;
pub mod membership;
pub mod once;
pub mod one_active;
pub mod operations;
pub mod revision;
pub mod sessions;
pub mod set;
pub mod standing;
pub mod watch;

use serde::{Serialize, Serializer};
use serde_json::Value;

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
}

/// Most sentences a finding carries: the first ones tell, thousands hide.
const BECAUSE_MAX: usize = 20;

impl Finding {
    /// Valid unless there is something against it.
    pub fn against(check: &'static str, mut because: Vec<String>, facts: Value) -> Self {
        let valid = if because.is_empty() { Valid::Yes } else { Valid::No };
        because.truncate(BECAUSE_MAX);
        Self { check, valid, because, facts, prefix: Vec::new() }
    }

    /// Cannot be told.
    pub fn unknown(check: &'static str, because: impl Into<String>) -> Self {
        let because = vec![because.into()];
        Self { check, valid: Valid::Unknown, because, facts: Value::Null, prefix: Vec::new() }
    }
}
