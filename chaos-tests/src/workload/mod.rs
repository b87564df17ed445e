//! What clients do meanwhile. Every client is pinned to one Manager, makes one call at a time, and writes values
//! that nobody else writes.

pub mod append;
pub mod register;
pub mod requests;
pub mod sessions;
pub mod set;
pub mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tokio::time::sleep;

use crate::client::{Answer, Call, Client, Reply};
use crate::history::{Action, History, Kind, Line, Process};

/// Pause after a call that nobody took, so that a dead Manager is not asked in a busy loop.
const AFTER_REFUSAL: Duration = Duration::from_millis(50);
/// How often a call of unknown outcome is repeated under its idempotency key, elsewhere.
const REPEAT_PROBABILITY: f64 = 0.5;

/// A status, and the code that comes with it.
type Refusal = (u16, &'static str);

/// The condition does not hold.
const CHANGED: &[Refusal] = &[(412, "CHANGED")];
/// There is nothing to read or delete.
const NOTHING_THERE: &[Refusal] = &[(404, "NO_SUCH_PROPERTY")];

/// What clients can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Workload {
    Register,
    Set,
    Append,
    Watch,
    Requests,
    Sessions,
}

impl Workload {
    /// All there are.
    pub const ALL: [Self; 6] =
        [Self::Register, Self::Set, Self::Append, Self::Watch, Self::Requests, Self::Sessions];
}

/// What the clients of a run share.
pub struct Shared {
    pub history: Arc<History>,
    pub stop: Arc<AtomicBool>,
    pub seed: u64,
    /// Clients of a Manager each, in the order of the Managers.
    pub clients: Vec<Client>,
    /// Numbers the values, so that no two are equal.
    pub values: AtomicU64,
    /// Numbers the processes: a client that does not know the outcome goes on under a new number.
    pub processes: AtomicU64,
    /// How many requests have begun, whoever's: the group remembers only so many.
    pub requests: AtomicU64,
}

impl Shared {
    fn next_value(&self) -> u64 {
        self.values.fetch_add(1, Ordering::Relaxed)
    }

    fn going_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

/// What a history says of a call that is none on a register.
struct Asked {
    f: &'static str,
    key: String,
    value: Value,
    /// Refusals that are no surprise.
    expected: &'static [Refusal],
    /// What of the answer is written down instead of the value.
    tells: Option<fn(&Answer) -> Value>,
}

impl Asked {
    /// The line that begins the call.
    fn begun(&self, process: u64, at: &Client, call: &Call) -> Line {
        Line {
            key: Some(self.key.clone()),
            node: Some(at.node.get()),
            req: call.request.clone(),
            if_match: call.if_match,
            ..Line::new(Process::Client(process), Kind::Invoke, self.f, self.value.clone())
        }
    }

    /// The line that ends it.
    fn ended(&self, begin: Line, reply: &Reply) -> Line {
        match reply {
            Reply::Done(answer) => {
                let value = self.tells.map_or(begin.value.clone(), |tells| tells(answer));
                Line { kind: Kind::Ok, value, rev: answer.revision, mod_rev: answer.etag, ..begin }
            }
            Reply::Refused { status, code } if self.expected.contains(&(*status, code)) => {
                Line { kind: Kind::Fail, error: Some(code.clone()), ..begin }
            }
            Reply::Refused { status, code } => {
                Line { kind: Kind::Fail, error: Some(format!("{status} {code}")), ..begin }
            }
            Reply::Untried(error) => Line { kind: Kind::Fail, error: Some(error.clone()), ..begin },
            Reply::Unknown(error) => Line { kind: Kind::Info, error: Some(error.clone()), ..begin },
        }
    }
}

/// One single-threaded client.
pub struct Worker {
    shared: Arc<Shared>,
    process: u64,
    client: Client,
    elsewhere: Client,
    random: StdRng,
    requests: u64,
    number: u64,
}

impl Worker {
    /// The client of this number; numbers spread over the Managers.
    pub fn new(shared: &Arc<Shared>, number: u64) -> Self {
        let managers = shared.clients.len();
        let nth = usize::try_from(number).expect("there are few clients") % managers;
        Self {
            process: shared.processes.fetch_add(1, Ordering::Relaxed),
            client: shared.clients[nth].clone(),
            elsewhere: shared.clients[(nth + 1) % managers].clone(),
            random: StdRng::seed_from_u64(
                shared.seed ^ (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15),
            ),
            requests: 0,
            number,
            shared: shared.clone(),
        }
    }

