//! An epoch fences off everything before it (promise 2): it is a revision, higher than all that was acknowledged while an
//! earlier tenure was still held. What hosts make of epochs is judged in `fencing`.

use serde_json::json;

use super::Finding;
use super::one_active::{Tenure, tenures};
use crate::history::{Kind, Line, Process};

const CHECK: &str = "epochs";

/// Judges tenures against every revision that a client was told, whatever it had asked for.
pub fn check(lines: &[Line]) -> Finding {
    let (tenures, told) = (tenures(lines), told(lines));
    if tenures.is_empty() {
        return Finding::unknown(CHECK, "no probe ever saw an Active");
    }
    if told.is_empty() {
        return Finding::unknown(CHECK, "no client was told any revision");
    }
    let facts = json!({ "tenures": tenures.len() });
    Finding::against(CHECK, below_its_past(&tenures, &told), facts)
}

/// When which revisions were told to clients, in the order of time.
fn told(lines: &[Line]) -> Vec<(u64, u64)> {
    let done = lines
        .iter()
        .filter(|line| line.kind == Kind::Ok && matches!(line.process, Process::Client(_)));
    let mut told: Vec<_> = done.filter_map(|line| Some((line.time, line.rev?))).collect();
    told.sort_unstable();
    told
}

/// Epochs that are not higher than a revision told while somebody else, or they themselves, held an earlier one.
fn below_its_past(tenures: &[Tenure], told: &[(u64, u64)]) -> Vec<String> {
    let mut in_time: Vec<_> = tenures.iter().collect();
    in_time.sort_unstable_by_key(|tenure| tenure.begun_by);
    let newest_by = |time: u64| {
        let earlier = told.iter().take_while(|(returned, _)| *returned < time);
        earlier.map(|(_, revision)| *revision).max().unwrap_or(0)
    };
    let pairs = in_time.iter().zip(in_time.iter().skip(1));
    pairs
        .filter_map(|(before, after)| {
            let newest = newest_by(before.held_until.min(after.begun_by));
            (after.epoch <= newest).then(|| {
                let Tenure { epoch, manager, .. } = after;
                format!(
                    "Manager {manager} became Active in epoch {epoch} after revision {newest} was told in epoch {}",
                    before.epoch
                )
            })
        })
        .collect()
}
