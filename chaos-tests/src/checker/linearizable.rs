//! Each key behaves as one register: every call takes effect at one instant between its invocation and its end
//! (promises 4, 5 and 8).
//!
//! Wing and Gong's search with Lowe's memoisation: depth first over the orders that real time allows, never twice
//! into the same pair of (calls done, value). A call of unknown outcome may take effect at any instant after its
//! invocation, or never; it is only ever placed directly before a call that is impossible without it. (Anywhere
//! else it can be moved to the right or left out, and the order stays right: values are unique.) The search is
//! bounded; what it does not decide is unknown.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::json;

use super::{Finding, Valid};
use crate::history::{Action, Operation, Outcome};

/// Most pairs of (calls done, value) visited for one key: about 100 MB.
const CONFIGURATIONS_MAX: usize = 1_000_000;

/// What the search says of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    Linearizable,
    /// There is no order; the shortest beginning of the history that has none: every call that was begun by then, and what
    /// was known of it. It is bad by itself, and without its last end it is not.
    Impossible(Vec<Operation>),
    /// The bound came first.
    Undecided,
}

/// The value of a key; `None`: there is none.
type Register = Option<u64>;

/// Judges every key by itself.
pub fn check<'a>(operations: impl IntoIterator<Item = &'a Operation>) -> Finding {
    check_within(operations, CONFIGURATIONS_MAX)
}

/// The same, visiting no more than so many pairs of (calls done, value) for one key.
pub fn check_within<'a>(
    operations: impl IntoIterator<Item = &'a Operation>,
    most: usize,
) -> Finding {
    let mut keys: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in operations.into_iter().filter(|operation| is_of_register(operation)) {
        keys.entry(&operation.key).or_default().push(operation);
    }
    let (mut valid, mut because, mut undecided) = (Valid::Yes, Vec::new(), Vec::new());
    let (mut impossible, mut shortest) = (Vec::new(), Vec::<Operation>::new());
    for (key, operations) in &keys {
        // Of a long run only one key's calls are copied at a time.
        let operations: Vec<Operation> = operations.iter().copied().cloned().collect();
        match judge_within(&operations, most) {
            Judgement::Linearizable => {}
            Judgement::Impossible(prefix) => {
                valid = Valid::No;
                because.push(tell(key, &prefix));
                impossible.push(*key);
                if shortest.is_empty() || prefix.len() < shortest.len() {
                    shortest = prefix;
                }
            }
            Judgement::Undecided => {
                valid = valid.and(Valid::Unknown);
                undecided.push(*key);
                because.push(format!("{key}: undecided within {most} configurations"));
            }
        }
    }
    let facts = json!({ "keys": keys.len(), "undecided": undecided, "impossible": impossible });
    let prefix = shortest.iter().map(|operation| operation.index).collect();
    let until = last_end(&shortest);
    Finding { valid, prefix, until, ..Finding::against("linearizable", because, facts) }
}

/// When the last of them ended that did.
fn last_end(operations: &[Operation]) -> Option<u64> {
    operations.iter().map(|operation| operation.returned).filter(|end| *end < u64::MAX).max()
}

/// Whether it is one of the calls that are judged here.
pub fn is_of_register(operation: &Operation) -> bool {
    !matches!(operation.action, Action::Add(_))
}

/// Judges the calls on one key.
pub fn judge(operations: &[Operation]) -> Judgement {
    judge_within(operations, CONFIGURATIONS_MAX)
}

fn judge_within(operations: &[Operation], most: usize) -> Judgement {
    match search(&telling(operations), most) {
        Search::Found => Judgement::Linearizable,
        Search::Exhausted { furthest } => {
            Judgement::Impossible(shortest(operations, furthest, most))
        }
        Search::Bounded => Judgement::Undecided,
    }
}

/// Without what constrains nothing, in the order of invocation.
fn telling(operations: &[Operation]) -> Vec<Operation> {
    let silent = |operation: &&Operation| {
        operation.outcome == Outcome::Failed
            || (operation.action == Action::Read && operation.outcome == Outcome::Unknown)
    };
    let mut telling: Vec<_> =
        operations.iter().filter(|operation| !silent(operation)).cloned().collect();
    telling.sort_by_key(|operation| operation.invoked);
    telling
}

/// The shortest beginning that has no order. None that ends before `furthest` is bad; the one that ends there need not be: a call
/// that was refused later, or failed, may have been done for all that was known by then. What is bad stays bad however it goes
/// on, so the first end with which it is can be found by halving.
fn shortest(operations: &[Operation], furthest: u64, most: usize) -> Vec<Operation> {
    let ends = operations.iter().map(|operation| operation.returned);
    let ends: BTreeSet<u64> = ends.filter(|end| (furthest..u64::MAX).contains(end)).collect();
    let ends: Vec<u64> = ends.into_iter().collect();
    let is_bad = |end: &u64| {
        let found = search(&telling(&known_by(operations, *end)), most);
        matches!(found, Search::Exhausted { .. })
    };
    // Mostly it is the first.
    let nth = match ends.first().is_some_and(is_bad) {
        true => 0,
        false => ends.partition_point(|end| !is_bad(end)),
    };
    known_by(operations, ends.get(nth).copied().unwrap_or(u64::MAX))
}

/// What was known at a time: calls that had no end by then count as unknown.
fn known_by(operations: &[Operation], until: u64) -> Vec<Operation> {
    let begun = operations.iter().filter(|operation| operation.invoked <= until);
    let known = begun.map(|operation| match operation.returned <= until {
        true => operation.clone(),
        false => Operation {
            outcome: Outcome::Unknown,
            returned: u64::MAX,
            rev: None,
            mod_rev: None,
            ..operation.clone()
        },
    });
    known.collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    Found,
    /// No order gets past the end of a call at this time. Up to any earlier end there is one, so no shorter beginning
    /// of the history is bad.
    Exhausted {
        furthest: u64,
    },
    Bounded,
}

