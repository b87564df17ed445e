//! The audit record and its hash chain.

use raft_store::machine::Row;
use serde::{Deserialize, Serialize};

use crate::base::text::cut;
use crate::base::{Digest, ManagerId, Revision, Term, Timestamp};
use crate::machine::{Actor, Moment, Outcome, Proposal, State, Trace, history_bytes, tables};

/// Longest object in a record, in bytes; longer ones are cut.
pub const OBJECT_MAX_BYTES: usize = 512;
/// Longest before and after in a record, in bytes; longer ones are cut.
pub const VALUE_MAX_BYTES: usize = 4_096;

/// One line of the audit, as it is kept under its revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Hash of the record before this one.
    pub previous: Digest,
    /// Where it stands in the log.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
    /// Who, as people read it.
    pub by: String,
    /// Their role, if they had one.
    pub role: Option<String>,
    /// What was done to what.
    pub trace: Trace,
    /// The refusal's code; `None`: it was done.
    pub refused: Option<String>,
    /// Why, in the asker's words.
    pub reason: Option<String>,
    /// From which address.
    pub source: Option<String>,
    /// The Manager that took the request in.
    pub via: ManagerId,
    /// The term it was committed in.
    pub term: Term,
    /// The request's name.
    pub request: String,
}

/// What has to be seen before the command changes it.
pub struct Before {
    role: Option<String>,
    trace: Option<Trace>,
}

impl Before {
    /// Looks at who asks, while the facts are still as they were.
    pub fn of(state: &State, by: &Actor, trace: Option<Trace>) -> Self {
        let role = match by {
            Actor::User(name) => state.access.users.get(name).map(|user| user.role),
            Actor::Token(name) => state
                .access
                .tokens
                .values()
                .find(|token| token.name == *name)
                .map(|token| token.role),
            Actor::Manager(_) | Actor::Anonymous => None,
        };
        Self { role: role.map(|role| role.as_str().to_owned()), trace }
    }
}

impl AuditRecord {
    /// The hash that the next record names.
    pub fn hash(&self) -> Digest {
        Digest::of(&history_bytes(self))
    }
}

/// A refused command may have brought texts of any length; its record must fit into a row all the same.
fn bounded(trace: Trace) -> Trace {
    let within = |text: String, max: usize| if text.len() <= max { text } else { cut(&text, max) };
    let value = |text: Option<String>| text.map(|text| within(text, VALUE_MAX_BYTES));
    Trace {
        action: trace.action,
        object: within(trace.object, OBJECT_MAX_BYTES),
        before: value(trace.before),
        after: value(trace.after),
        refused: trace.refused,
    }
}

/// The audit's row for a judged proposal; moves the head of the chain. No row for inner bookkeeping.
pub fn record(
    head: &mut Digest,
    moment: &Moment,
    proposal: &Proposal,
    before: Before,
    outcome: &Outcome,
) -> Option<Row> {
    let trace = bounded(before.trace?);
    let record = AuditRecord {
        previous: *head,
        revision: moment.revision,
        at: moment.at,
        by: moment.by.to_string(),
        role: before.role,
        refused: match outcome {
            Outcome::Committed => trace.refused.map(str::to_owned),
            Outcome::Refused(refusal) => Some(refusal.code.as_str().to_owned()),
        },
        trace,
        reason: moment.reason.clone(),
        source: proposal.source.clone(),
        via: moment.via,
        term: moment.term,
        request: moment.request.to_string(),
    };
    let value = history_bytes(&record);
    *head = Digest::of(&value);
    Some(Row { table: tables::AUDIT, key: Vec::new(), value })
}
