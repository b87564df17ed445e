//! What was broken when, and whether it bit, as a history tells: the same for a run that just ended and for one that was
//! kept. Nothing here knows a plan.

use std::collections::BTreeMap;

use crate::fault::{Counts, Fault, Means, Tally, pair_name};
use crate::history::Line;

/// How long a killed process stays away: its keeper waits so long, and that is part of the fault.
pub const AWAY_NS: u64 = 1_000_000_000;
/// What the outcome of a fault begins with when the harness could not do what it wanted, whatever the product did.
pub const OF_THE_HARNESS: &str = "the harness: ";
/// What the reason begins with why a fault was skipped that takes more than a run on loopback has.
pub const ABSENT: &str = "not on loopback: ";

/// One try to break something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// Its class.
    pub class: String,
    /// The same, where this build knows the class.
    pub fault: Option<Fault>,
    /// Numbers of the Managers it was to hit.
    pub victims: Vec<u64>,
    pub from: u64,
    /// `None`: the run ended meanwhile.
    pub to: Option<u64>,
    pub end: End,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Bit,
    Skipped(String),
    Indeterminate(String),
    /// Nothing was written down.
    Open,
}

impl Strike {
    /// Whether it was seen to bite.
    pub fn bit(&self) -> bool {
        self.end == End::Bit
    }

    /// Whether the harness itself could not go on with it, and may have left something broken.
    pub fn was_broken_off(&self) -> bool {
        matches!(&self.end, End::Indeterminate(why) if why.starts_with(OF_THE_HARNESS))
    }

    /// Whether a run on loopback lacks what it takes.
    pub fn is_absent(&self) -> bool {
        matches!(&self.end, End::Skipped(why) if why.starts_with(ABSENT))
    }

    /// Whether it is one of these.
    pub fn is(&self, of: impl Fn(Means) -> bool) -> bool {
        self.fault.is_some_and(|fault| of(fault.means))
    }

    /// When what it broke is whole again, as far as the harness is concerned.
    pub fn over(&self) -> Option<u64> {
        let kills = |means: Means| {
            matches!(means, Means::Kill | Means::Memory | Means::Steps | Means::MemberSteps)
        };
        let away = self.is(kills);
        self.to.map(|to| to.saturating_add(if away { AWAY_NS } else { 0 }))
    }

    fn overlaps(&self, other: &Self) -> bool {
        let over = |strike: &Self| strike.over().unwrap_or(u64::MAX);
        self.from < over(other) && other.from < over(self)
    }
}

/// All of them, in the order they began.
pub fn strikes(lines: &[Line]) -> Vec<Strike> {
    let classes: BTreeMap<String, Fault> =
        Fault::all().into_iter().map(|fault| (fault.name(), fault)).collect();
    let mut strikes: Vec<Strike> = Vec::new();
    for line in lines.iter().filter(|line| line.is_by("nemesis")) {
        if line.value["begins"].is_array() {
            strikes.push(Strike {
                class: line.f.clone(),
                fault: classes.get(&line.f).copied(),
                victims: numbers(&line.value["begins"]),
                from: line.time,
                to: None,
                end: End::Open,
            });
        } else if line.value["ends"].is_array() {
            let victims = numbers(&line.value["ends"]);
            let own =
                |it: &&mut Strike| it.to.is_none() && it.class == line.f && it.victims == victims;
            if let Some(strike) = strikes.iter_mut().rev().find(own) {
                strike.to = Some(line.time);
                strike.end = end(&line.value["outcome"]);
            }
        }
    }
    strikes
}

fn numbers(told: &serde_json::Value) -> Vec<u64> {
    told.as_array().into_iter().flatten().filter_map(serde_json::Value::as_u64).collect()
}

fn end(outcome: &serde_json::Value) -> End {
    let why = |name: &str| outcome[name].as_str().map(str::to_owned);
    match (outcome.as_str(), why("skipped"), why("indeterminate")) {
        (Some("installed"), _, _) => End::Bit,
        (_, Some(why), _) => End::Skipped(why),
        (_, _, Some(why)) => End::Indeterminate(why),
        _ => End::Open,
    }
}

/// How often each class came out how, and what bit at one time: for as long as both lasted, not only in one slot.
pub fn tally(strikes: &[Strike]) -> Tally {
    let mut tally = Tally::default();
    for strike in strikes {
        let counts: &mut Counts = tally.classes.entry(strike.class.clone()).or_default();
        match strike.end {
            End::Bit => counts.installed += 1,
            End::Skipped(_) => counts.skipped += 1,
            End::Indeterminate(_) | End::Open => counts.indeterminate += 1,
        }
    }
    let bit: Vec<&Strike> = strikes.iter().filter(|strike| strike.bit()).collect();
    for (nth, one) in bit.iter().enumerate() {
        for other in bit[nth + 1..].iter().filter(|other| one.overlaps(other)) {
            let (Some(one), Some(other)) = (one.fault, other.fault) else { continue };
            *tally.pairs.entry(pair_name(one.means, other.means)).or_default() += 1;
        }
    }
    tally
}

/// When the last fault was over; `None` when one never ended. The beginning, when nothing was broken.
pub fn healed(strikes: &[Strike]) -> Option<u64> {
    strikes.iter().map(Strike::over).try_fold(0, |last, over| Some(last.max(over?)))
}
