//! Real Managers under test: started on hosts of their own, or by `km demo` on loopback; signalled by process id, and all
//! stopped at the end.
//!
//! Knows `cluster.json` and `/proc`. Only processes that run with a configuration of this run's
//! Managers are ever signalled.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::client::{Access, Call, Client, Reply};
use crate::history::History;
use crate::lab::{Founded, Lab, Variables};
use crate::proxy::{self, Proxies};
use crate::{Failure, sayings};

/// How long founding a group may take: a debug build on a busy machine is slow.
const START_PATIENCE: Duration = Duration::from_secs(120);
/// How long the demo may take to stop its Managers in order.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_PERIOD: Duration = Duration::from_millis(50);

/// What to start.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The `km` binary.
    pub km: PathBuf,
    /// Where everything is kept. Made when missing.
    pub dir: PathBuf,
    pub managers: u16,
    /// How long a killed Manager stays away.
    pub restart_after: Duration,
    /// What Managers on hosts of their own find in their environment besides.
    pub variables: Variables,
    /// Whether Managers on hosts of their own look for a ZooKeeper that never comes.
    pub zookeeper_away: bool,
}

/// `cluster.json`, as far as a black box needs it.
#[derive(Clone, Debug, Deserialize)]
struct Record {
    admin: Admin,
    ca: PathBuf,
    managers: Vec<Manager>,
    #[serde(default)]
    agents: Vec<Agent>,
}

/// The agent of a host of a demo.
#[derive(Clone, Debug, Deserialize)]
struct Agent {
    name: String,
    log: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
struct Admin {
    username: String,
    password: String,
}

/// The number of whoever lives at a place. It is another one once a Manager was replaced; clones are the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "u64")]
pub struct Number(Arc<AtomicU64>);

impl Number {
    /// The number now; 0 while nobody lives there.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Another one lives there.
    pub fn set(&self, id: u64) {
        self.0.store(id, Ordering::Relaxed);
    }
}

impl From<u64> for Number {
    fn from(id: u64) -> Self {
        Self(Arc::new(AtomicU64::new(id)))
    }
}

/// One Manager.
#[derive(Clone, Debug, Deserialize)]
pub struct Manager {
    pub id: Number,
    pub api_url: String,
    pub health_url: String,
    /// Of the process that runs now.
    pub pid: Option<i32>,
    /// With which it runs, where a demo says so.
    #[serde(default)]
    pub config: Option<PathBuf>,
    pub log: PathBuf,
}

/// Where the Managers of a run are.
pub enum Ground {
    /// On this computer's loopback, under `km demo`.
    Loopback(Box<Demo>),
    /// On hosts of their own.
    Lab(Lab),
}

/// A running `km demo`.
pub struct Demo {
    child: Child,
    dir: PathBuf,
    /// What stands in front of its Managers, where the network between them is to be broken.
    proxies: Option<Proxies>,
}

/// A running group.
pub struct Cluster {
    ground: Ground,
    /// Those that clients use. Addresses never change; numbers do when one is replaced, process ids all the time.
    pub managers: Vec<Manager>,
    /// Who may live on the spare host; number 0 while nobody does.
    pub visitor: Option<Manager>,
    pub access: Access,
}

impl Cluster {
    /// Starts a group on loopback and waits until every Manager votes and one is Active.
    pub async fn start(plan: &Plan) -> Result<Self, Failure> {
        let mut demo = Demo { child: start_demo(plan)?, dir: plan.dir.clone(), proxies: None };
        let started = Instant::now();
        let mut last = Failure("nothing was tried".into());
        while started.elapsed() < START_PATIENCE {
            if let Ok(Some(status)) = demo.child.try_wait() {
                let log = plan.dir.join("demo.log");
                return Err(Failure(format!("km demo ended, {status}: see {}", log.display())));
            }
            match ready(plan).await {
                Ok((record, access)) => {
                    let (ground, managers) = (Ground::Loopback(Box::new(demo)), record.managers);
                    return Ok(Self { ground, managers, visitor: None, access });
                }
                Err(failure) => last = failure,
            }
            sleep(LOOK_PERIOD * 4).await;
        }
        Err(Failure(format!("no group within {} s: {last}", START_PATIENCE.as_secs())))
    }

