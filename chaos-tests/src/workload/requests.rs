//! Requests that are repeated: at once at two Managers, a moment later, half a minute later; at other Managers, after
//! other changes of the same property, across whatever was broken meanwhile. And under a key that was used, with
//! something else in it. `checker/once.rs` judges what came of them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::RngExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Asked, CHANGED, NOTHING_THERE, Refusal, Shared, Worker, settles};
use crate::client::{Answer, Call, Client, Reply};

/// Properties are named so.
pub const PREFIX: &str = "q.";
/// Changes of a property until it is left for a new one: its history is read in one page.
const CHANGES_PER_KEY: u64 = 150;
/// How often a request is repeated.
const REPEATS: u32 = 3;
/// How many others may have begun since a request that is repeated. The group remembers the last 16,384 keys, as its contract
/// says, and more of them are asked for while a repetition is under way.
const OTHERS_MAX: u64 = 12_000;
/// How long a repetition is put off at most.
const PUT_OFF_MS: std::ops::Range<u64> = 100..25_000;
const THINK_MS: std::ops::Range<u64> = 20..80;
/// The only answer to something else under a key that was used.
const REUSED: &[Refusal] = &[(422, "KEY_REUSED")];

/// A request to be repeated.
struct Pending {
    key: String,
    value: Value,
    call: Call,
    due: Instant,
    left: u32,
    /// How many requests had begun before it, everybody's.
    begun_before: u64,
    /// Whether it surely has its answer, so that nothing else may be done under its name.
    answered: bool,
}

impl Pending {
    /// Whether the group need not remember it by the time a repetition is judged, when so many requests have begun.
    fn may_be_forgotten(&self, begun: u64) -> bool {
        begun.saturating_sub(self.begun_before) > OTHERS_MAX
    }
}

/// Asks and repeats until told to stop.
pub async fn run(shared: Arc<Shared>, number: u64) {
    let mut client =
        Requests { worker: Worker::new(&shared, number), pending: Vec::new(), asked: 0 };
    while shared.going_on() {
        let due = client.pending.iter().position(|pending| pending.due <= Instant::now());
        match due {
            Some(due) => client.repeat(due).await,
            None => client.ask().await,
        }
        let think_ms = client.worker.random.random_range(THINK_MS);
        sleep(Duration::from_millis(think_ms)).await;
    }
}

struct Requests {
    worker: Worker,
    pending: Vec<Pending>,
    asked: u64,
}

impl Requests {
    /// A new request: first the deletion of what is not there, then changes, some on a condition that does not hold.
    async fn ask(&mut self) {
        let change = self.asked % CHANGES_PER_KEY;
        let key = format!("{PREFIX}{}.{}", self.worker.number, self.asked / CHANGES_PER_KEY);
        self.asked += 1;
        let new = self.worker.shared.next_value().to_string();
        let (value, mut call) = match change {
            0 => (Value::Null, Call::change(Method::DELETE, path(&key), None)),
            _ => (json!(new), put(&key, &new)),
        };
        let impossible = change > 1 && self.worker.random.random_bool(0.1);
        call.if_match = impossible.then_some(0);
        let begun_before = self.worker.shared.requests.load(Ordering::Relaxed);
        call.request = Some(self.worker.new_request());
        let asked = asked("ask", &key, value.clone(), earned(&call));
        let at = self.worker.any();
        let twice = self.worker.random.random_bool(0.2);
        let reply = match twice {
            true => self.twice(asked, &at, call.clone()).await,
            false => self.worker.ask(asked, &at, call.clone()).await,
        };
        let answered = settles(&reply);
        let due = self.put_off();
        self.pending.push(Pending { key, value, call, due, left: REPEATS, begun_before, answered });
    }

    /// At two Managers at the same time.
    async fn twice(&mut self, once: Asked, at: &Client, call: Call) -> Reply {
        let again = asked("again", &once.key, once.value.clone(), once.expected);
        let elsewhere = self.worker.any();
        let (worker, process) = (&self.worker, self.worker.new_process());
        let (first, second) = tokio::join!(
            worker.ask_as(worker.process, once, at, call.clone()),
            worker.ask_as(process, again, &elsewhere, call),
        );
        self.worker.go_on_after(&first).await;
        if settles(&first) { first } else { second }
    }

