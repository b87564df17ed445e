//! Whether a run counts: fast enough in each of its phases, every class of faults that was chosen seen to bite, and in a long
//! run often enough.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::evidence::{Evidence, RUN};
use super::rates::{Phase, phases, rate};
use crate::checker::{Finding, Valid};
use crate::fault::{Break, Change, Fault, Means, Target, pairs};

/// From so many seconds on every class that was chosen must have come up: all fit in.
const LONG_S: u64 = 600;
/// From so many on, each means so many times, a leader cut off with a minority once, and checkpoints sent so many times.
const VERY_LONG_S: u64 = 1_200;
const EACH_MIN: u64 = 3;
const CHECKPOINTS_MIN: u64 = 5;
/// A phase that was shorter says nothing of a rate: a few calls that wait for an election decide it.
const PHASE_MIN_MS: u64 = 2_000;
/// What every doubt about the rate says.
const TOO_SLOW: &str = "calls/s are too few";

/// What a doubt is about, for whoever tells a slow machine from a run that showed nothing.
pub fn is_of_the_rate(because: &str) -> bool {
    because.contains(TOO_SLOW)
}

/// What every doubt about what a run on loopback lacks says.
const NOT_ON_LOOPBACK: &str = "is not to be had on loopback";

/// What a doubt is about, for whoever tells a computer without hosts from a run that showed nothing.
pub fn is_of_loopback(because: &str) -> bool {
    because.contains(NOT_ON_LOOPBACK)
}

/// The run was fast enough, and each class of faults was seen to bite.
pub(super) fn coverage(evidence: &Evidence) -> Finding {
    let (tally, phases) = (evidence.tally(), phases(evidence));
    let absent = absent(evidence);
    let is_there = |class: &String| !absent.contains(class);
    let came_up: Vec<String> = evidence.came_up().into_iter().filter(is_there).collect();
    let mut doubts = too_slow(evidence, &phases);
    doubts.extend(absent.iter().map(|class| format!("{class} {NOT_ON_LOOPBACK}")));
    if evidence.chosen.loopback && absent.is_empty() {
        doubts.push(format!("what hosts, their disks and their packets suffer {NOT_ON_LOOPBACK}"));
    }
    let bites = |class: &str| tally.classes.get(class).map_or(0, |counts| counts.installed);
    // A machine too slow for the calls is too slow for what has to be seen of a fault within its time.
    let slow = rate(&evidence.lines) < evidence.chosen.rate_floor;
    let never = |class: &&String| bites(class) == 0;
    doubts.extend(came_up.iter().filter(never).map(|class| match slow {
        true => format!("{class} never bit, and {TOO_SLOW} to tell why"),
        false => format!("{class} never bit"),
    }));
    if came_up.is_empty() && absent.is_empty() {
        doubts.push("nothing was broken".into());
    }
    let chosen = evidence.classes();
    let seconds = evidence.chosen.seconds;
    if seconds.is_none_or(|seconds| seconds >= LONG_S) {
        match &chosen {
            Some(chosen) => doubts.extend(
                chosen
                    .iter()
                    .filter(|class| !came_up.contains(class) && is_there(class))
                    .map(|class| format!("{class} was chosen and never came up")),
            ),
            None => doubts.push("which classes were chosen was not written down".into()),
        }
    }
    let means = bites_by_means(&came_up, bites);
    let (cut_off, checkpoints) = (leaders_cut_off(bites), checkpoints(evidence));
    if seconds.is_some_and(|seconds| seconds >= VERY_LONG_S) {
        let few = means.iter().filter(|(_, bit)| **bit < EACH_MIN);
        doubts.extend(few.map(|(name, bit)| format!("{name} bit {bit} times, not {EACH_MIN}")));
        let all = chosen.as_deref().unwrap_or_default();
        if all.iter().any(|class| CUTS_OFF.contains(&class.as_str())) && cut_off == 0 {
            doubts.push("no Active was ever cut off with a minority".into());
        }
        let sends = all.iter().any(|class| class.starts_with("checkpoint-cut"));
        if sends && checkpoints < CHECKPOINTS_MIN {
            doubts.push(format!(
                "{checkpoints} checkpoints were sent for sure, not {CHECKPOINTS_MIN}"
            ));
        }
    }
    let gave_up = evidence.lines.iter().filter(|line| line.is_by(RUN) && line.f == "gave-up");
    doubts.extend(gave_up.map(|line| format!("the harness gave up: {}", line.value["because"])));
    let least = means.iter().min_by_key(|(_, bit)| **bit);
    let facts = json!({
        "calls_per_second": rate(&evidence.lines),
        "classes": came_up.len(),
        "chosen": chosen.as_ref().map_or(json!("unknown"), |chosen| json!(chosen.len())),
        "least": least.map(|(name, bit)| format!("{name} {bit}")),
        "pairs": tally.pairs.len(),
        "of_pairs": pairs(&Fault::all()).len(),
        "leaders_cut_off": cut_off,
        "checkpoints_sent": checkpoints,
        "starved_percent": evidence.ended.starved_percent,
        "not_reached": tally.not_reached,
    });
    let valid = if doubts.is_empty() { Valid::Yes } else { Valid::Unknown };
    Finding { valid, ..Finding::against("coverage", doubts, facts) }
}

