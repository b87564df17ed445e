//! The mistakes, each with the run that is to notice it. What they are stands in `docs/reliability.md`.

use crate::fault::Fault;
use crate::lab::Variables;

/// The variable by which a build with planted bugs makes a mistake.
const BUG: &str = "PLANTED_BUG";

/// A run, and the mistake it is to notice.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// `None`: there is none, and the run must pass.
    pub bug: Option<&'static str>,
    /// Beginnings of the names of classes.
    pub faults: &'static [&'static str],
    /// Of those that come at the same time.
    pub beside: &'static [&'static str],
    /// How many times as long as usual faults last.
    pub longer: u32,
    pub managers: u16,
    pub seconds: u64,
    pub seed: u64,
}

/// What most have in common.
const USUAL: Scenario =
    Scenario { bug: None, faults: &[], beside: &[], longer: 1, managers: 3, seconds: 15, seed: 1 };

const fn bug(name: &'static str, seed: u64, faults: &'static [&'static str]) -> Scenario {
    Scenario { bug: Some(name), faults, seed, ..USUAL }
}

/// What some scenario breaks.
const EVERYTHING: &[&str] = &[
    "kill",
    "pause",
    "split-active",
    "shatter",
    "power-cut",
    "clock-all",
    "transfers",
    "agents",
    "witness",
    "replace-one",
];

/// All of them, and the run without a mistake.
pub const SCENARIOS: &[Scenario] = &[
    // Whatever the others break, so that what they notice is not the machine's or the harness's.
    Scenario { faults: EVERYTHING, seconds: 180, ..USUAL },
    bug("answer-before-flush", 100, &["power-cut-all", "power-cut-majority"]),
    bug("flush-without-fsync", 200, &["power-cut-all", "power-cut-majority"]),
    bug("vote-not-persisted", 300, &["kill-all", "kill-majority"]),
    bug("reads-from-local-state", 400, &["split-active", "pause-long-one"]),
    bug("active-by-raft-state", 500, &["split-active"]),
    bug("epoch-is-term", 600, &["kill-active"]),
    Scenario { longer: 6, seconds: 40, ..bug("lease-on-wall-clock", 700, &["clock-all"]) }
        .with_beside(&["split-active"]),
    bug("no-lease-check-after-pause", 800, &["pause-long-active"]),
    bug("agent-forgets-epoch", 900, &["transfers", "agents"]),
    bug("no-dedupe", 1000, &["kill-active", "pause-long-active", "split-active"]),
    bug("checkpoint-without-answers", 1100, &["kill-one", "kill-majority"]),
    bug("forward-twice", 1200, &["pause-long-active", "split-active", "kill-active"]),
    Scenario {
        longer: 2,
        seconds: 30,
        ..bug("timeout-told-as-failed", 1300, &["pause-long-majority", "shatter"])
    },
    // A Manager that was away has watchers read everything anew; those that move come back to the others.
    bug("watch-resumes-late", 1400, &["kill-active"]),
    bug("watch-before-commit", 1500, &["pause-short"]),
    Scenario {
        seconds: 60,
        ..bug("checkpoint-without-tombstones", 1600, &["witness", "kill-majority"])
    },
    Scenario { seconds: 25, ..bug("truncation-cuts-committed", 1700, &["split-active"]) },
    // Whoever is replaced was removed just before.
    Scenario { seconds: 40, ..bug("number-reused", 1800, &["replace-one"]) },
    bug("session-lost-at-failover", 1900, &["kill-active", "transfers"]),
    // An entry is lost to all only where each had it last, so between two changes: many are killed at once, many times.
    Scenario { seconds: 60, ..bug("last-entry-lost", 2000, &["kill-all"]) },
];

impl Scenario {
    const fn with_beside(self, beside: &'static [&'static str]) -> Self {
        Self { beside, ..self }
    }

    /// Its mistake's name.
    pub fn name(&self) -> &'static str {
        self.bug.unwrap_or("none")
    }

    /// What is broken in it, in words.
    pub fn told(&self) -> String {
        let mut told = self.faults.join(", ");
        if self.longer > 1 {
            told.push_str(&format!(" ({}× as long)", self.longer));
        }
        if !self.beside.is_empty() {
            told.push_str(&format!(" beside {}", self.beside.join(", ")));
        }
        told
    }

    /// The command line that makes its row anew.
    pub(super) fn repeat(&self) -> String {
        format!("make chaos-scoreboard BUGS={}", self.name())
    }

    pub(super) fn classes(&self, beginnings: &[&str]) -> Vec<Fault> {
        let beginnings: Vec<String> = beginnings.iter().map(|name| (*name).to_owned()).collect();
        if beginnings.is_empty() { Vec::new() } else { Fault::chosen(&beginnings) }
    }

    pub(super) fn variables(&self) -> Variables {
        let bug = self.bug.map(|name| (BUG.to_owned(), name.to_owned()));
        bug.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the run without a mistake does not break could be noticed of the machine or the harness.
    #[test]
    fn the_run_without_a_mistake_breaks_whatever_any_other_breaks() {
        let without = SCENARIOS.iter().find(|scenario| scenario.bug.is_none());
        let unharmed = without.expect("there is one").classes(EVERYTHING);
        for scenario in SCENARIOS {
            for beginning in scenario.faults.iter().chain(scenario.beside) {
                let classes = scenario.classes(&[*beginning]);
                assert!(!classes.is_empty(), "{beginning} is no class");
                let odd = classes.iter().find(|class| !unharmed.contains(class));
                assert_eq!(odd, None, "of {}", scenario.name());
            }
        }
    }

    #[test]
    fn a_row_is_repeated_by_the_name_of_its_mistake() {
        let repeated = SCENARIOS.iter().map(Scenario::repeat);
        let first: Vec<String> = repeated.take(2).collect();
        let expected =
            ["none", "answer-before-flush"].map(|bug| format!("make chaos-scoreboard BUGS={bug}"));
        assert_eq!(first, expected);
    }
}