    async fn repeat(&mut self, due: usize) {
        let mut pending = self.pending.swap_remove(due);
        if pending.may_be_forgotten(self.worker.shared.requests.load(Ordering::Relaxed)) {
            return;
        }
        let at = self.worker.any();
        if pending.answered && self.worker.random.random_bool(0.2) {
            self.misuse(&pending, &at).await;
        }
        let expected = earned(&pending.call);
        let again = asked("again", &pending.key, pending.value.clone(), expected);
        let reply = self.worker.ask(again, &at, pending.call.clone()).await;
        pending.answered |= settles(&reply);
        pending.left -= 1;
        pending.due = self.put_off();
        if pending.left > 0 {
            self.pending.push(pending);
        }
    }

    /// Something else under the name of a request that has its answer.
    async fn misuse(&mut self, pending: &Pending, at: &Client) {
        let new = self.worker.shared.next_value().to_string();
        let request = pending.call.request.clone();
        let call = Call { request, ..put(&pending.key, &new) };
        let misuse = asked("misuse", &pending.key, json!(new), REUSED);
        self.worker.ask(misuse, at, call).await;
    }

    fn put_off(&mut self) -> Instant {
        let later_ms = self.worker.random.random_range(PUT_OFF_MS);
        // Most come soon, some late.
        let share = self.worker.random.random_range(0.0..1.0_f64).powi(2);
        Instant::now() + Duration::from_millis(later_ms).mul_f64(share)
    }
}

fn asked(f: &'static str, key: &str, value: Value, expected: &'static [Refusal]) -> Asked {
    Asked { f, key: key.to_owned(), value, expected, tells: Some(shown) }
}

/// The refusals that such a request may earn: that its condition does not hold, or that there is nothing to delete.
fn earned(call: &Call) -> &'static [Refusal] {
    match call.if_match {
        Some(_) => CHANGED,
        None if call.method == Method::DELETE => NOTHING_THERE,
        None => &[],
    }
}

/// All that was answered, since a repetition is to tell the same.
fn shown(answer: &Answer) -> Value {
    json!({ "status": answer.status, "object": answer.body })
}

fn path(key: &str) -> String {
    format!("/properties/custom/{key}")
}

fn put(key: &str, value: &str) -> Call {
    Call::change(Method::PUT, path(key), Some(json!({ "value": value })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_written_down_with_its_status_and_its_object() {
        let body = json!({ "value": "7" });
        let answer = Answer { status: 200, body, revision: Some(5), etag: Some(5) };
        assert_eq!(shown(&answer), json!({ "status": 200, "object": { "value": "7" } }));
    }

    #[tokio::test]
    async fn a_request_is_repeated_only_while_the_group_has_to_remember_it() {
        let (key, value, due) = (format!("{PREFIX}1.0"), json!("7"), Instant::now());
        let call = put(&key, "7");
        let pending =
            Pending { key, value, call, due, left: REPEATS, begun_before: 500, answered: true };
        assert!(!pending.may_be_forgotten(500) && !pending.may_be_forgotten(500 + OTHERS_MAX));
        assert!(pending.may_be_forgotten(501 + OTHERS_MAX));
    }

    #[test]
    fn a_request_is_refused_only_for_its_condition_or_for_nothing_to_delete() {
        let free = put("q.1.0", "7");
        assert!(earned(&free).is_empty());
        assert_eq!(earned(&Call { if_match: Some(0), ..free }), CHANGED);
        let delete = Call::change(Method::DELETE, path("q.1.0"), None);
        assert_eq!(earned(&delete), NOTHING_THERE);
    }

    #[test]
    fn a_refusal_is_expected_with_its_own_status_alone() {
        assert!(CHANGED.contains(&(412, "CHANGED")) && !CHANGED.contains(&(409, "CHANGED")));
    }
}
