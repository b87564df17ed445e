//! At most one Manager is Active at any instant (promise 1), as far as probes from outside and the Managers' own logs prove.
//!
//! A 200 from `/health/active` says that its Manager was Active at some instant between sending and receiving.
//! A tenure is (Manager, epoch) and unbroken, so it surely lasts from the first receiving to the last sending.
//! A Manager's log says when a tenure had begun and when it was last seen to hold, on the same clock.
//! Were a tenure still held after one of a later epoch had surely begun, two were Active at once.
//!
//! The log says as well until when a claim would hold if nothing more were heard. Whose process went on, and ended its tenure
//! itself, could have acted until then: nobody else may have begun before that moment, or before that end if it came first.
//! A process that died says no end, and whoever is told of its death need not wait for its lease.
//!
//! A member that only votes is never Active at all (promise 14). Where a Manager's log says nothing of a tenure that was seen,
//! or probes came too seldom, two at once could have gone unseen, and it is unknown.

use std::collections::BTreeMap;

use serde_json::json;

use super::sight::{Sight, sights};
use super::{Finding, Objection, Valid, cite};
use crate::history::Line;

const CHECK: &str = "one_active";
/// A tenure may be over before its Manager has written that it began: it dies as soon as it answers so, or leads anew. One that was
/// seen for longer would have renewed its claim ten times.
const UNSAID_MAX_NS: u64 = 1_000_000_000;

/// A moment in nanoseconds of the run, and the line that tells of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a> {
    pub(super) at: u64,
    pub(super) line: &'a Line,
}

impl Told<'_> {
    fn earlier(self, other: Self) -> Self {
        if other.at < self.at { other } else { self }
    }

    fn later(self, other: Self) -> Self {
        if other.at > self.at { other } else { self }
    }
}

/// What is proven of one tenure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tenure<'a> {
    pub(super) epoch: u64,
    pub(super) manager: u64,
    /// It had begun by then.
    pub(super) begun_by: Told<'a>,
    /// It had not ended before.
    pub(super) held_until: Told<'a>,
    /// The last moment that it was entitled to, as far as it knew.
    leased_until: Told<'a>,
    /// When its Manager said that it ended; `None`: it never did.
    ended: Option<Told<'a>>,
    /// A probe that was told of it.
    probed: Option<&'a Line>,
    /// Whether its Manager's own log says when it was held.
    logged: bool,
}

impl<'a> Tenure<'a> {
    /// The same tenure by all that both tell.
    fn and(self, other: Self) -> Self {
        Self {
            begun_by: self.begun_by.earlier(other.begun_by),
            held_until: self.held_until.later(other.held_until),
            leased_until: self.leased_until.later(other.leased_until),
            ended: self.ended.into_iter().chain(other.ended).reduce(Told::later),
            probed: self.probed.or(other.probed),
            logged: self.logged || other.logged,
            ..self
        }
    }

    /// For how long it surely was.
    fn seen_ns(&self) -> u64 {
        self.held_until.at.saturating_sub(self.begun_by.at)
    }

    /// Until when its Manager could have acted under it, and the lines that tell so.
    fn could_act_until(&self) -> (u64, Vec<&'a Line>) {
        let held = (self.held_until.at, vec![self.held_until.line]);
        let Some(ended) = self.ended else { return held };
        let until = self.leased_until.at.min(ended.at);
        if until > held.0 { (until, vec![self.leased_until.line, ended.line]) } else { held }
    }
}

/// Judges the probes and the logs.
pub fn check(lines: &[Line]) -> Finding {
    let (tenures, sights) = (tenures(lines), sights(lines));
    if tenures.is_empty() {
        return Finding::unknown(CHECK, "no probe ever saw an Active");
    }
    let mut against = of_witnesses(lines, &tenures);
    for (nth, earlier) in tenures.iter().enumerate() {
        against.extend(tenures[nth + 1..].iter().filter_map(|later| conflict(earlier, later)));
    }
    let gaps: BTreeMap<&str, _> =
        sights.iter().map(|(place, sight)| (place.as_str(), sight.told())).collect();
    let facts = json!({ "tenures": tenures.len(), "probe_gaps_ms": gaps });
    let doubts = doubts(&tenures, &sights);
    // What is wrong already is, however little was seen.
    if against.is_empty() && !doubts.is_empty() {
        return Finding { valid: Valid::Unknown, ..Finding::against(CHECK, doubts, facts) };
    }
    Finding::shown(CHECK, against, facts)
}

