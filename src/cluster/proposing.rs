//! From a wish to its outcome: here if this Manager leads, else one hop to the one that does.
//!
//! Every proposal has a request id, and the group gives the first answer to an id for ever. So a proposal
//! whose fate is in doubt is simply made again under the same id, here or at the next leader, for as long
//! as the caller may be held. Three ends are possible: the group's answer; "surely nowhere in any log";
//! and "unknown", said only when it was handed to a leader at least once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::errors::{ClientWriteError, RaftError};
use raft_store::planted::{Bug, planted};
use raft_store::types::{PAYLOAD_MAX_BYTES, Payload};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::Group;
use super::call_link::CallFailure;
use super::clock::AHEAD_MAX_MS;
use super::network::AskFailure;
use super::wire::ProposeReplyV1;
use crate::base::{Digest, Epoch, ManagerId, RequestId, Term, Timestamp};
use crate::machine::{Actor, Answer, Command, Proposal};

/// Pause before a proposal is tried again when nothing tells that it would fare better.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Longest time a leader works on a proposal that was handed to it. The Manager that handed it over decides
/// how long its caller is held; this only bounds work nobody waits for.
const AT_LEADER_MAX: Duration = Duration::from_secs(30);

/// What somebody wants agreed, before it is stamped and named.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Who asks.
    pub by: Actor,
    /// Where the request came from, as an IP address.
    pub source: Option<String>,
    /// The request's name, when the asker chose one.
    pub request: Option<RequestId>,
    /// Digest of the request as it came, to tell a repeat from another one under the same name. `None`: of
    /// the command.
    pub fingerprint: Option<Digest>,
    /// Why, in the asker's words.
    pub reason: Option<String>,
    /// The epoch it was decided in, for decisions of the Active.
    pub fence: Option<Epoch>,
    /// What is asked.
    pub command: Command,
}

impl Draft {
    /// A Manager's own wish.
    pub fn own(by: ManagerId, command: impl Into<Command>) -> Self {
        Draft {
            by: Actor::Manager(by),
            source: None,
            request: None,
            fingerprint: None,
            reason: None,
            fence: None,
            command: command.into(),
        }
    }
}

/// The group has judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Its answer, yes or no.
    pub answer: Answer,
    /// The Manager that led the commit.
    pub committed_by: ManagerId,
    /// In which term.
    pub term: Term,
}

/// The group has not judged, as far as is known here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeFailure {
    /// It was surely never handed to a leader: there was none for as long as the caller could be held.
    #[error("no Active Kyvos Manager was found within {held_ms} ms")]
    NoLeader {
        /// For how long it was tried.
        held_ms: u64,
    },
    /// This Manager does not lead, and the proposal was for it alone.
    #[error("this Manager does not lead")]
    NotLeading {
        /// Who does, as far as is known.
        leader: Option<ManagerId>,
    },
    /// Refused before the log: there is no room.
    #[error("no room on the disk: {because}")]
    DiskFull {
        /// What the store says.
        because: String,
    },
    /// Refused before the log: too long.
    #[error("the change is {bytes} bytes long, at most {PAYLOAD_MAX_BYTES} are allowed")]
    TooLarge {
        /// How long it is.
        bytes: usize,
    },
    /// It may or may not have been carried out. Asking for the request tells later.
    #[error("the outcome of request {request} is unknown")]
    Unknown {
        /// The request to ask for.
        request: RequestId,
    },
    /// This Manager is stopping or its Raft core has stopped; the proposal was not handed to it.
    #[error("this Manager is stopping")]
    Stopping,
}

/// How one attempt ended, if not with an answer.
enum Attempt {
    Settled(Settled),
    /// Surely in no log; `leader` may do better.
    Nowhere,
    /// Perhaps in a log.
    Doubtful,
    DiskFull(String),
    Stopped,
}

impl Group {
    /// Proposes, from any Manager.
    pub async fn propose(&self, draft: Draft) -> Result<Settled, ProposeFailure> {
        let (request, mut payload) = self.stamp(draft)?;
        let started = Instant::now();
        let deadline = started + self.core.hold;
        let mut doubtful = false;
        loop {
            let tried = self.core.known_leader();
            match self.attempt(&payload, deadline).await {
                Attempt::Settled(settled) => return Ok(settled),
                Attempt::Doubtful => {
                    doubtful = true;
                    if planted(Bug::ForwardTwice) {
                        payload = under_another_name(&payload);
                    }
                }
                Attempt::Nowhere => {}
                Attempt::DiskFull(because) if !doubtful => {
                    return Err(ProposeFailure::DiskFull { because });
                }
                Attempt::Stopped if !doubtful => return Err(ProposeFailure::Stopping),
                Attempt::DiskFull(_) => {}
                Attempt::Stopped => return Err(ProposeFailure::Unknown { request }),
            }
            if Instant::now() + RETRY_PAUSE >= deadline {
                let held_ms = started.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
                return Err(match doubtful && !planted(Bug::TimeoutToldAsFailed) {
                    true => ProposeFailure::Unknown { request },
                    false => ProposeFailure::NoLeader { held_ms },
                });
            }
            self.until_worth_another_try(tried).await;
        }
    }

