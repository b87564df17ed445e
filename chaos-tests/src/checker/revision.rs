//! One revision counter for everything: unique, growing in real time, told the same by readers, and never lower as a Manager
//! tells its own while its process lives (promise 36; invariant I2).
//!
//! A change of unknown outcome has no revision that anybody knows, so nothing is held against it, nor by it.

use std::collections::{BTreeMap, HashMap};

use serde_json::json;

use super::calls::{Call, End, calls};
use super::{Finding, Objection, own_revision};
use crate::history::{Action, Line, Operation, Outcome};

const CHECK: &str = "revision";
/// Calls besides those on registers, the set and lists that change something under a request id. A repetition changes nothing more.
const REQUESTS: [&str; 4] = ["ask", "again", "login", "logout"];

/// A change that was acknowledged.
#[derive(Clone, Copy)]
struct Change<'a> {
    /// Number of the line that asked for it first.
    line: u64,
    key: &'a str,
    rev: Option<u64>,
    invoked: u64,
    returned: u64,
}

/// Judges the revisions of all acknowledged calls, whoever's and whatever they change.
pub fn check(operations: &[Operation], lines: &[Line]) -> Finding {
    let done: Vec<&Operation> =
        operations.iter().filter(|operation| operation.outcome == Outcome::Done).collect();
    let requests = calls(lines, &REQUESTS);
    let mut changes: Vec<Change<'_>> = done.iter().copied().map(of_operation).collect();
    changes.extend(of_requests(&requests));
    if changes.is_empty() {
        return Finding::unknown(CHECK, "nothing was changed");
    }
    let mut against = without_revision(&changes, operations);
    against.extend(used_twice(&changes));
    against.extend(gone_back(&changes, operations));
    against.extend(told_otherwise(operations, &done));
    against.extend(stale(operations, &changes));
    against.extend(own_revision::gone_back(lines));
    let last = changes.iter().filter_map(|change| change.rev).max();
    Finding::shown(CHECK, against, json!({ "changes": changes.len(), "last": last }))
}

fn of_operation(operation: &Operation) -> Change<'_> {
    let Operation { index: line, ref key, rev, invoked, returned, .. } = *operation;
    Change { line, key, rev, invoked, returned }
}

