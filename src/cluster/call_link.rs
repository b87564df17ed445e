//! Questions and answers with one other member over one connection, many at a time.
//!
//! The connection is opened when first needed and again when it was lost. Opening it does not depend on
//! whether the caller still waits: a heartbeat gives up long before a handshake may be done.
//!
//! A caller is told whether its question may have arrived. That is the difference between "try another
//! member" and "the outcome is unknown", so it is decided by one atomic word that caller and connection
//! both settle: a question is either withdrawn or sent, never both.

#![expect(clippy::disallowed_methods, reason = "every handle aborts its task when it is dropped")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::dial::{Connection, Dialer};
use super::frames::{BATCH_TARGET, Frame, FrameFailure, Kind};
use super::wire::Purpose;

/// Questions that may wait to be sent. More means that the other side is not there.
const QUEUE: usize = 1024;

/// Pause after a failed attempt to connect. Short, because an election may hang on it; long enough that a
/// refused port costs nothing.
const REDIAL_PAUSE: Duration = Duration::from_millis(50);

/// How often a connection with open questions is looked after.
const CARE_PERIOD: Duration = Duration::from_millis(500);

/// After this silence the other side is asked for a sign of life.
const PING_AFTER: Duration = Duration::from_secs(1);

/// After this silence, although asked, the connection is given up and opened anew.
const DEAD_AFTER: Duration = Duration::from_secs(3);

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum CallFailure {
    /// The question surely did not arrive.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The question may have arrived.
    #[error("no answer: {0}")]
    Lost(String),
}

/// One link to one member for one purpose. Dropping it closes the connection.
pub(crate) struct CallLink {
    queue: mpsc::Sender<Call>,
    _task: AbortOnDropHandle<()>,
}

struct Call {
    kind: Kind,
    body: Bytes,
    stage: Arc<Stage>,
    answer: oneshot::Sender<Result<Frame, CallFailure>>,
}

/// Whether a question is waiting, sent or withdrawn.
#[derive(Default)]
struct Stage(AtomicU8);

const WAITING: u8 = 0;
const SENT: u8 = 1;
const WITHDRAWN: u8 = 2;

