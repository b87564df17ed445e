//! How fresh a read is. Linearizable reads ask the leader how far they must wait (ReadIndex: the leader
//! confirms with a quorum that it still leads); leases are never trusted for that.

use std::time::Duration;

use openraft::ReadPolicy;
use openraft::errors::{LinearizableReadError, RaftError};
use raft_store::planted::{Bug, planted};
use tokio::time::{Instant, sleep, timeout};

use super::Group;
use super::frames::Kind;
use super::wire::ReadIndexReplyV1;
use crate::base::Revision;

/// Pause before the leader is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Longest time one question to a leader may take before another leader is looked for.
const ASK_DEADLINE: Duration = Duration::from_secs(2);

/// How fresh a read has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// Sees every change that was acknowledged before it was asked.
    #[default]
    Linearizable,
    /// What this Manager has, at once, with its age.
    Local,
}

/// What a read saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadStamp {
    /// The facts are at least as new as this revision.
    pub revision: Revision,
    /// How long ago this Manager last heard from a leader; 0 for a linearizable read. `None`: never.
    pub age_ms: Option<u64>,
}

/// A linearizable read was not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadFailure {
    /// No leader with a quorum was found for as long as the caller could be held.
    #[error("no Active Kyvos Manager with a quorum was found within {held_ms} ms")]
    NoQuorum {
        /// For how long it was tried.
        held_ms: u64,
    },
    /// This Manager is stopping.
    #[error("this Manager is stopping")]
    Stopping,
}

impl Group {
    /// Waits until the facts here are as fresh as asked. Call [`view`](Self::view) afterwards.
    pub async fn settle(&self, consistency: Consistency) -> Result<ReadStamp, ReadFailure> {
        match consistency {
            Consistency::Local => Ok(self.local_stamp()),
            Consistency::Linearizable if planted(Bug::ReadsFromLocalState) => {
                Ok(self.local_stamp())
            }
            Consistency::Linearizable => self.settle_linearizable().await,
        }
    }

    fn local_stamp(&self) -> ReadStamp {
        let age = self.standing().leader_heard_ago;
        ReadStamp {
            revision: *self.core.replica.applied().borrow(),
            age_ms: age.map(|age| age.as_millis().try_into().unwrap_or(u64::MAX)),
        }
    }

    async fn settle_linearizable(&self) -> Result<ReadStamp, ReadFailure> {
        let started = Instant::now();
        let deadline = started + self.core.hold;
        let wait = async {
            loop {
                if let Some(index) = self.read_index().await? {
                    return self.applied_at_least(index).await;
                }
                sleep(RETRY_PAUSE).await;
            }
        };
        match tokio::time::timeout_at(deadline, wait).await {
            Ok(stamp) => stamp,
            Err(_) => Err(ReadFailure::NoQuorum {
                held_ms: started.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
            }),
        }
    }

    /// Up to where this read has to wait, from the leader; `None` when it could not be had now.
    async fn read_index(&self) -> Result<Option<Revision>, ReadFailure> {
        let Some(leader) = self.core.known_leader() else { return Ok(None) };
        let reply = if leader == self.core.here.node_id {
            self.confirm_leadership().await?
        } else {
            let peer = self.core.peers.get(leader);
            let body = bytes::Bytes::new();
            let asked = peer.ask(Kind::ReadIndex, body, Kind::ReadIndexReply, ASK_DEADLINE);
            tokio::select! {
                reply = asked => reply.unwrap_or(ReadIndexReplyV1::NoQuorum),
                () = self.core.leader_is_not(leader) => ReadIndexReplyV1::NoQuorum,
            }
        };
        Ok(match reply {
            ReadIndexReplyV1::At(index) => Some(Revision(index)),
            ReadIndexReplyV1::NotLeader { .. } | ReadIndexReplyV1::NoQuorum => None,
        })
    }

    /// Asks a quorum whether this Manager still leads.
    pub(super) async fn confirm_leadership(&self) -> Result<ReadIndexReplyV1, ReadFailure> {
        let asked = self.core.raft.get_read_linearizer(ReadPolicy::ReadIndex);
        match timeout(ASK_DEADLINE, asked).await {
            Ok(Ok(linearizer)) => Ok(ReadIndexReplyV1::At(linearizer.read_log_id().index())),
            Ok(Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(to)))) => {
                Ok(ReadIndexReplyV1::NotLeader { leader: to.leader_id })
            }
            Ok(Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_)))) | Err(_) => {
                Ok(ReadIndexReplyV1::NoQuorum)
            }
            Ok(Err(RaftError::Fatal(_))) => Err(ReadFailure::Stopping),
        }
    }

    async fn applied_at_least(&self, index: Revision) -> Result<ReadStamp, ReadFailure> {
        let mut applied = self.core.replica.applied();
        let reached = applied.wait_for(|applied| *applied >= index).await;
        let revision = *reached.map_err(|_| ReadFailure::Stopping)?;
        Ok(ReadStamp { revision, age_ms: Some(0) })
    }
}
