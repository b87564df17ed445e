//! A request has one effect and one answer, whoever leads when it is repeated (promise 5; invariant I8).
//!
//! Every repetition under an idempotency key tells the same: the same revision or the same refusal. Nothing else is done
//! under a key that was used. Values are unique, and one request deletes a property, so a past tells whose each change was. At the end the past of every property shows each acknowledged change once, at the revision
//! that was told, each of unknown outcome at most once, and none that was refused or never tried.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::calls::{Call, End, calls};
use super::{Finding, Valid};
use crate::history::Line;

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
    let mut because = Vec::new();
    for (name, request) in &requests {
        because.extend(contradictions(name, request, &told));
        because.extend(misused(name, request, &told));
    }
    let pasts = pasts(lines);
    let unread = judge_pasts(&requests, &pasts, &mut because);
    let repeats = all.iter().filter(|call| call.f == "again").count();
    let facts =
        json!({ "requests": requests.len(), "repeats": repeats, "properties": pasts.len() });
    let mut finding = Finding::against(CHECK, because, facts);
    if finding.valid == Valid::Yes && unread > 0 {
        finding.valid = Valid::Unknown;
        finding.because.push(format!("the past of {unread} properties was not read at the end"));
    }
    finding
}

/// The highest revision that anybody had been told by a time.
struct Told(Vec<(u64, u64)>);

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
    fn may_have_forgotten(&self, rev: u64, time: u64) -> bool {
        let before = self.0.partition_point(|(returned, _)| *returned <= time);
        let highest = before.checked_sub(1).map_or(0, |last| self.0[last].1);
        highest.saturating_sub(rev) > REMEMBERED / 2
    }
}

fn answer<'a>(call: &'a Call<'_>) -> Option<Answer<'a>> {
    match &call.end {
        End::Done { rev, .. } => Some(Answer::Done(*rev)),
        End::Not(_) => call.end.refusal().map(Answer::Refused),
        End::Unknown => None,
    }
}

/// Two answers to one request.
fn contradictions(name: &str, request: &Request<'_>, told: &Told) -> Vec<String> {
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
        format!(
            "{name} ({}) was answered {given:?} in #{} by Manager {} and {other:?} in #{} by Manager {}",
            call.key, first.index, first.node, call.index, call.node
        )
    };
    differs.map(tell).collect()
}

/// Something else that was done under a name that was used.
fn misused(name: &str, request: &Request<'_>, told: &Told) -> Vec<String> {
    let revision = request.same.iter().find_map(|call| match call.end {
        End::Done { rev, .. } => rev,
        _ => None,
    });
    let wrong = request.misuses.iter().filter(|call| match &call.end {
        End::Done { .. } => revision.is_none_or(|rev| !told.may_have_forgotten(rev, call.returned)),
        End::Not(_) => call.end.refusal().is_some_and(|code| code != REUSED),
        End::Unknown => false,
    });
    wrong
        .map(|call| {
            format!(
                "something else under {name} ended {:?} in #{} at Manager {}, not {REUSED}",
                call.end, call.index, call.node
            )
        })
        .collect()
}

/// What each property was, as revisions and values, newest first.
type Pasts<'a> = HashMap<&'a str, Vec<(u64, &'a Value)>>;

fn pasts(lines: &[Line]) -> Pasts<'_> {
    let of_it = lines.iter().filter(|line| line.is_by("final") && line.f == "past");
    of_it
        .filter_map(|line| {
            let items = line.value.as_array()?;
            let items = items.iter().filter_map(|item| Some((item[0].as_u64()?, &item[1])));
            Some((line.key.as_deref()?, items.collect()))
        })
        .collect()
}

/// Whether each change stands in the past as it was told; how many properties were not read.
fn judge_pasts(
    requests: &BTreeMap<&str, Request<'_>>,
    pasts: &Pasts<'_>,
    because: &mut Vec<String>,
) -> usize {
    let mut unread: Vec<&str> = Vec::new();
    for (name, request) in requests {
        let Some(ask) = request.same.first() else { continue };
        let Some(past) = pasts.get(ask.key) else {
            unread.push(ask.key);
            continue;
        };
        because.extend(misdone(name, ask, request, past));
    }
    unread.sort_unstable();
    unread.dedup();
    unread.len()
}

fn misdone(
    name: &str,
    ask: &Call<'_>,
    request: &Request<'_>,
    past: &[(u64, &Value)],
) -> Vec<String> {
    let mut because = Vec::new();
    let effects_of = |value: &Value| -> Vec<u64> {
        past.iter().filter(|(_, was)| *was == value).map(|(rev, _)| *rev).collect()
    };
    for misuse in &request.misuses {
        if !effects_of(misuse.value).is_empty() {
            because.push(format!("{} has a value that was sent under the used {name}", ask.key));
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
        because.push(format!(
            "{name} ({} = {}) was answered {answer:?} and took effect at revisions {effects:?}",
            ask.key, ask.value
        ));
    }
    because
}
