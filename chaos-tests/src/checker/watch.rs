//! Whoever watches is told every change, in order, once, and nothing that was not committed (rows 55, 85; invariant I7).
//!
//! A watcher that comes back, to the same Manager or another, says how far it was and is told what came after. Told to read everything again
//! (`resync`), it starts anew at a revision, and what lies between is not owed. Values are unique, so a told value
//! names the write it comes from.
//!
//! Judged against what clients asked for, against what was acknowledged, against each other, and against the committed log
//! as far as it was read at the end: what each property was, revision by revision.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use serde_json::{Value, json};

use super::calls::{Call, End, calls};
use super::{Finding, Objection, Valid};
use crate::history::{Action, Line, Operation, Outcome};
use crate::pasts;
use crate::workload::watch::NAME;

const CHECK: &str = "watch";
const FILE: &str = "custom/";
/// Properties that the harness itself writes at the end, the same value each time.
const FRESH: &str = "fresh.";
/// When of a hundred revisions that went by more than so many are not owed to watchers, too little was watched.
const EXCUSED_PERCENT: u64 = 25;

/// What a watcher was told of a key at a revision.
#[derive(Clone, Copy, Debug)]
struct Heard {
    /// The new value; `None`: it was deleted.
    value: Option<u64>,
    /// Number and time of the line.
    line: u64,
    at: u64,
    /// Which of its streams told it.
    stream: u64,
}

/// What one watcher was told, and which revisions it was owed.
#[derive(Default)]
struct Told {
    events: BTreeMap<(u64, String), Heard>,
    /// Spans of revisions, each from the one after the first to the second.
    spans: Vec<(u64, u64)>,
    /// Where the present span began; nothing is owed before the first event.
    began: Option<u64>,
    /// Where the first did.
    first: Option<u64>,
    /// The newest revision it was told of.
    newest: u64,
    resyncs: u64,
    /// How many streams it has opened.
    streams: u64,
    /// What it said it knew when it opened the last.
    knows: u64,
}

