//! Whoever watches is told every change, in order, once, and nothing that was not committed (rows 55, 85; invariant I7).
//!
//! A watcher that comes back, to the same Manager or another, says how far it was and is told what came after. Told to read everything again
//! (`resync`), it starts anew at a revision, and what lies between is not owed. Values are unique, so a told value
//! names the write it comes from.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::Finding;
use crate::history::{Action, Line, Operation, Outcome};
use crate::workload::watch::NAME;

const CHECK: &str = "watch";
const FILE: &str = "custom/";

/// What one watcher was told, and which revisions it was owed.
#[derive(Default)]
struct Told {
    /// What happened to a key at a revision: its new value; `None`: it was deleted.
    events: BTreeMap<(u64, String), Option<u64>>,
    /// Spans of revisions, each from the one after the first to the second.
    spans: Vec<(u64, u64)>,
    /// Where the present span began; nothing is owed before the first event.
    began: Option<u64>,
    /// The newest revision it was told of.
    newest: u64,
    resyncs: u64,
}

/// Judges all watchers.
pub fn check(operations: &[Operation], lines: &[Line]) -> Finding {
    let mut because = Vec::new();
    let mut watchers: BTreeMap<&str, Told> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.is_by(NAME)) {
        let Some(name) = line.key.as_deref() else { continue };
        because.extend(hear(watchers.entry(name).or_default(), name, line));
    }
    if watchers.values().all(|told| told.events.is_empty()) {
        return Finding::unknown(CHECK, "no watcher was told of any change");
    }
    watchers.values_mut().for_each(Told::close);
    let writes = writes(operations);
    for (name, told) in &watchers {
        because.extend(unowed(name, told, &writes));
        because.extend(missed(name, told, operations));
    }
    because.extend(disagreements(&watchers));
    let count = |of: fn(&Told) -> u64| watchers.values().map(of).sum::<u64>();
    let facts = json!({
        "watchers": watchers.len(),
        "events": count(|told| told.events.len() as u64),
        "resyncs": count(|told| told.resyncs),
    });
    Finding::against(CHECK, because, facts)
}

impl Told {
    /// Ends the present span.
    fn close(&mut self) {
        self.spans.extend(self.began.take().map(|began| (began, self.newest)));
    }

    fn owes(&self, revision: u64) -> bool {
        self.spans.iter().any(|(after, to)| *after < revision && revision <= *to)
    }
}

/// The newest revision that every watcher has to be told of: of a change that was acknowledged. A read tells a revision
/// too, at which something else may have changed.
pub fn last_owed(operations: &[Operation]) -> u64 {
    let changes = operations.iter().filter(|operation| operation.outcome == Outcome::Done);
    changes.filter_map(|change| change.rev).max().unwrap_or(0)
}

/// Takes a line in; what is wrong with it.
fn hear(told: &mut Told, name: &str, line: &Line) -> Option<String> {
    let number = |field: &str| line.value[field].as_u64();
    match line.f.as_str() {
        "resync" => {
            told.resyncs += 1;
            told.close();
            told.newest = number("revision").unwrap_or(told.newest).max(told.newest);
            told.began = Some(told.newest);
            None
        }
        "event" => {
            let revision = number("rev")?;
            let key = line.value["subject"].as_str()?.strip_prefix(FILE)?.to_owned();
            told.began.get_or_insert(revision - 1);
            let late = revision < told.newest;
            told.newest = told.newest.max(revision);
            let value = value_of(&line.value["value"]);
            let before = told.events.insert((revision, key.clone()), value);
            let place = || {
                let node = line.node.unwrap_or(0);
                format!("{name}, by Manager {node}: {key} at revision {revision}")
            };
            if late {
                return Some(format!("{} came after revision {}", place(), told.newest));
            }
            // Cut off within a revision it is told all of it again, and the same.
            before
                .filter(|before| *before != value)
                .map(|before| format!("{} was told as {before:?} and as {value:?}", place()))
        }
        "end" => {
            let (after, owed) = (number("after").unwrap_or(0), number("owed").unwrap_or(0));
            let ended = || format!("{name} was told no more after revision {after} of {owed}");
            (after < owed).then(ended)
        }
        _ => None,
    }
}

fn value_of(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
}

/// Who wrote which value to which key.
fn writes(operations: &[Operation]) -> HashMap<(&str, u64), &Operation> {
    let written = operations.iter().filter_map(|operation| match operation.action {
        Action::Write(value) | Action::Add(value) | Action::Cas { new: value, .. } => {
            Some(((operation.key.as_str(), value), operation))
        }
        Action::Read | Action::Delete => None,
    });
    written.collect()
}

/// What was told and did not happen.
fn unowed<'a>(
    name: &'a str,
    told: &'a Told,
    writes: &'a HashMap<(&str, u64), &Operation>,
) -> impl Iterator<Item = String> + 'a {
    told.events.iter().filter_map(move |((revision, key), value)| {
        let write = writes.get(&(key.as_str(), (*value)?))?;
        let happened = match write.outcome {
            Outcome::Done => write.rev.is_none_or(|rev| rev == *revision),
            Outcome::Unknown => true,
            Outcome::Refused | Outcome::Failed | Outcome::Seen(_) => false,
        };
        (!happened).then(|| {
            format!(
                "{name} was told that {key} became {value:?} at revision {revision}, but the write ended {:?} with {:?}",
                write.outcome, write.rev
            )
        })
    })
}

/// What was acknowledged and not told.
fn missed<'a>(
    name: &'a str,
    told: &'a Told,
    operations: &'a [Operation],
) -> impl Iterator<Item = String> + 'a {
    operations.iter().filter_map(move |operation| {
        let value = match operation.action {
            Action::Write(value) | Action::Add(value) | Action::Cas { new: value, .. } => {
                Some(value)
            }
            Action::Delete => None,
            Action::Read => return None,
        };
        let revision = operation.rev.filter(|_| operation.outcome == Outcome::Done)?;
        if !told.owes(revision) {
            return None;
        }
        let heard = told.events.get(&(revision, operation.key.clone()));
        (heard != Some(&value)).then(|| {
            format!(
                "{name} was not told that {} became {value:?} at revision {revision}: {heard:?}",
                operation.key
            )
        })
    })
}

/// What one was told and another, who was owed it, was not.
fn disagreements(watchers: &BTreeMap<&str, Told>) -> Vec<String> {
    let mut because = Vec::new();
    for (one, told) in watchers {
        for (other, others) in watchers.iter().filter(|(other, _)| *other != one) {
            for ((revision, key), value) in &told.events {
                let heard = others.events.get(&(*revision, key.clone()));
                if others.owes(*revision) && heard != Some(value) {
                    because.push(format!(
                        "at revision {revision} {one} was told {key} = {value:?}, {other}: {heard:?}"
                    ));
                }
            }
        }
    }
    because
}
