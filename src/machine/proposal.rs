//! What is written in the log, and its bytes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Command;
use crate::base::text::fits;
use crate::base::{Digest, Epoch, ManagerId, Refusal, RequestId, Timestamp};

/// One entry of the group's log: a command and everything needed to judge it the same way everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Wall-clock time at the Manager that took the request in.
    pub at: Timestamp,
    /// Who asks.
    pub by: Actor,
    /// The Manager that took the request in.
    pub via: ManagerId,
    /// Where the request came from, as an IP address of at most 64 bytes; `None` for the Managers' own work.
    pub source: Option<String>,
    /// The request's name: the first answer to it is its answer for ever.
    pub request: RequestId,
    /// A digest of what the asker asked, to tell a repeat from another request under the same name. It is
    /// taken from the request as it came, because the command may hold fresh salt or a fresh token.
    pub fingerprint: Digest,
    /// The epoch the command was decided in; the log refuses it once another epoch has begun.
    pub fence: Option<Epoch>,
    /// Why, in the asker's words. At most 512 bytes.
    pub reason: Option<String>,
    /// What is asked.
    pub command: Command,
}

/// Who asks for something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Actor {
    /// A person, signed in.
    User(String),
    /// An API token, by name.
    Token(String),
    /// A Manager itself.
    Manager(ManagerId),
    /// Nobody known: a failed sign-in, a joining host.
    Anonymous,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => f.write_str(name),
            Self::Token(name) => write!(f, "token {name}"),
            Self::Manager(id) => write!(f, "Kyvos Manager {id}"),
            Self::Anonymous => f.write_str("anonymous"),
        }
    }
}

/// Why bytes are no proposal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer build.
    #[error("proposal format {found} is not known to this build (it knows {FORMAT})")]
    Format {
        /// The format number found.
        found: u16,
    },
    /// Not the bytes of a proposal.
    #[error("malformed proposal: {0}")]
    Malformed(String),
}

/// The format number in front of every proposal.
const FORMAT: u16 = 1;

/// Decoding never allocates more than this, whatever lengths the bytes claim.
const LIMIT_BYTES: usize = raft_store::types::PAYLOAD_MAX_BYTES;

fn bincode_config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<LIMIT_BYTES>()
}

/// Longest reason, in bytes.
pub const REASON_MAX_BYTES: usize = 512;
/// Longest source, in bytes.
pub const SOURCE_MAX_BYTES: usize = 64;
/// Longest name of whoever asks, in bytes.
pub const ACTOR_MAX_BYTES: usize = 64;

impl Proposal {
    /// Refuses texts around the command that are longer than they may be. Each room bounds its own commands.
    pub fn bounded(&self) -> Result<(), Refusal> {
        fits("A reason", self.reason.as_deref().unwrap_or_default(), REASON_MAX_BYTES)?;
        fits("A source", self.source.as_deref().unwrap_or_default(), SOURCE_MAX_BYTES)?;
        match &self.by {
            Actor::User(name) | Actor::Token(name) => fits("A name", name, ACTOR_MAX_BYTES),
            Actor::Manager(_) | Actor::Anonymous => Ok(()),
        }
    }

    /// The bytes as they stand in the log: the format number (big endian), then bincode.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = FORMAT.to_be_bytes().to_vec();
        bincode::serde::encode_into_std_write(self, &mut bytes, bincode_config())
            .expect("a proposal is plain data within the limit its fields were checked against");
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote. Hostile bytes give an error, never a panic.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let malformed = |why: &str| DecodeError::Malformed(why.into());
        let (format, body) =
            bytes.split_first_chunk::<2>().ok_or_else(|| malformed("too short"))?;
        let found = u16::from_be_bytes(*format);
        if found != FORMAT {
            return Err(DecodeError::Format { found });
        }
        let (proposal, read) = bincode::serde::decode_from_slice(body, bincode_config())
            .map_err(|error| malformed(&error.to_string()))?;
        if read != body.len() {
            return Err(malformed("bytes after the end"));
        }
        Ok(proposal)
    }
}
