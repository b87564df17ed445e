//! Nothing but what the contract allows is ever answered (promise 4). A code after a status is one that no client here asked
//! for; an outcome that is unknown is allowed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Finding;
use crate::history::{Line, Process};

const CHECK: &str = "answers";

/// Judges every answer that a client was given.
pub fn check(lines: &[Line]) -> Finding {
    let mut odd: BTreeMap<&str, u64> = BTreeMap::new();
    let clients = lines.iter().filter(|line| matches!(line.process, Process::Client(_)));
    for line in clients {
        let error = line.error.as_deref().unwrap_or_default();
        let with_status = error.starts_with(|first: char| first.is_ascii_digit());
        if with_status && error != "504 UNKNOWN_OUTCOME" {
            *odd.entry(error).or_default() += 1;
        }
    }
    let because = odd.iter().map(|(error, times)| format!("{error} was answered {times} times"));
    Finding::against(CHECK, because.collect(), Value::Null)
}
