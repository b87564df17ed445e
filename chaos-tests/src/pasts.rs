//! What each property was, revision by revision, as the group keeps it. `checker/once.rs`, `checker/watch.rs` and
//! `checker/append.rs` hold it against what clients were told.
//!
//! The group forgets histories after a while (`kept_from`), and a long run outlives that. So the past of a property is read
//! when clients have left it, and at the end that of every other. One that was not read whole is told as unread.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::{Answer, Call, Client, Reply};
use crate::history::{History, Line};

/// How it is called in the history.
pub const NAME: &str = "pasts";
/// A line that tells a past.
pub const READ: &str = "past";
/// A line that tells why there is none.
const UNREAD: &str = "past-unread";

/// Calls on properties whose pasts are read: repeated requests, and registers and lists, which watchers are told of.
const CALLS: [&str; 7] = ["ask", "again", "misuse", "write", "cas", "delete", "append"];
/// Most changes that the API gives at a time; clients leave a property long before it has so many.
const PAGE: usize = 500;
const PERIOD: Duration = Duration::from_secs(15);
/// A property that nobody called on for so long is left. The latest repetition of a request comes after a minute and a half.
const LEFT_NS: u64 = 180 * 1_000_000_000;

/// The lines of a history that tell a past.
pub fn told_in(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|line| line.is_by(NAME) && line.f == READ)
}

/// What was called on, and what is to be read.
pub struct Pasts<'a> {
    clients: &'a [Client],
    history: &'a History,
    ledger: Ledger,
}

impl<'a> Pasts<'a> {
    /// Reads through these clients.
    pub fn of(clients: &'a [Client], history: &'a History) -> Self {
        Self { clients, history, ledger: Ledger::default() }
    }

    /// Reads again and again what clients have left. What nobody can tell now is asked for again later.
    pub async fn read_what_is_left(&mut self) -> ! {
        loop {
            sleep(PERIOD).await;
            let mut answering: Vec<&Client> = self.clients.iter().collect();
            for key in self.due(LEFT_NS) {
                if let Err((_, Some(silent))) = self.read(&key, &answering).await {
                    answering.remove(silent);
                }
                if answering.is_empty() {
                    break;
                }
            }
        }
    }

    /// Reads everything else. A Manager that does not answer is not asked again.
    pub async fn read_the_rest(&mut self) {
        let mut answering: Vec<&Client> = self.clients.iter().collect();
        for key in self.due(0) {
            let Err((because, silent)) = self.read(&key, &answering).await else { continue };
            if let Some(silent) = silent {
                answering.remove(silent);
            }
            self.tell(UNREAD, &key, None, None, json!({ "error": because }));
        }
    }

    /// What is to be read and was not called on for so long.
    fn due(&mut self, left_ns: u64) -> Vec<String> {
        self.ledger.take(&self.history.after(self.ledger.lines));
        self.ledger.due(self.history.now(), left_ns)
    }

    /// Reads one past from one of these; else why not, and who of them did not answer.
    async fn read(
        &mut self,
        key: &str,
        answering: &[&Client],
    ) -> Result<(), (String, Option<usize>)> {
        let place = self.ledger.reads.checked_rem(answering.len());
        let place = place.ok_or_else(|| ("no Manager answers".to_owned(), None))?;
        self.ledger.reads += 1;
        let path = format!("/properties/custom/{key}/history?limit={PAGE}");
        let silent = |reply: Reply| (format!("{reply:?}"), Some(place));
        let mut reply = answering[place].send(Call::get(path)).await;
        if matches!(&reply, Reply::Refused { code, .. } if code == "NO_SUCH_PROPERTY") {
            // There is nothing of it. Of all others there is as much as of it, and one of those tells how far back.
            reply = answering[place].send(Call::get("/audit?limit=1")).await;
            if let Reply::Done(answer) = &mut reply {
                answer.body["items"] = json!([]);
            }
        }
        let answer = match reply {
            Reply::Done(answer) => answer,
            other => return Err(silent(other)),
        };
        let (told, at) = (told(&answer), answer.revision);
        self.ledger.fits(key, &told, at).map_err(|because| (because, None))?;
        self.tell(READ, key, Some(answering[place].node.get()), at, Value::Array(told.changes));
        self.ledger.read(key);
        Ok(())
    }

