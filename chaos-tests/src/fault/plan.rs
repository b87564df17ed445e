//! Which faults when: drawn from the seed before the run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::class::{Fault, LONGEST, Means};

/// Quiet between two slots: sometimes too short to recover in.
const QUIET_MS: std::ops::Range<u64> = 1_000..5_000;
/// The same where time is short.
const LITTLE_QUIET_MS: std::ops::Range<u64> = 300..900;
/// How much later than the first the others of a slot begin, at most; so that all meet, no later than half of what the
/// shortest of them lasts.
const STAGGER_MAX: Duration = Duration::from_millis(800);
/// Of a hundred slots so many have a second fault, and so many of those a third.
const FURTHER_PERCENT: u32 = 80;

/// One fault takes no more than so much of a run, and may take so long in any: a short run that is all one fault shows little.
const OF_A_RUN: u32 = 10;
const LONGEST_AT_LEAST: Duration = Duration::from_secs(4);

/// A fault with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Faults of one slot are at the same time.
    pub slot: usize,
    /// After the start of the workload.
    pub at: Duration,
    pub fault: Fault,
    pub lasts: Duration,
    /// Turns "one" and "a majority" into Managers.
    pub pick: u64,
}

/// The faults of a run: all these classes, those first whose means lack most pairs, again and again until the time is up. Up to `overlap` of them are
/// at the same time: beside the next come those whose means were not yet together with it, whether it is their turn or not.
pub fn plan(seed: u64, run: Duration, classes: &[Fault], overlap: usize) -> Vec<Planned> {
    plan_after(&BTreeSet::new(), seed, run, classes, overlap)
}

/// The same for a run that goes on with what others left over: pairs of means of these names were together already.
pub fn plan_after(
    met: &BTreeSet<String>,
    seed: u64,
    run: Duration,
    classes: &[Fault],
    overlap: usize,
) -> Vec<Planned> {
    let longest = (run / OF_A_RUN).clamp(LONGEST_AT_LEAST, LONGEST);
    let mut dealer = Dealer::new(seed, classes, overlap, longest);
    dealer.out_of_turn = true;
    dealer.unmet.retain(|(one, other)| !met.contains(&pair_name(*one, *other)));
    let mut plan = Vec::new();
    loop {
        if dealer.deck.is_empty() {
            dealer.shuffle();
        }
        let slot = dealer.slot(QUIET_MS, FURTHER_PERCENT);
        if slot.is_empty() || dealer.at > run {
            return plan;
        }
        plan.extend(slot);
    }
}

/// The faults of a short run: each of these classes once, as many at the same time as may be, with little quiet in between.
pub fn each_once(seed: u64, classes: &[Fault], overlap: usize) -> Vec<Planned> {
    let mut dealer = Dealer::new(seed, classes, overlap, LONGEST);
    let mut plan = Vec::new();
    dealer.shuffle();
    while !dealer.deck.is_empty() {
        plan.extend(dealer.slot(LITTLE_QUIET_MS, 100));
    }
    plan
}

/// Deals faults out of a shuffled deck.
struct Dealer<'a> {
    random: StdRng,
    classes: &'a [Fault],
    overlap: usize,
    /// How long one may last.
    longest: Duration,
    deck: Vec<Fault>,
    /// Whether a class may come beside another before its turn.
    out_of_turn: bool,
    /// Pairs of means that are yet to come together; all of them again once each has.
    unmet: BTreeSet<(Means, Means)>,
    slots: usize,
    /// When the last slot is over.
    at: Duration,
}

