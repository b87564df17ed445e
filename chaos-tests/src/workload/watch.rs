//! Watchers, following the live events from wherever they were, across every cut, restart and change of the Active: one
//! stays with each Manager, others hang up again and again and go on at another Manager, where they say how far they
//! are. What they are told is written down as it comes; `checker/watch.rs` judges it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use crate::client::Client;
use crate::history::{History, Line};

/// How a watcher is called in the history.
pub const NAME: &str = "watch";
/// A stream sends its status every five seconds; one that says nothing for longer is dead.
const SILENCE_MAX: Duration = Duration::from_secs(8);
/// Pause before the stream is opened again.
const REOPEN_AFTER: Duration = Duration::from_millis(200);
/// How long a watcher may take, after the last change, to be told of it.
pub const CATCH_UP: Duration = Duration::from_secs(15);
/// Longest event that a watcher takes, in bytes.
const EVENT_MAX_BYTES: usize = 1 << 20;
/// How long one that moves stays with a Manager.
const STAY_MS: std::ops::Range<u64> = 300..3_000;

/// Who watches.
pub struct Watch {
    /// How it is called in the history. Nobody else is called so.
    pub name: String,
    /// Where it may watch. It stays with the only one, and moves among several.
    pub clients: Vec<Client>,
    /// What its moves are drawn from.
    pub seed: u64,
}

/// Follows until it is told to stop and has been told of revision `last` (0: at once).
pub async fn run(watch: Watch, history: Arc<History>, stop: Arc<AtomicBool>, last: Arc<AtomicU64>) {
    let Watch { name, clients, seed } = watch;
    let random = StdRng::seed_from_u64(seed);
    let mut watcher =
        Watcher { name, clients, at: 0, random, history, after: None, deadline: None };
    loop {
        let over = || stop.load(Ordering::Relaxed).then(|| last.load(Ordering::Relaxed));
        if watcher.is_done(over()) {
            watcher.record("end", json!({ "after": watcher.after, "owed": over() }));
            return;
        }
        let why = watcher.follow(&over).await;
        watcher.record("close", json!({ "because": why }));
        watcher.at = watcher.random.random_range(0..watcher.clients.len());
        sleep(REOPEN_AFTER).await;
    }
}

struct Watcher {
    name: String,
    clients: Vec<Client>,
    /// Which of them it watches at.
    at: usize,
    random: StdRng,
    history: Arc<History>,
    /// The last revision it was told of wholly.
    after: Option<u64>,
    /// When it gives up to catch up; set once it is to stop.
    deadline: Option<Instant>,
}

impl Watcher {
    fn record(&self, f: &str, value: Value) {
        let (key, node) = (Some(self.name.clone()), self.clients[self.at].node.get());
        self.history.record(Line { key, ..Line::of_harness(NAME, f, Some(node), value) });
    }

    /// When it hangs up by itself.
    fn leaves_at(&mut self) -> Option<Instant> {
        let stay_ms = self.random.random_range(STAY_MS);
        (self.clients.len() > 1).then(|| Instant::now() + Duration::from_millis(stay_ms))
    }

    /// Whether it has seen the end, or waited long enough for it.
    fn is_done(&mut self, end: Option<u64>) -> bool {
        let Some(end) = end else { return false };
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + CATCH_UP);
        self.after.is_some_and(|after| after >= end) || Instant::now() > deadline
    }

    /// Opens the stream and writes down what it tells, to its end; why it ended.
    async fn follow(&mut self, over: &impl Fn() -> Option<u64>) -> String {
        let response = match self.clients[self.at].events(self.after).await {
            Ok(response) => response,
            Err(error) => return error,
        };
        self.record("open", json!({ "after": self.after }));
        let (mut bytes, mut text) = (response.bytes_stream(), Vec::new());
        let leaves_at = self.leaves_at();
        while !self.is_done(over()) {
            let silence_at = Instant::now() + SILENCE_MAX;
            let until = leaves_at.map_or(silence_at, |leaves_at| leaves_at.min(silence_at));
            match timeout_at(until, bytes.next()).await {
                Ok(Some(Ok(part))) => text.extend_from_slice(&part),
                Ok(Some(Err(error))) => return error.to_string(),
                Ok(None) => return "the stream ended".into(),
                Err(_) if until == silence_at => return "silence".into(),
                Err(_) => return "it moves on".into(),
            }
            while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = text.drain(..end + 2).collect();
                self.take(&String::from_utf8_lossy(&event));
            }
            if text.len() > EVENT_MAX_BYTES {
                return "an event without an end".into();
            }
        }
        "done".into()
    }

    fn take(&mut self, event: &str) {
        let field =
            |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let data: Value =
            field("data:").and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
        match field("event:") {
            Some("change") if data["room"] == "properties" => {
                let value = json!({
                    "rev": data["revision"], "subject": data["subject"], "value": data["data"]["value"],
                });
                self.record("event", value);
            }
            Some("resync") => {
                self.record("resync", data.clone());
                self.after = data["revision"].as_u64();
            }
            Some("bookmark") => self.record("bookmark", json!({ "rev": data["revision"] })),
            // Other rooms, status and keep-alive lines say nothing of what clients here change.
            _ => {}
        }
        if let Some(id) = field("id:").and_then(|id| id.parse().ok()) {
            self.after = Some(id);
        }
    }
}
