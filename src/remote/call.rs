//! One question to a host and its answer, whoever carries it.
//!
//! What matters is the moment of handing over: before it, a failure means that nothing was asked; after it, an act
//! whose answer is lost may have been done. The host tells that it is still at work, so silence is soon noticed
//! however long an act takes.

use std::io;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::time::{Instant, timeout_at};

use super::act::{FILE_MAX_BYTES, FileStamp, Upload};
use super::carrier::{Carrier, OpenLine};
use super::wire::{
    self, AnswerV1, AskV1, HelloV1, NoV1, PIECE_MAX_BYTES, StampV1, WelcomeV1, WhatV1,
};
use super::{ByteStream, RemoteFailure};
use crate::base::{Epoch, Timestamp};
use crate::cluster::frames::{Frame, FrameFailure, FrameReader, FrameWriter, Kind};

/// Longest silence of a host. It says every two seconds that it is at work.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// An open line on which both sides have introduced themselves.
pub(super) struct Call {
    reader: FrameReader<ReadHalf<OpenLine>>,
    writer: FrameWriter<WriteHalf<OpenLine>>,
    /// The protocol that both sides speak.
    pub(super) protocol: u16,
    /// The build of our program there.
    pub(super) build: String,
    /// When the certificate ends that the host shows.
    pub(super) certificate_ends: Option<Timestamp>,
}

/// What became of a question whose answer is waited for.
enum Lost {
    /// The host said no.
    No(NoV1),
    /// The line broke, or something else than an answer came.
    Line(String),
}

impl Call {
    /// Opens a line and introduces this Manager. Nothing is asked yet.
    pub(super) async fn open(
        carrier: &dyn Carrier,
        hello: &HelloV1,
    ) -> Result<Self, RemoteFailure> {
        let (reader, writer) = tokio::io::split(carrier.open().await?);
        let (mut reader, mut writer) = (FrameReader::new(reader), FrameWriter::new(writer));
        let unreachable = |failure: FrameFailure| RemoteFailure::Unreachable(failure.to_string());
        send(&mut writer, Kind::AgentHello, wire::encode(hello)).await.map_err(unreachable)?;
        let frame = reader.expect(SILENCE_MAX).await.map_err(unreachable)?;
        match frame.kind {
            Kind::AgentWelcome => {
                let welcome: WelcomeV1 = read(&frame).map_err(RemoteFailure::Unreachable)?;
                let certificate_ends = welcome.certificate_ends_ms.map(Timestamp);
                let WelcomeV1 { protocol, build, .. } = welcome;
                Ok(Self { reader, writer, protocol, build, certificate_ends })
            }
            Kind::AgentNo => match read(&frame).map_err(RemoteFailure::Unreachable)? {
                NoV1::Refused(why) | NoV1::Failed(why) => Err(RemoteFailure::Refused(why)),
                NoV1::Fenced { .. } => Err(unexpected()),
            },
            _ => Err(unexpected()),
        }
    }

    /// Looks: asks what changes nothing, so a lost answer is just that.
    pub(super) async fn look(
        mut self,
        what: WhatV1,
        within: Duration,
    ) -> Result<(AnswerV1, Self), RemoteFailure> {
        let answer = match self.hand_over(None, what).await {
            Ok(()) => self.answer(Instant::now() + within).await,
            Err(failure) => Err(Lost::Line(failure.to_string())),
        };
        match answer {
            Ok(answer) => Ok((answer, self)),
            Err(Lost::No(no)) => Err(said(no, Epoch(0))),
            Err(Lost::Line(why)) => Err(RemoteFailure::Unreachable(why)),
        }
    }

    /// Acts. From the moment the question is handed over, a lost answer is unknown.
    pub(super) async fn act(
        &mut self,
        epoch: Epoch,
        what: WhatV1,
        within: Duration,
    ) -> Result<AnswerV1, RemoteFailure> {
        let answer = match self.hand_over(Some(epoch.0), what).await {
            Ok(()) => self.answer(Instant::now() + within).await,
            Err(failure) => Err(Lost::Line(failure.to_string())),
        };
        answer.map_err(|lost| match lost {
            Lost::No(no) => said(no, epoch),
            Lost::Line(why) => RemoteFailure::Unknown(why),
        })
    }

    /// Puts a file. The host replaces what was there only when it has heard the end, so until then a lost line
    /// means that nothing was done.
    pub(super) async fn put(
        &mut self,
        epoch: Epoch,
        path: &str,
        upload: Upload,
        within: Duration,
    ) -> Result<FileStamp, RemoteFailure> {
        let Upload { mode, length, content } = upload;
        if length > FILE_MAX_BYTES {
            return Err(RemoteFailure::Refused(format!(
                "{length} bytes are too many for one file"
            )));
        }
        let nothing_done = |lost| match lost {
            Lost::No(no) => said(no, epoch),
            Lost::Line(why) => RemoteFailure::Unreachable(why),
        };
        let line = |failure: FrameFailure| RemoteFailure::Unreachable(failure.to_string());
        let until = Instant::now() + within;
        let what = WhatV1::Put { path: path.to_owned(), mode, length };
        self.hand_over(Some(epoch.0), what).await.map_err(line)?;
        match self.answer(until).await.map_err(nothing_done)? {
            AnswerV1::GoOn => {}
            _ => return Err(unexpected()),
        }
        let end = match timeout_at(until, self.pieces(content, length)).await {
            Ok(end) => end?,
            Err(_) => return Err(RemoteFailure::Unreachable("the deadline passed".into())),
        };
        let sent = send(&mut self.writer, Kind::AgentEnd, wire::encode(&end)).await;
        let answer = match sent {
            Ok(()) => self.answer(until).await,
            Err(failure) => Err(Lost::Line(failure.to_string())),
        };
        match answer {
            Ok(AnswerV1::Put(stamp)) if stamp == end => Ok(stamp.into()),
            Ok(_) => Err(RemoteFailure::Unknown("another file was written than was sent".into())),
            Err(Lost::No(no)) => Err(said(no, epoch)),
            Err(Lost::Line(why)) => Err(RemoteFailure::Unknown(why)),
        }
    }

