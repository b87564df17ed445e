//! Entries to one follower: in order, several under way, on a connection of their own.
//!
//! Answers come back in the order of the requests. What is under way is bounded; a follower that does not
//! answer in time loses the connection, and the Raft library starts over from what it acknowledged.
//!
//! A new leader does not know where a follower's log ends and looks for it by halves: one request a round, each refused until
//! one matches, and the library begins a stream anew for each. A round on a connection of its own would cost four times the
//! way to the follower and back, and a leader takes no office before it is through. So a connection on which nothing matched
//! yet is kept for the next round: see [`Searched`].
//!
//! The library tells which of its requests an answer is for by the entry it ends at. A request without entries, which only
//! tells what is committed, ends where the one before it did, so a late answer to that one would count as one to it as well:
//! as proof that a quorum followed a moment ago, when it did so seconds ago and has elected another since. Reads and the claim
//! to be Active rest on that proof. So an answer waits for those to all later requests that end no further.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use openraft::errors::{NetworkError, RPCError, Unreachable};
use openraft::raft::{AppendEntriesRequest, StreamAppendResult};
use raft_store::types::TypeConfig;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::dial::{Connection, Dialer};
use super::frames::{BATCH_TARGET, Frame, FrameFailure, Kind};
use super::wire::{self, AppendReplyV1, AppendV1, EntryV1, LogIdV1, Purpose};

/// Requests under way to one follower. Each is up to 1 MiB, so this also bounds memory.
const MAX_IN_FLIGHT: usize = 16;

/// How long a follower may take to write and answer. Heartbeats have their own connection; this is only
/// for noticing a connection that is dead without saying so.
const ANSWER_DEADLINE: Duration = Duration::from_secs(3);

/// A connection without work is closed after this long, well before the follower would do it.
const IDLE: Duration = Duration::from_secs(20);

/// What the Raft library gets back for one request.
pub(crate) type Outcome = Result<StreamAppendResult<TypeConfig>, RPCError<TypeConfig>>;

/// The connection to one follower on which its log's end is looked for, between two rounds. Every request on it so far was
/// answered with a refusal, and the follower waits for the next.
#[derive(Clone, Default)]
pub(crate) struct Searched(Arc<Mutex<Option<(Instant, Connection)>>>);

impl Searched {
    fn keep(&self, connection: Connection) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((Instant::now(), connection));
    }

    /// What was kept, unless it is so old that the follower may have closed it.
    fn take(&self) -> Option<Connection> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        kept.filter(|(since, _)| since.elapsed() < IDLE).map(|(_, connection)| connection)
    }
}

/// Sends all of `requests` and hands each answer to `answers`, until either side ends.
pub(crate) async fn run<S>(
    dialer: Dialer,
    peer: u64,
    searched: Searched,
    mut requests: S,
    answers: mpsc::Sender<Outcome>,
) where
    S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Unpin,
{
    // Nothing is opened before there is something to send: an idle follower costs no connection.
    let Some(first) = requests.next().await else { return };
    let connection = match searched.take() {
        Some(connection) => Ok(connection),
        None => dialer.dial(peer, Purpose::Append).await,
    };
    let connection = match connection {
        Ok(connection) => connection,
        Err(failure) => {
            let unreachable = Unreachable::from_string(failure);
            // The receiver may be gone; then nobody wants to know.
            drop(answers.send(Err(RPCError::Unreachable(unreachable))).await);
            return;
        }
    };
    let mut session = Session {
        connection,
        in_flight: VecDeque::new(),
        matched: false,
        answers: answers.clone(),
    };
    let last = match session.exchange(first, requests).await {
        Ok(Ended::Done) => return,
        Ok(Ended::Refused(refusal)) => {
            // Before the answer is given: who gets it ends this task and begins the next round.
            if session.can_go_on_searching(&refusal) {
                searched.keep(session.connection);
            }
            Ok(StreamAppendResult::<TypeConfig>::from(refusal))
        }
        Err(failure) => Err(RPCError::Network(NetworkError::from_string(failure))),
    };
    drop(answers.send(last).await);
}

struct Session {
    connection: Connection,
    in_flight: VecDeque<UnderWay>,
    /// Whether the follower had what some request continues. It ends the connection with the first refusal after that.
    matched: bool,
    answers: mpsc::Sender<Outcome>,
}

/// A request that was sent and not answered yet.
struct UnderWay {
    sent: Instant,
    /// Its last entry, or the one it continues when it has none.
    end: Option<LogIdV1>,
}

/// How a session ends when nothing failed.
enum Ended {
    /// Everything was answered, or nobody wants to know.
    Done,
    /// The follower refused; this answer is still owed.
    Refused(AppendReplyV1),
}

impl Session {
    async fn exchange<S>(
        &mut self,
        first: AppendEntriesRequest<TypeConfig>,
        mut requests: S,
    ) -> Result<Ended, FrameFailure>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Unpin,
    {
        self.send(first).await?;
        let mut more = true;
        while more || !self.in_flight.is_empty() {
            let room = more && self.in_flight.len() < MAX_IN_FLIGHT;
            let deadline = match self.in_flight.front() {
                Some(first) => first.sent + ANSWER_DEADLINE,
                None => Instant::now() + IDLE,
            };
            tokio::select! {
                biased;
                frame = self.connection.reader.next() => {
                    let frame = frame?.ok_or(FrameFailure::Truncated)?;
                    if let Some(ended) = self.take(&frame).await? {
                        return Ok(ended);
                    }
                }
                request = requests.next(), if room => match request {
                    Some(request) => self.send(request).await?,
                    None => more = false,
                },
                () = tokio::time::sleep_until(deadline) => {
                    return match self.in_flight.is_empty() {
                        true => Ok(Ended::Done),
                        false => Err(FrameFailure::Deadline(ANSWER_DEADLINE)),
                    };
                }
            }
        }
        Ok(Ended::Done)
    }

