//! Whether a run counts: fast enough in each of its phases, every class of faults that came up seen to bite, none missing that
//! was named, and in a long run often enough.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::bites::{absent, never_bit};
use super::evidence::{Evidence, RUN};
use super::rates::{Phase, phases, rate};
use crate::checker::{Finding, Reason, Valid};
use crate::fault::{Break, Change, Fault, Means, Target, pairs};

/// From so many seconds on every class that was chosen must have come up: all fit in.
const LONG_S: u64 = 600;
/// From so many on, each means so many times, a leader cut off with a minority once, and checkpoints sent so many times.
const VERY_LONG_S: u64 = 1_200;
const EACH_MIN: u64 = 3;
const CHECKPOINTS_MIN: u64 = 5;
/// A phase that was shorter says nothing of a rate: a few calls that wait for an election decide it.
const PHASE_MIN_MS: u64 = 2_000;

/// Something that keeps a run from counting, and of what kind it is.
type Doubt = (Reason, String);

/// The run was fast enough, and each class of faults was seen to bite.
pub(super) fn coverage(evidence: &Evidence) -> Finding {
    let (tally, absent) = (evidence.tally(), absent(evidence));
    let came_up: Vec<String> =
        evidence.came_up().into_iter().filter(|class| !absent.contains(class)).collect();
    let bites = |class: &str| tally.classes.get(class).map_or(0, |counts| counts.installed);
    let means = bites_by_means(&came_up, bites);
    let mut doubts = too_slow(evidence, &phases(evidence));
    doubts.extend(on_loopback(evidence, &absent));
    doubts.extend(never_bit(evidence, &came_up));
    if came_up.is_empty() && absent.is_empty() {
        doubts.push((Reason::Other, "nothing was broken".into()));
    }
    let others = [
        never_came_up(evidence, &came_up, &absent),
        too_seldom(evidence, &means, bites),
        gave_up(evidence),
    ];
    doubts.extend(others.into_iter().flatten().map(|says| (Reason::Other, says)));
    let least = means.iter().min_by_key(|(_, bit)| **bit);
    let facts = json!({
        "calls_per_second": rate(&evidence.lines),
        "classes": came_up.len(),
        "chosen": evidence.classes().map_or(json!("unknown"), |chosen| json!(chosen.len())),
        "least": least.map(|(name, bit)| format!("{name} {bit}")),
        "pairs": tally.pairs.len(),
        "of_pairs": pairs(&Fault::all()).len(),
        "leaders_cut_off": leaders_cut_off(bites),
        "checkpoints_sent": checkpoints(evidence),
        "starved_percent": evidence.ended.starved_percent,
        "not_reached": tally.not_reached,
        "never_came_up": not_among(&evidence.classes().unwrap_or_default(), &came_up, &absent),
    });
    doubtful(doubts, facts)
}

/// Unknown for its doubts, never failed. A finding tells no more than so many, so the gravest come first.
fn doubtful(mut doubts: Vec<Doubt>, facts: Value) -> Finding {
    doubts.sort_by_key(|(reason, _)| std::cmp::Reverse(*reason));
    let valid = if doubts.is_empty() { Valid::Yes } else { Valid::Unknown };
    let (reasons, because): (BTreeSet<Reason>, Vec<String>) = doubts.into_iter().unzip();
    Finding { valid, reasons, ..Finding::against("coverage", because, facts) }
}

fn too_slow(evidence: &Evidence, phases: &[Phase]) -> Vec<Doubt> {
    let (rate, floor) = (rate(&evidence.lines), evidence.chosen.rate_floor);
    let all = (rate < floor).then(|| format!("{rate} calls/s are too few: {floor} are wanted"));
    let slow = phases.iter().filter(|phase| phase.lasted_ms >= PHASE_MIN_MS);
    let slow = slow.filter(|phase| phase.calls_per_second < floor).map(|phase| {
        let Phase { name, calls_per_second, .. } = phase;
        format!("{calls_per_second} calls/s are too few {name} the faults: {floor} are wanted")
    });
    all.into_iter().chain(slow).map(|says| (Reason::TooSlow, says)).collect()
}

/// What a run on loopback lacks, whatever was chosen.
fn on_loopback(evidence: &Evidence, absent: &BTreeSet<String>) -> Vec<Doubt> {
    let mut lacking: Vec<&str> = absent.iter().map(String::as_str).collect();
    if evidence.chosen.loopback && lacking.is_empty() {
        lacking.push("what hosts, their disks and their packets suffer");
    }
    let doubt = |what| (Reason::Loopback, format!("{what} is not to be had on loopback"));
    lacking.into_iter().map(doubt).collect()
}

/// The classes that were chosen and whose time did not come. In a short run without names that is no doubt: it says which.
fn not_among<'a>(
    chosen: &'a [String],
    came_up: &[String],
    absent: &BTreeSet<String>,
) -> Vec<&'a str> {
    let missing =
        chosen.iter().filter(|class| !came_up.contains(class) && !absent.contains(*class));
    missing.map(String::as_str).collect()
}

/// The classes whose time had to come and did not: those that somebody named, and in a long run all.
fn never_came_up(
    evidence: &Evidence,
    came_up: &[String],
    absent: &BTreeSet<String>,
) -> Vec<String> {
    let long = evidence.chosen.seconds.is_none_or(|seconds| seconds >= LONG_S);
    let said = match (long, evidence.chosen.names_classes()) {
        (true, _) => "was chosen and never came up",
        (false, true) => "was named and never came up: the run was too short for it",
        (false, false) => return Vec::new(),
    };
    let Some(chosen) = evidence.classes() else {
        return vec!["which classes were chosen was not written down".into()];
    };
    let missing = not_among(&chosen, came_up, absent);
    missing.into_iter().map(|class| format!("{class} {said}")).collect()
}

/// What came too seldom in a very long run.
fn too_seldom(
    evidence: &Evidence,
    means: &BTreeMap<&'static str, u64>,
    bites: impl Fn(&str) -> u64,
) -> Vec<String> {
    if evidence.chosen.seconds.is_none_or(|seconds| seconds < VERY_LONG_S) {
        return Vec::new();
    }
    let few = means.iter().filter(|(_, bit)| **bit < EACH_MIN);
    let mut doubts: Vec<String> =
        few.map(|(name, bit)| format!("{name} bit {bit} times, not {EACH_MIN}")).collect();
    let all = evidence.classes().unwrap_or_default();
    if all.iter().any(|class| CUTS_OFF.contains(&class.as_str())) && leaders_cut_off(bites) == 0 {
        doubts.push("no Active was ever cut off with a minority".into());
    }
    let (sends, sent) =
        (all.iter().any(|class| class.starts_with("checkpoint-cut")), checkpoints(evidence));
    if sends && sent < CHECKPOINTS_MIN {
        doubts.push(format!("{sent} checkpoints were sent for sure, not {CHECKPOINTS_MIN}"));
    }
    doubts
}

fn gave_up(evidence: &Evidence) -> Vec<String> {
    let gave_up = evidence.lines.iter().filter(|line| line.is_by(RUN) && line.f == "gave-up");
    gave_up.map(|line| format!("the harness gave up: {}", line.value["because"])).collect()
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
    let comes = |means| {
        matches!(means, Means::MemberSteps | Means::Membership(Change::Manager | Change::Witness))
    };
    let joined = evidence.lines.iter().filter(|line| line.is_by("member") && line.f == "joined");
    bit(&cut) + (joined.count() as u64).max(bit(&comes))
}
