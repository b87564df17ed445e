//! Clients: each asks one member after the other, waits for the answer, and writes down what it asked and got.
//!
//! Operations are the checkers' own. Their times are the world's, from within the members.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chaos_tests::history::{Action, Operation, Outcome};
use kyvos_manager::base::{Code, RequestId, Revision};
use kyvos_manager::capabilities::properties::model as properties;
use kyvos_manager::capabilities::properties::schema::File;
use kyvos_manager::cluster::{Consistency, Draft, Group, ProposeFailure};
use kyvos_manager::machine::{self, Actor};

use crate::clock::ProcessClock;
use crate::dice::Dice;

/// Registers in use at a time.
const KEYS: usize = 5;
/// Calls on a register before another takes its place: what the checker has to search stays small.
const CALLS_PER_KEY: u32 = 150;
/// How often a change of unknown outcome is asked again, at most.
const REPEATS: u32 = 3;

/// What came back from a member.
#[derive(Clone, Debug)]
pub struct Came {
    pub client: usize,
    /// Which of the client's calls.
    pub call: u64,
    pub at: u64,
    pub outcome: Outcome,
    pub rev: Option<u64>,
    pub mod_rev: Option<u64>,
}

/// Where answers are put.
pub type Inbox = Arc<Mutex<Vec<Came>>>;

/// A call to be made within a member.
#[derive(Clone, Debug)]
pub struct Call {
    pub client: usize,
    pub number: u64,
    key: String,
    action: Action,
    expect: Option<u64>,
    request: RequestId,
}

struct Client {
    dice: Dice,
    next_at: u64,
    calls: u64,
    /// The present call, where it was made, and how often.
    open: Option<(Call, usize, u32)>,
    operation: Option<Operation>,
    /// Value and revision last seen, by key.
    seen: BTreeMap<String, (Option<u64>, u64)>,
}

/// All clients.
pub struct Clients {
    clients: Vec<Client>,
    pub inbox: Inbox,
    pub done: Vec<Operation>,
    keys: Vec<(u32, u32)>,
    values: u64,
    think_ms: u64,
    processes: u64,
    /// No call begins from now on.
    pub at_rest: bool,
}

impl Clients {
    pub fn new(seed: u64, count: usize, think_ms: u64) -> Self {
        let client = |which: usize| Client {
            dice: Dice::of(seed, &format!("client {which}")),
            next_at: 0,
            calls: 0,
            open: None,
            operation: None,
            seen: BTreeMap::new(),
        };
        Self {
            clients: (0..count).map(client).collect(),
            inbox: Inbox::default(),
            done: Vec::new(),
            keys: vec![(0, 0); KEYS],
            values: 0,
            think_ms,
            processes: 0,
            at_rest: false,
        }
    }

    /// Whether nobody waits for an answer.
    pub fn all_answered(&self) -> bool {
        self.clients.iter().all(|client| client.open.is_none())
    }

    /// The calls that begin now, and at which member.
    pub fn begin(&mut self, now: u64, members: usize) -> Vec<(usize, Call)> {
        let due: Vec<usize> = (0..self.clients.len())
            .filter(|which| {
                let client = &self.clients[*which];
                !self.at_rest && client.open.is_none() && client.next_at <= now
            })
            .collect();
        due.into_iter().map(|which| self.begin_one(which, now, members)).collect()
    }

    fn begin_one(&mut self, which: usize, now: u64, members: usize) -> (usize, Call) {
        let (action, key) = self.draw(which);
        let client = &mut self.clients[which];
        let member = usize::try_from(client.dice.within(0..members as u64)).expect("small");
        client.calls += 1;
        let seen = client.seen.get(&key).copied();
        let expect = match action {
            Action::Cas { .. } => Some(seen.map_or(0, |(_, revision)| revision)),
            Action::Add(_) => Some(0),
            Action::Read | Action::Write(_) | Action::Delete => None,
        };
        let request = RequestId::new(format!("client-{which}-{}", client.calls));
        let request = request.expect("short visible ASCII");
        let call =
            Call { client: which, number: client.calls, key: key.clone(), action, expect, request };
        self.processes += 1;
        client.operation = Some(Operation {
            index: self.processes,
            process: self.processes,
            key,
            action,
            outcome: Outcome::Unknown,
            invoked: now,
            returned: u64::MAX,
            rev: None,
            mod_rev: None,
            node: Some(member as u64),
        });
        client.open = Some((call.clone(), member, 0));
        (member, call)
    }

    fn draw(&mut self, which: usize) -> (Action, String) {
        let drawn = self.clients[which].dice.within(0..100);
        if drawn < 25 {
            self.values += 1;
            return (Action::Add(self.values), format!("set.{}", self.values));
        }
        let place =
            usize::try_from(self.clients[which].dice.within(0..KEYS as u64)).expect("small");
        let (generation, calls) = &mut self.keys[place];
        *calls += 1;
        if *calls > CALLS_PER_KEY {
            (*generation, *calls) = (*generation + 1, 0);
        }
        let key = format!("r{place}.{generation}");
        let action = match drawn {
            25..55 => Action::Read,
            55..78 => {
                self.values += 1;
                Action::Write(self.values)
            }
            78..94 => {
                self.values += 1;
                let seen = self.clients[which].seen.get(&key).copied();
                Action::Cas { expect: seen.and_then(|(value, _)| value), new: self.values }
            }
            _ => Action::Delete,
        };
        (action, key)
    }