    /// The same, with a proxy in front of each Manager.
    pub async fn start_behind_proxies(plan: &Plan) -> Result<Self, Failure> {
        let mut cluster = Self::start(plan).await?;
        let first = cluster.managers.first();
        let first = first.ok_or_else(|| Failure("there is no Manager".into()))?;
        let client = Client::new(&cluster.access, first.id.clone(), &first.api_url)?;
        cluster.access.token = api_token(&client).await?;
        let proxies = proxy::put_in_front(&cluster).await?;
        if let Ground::Loopback(demo) = &mut cluster.ground {
            demo.proxies = Some(proxies);
        }
        Ok(cluster)
    }

    /// Starts a group on hosts of their own.
    pub async fn start_in_lab(plan: &Plan) -> Result<Self, Failure> {
        let km = plan.km.canonicalize().map_err(Failure::doing(plan.km.display()))?;
        let members = usize::from(plan.managers);
        let lab = Lab::new(&plan.dir, &km, members, plan.restart_after, &plan.variables)?;
        let Founded { managers, access } = lab.found(members).await?;
        if plan.zookeeper_away {
            lab.miss_zookeeper(&managers[0], &access).await?;
        }
        let visitor = lab.hosts.get(members).map(|host| host.as_member(0));
        Ok(Self { ground: Ground::Lab(lab), managers, visitor, access })
    }

    /// The hosts the Managers are on, if they have hosts of their own.
    pub fn lab(&self) -> Option<&Lab> {
        match &self.ground {
            Ground::Lab(lab) => Some(lab),
            Ground::Loopback(_) => None,
        }
    }

    /// What stands in front of the Managers, if they are on loopback behind proxies.
    pub fn proxies(&self) -> Option<&Proxies> {
        match &self.ground {
            Ground::Loopback(demo) => demo.proxies.as_ref(),
            Ground::Lab(_) => None,
        }
    }

    /// The processes that run now, with the Managers they are.
    pub fn processes(&self) -> Result<Vec<(u64, Process)>, Failure> {
        match &self.ground {
            Ground::Loopback(demo) => demo.processes(),
            Ground::Lab(lab) => {
                let running = self.managers.iter().chain(&self.visitor).zip(&lab.hosts);
                Ok(running
                    .filter_map(|(manager, host)| Some((manager.id.get(), host.process()?)))
                    .collect())
            }
        }
    }

    /// The place of a Manager among them.
    pub fn place(&self, id: u64) -> Option<usize> {
        let mut all = self.managers.iter().chain(&self.visitor);
        all.position(|manager| manager.id.get() == id)
    }

    /// Who lives at a place.
    pub fn at(&self, place: usize) -> Option<&Manager> {
        self.managers.iter().chain(&self.visitor).nth(place)
    }

    /// The place of the spare host.
    pub fn spare(&self) -> Option<usize> {
        self.visitor.as_ref().map(|_| self.managers.len())
    }

    /// Writes down what Managers and agents said of who was Active, whom hosts obeyed, and what worried them.
    pub fn record_sayings(&self, history: &History) -> Result<(), Failure> {
        for (place, manager) in self.managers.iter().chain(&self.visitor).enumerate() {
            // On the spare host there may never have been one.
            if manager.log.exists() {
                sayings::of_manager(&manager.log, history)?;
                sayings::of_worries(&format!("manager-{}", place + 1), &manager.log, history)?;
            }
        }
        for (name, log) in self.agents()? {
            sayings::of_agent(&name, &log, history)?;
            sayings::of_worries(&name, &log, history)?;
        }
        Ok(())
    }

