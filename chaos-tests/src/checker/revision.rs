//! One revision counter for everything: unique, growing in real time, and told the same by readers.

use std::collections::HashMap;

use serde_json::json;

use super::Finding;
use crate::history::{Action, Operation, Outcome};

/// Judges the revisions of all acknowledged calls on all keys.
pub fn check(operations: &[Operation]) -> Finding {
    let changes: Vec<_> =
        operations.iter().filter(|operation| operation.outcome == Outcome::Done).collect();
    let mut because = without_revision(&changes);
    because.extend(used_twice(&changes));
    because.extend(gone_back(operations));
    because.extend(told_otherwise(operations, &changes));
    let last = changes.iter().filter_map(|change| change.rev).max();
    Finding::against("revision", because, json!({ "changes": changes.len(), "last": last }))
}

fn without_revision(changes: &[&Operation]) -> Vec<String> {
    let lacking = changes.iter().filter(|change| change.rev.is_none());
    lacking.map(|change| format!("#{} was acknowledged without a revision", change.index)).collect()
}

fn used_twice(changes: &[&Operation]) -> Vec<String> {
    let mut owners: HashMap<u64, u64> = HashMap::new();
    let revisions = changes.iter().filter_map(|change| Some((change.rev?, change.index)));
    revisions
        .filter_map(|(rev, index)| {
            let other = owners.insert(rev, index)?;
            Some(format!("revision {rev} was given to #{other} and to #{index}"))
        })
        .collect()
}

/// Whoever begins after another has ended gets a higher revision, or reads at no lower one.
fn gone_back(operations: &[Operation]) -> Vec<String> {
    let ended = operations.iter().filter(|operation| operation.returned < u64::MAX);
    let mut ends: Vec<_> =
        ended.filter_map(|operation| Some((operation.returned, operation.rev?))).collect();
    ends.sort_unstable();
    let mut begins: Vec<_> =
        operations.iter().filter(|operation| operation.rev.is_some()).collect();
    begins.sort_unstable_by_key(|operation| operation.invoked);
    let (mut highest, mut ends) = (0, ends.into_iter().peekable());
    let mut because = Vec::new();
    for operation in begins {
        while let Some((_, rev)) = ends.next_if(|(returned, _)| *returned < operation.invoked) {
            highest = highest.max(rev);
        }
        let Some(rev) = operation.rev else { continue };
        let back = if operation.outcome == Outcome::Done { rev <= highest } else { rev < highest };
        if back {
            let index = operation.index;
            because.push(format!("#{index} began after revision {highest} was told and got {rev}"));
        }
    }
    because
}

/// A value read carries the revision at which it was written.
fn told_otherwise(operations: &[Operation], changes: &[&Operation]) -> Vec<String> {
    let written: HashMap<u64, u64> = changes
        .iter()
        .filter_map(|change| match change.action {
            Action::Write(value) | Action::Add(value) | Action::Cas { new: value, .. } => {
                Some((value, change.rev?))
            }
            Action::Read | Action::Delete => None,
        })
        .collect();
    operations
        .iter()
        .filter_map(|operation| {
            let Outcome::Seen(Some(value)) = operation.outcome else { return None };
            let (told, rev) = (operation.mod_rev?, *written.get(&value)?);
            let index = operation.index;
            (told != rev)
                .then(|| format!("#{index} read {value} of revision {told}; it is of {rev}"))
        })
        .collect()
}
