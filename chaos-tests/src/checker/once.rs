//! A request has one effect and one answer, whoever leads when it is repeated (promise 5; invariant I8).
//!
//! Every repetition under an idempotency key tells the same: the same revision or the same refusal; what of the object is shown
//! is judged in `shown.rs`. Nothing else is done
//! under a key that was used. Values are unique, and one request deletes a property, so a past tells whose each change was. At the end the past of every property shows each acknowledged change once, at the revision
//! that was told, each of unknown outcome at most once, and none that was refused or never tried; and every Manager shows
//! what its past says it came to. What no request can have come to, whatever the others say, is judged in `earned.rs`.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::calls::{Call, End, calls};
use super::ending::{self, Ending, Shown};
use super::{Finding, Objection, Valid, earned, shown};
use crate::history::Line;
use crate::pasts;

const CHECK: &str = "once";
/// So many requests the group remembers; each takes a revision at least.
const REMEMBERED: u64 = 16_384;
const REUSED: &str = "KEY_REUSED";

/// What a request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer<'a> {
    Done(Option<u64>),
    Refused(&'a str),
}

/// Everything that was asked under one key.
#[derive(Default)]
struct Request<'a> {
    same: Vec<Call<'a>>,
    misuses: Vec<Call<'a>>,
}

/// Judges all repeated requests.
pub fn check(lines: &[Line]) -> Finding {
    let all = calls(lines, &["ask", "again", "misuse"]);
    if all.is_empty() {
        return Finding::unknown(CHECK, "no request was made");
    }
    let told = Told::of(&all);
    let mut requests: BTreeMap<&str, Request<'_>> = BTreeMap::new();
    for call in &all {
        let Some(req) = call.req else { continue };
        let request = requests.entry(req).or_default();
        match call.f {
            "misuse" => request.misuses.push(call.clone()),
            _ => request.same.push(call.clone()),
        }
    }
    let mut against = Vec::new();
    let conditions_told = earned::are_conditions_told(&all);
    for (name, request) in &requests {
        against.extend(contradictions(name, request, &told));
        against.extend(misused(name, request, &told));
        against.extend(shown::contradictions(name, &request.same, &told));
        against.extend(earned::unearned(name, &request.same, conditions_told, &told));
    }
    let pasts = pasts(lines);
    against.extend(shown::against_others(&all, &pasts));
    let unread = judge_pasts(&requests, &pasts, &mut against);
    for ending in ending::endings(lines).values() {
        against.extend(ended_otherwise(&requests, &pasts, ending));
    }
    let repeats = all.iter().filter(|call| call.f == "again").count();
    let facts =
        json!({ "requests": requests.len(), "repeats": repeats, "properties": pasts.len() });
    let mut finding = Finding::shown(CHECK, against, facts);
    if finding.valid == Valid::Yes && unread > 0 {
        finding.valid = Valid::Unknown;
        finding.because.push(format!("the past of {unread} properties was not read at the end"));
    }
    ending::unless_unread(finding, lines)
}

/// The highest revision that anybody had been told by a time.
pub(super) struct Told(Vec<(u64, u64)>);