/// One step of the present order: what was done last, the value then, and what may come next.
struct Frame {
    via: Option<usize>,
    register: Register,
    /// Had the unknown call done last not happened: the value then. What comes next must need that call.
    without: Option<Register>,
    /// Tried from the back.
    next: Vec<usize>,
}

fn search(operations: &[Operation], most: usize) -> Search {
    let certain = |which: usize| operations[which].outcome != Outcome::Unknown;
    let mut left = (0..operations.len()).filter(|which| certain(*which)).count();
    let mut done = Done::new(operations.len());
    let mut visited: HashSet<(Done, Register)> = HashSet::new();
    let (next, mut furthest) = candidates(operations, &done);
    let mut order = vec![Frame { via: None, register: None, without: None, next }];
    while left > 0 {
        let Some(frame) = order.last_mut() else { return Search::Exhausted { furthest } };
        let Some(which) = frame.next.pop() else {
            if let Some(via) = order.pop().and_then(|frame| frame.via) {
                done.unset(via);
                left += usize::from(certain(via));
            }
            continue;
        };
        let Some((register, without)) = frame.after(&operations[which]) else { continue };
        done.set(which);
        if certain(which) && !visited.insert((done.clone(), register)) {
            done.unset(which);
            continue;
        }
        if visited.len() > most {
            return Search::Bounded;
        }
        left -= usize::from(certain(which));
        let (next, first_end) = candidates(operations, &done);
        furthest = furthest.max(first_end);
        order.push(Frame { via: Some(which), register, without, next });
    }
    Search::Found
}

impl Frame {
    /// The value after a further call, and the value without it if it may not have happened. `None` when the call
    /// does not fit here.
    fn after(&self, operation: &Operation) -> Option<(Register, Option<Register>)> {
        let register = step(self.register, operation)?;
        let needed = self.without.is_none_or(|without| step(without, operation).is_none());
        let unknown = operation.outcome == Outcome::Unknown;
        let tells = !unknown || register != self.register;
        (needed && tells).then_some((register, unknown.then_some(self.register)))
    }
}

/// The calls that may take effect next: begun before any call that is not done has ended; and when the first of
/// those ends. It stands last and is tried first; those of unknown outcome are tried when nothing certain fits.
fn candidates(operations: &[Operation], done: &Done) -> (Vec<usize>, u64) {
    let (mut candidates, mut first_end) = (Vec::new(), u64::MAX);
    for (which, operation) in operations.iter().enumerate().skip(done.leading()) {
        if operation.invoked > first_end {
            break;
        }
        if !done.has(which) {
            candidates.push(which);
            first_end = first_end.min(operation.returned);
        }
    }
    // An end found late in the walk may lie before the beginning of some that were taken earlier in it.
    candidates.retain(|which| operations[*which].invoked <= first_end);
    candidates.sort_by_key(|which| std::cmp::Reverse(operations[*which].returned));
    (candidates, first_end)
}

/// The value after a call took effect; `None` when it cannot have.
fn step(register: Register, operation: &Operation) -> Option<Register> {
    match (operation.action, operation.outcome) {
        (_, Outcome::Failed) => None,
        (Action::Read, Outcome::Seen(seen)) => (register == seen).then_some(register),
        (Action::Read, _) => None,
        (Action::Write(value) | Action::Add(value), _) => Some(Some(value)),
        (Action::Cas { expect, .. }, Outcome::Refused) => (register != expect).then_some(register),
        (Action::Cas { expect, new }, _) => (register == expect).then_some(Some(new)),
        (Action::Delete, Outcome::Refused) => register.is_none().then_some(None),
        (Action::Delete, _) => register.is_some().then_some(None),
    }
}

/// Which calls are done, a bit each.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Done(Box<[u64]>);

impl Done {
    fn new(calls: usize) -> Self {
        Self(vec![0; calls.div_ceil(64)].into())
    }

    /// How many calls from the first on are surely done.
    fn leading(&self) -> usize {
        self.0.iter().take_while(|word| **word == u64::MAX).count() * 64
    }

    fn has(&self, which: usize) -> bool {
        self.0[which / 64] & (1 << (which % 64)) != 0
    }

    fn set(&mut self, which: usize) {
        self.0[which / 64] |= 1 << (which % 64);
    }

    fn unset(&mut self, which: usize) {
        self.0[which / 64] &= !(1 << (which % 64));
    }
}

/// How many calls before the impossible one are told.
const TOLD_MAX: usize = 12;

fn tell(key: &str, prefix: &[Operation]) -> String {
    let mut last: Vec<_> = prefix.iter().collect();
    last.sort_by_key(|operation| operation.returned.min(u64::MAX - 1));
    // Unknown ones sort to the back; of the others the last ended is the one that fits nowhere.
    let (unknown, ended): (Vec<_>, Vec<_>) =
        last.into_iter().partition(|operation| operation.outcome == Outcome::Unknown);
    let tell = |operation: &&Operation| {
        let Operation { index, process, action, outcome, node, rev, .. } = operation;
        format!("#{index} p{process}@{} {action:?} → {outcome:?} rev {rev:?}", node.unwrap_or(0))
    };
    let ended: Vec<_> = ended.iter().rev().take(TOLD_MAX).rev().map(tell).collect();
    let unknown: Vec<_> = unknown.iter().map(tell).collect();
    format!(
        "{key}: no order of {} calls explains the last of: {}; unknown: [{}]",
        prefix.len(),
        ended.join("; "),
        unknown.join("; ")
    )
}
