//! The types the Raft library is run with: opaque bytes in, opaque bytes out.
//!
//! Nothing here knows what a proposal means. The payload is encoded once by the proposer and the same
//! bytes are written to the log, sent to the peers and handed to the [`Machine`](crate::Machine).

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

openraft::declare_raft_types!(
    /// The one Raft configuration of this product.
    ///
    /// Node ids are log indexes and are never reused. The default leader id (term and node) is kept:
    /// two nodes may lead one term, which is why a term is never used as a fencing token.
    pub TypeConfig:
        D = Payload,
        R = Answer,
        NodeId = u64,
        Node = Member,
);

/// What a proposer wants agreed: bytes that only the machine understands. At most
/// [`PAYLOAD_MAX_BYTES`] long.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload(pub Bytes);

/// What the machine answers to one payload: bytes that only the proposer understands.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answer(pub Bytes);

/// What Raft has to know of a member: where to dial it. Identity is proven by its certificate, never
/// by this address.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Member {
    /// `host:port` of the peer listener.
    pub peer_addr: String,
}

/// Upper bound of one payload. Far above any command (property values are at most 4 KiB) and far below
/// a segment, so that one entry can never fill a segment by itself.
pub const PAYLOAD_MAX_BYTES: usize = 1 << 20;

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} bytes)", self.0.len())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.peer_addr)
    }
}
