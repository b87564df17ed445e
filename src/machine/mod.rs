//! What the group agrees on: proposals go in, facts and events come out, the same on every member.
//!
//! A [`Proposal`] is what stands in the log. [`apply`] judges it in log order: asked before? → fence still
//! current? → understood by all? → the room decides → the room evolves. `decide` sees all facts and changes
//! nothing; `evolve` changes only its own room's facts and cannot fail. So a refusal never leaves half a
//! change, and the events are there for the feed, the audit and the reconcilers.
//!
//! Pure: no clock, no randomness, no hash order, no I/O, no async. Given the same log, byte-equal facts.

#![warn(clippy::wildcard_enum_match_arm)]

mod apply;
mod digest;
mod image;
mod kernel;
#[cfg(test)]
mod laws;
mod level;
mod proposal;
mod rooms;
#[cfg(test)]
pub(crate) mod script;

pub use apply::{Applied, Change, apply};
pub use digest::digest;
pub use image::{ImageError, read_image, write_image};
pub use kernel::{Answer, Kernel, Outcome, REQUESTS_KEPT};
pub use level::{LEVEL_MAX, Level};
pub use proposal::{
    ACTOR_MAX_BYTES, Actor, DecodeError, Proposal, REASON_MAX_BYTES, SOURCE_MAX_BYTES,
};
pub use rooms::{Command, Event, State};

use raft_store::machine::Row;
use serde::{Deserialize, Serialize};

use crate::base::{ManagerId, Refusal, RequestId, Revision, Term, Timestamp};

/// One room of the product, as the machine sees it.
///
/// # The law
/// Both functions depend on nothing but their arguments. `decide` may read every room's facts; `evolve` gets
/// only its own and must be total: whatever `decide` lets through, `evolve` carries out.
pub trait Capability {
    /// What the room knows.
    type Facts: Clone + Default;
    /// What may be asked of it: domain verbs, not key-value writes.
    type Command;
    /// What happened to it.
    type Event;

    /// Judges a command against all facts: the events it brings about, or the group's "no".
    fn decide(
        state: &State,
        moment: &Moment,
        command: &Self::Command,
    ) -> Result<Vec<Self::Event>, Refusal>;

    /// Carries out one event on the room's own facts.
    fn evolve(facts: &mut Self::Facts, moment: &Moment, event: &Self::Event);

    /// What the audit tells of a command, seen from the facts before it. `None`: inner bookkeeping that
    /// nobody asked for and that changes nothing people set.
    fn trace(state: &State, command: &Self::Command) -> Option<Trace>;

    /// The history rows an event leaves beside the facts.
    fn rows(_moment: &Moment, _event: &Self::Event) -> Vec<Row> {
        Vec::new()
    }
}

/// When, where and by whom a command was asked: all that a decision may know besides the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Where the proposal stands in the log.
    pub revision: Revision,
    /// Term of the leader that wrote the entry.
    pub term: Term,
    /// The leader that wrote the entry.
    pub leader: ManagerId,
    /// The proposer's time, never earlier than that of an earlier entry.
    pub at: Timestamp,
    /// Who asked.
    pub by: Actor,
    /// The Manager that took the request in.
    pub via: ManagerId,
    /// The request's name.
    pub request: RequestId,
    /// Why, in the asker's words.
    pub reason: Option<String>,
}

/// What the audit tells of a command. Never holds a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// Room and verb: `properties.set`.
    pub action: String,
    /// What it was about: `custom/greeting`.
    pub object: String,
    /// The object before, where that can be said in a line.
    pub before: Option<String>,
    /// The object after.
    pub after: Option<String>,
    /// What was asked for with it and refused, though noting that is itself agreed on: a wrong password. Kept as the
    /// record's own refusal.
    #[serde(skip)]
    pub refused: Option<&'static str>,
}

impl Trace {
    /// A trace with no before and after.
    pub fn new(action: &str, object: impl Into<String>) -> Self {
        Self { action: action.into(), object: object.into(), ..Self::default() }
    }

    /// Adds what the object was before and is after.
    pub fn changing(mut self, before: Option<String>, after: Option<String>) -> Self {
        (self.before, self.after) = (before, after);
        self
    }
}

/// The history tables by number. A number is never given to another meaning.
pub mod tables {
    /// Audit records, all under the empty key.
    pub const AUDIT: u8 = 1;
    /// Property changes, under `file/name`.
    pub const PROPERTY_CHANGES: u8 = 2;
    /// Tenures: who became Active, all under the empty key.
    pub const TENURES: u8 = 3;
}

/// The bytes of a history row's value: a format number, then bincode.
pub fn history_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = vec![HISTORY_FORMAT];
    bincode::serde::encode_into_std_write(value, &mut bytes, bincode::config::standard())
        .expect("history rows are plain data");
    bytes
}

/// Reads what [`history_bytes`] wrote; `None` for bytes of another form.
pub fn from_history_bytes<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Option<T> {
    let (format, body) = bytes.split_first()?;
    let config = bincode::config::standard().with_limit::<{ 64 << 10 }>();
    let (value, read) = bincode::serde::decode_from_slice(body, config).ok()?;
    (*format == HISTORY_FORMAT && read == body.len()).then_some(value)
}

const HISTORY_FORMAT: u8 = 1;
