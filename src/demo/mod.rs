//! `km demo`: a real group on this computer, to be looked at, tried out and tested against.
//!
//! Each Manager is a process of this very program with its own disk folder, ports and certificate; the group
//! is made with the same verbs an operator types: `init`, `token create`, `join`, `serve`, `hosts add`, `hosts enrol`.
//! Each host has its agent, and each Manager is a unit of it: one that is killed comes back after a pause, and starting
//! and stopping one through its host really does. One host more waits for a Manager to be added. Sample services run on the
//! hosts, units of their agents as well, and Services HA brings back what is killed. The demo looks after the agents only.
//! Started again on the same folder it resumes the same group.

mod child;
mod found;
mod layout;
mod record;
mod sample;
mod services;
mod supervise;
mod sweep;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::client::Client;
use crate::cli::outcome::Failure;
use crate::cli::output::{Format, Output, say};
use child::Sweeper;
use found::Founder;
use layout::{Care, Home};
use record::Record;
use services::Samples;
use supervise::Supervisor;

pub use sample::{Sample, serve as serve_sample};
pub use sweep::sweep;

/// Most Managers of a demo.
const MANAGERS_MAX: u16 = 9;
/// Most hosts without a Manager.
const SPARES_MAX: u16 = 3;
/// Held by the demo that runs in a folder; that it is there says whose the folder is.
const LOCK: &str = "demo.lock";

/// `km demo`.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// Folder for everything; an earlier demo in it is resumed
    #[arg(long, default_value = "km-demo")]
    dir: PathBuf,
    /// How many Managers
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=i64::from(MANAGERS_MAX)))]
    managers: u16,
    /// Manager 1 serves its API on the port after this one; 0 takes free ports
    #[arg(long, default_value_t = 8440)]
    base_port: u16,
    /// Whether Kyvos Manager High Availability is switched on
    #[arg(long, value_enum, default_value_t = Switch::Yes)]
    ha: Switch,
    /// Whether the hosts run sample services; a demo that is resumed goes on as it began
    #[arg(long, value_enum, default_value_t = Switch::Yes)]
    services: Switch,
    /// Leave a Manager that ended dead
    #[arg(long)]
    no_restart: bool,
    /// How long a Manager that ended stays away
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    restart_after_ms: u64,
    /// How many hosts wait for a Manager to be added; without HA there are none
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=i64::from(SPARES_MAX)))]
    spare_hosts: u16,
}

impl Demo {
    fn care(&self) -> Care {
        Care { restart: !self.no_restart, restart_after_ms: self.restart_after_ms }
    }

    fn pause(&self) -> Duration {
        Duration::from_millis(self.restart_after_ms)
    }
}

/// Whether something is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    Yes,
    No,
}

/// Runs a demo until it is interrupted.
pub async fn run(demo: Demo, output: Output) -> Result<(), Failure> {
    if demo.ha == Switch::No && demo.managers > 1 {
        let remedy = "without HA there is one Manager: add --managers 1";
        return Err(Failure::Usage(format!("--ha no with --managers {}: {remedy}", demo.managers)));
    }
    let new = std::fs::read_dir(&demo.dir).is_ok_and(|mut entries| entries.next().is_none())
        || !demo.dir.exists();
    let (dir, _lock) = claim(&demo.dir)?;
    sweep::swept(&dir).await?;
    let mut interrupted = supervise::Interrupted::listen()?;
    let sweeper = Sweeper::start(&dir)?;
    let mut supervisor = Supervisor::new(&dir);
    let started = tokio::select! {
        started = start(&demo, &dir, &mut supervisor, output) => started.map(Some),
        () = interrupted.wait() => Ok(None),
    };
    if let Ok(Some(client)) = &started {
        supervisor.watch(&demo, client, &mut interrupted).await;
    }
    // The agents first end by themselves, and are let go only then.
    sweeper.sweep().await;
    drop(supervisor);
    if new && started.is_err() && Record::load(&dir).is_ok_and(|record| record.is_none()) {
        // Nothing came into being here, and what lies here is of this start.
        std::fs::remove_dir_all(&dir).map_err(Failure::local(dir.display()))?;
    }
    started.map(drop)
}