    /// Whether the follower takes the next request of a search on this connection.
    fn can_go_on_searching(&self, refusal: &AppendReplyV1) -> bool {
        let searching = matches!(refusal, AppendReplyV1::Conflict(_));
        searching && !self.matched && self.in_flight.is_empty()
    }

    async fn send(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
    ) -> Result<(), FrameFailure> {
        for (body, end) in bodies(&request) {
            self.connection.writer.push(&Frame { kind: Kind::Append, call: 0, body });
            self.in_flight.push_back(UnderWay { sent: Instant::now(), end });
        }
        self.connection.writer.flush().await
    }

    /// Hands an answer on; a refusal is the end.
    async fn take(&mut self, frame: &Frame) -> Result<Option<Ended>, FrameFailure> {
        self.in_flight.pop_front();
        if frame.kind != Kind::AppendReply {
            return Err(FrameFailure::Kind(frame.kind as u16));
        }
        let reply: AppendReplyV1 = wire::decode(&frame.body).map_err(std::io::Error::other)?;
        let AppendReplyV1::Matching(matching) = &reply else {
            return Ok(Some(Ended::Refused(reply)));
        };
        self.matched = true;
        if counts_for_a_later_one(&self.in_flight, *matching) {
            return Ok(None);
        }
        let wanted = self.answers.send(Ok(reply.into())).await.is_ok();
        Ok((!wanted).then_some(Ended::Done))
    }
}

/// Whether the library would take an answer to an earlier request for one to any of these.
fn counts_for_a_later_one(later: &VecDeque<UnderWay>, matching: Option<LogIdV1>) -> bool {
    later.iter().any(|request| request.end <= matching)
}

/// The bodies of one request, cut so that none is much longer than [`BATCH_TARGET`], and where each ends. Each is a request in
/// itself: it continues where the one before it ended.
pub(crate) fn bodies(request: &AppendEntriesRequest<TypeConfig>) -> Vec<(Bytes, Option<LogIdV1>)> {
    let mut rest = AppendV1::from(request);
    let mut bodies = Vec::new();
    loop {
        let cut = batch_len(&rest.entries);
        let later = rest.entries.split_off(cut);
        let end = rest.entries.last().map(|entry| entry.log_id).or(rest.prev);
        bodies.push((wire::encode(&rest), end));
        if later.is_empty() {
            return bodies;
        }
        rest.prev = end;
        rest.entries = later;
    }
}

/// How many of `entries` go into one frame: at least one.
fn batch_len(entries: &[EntryV1]) -> usize {
    let mut bytes = 0;
    for (count, entry) in entries.iter().enumerate() {
        bytes += entry.estimated_bytes();
        if count > 0 && bytes > BATCH_TARGET {
            return count;
        }
    }
    entries.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::wire::{EntryPayloadV1, VoteV1};

    fn request(count: u64, bytes: usize) -> AppendEntriesRequest<TypeConfig> {
        let at = |index| LogIdV1 { term: 1, node: 1, index };
        let entry = |index| EntryV1 {
            log_id: at(index),
            payload: EntryPayloadV1::Proposal(vec![7; bytes]),
        };
        AppendV1 {
            vote: VoteV1 { term: 1, node: 1, committed: true },
            prev: Some(at(9)),
            entries: (10..10 + count).map(entry).collect(),
            commit: Some(at(9)),
        }
        .try_into()
        .unwrap()
    }

    #[test]
    fn a_large_request_is_cut_into_requests_that_follow_each_other() {
        let request = request(30, 100_000);
        let bodies = bodies(&request);
        assert!(bodies.len() > 1);
        let mut expected_prev = request.prev_log_id;
        let mut entries = Vec::new();
        for (body, end) in &bodies {
            assert!(body.len() <= BATCH_TARGET + 200_000);
            let part: AppendEntriesRequest<TypeConfig> =
                wire::decode::<AppendV1>(body).unwrap().try_into().unwrap();
            assert_eq!(part.prev_log_id, expected_prev);
            expected_prev = part.entries.last().map(|entry| entry.log_id);
            assert_eq!(*end, expected_prev.as_ref().map(LogIdV1::from));
            entries.extend(part.entries);
        }
        assert_eq!(entries, request.entries);
    }

    #[test]
    fn the_longest_proposal_fits_a_frame() {
        let request = request(3, raft_store::types::PAYLOAD_MAX_BYTES);
        assert_eq!(bodies(&request).len(), 3);
    }

    #[test]
    fn an_answer_waits_for_those_to_later_requests_that_end_no_further() {
        let at = |index| Some(LogIdV1 { term: 1, node: 1, index });
        let later = |ends: &[u64]| -> VecDeque<UnderWay> {
            ends.iter().map(|index| UnderWay { sent: Instant::now(), end: at(*index) }).collect()
        };
        assert!(!counts_for_a_later_one(&later(&[]), at(9)));
        assert!(!counts_for_a_later_one(&later(&[10, 12]), at(9)));
        // It only tells that 9 is committed.
        assert!(counts_for_a_later_one(&later(&[9]), at(9)));
        assert!(counts_for_a_later_one(&later(&[9, 12]), at(9)));
        let (_, end) = &bodies(&request(0, 0))[0];
        assert_eq!(*end, at(9), "a request without entries ends where it continues");
    }

    #[test]
    fn a_heartbeat_is_one_frame() {
        assert_eq!(bodies(&request(0, 0)).len(), 1);
    }
}