    /// Takes the answers that came in the window that began then. Returns calls to be made again elsewhere, and where.
    pub fn take(&mut self, from: u64, members: usize) -> Vec<(usize, Call)> {
        let mut came =
            std::mem::take(&mut *self.inbox.lock().unwrap_or_else(PoisonError::into_inner));
        came.sort_by_key(|came| (came.at, came.client));
        came.into_iter().filter_map(|came| self.take_one(&came, from, members)).collect()
    }

    fn take_one(&mut self, came: &Came, from: u64, members: usize) -> Option<(usize, Call)> {
        let client = &mut self.clients[came.client];
        let (call, _, repeats) =
            client.open.clone().filter(|(call, ..)| call.number == came.call)?;
        // What was in doubt once stays so unless the group says what became of that very request.
        let certain = match came.outcome {
            Outcome::Done | Outcome::Seen(_) => true,
            Outcome::Refused | Outcome::Failed => repeats == 0 || came.outcome == Outcome::Refused,
            Outcome::Unknown => false,
        };
        if !certain && repeats < REPEATS && call.action != Action::Read && client.dice.chance(500) {
            let member = usize::try_from(client.dice.within(0..members as u64)).expect("small");
            client.open = Some((call.clone(), member, repeats + 1));
            return Some((member, call));
        }
        let mut operation = client.operation.take()?;
        if certain {
            operation.outcome = came.outcome;
            // A member's clock goes in milliseconds of its own: told back, it may be a moment before the window it is in.
            operation.returned = came.at.max(operation.invoked).max(from);
            (operation.rev, operation.mod_rev) = (came.rev, came.mod_rev);
            client.note(&operation);
        }
        client.open = None;
        let pause_ms = client.dice.within(0..self.think_ms + 1);
        client.next_at = came.at + pause_ms * 1000;
        self.done.push(operation);
        None
    }

    /// A member's process is gone with all calls that were made there.
    pub fn lost(&mut self, member: usize, now: u64) {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        for (which, client) in self.clients.iter().enumerate() {
            if let Some((call, at, _)) = &client.open
                && *at == member
                && !inbox.iter().any(|came| (came.client, came.call) == (which, call.number))
            {
                let outcome =
                    if call.action == Action::Read { Outcome::Failed } else { Outcome::Unknown };
                inbox.push(Came {
                    client: which,
                    call: call.number,
                    at: now,
                    outcome,
                    rev: None,
                    mod_rev: None,
                });
            }
        }
    }

    /// Nobody listened there.
    pub fn nobody(&mut self, call: &Call, now: u64) {
        let came = Came {
            client: call.client,
            call: call.number,
            at: now,
            outcome: Outcome::Failed,
            rev: None,
            mod_rev: None,
        };
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).push(came);
    }
}

impl Client {
    fn note(&mut self, operation: &Operation) {
        let value = match (operation.action, operation.outcome) {
            (Action::Read, Outcome::Seen(value)) => value,
            (Action::Write(value) | Action::Cas { new: value, .. }, Outcome::Done) => Some(value),
            (Action::Delete, Outcome::Done) => None,
            _ => {
                self.seen.remove(&operation.key);
                return;
            }
        };
        // The revision that a compare-and-set must name: that of the value, or 0 when there is none.
        let revision = match (operation.action, value) {
            (_, None) => 0,
            (Action::Read, Some(_)) => operation.mod_rev.unwrap_or(0),
            (_, Some(_)) => operation.rev.unwrap_or(0),
        };
        self.seen.insert(operation.key.clone(), (value, revision));
    }
}

/// Makes a call within a member, and puts its answer into the inbox.
pub async fn make(group: Group, clock: ProcessClock, call: Call, inbox: Inbox) {
    let (outcome, rev, mod_rev) = match call.action {
        Action::Read => read(&group, &call.key).await,
        _ => change(&group, &call).await,
    };
    let at = clock.world_now();
    let came = Came { client: call.client, call: call.number, at, outcome, rev, mod_rev };
    inbox.lock().unwrap_or_else(PoisonError::into_inner).push(came);
}

type Answered = (Outcome, Option<u64>, Option<u64>);

async fn read(group: &Group, key: &str) -> Answered {
    if group.settle(Consistency::Linearizable).await.is_err() {
        return (Outcome::Failed, None, None);
    }
    group.view(|state| {
        let setting = state.properties.setting(File::Custom, key);
        let value = setting.and_then(|setting| setting.value.parse().ok());
        let mod_rev = setting.map(|setting| setting.revision.0);
        (Outcome::Seen(value), Some(state.kernel.revision.0), mod_rev)
    })
}

async fn change(group: &Group, call: &Call) -> Answered {
    let draft = Draft {
        by: Actor::Anonymous,
        request: Some(call.request.clone()),
        ..Draft::own(group.here(), command(call))
    };
    match group.propose(draft).await {
        Ok(settled) => match settled.answer.into_result() {
            Ok(Revision(revision)) => (Outcome::Done, Some(revision), None),
            Err(refusal) => match refusal.code {
                Code::Changed | Code::NoSuchProperty => (Outcome::Refused, None, None),
                _ => (Outcome::Failed, None, None),
            },
        },
        Err(ProposeFailure::Unknown { .. }) => (Outcome::Unknown, None, None),
        Err(_) => (Outcome::Failed, None, None),
    }
}

fn command(call: &Call) -> machine::Command {
    let (file, name) = (File::Custom, call.key.clone());
    let expect = call.expect.map(Revision);
    let command = match call.action {
        Action::Write(value) | Action::Add(value) | Action::Cas { new: value, .. } => {
            properties::Command::Set {
                file,
                name,
                value: value.to_string(),
                expect,
                reverts_to: None,
            }
        }
        Action::Delete | Action::Read => properties::Command::Reset { file, name, expect },
    };
    command.into()
}
