//! Judging one committed entry: the only way facts change.

use raft_store::machine::{Committed, Row};
use raft_store::planted::{Bug, planted};
use serde::{Deserialize, Serialize};

use super::kernel::Asked;
use super::level::understood;
use super::{Answer, Event, Moment, Outcome, Proposal, State};
use crate::base::{Code, Epoch, ManagerId, Refusal, Revision, Term, Timestamp};
use crate::capabilities::audit::model as audit;
use crate::capabilities::managers::model as managers;

/// What applying one entry brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The answer for the proposer; `None` for Raft's own entries.
    pub answer: Option<Answer>,
    /// History rows to keep beside the facts.
    pub rows: Vec<Row>,
    /// What happened, for the feed; `None` when nothing did.
    pub change: Option<Change>,
}

/// What happened at one revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Where.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
    /// Who asked, as people read it.
    pub by: String,
    /// What, in order; never empty.
    pub events: Vec<Event>,
}

/// Applies one committed entry to the facts.
///
/// # Panics
/// When the entry does not follow the last one, or is no proposal this build understands, or raises the group
/// to a level this build does not speak: going on would let the members drift apart, so this process stops and
/// leaves the group to the others.
pub fn apply(state: &mut State, entry: &Committed) -> Applied {
    let revision = Revision(entry.index);
    let last = state.kernel.revision;
    let follows = revision.0 == last.0 + 1 || (revision, last) == (Revision(0), Revision(0));
    assert!(follows, "entry {revision} does not follow {last}, the last one applied");
    state.kernel.revision = revision;
    let Some(payload) = &entry.payload else {
        return Applied { answer: None, rows: Vec::new(), change: None };
    };
    let proposal = Proposal::decode(payload).unwrap_or_else(|error| {
        panic!("entry {revision} cannot be applied by this build: {error}")
    });
    judge(state, entry, proposal)
}

fn judge(state: &mut State, entry: &Committed, proposal: Proposal) -> Applied {
    let revision = Revision(entry.index);
    if let Err(refusal) = proposal.bounded() {
        return silent(Answer { revision, outcome: Outcome::Refused(refusal), repeated: false });
    }
    match state.kernel.asked(&proposal.request, &proposal.fingerprint) {
        Asked::Before(answer) => return silent(answer),
        Asked::WithAnotherBody => {
            let detail = "This request id was used for another request.";
            let outcome = Outcome::Refused(Refusal::new(Code::KeyReused, detail));
            return silent(Answer { revision, outcome, repeated: false });
        }
        Asked::Never => {}
    }
    state.kernel.clock = state.kernel.clock.max(proposal.at);
    let moment = moment_of(state, entry, &proposal);
    let before = audit::Before::of(state, &proposal.by, proposal.command.trace(state));
    let (outcome, events) = match decide(state, &moment, &proposal) {
        Ok(events) => (Outcome::Committed, events),
        Err(refusal) => (Outcome::Refused(refusal), Vec::new()),
    };
    let mut rows = Vec::new();
    for event in &events {
        state.evolve(&moment, event);
        state.kernel.evolve(event);
        if planted(Bug::SessionLostAtFailover) && began_a_tenure(event) {
            state.access.sessions.clear();
        }
        rows.extend(event.rows(&moment));
    }
    rows.extend(audit::record(&mut state.kernel.audit_head, &moment, &proposal, before, &outcome));
    state.kernel.remember(&proposal.request, proposal.fingerprint, revision, outcome.clone());
    let change = (!events.is_empty()).then(|| Change {
        revision,
        at: moment.at,
        by: moment.by.to_string(),
        events,
    });
    Applied { answer: Some(Answer { revision, outcome, repeated: false }), rows, change }
}

fn decide(state: &State, moment: &Moment, proposal: &Proposal) -> Result<Vec<Event>, Refusal> {
    fence_holds(state, proposal.fence)?;
    understood(&state.kernel, &proposal.command)?;
    proposal.command.decide(state, moment)
}

fn began_a_tenure(event: &Event) -> bool {
    matches!(event, Event::Managers(managers::Event::BecameActive(_)))
}

/// A repeat is answered and leaves no trace: the first one did. Nor does what no Manager would have proposed.
fn silent(answer: Answer) -> Applied {
    Applied { answer: Some(answer), rows: Vec::new(), change: None }
}

fn moment_of(state: &State, entry: &Committed, proposal: &Proposal) -> Moment {
    Moment {
        revision: Revision(entry.index),
        term: Term(entry.term),
        leader: ManagerId(entry.leader),
        at: state.kernel.clock,
        by: proposal.by.clone(),
        via: proposal.via,
        request: proposal.request.clone(),
        reason: proposal.reason.clone(),
    }
}

fn fence_holds(state: &State, fence: Option<Epoch>) -> Result<(), Refusal> {
    let current = state.managers.epoch();
    match fence {
        Some(epoch) if epoch != current => {
            let detail = format!("Decided in tenure {epoch}, but {current} is in force.");
            Err(Refusal::new(Code::StaleEpoch, detail))
        }
        Some(_) | None => Ok(()),
    }
}
