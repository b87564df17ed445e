//! What members say to each other: one frozen structure for each frame body, version 1.
//!
//! None of the Raft library's own structures is ever sent: their form is not promised to stay. Changing
//! a structure here changes the protocol; the golden bytes below make that visible. Bodies are bincode
//! with a limit and must be consumed to the last byte. What they mean to the Raft library is in `translation`.

use bincode::{Decode, Encode};
use bytes::Bytes;

use super::frames::MAX_BODY;

/// The protocol versions this build speaks.
pub(crate) const PROTOCOL_MIN: u16 = 1;
/// See [`PROTOCOL_MIN`].
pub(crate) const PROTOCOL_MAX: u16 = 1;

/// A body that is not what its kind says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireFailure {
    #[error("malformed body: {0}")]
    Malformed(String),
    #[error("{0} bytes follow the end of the body")]
    Trailing(usize),
}

/// What a connection is for. Each purpose has its own, so that none waits behind another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Purpose {
    /// Heartbeats, votes, transfer, read index, status. Small and urgent.
    Control,
    /// Entries, in order.
    Append,
    /// One checkpoint.
    Snapshot,
    /// Proposals handed to the leader.
    Forward,
}

/// First word of the dialling side.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Hello {
    pub protocol_min: u16,
    pub protocol_max: u16,
    pub cluster_id: [u8; 16],
    pub node_id: u64,
    pub purpose: Purpose,
    pub build: String,
}

/// Answer to an acceptable [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Welcome {
    pub protocol: u16,
}

/// A "no" with its reason, to a [`Hello`] or to a call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Reason {
    pub text: String,
}

/// A Raft vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct VoteV1 {
    pub term: u64,
    pub node: u64,
    pub committed: bool,
}

/// A Raft log id. In the order of its fields, which is Raft's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) struct LogIdV1 {
    pub term: u64,
    pub node: u64,
    pub index: u64,
}

/// A Raft membership.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct MembershipV1 {
    pub configs: Vec<Vec<u64>>,
    pub nodes: Vec<(u64, String)>,
}

/// What an entry carries.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum EntryPayloadV1 {
    Blank,
    Proposal(Vec<u8>),
    Membership(MembershipV1),
}

/// One log entry.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct EntryV1 {
    pub log_id: LogIdV1,
    pub payload: EntryPayloadV1,
}

impl EntryV1 {
    /// About how long the entry is when encoded; never less than it is by much.
    pub(crate) fn estimated_bytes(&self) -> usize {
        /// Log id, variant and length, at their longest.
        const AROUND: usize = 32;
        match &self.payload {
            EntryPayloadV1::Blank => AROUND,
            EntryPayloadV1::Proposal(bytes) => AROUND + bytes.len(),
            EntryPayloadV1::Membership(membership) => {
                let addresses: usize = membership.nodes.iter().map(|(_, addr)| addr.len()).sum();
                AROUND * (1 + membership.nodes.len() + membership.configs.len()) + addresses
            }
        }
    }
}

/// Append entries, or a heartbeat when there are none.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct AppendV1 {
    pub vote: VoteV1,
    pub prev: Option<LogIdV1>,
    pub entries: Vec<EntryV1>,
    pub commit: Option<LogIdV1>,
}

/// Answer to [`AppendV1`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum AppendReplyV1 {
    Matching(Option<LogIdV1>),
    Conflict(LogIdV1),
    HigherVote(VoteV1),
}

/// A request for a vote or a pre-vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct VoteAskV1 {
    pub vote: VoteV1,
    pub last_log: Option<LogIdV1>,
    pub leadership_transfer: bool,
}

/// Answer to [`VoteAskV1`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct VoteReplyV1 {
    pub vote: VoteV1,
    pub granted: bool,
    pub last_log: Option<LogIdV1>,
}

/// "Stand for election now, I step back."
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct TransferV1 {
    pub from: VoteV1,
    pub to: u64,
    pub last_log: Option<LogIdV1>,
}

/// Answer to [`TransferV1`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum TransferReplyV1 {
    Accepted,
    VoteChanged { expected: VoteV1, actual: VoteV1 },
    LogNotFlushed { expected: Option<LogIdV1>, actual: Option<LogIdV1> },
}

