//! Whoever watches is told every change, in order, once, and nothing that was not committed (rows 55, 85; invariant I7).
//!
//! A watcher that comes back, to the same Manager or another, says how far it was and is told what came after. Told to read everything again
//! (`resync`), it starts anew at a revision, and what lies between is not owed; whether it had to be is judged in `sent_back`. Values are
//! unique, so a told value names the write it comes from.
//!
//! Judged against what clients asked for, against what was acknowledged, against each other, and against the committed log
//! as far as it was read at the end: what each property was, revision by revision.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::calls::{Call, End, calls};
use super::sent_back::sent_back;
use super::told::{FRESH, Heard, Told, hear, value_of};
use super::{Finding, Objection, Valid};
use crate::history::{Action, Line, Operation, Outcome};
use crate::pasts;
use crate::workload::watch::NAME;

const CHECK: &str = "watch";
/// When of a hundred revisions that went by more than so many are not owed to watchers, too little was watched.
const EXCUSED_PERCENT: u64 = 25;

/// Judges all watchers.
pub fn check(operations: &[Operation], lines: &[Line]) -> Finding {
    let mut against = Vec::new();
    let mut watchers: BTreeMap<&str, Told> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.is_by(NAME)) {
        let Some(name) = line.key.as_deref() else { continue };
        against.extend(hear(watchers.entry(name).or_default(), name, line));
    }
    against.extend(odd_pasts(lines));
    // What is wrong already is.
    if against.is_empty() && watchers.values().all(|told| told.events.is_empty()) {
        return Finding::unknown(CHECK, "no watcher was told of any change");
    }
    watchers.values_mut().for_each(Told::close);
    let requests = calls(lines, &["ask", "again"]);
    let (asked, pasts) = (Asked::of(operations, &requests), pasts(lines));
    for (name, told) in &watchers {
        against.extend(unowed(name, told, &asked));
        against.extend(missed(name, told, operations));
        against.extend(unlike_the_log(name, told, &pasts));
    }
    against.extend(deletions_too_many(&watchers, &asked));
    against.extend(disagreements(&watchers));
    against.extend(sent_back(lines, operations));
    let count = |of: fn(&Told) -> u64| watchers.values().map(of).sum::<u64>();
    let (went_by, owed) = (count(Told::went_by), count(Told::owed));
    let facts = json!({
        "watchers": watchers.len(),
        "events": count(|told| told.events.len() as u64),
        "bookmarks": count(Told::bookmarks),
        "resyncs": count(|told| told.resyncs),
        "excused_percent": ((went_by - owed) * 100).checked_div(went_by),
        "pasts": pasts.len(),
    });
    let mut finding = Finding::shown(CHECK, against, facts);
    if finding.valid == Valid::Yes && (went_by - owed) * 100 > went_by * EXCUSED_PERCENT {
        finding.valid = Valid::Unknown;
        let because = format!(
            "of {went_by} revisions that went by {} were owed to nobody, for want of a whole stream",
            went_by - owed
        );
        finding.because.push(because);
    }
    finding
}

/// The newest revision that every watcher has to be told of: of a change that was acknowledged. A read tells a revision
/// too, at which something else may have changed.
pub fn last_owed(operations: &[Operation]) -> u64 {
    let changes = operations.iter().filter(|operation| operation.outcome == Outcome::Done);
    changes.filter_map(|change| change.rev).max().unwrap_or(0)
}

/// What somebody asked for: that a key gets a value, or is deleted.
#[derive(Clone, Copy, Debug)]
struct Change {
    /// Number of the line that asked.
    line: u64,
    invoked: u64,
    fate: Fate,
}

/// Whether it may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It was done, at this revision where one was told.
    Done(Option<u64>),
    Perhaps,
    /// It certainly was not done.
    Not,
}

/// Everything that clients asked for.
#[derive(Default)]
struct Asked<'a> {
    writes: HashMap<(&'a str, u64), Vec<Change>>,
    deletions: HashMap<&'a str, Vec<Change>>,
}

