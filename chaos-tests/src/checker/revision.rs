//! One revision counter for everything: unique, growing in real time, and told the same by readers (promise 36; invariant
//! I2).

use std::collections::HashMap;

use serde_json::json;

use super::{Finding, Objection};
use crate::history::{Action, Operation, Outcome};

const CHECK: &str = "revision";

/// Judges the revisions of all acknowledged calls on all keys.
pub fn check(operations: &[Operation]) -> Finding {
    let changes: Vec<_> =
        operations.iter().filter(|operation| operation.outcome == Outcome::Done).collect();
    if changes.is_empty() {
        return Finding::unknown(CHECK, "nothing was changed");
    }
    let mut against = without_revision(&changes);
    against.extend(used_twice(&changes));
    against.extend(gone_back(operations));
    against.extend(told_otherwise(operations, &changes));
    let last = changes.iter().filter_map(|change| change.rev).max();
    Finding::shown(CHECK, against, json!({ "changes": changes.len(), "last": last }))
}

/// What these calls show together, once the last of them has ended.
fn objection(because: String, calls: &[&Operation]) -> Objection {
    let shown = calls.iter().map(|call| call.returned).max().unwrap_or(u64::MAX);
    Objection { because, shown, lines: calls.iter().map(|call| call.index).collect() }
}

fn without_revision(changes: &[&Operation]) -> Vec<Objection> {
    let lacking = changes.iter().filter(|change| change.rev.is_none());
    let tell = |change: &&Operation| {
        objection(format!("#{} was acknowledged without a revision", change.index), &[*change])
    };
    lacking.map(tell).collect()
}

fn used_twice(changes: &[&Operation]) -> Vec<Objection> {
    let mut owners: HashMap<u64, &Operation> = HashMap::new();
    let revisions = changes.iter().filter_map(|change| Some((change.rev?, *change)));
    revisions
        .filter_map(|(rev, change)| {
            let other = owners.insert(rev, change)?;
            let (one, second) = (other.index, change.index);
            let because = format!("revision {rev} was given to #{one} and to #{second}");
            Some(objection(because, &[other, change]))
        })
        .collect()
}

/// Whoever begins after another has ended gets a higher revision, or reads at no lower one.
fn gone_back(operations: &[Operation]) -> Vec<Objection> {
    let ended = operations.iter().filter(|operation| operation.returned < u64::MAX);
    let mut ends: Vec<_> = ended
        .filter_map(|operation| Some((operation.returned, operation.rev?, operation)))
        .collect();
    ends.sort_unstable_by_key(|(returned, rev, _)| (*returned, *rev));
    let mut begins: Vec<_> =
        operations.iter().filter(|operation| operation.rev.is_some()).collect();
    begins.sort_unstable_by_key(|operation| operation.invoked);
    let (mut highest, mut teller, mut ends) = (0, None, ends.into_iter().peekable());
    let mut against = Vec::new();
    for operation in begins {
        while let Some((_, rev, end)) =
            ends.next_if(|(returned, _, _)| *returned < operation.invoked)
        {
            if rev > highest {
                (highest, teller) = (rev, Some(end));
            }
        }
        let Some(rev) = operation.rev else { continue };
        let back = if operation.outcome == Outcome::Done { rev <= highest } else { rev < highest };
        if back {
            let index = operation.index;
            let because = format!("#{index} began after revision {highest} was told and got {rev}");
            let calls: Vec<&Operation> = teller.into_iter().chain([operation]).collect();
            against.push(objection(because, &calls));
        }
    }
    against
}

/// A value read carries the revision at which it was written.
fn told_otherwise(operations: &[Operation], changes: &[&Operation]) -> Vec<Objection> {
    let written: HashMap<u64, &Operation> = changes
        .iter()
        .filter_map(|change| match change.action {
            Action::Write(value) | Action::Add(value) | Action::Cas { new: value, .. } => {
                Some((value, *change))
            }
            Action::Read | Action::Delete => None,
        })
        .collect();
    operations
        .iter()
        .filter_map(|operation| {
            let Outcome::Seen(Some(value)) = operation.outcome else { return None };
            let write = *written.get(&value)?;
            let (told, rev) = (operation.mod_rev?, write.rev?);
            let index = operation.index;
            let tell = || format!("#{index} read {value} of revision {told}; it is of {rev}");
            (told != rev).then(|| objection(tell(), &[write, operation]))
        })
        .collect()
}