/// What could have gone unseen.
fn doubts(tenures: &[Tenure<'_>], sights: &BTreeMap<String, Sight>) -> Vec<String> {
    // Who did not hear that its tenure was noted has it noted again, and writes of that one.
    let noted_again =
        |nth: usize| tenures.get(nth + 1).is_some_and(|next| next.manager == tenures[nth].manager);
    let unsaid = |(nth, tenure): &(usize, &Tenure<'_>)| {
        !tenure.logged && tenure.seen_ns() > UNSAID_MAX_NS && !noted_again(*nth)
    };
    let unsaid = tenures.iter().enumerate().filter(unsaid).filter_map(|(_, tenure)| {
        let Tenure { epoch, manager, .. } = tenure;
        let seen = cite(tenure.probed?);
        Some(format!("Manager {manager} was seen Active in epoch {epoch} ({seen}), of which its own log says nothing"))
    });
    let seldom =
        sights.iter().filter_map(|(place, sight)| Some(format!("{place} {}", sight.doubt()?)));
    let never = sights.is_empty().then(|| "no Manager ever answered a probe".to_owned());
    unsaid.chain(seldom).chain(never).collect()
}

/// In the order of their epochs.
pub(super) fn tenures(lines: &[Line]) -> Vec<Tenure<'_>> {
    let mut tenures: BTreeMap<(u64, u64), Tenure<'_>> = BTreeMap::new();
    for seen in lines.iter().filter_map(seen) {
        let tenure = tenures.entry((seen.epoch, seen.manager)).or_insert(seen);
        *tenure = tenure.and(seen);
    }
    tenures.into_values().collect()
}

/// What a line proves of a tenure.
fn seen(line: &Line) -> Option<Tenure<'_>> {
    let number = |field: &str| line.value[field].as_u64();
    let told = |at: u64| Told { at, line };
    let (begun_by, held_until) = match &*line.f {
        "active" if line.is_by("probe") => (number("received")?, number("sent")?),
        "begin" if line.is_by("active") => (number("at")?, 0),
        // It began before, but when the line does not tell.
        "renew" if line.is_by("active") => (u64::MAX, number("at")?),
        // It ends at the latest when it says so; a process that stood still says so late.
        "end" if line.is_by("active") => (u64::MAX, number("held").unwrap_or(0)),
        _ => return None,
    };
    let ends = line.is_by("active") && line.f == "end";
    Some(Tenure {
        epoch: number("epoch").unwrap_or(0),
        manager: line.node?,
        begun_by: told(begun_by),
        held_until: told(held_until),
        leased_until: told(number("until").unwrap_or(0)),
        ended: number("at").filter(|_| ends).map(told),
        probed: line.is_by("probe").then_some(line),
        logged: line.is_by("active") && !ends,
    })
}

/// Claims of members that only vote.
fn of_witnesses(lines: &[Line], tenures: &[Tenure<'_>]) -> Vec<Objection> {
    let came = lines.iter().filter(|line| line.is_by("member") && line.value["role"] == "witness");
    let witnesses: BTreeMap<u64, &Line> =
        came.filter_map(|line| Some((line.node?, line))).collect();
    let claims = tenures.iter().filter_map(|tenure| {
        let Tenure { epoch, manager, begun_by, .. } = tenure;
        let because = format!("witness {manager} was Active in epoch {epoch}");
        Some(Objection::of(&because, vec![*witnesses.get(manager)?, begun_by.line]))
    });
    claims.collect()
}

fn conflict(earlier: &Tenure<'_>, later: &Tenure<'_>) -> Option<Objection> {
    let (one, other) = (earlier.manager, later.manager);
    if earlier.epoch == later.epoch {
        let because =
            format!("epoch {} was held by Manager {one} and Manager {other}", later.epoch);
        return Some(Objection::of(&because, vec![earlier.begun_by.line, later.begun_by.line]));
    }
    let begun = later.begun_by;
    let (until, shows) = earlier.could_act_until();
    (until > begun.at).then(|| {
        let was = if earlier.held_until.at > begun.at { "was still" } else { "could still be" };
        let overlap_us = (until - begun.at) / 1_000;
        let because = format!(
            "Manager {one} {was} Active in epoch {} {overlap_us} µs after Manager {other} surely was in epoch {}, from {} to {until} ns",
            earlier.epoch, later.epoch, begun.at
        );
        Objection::of(&because, shows.into_iter().chain([begun.line]).collect())
    })
}
