//! Whoever signed in is known at every Manager until they sign out, and at none afterwards (promise 28).
//!
//! By real time alone: a look that began after the sign-in had ended and was answered before any sign-out began knows the
//! person; one that began after a sign-out had ended does not; and who was not known once is not known later.

use std::collections::BTreeMap;

use serde_json::json;

use super::Finding;
use super::calls::{Call, End, calls};
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
    let because = sessions.iter().flat_map(|(name, calls)| judge(name, calls)).collect();
    let looks = all.iter().filter(|call| call.f == "me").count();
    Finding::against(CHECK, because, json!({ "sessions": begun, "looks": looks }))
}

/// Whether a call found the person known; `None` when it tells nothing.
fn known(call: &Call<'_>) -> Option<bool> {
    match &call.end {
        End::Done { .. } => Some(true),
        End::Not(code) if code == STRANGER => Some(false),
        End::Not(_) | End::Unknown => None,
    }
}

fn judge(name: &str, calls: &[&Call<'_>]) -> Vec<String> {
    let of = |f: &'static str| calls.iter().filter(move |call| call.f == f);
    let done = |call: &&&Call<'_>| matches!(call.end, End::Done { .. });
    let begun = of("login").filter(done).map(|call| call.returned).min();
    let Some(begun) = begun else { return Vec::new() };
    let leaves = of("logout").map(|call| call.invoked).min().unwrap_or(u64::MAX);
    let left = of("logout").filter(done).map(|call| call.returned).min().unwrap_or(u64::MAX);
    // A sign-out by somebody who is not known is a look as well.
    let looks = calls.iter().filter(|call| call.f != "login");
    let stranger = looks.clone().filter(|call| known(call) == Some(false) && call.invoked > begun);
    let stranger_at = stranger.map(|call| call.returned).min().unwrap_or(u64::MAX);
    let tell = |call: &Call<'_>, what: &str| {
        Some(format!("{name}: Manager {} {what} in #{} ({})", call.node, call.index, call.f))
    };
    let wrong = |call: &&&Call<'_>| match known(call)? {
        false if call.invoked > begun && (call.returned < leaves || call.invoked == leaves) => {
            tell(call, "did not know somebody who had signed in and not out")
        }
        true if call.invoked > left => tell(call, "knew somebody who had signed out"),
        true if call.invoked > stranger_at => {
            tell(call, "knew somebody who had not been known before")
        }
        _ => None,
    };
    looks.filter_map(|call| wrong(&call)).collect()
}