impl Told {
    fn of(calls: &[Call<'_>]) -> Self {
        let done = calls.iter().filter_map(|call| match call.end {
            End::Done { rev: Some(rev), .. } => Some((call.returned, rev)),
            _ => None,
        });
        let mut told: Vec<_> = done.collect();
        told.sort_unstable();
        let mut highest = 0;
        for (_, rev) in &mut told {
            highest = highest.max(*rev);
            *rev = highest;
        }
        Self(told)
    }

    /// Whether a request answered at `rev` may have been forgotten by `time`. More may have been changed than these
    /// clients were told, so half is kept in hand.
    pub(super) fn may_have_forgotten(&self, rev: u64, time: u64) -> bool {
        let before = self.0.partition_point(|(returned, _)| *returned <= time);
        let highest = before.checked_sub(1).map_or(0, |last| self.0[last].1);
        highest.saturating_sub(rev) > REMEMBERED / 2
    }
}

fn answer<'a>(call: &'a Call<'_>) -> Option<Answer<'a>> {
    match &call.end {
        End::Done { rev, .. } => Some(Answer::Done(*rev)),
        End::Not(_) => {
            let code = call.end.refusal().filter(|code| earned::is_of_the_request(code));
            code.map(Answer::Refused)
        }
        End::Unknown => None,
    }
}

/// What these calls show together, once the last of them has ended.
pub(super) fn objection(because: String, calls: &[&Call<'_>]) -> Objection {
    let shown = calls.iter().map(|call| call.returned).max().unwrap_or(u64::MAX);
    Objection { because, shown, lines: calls.iter().map(|call| call.index).collect() }
}

/// Two answers to one request.
fn contradictions(name: &str, request: &Request<'_>, told: &Told) -> Vec<Objection> {
    let mut answered = request.same.iter().filter_map(|call| Some((call, answer(call)?)));
    let Some((first, given)) = answered.next() else { return Vec::new() };
    let differs = answered.filter(|(call, other)| {
        let forgotten = match given {
            Answer::Done(Some(rev)) => told.may_have_forgotten(rev, call.returned),
            Answer::Done(None) | Answer::Refused(_) => false,
        };
        *other != given && !forgotten
    });
    let tell = |(call, other): (&Call<'_>, Answer<'_>)| {
        let because = format!(
            "{name} ({}) was answered {given:?} in #{} by Manager {} and {other:?} in #{} by Manager {}",
            call.key, first.index, first.node, call.index, call.node
        );
        objection(because, &[first, call])
    };
    differs.map(tell).collect()
}

/// Something else that was done under a name that was used.
fn misused(name: &str, request: &Request<'_>, told: &Told) -> Vec<Objection> {
    let done = request.same.iter().find(|call| matches!(call.end, End::Done { .. }));
    let revision = done.and_then(|call| match call.end {
        End::Done { rev, .. } => rev,
        End::Not(_) | End::Unknown => None,
    });
    let wrong = request.misuses.iter().filter(|call| match &call.end {
        End::Done { .. } => revision.is_none_or(|rev| !told.may_have_forgotten(rev, call.returned)),
        End::Not(_) => call.end.refusal().is_some_and(|code| code != REUSED),
        End::Unknown => false,
    });
    let tell = |call: &Call<'_>| {
        let because = format!(
            "something else under {name} ended {:?} in #{} at Manager {}, not {REUSED}",
            call.end, call.index, call.node
        );
        let used = done.or(request.same.first());
        objection(because, &used.into_iter().chain([call]).collect::<Vec<_>>())
    };
    wrong.map(tell).collect()
}

/// What a property was, as revisions and values, newest first.
pub(super) struct Past<'a> {
    /// Number and time of the line.
    pub(super) line: u64,
    pub(super) at: u64,
    /// Nothing is known of it from there on.
    pub(super) to: u64,
    pub(super) changes: Vec<(u64, &'a Value)>,
}

impl<'a> Past<'a> {
    /// What it was before a revision; `None`: there was nothing of it yet.
    pub(super) fn before(&self, rev: u64) -> Option<&'a Value> {
        let mut older = self.changes.iter().filter(|(at, _)| *at < rev);
        older.next().map(|(_, value)| *value)
    }

    /// Whether it was at some revision from one to another as it is shown.
    fn was(&self, shown: &Shown<'_>, (from, to): (u64, u64)) -> bool {
        let meanwhile = self.changes.iter().filter(|(rev, _)| *rev > from && *rev <= to);
        let at_first = self.changes.iter().find(|(rev, _)| *rev <= from);
        let mut states = meanwhile.chain(at_first);
        match shown.is {
            Some((rev, value)) => {
                states.any(|(at, was)| Some(*at) == rev && *was == value && !was.is_null())
            }
            None => at_first.is_none() || states.any(|(_, was)| was.is_null()),
        }
    }
}

fn pasts(lines: &[Line]) -> HashMap<&str, Past<'_>> {
    pasts::told_in(lines)
        .filter_map(|line| {
            let items = line.value.as_array()?;
            let items = items.iter().filter_map(|item| Some((item[0].as_u64()?, &item[1])));
            let (to, changes) = (line.rev.unwrap_or(u64::MAX), items.collect());
            Some((line.key.as_deref()?, Past { line: line.index, at: line.time, to, changes }))
        })
        .collect()
}

