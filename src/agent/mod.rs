//! What runs on every host: `km agent`, which looks and acts there for the group's Managers, and for nobody else.
//!
//! ```text
//!   Manager ── mutual TLS ──→ listen ──┐
//!   Manager ── SSH ──→ km agent --stdio ──→ converse ──→ gate ──→ work ──→ files, run, probe, logs, units
//!                                                                          units ──→ systemd, or a keeper
//! ```
//!
//! Both ways in end in the same conversation, the same gate on the disk and the same work. The gate keeps the highest
//! epoch this host has seen and refuses lower ones. What the agent was told to keep running runs on without it and
//! without any Manager (row 3): every unit has a keeper, a process of its own in a session of its own.
//!
//! Reading order: `config`, `home` (what lies on the disk); `converse`, `gate`, `work`; then what work consists of:
//! `files`, `run`, `probe`, `logs`, `units` with `unit_dir`, `keeper` and `systemd`; `listen` and `enrol`; `watch` for
//! what the resident agent does by itself.

mod config;
mod converse;
mod enrol;
mod files;
mod gate;
mod home;
mod keeper;
mod listen;
mod logs;
mod probe;
mod process;
mod renewing;
mod run;
mod systemd;
mod unit_dir;
mod units;
mod watch;
mod work;

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

pub use self::config::AgentConfig;
use self::converse::{Caller, converse};
pub use self::enrol::{Enrol, enrol};
pub use self::gate::{Gate, Pass};
use self::home::AgentHome;
pub use self::keeper::keep;
use self::units::Units;
use crate::cli::outcome::Failure;
use crate::cluster::{AgentIdentity, Shown};
use crate::remote::{UnitStatus, UnitVerb};
use crate::telemetry;

/// What an agent works with, whoever asks and by whatever way.
struct Agent {
    config: AgentConfig,
    gate: Gate,
    units: Units,
    /// Whose agent this is; `None` where it was never enrolled and is reached over SSH.
    identity: Option<AgentIdentity>,
    /// What its port shows; `None` where it has no port.
    shown: Option<Arc<Shown>>,
}

/// Why the agent does not do what it was asked.
#[derive(Debug)]
pub enum No {
    /// A later epoch has begun. Nothing was done.
    Fenced {
        /// The highest epoch this host has seen.
        highest: u64,
    },
    /// It is not to be done. Nothing was.
    Refused(String),
    /// It was tried.
    Failed(String),
}

impl fmt::Display for No {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fenced { highest } => write!(f, "epoch {highest} has begun"),
            Self::Refused(why) | Self::Failed(why) => f.write_str(why),
        }
    }
}

impl Agent {
    fn of(
        config: AgentConfig,
        identity: Option<AgentIdentity>,
        shown: Option<Arc<Shown>>,
    ) -> Result<Self, Failure> {
        let home = AgentHome::at(&config.data_dir);
        home.make()?;
        files::sweep(&home.puts());
        Ok(Self {
            gate: Gate::at(home.gate()),
            units: Units::of(&config, &home),
            identity,
            shown,
            config,
        })
    }
}

/// Listens for Managers and looks after the units, until asked to stop. The units run on.
pub async fn serve(config: AgentConfig) -> Result<(), Failure> {
    telemetry::start(&config.log, None);
    let home = AgentHome::at(&config.data_dir);
    let credentials = home.credentials()?;
    let identity = credentials.agent_identity().map_err(failed)?;
    let listener = listen::bind(&config).await?;
    let shown = Shown::of(&credentials).map_err(failed)?;
    let agent = Arc::new(Agent::of(config, Some(identity), Some(shown.clone()))?);
    let port = listen::Port::of(&credentials, shown, agent.clone())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::local("signals"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::local("signals"))?;
    tracing::info!(host = %identity.host, "the agent listens");
    match agent.gate.highest_epoch() {
        Ok(highest) => tracing::info!(target: "kyvos::gate", highest, "opened"),
        // Looks go on; every act is refused with the reason.
        Err(no) => tracing::warn!(target: "kyvos::gate", because = %no, "nobody is let through"),
    }
    tokio::select! {
        () = port.listen(listener) => {}
        () = watch::watch(&agent.units, &home) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("the agent stops; what it keeps running runs on");
    Ok(())
}

/// Answers one act on standard input and output, for whoever signed in over SSH.
pub async fn answer_on_stdio(config: AgentConfig) -> Result<(), Failure> {
    let identity = AgentHome::at(&config.data_dir).identity()?;
    let agent = Agent::of(config, identity, None)?;
    let (from, to) = (file(std::io::stdin().as_fd())?, file(std::io::stdout().as_fd())?);
    let line = tokio::io::join(from, to);
    converse(&agent, Caller::SignedIn, line).await.map_err(failed)
}

/// Ends the processes of all units without changing what is wanted: for a host that is shut down.
pub async fn rest(config: &AgentConfig) -> Result<(), Failure> {
    Units::of(config, &AgentHome::at(&config.data_dir)).rest().await.map_err(Failure::Refused)
}

/// Starts or stops a unit on the host itself, without a Manager: for whoever stands before it.
pub async fn order(
    config: &AgentConfig,
    unit: &str,
    verb: UnitVerb,
) -> Result<UnitStatus, Failure> {
    let home = AgentHome::at(&config.data_dir);
    home.make()?;
    Units::of(config, &home).order(unit, verb).await.map_err(failed)
}

/// How a unit of this host stands, by what is on the disk: its agent need not run.
pub async fn status(config: &AgentConfig, unit: &str) -> Result<UnitStatus, Failure> {
    Units::of(config, &AgentHome::at(&config.data_dir)).status(unit).await.map_err(failed)
}

/// Reads an agent's configuration.
pub fn load(path: &Path) -> Result<AgentConfig, Failure> {
    Ok(AgentConfig::load(path)?)
}

/// A stream of this process as a file of its own: sshd gives a pipe or a socket, and a file reads either.
fn file(stream: BorrowedFd<'_>) -> Result<tokio::fs::File, Failure> {
    let own = stream.try_clone_to_owned().map_err(Failure::local("standard input and output"))?;
    Ok(tokio::fs::File::from_std(own.into()))
}

fn failed(failure: impl std::fmt::Display) -> Failure {
    Failure::Refused(failure.to_string())
}
