//! The listening side of the peer port: lets members in, and hands what they say to a [`Desk`].
//!
//! Nothing is believed before TLS has shown a certificate of the group's authority, and nothing is answered
//! before the introduction has named the same group and the same number as that certificate. Whether the
//! number is still a member's is asked anew for every frame: a connection may outlive a removal.

#![expect(clippy::disallowed_methods, reason = "every handle aborts its task when it is dropped")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use openraft::raft::AppendEntriesRequest;
use raft_store::types::TypeConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::frames::{BATCH_TARGET, Frame, FrameFailure, FrameReader, FrameWriter, Kind};
use super::pki::PeerIdentity;
use super::road::{Door, Stream, Visitor};
use super::wire::{
    self, AppendReplyV1, AppendV1, Hello, PROTOCOL_MAX, PROTOCOL_MIN, Purpose, Reason,
    SnapshotBeginV1, SnapshotEndV1, SnapshotReplyV1, Welcome,
};

/// Connections at a time. Nine members with four purposes each, and as many being replaced, fit easily.
const CONNECTIONS: usize = 256;

/// Longest time for the introduction.
const STEP_DEADLINE: Duration = Duration::from_secs(3);

/// A connection on which nothing was said for so long is closed. The dialling side opens another.
const IDLE: Duration = Duration::from_secs(60);

/// Questions of one connection being answered at a time. Beyond that the next one waits unread.
const QUESTIONS: usize = 512;

/// Requests of one append stream that were read and not yet taken by the Raft library.
const APPENDS: usize = 16;

/// Pause after the system refused a connection, for example for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a member answers to its peers. The transport knows nothing else of the member.
pub(crate) trait Desk: Send + Sync + 'static {
    /// Where a checkpoint is received.
    type Receiving: Send + 'static;

    /// Whether `peer` is a member of the group, or why it is none any more.
    fn admits(&self, peer: u64) -> Result<(), String>;

    /// Answers one question of `peer`.
    fn answer(
        &self,
        peer: u64,
        kind: Kind,
        body: Bytes,
    ) -> impl Future<Output = Result<(Kind, Bytes), String>> + Send;

    /// Takes entries in order; answers come in the same order.
    fn append(
        &self,
        requests: BoxStream<'static, AppendEntriesRequest<TypeConfig>>,
    ) -> BoxStream<'static, Result<AppendReplyV1, String>>;

    /// Begins to receive a checkpoint.
    fn begin_receiving(&self) -> impl Future<Output = Result<Self::Receiving, String>> + Send;

    /// Adds the next bytes of a checkpoint.
    fn receive(
        &self,
        receiving: Self::Receiving,
        chunk: Bytes,
    ) -> impl Future<Output = Result<Self::Receiving, String>> + Send;

    /// Installs a received checkpoint.
    fn install(
        &self,
        begin: SnapshotBeginV1,
        receiving: Self::Receiving,
    ) -> impl Future<Output = Result<SnapshotReplyV1, String>> + Send;
}