    /// Names and logs of the hosts' agents.
    fn agents(&self) -> Result<Vec<(String, PathBuf)>, Failure> {
        Ok(match &self.ground {
            Ground::Loopback(demo) => {
                let agents = read_record(&demo.dir)?.agents;
                agents.into_iter().map(|agent| (agent.name, agent.log)).collect()
            }
            Ground::Lab(lab) => {
                let hosts = lab.hosts.iter();
                let agent = |place: usize| format!("agent-{}", place + 1);
                hosts.map(|host| (agent(host.place), host.agent_log())).collect()
            }
        })
    }

    /// Stops everything in good order, and kills what stays.
    pub async fn stop(self) -> Result<(), Failure> {
        match self.ground {
            Ground::Loopback(demo) => demo.stop().await,
            Ground::Lab(lab) => lab.stop().await,
        }
    }
}

impl Demo {
    fn processes(&self) -> Result<Vec<(u64, Process)>, Failure> {
        let managers = read_record(&self.dir)?.managers;
        let running = managers.iter().filter_map(|manager| {
            let process = Process::of(manager.pid?)?;
            process.names(manager.config.as_deref()?).then_some((manager.id.get(), process))
        });
        Ok(running.collect())
    }

    async fn stop(mut self) -> Result<(), Failure> {
        let left = self.processes()?;
        if let Some(demo) = self.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
        {
            kill_process(demo, Signal::TERM).map_err(Failure::doing("stop the demo"))?;
        }
        if timeout(STOP_PATIENCE, self.child.wait()).await.is_ok() {
            return Ok(());
        }
        self.child.kill().await.map_err(Failure::doing("kill the demo"))?;
        left.iter().for_each(|(_, process)| process.kill());
        Err(Failure("the demo did not stop in time and was killed".into()))
    }
}

fn start_demo(plan: &Plan) -> Result<Child, Failure> {
    let log = plan.dir.join("demo.log");
    fs::create_dir_all(&plan.dir).map_err(Failure::doing(plan.dir.display()))?;
    let output = File::create(&log).map_err(Failure::doing(log.display()))?;
    let errors = output.try_clone().map_err(Failure::doing(log.display()))?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the demo is ended by `stop`, or when this is dropped"
    )]
    let mut km = Command::new("setpriv");
    // It becomes the demo, which is asked to end when this program does, also when that is killed.
    km.args(["--pdeathsig", "TERM"])
        .arg(&plan.km)
        .arg("demo")
        .arg("--dir")
        .arg(&plan.dir)
        .args(["--base-port", "0", "--managers", &plan.managers.to_string()])
        // What is looked at are the Managers: nothing else is to need the machine.
        .args(["--services", "no"])
        .args(["--restart-after-ms", &plan.restart_after.as_millis().to_string()])
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        // Ctrl-C is ours to handle.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(Failure::doing("setpriv of util-linux"))
}

fn read_record(dir: &Path) -> Result<Record, Failure> {
    let path = dir.join("cluster.json");
    let bytes = fs::read(&path).map_err(Failure::doing(path.display()))?;
    serde_json::from_slice(&bytes).map_err(Failure::doing(path.display()))
}

async fn ready(plan: &Plan) -> Result<(Record, Access), Failure> {
    let record = read_record(&plan.dir)?;
    let last =
        record.managers.last().filter(|_| record.managers.len() == usize::from(plan.managers));
    let manager = last.ok_or_else(|| Failure("not all Managers are there".into()))?;
    let ca_pem = fs::read_to_string(&record.ca).map_err(Failure::doing(record.ca.display()))?;
    let stranger = Access { ca_pem: ca_pem.into(), token: "".into() };
    let client = Client::new(&stranger, manager.id.clone(), &manager.api_url)?;
    // Asked without a session first: signing in again and again would be refused as an attack.
    votes(&fs::read_to_string(plan.dir.join("demo.log")).unwrap_or_default())?;
    let token = client.login(&record.admin.username, &record.admin.password).await;
    let access = Access { token: token.map_err(Failure)?, ..stranger };
    let client = Client::new(&access, manager.id.clone(), &manager.api_url)?;
    match client.send(Call::get("/cluster")).await {
        Reply::Done(answer) if complete(&answer.body, plan.managers) => Ok((record, access)),
        other => Err(Failure(format!("not complete: {other:?}"))),
    }
}

