//! No decoder panics, believes a length, or takes one form for another, whatever it is given.

use proptest::prelude::*;

use crate::envelope::{Envelope, Kind};
use crate::golden::forms;
use crate::log::frozen::{
    FROZEN_SALT, read_hostile_group, read_hostile_mark, read_hostile_segment,
};
use crate::pack;
use crate::stored::{
    self, BlockV1, CheckpointEndV1, CheckpointHeadV1, EntryV1, IdentityV1, LogIdV1, Membership,
    ProgressV1, RowV1, SegmentHeadV1, StoredMembership, TruncateV1, VoteV1,
};

/// Gives the bytes to every decoder there is; true when one of them took them.
fn taken_by_any(bytes: &[u8]) -> bool {
    let membership = |head: CheckpointHeadV1| StoredMembership::try_from(head.membership).is_ok();
    let taken = [
        stored::get_only::<IdentityV1>(bytes, Kind::Identity).is_ok(),
        stored::get_only::<EntryV1>(bytes, Kind::Entry).is_ok_and(|it| it.into_entry().is_ok()),
        stored::get_only::<VoteV1>(bytes, Kind::Vote).is_ok(),
        stored::get_only::<LogIdV1>(bytes, Kind::Committed).is_ok(),
        stored::get_only::<LogIdV1>(bytes, Kind::Purge).is_ok(),
        stored::get_only::<TruncateV1>(bytes, Kind::Truncate).is_ok(),
        stored::get_only::<SegmentHeadV1>(bytes, Kind::SegmentHead).is_ok(),
        stored::get_only::<CheckpointHeadV1>(bytes, Kind::CheckpointHead).is_ok_and(membership),
        rows_in(bytes).is_some(),
        stored::get_only::<CheckpointEndV1>(bytes, Kind::CheckpointEnd).is_ok(),
        block_in(bytes).is_some(),
        stored::get_only::<ProgressV1>(bytes, Kind::HistoryProgress).is_ok(),
        read_hostile_group(bytes, FROZEN_SALT),
        read_hostile_mark(bytes),
    ];
    read_hostile_segment(bytes, FROZEN_SALT);
    taken.into_iter().filter(|taken| *taken).count() > 0
}

fn rows_in(bytes: &[u8]) -> Option<usize> {
    let plain = unpacked(bytes, Kind::CheckpointRows)?;
    let (mut rest, mut rows) = (plain.as_slice(), 0);
    while !rest.is_empty() {
        rest = stored::get_plain::<RowV1>(rest).ok()?.1;
        rows += 1;
    }
    Some(rows)
}

fn block_in(bytes: &[u8]) -> Option<usize> {
    let plain = unpacked(bytes, Kind::HistoryBlock)?;
    let (block, rest): (BlockV1, _) = stored::get_plain(&plain).ok()?;
    rest.is_empty().then_some(block.rows.len())
}

fn unpacked(bytes: &[u8], kind: Kind) -> Option<Vec<u8>> {
    let (envelope, used) = Envelope::open(bytes).ok()?;
    (used == bytes.len()).then(|| pack::get(envelope, kind).ok())?
}

/// A frame whose checksum is right and whose body is anything.
fn framed(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut frame = b"KM".to_vec();
    frame.extend_from_slice(&kind.to_le_bytes());
    frame.extend_from_slice(&1u16.to_le_bytes());
    frame.extend_from_slice(&0u16.to_le_bytes());
    frame.extend_from_slice(&(body.len() as u32).to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&frame), body);
    frame.extend_from_slice(&crc.to_le_bytes());
    frame.extend_from_slice(body);
    frame
}

#[test]
fn every_frozen_form_is_taken() {
    for (name, bytes) in forms() {
        assert!(taken_by_any(&bytes), "{name}");
    }
}

#[test]
fn no_frozen_form_is_taken_when_it_is_cut_short() {
    for (name, bytes) in forms().into_iter().filter(|(name, _)| *name != "mark") {
        for len in 0..bytes.len() {
            assert!(!taken_by_any(&bytes[..len]), "{name} cut to {len}");
        }
    }
}

#[test]
fn no_frozen_form_is_taken_with_any_bit_flipped() {
    for (name, bytes) in forms() {
        // The mark's frame is followed by the unused rest of its sector.
        let used = Envelope::open(&bytes).map_or(0, |(_, used)| used);
        for bit in 0..used * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!taken_by_any(&flipped), "{name} with bit {bit} flipped");
        }
    }
}

#[test]
fn a_length_is_believed_only_as_far_as_the_bytes_reach() {
    // Configs of a membership: as many as a varint can say, and nothing behind it.
    let endless = [&[3, 2, 1, 2][..], &[253], &u64::MAX.to_le_bytes()].concat();
    assert!(!taken_by_any(&framed(Kind::Entry as u16, &endless)));
    let rows = [&[253][..], &(1u64 << 40).to_le_bytes()].concat();
    assert!(!taken_by_any(&framed(Kind::HistoryBlock as u16, &rows)));
}

#[test]
fn a_membership_that_makes_no_sense_is_not_taken() {
    let stored = stored::MembershipV1 { configs: vec![vec![1, 2]], members: Vec::new() };
    assert!(Membership::try_from(stored).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        taken_by_any(&bytes);
    }

    #[test]
    fn arbitrary_bodies_in_a_good_frame_do_no_harm(
        kind in 0..20_u16,
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        taken_by_any(&framed(kind, &body));
    }

    #[test]
    fn frozen_forms_with_some_bytes_changed_and_some_added_do_no_harm(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        more in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut bytes = which.get(&forms()).1.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.extend(more);
        taken_by_any(&bytes);
    }
}
