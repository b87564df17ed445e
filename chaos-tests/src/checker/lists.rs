//! What a history says of lists: what was appended, and every sight of a list, whoever had it. Clients read them, watchers
//! are told of them, their pasts are read, and every Manager shows all of them at the end. `append.rs` judges.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::Objection;
use super::calls::{Call, End, calls};
use crate::history::{Action, Line, Operation, Outcome, operations};
use crate::pasts;
use crate::workload::append::{self, PREFIX};
use crate::workload::watch;

/// How a reading of a list that nobody began yet ends.
const NONE_YET: &str = "NO_SUCH_PROPERTY";
const FILE: &str = "custom/";
/// The line that tells all lists as a Manager shows them at the end.
const SHOWN: &str = "lists";

/// A list as somebody saw it.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    pub list: Vec<u64>,
    /// Number of the line it is seen from; of a call the one that begins it.
    pub line: u64,
    pub node: u64,
    /// What had ended by then it has to show. `None`: it may be of any time before, as what watchers are told.
    pub since: Option<u64>,
    pub seen: u64,
    /// The revision it is of, where that was told.
    pub mod_rev: Option<u64>,
}

/// All there is of lists.
#[derive(Default)]
pub(super) struct Lists<'a> {
    /// By their elements.
    pub appends: HashMap<u64, Call<'a>>,
    pub sights: BTreeMap<&'a str, Vec<Sight>>,
    /// What was shown in the place of a list and is none.
    pub unreadable: Vec<Objection>,
    /// The Managers that did not show them at the end.
    pub unread: Vec<u64>,
}

impl<'a> Lists<'a> {
    /// Of a history, and the Managers that are there at the end of it.
    pub(super) fn of(lines: &'a [Line], managers: &[u64]) -> Self {
        let mut lists = Self::default();
        for call in calls(lines, &["append", "list"]) {
            lists.take_call(call);
        }
        for line in lines.iter().filter(|line| line.is_by(watch::NAME) && line.f == "event") {
            lists.take_event(line);
        }
        pasts::told_in(lines).for_each(|line| lists.take_past(line));
        for manager in managers {
            if lists.take_shown(lines, *manager).is_none() {
                lists.unread.push(*manager);
            }
        }
        lists
    }

    fn take_call(&mut self, call: Call<'a>) {
        if let Some(element) = call.value.as_u64().filter(|_| call.f == "append") {
            self.sights.entry(call.key).or_default();
            self.appends.insert(element, call);
            return;
        }
        let (told, mod_rev) = match &call.end {
            End::Done { told, mod_rev, .. } => (Some(told), *mod_rev),
            End::Not(code) if code == NONE_YET => (None, None),
            End::Not(_) | End::Unknown => return,
        };
        let (since, seen) = (Some(call.invoked), call.returned);
        let (line, node) = (call.index, call.node);
        self.see(call.key, Sight { list: Vec::new(), line, node, since, seen, mod_rev }, told);
    }

    fn take_event(&mut self, line: &'a Line) {
        let key = line.value["subject"].as_str().and_then(|subject| subject.strip_prefix(FILE));
        let Some(key) = key.filter(|key| key.starts_with(PREFIX)) else { return };
        let mod_rev = line.value["rev"].as_u64();
        self.see(key, Sight { mod_rev, ..sight(line) }, unless_deleted(&line.value["value"]));
    }

    fn take_past(&mut self, line: &'a Line) {
        let Some(key) = line.key.as_deref().filter(|key| key.starts_with(PREFIX)) else { return };
        for change in line.value.as_array().into_iter().flatten() {
            let mod_rev = change[0].as_u64();
            self.see(key, Sight { mod_rev, ..sight(line) }, unless_deleted(&change[1]));
        }
    }

    /// All lists as a Manager shows them at the end: none is left out but one that there is not.
    fn take_shown(&mut self, lines: &'a [Line], manager: u64) -> Option<()> {
        let of_it =
            |line: &&Line| line.is_by("final") && line.f == SHOWN && line.node == Some(manager);
        let line = lines.iter().rfind(of_it)?;
        let (since, shown) = (line.value["sent"].as_u64()?, line.value["lists"].as_object()?);
        let keys: BTreeSet<&str> =
            shown.keys().map(String::as_str).chain(self.sights.keys().copied()).collect();
        for key in keys {
            self.see(key, Sight { since: Some(since), ..sight(line) }, shown.get(key));
        }
        Some(())
    }

    /// `None`: it was told that there is no such list.
    fn see(&mut self, key: &'a str, sight: Sight, told: Option<&Value>) {
        let list = told.map_or(Some(Vec::new()), elements);
        if let Some(list) = list {
            self.sights.entry(key).or_default().push(Sight { list, ..sight });
            return;
        }
        let told = told.unwrap_or(&Value::Null);
        let because = format!("{key} is {told} in {}, which is no list", sight.place());
        self.unreadable.push(Objection { because, shown: sight.seen, lines: vec![sight.line] });
    }
}

impl Sight {
    /// Where it was seen.
    pub(super) fn place(&self) -> String {
        format!("#{} of Manager {}", self.line, self.node)
    }
}

/// What is seen from a line of the harness.
fn sight(line: &Line) -> Sight {
    let (seen, node) = (line.time, line.node.unwrap_or(0));
    Sight { list: Vec::new(), line: line.index, node, since: None, seen, mod_rev: None }
}

/// What a watcher or a past tells: null is that it was deleted.
fn unless_deleted(told: &Value) -> Option<&Value> {
    Some(told).filter(|told| !told.is_null())
}

/// The elements of what was told of a list; `None`: it is none. To whoever reads a list null is none.
fn elements(told: &Value) -> Option<Vec<u64>> {
    match told {
        Value::String(text) => append::elements(text),
        Value::Array(items) => items.iter().map(Value::as_u64).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// All calls that revisions and watchers are judged by. To those an append is a change as any other: it writes its element,
/// which names it, and whoever reads the list reads the last one.
pub fn with_lists(lines: &[Line]) -> Vec<Operation> {
    let mut all = operations(lines);
    all.extend(calls(lines, &["append", "list"]).iter().filter_map(as_operation));
    all
}

fn as_operation(call: &Call<'_>) -> Option<Operation> {
    let (action, outcome) = match (call.f, &call.end) {
        ("append", end) => (Action::Write(call.value.as_u64()?), outcome(end)),
        (_, End::Done { told, .. }) => {
            (Action::Read, Outcome::Seen(told.as_array()?.last()?.as_u64()))
        }
        (_, End::Not(_) | End::Unknown) => return None,
    };
    let (rev, mod_rev) = match call.end {
        End::Done { rev, mod_rev, .. } => (rev, mod_rev),
        End::Not(_) | End::Unknown => (None, None),
    };
    Some(Operation {
        index: call.index,
        process: call.process,
        key: call.key.to_owned(),
        action,
        outcome,
        invoked: call.invoked,
        returned: call.returned,
        rev,
        mod_rev,
        node: Some(call.node),
    })
}

fn outcome(end: &End) -> Outcome {
    match end {
        End::Done { .. } => Outcome::Done,
        End::Not(_) if end.refusal().is_some() => Outcome::Refused,
        End::Not(_) => Outcome::Failed,
        End::Unknown => Outcome::Unknown,
    }
}
