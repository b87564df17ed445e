//! How a witness helps a candidate that lacks entries which only the witness has.
//!
//! With two Managers and a witness, an entry may be committed on the leader A and the witness W alone. When A
//! dies, B cannot win: W has the longer log and refuses it; and W never stands. So W passes on what B lacks.
//!
//! # Why this is safe
//!
//! It is done only if W's last entry was written by the leader of W's current, committed vote, say A in term T.
//! By Raft's log matching, W's log up to that entry is then exactly A's log. What W sends — these entries, under
//! A's vote, with a commit index no higher than the one A told W — is byte for byte an `AppendEntries` that A
//! itself could have sent, delayed by the network. Raft is safe under delayed messages; B treats this one like
//! any other: it refuses it if it has voted for somebody higher meanwhile, and it refuses entries that do not
//! continue its log. It changes no lease that A counts on for longer than A's own message would have: A counts
//! only acknowledgements that reach A, and this one does not.
//!
//! The entries are read before they are sent, and the last of them must still be the one that was looked at:
//! had a newer leader overwritten any of them meanwhile, the last one would be gone first.
//!
//! Never to A itself: its own vote, told by somebody else, would make it the leader of its old term again, unelected, with a
//! log that it could write differently. Nor does A ever lack what W has, unless A's disk lost what it had flushed: see
//! [`own_disk`](super::own_disk).
//!
//! What it does not heal: B has already raised its own term by a real election that failed. Then B refuses
//! everything of term T. Pre-votes make that rare: B raises its term only after a quorum said it would win.

use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use openraft::raft::AppendEntriesRequest;
use openraft::storage::RaftLogReader;
use raft_store::types::TypeConfig;
use tokio::sync::mpsc;

use super::Group;
use super::append_stream;
use super::frames::Kind;
use super::translation::RaftLogId;
use super::wire::{AppendReplyV1, VoteAskV1};

/// Candidates that may wait to be helped. They ask again by themselves.
const WAITING: usize = 2;

/// Longest time a candidate may take to write one batch.
const DEADLINE: Duration = Duration::from_secs(2);

/// How far is stepped back when the candidate's log does not fit, and how often.
const STEP_BACK: u64 = 64;
const STEPS: usize = 64;

/// A candidate that asked a witness for its vote with too short a log.
pub(crate) struct Behind {
    peer: u64,
    has: Option<u64>,
}

/// Where candidates are noted.
pub(crate) type Relay = mpsc::Sender<Behind>;

pub(crate) fn relay() -> (Relay, mpsc::Receiver<Behind>) {
    mpsc::channel(WAITING)
}

type Append = AppendEntriesRequest<TypeConfig>;

impl Group {
    /// Notes a candidate whose log is shorter than this witness's. Never waits.
    pub(super) fn note_candidate(&self, peer: u64, ask: &VoteAskV1) {
        let Some(relay) = &self.core.relay else { return };
        let has = ask.last_log.map(|id| id.index);
        let last = self.core.raft.metrics().borrow_watched().last_log_index;
        if has < last {
            // Full means that help is under way already; the candidate will ask again.
            drop(relay.try_send(Behind { peer, has }));
        }
    }

    /// Helps candidates, one after the other, until dropped.
    pub(super) async fn keep_relaying(self, mut candidates: mpsc::Receiver<Behind>) {
        while let Some(Behind { peer, has }) = candidates.recv().await {
            match self.pass_on(peer, has).await {
                Ok(0) => {}
                Ok(count) => tracing::info!(peer, count, "passed on entries the candidate lacked"),
                Err(because) => tracing::debug!(peer, %because, "nothing passed on"),
            }
        }
    }

    /// Sends `peer` what it lacks. Returns how many entries that was.
    async fn pass_on(&self, peer: u64, has: Option<u64>) -> Result<usize, String> {
        let mut after = has;
        for _ in 0..STEPS {
            let Some(request) = self.as_the_leader_would(after).await? else { return Ok(0) };
            if request.vote.leader_id.node_id == peer {
                return Ok(0);
            }
            let count = request.entries.len();
            if self.deliver(peer, &request).await? {
                return Ok(count);
            }
            let Some(index) = after else { break };
            after = index.checked_sub(STEP_BACK);
        }
        Err("its log does not continue anywhere near".to_owned())
    }

    /// The request the leader of this witness's vote could have sent for everything after `after`; `None` if
    /// that cannot be said, or nothing is missing.
    async fn as_the_leader_would(&self, after: Option<u64>) -> Result<Option<Append>, String> {
        let mut reader = self.core.log_reader.clone();
        let vote = reader.read_vote().await.map_err(|error| error.to_string())?;
        let Some(vote) = vote.filter(|vote| vote.committed) else { return Ok(None) };
        let metrics = self.core.raft.data_metrics();
        let (last, committed) = {
            let metrics = metrics.borrow_watched();
            (metrics.last_log, metrics.local_committed)
        };
        let Some(last) = last else { return Ok(None) };
        if *last.committed_leader_id() != vote.leader_id || Some(last.index()) <= after {
            return Ok(None);
        }
        let from = after.unwrap_or(0);
        let mut entries = reader
            .try_get_log_entries(from..last.index() + 1)
            .await
            .map_err(|error| error.to_string())?;
        let whole = entries.first().is_some_and(|first| first.log_id.index() == from);
        if !whole || entries.last().is_none_or(|entry| entry.log_id != last) {
            return Err("the log does not reach back that far, or changed meanwhile".to_owned());
        }
        let prev: Option<RaftLogId> = after.map(|_| entries.remove(0).log_id);
        Ok(Some(Append { vote, prev_log_id: prev, entries, leader_commit: committed }))
    }

    /// Whether the peer took all of it; `false` if it does not continue the peer's log.
    async fn deliver(&self, peer: u64, request: &Append) -> Result<bool, String> {
        let peer = self.core.peers.get(peer);
        for (body, _) in append_stream::bodies(request) {
            let reply = peer
                .ask::<AppendReplyV1>(Kind::Append, body, Kind::AppendReply, DEADLINE)
                .await
                .map_err(|failure| failure.to_string())?;
            match reply {
                AppendReplyV1::Matching(_) => {}
                AppendReplyV1::Conflict(_) => return Ok(false),
                AppendReplyV1::HigherVote(vote) => {
                    return Err(format!("it has voted in term {} already", vote.term));
                }
            }
        }
        Ok(true)
    }
}
