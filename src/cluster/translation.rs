//! Between what members say to each other (`wire`) and what the Raft library means by it.
//!
//! Outwards nothing can fail. Inwards everything is checked that the library takes for granted: entries follow
//! each other, a voter has an address, a proposal is within its bound.

use std::collections::{BTreeMap, BTreeSet};

use openraft::alias::{SnapshotMetaOf, StoredMembershipOf};
use openraft::raft::{
    AppendEntriesRequest, StreamAppendError, StreamAppendResult, TransferLeaderError,
    TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::vote::leader_id_adv::LeaderId;
use openraft::{EntryPayload, LogId, Membership};
use raft_store::types::{Member, PAYLOAD_MAX_BYTES, Payload, TypeConfig};

use super::wire::{
    AppendReplyV1, AppendV1, EntryPayloadV1, EntryV1, LogIdV1, MembershipV1, SnapshotBeginV1,
    TransferReplyV1, TransferV1, VoteAskV1, VoteReplyV1, VoteV1, WireFailure,
};

/// The Raft library's types as this product runs it.
pub(crate) type RaftVote = openraft::Vote<LeaderId<u64, u64>>;
/// See [`RaftVote`].
pub(crate) type RaftLogId = LogId<LeaderId<u64, u64>>;
/// See [`RaftVote`].
pub(crate) type RaftMembership = Membership<u64, Member>;
type RaftEntry = openraft::Entry<LeaderId<u64, u64>, EntryPayload<Payload, u64, Member>>;

impl From<&RaftVote> for VoteV1 {
    fn from(vote: &RaftVote) -> Self {
        VoteV1 {
            term: vote.leader_id.term,
            node: vote.leader_id.node_id,
            committed: vote.committed,
        }
    }
}

impl From<VoteV1> for RaftVote {
    fn from(vote: VoteV1) -> Self {
        openraft::Vote {
            leader_id: LeaderId { term: vote.term, node_id: vote.node },
            committed: vote.committed,
        }
    }
}

impl From<&RaftLogId> for LogIdV1 {
    fn from(id: &RaftLogId) -> Self {
        LogIdV1 {
            term: id.committed_leader_id().term,
            node: id.committed_leader_id().node_id,
            index: id.index(),
        }
    }
}

impl From<LogIdV1> for RaftLogId {
    fn from(id: LogIdV1) -> Self {
        LogId::new(LeaderId { term: id.term, node_id: id.node }, id.index)
    }
}

/// An optional log id, for the wire.
pub(crate) fn log_id_v1(id: Option<&RaftLogId>) -> Option<LogIdV1> {
    id.map(LogIdV1::from)
}

fn log_id(id: Option<LogIdV1>) -> Option<RaftLogId> {
    id.map(Into::into)
}

impl From<&RaftMembership> for MembershipV1 {
    fn from(membership: &RaftMembership) -> Self {
        MembershipV1 {
            configs: membership
                .get_joint_config()
                .iter()
                .map(|config| config.iter().copied().collect())
                .collect(),
            nodes: membership.nodes().map(|(id, node)| (*id, node.peer_addr.clone())).collect(),
        }
    }
}

impl TryFrom<MembershipV1> for RaftMembership {
    type Error = WireFailure;

    fn try_from(wire: MembershipV1) -> Result<Self, WireFailure> {
        let configs: Vec<BTreeSet<u64>> =
            wire.configs.into_iter().map(|config| config.into_iter().collect()).collect();
        let nodes: BTreeMap<u64, Member> =
            wire.nodes.into_iter().map(|(id, peer_addr)| (id, Member { peer_addr })).collect();
        // The empty membership of a member that has none yet is legal, and the constructor refuses it.
        if configs.is_empty() && nodes.is_empty() {
            return Ok(Membership::default());
        }
        Membership::new(configs, nodes).map_err(|error| WireFailure::Malformed(error.to_string()))
    }
}

impl From<&RaftEntry> for EntryV1 {
    fn from(entry: &RaftEntry) -> Self {
        let payload = match &entry.payload {
            EntryPayload::Blank => EntryPayloadV1::Blank,
            EntryPayload::Normal(Payload(bytes)) => EntryPayloadV1::Proposal(bytes.to_vec()),
            EntryPayload::Membership(membership) => EntryPayloadV1::Membership(membership.into()),
        };
        EntryV1 { log_id: LogIdV1::from(&entry.log_id), payload }
    }
}

impl TryFrom<EntryV1> for RaftEntry {
    type Error = WireFailure;

    fn try_from(entry: EntryV1) -> Result<Self, WireFailure> {
        let payload = match entry.payload {
            EntryPayloadV1::Blank => EntryPayload::Blank,
            EntryPayloadV1::Proposal(bytes) => {
                if bytes.len() > PAYLOAD_MAX_BYTES {
                    return Err(WireFailure::Malformed("proposal too long".to_owned()));
                }
                EntryPayload::Normal(Payload(bytes.into()))
            }
            EntryPayloadV1::Membership(membership) => {
                EntryPayload::Membership(membership.try_into()?)
            }
        };
        Ok(RaftEntry { log_id: entry.log_id.into(), payload })
    }
}

impl From<&AppendEntriesRequest<TypeConfig>> for AppendV1 {
    fn from(request: &AppendEntriesRequest<TypeConfig>) -> Self {
        AppendV1 {
            vote: VoteV1::from(&request.vote),
            prev: log_id_v1(request.prev_log_id.as_ref()),
            entries: request.entries.iter().map(EntryV1::from).collect(),
            commit: log_id_v1(request.leader_commit.as_ref()),
        }
    }
}

impl TryFrom<AppendV1> for AppendEntriesRequest<TypeConfig> {
    type Error = WireFailure;

    fn try_from(wire: AppendV1) -> Result<Self, WireFailure> {
        let mut before = wire.prev.map(|prev| prev.index);
        for entry in &wire.entries {
            let next = before.map_or(Some(0), |index| index.checked_add(1));
            if next != Some(entry.log_id.index) {
                return Err(WireFailure::Malformed("entries are not consecutive".to_owned()));
            }
            before = next;
        }
        Ok(AppendEntriesRequest {
            vote: wire.vote.into(),
            prev_log_id: log_id(wire.prev),
            entries: wire.entries.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            leader_commit: log_id(wire.commit),
        })
    }
}

impl From<&StreamAppendResult<TypeConfig>> for AppendReplyV1 {
    fn from(result: &StreamAppendResult<TypeConfig>) -> Self {
        match result {
            Ok(matching) => AppendReplyV1::Matching(log_id_v1(matching.as_ref())),
            Err(StreamAppendError::Conflict(id)) => AppendReplyV1::Conflict(id.into()),
            Err(StreamAppendError::HigherVote(vote)) => AppendReplyV1::HigherVote(vote.into()),
        }
    }
}

impl From<AppendReplyV1> for StreamAppendResult<TypeConfig> {
    fn from(reply: AppendReplyV1) -> Self {
        match reply {
            AppendReplyV1::Matching(id) => Ok(log_id(id)),
            AppendReplyV1::Conflict(id) => Err(StreamAppendError::Conflict(id.into())),
            AppendReplyV1::HigherVote(vote) => Err(StreamAppendError::HigherVote(vote.into())),
        }
    }
}

impl From<&VoteRequest<TypeConfig>> for VoteAskV1 {
    fn from(request: &VoteRequest<TypeConfig>) -> Self {
        VoteAskV1 {
            vote: VoteV1::from(&request.vote),
            last_log: log_id_v1(request.last_log_id.as_ref()),
            leadership_transfer: request.leadership_transfer,
        }
    }
}

impl From<VoteAskV1> for VoteRequest<TypeConfig> {
    fn from(wire: VoteAskV1) -> Self {
        VoteRequest {
            vote: wire.vote.into(),
            last_log_id: log_id(wire.last_log),
            leadership_transfer: wire.leadership_transfer,
        }
    }
}

impl From<&VoteResponse<TypeConfig>> for VoteReplyV1 {
    fn from(response: &VoteResponse<TypeConfig>) -> Self {
        VoteReplyV1 {
            vote: VoteV1::from(&response.vote),
            granted: response.vote_granted,
            last_log: log_id_v1(response.last_log_id.as_ref()),
        }
    }
}

impl From<VoteReplyV1> for VoteResponse<TypeConfig> {
    fn from(wire: VoteReplyV1) -> Self {
        VoteResponse {
            vote: wire.vote.into(),
            vote_granted: wire.granted,
            last_log_id: log_id(wire.last_log),
        }
    }
}

impl From<&TransferLeaderRequest<TypeConfig>> for TransferV1 {
    fn from(request: &TransferLeaderRequest<TypeConfig>) -> Self {
        TransferV1 {
            from: VoteV1::from(request.from_leader()),
            to: *request.to_node_id(),
            last_log: log_id_v1(request.last_log_id()),
        }
    }
}

impl From<TransferV1> for TransferLeaderRequest<TypeConfig> {
    fn from(wire: TransferV1) -> Self {
        TransferLeaderRequest::new(wire.from.into(), wire.to, log_id(wire.last_log))
    }
}

impl From<&TransferLeaderResponse<TypeConfig>> for TransferReplyV1 {
    fn from(response: &TransferLeaderResponse<TypeConfig>) -> Self {
        match response {
            Ok(()) => TransferReplyV1::Accepted,
            Err(TransferLeaderError::VoteChanged { expected, actual }) => {
                TransferReplyV1::VoteChanged { expected: expected.into(), actual: actual.into() }
            }
            Err(TransferLeaderError::LogNotFlushed { expected, actual }) => {
                TransferReplyV1::LogNotFlushed {
                    expected: log_id_v1(expected.as_ref()),
                    actual: log_id_v1(actual.as_ref()),
                }
            }
        }
    }
}

impl From<TransferReplyV1> for TransferLeaderResponse<TypeConfig> {
    fn from(wire: TransferReplyV1) -> Self {
        match wire {
            TransferReplyV1::Accepted => Ok(()),
            TransferReplyV1::VoteChanged { expected, actual } => {
                Err(TransferLeaderError::VoteChanged {
                    expected: expected.into(),
                    actual: actual.into(),
                })
            }
            TransferReplyV1::LogNotFlushed { expected, actual } => {
                Err(TransferLeaderError::LogNotFlushed {
                    expected: log_id(expected),
                    actual: log_id(actual),
                })
            }
        }
    }
}

impl SnapshotBeginV1 {
    /// Announces a checkpoint of `length` bytes.
    pub(crate) fn new(vote: &RaftVote, meta: &SnapshotMetaOf<TypeConfig>, length: u64) -> Self {
        SnapshotBeginV1 {
            vote: vote.into(),
            last_log: log_id_v1(meta.last_log_id.as_ref()),
            membership_log: log_id_v1(meta.last_membership.log_id().as_ref()),
            membership: meta.last_membership.membership().into(),
            length,
        }
    }

    /// What the checkpoint is of.
    pub(crate) fn meta(&self) -> Result<SnapshotMetaOf<TypeConfig>, WireFailure> {
        let membership = RaftMembership::try_from(self.membership.clone())?;
        Ok(SnapshotMetaOf::<TypeConfig> {
            last_log_id: log_id(self.last_log),
            last_membership: StoredMembershipOf::<TypeConfig>::new(
                log_id(self.membership_log),
                membership,
            ),
        })
    }
}
