//! One host of a lab: a Manager and an agent on a disk of their own, with a clock of their own.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use blackout::Ext4;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::fake_clock;
use super::kept::Kept;
use super::network::Network;
use crate::Failure;
use crate::cluster::{Manager, Process};

/// How long a Manager may take to end in good order: it hands over first.
pub(super) const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// Room for the log, the facts, checkpoints and the history of an hour, twice: what a Manager that is replaced leaves is put
/// aside first. Little enough to be filled in a moment.
const DISK_BYTES: u64 = 512 << 20;

/// Where agents listen unless told otherwise.
const AGENT_PORT: u16 = 7447;
/// What every Manager of a run is told besides. Checkpoints after so few entries that a run of a minute makes them again and
/// again, and whoever was away for a second needs one; and each renewal of a claim to be Active, for whoever judges claims.
pub(crate) const SETTINGS: &str = "[store]\ncheckpoint_after = 50\n\n[log]\nrenewals = \"on\"\n";
/// How long a verb may take; a call of its own to the group ends after 70 s.
const VERB_PATIENCE: Duration = Duration::from_secs(80);

const DAY_S: u64 = 24 * 3600;
/// A clock that differs by less is right.
const CLOCK_SLACK_S: u64 = 30;

/// How long it may take to tell its time.
const DATE_PATIENCE: Duration = Duration::from_millis(500);

/// The file with the Manager's clock, and the one with that of all other programs of the host, so that whoever reads the first is
/// the Manager: or the process that keeps its will, which has its environment. That one asks for the time of day only when it
/// opens a connection, so that it may have read one time while its Manager stands still, and hardly several in turn.
const MANAGERS_CLOCK: &str = "clock";
const OTHERS_CLOCK: &str = "clock-besides";

/// Variables of the environment, by name.
pub type Variables = Vec<(String, String)>;

/// A host.
pub struct Host {
    /// From 0.
    pub place: usize,
    /// Holds its configuration, its log and its disk.
    pub home: PathBuf,
    /// Its address, which is its name as well.
    pub address: String,
    namespace: String,
    km: PathBuf,
    /// The library that gives it a clock of its own, where there is one.
    clock: Option<PathBuf>,
    /// Whether it shows that they read it.
    reads_show: bool,
    /// What its programs find in their environment besides.
    variables: Variables,
    disk: Mutex<Ext4>,
    /// Its Manager.
    pub manager: Kept,
    /// Its agent.
    pub agent: Kept,
}

impl Host {
    pub(super) fn new(
        place: usize,
        home: PathBuf,
        km: PathBuf,
        network: &Network,
        clock: Option<PathBuf>,
        variables: Variables,
    ) -> Result<Self, Failure> {
        let label = network.namespace(place);
        let disk = Ext4::labelled(&home, DISK_BYTES, &label).map_err(Failure)?;
        let reads_show = fake_clock::reads_show(&home);
        let host = Self {
            place,
            address: network.address(place).to_string(),
            namespace: label,
            km,
            clock,
            reads_show,
            variables,
            disk: Mutex::new(disk),
            manager: Kept::new(),
            agent: Kept::new(),
            home,
        };
        host.configure("manager")?;
        host.set_clock("+0")?;
        Ok(host)
    }

    /// Writes the configurations of its Manager, or witness, and its agent.
    pub fn configure(&self, role: &str) -> Result<(), Failure> {
        let (data_dir, agent) = (self.data_dir(), self.disk().path().join("agent"));
        let text = format!(
            "[node]\ndata_dir = {:?}\nhost = {:?}\nrole = {role:?}\n\
             {SETTINGS}",
            data_dir.display().to_string(),
            self.address
        );
        fs::write(self.config(), text).map_err(Failure::doing(self.config().display()))?;
        let text = format!(
            "[agent]\ndata_dir = {:?}\nadvertise = {:?}\n",
            agent.display().to_string(),
            format!("{}:{AGENT_PORT}", self.address)
        );
        fs::write(self.agent_config(), text).map_err(Failure::doing(self.agent_config().display()))
    }

    /// The Manager that lives here, by its number.
    pub fn as_member(&self, id: u64) -> Manager {
        let address = &self.address;
        Manager {
            id: id.into(),
            api_url: format!("https://{address}:7443"),
            health_url: format!("http://{address}:7448"),
            pid: None,
            config: None,
            log: self.log(),
        }
    }

    /// Its Manager's configuration.
    pub fn config(&self) -> PathBuf {
        self.home.join("km.toml")
    }

    fn agent_config(&self) -> PathBuf {
        self.home.join("agent.toml")
    }

    /// What its agent says.
    pub fn agent_log(&self) -> PathBuf {
        self.home.join("agent.log")
    }

    /// What its Manager says.
    pub fn log(&self) -> PathBuf {
        self.home.join("km.log")
    }

    /// Where its Manager keeps everything.
    pub fn data_dir(&self) -> PathBuf {
        self.disk().path().join("data")
    }

