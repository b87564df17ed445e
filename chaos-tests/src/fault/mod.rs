//! What is broken when: a plan drawn from the seed before the run, and the hand that carries it out.
//!
//! The outcome of each fault is a closed set: installed, skipped, indeterminate. A fault that did not bite
//! proves nothing, so the verdict asks for it.

mod kill;
mod pause;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

use crate::Failure;
use crate::cluster::{Cluster, Process};
use crate::history::{History, Line};
use crate::probe::Sighting;

/// The longest pause that is shorter than the lease of an Active (1 s).
const SHORT_MS: std::ops::Range<u64> = 200..700;
/// Pauses longer than the lease and than an election.
const LONG_MS: std::ops::Range<u64> = 2_000..4_000;
/// Quiet between two faults: sometimes too short to recover in.
const QUIET_MS: std::ops::Range<u64> = 1_000..5_000;
/// What a kill takes until the process is back, for the plan only.
const KILL: Duration = Duration::from_millis(1_500);

/// Whom a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    One,
    Active,
    Majority,
    All,
}

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// kill -9; the demo starts it again.
    Kill,
    /// SIGSTOP for less than the lease.
    ShortPause,
    /// SIGSTOP for longer than the lease.
    LongPause,
}

/// A class of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub means: Means,
    pub target: Target,
}

impl Fault {
    /// Every class there is.
    pub const ALL: [Self; 9] = [
        Self { means: Means::Kill, target: Target::One },
        Self { means: Means::Kill, target: Target::Active },
        Self { means: Means::Kill, target: Target::Majority },
        Self { means: Means::Kill, target: Target::All },
        Self { means: Means::ShortPause, target: Target::Active },
        Self { means: Means::LongPause, target: Target::One },
        Self { means: Means::LongPause, target: Target::Active },
        Self { means: Means::LongPause, target: Target::Majority },
        Self { means: Means::LongPause, target: Target::All },
    ];

    /// Its name in histories and results.
    pub fn name(self) -> String {
        let means = match self.means {
            Means::Kill => "kill",
            Means::ShortPause => "pause-short",
            Means::LongPause => "pause-long",
        };
        let target = match self.target {
            Target::One => "one",
            Target::Active => "active",
            Target::Majority => "majority",
            Target::All => "all",
        };
        format!("{means}-{target}")
    }
}

/// A fault with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// After the start of the workload.
    pub at: Duration,
    pub fault: Fault,
    pub lasts: Duration,
    /// Turns "one" and "a majority" into Managers.
    pub pick: u64,
}

/// The faults of a run: all classes in random order, again and again until the time is up.
pub fn plan(seed: u64, run: Duration) -> Vec<Planned> {
    let mut random = StdRng::seed_from_u64(seed);
    let (mut plan, mut deck, mut at) = (Vec::new(), Vec::new(), Duration::ZERO);
    loop {
        at += Duration::from_millis(random.random_range(QUIET_MS));
        if deck.is_empty() {
            deck.extend(Fault::ALL);
            deck.shuffle(&mut random);
        }
        let fault = deck.pop().expect("it was filled just now");
        let lasts = match fault.means {
            Means::Kill => KILL,
            Means::ShortPause => Duration::from_millis(random.random_range(SHORT_MS)),
            Means::LongPause => Duration::from_millis(random.random_range(LONG_MS)),
        };
        if at + lasts > run {
            return plan;
        }
        plan.push(Planned { at, fault, lasts, pick: random.random() });
        at += lasts;
    }
}

/// How a fault came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was seen to bite.
    Installed,
    /// It was not tried, and why.
    Skipped(String),
    /// It was tried and not seen to bite.
    Indeterminate(String),
}

/// How often each class came out how.
pub type Tally = BTreeMap<String, Counts>;

/// How often one class came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub installed: u64,
    pub skipped: u64,
    pub indeterminate: u64,
}

impl Counts {
    /// How often it was planned and came up.
    pub fn tried(self) -> u64 {
        self.installed + self.skipped + self.indeterminate
    }
}

/// Carries out a plan.
pub struct Nemesis<'a> {
    pub cluster: &'a Cluster,
    pub history: &'a History,
    /// Where the Active was last seen.
    pub sighting: &'a Sighting,
    pub stop: &'a AtomicBool,
}

impl Nemesis<'_> {
    /// Breaks what the plan says, when it says, and tells how it went. Leaves nobody paused.
    pub async fn run(&self, plan: &[Planned]) -> Result<Tally, Failure> {
        let (started, mut tally) = (Instant::now(), Tally::new());
        for planned in plan {
            sleep_until(started + planned.at).await;
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let outcome = self.strike(planned).await?;
            let counts = tally.entry(planned.fault.name()).or_default();
            match outcome {
                Outcome::Installed => counts.installed += 1,
                Outcome::Skipped(_) => counts.skipped += 1,
                Outcome::Indeterminate(_) => counts.indeterminate += 1,
            }
        }
        Ok(tally)
    }

    async fn strike(&self, planned: &Planned) -> Result<Outcome, Failure> {
        let victims = self.victims(planned)?;
        let ids: Vec<u64> = victims.iter().map(|(id, _)| *id).collect();
        self.tell(planned, json!({ "begins": ids }));
        let processes: Vec<Process> = victims.into_iter().map(|(_, process)| process).collect();
        let outcome = match (processes.is_empty(), planned.fault.means) {
            (true, _) => Outcome::Skipped("nobody to hit was running or known".into()),
            (false, Means::Kill) => kill::strike(&processes).await,
            (false, Means::ShortPause | Means::LongPause) => {
                pause::strike(&processes, planned.lasts).await
            }
        };
        self.tell(planned, json!({ "ends": ids, "outcome": outcome }));
        Ok(outcome)
    }

    fn tell(&self, planned: &Planned, value: serde_json::Value) {
        self.history.record(Line::of_harness("nemesis", planned.fault.name(), None, value));
    }

    fn victims(&self, planned: &Planned) -> Result<Vec<(u64, Process)>, Failure> {
        let mut running = self.cluster.processes()?;
        let members = self.cluster.managers.len();
        let mut random = StdRng::seed_from_u64(planned.pick);
        running.shuffle(&mut random);
        match planned.fault.target {
            Target::One => running.truncate(1),
            Target::Active => {
                let active = self.sighting.active(self.history.now());
                running.retain(|(id, _)| Some(*id) == active);
            }
            Target::Majority => running.truncate(members / 2 + 1),
            Target::All => {}
        }
        Ok(running)
    }
}

/// Looks again and again until something holds; `false` when it did not in time.
async fn until(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !holds() {
        if Instant::now() > deadline {
            return false;
        }
        sleep(Duration::from_millis(1)).await;
    }
    true
}