impl<'a> Asked<'a> {
    fn of(operations: &'a [Operation], requests: &'a [Call<'a>]) -> Self {
        let mut asked = Self::default();
        for operation in operations {
            let fate = match operation.outcome {
                Outcome::Done => Fate::Done(operation.rev),
                Outcome::Unknown => Fate::Perhaps,
                Outcome::Refused | Outcome::Failed | Outcome::Seen(_) => Fate::Not,
            };
            let change = Change { line: operation.index, invoked: operation.invoked, fate };
            if let Some(value) = written(operation.action) {
                asked.add(&operation.key, value, change);
            }
        }
        for call in requests {
            let fate = match call.end {
                End::Done { rev, .. } => Fate::Done(rev),
                End::Unknown => Fate::Perhaps,
                End::Not(_) => Fate::Not,
            };
            if let Ok(value) = value_of(call.key, call.value) {
                let change = Change { line: call.index, invoked: call.invoked, fate };
                asked.add(call.key, value, change);
            }
        }
        asked
    }

    fn add(&mut self, key: &'a str, value: Option<u64>, change: Change) {
        match value {
            Some(value) => self.writes.entry((key, value)).or_default().push(change),
            None => self.deletions.entry(key).or_default().push(change),
        }
    }

    fn to<'b>(&'b self, key: &'b str, value: Option<u64>) -> &'b [Change] {
        let changes = match value {
            Some(value) => self.writes.get(&(key, value)),
            None => self.deletions.get(key),
        };
        changes.map(Vec::as_slice).unwrap_or_default()
    }
}

/// The value a change brings, `Some(None)` for a deletion; `None` for what changes nothing.
fn written(action: Action) -> Option<Option<u64>> {
    match action {
        Action::Write(value) | Action::Add(value) | Action::Cas { new: value, .. } => {
            Some(Some(value))
        }
        Action::Delete => Some(None),
        Action::Read => None,
    }
}

/// What was told and did not happen.
fn unowed<'a>(
    name: &'a str,
    told: &'a Told,
    asked: &'a Asked<'_>,
) -> impl Iterator<Item = Objection> + 'a {
    let of_clients = |((_, key), _): &(&(u64, String), &Heard)| !key.starts_with(FRESH);
    told.events.iter().filter(of_clients).filter_map(move |((revision, key), heard)| {
        let changes = asked.to(key, heard.value);
        let happened = |change: &&Change| {
            let in_time = change.invoked < heard.at;
            in_time
                && match change.fate {
                    Fate::Done(rev) => rev.is_none_or(|rev| rev == *revision),
                    Fate::Perhaps => true,
                    Fate::Not => false,
                }
        };
        if changes.iter().any(|change| happened(&change)) {
            return None;
        }
        let what =
            format!("{name} was told that {key} became {:?} at revision {revision}", heard.value);
        // A deletion of another revision is not what this one comes from.
        let from = changes.iter().filter(|_| heard.value.is_some());
        let lines: Vec<u64> = from.clone().map(|change| change.line).chain([heard.line]).collect();
        let because = match from.clone().next() {
            None => format!("{what}, which nobody asked for"),
            Some(change) => format!("{what}, but what asked for it came to {:?}", change.fate),
        };
        Some(Objection { because, shown: heard.at, lines })
    })
}

/// Deletions that were told and that too few of unknown outcome explain.
fn deletions_too_many(watchers: &BTreeMap<&str, Told>, asked: &Asked<'_>) -> Vec<Objection> {
    let mut unexplained: BTreeMap<&str, BTreeMap<u64, Heard>> = BTreeMap::new();
    for ((revision, key), heard) in watchers.values().flat_map(|told| &told.events) {
        let done = |change: &Change| change.fate == Fate::Done(Some(*revision));
        let explained = heard.value.is_some() || asked.to(key, None).iter().any(done);
        if !explained && !key.starts_with(FRESH) {
            unexplained.entry(key).or_default().entry(*revision).or_insert(*heard);
        }
    }
    let mut against = Vec::new();
    for (key, heard) in unexplained {
        let perhaps = asked
            .to(key, None)
            .iter()
            .filter(|change| change.fate != Fate::Not)
            .filter(|change| !matches!(change.fate, Fate::Done(Some(_))));
        let perhaps: Vec<u64> = perhaps.map(|change| change.line).collect();
        if let Some((_, last)) = heard.iter().nth(perhaps.len()) {
            let revisions: Vec<u64> = heard.keys().copied().collect();
            let because = format!(
                "{key} was told to be deleted at revisions {revisions:?}, and {} deletions may have been made",
                perhaps.len()
            );
            let lines = heard.values().map(|heard| heard.line).chain(perhaps).collect();
            against.push(Objection { because, shown: last.at, lines });
        }
    }
    against
}

