//! What one watcher was told, stream by stream, and which revisions it was owed: taken in line by line, with what is wrong with
//! a line by itself. What was told is held against what happened in `watch`.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::Value;

use super::Objection;
use crate::history::Line;
use crate::workload::append::{PREFIX, elements};

const FILE: &str = "custom/";
/// Properties that the harness itself writes at the end, the same word each time.
pub(super) const FRESH: &str = "fresh.";

/// What a watcher was told of a key at a revision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// The new value; `None`: it was deleted.
    pub(super) value: Option<u64>,
    /// Number and time of the line.
    pub(super) line: u64,
    pub(super) at: u64,
    /// Which of its streams told it.
    stream: u64,
}

/// What one watcher was told, and which revisions it was owed.
#[derive(Default)]
pub(super) struct Told {
    pub(super) events: BTreeMap<(u64, String), Heard>,
    /// Spans of revisions, each from the one after the first to the second.
    spans: Vec<(u64, u64)>,
    /// Where the present span began; nothing is owed before the first event.
    began: Option<u64>,
    /// Where the first did.
    first: Option<u64>,
    /// The newest revision it was told of.
    newest: u64,
    pub(super) resyncs: u64,
    /// How many streams it has opened.
    streams: u64,
    /// The bookmarks it was given: number and time of the first line that gave it, by revision.
    marks: BTreeMap<u64, (u64, u64)>,
    /// What it said it knew when it opened the last.
    knows: u64,
}

impl Told {
    /// Ends the present span.
    pub(super) fn close(&mut self) {
        self.spans.extend(self.began.take().map(|began| (began, self.newest)));
    }

    pub(super) fn owes(&self, revision: u64) -> bool {
        self.spans.iter().any(|(after, to)| *after < revision && revision <= *to)
    }

    /// How many different bookmarks it was given.
    pub(super) fn bookmarks(&self) -> u64 {
        self.marks.len() as u64
    }

    /// Up to where it was told everything, as far as a bookmark said so.
    fn marked(&self) -> u64 {
        self.marks.last_key_value().map_or(0, |(marked, _)| *marked)
    }

    /// How many revisions there were from its first event to its last.
    pub(super) fn went_by(&self) -> u64 {
        self.newest - self.first.unwrap_or(self.newest)
    }

    /// Of how many of them it had to be told.
    pub(super) fn owed(&self) -> u64 {
        self.spans.iter().map(|(after, to)| to - after).sum()
    }

    pub(super) fn heard(&self, revision: u64, key: &str) -> Option<&Heard> {
        self.events.get(&(revision, key.to_owned()))
    }

    /// What it was told next, after everything of a revision.
    fn next_after(&self, revision: u64) -> Option<&Heard> {
        let later = (Bound::Included((revision + 1, String::new())), Bound::Unbounded);
        self.events.range(later).next().map(|(_, heard)| heard)
    }

    /// Something it had to be told at a revision and was not: that shows with what it was told instead, or next.
    pub(super) fn lacks(
        &self,
        revision: u64,
        heard: Option<&Heard>,
        because: String,
        lines: Vec<u64>,
    ) -> Objection {
        let by_event = heard.or_else(|| self.next_after(revision)).map(|it| (it.at, it.line));
        // A bookmark that is beyond it says that it was told.
        let mark = self.marks.range(revision..).next();
        let shows = by_event.into_iter().chain(mark.map(|(_, (line, at))| (*at, *line))).min();
        let lines = lines.into_iter().chain(shows.map(|(_, line)| line)).collect();
        Objection { because, shown: shows.map_or(u64::MAX, |(at, _)| at), lines }
    }
}

/// Takes a line in; what is wrong with it.
pub(super) fn hear(told: &mut Told, name: &str, line: &Line) -> Option<Objection> {
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
        "bookmark" => hear_bookmark(told, name, line),
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

/// From a bookmark on everything up to it counts as told, and whatever of that was not is missed.
fn hear_bookmark(told: &mut Told, name: &str, line: &Line) -> Option<Objection> {
    let Some(revision) = line.value["rev"].as_u64() else {
        return Some(wrong(line, format!("{name} was given a bookmark without a revision"), &[]));
    };
    told.began.get_or_insert(revision);
    told.first.get_or_insert(revision);
    let knew = told.marked().max(told.knows);
    told.newest = told.newest.max(revision);
    told.marks.entry(revision).or_insert((line.index, line.time));
    let back = || format!("{name} was given a bookmark of {revision} after it knew {knew}");
    (revision < knew).then(|| wrong(line, back(), &[]))
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
    let late = revision < told.newest || revision <= told.marked();
    told.newest = told.newest.max(revision);
    let (value, stream) = match value_of(key, &line.value["value"]) {
        Ok(value) => (value, told.streams),
        Err(value) => {
            let because = format!(
                "{name}, by Manager {node}: {key} is {value} at revision {revision}, which nobody writes"
            );
            return Some(wrong(line, because, &[]));
        }
    };
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

/// A property's value, which names the write; `None`: there is none, and that is told by nothing but null. `Err`: what nobody here
/// ever writes. A list is told by its last element, which names the append: what comes before it is judged in `append`.
pub(super) fn value_of(key: &str, told: &Value) -> Result<Option<u64>, String> {
    let value = match told {
        Value::Null => return Ok(None),
        // Which word it is says nothing: it is not judged whose it is.
        Value::String(text) if key.starts_with(FRESH) => return Ok(text.parse().ok()),
        Value::String(text) => {
            let is_list = key.starts_with(PREFIX);
            let elements = elements(text).filter(|elements| is_list || elements.len() == 1);
            elements.and_then(|elements| elements.last().copied())
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    };
    value.map(Some).ok_or_else(|| told.to_string())
}