fn too_slow(evidence: &Evidence, phases: &[Phase]) -> Vec<String> {
    let (rate, floor) = (rate(&evidence.lines), evidence.chosen.rate_floor);
    let mut doubts = Vec::new();
    if rate < floor {
        doubts.push(format!("{rate} {TOO_SLOW}: {floor} are wanted"));
    }
    let slow = phases.iter().filter(|phase| phase.lasted_ms >= PHASE_MIN_MS);
    for Phase { name, calls_per_second, .. } in slow.filter(|it| it.calls_per_second < floor) {
        doubts.push(format!("{calls_per_second} {TOO_SLOW} {name} the faults: {floor} are wanted"));
    }
    doubts
}

/// How often each means bit, whomever it hit.
fn bites_by_means(came_up: &[String], bites: impl Fn(&str) -> u64) -> BTreeMap<&'static str, u64> {
    let mut means: BTreeMap<&'static str, u64> = BTreeMap::new();
    for fault in Fault::all() {
        let name = fault.name();
        if came_up.contains(&name) {
            *means.entry(fault.means.name()).or_default() += bites(&name);
        }
    }
    means
}

/// The classes that leave the Active with less than a majority.
const CUTS_OFF: [&str; 4] = ["split-active", "cable-active", "deaf-active", "shatter-all"];

fn leaders_cut_off(bites: impl Fn(&str) -> u64) -> u64 {
    let known = |fault: &Fault| {
        let cuts = |way| matches!(way, Break::Split | Break::Cable | Break::Deaf);
        matches!((fault.means, fault.target), (Means::Network(way), Target::Active) if cuts(way))
            || fault.means == Means::Network(Break::Shatter)
    };
    Fault::all().iter().filter(|fault| known(fault)).map(|fault| bites(&fault.name())).sum()
}

/// Checkpoints that were sent for sure: cut midway and sent again, or to a member that came with an empty log to a group
/// whose log no longer has its beginning. Managers do not tell of each.
fn checkpoints(evidence: &Evidence) -> u64 {
    let cut = |means| matches!(means, Means::Network(Break::Checkpoint));
    let bit = |of: &dyn Fn(Means) -> bool| {
        evidence.strikes.iter().filter(|strike| strike.bit() && strike.is(of)).count() as u64
    };
    let comes = |means| matches!(means, Means::Membership(Change::Manager | Change::Witness));
    let joined = evidence.lines.iter().filter(|line| line.is_by("member") && line.f == "joined");
    bit(&cut) + (joined.count() as u64).max(bit(&comes))
}

/// The classes that take more than the computer of this run had.
fn absent(evidence: &Evidence) -> BTreeSet<String> {
    let absent = evidence.strikes.iter().filter(|strike| strike.is_absent());
    absent.map(|strike| strike.class.clone()).collect()
}