/// What came of requests that are repeated: one change each, which may have been made as soon as the request was first sent, and is
/// told once the first has its answer. Done anew because it was forgotten, it is another change.
fn of_requests<'a>(requests: &'a [Call<'_>]) -> Vec<Change<'a>> {
    let mut first: HashMap<&str, (u64, u64)> = HashMap::new();
    let mut changes: BTreeMap<(&str, Option<u64>), Change<'_>> = BTreeMap::new();
    for call in requests {
        let Some(req) = call.req else { continue };
        let (invoked, line) = *first.entry(req).or_insert((call.invoked, call.index));
        let End::Done { rev, .. } = call.end else { continue };
        let returned = call.returned;
        let new = Change { line, key: call.key, rev, invoked, returned };
        let change = changes.entry((req, rev)).or_insert(new);
        change.returned = change.returned.min(returned);
    }
    changes.into_values().collect()
}

/// What these calls show together, once the last of them has ended: numbers of the lines that begin them, and when each ended.
fn objection(because: String, calls: &[(u64, u64)]) -> Objection {
    let shown = calls.iter().map(|(_, returned)| *returned).max().unwrap_or(u64::MAX);
    Objection { because, shown, lines: calls.iter().map(|(line, _)| *line).collect() }
}

/// Whoever changes is told a revision, and so is whoever reads what there is. Where there is nothing, the answer is a refusal, and has
/// none of its own.
fn without_revision(changes: &[Change<'_>], operations: &[Operation]) -> Vec<Objection> {
    let lacking = changes.iter().filter(|change| change.rev.is_none());
    let lacking = lacking.map(|it| ("acknowledged", it.line, it.returned));
    let read = |it: &&Operation| matches!(it.outcome, Outcome::Seen(Some(_))) && it.rev.is_none();
    let unread = operations.iter().filter(read).map(|it| ("read", it.index, it.returned));
    let tell = |(done, line, returned): (&str, u64, u64)| {
        objection(format!("#{line} was {done} without a revision"), &[(line, returned)])
    };
    lacking.chain(unread).map(tell).collect()
}

fn used_twice(changes: &[Change<'_>]) -> Vec<Objection> {
    let mut owners: HashMap<u64, &Change<'_>> = HashMap::new();
    let revisions = changes.iter().filter_map(|change| Some((change.rev?, change)));
    revisions
        .filter_map(|(rev, change)| {
            let other = owners.insert(rev, change)?;
            let (one, second) = (other.line, change.line);
            let because = format!("revision {rev} was given to #{one} and to #{second}");
            Some(objection(because, &[(one, other.returned), (second, change.returned)]))
        })
        .collect()
}

/// A call that told a revision.
#[derive(Clone, Copy)]
struct Teller {
    line: u64,
    rev: u64,
    invoked: u64,
    returned: u64,
    /// A change takes a revision of its own; a read is told which there is.
    changes: bool,
}

fn tellers(changes: &[Change<'_>], operations: &[Operation]) -> Vec<Teller> {
    let changed = changes.iter().filter_map(|change| {
        let Change { line, rev, invoked, returned, .. } = *change;
        Some(Teller { line, rev: rev?, invoked, returned, changes: true })
    });
    let reads = operations.iter().filter(|operation| operation.outcome != Outcome::Done);
    let read = reads.filter_map(|read| {
        let Operation { index: line, rev, invoked, returned, .. } = *read;
        Some(Teller { line, rev: rev?, invoked, returned, changes: false })
    });
    changed.chain(read).collect()
}

/// Whoever begins after another has ended gets a higher revision, or reads at no lower one.
fn gone_back(changes: &[Change<'_>], operations: &[Operation]) -> Vec<Objection> {
    let mut begins = tellers(changes, operations);
    let mut ends: Vec<Teller> =
        begins.iter().filter(|teller| teller.returned < u64::MAX).copied().collect();
    ends.sort_unstable_by_key(|teller| (teller.returned, teller.rev));
    begins.sort_unstable_by_key(|teller| teller.invoked);
    let (mut newest, mut ends): (Option<Teller>, _) = (None, ends.into_iter().peekable());
    let mut against = Vec::new();
    for begun in begins {
        while let Some(end) = ends.next_if(|end| end.returned < begun.invoked) {
            if newest.is_none_or(|newest| end.rev > newest.rev) {
                newest = Some(end);
            }
        }
        let Some(teller) = newest else { continue };
        let (rev, highest, line) = (begun.rev, teller.rev, begun.line);
        let back = if begun.changes { rev <= highest } else { rev < highest };
        if back {
            let because = format!("#{line} began after revision {highest} was told and got {rev}");
            let calls = [(teller.line, teller.returned), (line, begun.returned)];
            against.push(objection(because, &calls));
        }
    }
    against
}

/// Who reads at a revision is shown the newest change up to it, and none after it: whatever else was acknowledged of the key,
/// whenever that was.
fn stale(operations: &[Operation], changes: &[Change<'_>]) -> Vec<Objection> {
    let mut of_key: HashMap<&str, BTreeMap<u64, &Change<'_>>> = HashMap::new();
    for change in changes {
        if let Some(rev) = change.rev {
            of_key.entry(change.key).or_default().insert(rev, change);
        }
    }
    let reads = operations.iter().filter_map(|read| {
        let Outcome::Seen(Some(_)) = read.outcome else { return None };
        Some((read, read.rev?, read.mod_rev?))
    });
    reads
        .filter_map(|(read, rev, told)| {
            let (line, key, own) = (read.index, &read.key, (read.index, read.returned));
            if told > rev {
                let because = format!("#{line} read {key} at revision {rev} as of {told}");
                return Some(objection(because, &[own]));
            }
            let newest = of_key.get(key.as_str())?.range(..=rev).next_back();
            newest.filter(|(newest, _)| **newest > told).map(|(newer, change)| {
                let because = format!(
                    "#{line} read {key} at revision {rev} as of {told}; #{} changed it at {newer}",
                    change.line
                );
                objection(because, &[(change.line, change.returned), own])
            })
        })
        .collect()
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
            let calls = [(write.index, write.returned), (index, operation.returned)];
            (told != rev).then(|| objection(tell(), &calls))
        })
        .collect()
}
