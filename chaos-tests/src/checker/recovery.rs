//! After the last fault the group is whole again within a stated bound (invariant I17): somebody is Active, and a change
//! through every Manager is acknowledged.
//!
//! Counted from the moment the last fault was over, whoever's the changes are: a client's, or the harness's own, which it
//! makes from that moment on. What a fault of the harness itself left broken is not held against anybody.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::json;

use super::Finding;
use crate::changes::Changes;
use crate::history::{Kind, Line, Process};
use crate::strikes::{self, Strike, strikes};

const CHECK: &str = "recovery";
/// The bound within which the group must be whole after the last fault.
pub const BOUND: Duration = Duration::from_secs(10);

/// When the group was whole again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// When the last fault was over.
    pub healed: u64,
    /// Somebody was seen to be Active.
    pub active: Option<u64>,
    /// When the first change through each Manager was acknowledged.
    pub writes: BTreeMap<u64, u64>,
}

impl Whole {
    /// When everything was there, if all of these Managers came back.
    pub fn at(&self, managers: &[u64]) -> Option<u64> {
        let writes = managers.iter().map(|id| self.writes.get(id).copied());
        writes.chain([self.active]).try_fold(0, |last, at| Some(last.max(at?)))
    }
}

/// Judges what came after the last fault.
pub fn check(lines: &[Line], managers: &[u64]) -> Finding {
    let strikes = strikes(lines);
    let Some(whole) = whole(lines, &strikes) else {
        return Finding::unknown(CHECK, "a fault was still going on when the run ended");
    };
    let ms = |at: u64| (at - whole.healed) / 1_000_000;
    if let Some(at) = whole.at(managers) {
        let late = Duration::from_nanos(at - whole.healed) > BOUND;
        let because = late.then(|| format!("it took {} ms, more than {BOUND:?}", ms(at)));
        let each: BTreeMap<u64, u64> =
            managers.iter().map(|id| (*id, ms(whole.writes[id]))).collect();
        let facts =
            json!({ "recovery_ms": ms(at), "active_ms": whole.active.map(ms), "writes_ms": each });
        return Finding::against(CHECK, Vec::from_iter(because), facts);
    }
    let silent: Vec<u64> =
        managers.iter().copied().filter(|id| !whole.writes.contains_key(id)).collect();
    let looked = looked_until(lines).saturating_sub(whole.healed);
    if Duration::from_nanos(looked) <= BOUND {
        let because = format!("it was looked for {} ms only", looked / 1_000_000);
        return Finding::unknown(CHECK, because);
    }
    let broken_off = |id: &u64| {
        let mut last = strikes.iter().rev().filter(|strike| strike.victims.contains(id));
        last.next().is_some_and(Strike::was_broken_off)
    };
    if !silent.is_empty() && silent.iter().all(broken_off) {
        let because = format!("the harness could not mend what it broke of {silent:?}");
        return Finding::unknown(CHECK, because);
    }
    let mut because = Vec::new();
    if whole.active.is_none() {
        because.push(format!(
            "nobody was Active in the {} s after the last fault",
            looked / 1_000_000_000
        ));
    }
    for id in silent {
        let seconds = looked / 1_000_000_000;
        because.push(format!(
            "no change through Manager {id} was acknowledged in the {seconds} s after the last fault{}",
            last_words(lines, id)
        ));
    }
    Finding::against(CHECK, because, json!({ "looked_ms": looked / 1_000_000 }))
}

/// What is done anew; a repetition is answered from what was done before.
fn is_change(line: &Line) -> bool {
    matches!(Changes::by(&line.f), Some(Changes::Property | Changes::Request))
}

/// What came back when, after the last fault; `None` when that never ended.
pub fn whole(lines: &[Line], strikes: &[Strike]) -> Option<Whole> {
    let healed = strikes::healed(strikes)?;
    let (mut active, mut writes) = (None::<u64>, BTreeMap::new());
    let mut begun: HashMap<u64, u64> = HashMap::new();
    for line in lines {
        let (since, until) = match &line.process {
            Process::Client(process) if line.kind == Kind::Invoke => {
                begun.insert(*process, line.time);
                continue;
            }
            Process::Client(process) if line.kind == Kind::Ok && is_change(line) => {
                let Some(begun) = begun.get(process) else { continue };
                (*begun, line.time)
            }
            Process::Named(_) if line.is_by("final") && line.f == "fresh" => {
                let Some(sent) = line.value["sent"].as_u64() else { continue };
                (sent, line.time)
            }
            Process::Named(_) if line.is_by("probe") && line.f == "active" => {
                let number = |field: &str| line.value[field].as_u64();
                if let Some((_, received)) =
                    number("sent").zip(number("received")).filter(|(sent, _)| *sent >= healed)
                {
                    active = Some(active.map_or(received, |known| known.min(received)));
                }
                continue;
            }
            _ => continue,
        };
        if let Some(node) = line.node.filter(|_| since >= healed) {
            let first = writes.entry(node).or_insert(until);
            *first = until.min(*first);
        }
    }
    Some(Whole { healed, active, writes })
}

/// Until when somebody still tried: clients, probes, or the harness itself.
fn looked_until(lines: &[Line]) -> u64 {
    let tried = |line: &&Line| {
        matches!(line.process, Process::Client(_)) || line.is_by("probe") || line.is_by("final")
    };
    lines.iter().rev().find(tried).map_or(0, |line| line.time)
}

/// What the harness was told last by a Manager that acknowledged nothing.
fn last_words(lines: &[Line], id: u64) -> String {
    let own = |line: &&Line| line.is_by("final") && line.f == "not-fresh" && line.node == Some(id);
    let told = lines.iter().rev().find(own).and_then(|line| line.value["error"].as_str());
    told.map(|error| format!(": {error}")).unwrap_or_default()
}
