//! kill -9: a process ends between any two instructions; the operating system keeps what it wrote.

use std::time::Duration;

use super::{Outcome, until};
use crate::cluster::Process;
use crate::lab::Lab;

const DEATH_PATIENCE: Duration = Duration::from_secs(5);

/// Kills all at one instant, as nearly as one process can.
pub(super) async fn strike(processes: &[Process]) -> Outcome {
    processes.iter().for_each(|process| process.kill());
    match until(DEATH_PATIENCE, || processes.iter().all(|process| process.is_dead())).await {
        true => Outcome::Installed,
        false => Outcome::Indeterminate("a killed process went on".into()),
    }
}

/// Kills the agents of all hosts. They are started again, and must know whom not to obey.
pub(super) async fn agents(lab: &Lab) -> Outcome {
    let agents: Vec<Process> = lab.hosts.iter().filter_map(|host| host.agent.process()).collect();
    match agents.is_empty() {
        true => Outcome::Skipped("there is no agent".into()),
        false => strike(&agents).await,
    }
}
