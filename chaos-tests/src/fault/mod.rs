//! What is broken when: a plan drawn from the seed before the run, and the hand that carries it out.
//!
//! The outcome of each fault is a closed set: installed, skipped, indeterminate. A fault that did not bite
//! proves nothing, so the verdict asks for it.

mod clock;
mod disk;
mod kill;
pub mod network;
mod office;
mod pause;
mod power;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

pub use self::disk::Flush;
pub use self::network::Break;
use crate::Failure;
use crate::cluster::{Cluster, Process};
use crate::history::{History, Line};
use crate::probe::Sighting;

/// The longest pause that is shorter than the lease of an Active (1 s).
const SHORT_MS: std::ops::Range<u64> = 200..700;
/// Faults longer than the lease and than an election.
const LONG_MS: std::ops::Range<u64> = 2_000..4_000;
/// Quiet between two faults: sometimes too short to recover in.
const QUIET_MS: std::ops::Range<u64> = 1_000..5_000;
/// What a kill takes until the process is back, for the plan only.
const KILL: Duration = Duration::from_millis(1_500);
/// What ending and starting all Managers one after the other takes, for the plan only.
const ROLLING: Duration = Duration::from_secs(12);

/// How often a fault is tried that is not seen to bite.
const TRIES: usize = 3;
/// How long is waited for an Active to hit.
const ACTIVE_PATIENCE: Duration = Duration::from_secs(5);

/// Whom a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    One,
    Active,
    Majority,
    All,
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Active => "active",
            Self::Majority => "majority",
            Self::All => "all",
        }
    }
}

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// kill -9; it is started again.
    Kill,
    /// SIGSTOP for less than the lease.
    ShortPause,
    /// SIGSTOP for longer than the lease.
    LongPause,
    /// The network between the Managers is broken.
    Network(Break),
    /// The power of hosts is cut.
    PowerCut,
    /// Disks are full.
    FullDisk,
    /// Flushes go wrong.
    Flushes(Flush),
    /// Wall clocks jump.
    Clock,
    /// The office is handed over again and again.
    Transfers,
    /// All are ended in good order, one after the other.
    Rolling,
}

impl Means {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::ShortPause => "pause-short",
            Self::LongPause => "pause-long",
            Self::Network(Break::Split) => "split",
            Self::Network(Break::Shatter) => "shatter",
            Self::Network(Break::Bridge) => "bridge",
            Self::Network(Break::Deaf) => "deaf",
            Self::Network(Break::NoCalls) => "no-calls",
            Self::Network(Break::Flap) => "flap",
            Self::Network(Break::Cable) => "cable",
            Self::Network(Break::Loss) => "loss",
            Self::Network(Break::Slow) => "slow-link",
            Self::PowerCut => "power-cut",
            Self::FullDisk => "disk-full",
            Self::Flushes(Flush::Slow) => "flush-slow",
            Self::Flushes(Flush::Fails) => "flush-fails",
            Self::Clock => "clock",
            Self::Transfers => "transfers",
            Self::Rolling => "rolling",
        }
    }
}

/// A class of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub means: Means,
    pub target: Target,
}

/// Every class there is.
const CLASSES: &[(Means, &[Target])] = &{
    use Target::{Active, All, Majority, One};
    [
        (Means::Kill, &[One, Active, Majority, All] as &[Target]),
        (Means::ShortPause, &[Active]),
        (Means::LongPause, &[One, Active, Majority, All]),
        (Means::Network(Break::Split), &[One, Active]),
        (Means::Network(Break::Shatter), &[All]),
        (Means::Network(Break::Bridge), &[All]),
        (Means::Network(Break::Deaf), &[One, Active]),
        (Means::Network(Break::NoCalls), &[One, Active]),
        (Means::Network(Break::Flap), &[Active]),
        (Means::Network(Break::Cable), &[One, Active]),
        (Means::Network(Break::Loss), &[All]),
        (Means::Network(Break::Slow), &[Active, All]),
        (Means::PowerCut, &[One, Active, Majority, All]),
        (Means::FullDisk, &[One, Active, All]),
        (Means::Flushes(Flush::Slow), &[One, Active]),
        (Means::Flushes(Flush::Fails), &[One, Active]),
        (Means::Clock, &[One, Active, All]),
        (Means::Transfers, &[All]),
        (Means::Rolling, &[All]),
    ]
};

impl Fault {
    /// Every class there is.
    pub fn all() -> Vec<Self> {
        let each = |(means, targets): &(Means, &'static [Target])| {
            let means = *means;
            targets.iter().map(move |target| Self { means, target: *target })
        };
        CLASSES.iter().flat_map(each).collect()
    }

    /// The classes whose names begin with one of these; all of them when there are none.
    pub fn chosen(beginnings: &[String]) -> Vec<Self> {
        let chosen = |fault: &Self| {
            beginnings.is_empty() || beginnings.iter().any(|name| fault.name().starts_with(name))
        };
        Self::all().into_iter().filter(chosen).collect()
    }

