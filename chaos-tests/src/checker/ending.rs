//! What every Manager shows of registers and repeated properties at the end, when clients have gone: each page of it was asked
//! for at a moment of its own. A register that is shown so is one more reading of it, and one that is left out was read as
//! nothing some time after the first page was asked for; of repeated properties `once.rs` judges.
//!
//! A history from before 30 November 2026, evening, has no such line, and is judged without.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Finding, Valid};
use crate::finale::{SHOWN, UNREAD};
use crate::history::{Action, Line, Operation, Outcome, seen};
use crate::workload::register;

/// All that a Manager shows at the end.
pub(super) struct Ending<'a> {
    /// Number and time of the line.
    pub line: u64,
    pub at: u64,
    pub node: u64,
    pages: Vec<Page<'a>>,
}

struct Page<'a> {
    sent: u64,
    rev: Option<u64>,
    shown: &'a Map<String, Value>,
}

/// A property as it is shown.
pub(super) struct Shown<'a> {
    /// When it was asked for.
    pub sent: u64,
    /// The lowest and the highest revision at which it may have been looked up.
    pub revs: Option<(u64, u64)>,
    /// Revision of its last change, and value; `None`: it is not there.
    pub is: Option<(Option<u64>, &'a Value)>,
}

impl<'a> Page<'a> {
    fn of(page: &'a Value) -> Option<Self> {
        let (sent, shown) = (page["sent"].as_u64()?, page["shown"].as_object()?);
        Some(Self { sent, rev: page["rev"].as_u64(), shown })
    }

    fn show(&self, key: &str) -> Option<Shown<'a>> {
        let change = self.shown.get(key)?;
        let revs = self.rev.map(|rev| (rev, rev));
        let is = Some((change[0].as_u64(), &change[1]));
        Some(Shown { sent: self.sent, revs, is })
    }
}

impl<'a> Ending<'a> {
    fn of(line: &'a Line) -> Option<Self> {
        let pages = line.value.as_array()?.iter().map(Page::of).collect::<Option<Vec<_>>>()?;
        let node = line.node?;
        (!pages.is_empty()).then_some(Self { line: line.index, at: line.time, node, pages })
    }

    fn names(&self) -> impl Iterator<Item = &'a str> {
        self.pages.iter().flat_map(|page| page.shown.keys().map(String::as_str))
    }

    /// How a property is shown: by each page that has it, or by none.
    pub(super) fn of_key(&self, key: &str) -> Vec<Shown<'a>> {
        let mut shown: Vec<Shown<'a>> =
            self.pages.iter().filter_map(|page| page.show(key)).collect();
        if shown.is_empty()
            && let (Some(first), Some(last)) = (self.pages.first(), self.pages.last())
        {
            let revs = first.rev.zip(last.rev);
            shown.push(Shown { sent: first.sent, revs, is: None });
        }
        shown
    }
}

/// What each Manager shows, by its number.
pub(super) fn endings(lines: &[Line]) -> BTreeMap<u64, Ending<'_>> {
    let of_final = lines.iter().filter(|line| line.is_by("final") && line.f == SHOWN);
    of_final.filter_map(Ending::of).map(|ending| (ending.node, ending)).collect()
}

/// A Manager that could not be read.
pub(super) fn unread(lines: &[Line]) -> Option<u64> {
    let told = endings(lines);
    let mut unread = lines.iter().filter(|line| line.is_by("final") && line.f == UNREAD);
    unread.find_map(|line| line.node.filter(|node| !told.contains_key(node)))
}

/// At the end a reading of each register by each Manager, as of a client that nobody was before.
pub fn last_reads(operations: &[Operation], lines: &[Line]) -> Vec<Operation> {
    let called = operations.iter().map(|operation| operation.key.as_str());
    let called: BTreeSet<&str> = called.filter(|key| register::is_named(key)).collect();
    let highest = operations.iter().map(|operation| operation.process).max();
    let fresh = highest.map_or(0, |highest| highest + 1);
    let endings = endings(lines);
    let mut reads = Vec::new();
    for (process, ending) in (fresh..).zip(endings.values()) {
        let shown = ending.names().filter(|name| register::is_named(name));
        let keys: BTreeSet<&str> = called.iter().copied().chain(shown).collect();
        for key in keys {
            let shown = ending.of_key(key).into_iter();
            reads.extend(shown.map(|shown| read(ending, process, key, &shown)));
        }
    }
    reads
}

fn read(ending: &Ending<'_>, process: u64, key: &str, shown: &Shown<'_>) -> Operation {
    // What is shown as null is there all the same, and is something odd.
    let value = shown.is.map_or(Value::Null, |(_, value)| register::told(value));
    Operation {
        index: ending.line,
        process,
        key: key.to_owned(),
        action: Action::Read,
        outcome: Outcome::Seen(seen(&value)),
        invoked: shown.sent,
        // When the line was written, so that a beginning which needs it has it.
        returned: ending.at,
        rev: shown.is.and(shown.revs).map(|(rev, _)| rev),
        mod_rev: shown.is.and_then(|(mod_rev, _)| mod_rev),
        node: Some(ending.node),
    }
}

/// A finding on registers that holds nothing against them, but where a Manager could not be read at the end.
#[must_use]
pub fn unless_unread(finding: Finding, lines: &[Line]) -> Finding {
    match unread(lines) {
        Some(manager) if finding.valid == Valid::Yes => {
            let because = vec![format!("Manager {manager} was not read at the end")];
            Finding { valid: Valid::Unknown, because, ..finding }
        }
        _ => finding,
    }
}