impl Stage {
    fn leave_waiting_for(&self, next: u8) -> bool {
        self.0.compare_exchange(WAITING, next, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl CallLink {
    pub(crate) fn new(dialer: Dialer, peer: u64, purpose: Purpose) -> Self {
        let (queue, calls) = mpsc::channel(QUEUE);
        let task = tokio::spawn(keep_link(dialer, peer, purpose, calls));
        CallLink { queue, _task: AbortOnDropHandle::new(task) }
    }

    /// Asks, and waits for the answer until `deadline` has passed.
    pub(crate) async fn call(
        &self,
        kind: Kind,
        body: Bytes,
        deadline: Duration,
    ) -> Result<Frame, CallFailure> {
        let stage = Arc::new(Stage::default());
        let (answer, answered) = oneshot::channel();
        let call = Call { kind, body, stage: stage.clone(), answer };
        self.queue
            .try_send(call)
            .map_err(|_| CallFailure::NotSent("too many questions wait already".to_owned()))?;
        match timeout(deadline, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(unanswered(&stage, "the link was closed")),
            Err(_) => Err(unanswered(&stage, "the deadline passed")),
        }
    }
}

fn unanswered(stage: &Stage, because: &str) -> CallFailure {
    if stage.leave_waiting_for(WITHDRAWN) {
        CallFailure::NotSent(because.to_owned())
    } else {
        CallFailure::Lost(because.to_owned())
    }
}

impl Call {
    fn fail(self, because: &str) {
        let failure = unanswered(&self.stage, because);
        // The caller may be gone; then nobody wants to know.
        drop(self.answer.send(Err(failure)));
    }
}

/// Opens the connection whenever there is something to ask, for as long as the link exists.
async fn keep_link(dialer: Dialer, peer: u64, purpose: Purpose, mut calls: mpsc::Receiver<Call>) {
    while let Some(first) = calls.recv().await {
        if first.answer.is_closed() {
            continue;
        }
        match dialer.dial(peer, purpose).await {
            Ok(connection) => serve(connection, first, &mut calls).await,
            Err(failure) => {
                tracing::debug!(peer, ?purpose, %failure, "peer not reached");
                first.fail(&failure.to_string());
                while let Ok(call) = calls.try_recv() {
                    call.fail(&failure.to_string());
                }
                sleep(REDIAL_PAUSE).await;
            }
        }
    }
}

/// The questions that were sent and not yet answered, and when the peer was last heard.
struct Open {
    answers: HashMap<u64, oneshot::Sender<Result<Frame, CallFailure>>>,
    heard: Instant,
}

type Shared = Arc<Mutex<Open>>;

fn lock(open: &Shared) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs one connection until it is lost or the link is dropped.
async fn serve(connection: Connection, first: Call, calls: &mut mpsc::Receiver<Call>) {
    let Connection { reader, writer } = connection;
    let open: Shared =
        Arc::new(Mutex::new(Open { answers: HashMap::new(), heard: Instant::now() }));
    let mut reading = AbortOnDropHandle::new(tokio::spawn(read(reader, open.clone())));
    let writing = write(writer, first, calls, &open);
    let ended = tokio::select! {
        ended = &mut reading => ended.unwrap_or(Err(FrameFailure::Truncated)),
        ended = writing => ended,
    };
    let because = ended.err().map_or_else(|| "closed".to_owned(), |failure| failure.to_string());
    for (_, answer) in lock(&open).answers.drain() {
        drop(answer.send(Err(CallFailure::Lost(because.clone()))));
    }
}

async fn read<R>(
    mut reader: super::frames::FrameReader<R>,
    open: Shared,
) -> Result<(), FrameFailure>
where
    R: tokio::io::AsyncRead + Unpin,
{
    while let Some(frame) = reader.next().await? {
        let mut open = lock(&open);
        open.heard = Instant::now();
        if let Some(answer) = open.answers.remove(&frame.call) {
            drop(answer.send(Ok(frame)));
        }
    }
    Ok(())
}

async fn write<W>(
    mut writer: super::frames::FrameWriter<W>,
    first: Call,
    calls: &mut mpsc::Receiver<Call>,
    open: &Shared,
) -> Result<(), FrameFailure>
where
    W: tokio::io::AsyncWrite + Unpin,
{
    let mut number = 0;
    let mut care = interval(CARE_PERIOD);
    care.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next = Some(first);
    loop {
        if let Some(call) = next.take() {
            let mut waiting = push(&mut writer, call, &mut number, open);
            while waiting < BATCH_TARGET
                && let Ok(call) = calls.try_recv()
            {
                waiting = push(&mut writer, call, &mut number, open);
            }
            writer.flush().await?;
        }
        tokio::select! {
            call = calls.recv() => match call {
                Some(call) => next = Some(call),
                None => return Ok(()),
            },
            _ = care.tick() => match silence(open) {
                Some(silent) if silent > DEAD_AFTER => {
                    return Err(FrameFailure::Deadline(DEAD_AFTER));
                }
                Some(silent) if silent > PING_AFTER => {
                    writer.send(&Frame { kind: Kind::Ping, call: 0, body: Bytes::new() }).await?;
                }
                Some(_) | None => {}
            },
        }
    }
}

/// For how long the peer has been silent; `None` when nothing is expected of it.
fn silence(open: &Shared) -> Option<Duration> {
    let mut open = lock(open);
    if open.answers.is_empty() {
        open.heard = Instant::now();
        return None;
    }
    Some(open.heard.elapsed())
}

/// Hands one question over to the connection, unless it was withdrawn. Returns the bytes that wait.
fn push<W>(
    writer: &mut super::frames::FrameWriter<W>,
    call: Call,
    number: &mut u64,
    open: &Shared,
) -> usize
where
    W: tokio::io::AsyncWrite + Unpin,
{
    if !call.stage.leave_waiting_for(SENT) {
        return 0;
    }
    *number += 1;
    lock(open).answers.insert(*number, call.answer);
    writer.push(&Frame { kind: call.kind, call: *number, body: call.body })
}
