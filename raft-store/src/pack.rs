//! Packing: history rows repeat each other, and the disk is what everybody waits for.
//!
//! What is packed says its plain length, which is believed only up to a bound.

use bincode::{BorrowDecode, Encode};

use crate::envelope::{Envelope, Kind, Malformed};
use crate::stored;

/// The longest plain body. Whoever packs stays far below.
const PLAIN_MAX_BYTES: usize = 1 << 20;

/// A packed body.
#[derive(Encode, BorrowDecode)]
pub(crate) struct PackedV1<'a> {
    /// Length of the plain body.
    pub bytes: u32,
    /// In LZ4's block format.
    pub packed: &'a [u8],
}

/// Appends `plain` to `out`, packed, as a frame of its kind.
pub(crate) fn put(out: &mut Vec<u8>, kind: Kind, plain: &[u8]) {
    assert!(plain.len() <= PLAIN_MAX_BYTES, "what is packed is bounded where it is made");
    let packed = &lz4_flex::block::compress(plain);
    stored::put(out, kind, &PackedV1 { bytes: plain.len() as u32, packed });
}

/// The plain body of a packed frame of `kind`.
pub(crate) fn get(envelope: Envelope<'_>, kind: Kind) -> Result<Vec<u8>, Malformed> {
    let PackedV1 { bytes, packed } = stored::get(envelope, kind)?;
    if bytes as usize > PLAIN_MAX_BYTES {
        return Err(Malformed::Content(format!("{bytes} bytes are too many")));
    }
    let plain = lz4_flex::block::decompress(packed, bytes as usize)
        .map_err(|error| Malformed::Content(error.to_string()))?;
    if plain.len() != bytes as usize {
        return Err(Malformed::Content(format!("{} bytes instead of {bytes}", plain.len())));
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(frame: &[u8]) -> Result<Vec<u8>, Malformed> {
        get(Envelope::open(frame)?.0, Kind::HistoryBlock)
    }

    #[test]
    fn what_was_packed_is_the_same_again_and_smaller_where_it_repeats_itself() {
        for plain in [&b""[..], b"a", &[7; 70_000], &(0..=255).collect::<Vec<u8>>()] {
            let mut frame = Vec::new();
            put(&mut frame, Kind::HistoryBlock, plain);
            assert_eq!(again(&frame).unwrap(), plain);
            assert!(plain.len() < 300 || frame.len() < plain.len() / 50);
        }
    }

    #[test]
    fn a_plain_length_that_is_not_so_or_too_large_is_refused() {
        let packed = lz4_flex::block::compress(b"blue blue blue blue blue blue");
        for bytes in [0, 28, 30, (PLAIN_MAX_BYTES + 1) as u32, u32::MAX] {
            let frame = stored::framed(Kind::HistoryBlock, &PackedV1 { bytes, packed: &packed });
            assert!(again(&frame).is_err(), "{bytes}");
        }
    }
}
