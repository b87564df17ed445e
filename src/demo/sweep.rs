//! `km sweep-demo`: waits for the end of a demo and then ends everything that belongs to it.
//!
//! What an agent keeps running runs on without the agent, and so without the demo (row 3). On this computer nothing is
//! to stay behind, however the demo ends: with Ctrl-C, or with `kill -9`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use super::record::Record;
use crate::agent;
use crate::cli::outcome::Failure;

/// How long an agent may take to end before it is killed.
const AGENT_PATIENCE: Duration = Duration::from_secs(5);
/// How long a new demo waits for the sweeper of the one before.
const SWEPT_PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(20);

/// Waits until whoever holds the other end of standard input has ended, and clears up after it.
pub async fn sweep(dir: &Path) -> Result<(), Failure> {
    let lock = lock_file(dir)?;
    if lock.try_lock().is_err() {
        return Err(Failure::Refused("another demo is being cleared up here".into()));
    }
    let until_it_closes =
        || std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()).map(drop);
    // A pipe that breaks has ended, too.
    let _ = tokio::task::spawn_blocking(until_it_closes).await;
    end_all(dir).await
}

/// Waits until the demo before has been cleared up.
pub(super) async fn swept(dir: &Path) -> Result<(), Failure> {
    let lock = lock_file(dir)?;
    let deadline = Instant::now() + SWEPT_PATIENCE;
    while lock.try_lock().is_err() {
        if Instant::now() > deadline {
            let detail = format!("the demo before is still being cleared up in {}", dir.display());
            return Err(Failure::Refused(detail));
        }
        sleep(GLANCE).await;
    }
    Ok(())
}

/// The agents first: they would start again what is ended.
async fn end_all(dir: &Path) -> Result<(), Failure> {
    let mut record = Record::load(dir)?;
    for agent in record.iter().flat_map(|record| &record.agents) {
        if let Some(pid) = agent.pid {
            end_agent(pid, &agent.config).await;
        }
    }
    let homes = agent_configs(dir)?;
    let resting =
        homes.iter().map(|config| async move { agent::rest(&agent::load(config)?).await });
    let rested: Vec<Result<(), Failure>> = futures::future::join_all(resting).await;
    if let Some(record) = &mut record {
        record.managers.iter_mut().for_each(|manager| manager.pid = None);
        record.agents.iter_mut().for_each(|agent| agent.pid = None);
        record.services.iter_mut().for_each(|service| service.pid = None);
        record.save(dir)?;
    }
    rested.into_iter().collect()
}

/// The configuration of every agent there is, also of one that an interrupted start left.
fn agent_configs(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        let homes = std::fs::read_dir(dir)?.collect::<Result<Vec<_>, _>>()?;
        let configs = homes.into_iter().map(|home| home.path().join("agent.toml"));
        Ok(configs.filter(|config| config.is_file()).collect())
    };
    read().map_err(Failure::local(dir.display()))
}

async fn end_agent(pid: u32, config: &Path) {
    let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    for (signal, patience) in [(Signal::TERM, AGENT_PATIENCE), (Signal::KILL, AGENT_PATIENCE)] {
        let deadline = Instant::now() + patience;
        if is_agent(pid, config) {
            // It may have ended by itself this very moment; then there is nothing to end.
            let _ = kill_process(process, signal);
        }
        while is_agent(pid, config) && Instant::now() < deadline {
            sleep(GLANCE).await;
        }
    }
}

/// Whether the process of that number is this agent and nobody who was given its number later.
fn is_agent(pid: u32, config: &Path) -> bool {
    let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let line = String::from_utf8_lossy(&line);
    line.split('\0').any(|word| Path::new(word) == config)
}

fn lock_file(dir: &Path) -> Result<File, Failure> {
    File::create(dir.join("sweep.lock")).map_err(Failure::local(dir.display()))
}