    /// A short pause, or until another leader is known: that one is asked at once.
    async fn until_worth_another_try(&self, tried: Option<u64>) {
        match tried {
            Some(leader) => drop(timeout(RETRY_PAUSE, self.core.leader_is_not(leader)).await),
            None => drop(timeout(RETRY_PAUSE, self.core.some_leader()).await),
        }
    }

    /// Proposes only if this very Manager leads. Decisions of the Active are never handed on: another
    /// Manager's log is no place for what was decided on this one's facts.
    pub async fn propose_here(&self, draft: Draft) -> Result<Settled, ProposeFailure> {
        let (request, payload) = self.stamp(draft)?;
        let deadline = Instant::now() + self.core.hold;
        match self.attempt_here(payload, deadline).await {
            Attempt::Settled(settled) => Ok(settled),
            Attempt::Nowhere => Err(ProposeFailure::NotLeading { leader: self.standing().leader }),
            Attempt::Doubtful => Err(ProposeFailure::Unknown { request }),
            Attempt::DiskFull(because) => Err(ProposeFailure::DiskFull { because }),
            Attempt::Stopped => Err(ProposeFailure::Stopping),
        }
    }

    /// Gives a wish its time, its name and its bytes.
    fn stamp(&self, draft: Draft) -> Result<(RequestId, Bytes), ProposeFailure> {
        if let Some(because) = self.core.health.disk_full() {
            return Err(ProposeFailure::DiskFull { because: because.to_owned() });
        }
        let request = draft.request.unwrap_or_else(new_request);
        let mut proposal = Proposal {
            at: self.now(),
            by: draft.by,
            via: self.here(),
            source: draft.source,
            request: request.clone(),
            fingerprint: draft.fingerprint.unwrap_or_default(),
            fence: draft.fence,
            reason: draft.reason,
            command: draft.command,
        };
        if draft.fingerprint.is_none() {
            proposal.fingerprint = fingerprint(&proposal.command);
        }
        let payload: Bytes = proposal.encode().into();
        match payload.len() {
            bytes if bytes > PAYLOAD_MAX_BYTES => Err(ProposeFailure::TooLarge { bytes }),
            _ => Ok((request, payload)),
        }
    }

    async fn attempt(&self, payload: &Bytes, deadline: Instant) -> Attempt {
        let Some(leader) = self.core.known_leader() else { return Attempt::Nowhere };
        if leader == self.core.here.node_id {
            return self.attempt_here(payload.clone(), deadline).await;
        }
        let remaining = deadline.saturating_duration_since(Instant::now());
        let peer = self.core.peers.get(leader);
        let handed_over = peer.forward::<ProposeReplyV1>(payload.clone(), remaining);
        tokio::select! {
            reply = handed_over => match reply {
                Ok(reply) => attempt_of(reply),
                Err(AskFailure::Call(CallFailure::NotSent(_))) => Attempt::Nowhere,
                Err(AskFailure::Call(CallFailure::Lost(_)) | AskFailure::Failed(_) | AskFailure::Nonsense) => {
                    Attempt::Doubtful
                }
            },
            // A paused or cut-off leader never answers. Once another one stands, ask that one.
            () = self.core.leader_is_not(leader) => Attempt::Doubtful,
        }
    }