    /// Makes a call and writes both its lines. `seen` reads the value out of an answer.
    async fn perform(
        &mut self,
        key: &str,
        action: Action,
        mut call: Call,
        seen: impl Fn(&Answer) -> Value,
    ) -> Reply {
        if action != Action::Read {
            call.request = Some(self.new_request());
        }
        let (f, value) = action.written();
        let line = Line {
            key: Some(key.to_owned()),
            node: Some(self.client.node.get()),
            req: call.request.clone(),
            if_match: call.if_match,
            ..Line::new(Process::Client(self.process), Kind::Invoke, f, value)
        };
        self.shared.history.record(line.clone());
        let reply = self.send(call).await;
        self.shared.history.record(ended(line, action, &reply, seen));
        self.go_on_after(&reply).await;
        reply
    }

    /// Makes a call that is none on a register, once and at one Manager, and writes both its lines.
    async fn ask(&mut self, asked: Asked, at: &Client, call: Call) -> Reply {
        let reply = self.ask_as(self.process, asked, at, call).await;
        self.go_on_after(&reply).await;
        reply
    }

    /// The same as another process, at the same time as something else.
    async fn ask_as(&self, process: u64, asked: Asked, at: &Client, call: Call) -> Reply {
        let begin = asked.begun(process, at, &call);
        self.shared.history.record(begin.clone());
        let reply = at.send(call).await;
        self.shared.history.record(asked.ended(begin, &reply));
        reply
    }

    /// The same at its own Manager, and sometimes at another when nobody knows the outcome. Together that is one call.
    async fn insist(&mut self, asked: Asked, call: Call) -> Reply {
        let begin = asked.begun(self.process, &self.client, &call);
        self.shared.history.record(begin.clone());
        let reply = self.send(call).await;
        self.shared.history.record(asked.ended(begin, &reply));
        self.go_on_after(&reply).await;
        reply
    }

    fn new_process(&self) -> u64 {
        self.shared.processes.fetch_add(1, Ordering::Relaxed)
    }

    async fn go_on_after(&mut self, reply: &Reply) {
        if matches!(reply, Reply::Unknown(_)) {
            self.process = self.new_process();
        }
        if !matches!(reply, Reply::Done(_) | Reply::Refused { .. }) {
            sleep(AFTER_REFUSAL).await;
        }
    }

    /// Any of the Managers.
    fn any(&mut self) -> Client {
        let managers = self.shared.clients.len();
        self.shared.clients[self.random.random_range(0..managers)].clone()
    }

    /// A name for a request that nobody has used.
    fn new_request(&mut self) -> String {
        self.requests += 1;
        self.shared.requests.fetch_add(1, Ordering::Relaxed);
        format!("c{}-{}-{}", self.shared.seed, self.number, self.requests)
    }