    fn tell(&self, f: &str, key: &str, node: Option<u64>, rev: Option<u64>, value: Value) {
        let line = Line::of_harness(NAME, f, node, value);
        self.history.record(Line { key: Some(key.to_owned()), rev, ..line });
    }
}

/// What the API tells of a past.
struct Told {
    /// Revision and value of each, newest first.
    changes: Vec<Value>,
    kept_from: u64,
}

fn told(answer: &Answer) -> Told {
    let items = answer.body["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let changes = items.iter().map(|item| json!([item["revision"], item["value"]]));
    Told { changes: changes.collect(), kept_from: answer.body["kept_from"].as_u64().unwrap_or(0) }
}

/// What clients did, as far as it matters here.
#[derive(Debug, Default)]
struct Ledger {
    /// How many lines of the history were looked at.
    lines: usize,
    /// The highest revision that anybody was told in them.
    highest: u64,
    keys: BTreeMap<String, Known>,
    reads: usize,
}

/// What is known of a property.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// A revision from before it was called on.
    before: u64,
    /// The highest that a call on it was told.
    newest: u64,
    called_at_ns: u64,
    read: bool,
}

impl Ledger {
    fn take(&mut self, lines: &[Line]) {
        self.lines += lines.len();
        for line in lines {
            let highest = self.highest;
            self.highest = highest.max(line.rev.unwrap_or(0));
            let Some(key) = line.key.as_ref().filter(|_| CALLS.contains(&line.f.as_str())) else {
                continue;
            };
            let new = Known { before: highest, newest: 0, called_at_ns: 0, read: false };
            let known = self.keys.entry(key.clone()).or_insert(new);
            known.newest = known.newest.max(line.rev.unwrap_or(0));
            (known.called_at_ns, known.read) = (line.time, false);
        }
    }

    fn due(&self, now_ns: u64, left_ns: u64) -> Vec<String> {
        let due = |known: &Known| !known.read && now_ns - known.called_at_ns >= left_ns;
        self.keys.iter().filter(|(_, it)| due(it)).map(|(key, _)| key.clone()).collect()
    }

    /// Whether what was told at a revision is all there ever was of it.
    fn fits(&self, key: &str, told: &Told, at: Option<u64>) -> Result<(), String> {
        let known = &self.keys[key];
        if at.is_some_and(|at| at < known.newest) {
            return Err(format!("told by one who did not know revision {}", known.newest));
        }
        if told.kept_from > known.before + 1 {
            return Err(format!("nothing is kept of what was before {}", told.kept_from));
        }
        if told.changes.len() == PAGE {
            return Err(format!("it changed {PAGE} times or oftener"));
        }
        Ok(())
    }

    fn read(&mut self, key: &str) {
        if let Some(known) = self.keys.get_mut(key) {
            known.read = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Kind, Process};

    fn line(f: &str, key: &str, time: u64, rev: Option<u64>) -> Line {
        let line = Line::new(Process::Client(1), Kind::Ok, f, Value::Null);
        Line { key: Some(key.to_owned()), time, rev, ..line }
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        let read = line("read", "r1", 10, Some(40));
        ledger.take(&[read, line("write", "r1", 20, Some(41)), line("ask", "q1", 90, Some(50))]);
        ledger
    }

    #[test]
    fn what_was_not_called_on_for_a_while_is_due_until_it_is_read_or_called_on_again() {
        let mut ledger = ledger();
        assert_eq!(ledger.due(100, 80), ["r1"]);
        ledger.read("r1");
        assert_eq!(ledger.due(100, 80), [""; 0]);
        assert_eq!(ledger.due(100, 0), ["q1"]);
        ledger.take(&[line("delete", "r1", 110, None)]);
        assert_eq!(ledger.due(120, 0), ["q1", "r1"]);
        assert_eq!(ledger.lines, 4);
    }

    #[test]
    fn a_past_fits_if_it_is_whole() {
        let ledger = ledger();
        let told = |kept_from, count| Told { changes: vec![Value::Null; count], kept_from };
        assert_eq!(ledger.fits("r1", &told(0, 2), Some(41)), Ok(()));
        assert_eq!(ledger.fits("r1", &told(41, 2), Some(60)), Ok(()));
        for (kept_from, count, at) in [(0, 2, 40), (42, 2, 60), (0, PAGE, 60)] {
            assert!(ledger.fits("r1", &told(kept_from, count), Some(at)).is_err(), "{at}");
        }
    }
}
