//! Lists: whoever appends reads a list, which is whole in one property, and writes it back with one element more, on
//! the condition that nobody changed it since. All clients share the lists and go at one moment, so that they race.
//! `checker/append.rs` judges what became of the lists.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{Asked, CHANGED, NOTHING_THERE, Shared, Worker, as_written};
use crate::client::{Answer, Call, Reply};

/// How a list is named.
pub const PREFIX: &str = "a.";
/// Stands between two elements.
pub const BETWEEN: &str = " ";
/// Lists in use at one time: fewer than there are clients.
const PRESENT: usize = 2;
/// Elements after which a list is left for a new one. With numbers of ten digits that is a tenth of what a property holds.
const ELEMENTS: usize = 40;
/// Most tries of a run: all done they fill five hundred lists, and the group takes 10,000 free names, which others need.
const TRIES_MAX: u32 = 20_000;
/// From one try of each client to the next when there is room enough.
const ROUND: Duration = Duration::from_millis(40);
/// So much later than all others a client may go.
const LATE_MS: std::ops::Range<u64> = 0..15;

/// How many lists were filled before each that is in use.
#[derive(Debug, Default)]
pub struct Lists([AtomicU64; PRESENT]);

impl Lists {
    fn present(&self, place: usize) -> u64 {
        self.0[place].load(Ordering::Relaxed)
    }

    /// That several find a list full fills it once.
    fn leave(&self, place: usize, filled: u64) {
        self.0[place].fetch_max(filled + 1, Ordering::Relaxed);
    }
}

/// A list as it was read, and of which revision it is; 0: there was none.
struct Read {
    elements: Vec<u64>,
    revision: u64,
}

/// Appends until told to stop. `clients` of them share what a run of such a length may try.
pub async fn run(shared: Arc<Shared>, lists: Arc<Lists>, number: u64, clients: u32, run: Duration) {
    let mut worker = Worker::new(&shared, number);
    let mut rounds = interval(ROUND.max(run * clients / TRIES_MAX));
    // Whoever was held up goes with the others again.
    rounds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while shared.going_on() {
        rounds.tick().await;
        let late_ms = worker.random.random_range(LATE_MS);
        sleep(Duration::from_millis(late_ms)).await;
        let place = worker.random.random_range(0..PRESENT);
        let filled = lists.present(place);
        let key = format!("{PREFIX}{place}.{filled}");
        match read(&mut worker, &key).await {
            Some(list) if list.elements.len() >= ELEMENTS => lists.leave(place, filled),
            Some(list) => append(&mut worker, &key, list).await,
            None => {}
        }
    }
}

/// Reads a list at any Manager. `None`: nobody told it, or what was told is no list and stays as it is.
async fn read(worker: &mut Worker, key: &str) -> Option<Read> {
    let asked = Asked {
        f: "list",
        key: key.to_owned(),
        value: Value::Null,
        expected: NOTHING_THERE,
        tells: Some(shown),
    };
    let at = worker.any();
    match worker.ask(asked, &at, Call::get(path(key))).await {
        Reply::Done(answer) => {
            let elements = elements(answer.body["value"].as_str()?)?;
            Some(Read { elements, revision: answer.etag? })
        }
        Reply::Refused { status, code } if NOTHING_THERE.contains(&(status, &code)) => {
            Some(Read { elements: Vec::new(), revision: 0 })
        }
        Reply::Refused { .. } | Reply::Untried(_) | Reply::Unknown(_) => None,
    }
}

/// Writes it back with one element more through the client's own Manager.
async fn append(worker: &mut Worker, key: &str, list: Read) {
    let element = worker.shared.next_value();
    let elements = list.elements.iter().chain([&element]).map(u64::to_string);
    let body = json!({ "value": elements.collect::<Vec<_>>().join(BETWEEN) });
    let call = Call {
        if_match: Some(list.revision),
        request: Some(worker.new_request()),
        ..Call::change(Method::PUT, path(key), Some(body))
    };
    let (key, value) = (key.to_owned(), json!(element));
    let asked = Asked { f: "append", key, value, expected: CHANGED, tells: None };
    worker.insist(asked, call).await;
}

fn path(key: &str) -> String {
    format!("/properties/custom/{key}")
}

fn shown(answer: &Answer) -> Value {
    told(&answer.body["value"])
}

/// A property's value as it is written down: its elements, or itself when it is no list.
pub fn told(value: &Value) -> Value {
    let elements = value.as_str().and_then(elements);
    elements.map_or_else(|| value.clone(), |elements| json!(elements))
}

/// The elements of a list; `None`: it is none.
pub fn elements(value: &str) -> Option<Vec<u64>> {
    value.split(BETWEEN).map(as_written).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_written_down_as_its_elements_and_what_is_none_as_it_is() {
        assert_eq!(told(&json!("7 12 9")), json!([7, 12, 9]));
        for none in [json!("7  9"), json!("7 +9"), json!("fresh"), json!(""), Value::Null] {
            assert_eq!(told(&none), none);
        }
    }

    #[test]
    fn a_full_list_is_left_once_whoever_finds_it_full() {
        let lists = Lists::default();
        lists.leave(1, 0);
        lists.leave(1, 0);
        assert_eq!((lists.present(0), lists.present(1)), (0, 1));
    }
}
