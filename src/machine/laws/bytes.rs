//! Laws of the decoders: hostile bytes give an error, never a panic, never an allocation of their choosing.

use std::io;

use proptest::collection::vec;
use proptest::prelude::*;

use super::walks::{log, told, walk};
use crate::capabilities::audit::model::AuditRecord;
use crate::capabilities::managers::model::TenureRecord;
use crate::capabilities::properties::model::PropertyChange;
use crate::machine::{
    Answer, DecodeError, LEVEL_MAX, Level, Proposal, State, from_history_bytes, read_image,
    write_image,
};

/// Gives bytes to every decoder. Reaching the end is the law.
fn decode_as_everything(bytes: &[u8]) {
    let _ = Proposal::decode(bytes);
    let _ = Answer::decode(bytes);
    let _ = read_image(bytes);
    let _ = from_history_bytes::<AuditRecord>(bytes);
    let _ = from_history_bytes::<PropertyChange>(bytes);
    let _ = from_history_bytes::<TenureRecord>(bytes);
}

/// What a walk leaves in every form that is stored or sent.
fn forms(walk: &[super::walks::Step]) -> Vec<Vec<u8>> {
    let mut state = State::default();
    let applied = told(&mut state, &log(walk));
    let mut image = Vec::new();
    write_image(&state, &mut image).unwrap();
    let proposals = walk.iter().map(|step| step.proposal().encode());
    let rows = applied.iter().flat_map(|applied| applied.rows.iter().map(|row| row.value.clone()));
    let answers = applied.iter().filter_map(|applied| applied.answer.as_ref().map(Answer::encode));
    proposals.chain(rows).chain(answers).chain([image]).collect()
}

/// A disk with room for so many bytes.
struct Disk(usize);

impl io::Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let written = bytes.len().min(self.0);
        self.0 -= written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// The store waits for room when it is told that there is none; any other error of an image ends the process.
#[test]
fn an_image_that_finds_no_room_tells_so_wherever_it_ends() {
    for level in [Level::default(), LEVEL_MAX] {
        let mut state = State::default();
        state.kernel.level = level;
        let mut image = Vec::new();
        write_image(&state, &mut image).unwrap();
        for room in 0..image.len() {
            let error = write_image(&state, &mut Disk(room)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "after {room} bytes");
        }
        write_image(&state, &mut Disk(image.len())).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_no_panic(bytes in vec(any::<u8>(), 0..300), format in any::<bool>()) {
        decode_as_everything(&bytes);
        let mut with_format = if format { vec![0, 1] } else { vec![1] };
        with_format.extend(&bytes);
        decode_as_everything(&with_format);
    }

    #[test]
    fn cut_or_changed_bytes_are_no_panic(walk in walk(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        for form in forms(&walk) {
            let at = at.index(form.len());
            decode_as_everything(&form[..at]);
            let mut changed = form;
            changed[at] ^= 1 << bit;
            decode_as_everything(&changed);
        }
    }

    #[test]
    fn a_proposal_reads_as_it_was_written_and_only_whole(walk in walk()) {
        for proposal in walk.iter().map(super::walks::Step::proposal) {
            let mut bytes = proposal.encode();
            prop_assert_eq!(Proposal::decode(&bytes), Ok(proposal));
            prop_assert!(Proposal::decode(&bytes[..bytes.len() - 1]).is_err());
            bytes.push(0);
            prop_assert!(Proposal::decode(&bytes).is_err());
        }
    }
}

/// Lengths that would need more memory than there is: whoever believed them would not come back.
#[test]
fn a_claimed_length_is_not_believed() {
    for format in [&[0, 1][..], &[1][..], &[][..]] {
        for lead in 0..24_usize {
            let mut bytes = format.to_vec();
            bytes.extend(vec![1; lead]);
            bytes.push(253);
            bytes.extend(u64::MAX.to_le_bytes());
            bytes.extend([0; 40]);
            decode_as_everything(&bytes);
        }
    }
}

#[test]
fn bytes_of_a_newer_build_are_told_from_damage() {
    assert_eq!(Proposal::decode(&[0, 2, 1, 1]), Err(DecodeError::Format { found: 2 }));
    assert!(matches!(Proposal::decode(&[0]), Err(DecodeError::Malformed(_))));
    let newer = read_image(&[0, 9, 1, 1]).unwrap_err().to_string();
    assert!(newer.contains("format 9 is not known"), "{newer}");
    assert!(read_image(&[0]).is_err());
}