    async fn pieces(
        &mut self,
        mut content: ByteStream,
        length: u64,
    ) -> Result<StampV1, RemoteFailure> {
        let ours = |why: String| RemoteFailure::NotReady(format!("what was to be put: {why}"));
        let (mut sent, mut digest) = (0_u64, Context::new(&SHA256));
        while let Some(mut bytes) = content.try_next().await.map_err(|e| ours(e.to_string()))? {
            while !bytes.is_empty() {
                let piece = bytes.split_to(bytes.len().min(PIECE_MAX_BYTES));
                sent += piece.len() as u64;
                digest.update(&piece);
                if let Err(failure) = send(&mut self.writer, Kind::AgentPiece, piece).await {
                    return Err(self.why_it_broke(failure).await);
                }
            }
        }
        if sent != length {
            return Err(ours(format!("{sent} bytes instead of {length}")));
        }
        Ok(StampV1 { length, sha256: finished(digest) })
    }

    /// A host that stops listening to a file says why, if it can.
    async fn why_it_broke(&mut self, failure: FrameFailure) -> RemoteFailure {
        match self.answer(Instant::now() + Duration::from_secs(1)).await {
            Err(Lost::No(NoV1::Failed(why) | NoV1::Refused(why))) => RemoteFailure::Refused(why),
            _ => RemoteFailure::Unreachable(failure.to_string()),
        }
    }

    /// What follows the answer [`AnswerV1::Coming`]: pieces, and at last their checksum.
    pub(super) fn stream(self) -> ByteStream {
        let state = (self, 0_u64, Context::new(&SHA256));
        futures::stream::try_unfold(state, |(mut call, mut length, mut digest)| async move {
            let frame = call.next(Instant::now() + SILENCE_MAX).await.map_err(io::Error::other)?;
            match frame.kind {
                Kind::AgentPiece => {
                    length += frame.body.len() as u64;
                    digest.update(&frame.body);
                    Ok(Some((frame.body, (call, length, digest))))
                }
                Kind::AgentEnd => {
                    let end: StampV1 = read(&frame).map_err(io::Error::other)?;
                    let whole = end == StampV1 { length, sha256: finished(digest) };
                    let broken = || io::Error::other("the checksum does not fit what arrived");
                    whole.then_some(None).ok_or_else(broken)
                }
                Kind::AgentNo => match read(&frame).map_err(io::Error::other)? {
                    NoV1::Refused(why) | NoV1::Failed(why) => Err(io::Error::other(why)),
                    NoV1::Fenced { .. } => Err(io::Error::other(unexpected())),
                },
                _ => Err(io::Error::other(unexpected())),
            }
        })
        .boxed()
    }

    async fn hand_over(&mut self, epoch: Option<u64>, what: WhatV1) -> Result<(), FrameFailure> {
        send(&mut self.writer, Kind::AgentAsk, wire::encode(&AskV1 { epoch, what })).await
    }

    async fn answer(&mut self, until: Instant) -> Result<AnswerV1, Lost> {
        let frame = self.next(until).await.map_err(Lost::Line)?;
        match frame.kind {
            Kind::AgentAnswer => read(&frame).map_err(Lost::Line),
            Kind::AgentNo => Err(Lost::No(read(&frame).map_err(Lost::Line)?)),
            _ => Err(Lost::Line(unexpected().to_string())),
        }
    }

    /// The next frame that says more than "I am at work".
    async fn next(&mut self, until: Instant) -> Result<Frame, String> {
        loop {
            let soon = until.min(Instant::now() + SILENCE_MAX);
            let frame = match timeout_at(soon, self.reader.next()).await {
                Ok(Ok(Some(frame))) => frame,
                Ok(Ok(None)) => return Err("the host closed the line".into()),
                Ok(Err(failure)) => return Err(failure.to_string()),
                Err(_) if soon == until => return Err("the deadline passed".into()),
                Err(_) => return Err(format!("the host was silent for {SILENCE_MAX:?}")),
            };
            if frame.kind != Kind::AgentWorking {
                return Ok(frame);
            }
        }
    }
}

fn said(no: NoV1, asked: Epoch) -> RemoteFailure {
    match no {
        NoV1::Fenced { highest } => RemoteFailure::Fenced { asked, highest: Epoch(highest) },
        NoV1::Refused(why) => RemoteFailure::Refused(why),
        NoV1::Failed(why) => RemoteFailure::Failed(why),
    }
}

pub(super) fn unexpected() -> RemoteFailure {
    RemoteFailure::Unreachable("the host says something else than an answer".into())
}

fn finished(digest: Context) -> [u8; 32] {
    digest.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

fn read<T: bincode::Decode<()>>(frame: &Frame) -> Result<T, String> {
    wire::decode(&frame.body).map_err(|failure| failure.to_string())
}

async fn send<W: tokio::io::AsyncWrite + Unpin>(
    writer: &mut FrameWriter<W>,
    kind: Kind,
    body: Bytes,
) -> Result<(), FrameFailure> {
    writer.send(&Frame { kind, call: 0, body }).await
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
