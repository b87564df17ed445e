//! Golden bytes and hostile bytes of the structures in `wire`.

use std::fmt::Write;

use openraft::raft::{AppendEntriesRequest, VoteRequest};
use proptest::prelude::*;
use raft_store::types::TypeConfig;

use super::*;
use crate::cluster::translation::RaftMembership;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

const VOTE: VoteV1 = VoteV1 { term: 7, node: 2, committed: true };
const LOG: LogIdV1 = LogIdV1 { term: 6, node: 1, index: 300 };

fn append() -> AppendV1 {
    let at = |index| LogIdV1 { term: 7, node: 2, index };
    AppendV1 {
        vote: VOTE,
        prev: Some(LOG),
        entries: vec![
            EntryV1 { log_id: at(301), payload: EntryPayloadV1::Blank },
            EntryV1 { log_id: at(302), payload: EntryPayloadV1::Proposal(vec![1, 2, 3]) },
            EntryV1 {
                log_id: at(303),
                payload: EntryPayloadV1::Membership(MembershipV1 {
                    configs: vec![vec![1, 2], vec![1, 2, 3]],
                    nodes: vec![(1, "a:1".into()), (2, "b:2".into()), (3, "c:3".into())],
                }),
            },
        ],
        commit: Some(LOG),
    }
}

#[test]
fn the_bytes_of_every_body_are_a_contract() {
    let hello = Hello {
        protocol_min: 1,
        protocol_max: 1,
        cluster_id: [0xab; 16],
        node_id: 300,
        purpose: Purpose::Forward,
        build: "0.1.0".into(),
    };
    let ask = VoteAskV1 { vote: VOTE, last_log: Some(LOG), leadership_transfer: true };
    let begin = SnapshotBeginV1 {
        vote: VOTE,
        last_log: Some(LOG),
        membership_log: None,
        membership: MembershipV1 { configs: vec![vec![1]], nodes: vec![(1, "a:1".into())] },
        length: 70_000,
    };
    let reply = VoteReplyV1 { vote: VOTE, granted: false, last_log: None };
    let changed = TransferReplyV1::VoteChanged { expected: VOTE, actual: VOTE };
    let settled = ProposeReplyV1::Settled { answer: vec![9], committed_by: 2, term: 7 };
    let golden = [
        (encode(&hello), "0101ababababababababababababababababfb2c010305302e312e30"),
        (encode(&Welcome { protocol: 1 }), "01"),
        (encode(&Reason { text: "no".into() }), "026e6f"),
        (
            encode(&append()),
            "070201010601fb2c01030702fb2d01000702fb2e0101030102030702fb2f010202020102030102030301\
             03613a310203623a320303633a33010601fb2c01",
        ),
        (encode(&AppendReplyV1::Matching(Some(LOG))), "00010601fb2c01"),
        (encode(&AppendReplyV1::Conflict(LOG)), "010601fb2c01"),
        (encode(&AppendReplyV1::HigherVote(VOTE)), "02070201"),
        (encode(&ask), "070201010601fb2c0101"),
        (encode(&reply), "0702010000"),
        (encode(&TransferV1 { from: VOTE, to: 3, last_log: None }), "0702010300"),
        (encode(&TransferReplyV1::Accepted), "00"),
        (encode(&changed), "01070201070201"),
        (
            encode(&TransferReplyV1::LogNotFlushed { expected: None, actual: Some(LOG) }),
            "0200010601fb2c01",
        ),
        (encode(&ReadIndexReplyV1::At(300)), "00fb2c01"),
        (encode(&ReadIndexReplyV1::NotLeader { leader: Some(2) }), "010102"),
        (encode(&ReadIndexReplyV1::NoQuorum), "02"),
        (encode(&settled), "0001090207"),
        (encode(&ProposeReplyV1::NotLeader { leader: None }), "0100"),
        (encode(&ProposeReplyV1::Unknown { leader: Some(1) }), "020101"),
        (encode(&ProposeReplyV1::DiskFull { because: "x".into() }), "030178"),
        (
            encode(&StatusV1::default()),
            "0000000000000000000000000000000000000000000000000000000000000000",
        ),
        (encode(&begin), "070201010601fb2c0100010101010103613a31fc70110100"),
        (encode(&SnapshotEndV1 { length: 3 }), "03"),
        (encode(&SnapshotReplyV1 { vote: VOTE }), "070201"),
        (
            encode(&WillV1 { vote: VOTE, seal: [0xcd; 32] }),
            "070201cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
        ),
        (
            encode(&DeathV1 { secret: [0xef; 32] }),
            "efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef",
        ),
        (encode(&NothingV1), ""),
        (
            encode(&LogFilesV1 {
                files: vec![LogFileV1 { name: "a".into(), length: 300, written_at_ms: 5 }],
            }),
            "010161fb2c0105",
        ),
        (encode(&LogReadV1 { name: "a".into(), offset: 300 }), "0161fb2c01"),
        (encode(&LogPieceV1 { bytes: vec![1, 2] }), "020102"),
        (encode(&SignInV1 { revision: 300, address: "a:1".into() }), "fb2c0103613a31"),
        (encode(&SignedInV1::In("x".into())), "000178"),
        (encode(&SignedInV1::Denied("x".into())), "010178"),
        (encode(&SignedInV1::Bad("x".into())), "020178"),
        (encode(&SignedInV1::Silent("x".into())), "030178"),
    ];
    let wrong: Vec<_> = golden.iter().filter(|(bytes, expected)| hex(bytes) != *expected).collect();
    assert!(
        wrong.is_empty(),
        "{}",
        wrong.iter().map(|(b, e)| format!("{} for {e}\n", hex(b))).collect::<String>()
    );
}