    async fn attempt_here(&self, payload: Bytes, deadline: Instant) -> Attempt {
        if self.core.has_stopped() {
            return Attempt::Stopped;
        }
        let remaining = deadline.saturating_duration_since(Instant::now());
        if planted(Bug::WatchBeforeCommit) {
            self.core.replica.foretell(&payload);
        }
        match timeout(remaining, self.core.raft.client_write(Payload(payload))).await {
            Err(_) => Attempt::Doubtful,
            Ok(Ok(written)) => match Answer::decode(&written.data.0) {
                Some(answer) => Attempt::Settled(Settled {
                    answer,
                    committed_by: ManagerId(written.log_id.committed_leader_id().node_id),
                    term: Term(written.log_id.committed_leader_id().term),
                }),
                None => unreachable!("the machine answers every proposal"),
            },
            Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_)))) => Attempt::Nowhere,
            Ok(Err(RaftError::APIError(_))) => Attempt::Doubtful,
            // Its core stopped with the proposal in it: an entry that was sent to the others may yet be committed.
            Ok(Err(RaftError::Fatal(_))) => Attempt::Doubtful,
        }
    }

    /// A proposal another Manager handed over. It goes no further from here.
    pub(super) async fn take_forwarded(&self, payload: Bytes) -> ProposeReplyV1 {
        if let Some(because) = self.core.health.disk_full() {
            return ProposeReplyV1::DiskFull { because: because.to_owned() };
        }
        let leader = || self.core.known_leader();
        // Every member would have to stop at an entry it does not understand, so none gets into the log.
        let proposal = match Proposal::decode(&payload) {
            Ok(proposal) => proposal,
            Err(failure) => {
                tracing::warn!(%failure, "a forwarded proposal is not understood and was not taken");
                return ProposeReplyV1::NotLeader { leader: leader() };
            }
        };
        let payload = in_our_time(self.now(), proposal).unwrap_or(payload);
        match self.attempt_here(payload, Instant::now() + AT_LEADER_MAX).await {
            Attempt::Settled(settled) => ProposeReplyV1::Settled {
                answer: settled.answer.encode(),
                committed_by: settled.committed_by.0,
                term: settled.term.0,
            },
            Attempt::Nowhere => ProposeReplyV1::NotLeader { leader: leader() },
            Attempt::DiskFull(because) => ProposeReplyV1::DiskFull { because },
            Attempt::Doubtful | Attempt::Stopped => ProposeReplyV1::Unknown { leader: leader() },
        }
    }
}

/// Planted: the same proposal as if it were another one.
fn under_another_name(payload: &Bytes) -> Bytes {
    let proposal = Proposal::decode(payload).expect("it was encoded here");
    Proposal { request: new_request(), ..proposal }.encode().into()
}

/// The bytes of a proposal whose time is too far ahead of ours, under our time; `None`: it is not. Its maker may
/// not have heard other clocks yet.
fn in_our_time(now: Timestamp, proposal: Proposal) -> Option<Bytes> {
    (proposal.at > now.plus_ms(AHEAD_MAX_MS))
        .then(|| Proposal { at: now, ..proposal }.encode().into())
}

fn attempt_of(reply: ProposeReplyV1) -> Attempt {
    match reply {
        ProposeReplyV1::Settled { answer, committed_by, term } => match Answer::decode(&answer) {
            Some(answer) => Attempt::Settled(Settled {
                answer,
                committed_by: ManagerId(committed_by),
                term: Term(term),
            }),
            None => Attempt::Doubtful,
        },
        ProposeReplyV1::NotLeader { .. } => Attempt::Nowhere,
        ProposeReplyV1::Unknown { .. } => Attempt::Doubtful,
        ProposeReplyV1::DiskFull { because } => Attempt::DiskFull(because),
    }
}

fn new_request() -> RequestId {
    RequestId::new(Uuid::new_v4().to_string()).expect("a uuid is short visible ASCII")
}

fn fingerprint(command: &Command) -> Digest {
    let bytes = bincode::serde::encode_to_vec(command, bincode::config::standard())
        .expect("commands are plain data");
    Digest::of(&bytes)
}

/// Tells the time of a member's host.
pub type WallClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The wall clock. Everything below this module takes the time it is given.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let ms = since.map_or(0, |since| since.as_millis());
    Timestamp(u64::try_from(ms).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::access::model as access;

    #[test]
    fn a_proposal_from_the_future_enters_the_log_under_the_leaders_time() {
        let now = Timestamp(1_795_000_000_000);
        let at = |at| Proposal {
            at,
            by: Actor::Anonymous,
            via: ManagerId(2),
            source: None,
            request: new_request(),
            fingerprint: Digest::default(),
            fence: None,
            reason: None,
            command: access::Command::CountFailure { username: "ann".into() }.into(),
        };
        assert_eq!(in_our_time(now, at(now.plus_ms(AHEAD_MAX_MS))), None);
        let future = at(now.plus_ms(AHEAD_MAX_MS + 1));
        let taken = in_our_time(now, future.clone()).unwrap();
        assert_eq!(Proposal::decode(&taken), Ok(Proposal { at: now, ..future }));
    }
}
