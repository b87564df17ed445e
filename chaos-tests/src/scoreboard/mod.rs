//! Whether these runs find what they are for: a Manager that makes one known mistake at a time, and the run that is to
//! notice. Each mistake has a seed and the faults fit to show it; what none of the checkers notices in ten minutes is
//! told as not caught, what one notices later as caught too late; and a run of a Manager without a mistake must pass.

mod row;
mod scenario;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use self::row::{Came, Row};
use self::row::{came_of_bug, workloads_of};
pub use self::scenario::{SCENARIOS, Scenario};
use crate::Failure;
use crate::checker::{Finding, Valid};
use crate::run::{Settings, Terms, run};
use crate::verdict::Verdict;
use crate::verdict::evidence::names_of_workloads;
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

impl Board {
    /// Runs a scenario until its mistake is noticed or the time is over.
    pub async fn row(&self, scenario: &Scenario) -> Result<Row, Failure> {
        let (started, mut runs) = (Instant::now(), 0);
        loop {
            let seed = scenario.seed + runs;
            runs += 1;
            let (valid, checks) = self.tried(scenario, seed).await;
            let (caught_by, took) = (noticed(&checks), started.elapsed());
            let came = match scenario.bug {
                Some(_) => came_of_bug(!caught_by.is_empty(), took, self.patience),
                None if valid == Valid::Yes => Some(Came::Passed),
                None => Some(Came::DidNotPass),
            };
            if let Some(came) = came {
                return Ok(Row {
                    bug: scenario.name(),
                    came,
                    because: because(&checks),
                    workloads: names_of_workloads(&workloads_of(&caught_by)),
                    caught_by,
                    faults: scenario.told(),
                    seed,
                    runs,
                    seconds: took.as_secs(),
                });
            }
        }
    }

    /// What a run comes to. A group that cannot even be founded shows no mistake, and passes nothing.
    async fn tried(&self, scenario: &Scenario, seed: u64) -> (Valid, Vec<Finding>) {
        match self.attempt(scenario, seed).await {
            Ok(verdict) => (verdict.valid, verdict.checks),
            Err(failure) => (Valid::Unknown, vec![Finding::unknown("run", failure.to_string())]),
        }
    }

    async fn attempt(&self, scenario: &Scenario, seed: u64) -> Result<Verdict, Failure> {
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
        Ok(verdict)
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
            // `make chaos` plants nothing.
            repeat: Some(scenario.repeat()),
        }
    }
}

/// The checks that noticed something, and could not have noticed it of the machine.
fn noticed(checks: &[Finding]) -> Vec<&'static str> {
    checks.iter().filter(|finding| is_noticed(finding)).map(|finding| finding.check).collect()
}

/// What the first check says that noticed something, or else the first that was in doubt.
fn because(checks: &[Finding]) -> String {
    let noticed = checks.iter().filter(|finding| is_noticed(finding));
    let doubtful = checks.iter().filter(|finding| finding.valid != Valid::Yes);
    let mut said = noticed.chain(doubtful).filter_map(|finding| finding.because.first());
    said.next().cloned().unwrap_or_default()
}

fn is_noticed(finding: &Finding) -> bool {
    finding.valid == Valid::No && !OF_THE_MACHINE.contains(&finding.check)
}
