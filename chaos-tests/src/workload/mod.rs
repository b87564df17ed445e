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
    /// Refusals that are no surprise, each with the status it comes with.
    expected: &'static [(u16, &'static str)],
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
        match self.elsewhere.send(call).await {
            // That the repetition was not tried says nothing of the first.
            Reply::Untried(error) => Reply::Unknown(error),
            known => known,
        }
    }
}

fn ended(line: Line, action: Action, reply: &Reply, seen: impl Fn(&Answer) -> Value) -> Line {
    match reply {
        Reply::Done(answer) => {
            let value = if action == Action::Read { seen(answer) } else { line.value.clone() };
            Line { kind: Kind::Ok, value, rev: answer.revision, mod_rev: answer.etag, ..line }
        }
        // That there is nothing is what the read returned.
        Reply::Refused { code, .. } if action == Action::Read && code == "NO_SUCH_PROPERTY" => {
            Line { kind: Kind::Ok, value: Value::Null, ..line }
        }
        Reply::Refused { status, code } if expected(*status, code) => {
            Line { kind: Kind::Fail, error: Some(code.clone()), ..line }
        }
        Reply::Refused { status, code } => {
            Line { kind: Kind::Fail, error: Some(format!("{status} {code}")), ..line }
        }
        Reply::Untried(error) => Line { kind: Kind::Fail, error: Some(error.clone()), ..line },
        Reply::Unknown(error) => Line { kind: Kind::Info, error: Some(error.clone()), ..line },
    }
}

fn expected(status: u16, code: &str) -> bool {
    matches!((status, code), (412, "CHANGED") | (404, "NO_SUCH_PROPERTY"))
}