/// What was acknowledged and not told.
fn missed<'a>(
    name: &'a str,
    told: &'a Told,
    operations: &'a [Operation],
) -> impl Iterator<Item = Objection> + 'a {
    operations.iter().filter_map(move |operation| {
        let value = written(operation.action)?;
        let revision = operation.rev.filter(|_| operation.outcome == Outcome::Done)?;
        if !told.owes(revision) {
            return None;
        }
        let heard = told.heard(revision, &operation.key);
        let was = heard.map(|heard| heard.value);
        (was != Some(value)).then(|| {
            let because = format!(
                "{name} was not told that {} became {value:?} at revision {revision}: {was:?}",
                operation.key
            );
            told.lacks(revision, heard, because, vec![operation.index])
        })
    })
}

/// What a property was, as far as it was read at the end.
struct Past {
    /// Number of the line.
    line: u64,
    changes: BTreeMap<u64, Option<u64>>,
    /// Nothing is known of it from there on.
    to: u64,
}

/// The committed log, as far as it was read: properties by their names.
fn pasts(lines: &[Line]) -> BTreeMap<&str, Past> {
    pasts::told_in(lines)
        .filter_map(|line| {
            let (items, key) = (line.value.as_array()?, line.key.as_deref()?);
            let changes = items.iter().filter_map(|item| change(key, item)).collect();
            let to = line.rev.unwrap_or(u64::MAX);
            Some((key, Past { line: line.index, changes, to }))
        })
        .collect()
}

/// A change that a past tells: its revision, and the value it brought. `None`: what nobody here ever makes.
fn change(key: &str, item: &Value) -> Option<(u64, Option<u64>)> {
    Some((item[0].as_u64()?, value_of(key, &item[1]).ok()?))
}

/// What pasts have and nobody made, whether or not anybody was told of it.
fn odd_pasts(lines: &[Line]) -> impl Iterator<Item = Objection> {
    let told = pasts::told_in(lines).filter_map(|line| {
        let (items, key) = (line.value.as_array()?, line.key.as_deref()?);
        Some(items.iter().map(move |item| (line, key, item)))
    });
    told.flatten().filter(|(_, key, item)| change(key, item).is_none()).map(|(line, key, item)| {
        let because = format!(
            "{key} was {} at revision {}, as its past has it, which nobody writes",
            item[1], item[0]
        );
        Objection { because, shown: line.time, lines: vec![line.index] }
    })
}

/// What was committed and not told, and what was told and not committed.
fn unlike_the_log(name: &str, told: &Told, pasts: &BTreeMap<&str, Past>) -> Vec<Objection> {
    let mut against = Vec::new();
    for (key, past) in pasts {
        for (revision, value) in past.changes.iter().filter(|(it, _)| told.owes(**it)) {
            let heard = told.heard(*revision, key);
            let was = heard.map(|heard| heard.value);
            if was != Some(*value) {
                let because = format!(
                    "{name} was not told that {key} became {value:?} at revision {revision}, as its past has it: {was:?}"
                );
                against.push(told.lacks(*revision, heard, because, vec![past.line]));
            }
        }
    }
    for ((revision, key), heard) in &told.events {
        let Some(past) = pasts.get(key.as_str()).filter(|past| *revision <= past.to) else {
            continue;
        };
        if !past.changes.contains_key(revision) {
            let because = format!(
                "{name} was told that {key} became {:?} at revision {revision}, of which its past knows nothing",
                heard.value
            );
            let lines = vec![heard.line, past.line];
            against.push(Objection { because, shown: heard.at, lines });
        }
    }
    against
}

/// What one was told and another, who was owed it, was not.
fn disagreements(watchers: &BTreeMap<&str, Told>) -> Vec<Objection> {
    let mut against = Vec::new();
    for (one, told) in watchers {
        for (other, others) in watchers.iter().filter(|(other, _)| *other != one) {
            for ((revision, key), heard) in &told.events {
                if !others.owes(*revision) {
                    continue;
                }
                let instead = others.heard(*revision, key);
                let (value, was) = (heard.value, instead.map(|heard| heard.value));
                if was != Some(value) {
                    let because = format!(
                        "at revision {revision} {one} was told {key} = {value:?}, {other}: {was:?}"
                    );
                    let lacks = others.lacks(*revision, instead, because, vec![heard.line]);
                    against.push(Objection { shown: lacks.shown.max(heard.at), ..lacks });
                }
            }
        }
    }
    against
}
