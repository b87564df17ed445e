//! Whether these runs find what they are for: a Manager that makes one known mistake at a time, and the run that is to
//! notice. Each mistake has a seed and the faults fit to show it; what none of the checkers notices in ten minutes is
//! told as not caught, and so is a run of a Manager without a mistake that does not pass.

mod scenario;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

pub use self::scenario::{SCENARIOS, Scenario};
use crate::Failure;
use crate::checker::{Finding, Valid};
use crate::run::{Settings, Terms, run};
use crate::workload::Workload;

/// The checks that say something of the machine as well: what they alone notice is not counted as caught.
const OF_THE_MACHINE: [&str; 3] = ["recovery", "availability", "coverage"];

/// How long a group may take to be whole again. Many mistakes leave one that never is.
const RECOVERY_PATIENCE: Duration = Duration::from_secs(20);
/// Calls in a second. A build that is not optimised answers a quarter of what the other does.
const RATE_FLOOR: u64 = 25;

/// How the board is made.
#[derive(Clone, Debug)]
pub struct Board {
    /// A `km` of a build with planted bugs.
    pub km: PathBuf,
    /// Gets a folder for each run.
    pub out: PathBuf,
    /// How long a mistake may go unnoticed.
    pub patience: Duration,
}

/// A line of the board.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The mistake; `none` for the run without one.
    pub bug: &'static str,
    /// Whether it came out as it must: caught, or without a mistake passed.
    pub good: bool,
    /// The checks that noticed.
    pub caught_by: Vec<&'static str>,
    /// What the first of them says.
    pub because: String,
    pub faults: String,
    /// Of the last run.
    pub seed: u64,
    pub runs: u64,
    /// All runs together, with starting and ending the group.
    pub seconds: u64,
}

impl Board {
    /// Runs a scenario until its mistake is noticed or the time is over.
    pub async fn row(&self, scenario: &Scenario) -> Result<Row, Failure> {
        let (started, mut runs) = (Instant::now(), 0);
        loop {
            let seed = scenario.seed + runs;
            runs += 1;
            // A group that cannot even be founded shows no mistake, and passes nothing.
            let (valid, checks) = match self.attempt(scenario, seed).await {
                Ok(judged) => judged,
                Err(failure) => {
                    (Valid::Unknown, vec![Finding::unknown("run", failure.to_string())])
                }
            };
            let noticed: Vec<&Finding> = checks.iter().filter(is_noticed).collect();
            let good = match scenario.bug {
                Some(_) => !noticed.is_empty(),
                None => valid == Valid::Yes,
            };
            let doubtful = || checks.iter().filter(|finding| finding.valid != Valid::Yes);
            if good || scenario.bug.is_none() || started.elapsed() > self.patience {
                return Ok(Row {
                    bug: scenario.name(),
                    good,
                    because: noticed
                        .iter()
                        .copied()
                        .chain(doubtful())
                        .find_map(|finding| finding.because.first().cloned())
                        .unwrap_or_default(),
                    caught_by: noticed.iter().map(|finding| finding.check).collect(),
                    faults: scenario.told(),
                    seed,
                    runs,
                    seconds: started.elapsed().as_secs(),
                });
            }
        }
    }

    async fn attempt(
        &self,
        scenario: &Scenario,
        seed: u64,
    ) -> Result<(Valid, Vec<Finding>), Failure> {
        let out = self.out.join(scenario.name()).join(seed.to_string());
        if out.exists() {
            fs::remove_dir_all(&out).map_err(Failure::doing(out.display()))?;
        }
        let verdict = run(&self.settings(scenario, seed, out.clone())).await?;
        // The disks of the hosts are large, and the history tells what happened.
        for place in 0..usize::from(scenario.managers) + 1 {
            let image = out.join(format!("cluster/host-{}/image", place + 1));
            if image.exists() {
                fs::remove_file(&image).map_err(Failure::doing(image.display()))?;
            }
        }
        Ok((verdict.valid, verdict.checks))
    }

    fn settings(&self, scenario: &Scenario, seed: u64, out: PathBuf) -> Settings {
        Settings {
            km: self.km.clone(),
            duration: Some(Duration::from_secs(scenario.seconds)),
            seed,
            out,
            managers: scenario.managers,
            faults: scenario.classes(scenario.faults),
            overlap: 1,
            workloads: Workload::ALL.to_vec(),
            terms: Terms {
                variables: scenario.variables(),
                longer: scenario.longer,
                beside: scenario.classes(scenario.beside),
                patience: RECOVERY_PATIENCE,
                rate_floor: RATE_FLOOR,
                ..Terms::default()
            },
            lab: true,
            chosen: String::new(),
            commit: None,
        }
    }
}

fn is_noticed(finding: &&Finding) -> bool {
    finding.valid == Valid::No && !OF_THE_MACHINE.contains(&finding.check)
}
