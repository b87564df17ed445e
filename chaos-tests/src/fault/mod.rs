//! What is broken when: a plan drawn from the seed before the run, and the hand that carries it out.
//!
//! The outcome of each fault is a closed set: installed, skipped, indeterminate. A fault that did not bite
//! proves nothing, so the verdict asks for it.

mod between;
mod certificate;
mod checkpoint;
mod choice;
mod class;
mod clock;
mod damage;
mod disk;
mod kill;
mod member_steps;
mod membership;
pub mod network;
mod office;
mod operator;
mod pause;
mod plan;
mod power;
mod starve;
pub mod steps;
mod storm;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

use self::between::Between;
use self::choice::There;
pub use self::class::{Fault, Means, Target};
pub use self::damage::{ASKED_TO_END, Damage};
pub use self::disk::Flush;
pub(crate) use self::disk::UNMET;
pub use self::membership::Change;
pub use self::network::Break;
use self::operator::Operator;
pub use self::plan::{Planned, each_once, pair_name, pairs, plan, plan_after};
use crate::Failure;
use crate::cluster::{Cluster, Process};
use crate::history::{History, Line};
use crate::probe::Sighting;
use crate::strikes::{ABSENT, OF_THE_HARNESS};

/// How often a fault is tried that is not seen to bite.
const TRIES: usize = 3;
/// Pause before it is tried again: whom it would have hit may be on their way back.
const BEFORE_ANOTHER_TRY: Duration = Duration::from_secs(2);
/// How long is waited for an Active to hit.
const ACTIVE_PATIENCE: Duration = Duration::from_secs(5);
/// How long somebody who was hit may take to have a process again.
const BACK_PATIENCE: Duration = Duration::from_secs(20);

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

impl Outcome {
    /// Whether another try would bring nothing else.
    fn is_final(&self) -> bool {
        match self {
            Self::Installed => true,
            Self::Skipped(why) => why.starts_with(ABSENT),
            Self::Indeterminate(_) => false,
        }
    }
}

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

/// How the faults of a run came out, as `strikes` reads it from the history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often each class came out how.
    pub classes: BTreeMap<String, Counts>,
    /// How often two kinds bit at the same time.
    pub pairs: BTreeMap<String, u64>,
    /// Slots of the plan whose time came when the run was over.
    pub not_reached: usize,
}

impl Tally {
    /// How many faults bit.
    pub fn installed(&self) -> u64 {
        self.classes.values().map(|counts| counts.installed).sum()
    }
}