/// The demo announces the group when every Manager votes.
fn votes(log: &str) -> Result<(), Failure> {
    let announced = log.contains("Kyvos Manager demo (");
    announced.then_some(()).ok_or_else(|| Failure("the demo has not announced the group".into()))
}

/// What a run speaks with: a session ends with time, is bound to a password, and is asked for it once more before operations.
pub(crate) async fn api_token(client: &Client) -> Result<Arc<str>, Failure> {
    let body = json!({ "name": "chaos", "role": "administrator" });
    match client.send(Call::change(Method::POST, "/tokens", Some(body))).await {
        Reply::Done(answer) => {
            let token = answer.body["token"].as_str().map(Arc::from);
            token.ok_or_else(|| Failure("no API token".into()))
        }
        other => Err(Failure(format!("no API token: {other:?}"))),
    }
}

/// Whether so many vote, and one of them is Active.
pub(crate) fn complete(cluster: &Value, managers: u16) -> bool {
    let voters = cluster["voters"].as_array().map_or(0, Vec::len);
    voters == usize::from(managers) && cluster["active"].is_number()
}

/// A process of this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    pid: Pid,
}

/// What `/proc` tells of a process.
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    /// `R` running, `S` sleeping, `T` stopped, `Z` dead and not yet buried …
    pub state: char,
}

impl Process {
    /// The process of this number; 0 is none.
    pub fn of(pid: i32) -> Option<Self> {
        Pid::from_raw(pid).map(|pid| Self { pid })
    }

    /// Its number.
    pub fn pid(self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// SIGKILL.
    pub fn kill(self) {
        self.signal(Signal::KILL);
    }

    /// SIGTERM.
    pub fn terminate(self) {
        self.signal(Signal::TERM);
    }

    /// SIGINT.
    pub fn interrupt(self) {
        self.signal(Signal::INT);
    }

    /// SIGSTOP.
    pub fn pause(self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn resume(self) {
        self.signal(Signal::CONT);
    }

    fn signal(self, signal: Signal) {
        // It may have ended meanwhile; whether the signal bit is asked of `/proc` afterwards.
        let _ = kill_process(self.pid, signal);
    }

    /// Whether it is dead.
    pub fn is_dead(self) -> bool {
        self.stat().is_none_or(|stat| matches!(stat.state, 'Z' | 'X'))
    }

    /// Whether it is stopped by a signal.
    pub fn is_paused(self) -> bool {
        self.stat().is_some_and(|stat| stat.state == 'T')
    }

    /// Whether its command line names a file: a number may have been given to another process meanwhile.
    fn names(self, file: &Path) -> bool {
        self.says(|word| word == file)
    }

    /// Whether its command line names anything in a folder.
    pub(crate) fn names_within(self, folder: &Path) -> bool {
        self.says(|word| word.starts_with(folder))
    }

    fn says(self, wanted: impl Fn(&Path) -> bool) -> bool {
        let line = fs::read(format!("/proc/{}/cmdline", self.pid())).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| wanted(Path::new(OsStr::from_bytes(word))))
    }

    /// Whether a tracer is attached.
    pub fn is_traced(self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
        tracer.is_some_and(|pid| pid.trim() != "0")
    }

    /// What `/proc` tells; `None` when it is gone.
    pub fn stat(self) -> Option<Stat> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.pid())).ok()?;
        // The name stands in parentheses and may itself contain some.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        Some(Stat { state: fields.first()?.chars().next()? })
    }
}
