//! An epoch fences off everything before it (promise 2): it is a revision, higher than all that was acknowledged while an
//! earlier tenure was still held. What hosts make of epochs is judged in `fencing`.

use std::collections::HashMap;

use serde_json::json;

use super::one_active::{Tenure, tenures};
use super::{Finding, Objection};
use crate::history::{Kind, Line, Process};

const CHECK: &str = "epochs";

/// A revision that a client was told.
struct Heard<'a> {
    at: u64,
    revision: u64,
    /// What the client asked; where that is not known, the answer.
    asked: &'a Line,
    answered: &'a Line,
}

/// Judges tenures against every revision that a client was told, whatever it had asked for.
pub fn check(lines: &[Line]) -> Finding {
    let (tenures, heard) = (tenures(lines), heard(lines));
    if tenures.is_empty() {
        return Finding::unknown(CHECK, "no probe ever saw an Active");
    }
    let mut against = of_no_revision(&tenures);
    // What is wrong already is.
    if heard.is_empty() && against.is_empty() {
        return Finding::unknown(CHECK, "no client was told any revision");
    }
    against.extend(below_its_past(&tenures, &heard));
    Finding::shown(CHECK, against, json!({ "tenures": tenures.len() }))
}

/// Epochs that are none: revisions begin at 1, and whoever tells no epoch is read as telling 0.
fn of_no_revision(tenures: &[Tenure<'_>]) -> Vec<Objection> {
    let none = tenures.iter().filter(|tenure| tenure.epoch == 0);
    let object = |tenure: &Tenure<'_>| {
        let because = format!("Manager {} was Active in epoch 0", tenure.manager);
        Objection::of(&because, vec![tenure.begun_by.line])
    };
    none.map(object).collect()
}

/// Which revisions were told to clients, in the order of time.
fn heard(lines: &[Line]) -> Vec<Heard<'_>> {
    let mut open: HashMap<u64, &Line> = HashMap::new();
    let mut heard = Vec::new();
    for line in lines {
        let Process::Client(process) = line.process else { continue };
        if line.kind == Kind::Invoke {
            open.insert(process, line);
            continue;
        }
        let asked = open.remove(&process).unwrap_or(line);
        if let Some(revision) = line.rev.filter(|_| line.kind == Kind::Ok) {
            heard.push(Heard { at: line.time, revision, asked, answered: line });
        }
    }
    heard.sort_by_key(|it| (it.at, it.revision));
    heard
}

/// Epochs that are not higher than a revision told while somebody else, or they themselves, held an earlier one.
fn below_its_past(tenures: &[Tenure<'_>], heard: &[Heard<'_>]) -> Vec<Objection> {
    let mut in_time: Vec<_> = tenures.iter().collect();
    in_time.sort_unstable_by_key(|tenure| tenure.begun_by.at);
    let newest_by = |time: u64| {
        let earlier = &heard[..heard.partition_point(|it| it.at < time)];
        // The first of several that were told the same.
        earlier.iter().rev().max_by_key(|it| it.revision)
    };
    let pairs = in_time.iter().zip(in_time.iter().skip(1));
    pairs
        .filter_map(|(before, after)| {
            let newest = newest_by(before.held_until.at.min(after.begun_by.at))?;
            (after.epoch <= newest.revision).then(|| {
                let Tenure { epoch, manager, .. } = after;
                let because = format!(
                    "Manager {manager} became Active in epoch {epoch} after revision {} was told in epoch {}",
                    newest.revision, before.epoch
                );
                let tenures = [before.begun_by, before.held_until, after.begun_by];
                let shows = tenures.iter().map(|told| told.line);
                Objection::of(&because, shows.chain([newest.asked, newest.answered]).collect())
            })
        })
        .collect()
}