/// Why a connection ended other than by being closed.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("not proven who it is: {0}")]
    Unproven(std::io::Error),
    #[error("refused: {0}")]
    Refused(String),
    #[error(transparent)]
    Frame(#[from] FrameFailure),
    #[error(transparent)]
    Wire(#[from] wire::WireFailure),
    #[error("{0}")]
    Desk(String),
}

/// The peer port.
pub(crate) struct PeerServer<D> {
    here: PeerIdentity,
    desk: Arc<D>,
}

impl<D> Clone for PeerServer<D> {
    fn clone(&self) -> Self {
        PeerServer { here: self.here, desk: self.desk.clone() }
    }
}

impl<D: Desk> PeerServer<D> {
    pub(crate) fn new(here: PeerIdentity, desk: Arc<D>) -> Self {
        PeerServer { here, desk }
    }

    /// Lets peers in for as long as it is polled. Dropping it closes every connection.
    pub(crate) async fn listen(self, mut door: impl Door) {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let permit = room.clone().acquire_owned().await.expect("the semaphore is never closed");
            match door.knock().await {
                Ok(visitor) => {
                    let server = self.clone();
                    connections.spawn(async move {
                        server.serve(visitor).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "peer port: connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    }

    async fn serve(&self, visitor: Visitor) {
        let Visitor { from, enters } = visitor;
        let conversed = async { self.converse(enters.await.map_err(Ended::Unproven)?).await };
        if let Err(ended) = conversed.await {
            tracing::debug!(from, because = %ended, "peer connection ended");
        }
    }

    async fn converse(&self, (peer, stream): (PeerIdentity, Stream)) -> Result<(), Ended> {
        let (reader, writer) = tokio::io::split(stream);
        let mut talk = Talk {
            peer: peer.node_id,
            desk: self.desk.clone(),
            reader: FrameReader::new(reader),
            writer: FrameWriter::new(writer),
        };
        match self.welcome(&mut talk, peer).await? {
            Purpose::Control | Purpose::Forward => talk.answer_questions().await,
            Purpose::Append => talk.take_entries().await,
            Purpose::Snapshot => talk.take_checkpoint().await,
        }
    }

    async fn welcome<R, W>(
        &self,
        talk: &mut Talk<D, R, W>,
        peer: PeerIdentity,
    ) -> Result<Purpose, Ended>
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let frame = talk.reader.expect(STEP_DEADLINE).await?;
        if frame.kind != Kind::Hello {
            return Err(Ended::Refused("no introduction".to_owned()));
        }
        let hello: Hello = wire::decode(&frame.body)?;
        let introduced = self.check(&hello, peer).map_err(|reason| (Kind::Refused, reason));
        let admitted = || self.desk.admits(peer.node_id).map_err(|why| (Kind::NoMember, why));
        if let Err((kind, reason)) = introduced.and_then(|()| admitted()) {
            tracing::warn!(peer = peer.node_id, %reason, "peer refused");
            talk.say(kind, 0, wire::encode(&Reason { text: reason.clone() })).await?;
            return Err(Ended::Refused(reason));
        }
        let protocol = hello.protocol_max.min(PROTOCOL_MAX);
        talk.say(Kind::Welcome, 0, wire::encode(&Welcome { protocol })).await?;
        Ok(hello.purpose)
    }

    fn check(&self, hello: &Hello, peer: PeerIdentity) -> Result<(), String> {
        if peer.cluster_id != self.here.cluster_id {
            return Err(format!("your certificate is of group {}", peer.cluster_id));
        }
        if hello.cluster_id != self.here.cluster_id.into_bytes() {
            return Err(format!("this is group {}", self.here.cluster_id));
        }
        if hello.node_id != peer.node_id {
            return Err(format!(
                "you introduce yourself as member {}, your certificate says {}",
                hello.node_id, peer.node_id
            ));
        }
        if hello.protocol_min > PROTOCOL_MAX || hello.protocol_max < PROTOCOL_MIN {
            return Err(format!(
                "protocols {PROTOCOL_MIN} to {PROTOCOL_MAX} are spoken here, not {} to {}",
                hello.protocol_min, hello.protocol_max
            ));
        }
        Ok(())
    }
}

/// One welcomed connection.
struct Talk<D, R, W> {
    peer: u64,
    desk: Arc<D>,
    reader: FrameReader<R>,
    writer: FrameWriter<W>,
}

impl<D, R, W> Talk<D, R, W>
where
    D: Desk,
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    async fn say(&mut self, kind: Kind, call: u64, body: Bytes) -> Result<(), FrameFailure> {
        self.writer.send(&Frame { kind, call, body }).await
    }

    /// Control and forward connections: every question is answered on its own, in any order.
    async fn answer_questions(self) -> Result<(), Ended> {
        let Talk { peer, desk, mut reader, writer } = self;
        let (answers, waiting) = mpsc::channel(QUESTIONS);
        let _writing = AbortOnDropHandle::new(tokio::spawn(write_answers(writer, waiting)));
        let mut at_work = JoinSet::new();
        while let Some(frame) = within(IDLE, reader.next()).await? {
            desk.admits(peer).map_err(Ended::Refused)?;
            while at_work.try_join_next().is_some() {}
            if at_work.len() >= QUESTIONS {
                at_work.join_next().await;
            }
            let (desk, answers) = (desk.clone(), answers.clone());
            at_work.spawn(async move {
                let answer = answer(&*desk, peer, frame).await;
                // The connection may be gone; then nobody wants to know.
                drop(answers.send(answer).await);
            });
        }
        Ok(())
    }

    /// Append connections: entries go to the Raft library in order, and its answers back in order.
    async fn take_entries(self) -> Result<(), Ended> {
        let Talk { peer, desk, reader, mut writer } = self;
        let (requests, mut taken) = mpsc::channel(APPENDS);
        let mut reading = AbortOnDropHandle::new(tokio::spawn(read_entries(
            reader,
            peer,
            desk.clone(),
            requests,
        )));
        if find_end(&*desk, &mut taken, &mut writer).await? {
            let taken = futures::stream::unfold(taken, |mut taken| async {
                taken.recv().await.map(|request| (request, taken))
            });
            let mut replies = desk.append(taken.boxed());
            while let Some(reply) = replies.next().await {
                tell(&mut writer, &reply.map_err(Ended::Desk)?).await?;
            }
        }
        // The stream of replies ends with the stream of requests or after a refusal; tell why if it broke.
        match futures::FutureExt::now_or_never(&mut reading) {
            Some(Ok(ended)) => ended,
            Some(Err(_)) | None => Ok(()),
        }
    }

    /// Snapshot connections: one checkpoint, then one reply.
    async fn take_checkpoint(mut self) -> Result<(), Ended> {
        let frame = self.reader.expect(IDLE).await?;
        if frame.kind != Kind::SnapshotBegin {
            return Err(Ended::Refused("no checkpoint was announced".to_owned()));
        }
        let begin: SnapshotBeginV1 = wire::decode(&frame.body)?;
        match self.receive(begin).await {
            Ok(reply) => Ok(self.say(Kind::SnapshotReply, 0, wire::encode(&reply)).await?),
            Err(ended) => {
                let text = ended.to_string();
                self.say(Kind::Failed, 0, wire::encode(&Reason { text })).await?;
                Err(ended)
            }
        }
    }

    async fn receive(&mut self, begin: SnapshotBeginV1) -> Result<SnapshotReplyV1, Ended> {
        let mut receiving = self.desk.begin_receiving().await.map_err(Ended::Desk)?;
        let mut received = 0_u64;
        loop {
            let frame = self.reader.expect(IDLE).await?;
            self.desk.admits(self.peer).map_err(Ended::Refused)?;
            match frame.kind {
                Kind::SnapshotChunk => {
                    received += frame.body.len() as u64;
                    if received > begin.length {
                        return Err(Ended::Refused("longer than announced".to_owned()));
                    }
                    receiving =
                        self.desk.receive(receiving, frame.body).await.map_err(Ended::Desk)?;
                }
                Kind::SnapshotEnd => {
                    let end: SnapshotEndV1 = wire::decode(&frame.body)?;
                    if end.length != received || received != begin.length {
                        return Err(Ended::Refused("shorter than announced".to_owned()));
                    }
                    return self.desk.install(begin, receiving).await.map_err(Ended::Desk);
                }
                other => return Err(FrameFailure::Kind(other as u16).into()),
            }
        }
    }
}

async fn answer<D: Desk>(desk: &D, peer: u64, frame: Frame) -> Frame {
    let call = frame.call;
    if frame.kind == Kind::Ping {
        return Frame { kind: Kind::Pong, call, body: Bytes::new() };
    }
    match desk.answer(peer, frame.kind, frame.body).await {
        Ok((kind, body)) => Frame { kind, call, body },
        Err(text) => Frame { kind: Kind::Failed, call, body: wire::encode(&Reason { text }) },
    }
}

/// Writes what is ready in one go.
async fn write_answers<W>(mut writer: FrameWriter<W>, mut answers: mpsc::Receiver<Frame>)
where
    W: AsyncWrite + Unpin,
{
    while let Some(frame) = answers.recv().await {
        let mut waiting = writer.push(&frame);
        while waiting < BATCH_TARGET
            && let Ok(frame) = answers.try_recv()
        {
            waiting = writer.push(&frame);
        }
        if let Err(failure) = writer.flush().await {
            tracing::debug!(%failure, "answers could not be sent");
            return;
        }
    }
}

/// Answers requests one at a time until one matched: a new leader looks for the end of the log here, and a refusal does not
/// end its connection. Streams of the Raft library end with their first refusal, and take one more request with them; so
/// each of these requests is a stream of its own. False when the requests ended before.
async fn find_end<D, W>(
    desk: &D,
    requests: &mut mpsc::Receiver<AppendEntriesRequest<TypeConfig>>,
    writer: &mut FrameWriter<W>,
) -> Result<bool, Ended>
where
    D: Desk,
    W: AsyncWrite + Unpin,
{
    while let Some(request) = requests.recv().await {
        let mut replies = desk.append(futures::stream::iter([request]).boxed());
        let Some(reply) = replies.next().await else { return Ok(false) };
        let reply = reply.map_err(Ended::Desk)?;
        tell(writer, &reply).await?;
        if let AppendReplyV1::Matching(_) = reply {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn tell<W>(writer: &mut FrameWriter<W>, reply: &AppendReplyV1) -> Result<(), FrameFailure>
where
    W: AsyncWrite + Unpin,
{
    let body = wire::encode(reply);
    writer.send(&Frame { kind: Kind::AppendReply, call: 0, body }).await
}

async fn read_entries<D, R>(
    mut reader: FrameReader<R>,
    peer: u64,
    desk: Arc<D>,
    requests: mpsc::Sender<AppendEntriesRequest<TypeConfig>>,
) -> Result<(), Ended>
where
    D: Desk,
    R: AsyncRead + Unpin,
{
    while let Some(frame) = within(IDLE, reader.next()).await? {
        desk.admits(peer).map_err(Ended::Refused)?;
        if frame.kind != Kind::Append {
            return Err(FrameFailure::Kind(frame.kind as u16).into());
        }
        let request = wire::decode::<AppendV1>(&frame.body)?.try_into()?;
        if requests.send(request).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

async fn within<T>(
    deadline: Duration,
    work: impl Future<Output = Result<T, FrameFailure>>,
) -> Result<T, FrameFailure> {
    timeout(deadline, work).await.map_err(|_| FrameFailure::Deadline(deadline))?
}
