//! An epoch fences off everything before it (promise 2): it is a revision, higher than all that was acknowledged while an
//! earlier tenure was still held. What hosts make of epochs is judged in `fencing`.

use serde_json::json;

use super::Finding;
use super::one_active::{Tenure, tenures};
use crate::history::{Line, Operation};

const CHECK: &str = "epochs";

/// Judges tenures against what was acknowledged.
pub fn check(operations: &[Operation], lines: &[Line]) -> Finding {
    let tenures = tenures(lines);
    let because = below_its_past(&tenures, operations);
    let facts = json!({ "tenures": tenures.len() });
    match tenures.len() {
        0 => Finding::unknown(CHECK, "no probe ever saw an Active"),
        _ => Finding::against(CHECK, because, facts),
    }
}

/// Epochs that are not higher than a revision told while somebody else, or they themselves, held an earlier one.
fn below_its_past(tenures: &[Tenure], operations: &[Operation]) -> Vec<String> {
    let mut acknowledged: Vec<_> =
        operations.iter().filter_map(|done| Some((done.returned, done.rev?))).collect();
    acknowledged.sort_unstable();
    let mut in_time: Vec<_> = tenures.iter().collect();
    in_time.sort_unstable_by_key(|tenure| tenure.begun_by);
    let newest_by = |time: u64| {
        let earlier = acknowledged.iter().take_while(|(returned, _)| *returned < time);
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
