//! One conversation: who asks is checked, one question is answered, and the line is done.
//!
//! The same for a line from the agent's port and for standard input and output under SSH; what differs is how much
//! is proven of who asks.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::work::{self, Done};
use super::{Agent, No};
use crate::cluster::PeerIdentity;
use crate::cluster::frames::{Frame, FrameFailure, FrameReader, FrameWriter, Kind};
use crate::remote::wire::{
    self, AskV1, HelloV1, NoV1, PROTOCOL_MAX, PROTOCOL_MIN, StampV1, WelcomeV1,
};

/// Longest time until the other side has said what it wants.
const ASK_DEADLINE: Duration = Duration::from_secs(10);
/// How often is told that the work goes on.
const WORKING_PERIOD: Duration = Duration::from_secs(2);

/// Who is known to be at the other end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Caller {
    /// The certificate says which Manager.
    Proven(PeerIdentity),
    /// Somebody the host's SSH server let in.
    SignedIn,
}

/// A line between frames.
pub(super) struct Talk<S> {
    reader: FrameReader<ReadHalf<S>>,
    writer: FrameWriter<WriteHalf<S>>,
}

/// Answers one question on a line.
pub(super) async fn converse<S>(agent: &Agent, caller: Caller, line: S) -> Result<(), FrameFailure>
where
    S: AsyncRead + AsyncWrite,
{
    let (reader, writer) = tokio::io::split(line);
    let mut talk = Talk { reader: FrameReader::new(reader), writer: FrameWriter::new(writer) };
    let hello = match talk.hear::<HelloV1>(Kind::AgentHello).await? {
        Ok(hello) => hello,
        Err(no) => return talk.refuse(no).await,
    };
    if let Err(no) = check(agent, caller, &hello) {
        return talk.refuse(no).await;
    }
    let build = env!("CARGO_PKG_VERSION").to_owned();
    let protocol = hello.protocol_max.min(PROTOCOL_MAX);
    let ends = agent.shown.as_ref().and_then(|shown| shown.expires_at());
    let certificate_ends_ms = ends.map(|time| time.0);
    let welcome = WelcomeV1 { protocol, build, certificate_ends_ms };
    talk.say(Kind::AgentWelcome, &welcome).await?;
    let frame = match talk.next(ASK_DEADLINE).await {
        Ok(Some(frame)) => frame,
        // Who only wants to know whether somebody is there asks nothing more.
        Ok(None) => return Ok(()),
        Err(FrameFailure::Io(error)) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
        Err(failure) => return Err(failure),
    };
    let ask = match understood::<AskV1>(&frame, Kind::AgentAsk) {
        Ok(ask) => ask,
        Err(no) => return talk.refuse(no).await,
    };
    match work::answer(agent, &hello, ask, &mut talk).await {
        Ok(done) => talk.finish(done).await,
        Err(no) => talk.refuse(no).await,
    }
}

/// Whether this caller may ask anything of this host.
fn check(agent: &Agent, caller: Caller, hello: &HelloV1) -> Result<(), No> {
    let cluster_id = Uuid::from_bytes(hello.cluster_id);
    if hello.protocol_min > PROTOCOL_MAX || hello.protocol_max < PROTOCOL_MIN {
        return Err(No::Refused(format!(
            "protocols {PROTOCOL_MIN} to {PROTOCOL_MAX} are spoken on this host, not {} to {}",
            hello.protocol_min, hello.protocol_max
        )));
    }
    if let Caller::Proven(peer) = caller
        && (peer.cluster_id, peer.node_id) != (cluster_id, hello.manager)
    {
        return Err(No::Refused("your certificate says that you are somebody else".into()));
    }
    if let Some(own) = agent.identity
        && (own.cluster_id, own.host.0) != (cluster_id, hello.host)
    {
        return Err(No::Refused(format!("this is host {} of group {}", own.host, own.cluster_id)));
    }
    agent.gate.admits(cluster_id, hello.manager)
}

impl<S: AsyncRead + AsyncWrite> Talk<S> {
    /// Works, and tells again and again that it does. Whoever asked may be gone: the work goes on to its end.
    pub(super) async fn while_working<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut ticks = interval(WORKING_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = ticks.tick() => {
                    let working = Frame { kind: Kind::AgentWorking, call: 0, body: Bytes::new() };
                    if self.writer.send(&working).await.is_err() {
                        return work.await;
                    }
                }
            }
        }
    }

    /// The next frame; `None` when the other side has nothing more to say.
    pub(super) async fn next(&mut self, within: Duration) -> Result<Option<Frame>, FrameFailure> {
        tokio::time::timeout(within, self.reader.next())
            .await
            .map_err(|_| FrameFailure::Deadline(within))?
    }

    pub(super) async fn say<T: bincode::Encode>(
        &mut self,
        kind: Kind,
        body: &T,
    ) -> Result<(), FrameFailure> {
        self.writer.send(&Frame { kind, call: 0, body: wire::encode(body) }).await
    }

    pub(super) async fn piece(&mut self, body: Bytes) -> Result<(), FrameFailure> {
        self.writer.send(&Frame { kind: Kind::AgentPiece, call: 0, body }).await
    }

    async fn hear<T: bincode::Decode<()>>(
        &mut self,
        kind: Kind,
    ) -> Result<Result<T, No>, FrameFailure> {
        let frame = self.reader.expect(ASK_DEADLINE).await?;
        Ok(understood(&frame, kind))
    }

    async fn refuse(&mut self, no: No) -> Result<(), FrameFailure> {
        let no = match no {
            No::Fenced { highest } => NoV1::Fenced { highest },
            No::Refused(why) => NoV1::Refused(why),
            No::Failed(why) => NoV1::Failed(why),
        };
        self.say(Kind::AgentNo, &no).await
    }

    async fn finish(&mut self, done: Done) -> Result<(), FrameFailure> {
        match done {
            Done::Answer(answer) => self.say(Kind::AgentAnswer, &answer).await,
            Done::Told(stamp) => self.say::<StampV1>(Kind::AgentEnd, &stamp).await,
        }
    }
}

/// A body of the kind that is expected.
pub(super) fn understood<T: bincode::Decode<()>>(frame: &Frame, kind: Kind) -> Result<T, No> {
    if frame.kind != kind {
        return Err(No::Refused(format!("{:?} is not what comes next", frame.kind)));
    }
    wire::decode(&frame.body).map_err(|failure| No::Refused(failure.to_string()))
}

#[cfg(test)]
#[path = "converse_tests.rs"]
mod tests;
