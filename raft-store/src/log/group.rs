//! A group: the records that one write and one flush carry, framed once more as a whole.
//!
//! A group is all or nothing. It bears the salt of its disk and a number that grows by one, so nothing
//! left over from elsewhere or from before can pass for the next group, and a group that is there proves
//! that every group before it had reached the disk.

use crate::envelope::{self, Envelope, HEADER_BYTES, Kind, Malformed};
use crate::stored::V1;

const PREFIX_BYTES: usize = 16;
/// Where the first record of a group begins.
pub(crate) const RECORDS_AT: usize = HEADER_BYTES + PREFIX_BYTES;

/// A group while it is being filled.
pub(crate) struct GroupDraft {
    bytes: Vec<u8>,
}

impl GroupDraft {
    pub(crate) fn new() -> GroupDraft {
        GroupDraft { bytes: vec![0; RECORDS_AT] }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.len() == RECORDS_AT
    }

    /// Length so far, which is also where the next record begins.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Where records are added.
    pub(crate) fn records(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Completes the group and shows its bytes.
    pub(crate) fn seal(&mut self, salt: u64, number: u64) -> &[u8] {
        self.bytes[HEADER_BYTES..HEADER_BYTES + 8].copy_from_slice(&salt.to_le_bytes());
        self.bytes[HEADER_BYTES + 8..RECORDS_AT].copy_from_slice(&number.to_le_bytes());
        envelope::seal(&mut self.bytes, 0, Kind::Group, V1);
        &self.bytes
    }

    /// Starts over.
    pub(crate) fn clear(&mut self) {
        self.bytes.truncate(RECORDS_AT);
    }
}

/// A group as it is read back.
pub(crate) struct Group<'a> {
    pub number: u64,
    pub records: &'a [u8],
    pub bytes: usize,
}

impl<'a> Group<'a> {
    /// The group at the start of `bytes`, if it was written on the disk with this salt.
    pub(crate) fn open(bytes: &'a [u8], salt: u64) -> Result<Group<'a>, Malformed> {
        if bytes.get(HEADER_BYTES..HEADER_BYTES + 8) != Some(&salt.to_le_bytes()) {
            return Err(Malformed::NoRecord);
        }
        let (envelope, used) = Envelope::open(bytes)?;
        let body = envelope.expect(Kind::Group, V1)?;
        let (prefix, records) = body.split_at_checked(PREFIX_BYTES).ok_or(Malformed::Short)?;
        let number = u64::from_le_bytes(prefix[8..].try_into().expect("eight of sixteen bytes"));
        Ok(Group { number, records, bytes: used })
    }
}