/// Why each class that was skipped was.
pub(super) fn skipped(evidence: &Evidence) -> BTreeMap<String, String> {
    let why = |strike: &crate::strikes::Strike| match &strike.end {
        crate::strikes::End::Skipped(why) => Some((strike.class.clone(), why.clone())),
        _ => None,
    };
    evidence.strikes.iter().filter_map(why).collect()
}

/// Results by key, as counts.
pub(super) fn keys(checks: &[Finding]) -> BTreeMap<&'static str, u64> {
    let registers = checks.iter().find(|finding| finding.check == "linearizable");
    let Some(facts) = registers.map(|finding| &finding.facts) else { return BTreeMap::new() };
    let listed = |name: &str| facts[name].as_array().map_or(0, |keys| keys.len() as u64);
    let all = facts["keys"].as_u64().or_else(|| facts["keys"].as_array().map(|it| it.len() as u64));
    let (undecided, impossible) = (listed("undecided"), listed("impossible"));
    let valid = all.unwrap_or(0).saturating_sub(undecided + impossible);
    [("valid", valid), ("invalid", impossible), ("unknown", undecided)].into()
}

/// Nothing but what the contract allows is ever answered. A code after a status is one that no client here asked
/// for; an outcome that is unknown is allowed.
pub(super) fn answers(evidence: &Evidence) -> Finding {
    use crate::history::Process;
    let mut odd: BTreeMap<&str, u64> = BTreeMap::new();
    let clients = evidence.lines.iter().filter(|line| matches!(line.process, Process::Client(_)));
    for line in clients {
        let error = line.error.as_deref().unwrap_or_default();
        let with_status = error.starts_with(|first: char| first.is_ascii_digit());
        if with_status && error != "504 UNKNOWN_OUTCOME" {
            *odd.entry(error).or_default() += 1;
        }
    }
    let because = odd.iter().map(|(error, times)| format!("{error} was answered {times} times"));
    Finding::against("answers", because.collect(), Value::Null)
}

/// A ZooKeeper that never came: every Manager tells that it is missed, and nobody tells of having seen it.
pub(super) fn zookeeper(evidence: &Evidence) -> Finding {
    const CHECK: &str = "zookeeper";
    let told = evidence.lines.iter().filter(|line| line.is_by("final") && line.f == "zookeeper");
    let told: BTreeMap<u64, &Value> =
        told.filter_map(|line| Some((line.node?, &line.value))).collect();
    if told.is_empty() {
        return match evidence.finding_before(CHECK) {
            Some(before) => as_before(CHECK, before),
            None => Finding::unknown(CHECK, "nobody told of ZooKeeper at the end"),
        };
    }
    let wrong = told.iter().filter(|(_, watch)| {
        watch["error"].is_null() && (watch["state"] != "away" || watch["since"].is_null())
    });
    let because: Vec<String> =
        wrong.map(|(id, watch)| format!("Manager {id} tells of {watch}")).collect();
    let silent: Vec<u64> = evidence
        .managers()
        .into_iter()
        .filter(|id| told.get(id).is_none_or(|watch| !watch["error"].is_null()))
        .collect();
    if because.is_empty() && !silent.is_empty() {
        return Finding::unknown(CHECK, format!("Managers {silent:?} did not tell of ZooKeeper"));
    }
    let since: BTreeMap<&u64, &Value> = told.iter().map(|(id, it)| (id, &it["since"])).collect();
    Finding::against(CHECK, because, json!({ "away_since": since }))
}

/// What a run of before said itself.
fn as_before(check: &'static str, before: &Value) -> Finding {
    let because = before["because"].as_array().into_iter().flatten();
    let because: Vec<String> = because.filter_map(|it| it.as_str().map(str::to_owned)).collect();
    let valid = match before["valid"].as_bool() {
        Some(true) => Valid::Yes,
        Some(false) => Valid::No,
        None => Valid::Unknown,
    };
    Finding { valid, ..Finding::against(check, because, before["facts"].clone()) }
}
