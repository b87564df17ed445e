//! The envelope around everything members say to each other on the peer port, and to the agents of hosts.
//!
//! ```text
//! magic "KP" | kind u16 | version u16 | flags u16 | call u64 | length u32 | crc32c u32 | body …
//! ```
//!
//! All numbers are big-endian. `call` pairs an answer with its question where several are under way.
//! A length is checked against [`MAX_BODY`] before anything is allocated for it, and a frame whose
//! kind, version or checksum is not as expected ends the connection: after it, nothing on that
//! connection can be trusted to begin where it should. Deliberately unaware of what bodies mean.

use std::io;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Bytes before the body.
pub(crate) const HEADER_LEN: usize = 24;

/// Longest body accepted. One proposal is at most 1 MiB, and batches are cut near [`BATCH_TARGET`].
pub(crate) const MAX_BODY: usize = 4 << 20;

/// Batches of entries are cut once they reach this size, so that no single frame delays others long.
pub(crate) const BATCH_TARGET: usize = 1 << 20;

/// Longest time one write may take before the connection is given up.
pub(crate) const WRITE_DEADLINE: Duration = Duration::from_secs(5);

const MAGIC: [u8; 2] = *b"KP";

/// The one version of every body so far.
const VERSION: u16 = 1;

/// How much is read from the socket at a time.
const READ_CHUNK: usize = 64 << 10;

/// What a frame is. A number is never given to another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub(crate) enum Kind {
    Hello = 1,
    Welcome = 2,
    Refused = 3,
    Ping = 4,
    Pong = 5,
    Failed = 6,
    NoMember = 7,
    Append = 10,
    AppendReply = 11,
    Vote = 12,
    PreVote = 13,
    VoteReply = 14,
    Transfer = 15,
    TransferReply = 16,
    ReadIndex = 17,
    ReadIndexReply = 18,
    Status = 19,
    StatusReply = 20,
    SnapshotBegin = 30,
    SnapshotChunk = 31,
    SnapshotEnd = 32,
    SnapshotReply = 33,
    Propose = 40,
    ProposeReply = 41,
    Will = 50,
    Death = 51,
    Noted = 52,
    AgentHello = 60,
    AgentWelcome = 61,
    AgentAsk = 62,
    AgentAnswer = 63,
    AgentNo = 64,
    AgentPiece = 65,
    AgentEnd = 66,
    AgentWorking = 67,
    LogList = 70,
    LogFiles = 71,
    LogRead = 72,
    LogPiece = 73,
    Look = 80,
    Looked = 81,
    SignIn = 82,
    SignedIn = 83,
}

impl Kind {
    const ALL: [Kind; 43] = [
        Kind::Hello,
        Kind::Welcome,
        Kind::Refused,
        Kind::Ping,
        Kind::Pong,
        Kind::Failed,
        Kind::NoMember,
        Kind::Append,
        Kind::AppendReply,
        Kind::Vote,
        Kind::PreVote,
        Kind::VoteReply,
        Kind::Transfer,
        Kind::TransferReply,
        Kind::ReadIndex,
        Kind::ReadIndexReply,
        Kind::Status,
        Kind::StatusReply,
        Kind::SnapshotBegin,
        Kind::SnapshotChunk,
        Kind::SnapshotEnd,
        Kind::SnapshotReply,
        Kind::Propose,
        Kind::ProposeReply,
        Kind::Will,
        Kind::Death,
        Kind::Noted,
        Kind::AgentHello,
        Kind::AgentWelcome,
        Kind::AgentAsk,
        Kind::AgentAnswer,
        Kind::AgentNo,
        Kind::AgentPiece,
        Kind::AgentEnd,
        Kind::AgentWorking,
        Kind::LogList,
        Kind::LogFiles,
        Kind::LogRead,
        Kind::LogPiece,
        Kind::Look,
        Kind::Looked,
        Kind::SignIn,
        Kind::SignedIn,
    ];

    fn from_number(number: u16) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as u16 == number)
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub kind: Kind,
    pub call: u64,
    pub body: Bytes,
}

