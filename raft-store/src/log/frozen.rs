//! What the tests of the stored forms need of this module's inside.

use super::{group, mark, segment};
use crate::stored::MarkV1;

pub(crate) const FROZEN_SALT: u64 = 0x5A17;

pub(crate) fn frozen_group(salt: u64, number: u64, records: &[u8]) -> Vec<u8> {
    let mut draft = group::GroupDraft::new();
    draft.records().extend_from_slice(records);
    draft.seal(salt, number).to_vec()
}

pub(crate) fn frozen_mark(mark: &MarkV1) -> Vec<u8> {
    mark::sector(mark).to_vec()
}

pub(crate) fn read_hostile_group(bytes: &[u8], salt: u64) -> bool {
    group::Group::open(bytes, salt).is_ok_and(|group| group.bytes == bytes.len())
}

pub(crate) fn read_hostile_mark(bytes: &[u8]) -> bool {
    mark::slot_at(bytes, 0).is_some()
}

pub(crate) fn read_hostile_segment(bytes: &[u8], salt: u64) {
    let end = segment::read(bytes, salt, None, &mut |_located| Ok(()));
    assert!(end.offset <= bytes.len() as u64);
}
