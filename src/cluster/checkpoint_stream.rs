//! One checkpoint to one member: announced, sent in pieces, acknowledged when it is installed.

use std::time::Duration;

use bytes::Bytes;
use openraft::alias::SnapshotOf;
use raft_store::CheckpointFile;
use raft_store::types::TypeConfig;

use super::dial::{DialFailure, Dialer};
use super::frames::{Frame, FrameFailure, Kind};
use super::translation::RaftVote;
use super::wire::{
    self, Purpose, Reason, SnapshotBeginV1, SnapshotEndV1, SnapshotReplyV1, WireFailure,
};

/// Length of one piece.
const PIECE: usize = 256 << 10;

/// Why a checkpoint was not delivered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendFailure {
    #[error(transparent)]
    Dial(#[from] DialFailure),
    #[error(transparent)]
    Frame(#[from] FrameFailure),
    #[error(transparent)]
    Wire(#[from] WireFailure),
    #[error("reading the checkpoint: {0}")]
    Read(std::io::Error),
    #[error("the receiver failed: {0}")]
    Receiver(String),
}

/// Sends all of `snapshot`. The answer may take until `install_deadline`: installing is disk work.
pub(crate) async fn send(
    dialer: &Dialer,
    peer: u64,
    vote: &RaftVote,
    snapshot: &SnapshotOf<TypeConfig, CheckpointFile>,
    install_deadline: Duration,
) -> Result<SnapshotReplyV1, SendFailure> {
    let mut connection = dialer.dial(peer, Purpose::Snapshot).await?;
    let length = snapshot.snapshot.bytes();
    let begin = SnapshotBeginV1::new(vote, &snapshot.meta, length);
    connection.writer.send(&frame(Kind::SnapshotBegin, wire::encode(&begin))).await?;
    let mut sent = 0;
    while sent < length {
        let piece = snapshot.snapshot.read_chunk(sent, PIECE).await.map_err(SendFailure::Read)?;
        sent += piece.len() as u64;
        connection.writer.send(&frame(Kind::SnapshotChunk, piece.into())).await?;
    }
    let end = SnapshotEndV1 { length };
    connection.writer.send(&frame(Kind::SnapshotEnd, wire::encode(&end))).await?;
    let answer = connection.reader.expect(install_deadline).await?;
    match answer.kind {
        Kind::SnapshotReply => Ok(wire::decode(&answer.body)?),
        Kind::Failed => Err(SendFailure::Receiver(wire::decode::<Reason>(&answer.body)?.text)),
        other => Err(FrameFailure::Kind(other as u16).into()),
    }
}

fn frame(kind: Kind, body: Bytes) -> Frame {
    Frame { kind, call: 0, body }
}