#[test]
fn entries_keep_their_meaning_across_the_wire() {
    let request = AppendEntriesRequest::<TypeConfig>::try_from(append()).unwrap();
    assert_eq!(AppendV1::from(&request), append());
}

#[test]
fn entries_that_are_not_consecutive_are_refused() {
    let mut gap = append();
    gap.entries.remove(1);
    assert!(AppendEntriesRequest::<TypeConfig>::try_from(gap).is_err());
    let mut at_the_end = append();
    at_the_end.prev = Some(LogIdV1 { index: u64::MAX, ..LOG });
    assert!(AppendEntriesRequest::<TypeConfig>::try_from(at_the_end).is_err());
}

#[test]
fn a_membership_with_an_unknown_voter_is_refused() {
    let wire = MembershipV1 { configs: vec![vec![1, 2]], nodes: vec![(1, "a:1".into())] };
    assert!(RaftMembership::try_from(wire).is_err());
}

#[test]
fn a_body_must_end_where_its_structure_ends() {
    let mut bytes = encode(&append()).to_vec();
    bytes.push(0);
    assert!(matches!(decode::<AppendV1>(&bytes), Err(WireFailure::Trailing(1))));
    for end in 0..bytes.len() - 1 {
        assert!(decode::<AppendV1>(&bytes[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn a_claimed_length_beyond_the_limit_allocates_nothing() {
    let mut bytes = vec![7, 2, 1, 0];
    bytes.extend([0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    assert!(decode::<AppendV1>(&bytes).is_err());
}

fn log_id_strategy() -> impl Strategy<Value = LogIdV1> {
    (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(term, node, index)| LogIdV1 {
        term,
        node,
        index,
    })
}

fn refuses_or_reads<T: Decode<()> + Encode>(bytes: &[u8]) {
    if let Ok(body) = decode::<T>(bytes) {
        // What was accepted must be expressible again; no panic on the way.
        drop(encode(&body));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_panic(noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        refuses_or_reads::<Hello>(&noise);
        refuses_or_reads::<Welcome>(&noise);
        refuses_or_reads::<Reason>(&noise);
        refuses_or_reads::<AppendReplyV1>(&noise);
        refuses_or_reads::<VoteAskV1>(&noise);
        refuses_or_reads::<VoteReplyV1>(&noise);
        refuses_or_reads::<TransferV1>(&noise);
        refuses_or_reads::<TransferReplyV1>(&noise);
        refuses_or_reads::<ReadIndexReplyV1>(&noise);
        refuses_or_reads::<ProposeReplyV1>(&noise);
        refuses_or_reads::<StatusV1>(&noise);
        refuses_or_reads::<SnapshotEndV1>(&noise);
        refuses_or_reads::<SnapshotReplyV1>(&noise);
        refuses_or_reads::<WillV1>(&noise);
        refuses_or_reads::<DeathV1>(&noise);
        refuses_or_reads::<NothingV1>(&noise);
        refuses_or_reads::<SignInV1>(&noise);
        refuses_or_reads::<SignedInV1>(&noise);
        if let Ok(body) = decode::<AppendV1>(&noise) {
            drop(AppendEntriesRequest::<TypeConfig>::try_from(body));
        }
        if let Ok(body) = decode::<SnapshotBeginV1>(&noise) {
            drop(body.meta());
        }
    }

    #[test]
    fn votes_and_log_ids_come_back_as_they_went(vote in (any::<u64>(), any::<u64>(), any::<bool>()), log in proptest::option::of(log_id_strategy())) {
        let vote = VoteV1 { term: vote.0, node: vote.1, committed: vote.2 };
        let ask = VoteAskV1 { vote, last_log: log, leadership_transfer: false };
        prop_assert_eq!(decode::<VoteAskV1>(&encode(&ask)).unwrap(), ask);
        prop_assert_eq!(VoteAskV1::from(&VoteRequest::<TypeConfig>::from(ask)), ask);
    }
}
