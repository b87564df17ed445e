//! A look at what a live ZooKeeper tree holds. It keeps the shapes of znodes and never what they say: that may be secret.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Rule;
use crate::base::{Revision, Timestamp};

/// Most znodes of one look.
pub const DISCOVERED_MAX: usize = 500;
/// Most fields of a znode's payload that are named.
pub const FIELDS_MAX: usize = 16;
/// Longest name of such a field, in bytes; longer ones are left out.
pub const FIELD_MAX_BYTES: usize = 64;
/// Most patterns that are proposed.
pub const PROPOSED_MAX: usize = 16;

/// What was asked, and what the newest look found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// The newest ask.
    pub asked: Option<Revision>,
    /// Beneath which path.
    pub root: String,
    /// The newest answer.
    pub found: Option<Found>,
}

/// What a look found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The ask it answers.
    pub asked: Revision,
    /// When it was told.
    pub at: Timestamp,
    /// Beneath which path was looked.
    pub root: String,
    /// Why it ended early, or could not be made; `None`: it is whole.
    pub because: Option<String>,
    /// The znodes, parents before children.
    pub znodes: Vec<Znode>,
    /// Patterns that would fit what was found; somebody has to check them.
    pub proposed: Vec<Rule>,
}

/// The shape of a znode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Znode {
    /// Where it is.
    pub path: String,
    /// How many children it has.
    pub children: u32,
    /// How long its payload is.
    pub bytes: u32,
    /// Whether it goes with the session that made it.
    pub ephemeral: bool,
    /// What its payload looks like.
    pub form: Form,
}

/// What a payload looks like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// There is none.
    Empty,
    /// A host, or a host and a port.
    Address,
    /// A JSON object.
    Json {
        /// The names of its fields.
        fields: BTreeSet<String>,
    },
    /// Another text.
    Text,
    /// No text.
    Binary,
    /// It may not be read by us, or is gone.
    Unread,
}

impl Discovery {
    /// The ask that nobody has answered yet.
    pub fn open(&self) -> Option<(Revision, &str)> {
        let asked = self.asked?;
        let answered = self.found.as_ref().is_some_and(|found| found.asked >= asked);
        (!answered).then_some((asked, &self.root))
    }
}

impl Form {
    /// The form as it is written everywhere.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Address => "address",
            Self::Json { .. } => "json",
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Unread => "unread",
        }
    }
}