    /// Its disk.
    pub fn disk(&self) -> MutexGuard<'_, Ext4> {
        self.disk.lock().expect("whoever panics with a disk ends the run")
    }

    /// Its Manager's process, while there is one.
    pub fn process(&self) -> Option<Process> {
        self.manager.process()
    }

    /// Whether it has power: without it nothing runs here, and with it what is to run.
    pub(super) fn power(&self, on: bool) {
        self.manager.power(on);
        self.agent.power(on);
    }

    /// Whether it has power.
    pub fn has_power(&self) -> bool {
        self.manager.has_power()
    }

    /// Has everything here end for good.
    pub(super) fn retire(&self) {
        self.manager.retire();
        self.agent.retire();
    }

    /// Why its clock cannot be set, or not be seen to be; `None` when it can.
    pub fn lacks_clock(&self) -> Option<&'static str> {
        match (&self.clock, self.reads_show) {
            (None, _) => Some("faketime is not installed"),
            (Some(_), false) => {
                Some("the run's folder does not tell when a clock is read (noatime)")
            }
            (Some(_), true) => None,
        }
    }

    /// Sets its wall clock relative to this computer's, such as `+60` or `-60` (seconds). The monotonic clock, by
    /// which leases are kept, goes on as it is.
    pub fn set_clock(&self, offset: &str) -> Result<(), Failure> {
        let clocks = [MANAGERS_CLOCK, OTHERS_CLOCK];
        clocks.iter().try_for_each(|clock| fake_clock::show(&self.home.join(clock), offset))
    }

    /// Whether its Manager, or the process that keeps its will, has looked at the time that its clock was set to last. What it
    /// answers with does not tell: the date of an answer never goes back, whatever the clock does.
    pub fn clock_was_read(&self) -> bool {
        fake_clock::was_read(&self.home.join(MANAGERS_CLOCK))
    }

    /// Whether its Manager was seen to answer with a time that is not this computer's.
    pub async fn clock_is_wrong(&self) -> bool {
        let asked = reqwest::get(format!("http://{}:7448/health/live", self.address));
        let told = timeout(DATE_PATIENCE, asked)
            .await
            .ok()
            .and_then(Result::ok)
            .and_then(|answer| seconds_of_day(answer.headers().get("date")?.to_str().ok()?));
        let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs() % DAY_S);
        told.is_some_and(|told| apart_s(told, now) > CLOCK_SLACK_S)
    }

    /// A verb of `km` on this host, to its end; the JSON it prints.
    pub async fn km(&self, verb: &[&str], variables: &[(&str, &str)]) -> Result<Value, Failure> {
        self.km_with(&self.config(), verb, variables).await
    }

    /// Makes this host's agent known to the group, with what the group made for it.
    pub(super) async fn enrol(&self, token: &str) -> Result<(), Failure> {
        let verb = ["agent", "enrol"];
        self.km_with(&self.agent_config(), &verb, &[("KM_ENROL_TOKEN", token)]).await.map(drop)
    }

    async fn km_with(
        &self,
        config: &Path,
        verb: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Value, Failure> {
        let mut command = self.command(OTHERS_CLOCK);
        command.args(["--output", "json"]).args(verb).arg("--config").arg(config);
        command.envs(variables.iter().copied()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(Failure::doing(verb[0]))?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let output = timeout(VERB_PATIENCE, child.wait_with_output()).await;
        if let Some(pid) = pid {
            fake_clock::forget(pid);
        }
        let output = output.map_err(Failure::doing(verb[0]))?.map_err(Failure::doing(verb[0]))?;
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Failure(format!("km {}: {told}", verb[0])));
        }
        serde_json::from_slice(&output.stdout).map_err(Failure::doing(verb[0]))
    }

    /// Starts its Manager.
    pub(super) fn serve(&self) -> Result<Child, Failure> {
        self.start(MANAGERS_CLOCK, "serve", &self.config(), &self.log())
    }

    /// Starts its agent.
    pub(super) fn attend(&self) -> Result<Child, Failure> {
        self.start(OTHERS_CLOCK, "agent", &self.agent_config(), &self.agent_log())
    }

    fn start(&self, clock: &str, verb: &str, config: &Path, log: &Path) -> Result<Child, Failure> {
        let open = || OpenOptions::new().create(true).append(true).open(log);
        let opened = open().and_then(|log| Ok((log.try_clone()?, log)));
        let (out, err) = opened.map_err(Failure::doing(log.display()))?;
        let mut command = self.command(clock);
        command.arg(verb).arg("--config").arg(config);
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        command.spawn().map_err(Failure::doing(format!("km {verb}")))
    }

    /// `nsenter` becomes the program, so its process is the Manager's. `ip netns exec` would give it its own view of
    /// all mounts as well, and a disk that another host still sees cannot be taken away.
    fn command(&self, clock: &str) -> Command {
        #[expect(
            clippy::disallowed_methods,
            reason = "its keeper, or the lab when dropped, ends it"
        )]
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.namespace)).arg(&self.km);
        if let Some(library) = &self.clock {
            fake_clock::give(&mut command, library, &self.home.join(clock));
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.process_group(0).kill_on_drop(true);
        command
    }
}

/// The time in an HTTP date, such as `Sat, 28 Nov 2026 01:02:03 GMT`.
fn seconds_of_day(date: &str) -> Option<u64> {
    let time = date.split(' ').nth(4)?;
    let mut parts = time.split(':').map(|part| part.parse::<u64>().ok());
    Some(parts.next()?? * 3600 + parts.next()?? * 60 + parts.next()??)
}

/// How far two times of a day are apart, over midnight where that is nearer.
fn apart_s(one: u64, other: u64) -> u64 {
    let apart = one.abs_diff(other);
    apart.min(DAY_S.saturating_sub(apart))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn midnight_alone_makes_no_clock_wrong() {
        assert_eq!(seconds_of_day("Sat, 28 Nov 2026 23:59:58 GMT"), Some(DAY_S - 2));
        assert_eq!(
            (apart_s(DAY_S - 2, 1), apart_s(1, DAY_S - 2), apart_s(60, 7_260)),
            (3, 3, 7_200)
        );
    }
}
