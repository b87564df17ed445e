//! Without a ZooKeeper everything works (promise 29): every Manager tells at the end that it is away, and every other check holds.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::evidence::Evidence;
use crate::checker::{Finding, Valid};

const CHECK: &str = "zookeeper";

/// A ZooKeeper that never came: every Manager tells that it is missed, and nobody tells of having seen it.
pub(super) fn check(evidence: &Evidence) -> Finding {
    let told = evidence.lines.iter().filter(|line| line.is_by("final") && line.f == "zookeeper");
    let told: BTreeMap<u64, &Value> =
        told.filter_map(|line| Some((line.node?, &line.value))).collect();
    if told.is_empty() {
        return match evidence.finding_before(CHECK) {
            Some(before) => as_before(CHECK, before),
            None => Finding::unknown(CHECK, "nobody told of ZooKeeper at the end"),
        };
    }
    let wrong = told.iter().filter(|(_, watch)| {
        watch["error"].is_null() && (watch["state"] != "away" || watch["since"].is_null())
    });
    let because: Vec<String> =
        wrong.map(|(id, watch)| format!("Manager {id} tells of {watch}")).collect();
    let silent: Vec<u64> = evidence
        .managers()
        .into_iter()
        .filter(|id| told.get(id).is_none_or(|watch| !watch["error"].is_null()))
        .collect();
    if because.is_empty() && !silent.is_empty() {
        return Finding::unknown(CHECK, format!("Managers {silent:?} did not tell of ZooKeeper"));
    }
    let since: BTreeMap<&u64, &Value> = told.iter().map(|(id, it)| (id, &it["since"])).collect();
    Finding::against(CHECK, because, json!({ "away_since": since }))
}

/// What a run of before said itself.
fn as_before(check: &'static str, before: &Value) -> Finding {
    let because = before["because"].as_array().into_iter().flatten();
    let because: Vec<String> = because.filter_map(|it| it.as_str().map(str::to_owned)).collect();
    let valid = match before["valid"].as_bool() {
        Some(true) => Valid::Yes,
        Some(false) => Valid::No,
        None => Valid::Unknown,
    };
    Finding { valid, ..Finding::against(check, because, before["facts"].clone()) }
}