    /// Sends it; when nobody knows the outcome, sometimes asks another Manager under the same key.
    async fn send(&mut self, call: Call) -> Reply {
        let reply = self.client.send(call.clone()).await;
        let unknown = matches!(reply, Reply::Unknown(_)) && call.request.is_some();
        if !(unknown && self.random.random_bool(REPEAT_PROBABILITY)) {
            return reply;
        }
        of_the_first(self.elsewhere.send(call).await)
    }
}

/// What the reply to a repetition says of the first try, of which nobody knew. That the repetition was not tried says
/// nothing, nor does a refusal that speaks of who asks, or how often.
fn of_the_first(again: Reply) -> Reply {
    match again {
        again if settles(&again) => again,
        Reply::Refused { status, code } => Reply::Unknown(format!("{status} {code}")),
        Reply::Untried(error) => Reply::Unknown(error),
        again => again,
    }
}

/// Whether it says what became of the change: done, or refused by a group that had looked.
fn settles(reply: &Reply) -> bool {
    match reply {
        Reply::Done(_) => true,
        Reply::Refused { status, code } => {
            CHANGED.contains(&(*status, code)) || NOTHING_THERE.contains(&(*status, code))
        }
        Reply::Untried(_) | Reply::Unknown(_) => false,
    }
}

fn ended(line: Line, action: Action, reply: &Reply, seen: impl Fn(&Answer) -> Value) -> Line {
    match reply {
        Reply::Done(answer) => {
            let value = if action == Action::Read { seen(answer) } else { line.value.clone() };
            Line { kind: Kind::Ok, value, rev: answer.revision, mod_rev: answer.etag, ..line }
        }
        // That there is nothing is what the read returned.
        Reply::Refused { status, code }
            if action == Action::Read && NOTHING_THERE.contains(&(*status, code)) =>
        {
            Line { kind: Kind::Ok, value: Value::Null, ..line }
        }
        Reply::Refused { status, code } if earned(action).contains(&(*status, code)) => {
            Line { kind: Kind::Fail, error: Some(code.clone()), ..line }
        }
        Reply::Refused { status, code } => {
            Line { kind: Kind::Fail, error: Some(format!("{status} {code}")), ..line }
        }
        Reply::Untried(error) => Line { kind: Kind::Fail, error: Some(error.clone()), ..line },
        Reply::Unknown(error) => Line { kind: Kind::Info, error: Some(error.clone()), ..line },
    }
}

/// The refusals that a call on a register or the set may earn. Any other is written down with its status, and the check
/// `answers` objects to it: whoever names no condition is never told that it does not hold.
fn earned(action: Action) -> &'static [Refusal] {
    match action {
        Action::Cas { .. } => CHANGED,
        Action::Delete => NOTHING_THERE,
        // No two elements are equal, so the condition of an adding, that there is none, always holds.
        Action::Read | Action::Write(_) | Action::Add(_) => &[],
    }
}

/// A number just as clients write it: without a sign, and without a zero before it.
fn as_written(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> Reply {
        Reply::Refused { status, code: code.to_owned() }
    }

    /// How the line ends of a call of this kind that came to this reply.
    fn told(action: Action, reply: &Reply) -> (Kind, Option<String>) {
        let (f, value) = action.written();
        let line = Line::new(Process::Client(1), Kind::Invoke, f, value);
        let line = ended(line, action, reply, |_| Value::Null);
        (line.kind, line.error)
    }

    #[test]
    fn a_refusal_that_its_call_cannot_have_earned_is_written_down_with_its_status() {
        let cas = Action::Cas { expect: Some(1), new: 2 };
        let failed = |error: &str| (Kind::Fail, Some(error.to_owned()));
        assert_eq!(told(cas, &refused(412, "CHANGED")), failed("CHANGED"));
        assert_eq!(
            told(Action::Delete, &refused(404, "NO_SUCH_PROPERTY")),
            failed("NO_SUCH_PROPERTY")
        );
        for action in [Action::Read, Action::Write(1), Action::Add(1), Action::Delete] {
            assert_eq!(told(action, &refused(412, "CHANGED")), failed("412 CHANGED"), "{action:?}");
        }
        for action in [cas, Action::Write(1), Action::Add(1)] {
            let nothing = refused(404, "NO_SUCH_PROPERTY");
            assert_eq!(told(action, &nothing), failed("404 NO_SUCH_PROPERTY"), "{action:?}");
        }
    }

    #[test]
    fn only_that_there_is_no_such_property_is_read_as_nothing() {
        assert_eq!(told(Action::Read, &refused(404, "NO_SUCH_PROPERTY")), (Kind::Ok, None));
        for odd in [refused(410, "NO_SUCH_PROPERTY"), refused(404, "NO_SUCH_THING")] {
            assert_eq!(told(Action::Read, &odd).0, Kind::Fail, "{odd:?}");
        }
    }

    #[test]
    fn a_repetition_that_was_not_looked_at_says_nothing_of_the_first_try() {
        let kept = |reply: Reply| !matches!(of_the_first(reply), Reply::Unknown(_));
        assert!(kept(refused(412, "CHANGED")) && kept(refused(404, "NO_SUCH_PROPERTY")));
        for (status, code) in [(401, "UNAUTHENTICATED"), (429, "TOO_MANY"), (422, "KEY_REUSED")] {
            assert!(!kept(refused(status, code)), "{code}");
        }
        assert!(!kept(Reply::Untried("NO_ACTIVE".into())));
    }

    #[test]
    fn a_number_is_one_only_as_clients_write_it() {
        assert_eq!(["7", "0"].map(as_written), [Some(7), Some(0)]);
        assert_eq!(["+7", "07", " 7", ""].map(as_written), [None; 4]);
    }
}