/// Up to which index a linearizable read has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum ReadIndexReplyV1 {
    At(u64),
    NotLeader { leader: Option<u64> },
    NoQuorum,
}

/// A proposal's fate at the leader.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum ProposeReplyV1 {
    /// Applied; the machine's answer.
    Settled { answer: Vec<u8>, committed_by: u64, term: u64 },
    /// Surely not in any log.
    NotLeader { leader: Option<u64> },
    /// It may be in a log.
    Unknown { leader: Option<u64> },
    /// Surely not in any log, and not to be retried.
    DiskFull { because: String },
}

/// What a member tells about itself once a second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct StatusV1 {
    pub pid: u32,
    pub started_at_ms: u64,
    pub version: String,
    pub install_path: String,
    pub data_dir: String,
    pub disk_id: [u8; 16],
    pub certificate_expires_at_ms: Option<u64>,
    pub term: u64,
    pub leader: Option<u64>,
    pub last_log: u64,
    pub applied: u64,
    pub checkpoint: u64,
    pub data_bytes: u64,
    pub disk_full: Option<String>,
    pub rebuilt: u32,
    pub clock_ms: u64,
    pub readings: Vec<ReadingV1>,
}

/// The digest of all facts at a revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ReadingV1 {
    pub revision: u64,
    pub digest: [u8; 32],
}

/// The last will of a leader: whoever tells what was sealed tells that its process is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct WillV1 {
    /// Under which it leads.
    pub vote: VoteV1,
    /// Digest of the secret.
    pub seal: [u8; 32],
}

/// "The process is gone that sealed this."
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct DeathV1 {
    pub secret: [u8; 32],
}

/// Heard; there is nothing to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct NothingV1;

/// A Manager's log files.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct LogFilesV1 {
    pub files: Vec<LogFileV1>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct LogFileV1 {
    pub name: String,
    pub length: u64,
    pub written_at_ms: u64,
}

/// Asks for a piece of a log file.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct LogReadV1 {
    pub name: String,
    pub offset: u64,
}

/// Answer to [`LogReadV1`]; empty at the file's end.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct LogPieceV1 {
    pub bytes: Vec<u8>,
}

/// Asks what is seen of some places.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct LookV1 {
    pub targets: Vec<TargetV1>,
}

/// One of them; with a path it is asked over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct TargetV1 {
    pub address: String,
    pub path: Option<String>,
}

/// Answer to [`LookV1`], in its order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct LookedV1 {
    pub seen: Vec<SeenV1>,
}

/// What is seen of a place.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SeenV1 {
    pub answers: bool,
    pub because: String,
}

/// Asks to try whether the repository lets the asked one in, with what the facts say there from this revision on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SignInV1 {
    pub revision: u64,
    pub address: String,
}

/// Answer to [`SignInV1`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum SignedInV1 {
    In(String),
    Denied(String),
    Bad(String),
    Silent(String),
}

/// A checkpoint follows.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SnapshotBeginV1 {
    pub vote: VoteV1,
    pub last_log: Option<LogIdV1>,
    pub membership_log: Option<LogIdV1>,
    pub membership: MembershipV1,
    pub length: u64,
}

/// The checkpoint is complete. Its content checks itself; the length tells an early end apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SnapshotEndV1 {
    pub length: u64,
}

/// The checkpoint is installed, or the sender is no longer leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SnapshotReplyV1 {
    pub vote: VoteV1,
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<MAX_BODY>()
}

/// The body of a frame.
pub(crate) fn encode<T: Encode>(body: &T) -> Bytes {
    bincode::encode_to_vec(body, config()).expect("plain data always encodes").into()
}

/// Reads a body to its last byte.
pub(crate) fn decode<T: Decode<()>>(body: &[u8]) -> Result<T, WireFailure> {
    let (decoded, consumed) = bincode::decode_from_slice(body, config())
        .map_err(|error| WireFailure::Malformed(error.to_string()))?;
    match body.len() - consumed {
        0 => Ok(decoded),
        trailing => Err(WireFailure::Trailing(trailing)),
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