/// Whether each change stands in the past as it was told; how many properties were not read.
fn judge_pasts(
    requests: &BTreeMap<&str, Request<'_>>,
    pasts: &HashMap<&str, Past<'_>>,
    against: &mut Vec<Objection>,
) -> usize {
    let mut unread: Vec<&str> = Vec::new();
    for (name, request) in requests {
        let Some(ask) = request.same.first() else { continue };
        let told = request.same.iter().filter_map(|call| match call.end {
            End::Done { rev, .. } => rev,
            End::Not(_) | End::Unknown => None,
        });
        // One that was read of facts that were behind tells nothing of what came after.
        let newest = told.max().unwrap_or(0);
        let Some(past) = pasts.get(ask.key).filter(|past| newest <= past.to) else {
            unread.push(ask.key);
            continue;
        };
        against.extend(misdone(name, ask, request, past));
    }
    unread.sort_unstable();
    unread.dedup();
    unread.len()
}

fn misdone(name: &str, ask: &Call<'_>, request: &Request<'_>, past: &Past<'_>) -> Vec<Objection> {
    let mut against = Vec::new();
    let mut object = |because: String, calls: &mut dyn Iterator<Item = &Call<'_>>| {
        let lines = calls.map(|call| call.index).chain([past.line]).collect();
        against.push(Objection { because, shown: past.at, lines });
    };
    let effects_of = |value: &Value| -> Vec<u64> {
        past.changes.iter().filter(|(_, was)| *was == value).map(|(rev, _)| *rev).collect()
    };
    for misuse in &request.misuses {
        if !effects_of(misuse.value).is_empty() {
            let because = format!("{} has a value that was sent under the used {name}", ask.key);
            object(because, &mut [ask, misuse].into_iter());
        }
    }
    let (effects, answer) = (effects_of(ask.value), request.same.iter().find_map(answer));
    let kept = match answer {
        Some(Answer::Done(Some(rev))) => effects == [rev],
        Some(Answer::Done(None)) => effects.len() == 1,
        Some(Answer::Refused(_)) => effects.is_empty(),
        None if request.same.iter().all(|call| call.end != End::Unknown) => effects.is_empty(),
        None => effects.len() <= 1,
    };
    if !kept {
        let because = format!(
            "{name} ({} = {}) was answered {answer:?} and took effect at revisions {effects:?}",
            ask.key, ask.value
        );
        object(because, &mut request.same.iter());
    }
    against.extend(earned::against_its_condition(name, ask, &effects, past));
    against
}

/// Properties that a Manager shows at the end as their pasts do not have them.
fn ended_otherwise(
    requests: &BTreeMap<&str, Request<'_>>,
    pasts: &HashMap<&str, Past<'_>>,
    ending: &Ending<'_>,
) -> Vec<Objection> {
    let mut asked: BTreeMap<&str, Vec<&Request<'_>>> = BTreeMap::new();
    for request in requests.values() {
        let Some(ask) = request.same.first() else { continue };
        asked.entry(ask.key).or_default().push(request);
    }
    let mut against = Vec::new();
    for (key, requests) in asked {
        let Some(past) = pasts.get(key) else { continue };
        let settled = requests.iter().all(|request| request.is_settled_by(past.to));
        let wrong = ending.of_key(key).into_iter().filter(|shown| {
            let known = shown.revs.filter(|(_, to)| settled || *to <= past.to);
            known.is_some_and(|revs| !past.was(shown, revs))
        });
        against.extend(wrong.map(|shown| {
            let (node, is) = (ending.node, shown.is);
            let because = format!(
                "Manager {node} shows {key} as {is:?} at the end; its past is {:?}",
                past.changes.first()
            );
            let lines = vec![past.line, ending.line];
            Objection { because, shown: past.at.max(ending.at), lines }
        }));
    }
    against
}

impl Request<'_> {
    /// Whether nothing can come of it after a revision any more.
    fn is_settled_by(&self, rev: u64) -> bool {
        let answered = self.same.iter().find_map(answer);
        match answered {
            Some(Answer::Done(done)) => done.is_some_and(|done| done <= rev),
            Some(Answer::Refused(_)) => true,
            None => self.same.iter().all(|call| call.end != End::Unknown),
        }
    }
}
