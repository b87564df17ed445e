//! The frozen forms of what is stored, version 1, and how they become the types in memory.
//!
//! Nothing of openraft is ever serialized itself: its derives promise no stable form. A form here never
//! changes; a new need gets a new version beside it, and readers keep the old one.

use std::collections::{BTreeMap, BTreeSet};

use bincode::{BorrowDecode, Decode, Encode};
use bytes::Bytes;
use openraft::alias::{EntryOf, LeaderIdOf, LogIdOf, StoredMembershipOf, VoteOf};
use openraft::vote::RaftLeaderId;
use openraft::{EntryPayload, Membership as RaftMembership};

use crate::envelope::{self, Envelope, Kind, Malformed};
use crate::types::{Member, Payload, TypeConfig};

pub(crate) type LogId = LogIdOf<TypeConfig>;
pub(crate) type Vote = VoteOf<TypeConfig>;
pub(crate) type Entry = EntryOf<TypeConfig>;
pub(crate) type Membership = RaftMembership<u64, Member>;
pub(crate) type StoredMembership = StoredMembershipOf<TypeConfig>;

/// The one version of every form so far.
pub(crate) const V1: u16 = 1;

/// No decoded value may claim more memory than this, whatever its bytes say.
const DECODE_MAX_BYTES: usize = 16 << 20;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<DECODE_MAX_BYTES>()
}

/// Appends `value` to `out` as a frame of its kind.
pub(crate) fn put<T: Encode>(out: &mut Vec<u8>, kind: Kind, value: &T) {
    let start = envelope::begin(out);
    bincode::encode_into_std_write(value, out, config()).expect("writing to memory cannot fail");
    envelope::seal(out, start, kind, V1);
}

/// `value` as one frame.
pub(crate) fn framed<T: Encode>(kind: Kind, value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, kind, value);
    out
}

/// Appends the bytes of `value` to `out`, without a frame: for bodies of many values.
pub(crate) fn put_plain<T: Encode>(out: &mut Vec<u8>, value: &T) {
    bincode::encode_into_std_write(value, out, config()).expect("writing to memory cannot fail");
}

/// The value at the start of `bytes`, and what follows it.
pub(crate) fn get_plain<'a, T: BorrowDecode<'a, ()>>(
    bytes: &'a [u8],
) -> Result<(T, &'a [u8]), Malformed> {
    let (value, used) = bincode::borrow_decode_from_slice(bytes, config())
        .map_err(|error| Malformed::Content(error.to_string()))?;
    Ok((value, &bytes[used..]))
}

/// The value in a frame of `kind`, all of its bytes accounted for.
pub(crate) fn get<'a, T: BorrowDecode<'a, ()>>(
    envelope: Envelope<'a>,
    kind: Kind,
) -> Result<T, Malformed> {
    let body = envelope.expect(kind, V1)?;
    let (value, used) = bincode::borrow_decode_from_slice(body, config())
        .map_err(|error| Malformed::Content(error.to_string()))?;
    if used != body.len() {
        return Err(Malformed::Content(format!("{} bytes left over", body.len() - used)));
    }
    Ok(value)
}

/// The value in the only frame that `bytes` hold.
pub(crate) fn get_only<'a, T: BorrowDecode<'a, ()>>(
    bytes: &'a [u8],
    kind: Kind,
) -> Result<T, Malformed> {
    let (envelope, used) = Envelope::open(bytes)?;
    if used != bytes.len() {
        return Err(Malformed::Content(format!("{} bytes left over", bytes.len() - used)));
    }
    get(envelope, kind)
}

