//! Whoever signed in is known at every Manager until they sign out, and at none afterwards (promise 28).
//!
//! By real time alone: a look that began after the sign-in had ended and was answered before any sign-out began knows the
//! person; one that began after a sign-out had ended does not; and who was not known once is not known later. Whoever is known
//! is told as who signed in, and as nobody else.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::calls::{Call, End, calls};
use super::{Finding, Objection};
use crate::history::Line;

const CHECK: &str = "sessions";
const STRANGER: &str = "UNAUTHENTICATED";

/// Judges all sessions.
pub fn check(lines: &[Line]) -> Finding {
    let all = calls(lines, &["login", "me", "logout"]);
    let mut sessions: BTreeMap<&str, Vec<&Call<'_>>> = BTreeMap::new();
    all.iter().for_each(|call| sessions.entry(call.key).or_default().push(call));
    let signed_in = |call: &&Call<'_>| call.f == "login" && matches!(call.end, End::Done { .. });
    let begun = all.iter().filter(signed_in).count();
    if begun == 0 {
        return Finding::unknown(CHECK, "nobody signed in");
    }
    let against = sessions.iter().flat_map(|(name, calls)| judge(name, calls)).collect();
    let looks = all.iter().filter(|call| call.f == "me").count();
    Finding::shown(CHECK, against, json!({ "sessions": begun, "looks": looks }))
}

/// Who signed in: a session is called by the name of its person and a number (`workload/sessions.rs`).
fn person(session: &str) -> &str {
    session.rsplit_once('.').map_or(session, |(person, _)| person)
}

/// Whom a look told instead of the one who signed in.
fn mistaken<'a>(call: &'a Call<'_>) -> Option<&'a Value> {
    match &call.end {
        End::Done { told, .. } if call.f == "me" && told != person(call.key) => Some(told),
        End::Done { .. } | End::Not(_) | End::Unknown => None,
    }
}

/// Whether a call found the person known; `None` when it tells nothing.
fn known(call: &Call<'_>) -> Option<bool> {
    match &call.end {
        End::Done { .. } => Some(true),
        End::Not(code) if code == STRANGER => Some(false),
        End::Not(_) | End::Unknown => None,
    }
}

fn judge(name: &str, calls: &[&Call<'_>]) -> Vec<Objection> {
    let of = |f: &'static str| calls.iter().filter(move |call| call.f == f);
    let done = |call: &&&Call<'_>| matches!(call.end, End::Done { .. });
    let Some(login) = of("login").filter(done).min_by_key(|call| call.returned) else {
        return Vec::new();
    };
    let begun = login.returned;
    let leaves = of("logout").map(|call| call.invoked).min().unwrap_or(u64::MAX);
    let logout = of("logout").filter(done).min_by_key(|call| call.returned);
    let left = logout.map_or(u64::MAX, |call| call.returned);
    // A sign-out by somebody who is not known is a look as well.
    let looks = calls.iter().filter(|call| call.f != "login");
    let strangers = looks.clone().filter(|call| known(call) == Some(false) && call.invoked > begun);
    let stranger = strangers.min_by_key(|call| call.returned);
    let stranger_at = stranger.map_or(u64::MAX, |call| call.returned);
    let tell = |call: &Call<'_>, what: &str, since: Option<&&Call<'_>>| {
        let (node, index, f) = (call.node, call.index, call.f);
        let lines = [login.index, index].into_iter().chain(since.map(|call| call.index)).collect();
        let because = format!("{name}: Manager {node} {what} in #{index} ({f})");
        Some(Objection { because, shown: call.returned, lines })
    };
    let wrong = |call: &&&Call<'_>| match known(call)? {
        true if mistaken(call).is_some() => {
            let whom = mistaken(call)?;
            tell(call, &format!("told {whom} of somebody else's session"), None)
        }
        false if call.invoked > begun && (call.returned < leaves || call.invoked == leaves) => {
            tell(call, "did not know somebody who had signed in and not out", None)
        }
        true if call.invoked > left => tell(call, "knew somebody who had signed out", logout),
        true if call.invoked > stranger_at => {
            tell(call, "knew somebody who had not been known before", stranger)
        }
        _ => None,
    };
    looks.filter_map(|call| wrong(&call)).collect()
}