/// Judges all watchers.
pub fn check(operations: &[Operation], lines: &[Line]) -> Finding {
    let mut against = Vec::new();
    let mut watchers: BTreeMap<&str, Told> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.is_by(NAME)) {
        let Some(name) = line.key.as_deref() else { continue };
        against.extend(hear(watchers.entry(name).or_default(), name, line));
    }
    if watchers.values().all(|told| told.events.is_empty()) {
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
    let count = |of: fn(&Told) -> u64| watchers.values().map(of).sum::<u64>();
    let (went_by, owed) = (count(Told::went_by), count(Told::owed));
    let facts = json!({
        "watchers": watchers.len(),
        "events": count(|told| told.events.len() as u64),
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

impl Told {
    /// Ends the present span.
    fn close(&mut self) {
        self.spans.extend(self.began.take().map(|began| (began, self.newest)));
    }

    fn owes(&self, revision: u64) -> bool {
        self.spans.iter().any(|(after, to)| *after < revision && revision <= *to)
    }

    /// How many revisions there were from its first event to its last.
    fn went_by(&self) -> u64 {
        self.newest - self.first.unwrap_or(self.newest)
    }

    /// Of how many of them it had to be told.
    fn owed(&self) -> u64 {
        self.spans.iter().map(|(after, to)| to - after).sum()
    }

    fn heard(&self, revision: u64, key: &str) -> Option<&Heard> {
        self.events.get(&(revision, key.to_owned()))
    }

    /// What it was told next, after everything of a revision.
    fn next_after(&self, revision: u64) -> Option<&Heard> {
        let later = (Bound::Included((revision + 1, String::new())), Bound::Unbounded);
        self.events.range(later).next().map(|(_, heard)| heard)
    }

    /// Something it had to be told at a revision and was not: that shows with what it was told instead, or next.
    fn lacks(
        &self,
        revision: u64,
        heard: Option<&Heard>,
        because: String,
        lines: Vec<u64>,
    ) -> Objection {
        let shows = heard.or_else(|| self.next_after(revision));
        let lines = lines.into_iter().chain(shows.map(|heard| heard.line)).collect();
        Objection { because, shown: shows.map_or(u64::MAX, |heard| heard.at), lines }
    }
}

/// The newest revision that every watcher has to be told of: of a change that was acknowledged. A read tells a revision
/// too, at which something else may have changed.
pub fn last_owed(operations: &[Operation]) -> u64 {
    let changes = operations.iter().filter(|operation| operation.outcome == Outcome::Done);
    changes.filter_map(|change| change.rev).max().unwrap_or(0)
}

/// Takes a line in; what is wrong with it.
fn hear(told: &mut Told, name: &str, line: &Line) -> Option<Objection> {
    let number = |field: &str| line.value[field].as_u64();
    match line.f.as_str() {
        "open" => {
            told.streams += 1;
            told.knows = number("after").unwrap_or(0);
            None
        }
        "resync" => {
            told.resyncs += 1;
            told.close();
            told.newest = number("revision").unwrap_or(told.newest).max(told.newest);
            told.began = Some(told.newest);
            told.first.get_or_insert(told.newest);
            None
        }
        "event" => hear_event(told, name, line),
        "end" => {
            let (after, owed) = (number("after").unwrap_or(0), number("owed").unwrap_or(0));
            let ended = || format!("{name} was told no more after revision {after} of {owed}");
            (after < owed).then(|| wrong(line, ended(), &[]))
        }
        _ => None,
    }
}

fn wrong(line: &Line, because: String, others: &[&Heard]) -> Objection {
    let others = others.iter().map(|heard| heard.line);
    Objection { because, shown: line.time, lines: others.chain([line.index]).collect() }
}

fn hear_event(told: &mut Told, name: &str, line: &Line) -> Option<Objection> {
    let node = line.node.unwrap_or(0);
    let (revision, subject) = (line.value["rev"].as_u64(), line.value["subject"].as_str());
    let Some((revision, subject)) = revision.zip(subject) else {
        let because = format!("{name}, by Manager {node}: {} tells of nothing", line.value);
        return Some(wrong(line, because, &[]));
    };
    let key = subject.strip_prefix(FILE)?;
    let began = revision.saturating_sub(1);
    told.began.get_or_insert(began);
    told.first.get_or_insert(began);
    let late = revision < told.newest;
    told.newest = told.newest.max(revision);
    let (value, stream) = (value_of(&line.value["value"]), told.streams);
    let heard = Heard { value, line: line.index, at: line.time, stream };
    let before = told.events.insert((revision, key.to_owned()), heard);
    let place = || format!("{name}, by Manager {node}: {key} at revision {revision}");
    if late {
        return Some(wrong(line, format!("{} came after revision {}", place(), told.newest), &[]));
    }
    // Cut off within a revision it is told all of it again, and the same.
    let before = before?;
    let because = if before.value != value {
        format!("{} was told as {:?} and as {value:?}", place(), before.value)
    } else if before.stream == stream {
        format!("{} was told twice in one stream", place())
    } else if told.knows >= revision {
        format!("{} was told again to one that had said it knew it", place())
    } else {
        return None;
    };
    Some(wrong(line, because, &[&before]))
}

fn value_of(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
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
            asked.add(
                call.key,
                value_of(call.value),
                Change { line: call.index, invoked: call.invoked, fate },
            );
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
            let items = line.value.as_array()?;
            let changes: BTreeMap<u64, Option<u64>> = items
                .iter()
                .filter_map(|item| Some((item[0].as_u64()?, value_of(&item[1]))))
                .collect();
            let to = line.rev.unwrap_or(u64::MAX);
            Some((line.key.as_deref()?, Past { line: line.index, changes, to }))
        })
        .collect()
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
