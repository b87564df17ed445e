//! What several observers say of a service, and what is made of it.
//!
//! One observer can be wrong: ZooKeeper drops a session because of a pause, an agent hangs, a network is cut between
//! two hosts. So nobody is called down by one word.

use serde::{Deserialize, Serialize};

use super::BECAUSE_MAX_BYTES;
use crate::base::text::cut;
use crate::base::{ManagerId, Timestamp};

/// Most observations about one service: the znode, its host, and a probe from each of so many Managers.
pub const EVIDENCE_MAX: usize = 5;

/// What is made of what the observers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// Somebody sees it, and nobody says otherwise.
    Up,
    /// Observers that do not depend on each other agree that it is not there.
    Down,
    /// The observers contradict each other: it runs and does not serve, or the other way about.
    Degraded,
    /// Nobody can say, or one alone says that it is not there.
    Unknown,
}

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Observer {
    /// ZooKeeper, by its znode.
    Znode,
    /// Its host, by its unit.
    Unit,
    /// A Manager, by asking it.
    Probe(ManagerId),
}

/// What an observer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Says {
    /// It is there.
    There,
    /// It is not there.
    NotThere,
    /// Nothing: it cannot look, what it saw is old, or what it sees is between the two.
    Nothing,
}

/// What one observer says of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Who.
    pub observer: Observer,
    /// What.
    pub says: Says,
    /// In a sentence.
    pub because: String,
    /// When it looked, or since when what it sees is so.
    pub at: Timestamp,
}

/// A verdict with what it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// What.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub because: String,
    /// What it is made of.
    pub evidence: Vec<Evidence>,
}

/// The latest verdict of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// What was judged, and of what.
    pub judgement: Judgement,
    /// What it was before.
    pub was: Option<Verdict>,
    /// Since when.
    pub since: Timestamp,
    /// When it was last seen to be up; `None`: never.
    pub last_up: Option<Timestamp>,
}

impl Verdict {
    /// As it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
        }
    }
}

impl Evidence {
    /// What is told is cut rather than refused.
    pub(in crate::capabilities::services) fn short(&self) -> Self {
        Self { because: cut(&self.because, BECAUSE_MAX_BYTES / 2), ..self.clone() }
    }
}

impl Judgement {
    /// What is told is cut rather than refused.
    pub(in crate::capabilities::services) fn short(&self) -> Self {
        Self {
            verdict: self.verdict,
            because: cut(&self.because, BECAUSE_MAX_BYTES),
            evidence: self.evidence.iter().take(EVIDENCE_MAX).map(Evidence::short).collect(),
        }
    }
}
