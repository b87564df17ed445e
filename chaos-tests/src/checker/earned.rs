//! What a request cannot have come to: a refusal for a condition that it did not name or for nothing to delete where it deletes
//! nothing, a new key that is called used, and an effect although its condition did not hold.
//!
//! A history from before 30 November 2026, evening, does not tell conditions, and there any request may have had one.

use super::Objection;
use super::calls::{Call, End};
use super::once::{Past, Told, objection};

/// Whether the history tells conditions: with so many requests some have one.
pub(super) fn are_conditions_told(all: &[Call<'_>]) -> bool {
    all.iter().any(|call| call.if_match.is_some())
}

/// Refusals that none of the tries of one request can have earned.
pub(super) fn unearned(
    name: &str,
    same: &[Call<'_>],
    conditions_told: bool,
    told: &Told,
) -> Vec<Objection> {
    let wrong = same.iter().filter_map(|call| {
        let code = call.end.refusal()?;
        let earned = match said(code) {
            "CHANGED" => call.if_match.is_some() || !conditions_told,
            "NO_SUCH_PROPERTY" => call.value.is_null(),
            // Whoever forgot it may have taken something else under that key since.
            "KEY_REUSED" => is_forgotten(same, told, call.returned),
            // What says nothing of the change is no matter of this request; the check of all answers judges it.
            _ => true,
        };
        (!earned).then(|| {
            let because = format!(
                "{name} ({} = {}) was refused with {code} in #{} at Manager {}, which it did not earn",
                call.key, call.value, call.index, call.node
            );
            objection(because, &[call])
        })
    });
    wrong.collect()
}

fn is_forgotten(same: &[Call<'_>], told: &Told, time: u64) -> bool {
    same.iter().any(|call| match call.end {
        End::Done { rev: Some(rev), .. } => told.may_have_forgotten(rev, time),
        End::Done { .. } | End::Not(_) | End::Unknown => false,
    })
}

/// The code of a refusal, without the status by which one that nobody expected is written down.
pub(super) fn said(code: &str) -> &str {
    code.rsplit(' ').next().unwrap_or(code)
}

/// Whether it is of the request itself, and not of who asks or how often.
pub(super) fn is_of_the_request(code: &str) -> bool {
    matches!(said(code), "CHANGED" | "NO_SUCH_PROPERTY" | "KEY_REUSED")
}

/// Effects of a request, by their revisions, that came although there was something and was to be nothing, or the other way
/// round.
pub(super) fn against_its_condition(
    name: &str,
    ask: &Call<'_>,
    effects: &[u64],
    past: &Past<'_>,
) -> Vec<Objection> {
    let was_there = |rev: u64| past.before(rev).is_some_and(|value| !value.is_null());
    let wrong = effects.iter().filter_map(|rev| {
        let what = match (was_there(*rev), ask.value.is_null()) {
            (true, false) if ask.if_match == Some(0) => "must not have existed, and did",
            (false, true) => "was deleted, and did not exist",
            _ => return None,
        };
        let because = format!("{} {what} when {name} took effect at revision {rev}", ask.key);
        Some(Objection { because, shown: past.at, lines: vec![ask.index, past.line] })
    });
    wrong.collect()
}
