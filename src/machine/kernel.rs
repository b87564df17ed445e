//! What the machine keeps for itself: where it stands, what time it is, and the answers it has given.

use std::collections::BTreeMap;

use raft_store::planted::{Bug, planted};
use serde::{Deserialize, Serialize};

use super::{Event, LEVEL_MAX, Level};
use crate::base::{Digest, Refusal, RequestId, Revision, Timestamp};
use crate::capabilities::managers::model as managers;

/// How many answered requests are remembered. At 500 changes a second that is half a minute, far longer than
/// any client retries; at an operator's pace it is days.
pub const REQUESTS_KEPT: usize = 16_384;

/// The machine's own facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// The last entry applied.
    pub revision: Revision,
    /// The latest time any proposal carried.
    pub clock: Timestamp,
    /// The feature level all members have agreed to speak.
    pub level: Level,
    /// Head of the audit's hash chain.
    pub audit_head: Digest,
    /// By the digest of the request's name: as good as the name, and a fraction of its size.
    answered: BTreeMap<Digest, Answered>,
    answered_order: BTreeMap<Revision, Digest>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Answered {
    fingerprint: Digest,
    revision: Revision,
    outcome: Outcome,
}

/// What the group answers to a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Where the request was first judged.
    pub revision: Revision,
    /// What came of it.
    pub outcome: Outcome,
    /// Whether this is the answer of an earlier proposal of the same request.
    pub repeated: bool,
}

/// Yes or no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Done, and durable on a majority.
    Committed,
    /// Refused; nothing changed.
    Refused(Refusal),
}

/// What is known of a request id when it is asked again.
pub(super) enum Asked {
    Never,
    Before(Answer),
    WithAnotherBody,
}

impl Answer {
    /// The bytes of the answer, as they travel through Raft.
    pub fn encode(&self) -> Vec<u8> {
        bincode::serde::encode_to_vec(self, bincode::config::standard())
            .expect("an answer is plain data")
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let config = bincode::config::standard().with_limit::<{ 64 << 10 }>();
        let (answer, read) = bincode::serde::decode_from_slice(bytes, config).ok()?;
        (read == bytes.len()).then_some(answer)
    }

    /// The refusal, if it is one.
    pub fn into_result(self) -> Result<Revision, Refusal> {
        match self.outcome {
            Outcome::Committed => Ok(self.revision),
            Outcome::Refused(refusal) => Err(refusal),
        }
    }
}

impl Kernel {
    /// The answer given to a request, while it is remembered.
    pub fn answer_to(&self, request: &RequestId) -> Option<Answer> {
        let seen = self.answered.get(&named(request))?;
        Some(Answer { revision: seen.revision, outcome: seen.outcome.clone(), repeated: true })
    }

    /// The answer given to a request, while it is remembered, if it was asked in the same way.
    pub fn answer_as_asked(&self, request: &RequestId, fingerprint: &Digest) -> Option<Answer> {
        match self.asked(request, fingerprint) {
            Asked::Before(answer) => Some(answer),
            Asked::Never | Asked::WithAnotherBody => None,
        }
    }

    /// The one thing a room decides that the machine keeps: the feature level.
    pub(super) fn evolve(&mut self, event: &Event) {
        if let Event::Managers(managers::Event::LevelRaised { level }) = event {
            assert!(
                *level <= LEVEL_MAX,
                "the group agreed on feature level {}, this build speaks {}",
                level.0,
                LEVEL_MAX.0
            );
            self.level = *level;
        }
    }

    /// Planted: forgets every request.
    pub(super) fn forget(&mut self) {
        (self.answered, self.answered_order) = Default::default();
    }

    pub(super) fn asked(&self, request: &RequestId, fingerprint: &Digest) -> Asked {
        match self.answered.get(&named(request)).filter(|_| !planted(Bug::NoDedupe)) {
            None => Asked::Never,
            Some(seen) if seen.fingerprint != *fingerprint => Asked::WithAnotherBody,
            Some(seen) => Asked::Before(Answer {
                revision: seen.revision,
                outcome: seen.outcome.clone(),
                repeated: true,
            }),
        }
    }

    pub(super) fn remember(
        &mut self,
        request: &RequestId,
        fingerprint: Digest,
        revision: Revision,
        outcome: Outcome,
    ) {
        let request = named(request);
        self.answered_order.insert(revision, request);
        self.answered.insert(request, Answered { fingerprint, revision, outcome });
        while self.answered.len() > REQUESTS_KEPT {
            let Some((_, oldest)) = self.answered_order.pop_first() else { break };
            self.answered.remove(&oldest);
        }
    }
}

fn named(request: &RequestId) -> Digest {
    Digest::of(request.as_str().as_bytes())
}
