//! The bytes of every stored form, as they were when the form was frozen. A change here is a change of the
//! format: readers of the old bytes must stay, and a new form gets a new version beside it.
//!
//! To freeze a new form: add it below and run the test once with `GOLDEN=write`.

use std::path::PathBuf;

use uuid::Uuid;

use crate::envelope::Kind;
use crate::log::frozen::{FROZEN_SALT, frozen_group, frozen_mark};
use crate::pack;
use crate::stored::{
    self, BlockV1, CheckpointEndV1, CheckpointHeadV1, EntryV1, IdentityV1, LogIdV1, MarkV1,
    MemberV1, MembershipV1, PayloadV1, ProgressV1, RowV1, SegmentHeadV1, StoredMembershipV1,
    TruncateV1, VoteV1,
};

const ID: LogIdV1 = LogIdV1 { term: 3, leader: 2, index: 70_000 };

fn membership() -> MembershipV1 {
    let member = |node_id: u64| MemberV1 { node_id, peer_addr: format!("host-{node_id}:7401") };
    MembershipV1 {
        configs: vec![vec![1, 2], vec![1, 2, 300]],
        members: [1, 2, 300].map(member).into(),
    }
}

fn row() -> RowV1<'static> {
    RowV1 { revision: 70_000, position: 1, table: 4, key: b"color", value: b"blue" }
}

fn packed<T: bincode::Encode>(kind: Kind, value: &T) -> Vec<u8> {
    let (mut plain, mut packed) = (Vec::new(), Vec::new());
    stored::put_plain(&mut plain, value);
    pack::put(&mut packed, kind, &plain);
    packed
}

/// Every form by name.
pub(crate) fn forms() -> Vec<(&'static str, Vec<u8>)> {
    let uuid = |number| Uuid::from_u128(number).into_bytes();
    let identity = IdentityV1 { cluster_id: uuid(1), disk_id: uuid(2), node_id: 300 };
    let stored_membership = StoredMembershipV1 { log_id: Some(ID), membership: membership() };
    let vote = VoteV1 { term: 4, candidate: 2, committed: true };
    let head = SegmentHeadV1 {
        segment: 9,
        vote: Some(vote),
        committed: Some(ID),
        purged: None,
        last: Some(ID),
    };
    let entry = |payload| stored::framed(Kind::Entry, &EntryV1 { id: ID, payload });
    let checkpoint_head = CheckpointHeadV1 {
        cluster_id: uuid(1),
        log_id: Some(ID),
        membership: stored_membership,
        history_floor: 60_000,
    };
    let end = CheckpointEndV1 { image_bytes: 5, rows: 1, blocks: 2, blake3: [7; 32] };
    let mark = MarkV1 { turn: 8, segment: 9, offset: 4096, committed: Some(ID) };
    let block = BlockV1 { rows: vec![row()] };
    let progress = ProgressV1 { revision: 70_000, rows: 12 };
    vec![
        ("identity", stored::framed(Kind::Identity, &identity)),
        ("entry-blank", entry(PayloadV1::Blank)),
        ("entry-normal", entry(PayloadV1::Normal(b"set color=blue"))),
        ("entry-membership", entry(PayloadV1::Membership(membership()))),
        ("vote", stored::framed(Kind::Vote, &vote)),
        ("committed", stored::framed(Kind::Committed, &ID)),
        ("truncate", stored::framed(Kind::Truncate, &TruncateV1 { after: Some(ID) })),
        ("truncate-all", stored::framed(Kind::Truncate, &TruncateV1 { after: None })),
        ("purge", stored::framed(Kind::Purge, &ID)),
        ("segment-head", stored::framed(Kind::SegmentHead, &head)),
        ("group", frozen_group(FROZEN_SALT, 12, &stored::framed(Kind::Vote, &vote))),
        ("mark", frozen_mark(&mark)),
        ("checkpoint-head", stored::framed(Kind::CheckpointHead, &checkpoint_head)),
        ("checkpoint-rows", packed(Kind::CheckpointRows, &row())),
        ("checkpoint-end", stored::framed(Kind::CheckpointEnd, &end)),
        ("history-block", packed(Kind::HistoryBlock, &block)),
        ("history-progress", stored::framed(Kind::HistoryProgress, &progress)),
    ]
}

fn hex(bytes: &[u8]) -> String {
    let lines = bytes.chunks(32).map(|line| {
        line.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ") + "\n"
    });
    lines.collect()
}

#[test]
fn every_stored_form_has_the_bytes_it_was_frozen_with() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for (name, bytes) in forms() {
        let path = dir.join(format!("{name}.v1.hex"));
        if std::env::var_os("GOLDEN").is_some_and(|mode| mode == "write") {
            std::fs::write(&path, hex(&bytes)).expect("the golden directory can be written");
        }
        let frozen = std::fs::read_to_string(&path).expect("every form is frozen");
        assert_eq!(hex(&bytes), frozen, "{name}");
    }
}
