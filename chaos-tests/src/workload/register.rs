//! Registers: read, write, compare-and-set and delete on a few `custom` properties through every Manager.
//!
//! A key is used for a while and then left for a new one, so that each key's history stays small enough to judge.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Shared, Worker, as_written};
use crate::client::{Answer, Call, Reply};
use crate::history::Action;

/// What the name of a register begins with; the number of its place is next.
const PREFIX: &str = "r";
/// Keys in use at one time.
const KEYS: usize = 8;
/// Calls on a key until it is left.
const CALLS_PER_KEY: u64 = 250;
const THINK_MS: std::ops::Range<u64> = 2..16;

/// The keys in use, and how often each place was called on.
#[derive(Debug, Default)]
pub struct Keys([AtomicU64; KEYS]);

impl Keys {
    fn next(&self, place: usize) -> String {
        let calls = self.0[place].fetch_add(1, Ordering::Relaxed);
        format!("{PREFIX}{place}.{}", calls / CALLS_PER_KEY)
    }
}

/// Whether a property of this name is a register.
pub fn is_named(name: &str) -> bool {
    let place = name.strip_prefix(PREFIX);
    place.is_some_and(|place| place.starts_with(|it: char| it.is_ascii_digit()))
}

/// What a client last knew of a key: value and revision of its last change.
type Known = Option<(u64, u64)>;

/// Calls until told to stop.
pub async fn run(shared: Arc<Shared>, keys: Arc<Keys>, number: u64) {
    let mut worker = Worker::new(&shared, number);
    let mut known: HashMap<String, Known> = HashMap::new();
    while shared.going_on() {
        let key = keys.next(worker.random.random_range(0..KEYS));
        let action = choose(&mut worker, known.get(&key).copied());
        let call = call(&key, action, known.get(&key).copied().flatten());
        let reply = worker.perform(&key, action, call, value_of).await;
        learn(&mut known, key, action, &reply);
        let think_ms = worker.random.random_range(THINK_MS);
        sleep(Duration::from_millis(think_ms)).await;
    }
}

/// 45 % reads, 20 % writes, 25 % compare-and-sets of what this client last knew, 10 % deletions.
fn choose(worker: &mut Worker, known: Option<Known>) -> Action {
    let dice = worker.random.random_range(0..100_u8);
    let new = worker.shared.next_value();
    let expect = known.flatten().map(|(value, _)| value);
    match dice {
        0..45 => Action::Read,
        45..65 => Action::Write(new),
        65..90 => Action::Cas { expect, new },
        90.. => Action::Delete,
    }
}

fn call(key: &str, action: Action, known: Known) -> Call {
    let path = format!("/properties/custom/{key}");
    let put = |value: u64| {
        let body = json!({ "value": value.to_string() });
        Call::change(Method::PUT, path.clone(), Some(body))
    };
    match action {
        Action::Read => Call::get(path),
        Action::Write(value) | Action::Add(value) => put(value),
        Action::Cas { new, .. } => {
            Call { if_match: Some(known.map_or(0, |(_, revision)| revision)), ..put(new) }
        }
        Action::Delete => Call::change(Method::DELETE, path, None),
    }
}

fn value_of(answer: &Answer) -> Value {
    told(&answer.body["value"])
}

/// The value of a register that is there, as it is written down. What is no number that a client writes, or is missing, is
/// told as something odd: it is not nothing.
pub fn told(value: &Value) -> Value {
    let number = value.as_str().and_then(as_written);
    number.map_or_else(|| json!({ "odd": value }), Value::from)
}

fn number(answer: &Answer) -> Option<u64> {
    as_written(answer.body["value"].as_str()?)
}

fn learn(known: &mut HashMap<String, Known>, key: String, action: Action, reply: &Reply) {
    match (action, reply) {
        (Action::Delete, Reply::Done(_)) => known.insert(key, None),
        (_, Reply::Done(answer)) => known.insert(key, number(answer).zip(answer.etag)),
        (_, Reply::Refused { .. } | Reply::Untried(_) | Reply::Unknown(_)) => known.remove(&key),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{NOBODYS, seen};

    #[test]
    fn a_register_is_told_from_whatever_else_begins_as_it_does() {
        let keys = Keys::default();
        assert!(is_named(&keys.next(KEYS - 1)) && is_named("r0.0"));
        assert!(!["r", "recovered", "r.0", "a.0", "0"].into_iter().any(is_named));
    }

    #[test]
    fn a_value_that_nobody_can_have_written_is_not_read_as_nothing() {
        assert_eq!(seen(&told(&json!("7"))), Some(7));
        for odd in [json!("garbage"), json!(""), json!("+7"), json!(7), Value::Null] {
            assert_eq!(seen(&told(&odd)), Some(NOBODYS), "{odd}");
        }
        assert_eq!(seen(&Value::Null), None);
    }
}
