//! What the answers to repeated requests show: always the same status, and the object as it is when it is answered. So one
//! property is shown alike by whoever shows it as of one revision, with the value that was written there, and never as it was
//! before the request.
//!
//! A history of before has no status and no object in these lines, and only its revisions are judged.

use std::collections::HashMap;

use serde_json::Value;

use super::Objection;
use super::calls::{Call, End};
use super::once::{Past, Told, objection};

/// There is nothing to show: somebody deleted it after it was changed.
const NOTHING: u64 = 204;

/// An answer to a request that was done.
#[derive(Clone, Copy)]
struct Shown<'a> {
    call: &'a Call<'a>,
    rev: Option<u64>,
    /// The object's last change.
    mod_rev: Option<u64>,
    status: Option<u64>,
    /// Unless there was nothing to show, or the answer broke off.
    object: Option<&'a Value>,
}

impl<'a> Shown<'a> {
    fn of(call: &'a Call<'_>) -> Option<Self> {
        let End::Done { rev, mod_rev, told } = &call.end else { return None };
        let object = told.get("object").filter(|object| !object.is_null());
        let status = told["status"].as_u64();
        Some(Self { call, rev: *rev, mod_rev: *mod_rev, status, object })
    }

    fn value(&self) -> Option<&'a Value> {
        self.object?.get("value")
    }
}

/// Two answers to one request that cannot both be right, and an object from before it.
pub(super) fn contradictions(name: &str, same: &[Call<'_>], told: &Told) -> Vec<Objection> {
    let answers: Vec<Shown<'_>> = same.iter().filter_map(Shown::of).collect();
    let Some(first) = answers.first() else { return Vec::new() };
    let others = answers.iter().skip(1).filter(|other| {
        !first.rev.is_some_and(|rev| told.may_have_forgotten(rev, other.call.returned))
    });
    let differs = others.filter(|other| !are_alike(first, other)).map(|other| {
        let because = format!(
            "{name} ({}) was answered {:?} in #{} and {:?} in #{}",
            first.call.key, first.status, first.call.index, other.status, other.call.index
        );
        objection(because, &[first.call, other.call])
    });
    let stale = answers.iter().filter_map(|answer| stale(name, answer));
    differs.chain(stale).collect()
}

/// Whether two answers to one request have one status; what is not shown any more says nothing of it.
fn are_alike(one: &Shown<'_>, other: &Shown<'_>) -> bool {
    let says = |shown: &Shown<'_>| shown.status.filter(|status| *status != NOTHING);
    says(one).zip(says(other)).is_none_or(|(one, other)| one == other)
}

/// An object that is shown without the change that is acknowledged, or changed to something else by it.
fn stale(name: &str, answer: &Shown<'_>) -> Option<Objection> {
    let (rev, mod_rev) = (answer.rev?, answer.mod_rev?);
    let (index, key) = (answer.call.index, answer.call.key);
    let because = if mod_rev < rev {
        format!("{name} was done at revision {rev}, and #{index} shows {key} of {mod_rev}")
    } else {
        let value = answer.value().filter(|value| mod_rev == rev && *value != answer.call.value)?;
        format!(
            "{name} made {key} {} at revision {rev}, and #{index} shows {value}",
            answer.call.value
        )
    };
    Some(objection(because, &[answer.call]))
}

/// A property that is shown in two ways as of one revision, or as it was not.
pub(super) fn against_others(all: &[Call<'_>], pasts: &HashMap<&str, Past<'_>>) -> Vec<Objection> {
    let mut seen: HashMap<(&str, u64), Shown<'_>> = HashMap::new();
    let mut against = Vec::new();
    for shown in all.iter().filter_map(Shown::of) {
        against.extend(pasts.get(shown.call.key).and_then(|past| never_deleted(&shown, past)));
        let (Some(object), Some(mod_rev)) = (shown.object, shown.mod_rev) else { continue };
        against.extend(pasts.get(shown.call.key).and_then(|past| unlike(&shown, mod_rev, past)));
        let key = (shown.call.key, mod_rev);
        let before = seen.entry(key).or_insert(shown);
        if before.object != Some(object) {
            let (one, other, key) = (before.call.index, shown.call.index, shown.call.key);
            let because =
                format!("#{one} and #{other} show {key} of revision {mod_rev} differently");
            against.push(objection(because, &[before.call, shown.call]));
        }
    }
    against
}

/// Nothing to show of a property that nobody deleted after the change.
fn never_deleted(shown: &Shown<'_>, past: &Past<'_>) -> Option<Objection> {
    let rev = shown.rev.filter(|rev| shown.status == Some(NOTHING) && *rev <= past.to)?;
    let mut deleted = past.changes.iter().filter(|(at, value)| *at > rev && value.is_null());
    deleted.next().is_none().then(|| {
        let (key, index) = (shown.call.key, shown.call.index);
        let because = format!("#{index} shows nothing of {key}, which was not deleted after {rev}");
        Objection { because, shown: past.at, lines: vec![index, past.line] }
    })
}

/// What is shown against the past of the property, as far as that was read.
fn unlike(shown: &Shown<'_>, mod_rev: u64, past: &Past<'_>) -> Option<Objection> {
    let value = shown.value()?;
    let known = past.changes.iter().find(|(rev, _)| *rev == mod_rev).map(|(_, value)| *value);
    (mod_rev <= past.to && known != Some(value)).then(|| {
        let (key, index) = (shown.call.key, shown.call.index);
        let because = format!(
            "#{index} shows {key} as {value} of revision {mod_rev}; it became {known:?} there"
        );
        Objection { because, shown: past.at, lines: vec![shown.call.index, past.line] }
    })
}
