//! The frame around every stored thing: `magic[2] | kind u16 | version u16 | flags u16 | len u32 | crc32c u32 | body`.
//!
//! All numbers are little-endian. The checksum covers the twelve bytes before it and the body, so a
//! flipped length is found as surely as a flipped payload. The frame knows no body: see `stored`.

use thiserror::Error;

/// Bytes in front of every body.
pub(crate) const HEADER_BYTES: usize = 16;
const MAGIC: [u8; 2] = *b"KM";
const CHECKED_BYTES: usize = 12;
/// Upper bound of one body. A group of log records is the largest thing framed.
pub(crate) const BODY_MAX_BYTES: usize = 64 << 20;

/// What a body is. A number is never given to another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Identity = 1,
    Group = 2,
    SegmentHead = 3,
    Entry = 4,
    Vote = 5,
    Committed = 6,
    Truncate = 7,
    Purge = 8,
    Mark = 9,
    CheckpointHead = 10,
    CheckpointImage = 11,
    CheckpointRows = 12,
    CheckpointEnd = 13,
    HistoryBlock = 14,
    HistoryProgress = 15,
}

impl Kind {
    const ALL: [Kind; 15] = [
        Kind::Identity,
        Kind::Group,
        Kind::SegmentHead,
        Kind::Entry,
        Kind::Vote,
        Kind::Committed,
        Kind::Truncate,
        Kind::Purge,
        Kind::Mark,
        Kind::CheckpointHead,
        Kind::CheckpointImage,
        Kind::CheckpointRows,
        Kind::CheckpointEnd,
        Kind::HistoryBlock,
        Kind::HistoryProgress,
    ];

    fn from_number(number: u16) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as u16 == number)
    }
}

/// Why bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// The bytes end before the record does.
    #[error("it ends before the record does")]
    Short,
    /// No record begins here.
    #[error("no record begins here")]
    NoRecord,
    /// The checksum does not match.
    #[error("the checksum does not match")]
    Checksum,
    /// A record of another kind, or one this build does not know.
    #[error("unexpected record kind {0}")]
    Kind(u16),
    /// Written by a later version of this program.
    #[error("record version {0} is newer than this program understands")]
    Version(u16),
    /// The checksum matches but the content makes no sense.
    #[error("the content makes no sense: {0}")]
    Content(String),
}

/// A checked frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope<'a> {
    pub kind: Kind,
    pub version: u16,
    pub body: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// The frame at the start of `bytes` and how many bytes it takes.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<(Envelope<'a>, usize), Malformed> {
        let header = bytes.first_chunk::<HEADER_BYTES>().ok_or(Malformed::Short)?;
        if header[..2] != MAGIC {
            return Err(Malformed::NoRecord);
        }
        let end = HEADER_BYTES + body_bytes(header)?;
        let body = bytes.get(HEADER_BYTES..end).ok_or(Malformed::Short)?;
        if checksum(&header[..CHECKED_BYTES], body) != u32_at(header, CHECKED_BYTES) {
            return Err(Malformed::Checksum);
        }
        let number = u16_at(header, 2);
        let kind = Kind::from_number(number).ok_or(Malformed::Kind(number))?;
        Ok((Envelope { kind, version: u16_at(header, 4), body }, end))
    }

    /// The body, when this is a `kind` of a version up to `newest`.
    pub(crate) fn expect(self, kind: Kind, newest: u16) -> Result<&'a [u8], Malformed> {
        if self.kind != kind {
            return Err(Malformed::Kind(self.kind as u16));
        }
        if self.version == 0 || self.version > newest {
            return Err(Malformed::Version(self.version));
        }
        Ok(self.body)
    }
}

/// The whole length that a frame header announces, for readers that stream. Nothing is checked yet.
pub(crate) fn announced_bytes(header: &[u8; HEADER_BYTES]) -> Result<usize, Malformed> {
    if header[..2] != MAGIC {
        return Err(Malformed::NoRecord);
    }
    Ok(HEADER_BYTES + body_bytes(header)?)
}

fn body_bytes(header: &[u8; HEADER_BYTES]) -> Result<usize, Malformed> {
    let len = u32_at(header, 8) as usize;
    if len > BODY_MAX_BYTES { Err(Malformed::Checksum) } else { Ok(len) }
}

/// Makes room for a frame header at the end of `out`; give the result to [`seal`] after the body.
pub(crate) fn begin(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.resize(start + HEADER_BYTES, 0);
    start
}

/// Writes the header of the frame that [`begin`] started and whose body reaches the end of `out`.
pub(crate) fn seal(out: &mut [u8], start: usize, kind: Kind, version: u16) {
    let (header, body) = out[start..].split_at_mut(HEADER_BYTES);
    assert!(body.len() <= BODY_MAX_BYTES, "a body of {} bytes cannot be framed", body.len());
    header[..2].copy_from_slice(&MAGIC);
    header[2..4].copy_from_slice(&(kind as u16).to_le_bytes());
    header[4..6].copy_from_slice(&version.to_le_bytes());
    header[6..8].copy_from_slice(&0u16.to_le_bytes());
    header[8..12].copy_from_slice(&(body.len() as u32).to_le_bytes());
    let crc = checksum(&header[..CHECKED_BYTES], body);
    header[CHECKED_BYTES..].copy_from_slice(&crc.to_le_bytes());
}

fn checksum(header: &[u8], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(header), body)
}

fn u16_at(header: &[u8; HEADER_BYTES], at: usize) -> u16 {
    u16::from_le_bytes([header[at], header[at + 1]])
}

fn u32_at(header: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}