/// What is wrong with received bytes, or with the connection they came over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameFailure {
    #[error("not one of ours: wrong magic")]
    Magic,
    #[error("frame kind {0} is not known here")]
    Kind(u16),
    #[error("frame version {0} is not spoken here")]
    Version(u16),
    #[error("frame flags {0:#x} are not known here")]
    Flags(u16),
    #[error("a body of {0} bytes is over the limit")]
    TooLong(usize),
    #[error("checksum mismatch")]
    Checksum,
    #[error("the connection ended inside a frame")]
    Truncated,
    #[error("no answer within {0:?}")]
    Deadline(Duration),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Appends `frame` to `out`.
pub(crate) fn encode(frame: &Frame, out: &mut BytesMut) {
    assert!(frame.body.len() <= MAX_BODY, "bodies are bounded where they are made");
    out.reserve(HEADER_LEN + frame.body.len());
    out.put_slice(&MAGIC);
    out.put_u16(frame.kind as u16);
    out.put_u16(VERSION);
    out.put_u16(0);
    out.put_u64(frame.call);
    out.put_u32(u32::try_from(frame.body.len()).expect("bounded above"));
    out.put_u32(crc32c::crc32c(&frame.body));
    out.put_slice(&frame.body);
}

/// Takes one frame off the front of `buffer`, or tells that more bytes are needed.
pub(crate) fn decode(buffer: &mut BytesMut) -> Result<Option<Frame>, FrameFailure> {
    let Some(header) = buffer.first_chunk::<HEADER_LEN>() else {
        return Ok(None);
    };
    let (kind, call, length, checksum) = parse_header(header)?;
    if buffer.len() < HEADER_LEN + length {
        return Ok(None);
    }
    buffer.advance(HEADER_LEN);
    let body = buffer.split_to(length).freeze();
    if crc32c::crc32c(&body) != checksum {
        return Err(FrameFailure::Checksum);
    }
    Ok(Some(Frame { kind, call, body }))
}

fn parse_header(header: &[u8; HEADER_LEN]) -> Result<(Kind, u64, usize, u32), FrameFailure> {
    let mut rest = &header[..];
    if rest.copy_to_bytes(MAGIC.len()) != MAGIC[..] {
        return Err(FrameFailure::Magic);
    }
    let kind = rest.get_u16();
    let version = rest.get_u16();
    let flags = rest.get_u16();
    let call = rest.get_u64();
    let length = rest.get_u32() as usize;
    let checksum = rest.get_u32();
    if version != VERSION {
        return Err(FrameFailure::Version(version));
    }
    if flags != 0 {
        return Err(FrameFailure::Flags(flags));
    }
    if length > MAX_BODY {
        return Err(FrameFailure::TooLong(length));
    }
    let kind = Kind::from_number(kind).ok_or(FrameFailure::Kind(kind))?;
    Ok((kind, call, length, checksum))
}

/// Reads frames. [`next`](Self::next) may be cancelled at any time without losing a byte.
pub(crate) struct FrameReader<R> {
    stream: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(stream: R) -> Self {
        FrameReader { stream, buffer: BytesMut::new() }
    }

    /// The next frame; `None` when the other side closed between frames.
    pub(crate) async fn next(&mut self) -> Result<Option<Frame>, FrameFailure> {
        loop {
            if let Some(frame) = decode(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            self.buffer.reserve(READ_CHUNK);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(FrameFailure::Truncated)
                };
            }
        }
    }

    /// The next frame, within `deadline`. An end of the connection is a failure here.
    pub(crate) async fn expect(&mut self, deadline: Duration) -> Result<Frame, FrameFailure> {
        match timeout(deadline, self.next()).await {
            Ok(frame) => frame?.ok_or(FrameFailure::Truncated),
            Err(_) => Err(FrameFailure::Deadline(deadline)),
        }
    }
}

/// Writes frames, several in one system call where several are ready.
pub(crate) struct FrameWriter<W> {
    stream: W,
    buffer: BytesMut,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    pub(crate) fn new(stream: W) -> Self {
        FrameWriter { stream, buffer: BytesMut::new() }
    }

    /// Puts a frame behind those not yet sent. Returns how many bytes wait.
    pub(crate) fn push(&mut self, frame: &Frame) -> usize {
        encode(frame, &mut self.buffer);
        self.buffer.len()
    }

