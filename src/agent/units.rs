//! What can be ordered of units: of systemd's, and of those that the agent looks after itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::No;
use super::config::{AgentConfig, Supervised, Unit};
use super::gate::exclusive;
use super::home::AgentHome;
use super::keeper;
use super::process::ProcessId;
use super::systemd;
use super::unit_dir::{Spec, State, UnitDir};
use crate::base::Timestamp;
use crate::remote::{UnitState, UnitStatus, UnitVerb};

/// How long a program may take until it is known to run.
const START_PATIENCE: Duration = Duration::from_secs(15);
/// How long a keeper may take beyond the unit's own patience.
const KEEPER_PATIENCE: Duration = Duration::from_secs(10);
/// How long an order waits for the one before it.
const TURN_PATIENCE: Duration = Duration::from_secs(20);
/// How often is looked how it stands.
const GLANCE: Duration = Duration::from_millis(20);

/// The units of this host.
pub(super) struct Units {
    units: BTreeMap<String, Unit>,
    search_path: String,
    dir: PathBuf,
}

impl Units {
    pub(super) fn of(config: &AgentConfig, home: &AgentHome) -> Self {
        Self {
            units: config.units.clone(),
            search_path: config.search_path.clone(),
            dir: home.units(),
        }
    }

    /// How a unit stands.
    pub(super) async fn status(&self, name: &str) -> Result<UnitStatus, No> {
        match self.unit(name)? {
            Unit::Systemd(unit) => systemd::status(unit).await,
            Unit::Supervised(_) => stands(&self.folder(name)?).map_err(failed),
        }
    }

    /// Starts, stops or restarts a unit, and waits until it has.
    pub(super) async fn order(&self, name: &str, verb: UnitVerb) -> Result<UnitStatus, No> {
        match self.unit(name)? {
            Unit::Systemd(unit) => systemd::order(unit, verb).await,
            Unit::Supervised(unit) => {
                let dir = self.folder(name)?;
                let turn = dir.order_lock().map_err(failed)?;
                exclusive(&turn, Instant::now() + TURN_PATIENCE).await.map_err(failed)?;
                // On the disk first: whatever happens then, it is known what was ordered.
                dir.want(verb != UnitVerb::Stop).map_err(failed)?;
                if verb != UnitVerb::Start {
                    stop(&dir, unit.stop_after).await?;
                }
                if verb != UnitVerb::Stop {
                    self.start(&dir, unit).await?;
                }
                stands(&dir).map_err(failed)
            }
        }
    }

    /// The log files of a unit, the oldest first; `Err` with its name at systemd for one of systemd's.
    pub(super) fn logs(&self, name: &str) -> Result<Result<Vec<PathBuf>, &str>, No> {
        match self.unit(name)? {
            Unit::Systemd(unit) => Ok(Err(unit)),
            Unit::Supervised(_) => Ok(Ok(self.folder(name)?.logs())),
        }
    }

    /// Every unit the agent looks after itself.
    pub(super) fn supervised(&self) -> impl Iterator<Item = (&str, &Supervised)> {
        self.units.iter().filter_map(|(name, unit)| match unit {
            Unit::Supervised(unit) => Some((name.as_str(), unit)),
            Unit::Systemd(_) => None,
        })
    }

    /// Gives a unit that is to run a keeper, if it has none: after a restart of the host, or of its keeper.
    pub(super) fn keep_running(&self, name: &str, unit: &Supervised) -> Result<bool, No> {
        let dir = self.folder(name)?;
        let turn = dir.order_lock().map_err(failed)?;
        if turn.try_lock().is_err() || !dir.wanted().map_err(failed)? {
            return Ok(false);
        }
        let ended =
            dir.status().map_err(failed)?.is_some_and(|status| status.state == State::Failed);
        if dir.is_kept().map_err(failed)? || (ended && !unit.restart) {
            return Ok(false);
        }
        self.spawn_keeper(&dir, unit)?;
        Ok(true)
    }

    /// Ends every process without changing what is wanted.
    pub(super) async fn rest(&self) -> Result<(), String> {
        let resting = self.supervised().map(|(name, unit)| async move {
            let told = |no: No| format!("{name}: {no}");
            let dir = self.folder(name).map_err(told)?;
            stop(&dir, unit.stop_after).await.map_err(told)
        });
        futures::future::join_all(resting).await.into_iter().collect()
    }