    /// Its name in histories and results.
    pub fn name(self) -> String {
        format!("{}-{}", self.means.name(), self.target.name())
    }

    fn lasts(self, random: &mut StdRng) -> Duration {
        match self.means {
            Means::Kill => KILL,
            Means::Rolling => ROLLING,
            Means::ShortPause => Duration::from_millis(random.random_range(SHORT_MS)),
            _ => Duration::from_millis(random.random_range(LONG_MS)),
        }
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

/// The faults of a run: all these classes in random order, again and again until the time is up.
pub fn plan(seed: u64, run: Duration, classes: &[Fault]) -> Vec<Planned> {
    let mut random = StdRng::seed_from_u64(seed);
    let (mut plan, mut deck, mut at) = (Vec::new(), Vec::<Fault>::new(), Duration::ZERO);
    loop {
        at += Duration::from_millis(random.random_range(QUIET_MS));
        if deck.is_empty() {
            deck.extend(classes);
            deck.shuffle(&mut random);
        }
        let Some(fault) = deck.pop() else { return plan };
        let lasts = fault.lasts(&mut random);
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
            let counts = tally.entry(planned.fault.name()).or_default();
            for _ in 0..TRIES {
                let outcome = self.strike(planned).await?;
                match outcome {
                    Outcome::Installed => counts.installed += 1,
                    Outcome::Skipped(_) => counts.skipped += 1,
                    Outcome::Indeterminate(_) => counts.indeterminate += 1,
                }
                if outcome == Outcome::Installed {
                    break;
                }
            }
        }
        Ok(tally)
    }

    /// Who is Active now, as far as probes tell; waited for, since the fault before may have ended a tenure.
    async fn active(&self) -> Option<u64> {
        let known = || self.sighting.active(self.history.now());
        until(ACTIVE_PATIENCE, || known().is_some()).await;
        known()
    }

    async fn strike(&self, planned: &Planned) -> Result<Outcome, Failure> {
        let victims = self.victims(planned).await?;
        let ids: Vec<u64> = victims.iter().map(|(id, _)| *id).collect();
        self.tell(planned, json!({ "begins": ids }));
        let outcome = self.break_them(planned, &victims).await?;
        self.tell(planned, json!({ "ends": ids, "outcome": outcome }));
        Ok(outcome)
    }

    async fn break_them(
        &self,
        planned: &Planned,
        victims: &[(u64, Process)],
    ) -> Result<Outcome, Failure> {
        let processes: Vec<Process> = victims.iter().map(|(_, process)| *process).collect();
        let lasts = planned.lasts;
        if victims.is_empty() {
            return Ok(Outcome::Skipped("nobody to hit was running or known".into()));
        }
        match planned.fault.means {
            Means::Kill => Ok(kill::strike(&processes).await),
            Means::ShortPause | Means::LongPause => Ok(pause::strike(&processes, lasts).await),
            Means::Transfers => {
                office::transfers(self.cluster, self.history, self.sighting, lasts).await
            }
            Means::Rolling => office::rolling(self.cluster).await,
            _ => self.break_hosts(planned, victims).await,
        }
    }

    async fn break_hosts(
        &self,
        planned: &Planned,
        victims: &[(u64, Process)],
    ) -> Result<Outcome, Failure> {
        let Some(lab) = self.cluster.lab() else {
            return Ok(Outcome::Skipped("the Managers have no hosts of their own".into()));
        };
        let lasts = planned.lasts;
        let placed = |(id, process): &(u64, Process)| Some((self.cluster.place(*id)?, *process));
        let victims: Vec<(usize, Process)> = victims.iter().filter_map(placed).collect();
        let places: Vec<usize> = victims.iter().map(|(place, _)| *place).collect();
        match planned.fault.means {
            Means::Network(way) => network::strike(lab, way, &places, lasts).await,
            Means::PowerCut => power::strike(lab, &places, lasts).await,
            Means::FullDisk => disk::fill(lab, &places, lasts).await,
            Means::Flushes(how) => disk::spoil(lab, &victims, how, lasts).await,
            Means::Clock => clock::strike(lab, &places, lasts).await,
            Means::Kill
            | Means::ShortPause
            | Means::LongPause
            | Means::Transfers
            | Means::Rolling => unreachable!("these need no hosts"),
        }
    }

    fn tell(&self, planned: &Planned, value: serde_json::Value) {
        self.history.record(Line::of_harness("nemesis", planned.fault.name(), None, value));
    }

    async fn victims(&self, planned: &Planned) -> Result<Vec<(u64, Process)>, Failure> {
        let active = match planned.fault.target {
            Target::Active => self.active().await,
            Target::One | Target::Majority | Target::All => None,
        };
        let mut running = self.cluster.processes()?;
        let members = self.cluster.managers.len();
        let mut random = StdRng::seed_from_u64(planned.pick);
        running.shuffle(&mut random);
        match planned.fault.target {
            Target::One => running.truncate(1),
            Target::Active => running.retain(|(id, _)| Some(*id) == active),
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
