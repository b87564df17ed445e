//! All Managers come to the same facts (promise 6; row 100), within a bound that is counted from when nothing was broken and
//! no client changed anything any more: facts that still change are never the same at one moment.
//!
//! A Manager tells the digest of its facts with the revision it was taken at. Digests at equal revisions must be equal,
//! always; and all must come to one revision that is not below what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::Finding;
use crate::changes::Changes;
use crate::history::{Kind, Line, Process};

const CHECK: &str = "convergence";
/// The bound, as row 100 has it.
pub const BOUND: Duration = Duration::from_secs(30);

/// Judges the digests that were told at the end. `told_before`: what the run itself said, for one that was kept by a harness
/// that did not yet write them down.
pub fn check(lines: &[Line], managers: &[u64], told_before: Option<&Value>) -> Finding {
    let Some(quiet) = lines.iter().rfind(|line| line.is_by("final") && line.f == "quiet") else {
        return as_told_before(lines, told_before);
    };
    let told: Vec<&Line> = lines[usize::try_from(quiet.index).unwrap_or(0)..]
        .iter()
        .filter(|line| line.is_by("final") && line.f == "digest")
        .collect();
    let different = different(&told);
    if !different.is_empty() {
        return Finding::against(CHECK, different, Value::Null);
    }
    let floor = acknowledged(lines);
    if let Some((revision, at)) = met(&told, managers, floor) {
        let took = at.saturating_sub(quiet.time);
        let late = Duration::from_nanos(took) > BOUND;
        let because = late.then(|| {
            format!(
                "all came to revision {revision} after {} ms, more than {BOUND:?}",
                took / 1_000_000
            )
        });
        let facts = json!({ "revision": revision, "convergence_ms": took / 1_000_000 });
        return Finding::against(CHECK, Vec::from_iter(because), facts);
    }
    let enough = lines.iter().rfind(|line| line.is_by("final") && line.f == "enough");
    let looked = enough.map_or(0, |enough| enough.time.saturating_sub(quiet.time));
    let silent: Vec<&u64> =
        managers.iter().filter(|id| !told.iter().any(|line| line.node == Some(**id))).collect();
    if !silent.is_empty() {
        return Finding::unknown(CHECK, format!("Managers {silent:?} did not answer"));
    }
    if Duration::from_nanos(looked) < BOUND {
        return Finding::unknown(
            CHECK,
            format!("it was looked for {} ms only", looked / 1_000_000),
        );
    }
    let last: BTreeMap<u64, &Value> =
        told.iter().filter_map(|line| Some((line.node?, &line.value["revision"]))).collect();
    let last: Vec<String> = last.iter().map(|(id, at)| format!("Manager {id} at {at}")).collect();
    let because = format!(
        "not at one revision from {floor} on within {} s: {}",
        looked / 1_000_000_000,
        last.join(", ")
    );
    Finding::against(CHECK, vec![because], json!({ "looked_ms": looked / 1_000_000 }))
}

/// Equal revisions, and other facts.
fn different(told: &[&Line]) -> Vec<String> {
    let mut at: BTreeMap<u64, BTreeMap<&str, BTreeSet<u64>>> = BTreeMap::new();
    for line in told {
        let Some((revision, digest)) = digest(line) else { continue };
        let ids = at.entry(revision).or_default().entry(digest).or_default();
        ids.extend(line.node);
    }
    let differ = at.iter().filter(|(_, digests)| digests.len() > 1);
    differ
        .map(|(revision, told)| format!("different facts at revision {revision}: {told:?}"))
        .collect()
}

fn digest(line: &Line) -> Option<(u64, &str)> {
    Some((line.value["revision"].as_u64()?, line.value["value"].as_str()?))
}

/// The first revision at which all were, and when the last of them was.
fn met(told: &[&Line], managers: &[u64], floor: u64) -> Option<(u64, u64)> {
    let mut at: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
    for line in told {
        let (Some((revision, _)), Some(node)) = (digest(line), line.node) else { continue };
        at.entry(revision).or_default().entry(node).or_insert(line.time);
    }
    let all = at.into_iter().filter(|(revision, _)| *revision >= floor);
    all.filter_map(|(revision, times)| {
        let mut times = managers.iter().map(|id| times.get(id).copied());
        Some((revision, times.try_fold(0, |last, at| Some(last.max(at?)))?))
    })
    .min_by_key(|(_, at)| *at)
}

/// The highest revision of a change that a client was told of.
fn acknowledged(lines: &[Line]) -> u64 {
    let done = lines
        .iter()
        .filter(|line| matches!(line.process, Process::Client(_)) && line.kind == Kind::Ok);
    let changes = done.filter(|line| Changes::by(&line.f) == Some(Changes::Property));
    changes.filter_map(|line| line.rev).max().unwrap_or(0)
}

/// The run's own word, and how long it was at most: from the last of the other final reads to the last probe, which was
/// told to stop once all had met.
fn as_told_before(lines: &[Line], told_before: Option<&Value>) -> Finding {
    let Some(told) = told_before else {
        return Finding::unknown(CHECK, "nobody's digest was written down at the end");
    };
    let because: Vec<String> = told["because"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| it.as_str().map(str::to_owned))
        .collect();
    match told["valid"].as_bool() {
        Some(false) => return Finding::against(CHECK, because, told["facts"].clone()),
        Some(true) => {}
        None => return Finding::unknown(CHECK, because.join("; ")),
    }
    let since = lines.iter().rfind(|line| line.is_by("final")).map(|line| line.time);
    let probes = lines.iter().filter(|line| line.is_by("probe"));
    let until = probes.filter_map(|line| line.value["received"].as_u64()).max();
    let at_most = since.zip(until).map(|(since, until)| until.saturating_sub(since));
    let facts = json!({
        "revision": told["facts"]["revision"],
        "convergence_ms": "not written down by this run",
        "at_most_ms": at_most.map(|ns| ns / 1_000_000),
    });
    match at_most {
        Some(ns) if Duration::from_nanos(ns) <= BOUND => Finding::against(CHECK, Vec::new(), facts),
        _ => {
            let because = "all came to one revision; when was not written down";
            Finding { facts, ..Finding::unknown(CHECK, because) }
        }
    }
}