    fn unit(&self, name: &str) -> Result<&Unit, No> {
        self.units.get(name).ok_or_else(|| {
            No::Refused(format!(
                "this host has no unit {name}: add [unit.{name}] to its agent's configuration"
            ))
        })
    }

    pub(super) fn folder(&self, name: &str) -> Result<UnitDir, No> {
        let dir = self.dir.join(name);
        std::fs::create_dir_all(&dir).map_err(failed)?;
        Ok(UnitDir::at(&dir))
    }

    /// Has a keeper start it, unless it runs, and waits until it does.
    async fn start(&self, dir: &UnitDir, unit: &Supervised) -> Result<(), No> {
        if !dir.is_kept().map_err(failed)? {
            self.spawn_keeper(dir, unit)?;
        }
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            let status = stands(dir).map_err(failed)?;
            match status.state {
                UnitState::Running => return Ok(()),
                UnitState::Failed => {
                    return Err(No::Failed(format!("it does not run: {}", status.ended)));
                }
                // It is tried again and again; whoever ordered it need not wait for that.
                _ if status.ended.starts_with(keeper::NOT_STARTED) => {
                    return Err(No::Failed(format!("it does not run: {}", status.ended)));
                }
                _ if Instant::now() > deadline => {
                    return Err(No::Failed(format!("it does not come up: {}", status.ended)));
                }
                _ => sleep(GLANCE).await,
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a keeper outlives its agent on purpose")]
    fn spawn_keeper(&self, dir: &UnitDir, unit: &Supervised) -> Result<(), No> {
        dir.describe(&Spec::of(unit, &self.search_path)).map_err(failed)?;
        if let Some(mut status) = dir.status().map_err(failed)?
            && status.process.is_none_or(|process| !process.is_alive())
        {
            // What was before is over; the next word is the new keeper's.
            status.state = State::Starting;
            status.process = None;
            if status.ended.starts_with(keeper::NOT_STARTED) {
                status.ended.clear();
            }
            dir.note(&status).map_err(failed)?;
        }
        // Not `current_exe`: that path may hold a newer build by now.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("km").args(["agent", "keep"]).arg(dir.path()).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map_err(failed)?;
        Ok(())
    }
}

/// How a unit stands, by what is on the disk and what the kernel knows.
fn stands(dir: &UnitDir) -> std::io::Result<UnitStatus> {
    let (wanted, kept) = (dir.wanted()?, dir.is_kept()?);
    let status = dir.status()?;
    let process = status.as_ref().and_then(|status| status.process);
    let alive = process.filter(|process| process.is_alive());
    let told = status.as_ref().map(|status| status.state);
    let state = match (kept, alive, wanted, told) {
        (true, Some(_), _, Some(State::Stopping)) => UnitState::Stopping,
        // Without a keeper it runs all the same, until it gets one.
        (_, Some(_), _, _) => UnitState::Running,
        (true, None, true, Some(State::Failed)) | (false, None, true, Some(State::Failed)) => {
            UnitState::Failed
        }
        (true, None, false, _) => UnitState::Stopping,
        (_, None, true, _) => UnitState::Starting,
        (false, None, false, _) => UnitState::Stopped,
    };
    Ok(UnitStatus {
        state,
        pid: alive.map(|process| process.pid),
        since: status.as_ref().map(|status| Timestamp(status.since_ms)),
        ended: status.map(|status| status.ended).unwrap_or_default(),
    })
}

/// Ends the unit's keeper, and with it its process; a process without a keeper is ended directly.
async fn stop(dir: &UnitDir, patience: Duration) -> Result<(), No> {
    let deadline = Instant::now() + patience + KEEPER_PATIENCE;
    while dir.is_kept().map_err(failed)? {
        if Instant::now() > deadline {
            return Err(No::Failed("it does not end".into()));
        }
        // Told again while it is there: a keeper that has just begun may not have listened yet.
        let keeper = dir.keeper().map(ProcessId::open).transpose().map_err(failed)?.flatten();
        if let Some(keeper) = keeper {
            keeper.signal(Signal::TERM);
        }
        sleep(GLANCE).await;
    }
    let process = dir.status().map_err(failed)?.and_then(|status| status.process);
    if let Some(process) = process
        && let Some(watched) = process.open().map_err(failed)?
    {
        keeper::end(&watched, process, patience).await;
    }
    Ok(())
}

fn failed(error: std::io::Error) -> No {
    No::Failed(error.to_string())
}