impl<'a> Dealer<'a> {
    fn new(seed: u64, classes: &'a [Fault], overlap: usize, longest: Duration) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            classes,
            overlap,
            longest,
            deck: Vec::new(),
            out_of_turn: false,
            unmet: match overlap {
                // Nothing ever meets.
                ..=1 => BTreeSet::new(),
                _ => pairs(classes).into_iter().collect(),
            },
            slots: 0,
            at: Duration::ZERO,
        }
    }

    fn shuffle(&mut self) {
        self.deck.extend(self.classes);
        self.deck.shuffle(&mut self.random);
    }

    /// What comes next, together, after some quiet.
    fn slot(&mut self, quiet_ms: std::ops::Range<u64>, further_percent: u32) -> Vec<Planned> {
        let at = self.at + Duration::from_millis(self.random.random_range(quiet_ms));
        let mut planned = Vec::new();
        for fault in self.draw(further_percent) {
            let lasts = fault.lasts(&mut self.random, self.longest);
            let pick = self.random.random();
            planned.push(Planned { slot: self.slots, at, fault, lasts, pick });
        }
        let shortest = planned.iter().map(|it| it.lasts).min().unwrap_or_default();
        for later in planned.iter_mut().skip(1) {
            later.at += self.random.random_range(Duration::ZERO..=STAGGER_MAX.min(shortest / 2));
        }
        self.at = planned.iter().map(|it| it.at + it.lasts).fold(self.at, Duration::max);
        self.slots += 1;
        planned
    }

    /// The next of the deck, and what goes with it.
    fn draw(&mut self, further_percent: u32) -> Vec<Fault> {
        let mut together: Vec<Fault> = self.next().into_iter().collect();
        while !together.is_empty()
            && together.len() < self.overlap
            && self.random.random_range(0..100) < further_percent
        {
            let Some(further) = self.best_beside(&together) else { break };
            self.deck.retain(|fault| *fault != further);
            self.meet(&together, further);
            together.push(further);
        }
        together
    }

    /// The one of the deck that has the most pairs yet to come; of equals the topmost.
    fn next(&mut self) -> Option<Fault> {
        let mut lacks: BTreeMap<Means, usize> = BTreeMap::new();
        for means in self.unmet.iter().flat_map(|(one, other)| [*one, *other]) {
            *lacks.entry(means).or_default() += 1;
        }
        let deck = self.deck.iter().enumerate();
        let (place, _) = deck.max_by_key(|(_, fault)| lacks.get(&fault.means))?;
        Some(self.deck.remove(place))
    }

    /// The one that brings the most pairs yet to come; of equals one whose turn is still to come.
    fn best_beside(&mut self, together: &[Fault]) -> Option<Fault> {
        let mut all = self.deck.clone();
        if self.out_of_turn {
            all = self.classes.to_vec();
            all.shuffle(&mut self.random);
        }
        let fits = |fault: &Fault| together.iter().all(|it| it.means.goes_with(fault.means));
        let brings = |fault: &Fault| {
            let unmet = |it: &&Fault| self.unmet.contains(&pair(it.means, fault.means));
            together.iter().filter(unmet).count()
        };
        let rank = |fault: &Fault| (brings(fault), self.deck.contains(fault));
        all.into_iter().filter(fits).max_by_key(rank)
    }

    fn meet(&mut self, together: &[Fault], further: Fault) {
        for it in together {
            self.unmet.remove(&pair(it.means, further.means));
        }
        if self.unmet.is_empty() {
            self.unmet = pairs(self.classes).into_iter().collect();
        }
    }
}

/// What a pair is called in results.
pub fn pair_name(one: Means, other: Means) -> String {
    let mut names = [one.name(), other.name()];
    names.sort_unstable();
    names.join(" + ")
}

/// Two means, whichever was first.
fn pair(one: Means, other: Means) -> (Means, Means) {
    (one.min(other), one.max(other))
}

/// Every pair of means that can be at the same time.
pub fn pairs(classes: &[Fault]) -> Vec<(Means, Means)> {
    let mut means: Vec<Means> = classes.iter().map(|fault| fault.means).collect();
    means.sort_unstable();
    means.dedup();
    let mut pairs = Vec::new();
    for (nth, one) in means.iter().enumerate() {
        let others = means[nth + 1..].iter().filter(|other| one.goes_with(**other));
        pairs.extend(others.map(|other| (*one, *other)));
    }
    pairs
}