/// A plan that was carried out. What came of each fault stands in the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Slots of the plan whose time came when the run was over.
    pub not_reached: usize,
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
    /// Breaks what the plan says, when it says, and tells how it went. Leaves nobody paused. What is planned later than
    /// `run`, because faults took longer than planned, is left out.
    pub async fn run(&self, plan: &[Planned], run: Duration) -> Result<Carried, Failure> {
        let started = Instant::now();
        let slots: Vec<&[Planned]> = plan.chunk_by(|one, next| one.slot == next.slot).collect();
        for (nth, slot) in slots.iter().enumerate() {
            if let Some(first) = slot.first() {
                sleep_until(started + first.at).await;
            }
            if self.stop.load(Ordering::Relaxed) || started.elapsed() > run {
                return Ok(Carried { not_reached: slots.len() - nth });
            }
            // The plan has the first of a slot first; a slot that comes late comes as a whole.
            let (begun, first) = (Instant::now(), slot.first().map_or(Duration::ZERO, |it| it.at));
            let together = slot.iter().map(|planned| async move {
                sleep_until(begun + (planned.at - first)).await;
                self.try_it(planned).await
            });
            join_all(together).await.into_iter().collect::<Result<(), Failure>>()?;
        }
        Ok(Carried::default())
    }

    /// Tries until it is seen to bite, a few times.
    async fn try_it(&self, planned: &Planned) -> Result<(), Failure> {
        for tried in 0..TRIES {
            if tried > 0 {
                sleep(BEFORE_ANOTHER_TRY).await;
            }
            if self.strike(planned).await?.is_final() {
                break;
            }
        }
        Ok(())
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
        let (lasts, pick) = (planned.lasts, planned.pick);
        let (cluster, history, sighting) = (self.cluster, self.history, self.sighting);
        if victims.is_empty() {
            return Ok(Outcome::Skipped(self.nobody(planned.fault)));
        }
        match planned.fault.means {
            Means::Kill => Ok(kill::strike(&processes).await),
            Means::ShortPause | Means::LongPause => Ok(pause::strike(&processes, lasts).await),
            Means::Transfers => {
                Ok(mechanical(office::transfers(cluster, history, sighting, lasts).await))
            }
            Means::Rolling => Ok(mechanical(office::rolling(cluster).await)),
            Means::Steps => Ok(told(steps::strike(cluster, history, sighting, pick).await)),
            Means::Storm => Ok(mechanical(storm::strike(cluster, history, lasts).await)),
            Means::Network(way) => Ok(self.break_network(way, planned, victims).await),
            _ => Ok(self.break_hosts(planned, victims).await),
        }
    }

    async fn break_network(
        &self,
        way: Break,
        planned: &Planned,
        victims: &[(u64, Process)],
    ) -> Outcome {
        let Some(between) = Between::of(self.cluster) else {
            return Outcome::Skipped(format!("{ABSENT}nothing stands between the Managers"));
        };
        let places = victims.iter().filter_map(|(id, _)| self.cluster.place(*id));
        // Whoever came later is on a host like the others.
        let places: Vec<usize> = places.filter(|place| between.places().contains(place)).collect();
        let how = (planned.pick, planned.lasts);
        mechanical(network::strike(self.cluster, between, way, &places, how).await)
    }

    async fn break_hosts(&self, planned: &Planned, victims: &[(u64, Process)]) -> Outcome {
        let (cluster, history, sighting) = (self.cluster, self.history, self.sighting);
        let Some(lab) = cluster.lab() else {
            return Outcome::Skipped(format!("{ABSENT}the Managers have no hosts of their own"));
        };
        let (lasts, pick) = (planned.lasts, planned.pick);
        let placed = |(id, process): &(u64, Process)| Some((cluster.place(*id)?, *process));
        let victims: Vec<(usize, Process)> = victims.iter().filter_map(placed).collect();
        let places: Vec<usize> = victims.iter().map(|(place, _)| *place).collect();
        let own: Vec<usize> = places.iter().copied().filter(|it| *it < lab.members).collect();
        mechanical(match planned.fault.means {
            Means::PowerCut => power::strike(lab, &places, lasts).await,
            Means::FullDisk => disk::fill(lab, &places, lasts).await,
            Means::ReadOnly => power::read_only(lab, &places, lasts).await,
            Means::Flushes(Flush::Lies) => {
                return damage::lie((cluster, history, lab), &victims, lasts).await;
            }
            Means::Flushes(how) => disk::spoil(lab, &victims, how, lasts).await,
            Means::Disk(how) => {
                return told(damage::strike(cluster, history, how, &own, (pick, lasts)).await);
            }
            Means::Clock => clock::strike(lab, &places, lasts).await,
            Means::Strobe => clock::strobe(lab, &places, lasts).await,
            Means::Processor => starve::of_processor(&victims, lasts).await,
            Means::Memory => starve::of_memory(&victims).await,
            Means::Agents => Ok(kill::agents(lab).await),
            Means::Certificates => certificate::strike(cluster, &victims, lasts).await,
            Means::Membership(change) => {
                return told(membership::strike(cluster, history, change, &own, lasts).await);
            }
            Means::MemberSteps => {
                return told(member_steps::strike(cluster, history, sighting).await);
            }
            Means::Kill
            | Means::ShortPause
            | Means::LongPause
            | Means::Network(_)
            | Means::Transfers
            | Means::Steps
            | Means::Storm
            | Means::Rolling => unreachable!("these need no hosts"),
        })
    }

    fn tell(&self, planned: &Planned, value: serde_json::Value) {
        self.history.record(Line::of_harness("nemesis", planned.fault.name(), None, value));
    }

    async fn victims(&self, planned: &Planned) -> Result<Vec<(u64, Process)>, Failure> {
        let fault = planned.fault;
        // What is lost with one must be left with the others: nobody is taken away while another is missing.
        if fault.means.may_lose_one() && !self.all_there().await? {
            return Ok(Vec::new());
        }
        let active = match fault.target {
            Target::Active => self.active().await,
            Target::One | Target::Majority | Target::All => None,
        };
        let there = |running: &[(u64, Process)]| There {
            own: self.own(),
            running: running.iter().map(|(id, _)| *id).collect(),
            active,
        };
        // Whose process is gone is waited for: what befell fewer would be another fault.
        let running = || self.cluster.processes();
        let enough = || running().is_ok_and(|running| there(&running).are_enough(fault));
        until(BACK_PATIENCE, enough).await;
        let running = running()?;
        let chosen = choice::victims(fault, &there(&running), planned.pick);
        let process = |id: u64| running.iter().find(|(it, _)| *it == id).copied();
        Ok(chosen.into_iter().filter_map(process).collect())
    }

    /// Why there is nobody to hit.
    fn nobody(&self, fault: Fault) -> String {
        match choice::needed(fault, self.cluster.managers.len()) {
            0 | 1 => "nobody to hit was running or known".to_owned(),
            needed => {
                let seconds = BACK_PATIENCE.as_secs();
                format!("fewer than {needed} Managers had a process within {seconds} s")
            }
        }
    }

    /// The numbers of the Managers of the run.
    fn own(&self) -> Vec<u64> {
        self.cluster.managers.iter().map(|it| it.id.get()).collect()
    }

    /// Whether every Manager of the run has a process and a vote; waited for, as one may be on its way back.
    async fn all_there(&self) -> Result<bool, Failure> {
        let all_run = || {
            let running = self.cluster.processes().unwrap_or_default();
            self.own().iter().all(|id| running.iter().any(|(it, _)| it == id))
        };
        let own = self.own();
        Ok(until(BACK_PATIENCE, all_run).await
            && Operator::new(self.cluster, self.history)?.all_vote(&own).await)
    }
}

/// What an operator could not do while things were broken is no failure of this program: what it leaves behind shows in
/// the finale.
fn told(outcome: Result<Outcome, Failure>) -> Outcome {
    outcome.unwrap_or_else(|failure| Outcome::Indeterminate(failure.to_string()))
}

/// What the harness itself could not do to hosts and their disks ends one fault and not the run. It may leave something
/// broken, for which nobody else is to blame.
fn mechanical(outcome: Result<Outcome, Failure>) -> Outcome {
    outcome.unwrap_or_else(|failure| Outcome::Indeterminate(format!("{OF_THE_HARNESS}{failure}")))
}

/// What the harness itself could not do, told among what an operator could not.
fn own_failure(what: impl Display) -> Failure {
    Failure(format!("{OF_THE_HARNESS}{what}"))
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