    /// Sends what was pushed.
    pub(crate) async fn flush(&mut self) -> Result<(), FrameFailure> {
        let send = async {
            self.stream.write_all(&self.buffer).await?;
            self.stream.flush().await
        };
        match timeout(WRITE_DEADLINE, send).await {
            Ok(sent) => sent?,
            Err(_) => return Err(FrameFailure::Deadline(WRITE_DEADLINE)),
        }
        self.buffer.clear();
        Ok(())
    }

    /// Sends one frame now.
    pub(crate) async fn send(&mut self, frame: &Frame) -> Result<(), FrameFailure> {
        self.push(frame);
        self.flush().await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vote(body: &'static [u8]) -> Frame {
        Frame { kind: Kind::Vote, call: 0x0102, body: Bytes::from_static(body) }
    }

    #[test]
    fn the_bytes_of_a_frame_are_a_contract() {
        let mut out = BytesMut::new();
        encode(&vote(b"hi"), &mut out);
        assert_eq!(
            out[..],
            [
                b'K', b'P', 0, 12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 2, 0xf5, 0x9d,
                0xd9, 0xc2, b'h', b'i'
            ]
        );
    }

    #[test]
    fn every_kind_is_found_by_its_number() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_number(kind as u16), Some(kind));
        }
        assert_eq!(Kind::from_number(0), None);
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_its_body_arrives() {
        let mut header = BytesMut::new();
        encode(&vote(b""), &mut header);
        header[16..20].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(matches!(decode(&mut header), Err(FrameFailure::TooLong(_))));
    }

    #[test]
    fn a_changed_header_is_refused() {
        let mut whole = BytesMut::new();
        encode(&vote(b"hi"), &mut whole);
        for (at, value) in [(0, b'X'), (2, 0xff), (5, 9), (7, 1), (24, b'j')] {
            let mut changed = whole.clone();
            changed[at] = value;
            assert!(decode(&mut changed).is_err(), "byte {at}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_ends_inside_a_frame_is_a_failure() {
        let mut whole = BytesMut::new();
        encode(&vote(b"hello"), &mut whole);
        let mut reader = FrameReader::new(&whole[..whole.len() - 1]);
        assert!(matches!(reader.next().await, Err(FrameFailure::Truncated)));
        let mut reader = FrameReader::new(&b""[..]);
        assert!(matches!(reader.next().await, Ok(None)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_given_up_at_the_deadline() {
        let (_other, here) = tokio::io::duplex(64);
        let mut reader = FrameReader::new(here);
        let failure = reader.expect(Duration::from_secs(3)).await.unwrap_err();
        assert!(matches!(failure, FrameFailure::Deadline(_)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused_without_panic(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut buffer = BytesMut::from(&noise[..]);
            while let Ok(Some(_)) = decode(&mut buffer) {}
        }

        #[test]
        fn damaged_frames_never_decode_to_something_else(at in 0_usize..30, bit in 0_u8..8) {
            let frame = vote(b"entry!");
            let mut buffer = BytesMut::new();
            encode(&frame, &mut buffer);
            buffer[at] ^= 1 << bit;
            // The call number is outside the checksum; TLS guards it.
            if let Ok(Some(decoded)) = decode(&mut buffer) {
                prop_assert_eq!(decoded.body, frame.body);
            }
        }

        #[test]
        fn frames_cut_anywhere_are_put_together_again(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 1..6),
            cut in 1_usize..17,
        ) {
            let frames: Vec<Frame> = (1..).zip(bodies)
                .map(|(call, body)| Frame { kind: Kind::Append, call, body: body.into() })
                .collect();
            let mut wire = BytesMut::new();
            frames.iter().for_each(|frame| encode(frame, &mut wire));
            let mut buffer = BytesMut::new();
            let mut decoded = Vec::new();
            for piece in wire.chunks(cut) {
                buffer.extend_from_slice(piece);
                while let Some(frame) = decode(&mut buffer).unwrap() {
                    decoded.push(frame);
                }
            }
            prop_assert_eq!(decoded, frames);
        }
    }
}