/// Who this directory belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct IdentityV1 {
    pub cluster_id: [u8; 16],
    pub disk_id: [u8; 16],
    pub node_id: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct LogIdV1 {
    pub term: u64,
    pub leader: u64,
    pub index: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct VoteV1 {
    pub term: u64,
    pub candidate: u64,
    pub committed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub(crate) struct EntryV1<'a> {
    pub id: LogIdV1,
    pub payload: PayloadV1<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub(crate) enum PayloadV1<'a> {
    Blank,
    Normal(&'a [u8]),
    Membership(MembershipV1),
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct MembershipV1 {
    pub configs: Vec<Vec<u64>>,
    pub members: Vec<MemberV1>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct MemberV1 {
    pub node_id: u64,
    pub peer_addr: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct StoredMembershipV1 {
    pub log_id: Option<LogIdV1>,
    pub membership: MembershipV1,
}

/// First record of a segment: all that older segments knew besides their entries.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SegmentHeadV1 {
    pub segment: u64,
    pub vote: Option<VoteV1>,
    pub committed: Option<LogIdV1>,
    pub purged: Option<LogIdV1>,
    pub last: Option<LogIdV1>,
}

/// Cuts the log after this entry; `None` cuts all of it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct TruncateV1 {
    pub after: Option<LogIdV1>,
}

/// How far the log is known to be on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct MarkV1 {
    /// Grows with every mark; the larger of the two slots is the newer.
    pub turn: u64,
    pub segment: u64,
    pub offset: u64,
    pub committed: Option<LogIdV1>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct CheckpointHeadV1 {
    pub cluster_id: [u8; 16],
    pub log_id: Option<LogIdV1>,
    pub membership: StoredMembershipV1,
    pub history_floor: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct CheckpointEndV1 {
    pub image_bytes: u64,
    pub rows: u64,
    pub blocks: u64,
    pub blake3: [u8; 32],
}

/// One history row.
#[derive(Clone, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub(crate) struct RowV1<'a> {
    pub revision: u64,
    /// Position among the rows of this revision.
    pub position: u32,
    pub table: u8,
    pub key: &'a [u8],
    pub value: &'a [u8],
}

/// History rows of one table that were written together, in order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub(crate) struct BlockV1<'a> {
    pub rows: Vec<RowV1<'a>>,
}

/// How far the history reaches, and how many rows its shelf then holds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ProgressV1 {
    pub revision: u64,
    pub rows: u64,
}

impl From<&LogId> for LogIdV1 {
    fn from(id: &LogId) -> Self {
        LogIdV1 { term: id.leader_id.term, leader: id.leader_id.node_id, index: id.index }
    }
}

impl From<LogIdV1> for LogId {
    fn from(id: LogIdV1) -> Self {
        LogId::new(LeaderIdOf::<TypeConfig>::new(id.term, id.leader), id.index)
    }
}

impl From<&Vote> for VoteV1 {
    fn from(vote: &Vote) -> Self {
        VoteV1 {
            term: vote.leader_id.term,
            candidate: vote.leader_id.node_id,
            committed: vote.committed,
        }
    }
}

impl From<VoteV1> for Vote {
    fn from(vote: VoteV1) -> Self {
        Vote {
            leader_id: LeaderIdOf::<TypeConfig>::new(vote.term, vote.candidate),
            committed: vote.committed,
        }
    }
}

impl<'a> From<&'a Entry> for EntryV1<'a> {
    fn from(entry: &'a Entry) -> Self {
        let payload = match &entry.payload {
            EntryPayload::Blank => PayloadV1::Blank,
            EntryPayload::Normal(Payload(bytes)) => PayloadV1::Normal(bytes),
            EntryPayload::Membership(membership) => PayloadV1::Membership(membership.into()),
        };
        EntryV1 { id: (&entry.log_id).into(), payload }
    }
}

impl EntryV1<'_> {
    /// The entry in memory, if its content makes sense.
    pub(crate) fn into_entry(self) -> Result<Entry, Malformed> {
        let payload = match self.payload {
            PayloadV1::Blank => EntryPayload::Blank,
            PayloadV1::Normal(bytes) => {
                EntryPayload::Normal(Payload(Bytes::copy_from_slice(bytes)))
            }
            PayloadV1::Membership(membership) => EntryPayload::Membership(membership.try_into()?),
        };
        Ok(Entry { log_id: self.id.into(), payload })
    }
}

impl From<&Membership> for MembershipV1 {
    fn from(membership: &Membership) -> Self {
        let configs = membership.get_joint_config().iter();
        let members = membership.nodes();
        MembershipV1 {
            configs: configs.map(|config| config.iter().copied().collect()).collect(),
            members: members
                .map(|(node_id, member)| MemberV1 {
                    node_id: *node_id,
                    peer_addr: member.peer_addr.clone(),
                })
                .collect(),
        }
    }
}

impl TryFrom<MembershipV1> for Membership {
    type Error = Malformed;

    fn try_from(stored: MembershipV1) -> Result<Self, Malformed> {
        if stored.configs.is_empty() && stored.members.is_empty() {
            return Ok(Membership::default());
        }
        let configs: Vec<BTreeSet<u64>> =
            stored.configs.into_iter().map(|config| config.into_iter().collect()).collect();
        let members: BTreeMap<u64, Member> = stored
            .members
            .into_iter()
            .map(|member| (member.node_id, Member { peer_addr: member.peer_addr }))
            .collect();
        Membership::new(configs, members).map_err(|error| Malformed::Content(error.to_string()))
    }
}

impl From<&StoredMembership> for StoredMembershipV1 {
    fn from(stored: &StoredMembership) -> Self {
        StoredMembershipV1 {
            log_id: stored.log_id().as_ref().map(LogIdV1::from),
            membership: stored.membership().into(),
        }
    }
}

impl TryFrom<StoredMembershipV1> for StoredMembership {
    type Error = Malformed;

    fn try_from(stored: StoredMembershipV1) -> Result<Self, Malformed> {
        Ok(StoredMembership::new(stored.log_id.map(LogId::from), stored.membership.try_into()?))
    }
}