async fn start(
    demo: &Demo,
    dir: &Path,
    supervisor: &mut Supervisor,
    output: Output,
) -> Result<Client, Failure> {
    let earlier = Record::load(dir)?;
    let resumed = earlier.is_some();
    if let Some(record) = earlier {
        for agent in &record.agents {
            let home = agent.config.parent().map(Home::at);
            let home = home.ok_or_else(|| Failure::Refused("an agent has no folder".into()))?;
            found::configure(&home, agent, record.samples, demo.care())?;
        }
        supervisor.resume(record).await?;
    }
    let ha = demo.ha == Switch::Yes;
    let samples = match supervisor.record() {
        Ok(record) => record.samples,
        Err(_) if demo.services == Switch::Yes => Some(Samples::of(demo.base_port, ha)?),
        Err(_) => None,
    };
    let mut founder = Founder {
        dir,
        base_port: demo.base_port,
        ha,
        spare_hosts: if ha { demo.spare_hosts } else { 0 },
        care: demo.care(),
        samples,
    };
    let client = founder.complete(supervisor, demo.managers).await?;
    let record = supervisor.record()?;
    match output.format {
        Format::Json => output.object(&serde_json::to_value(record).expect("plain data")),
        Format::Table => announce(dir, record, resumed),
    }
    Ok(client)
}

/// Takes the folder for this process alone.
fn claim(dir: &Path) -> Result<(PathBuf, File), Failure> {
    let claim = || {
        std::fs::create_dir_all(dir)?;
        // What an interrupted start left in a host's folder is cleared; where no demo ever was it is somebody's.
        let mut homes = (1..=MANAGERS_MAX + SPARES_MAX).map(|number| Home::of(dir, number).folder);
        if !dir.join(LOCK).exists() && homes.any(|home| home.exists()) {
            let remedy = "give a new or empty folder with --dir";
            return Err(io::Error::other(format!(
                "holds somebody's folders km1, km2, …: {remedy}"
            )));
        }
        let lock = File::create(dir.join(LOCK))?;
        Ok((dir.canonicalize()?, lock))
    };
    let (dir, lock) = claim().map_err(Failure::local(dir.display()))?;
    if lock.try_lock().is_err() {
        let remedy = "stop it, or give this one another --dir";
        return Err(Failure::Refused(format!(
            "a demo runs in {} already: {remedy}",
            dir.display()
        )));
    }
    Ok((dir, lock))
}

/// How this program was called: whoever has it on no search path must type the same again.
fn typed() -> String {
    std::env::args().next().unwrap_or_else(|| "km".into())
}

fn announce(dir: &Path, record: &Record, resumed: bool) {
    let what = if resumed { "resumed" } else { "new" };
    say(&format!("\nKyvos Manager demo ({what}) in {}\n", dir.display()));
    for manager in &record.managers {
        let pid = manager.pid.map_or("-".to_owned(), |pid| pid.to_string());
        say(&format!("  Manager {:<4} {}   pid {pid}", manager.id, manager.api_url));
    }
    for agent in &record.agents {
        let pid = agent.pid.map_or("-".to_owned(), |pid| pid.to_string());
        say(&format!("  Host {:<4} {}   agent {pid}, {}", agent.host, agent.name, agent.address));
    }
    for service in &record.services {
        let pid = service.pid.map_or("-".to_owned(), |pid| pid.to_string());
        say(&format!("  {:<22} {}   pid {pid}", service.id, service.address));
    }
    if let Some(samples) = &record.samples {
        say(&format!("  {}", samples.told()));
    }
    let (ca, admin) = (record.ca.display(), &record.admin);
    say(&format!("\n  Sign in as {} with the password {}", admin.username, admin.password));
    say(&format!("  The browser warns of the demo's own authority; its certificate is {ca}"));
    if let Some(any) = record.managers.last() {
        say(&format!("  Command line: {} --ca {ca} --server {} login", typed(), any.api_url));
    }
    say("  Try: kill -9 one of the pids and watch the dashboard.");
    if let Some(service) = record.services.first() {
        let id = &service.id;
        say(&format!(
            "  Try: kill -9 the pid of {id}: it is called down, started again, and told of"
        ));
        say(&format!("       in Alerts; {} services show {id} has the evidence.", typed()));
    }
    say("  Ctrl-C stops everything.\n");
}

#[cfg(test)]
mod tests {
    use super::layout::host_name;
    use super::*;

    #[test]
    fn a_folder_with_other_files_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(host_name(1))).unwrap();
        let refused = claim(dir.path()).unwrap_err().to_string();
        assert!(refused.contains("somebody's folders"), "{refused}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_of_a_demo_is_taken_again_but_not_twice_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let (path, lock) = claim(dir.path()).unwrap();
        std::fs::create_dir(path.join(host_name(1))).unwrap();
        assert!(claim(dir.path()).is_err());
        // Closing it is not enough: a child that another test starts has it open as well, until it has become its own program.
        lock.unlock().unwrap();
        claim(dir.path()).unwrap();
    }
}
