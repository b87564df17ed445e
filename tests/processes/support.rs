//! Real Managers for tests: `km` itself as processes, with real TLS, disks and ports; asked through the command
//! line, as scripts do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Longest time anything may take to come about. Far longer than it takes, for slow and busy machines.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What the Managers of a test tell in their logs, as long as it is not about the logs.
const USUAL_LEVEL: &str = "info";

/// Groups of processes run one after the other: they are timed, and a computer has few cores.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The program under test.
pub(crate) fn km() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_km"));
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("KM_") {
            command.env_remove(&variable);
        }
    }
    command
}

/// What a verb printed and how it ended.
pub(crate) struct Told {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Told {
    fn from(output: Output) -> Self {
        Told {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Told {
    /// The JSON printed by a verb that did what it was asked.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        serde_json::from_str(&self.out).unwrap()
    }
}

/// Runs a verb to its end.
pub(crate) fn run(command: &mut Command) -> Told {
    command.stdin(Stdio::null()).output().unwrap().into()
}

/// Looks until something holds; says what was waited for when it does not come about.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How long something is looked at while nothing happens: so many seconds, unless a variable says otherwise.
pub(crate) fn seconds(variable: &str, usual: u64) -> Duration {
    let told = std::env::var(variable).ok();
    Duration::from_secs(told.map_or(usual, |told| told.parse().expect("it is in seconds")))
}

/// Three ports nobody uses now, below those Linux takes for outgoing connections.
pub(crate) fn free_ports() -> [u16; 3] {
    let free = || loop {
        let port = rand::random_range(10_240..32_000_u16);
        if let Ok(listener) = std::net::TcpListener::bind(("127.0.0.1", port)) {
            return listener;
        }
    };
    // Held together until all are found, so that they differ.
    [free(), free(), free()].map(|listener| listener.local_addr().unwrap().port())
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

/// A Manager of a demo, by its record.
#[derive(Clone, Debug)]
pub(crate) struct Manager {
    pub(crate) id: u64,
    pub(crate) api_url: String,
    pub(crate) peer_addr: String,
    pub(crate) health_url: String,
    pub(crate) config: PathBuf,
    pub(crate) log: PathBuf,
}

/// A group as `km demo` makes it, signed in. Managers that end stay away unless a test starts them.
pub(crate) struct Demo {
    pub(crate) managers: Vec<Manager>,
    dir: tempfile::TempDir,
    token: String,
    child: Child,
    started: Vec<Child>,
    _turn: MutexGuard<'static, ()>,
}

impl Demo {
    /// A new group of so many Managers.
    pub(crate) fn start(managers: usize) -> Self {
        Self::start_with(managers, "yes", USUAL_LEVEL, "no")
    }

    /// Three Managers on hosts with sample services.
    pub(crate) fn with_services() -> Self {
        Self::start_with(3, "yes", USUAL_LEVEL, "yes")
    }

    /// A single Manager with HA off.
    pub(crate) fn without_ha() -> Self {
        Self::start_with(1, "no", USUAL_LEVEL, "no")
    }

    /// A new group whose Managers write into their logs whatever anything in them has to tell.
    pub(crate) fn start_telling_all(managers: usize) -> Self {
        Self::start_with(managers, "yes", "trace", "no")
    }

    fn start_with(managers: usize, ha: &str, level: &str, services: &str) -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = tempfile::tempdir().unwrap();
        let child = spawn_demo(dir.path(), managers, ha, level, services);
        let mut demo = Demo {
            managers: Vec::new(),
            dir,
            token: String::new(),
            child,
            started: Vec::new(),
            _turn: turn,
        };
        demo.wait_until_ready();
        demo
    }

    /// Ends the demo and starts it again on the same folder.
    pub(crate) fn resume(&mut self) {
        self.end();
        self.child = spawn_demo(self.dir.path(), self.managers.len(), "yes", USUAL_LEVEL, "no");
        self.wait_until_ready();
    }

    fn wait_until_ready(&mut self) {
        let out = self.child.stdout.take().unwrap();
        let mut told = String::new();
        for line in BufReader::new(out).lines() {
            told.push_str(&line.unwrap());
            if told.contains("Ctrl-C") {
                break;
            }
        }
        assert!(told.contains("Ctrl-C"), "km demo did not start: {told}");
        let record = self.record();
        self.managers = record["managers"].as_array().unwrap().iter().map(manager).collect();
        let servers: Vec<_> = self.managers.iter().map(|manager| manager.api_url.clone()).collect();
        until("the sign-in", || {
            let mut login = km();
            login.args(["--ca", record["ca"].as_str().unwrap(), "login"]);
            login.env("KM_SERVER", servers.join(",")).env("XDG_STATE_HOME", self.dir.path());
            login.env("KM_PASSWORD", record["admin"]["password"].as_str().unwrap());
            run(&mut login).code == 0
        });
        let session = std::fs::read(self.dir.path().join("km/session.json")).unwrap();
        let session: Value = serde_json::from_slice(&session).unwrap();
        self.token = session["token"].as_str().unwrap().to_owned();
    }

    /// `cluster.json`.
    pub(crate) fn record(&self) -> Value {
        let bytes = std::fs::read(self.dir.path().join("cluster.json")).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// A verb asked of these Managers, in this order.
    pub(crate) fn ask<const N: usize>(&self, servers: &[&Manager], verb: [&str; N]) -> Told {
        let mut command = km();
        command.args(["--output", "json"]).args(verb);
        command.env("KM_CA", self.dir.path().join("ca.pem")).env("KM_TOKEN", &self.token);
        let servers: Vec<_> = servers.iter().map(|manager| manager.api_url.as_str()).collect();
        run(command.env("KM_SERVER", servers.join(",")))
    }

    /// A verb asked of any Manager.
    pub(crate) fn ask_any<const N: usize>(&self, verb: [&str; N]) -> Told {
        self.ask(&self.managers.iter().collect::<Vec<_>>(), verb)
    }

    /// Tries a password for the administrator, which must be wrong.
    pub(crate) fn try_to_sign_in(&self, password: &str) {
        let mut login = km();
        login.args(["--server", &self.managers[0].api_url, "login"]).env("KM_PASSWORD", password);
        login.env("KM_CA", self.dir.path().join("ca.pem")).env("XDG_STATE_HOME", self.dir.path());
        assert_eq!(run(&mut login).code, 1);
    }

    /// The Active by the word of its own health port.
    pub(crate) fn active(&self) -> Option<&Manager> {
        self.managers.iter().find(|manager| active_epoch(manager).is_some())
    }

    /// Waits for an Active, and gives it with the others.
    pub(crate) fn roles(&self) -> (Manager, Vec<Manager>) {
        let active = self.active_that("an Active", |_| true);
        let others = self.managers.iter().filter(|manager| manager.id != active.id).cloned();
        (active.clone(), others.collect())
    }

    /// Waits until another than `old` is Active.
    pub(crate) fn successor_of(&self, old: u64) -> Manager {
        self.active_that("another Active", |manager| manager.id != old)
    }

    /// The one that was found: asked again, it may be Active no more.
    fn active_that(&self, what: &str, fits: impl Fn(&Manager) -> bool) -> Manager {
        let mut found = None;
        until(what, || {
            found = self.active().filter(|manager| fits(manager));
            found.is_some()
        });
        found.expect("it was waited for").clone()
    }

    /// The process of a Manager.
    pub(crate) fn pid(&self, id: u64) -> u32 {
        let record = self.record();
        let managers = record["managers"].as_array().unwrap();
        let manager = managers.iter().find(|manager| manager["id"] == id).unwrap();
        manager["pid"].as_u64().unwrap().try_into().unwrap()
    }

    /// `kill -9`.
    pub(crate) fn kill(&self, manager: &Manager) {
        signal(self.pid(manager.id), Signal::KILL);
        until("its port to fall silent", || health(manager, "live").is_none());
    }

    /// Starts a Manager that was killed.
    pub(crate) fn start_again(&mut self, manager: &Manager) {
        let child = serve(&manager.config, &manager.log);
        self.started.push(child);
        until("its health port", || health(manager, "live") == Some(200));
    }

    /// Starts an agent that was killed.
    pub(crate) fn start_agent(&mut self, config: &Path) {
        let mut command = km();
        command.args(["agent", "--config"]).arg(config);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.started.push(command.spawn().unwrap());
    }

    /// Ends the demo itself by a signal.
    pub(crate) fn end_by(&mut self, how: Signal) {
        signal(self.child.id(), how);
        self.child.wait().unwrap();
    }

    pub(crate) fn end(&mut self) {
        for child in &mut self.started {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
        self.started.clear();
        if let Ok(None) = self.child.try_wait() {
            signal(self.child.id(), Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.managers.iter().for_each(show_end_of_log);
        }
        self.end();
    }
}

/// What a Manager said last, next to the failure of the test.
#[expect(clippy::print_stderr, reason = "only told when a test fails")]
fn show_end_of_log(manager: &Manager) {
    let log = std::fs::read_to_string(&manager.log).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    let end = &lines[lines.len().saturating_sub(30)..];
    eprintln!("--- Manager {}, the end of its log:\n{}", manager.id, end.join("\n"));
}

fn spawn_demo(dir: &Path, managers: usize, ha: &str, level: &str, services: &str) -> Child {
    let mut command = km();
    command.env("KM_LOG_LEVEL", level);
    command.args(["demo", "--no-restart", "--base-port", "0", "--managers", &managers.to_string()]);
    command.args(["--ha", ha, "--services", services]);
    command.arg("--dir").arg(dir).stdout(Stdio::piped()).stderr(Stdio::null());
    command.stdin(Stdio::null()).spawn().unwrap()
}

/// Starts `km serve`; what it says goes to `log`.
pub(crate) fn serve(config: &Path, log: &Path) -> Child {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    let mut command = km();
    command.args(["serve", "--config"]).arg(config);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

fn manager(told: &Value) -> Manager {
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    Manager {
        id: told["id"].as_u64().unwrap(),
        api_url: text("api_url"),
        peer_addr: text("peer_addr"),
        health_url: text("health_url"),
        config: text("config").into(),
        log: text("log").into(),
    }
}

/// The status of a health page; `None` when nobody answers.
pub(crate) fn health(manager: &Manager, page: &str) -> Option<u16> {
    health_answer(manager, page).map(|(status, _)| status)
}

/// The epoch a Manager claims to be Active in.
pub(crate) fn active_epoch(manager: &Manager) -> Option<u64> {
    match health_answer(manager, "active")? {
        (200, body) => serde_json::from_str::<Value>(&body).ok()?["epoch"].as_u64(),
        _ => None,
    }
}

fn health_answer(manager: &Manager, page: &str) -> Option<(u16, String)> {
    let address = manager.health_url.strip_prefix("http://")?;
    let answer = plain_http(address, &format!("/health/{page}"))?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// What a port answers to a request without TLS; `None` when it says nothing.
pub(crate) fn plain_http(address: &str, path: &str) -> Option<String> {
    let mut stream =
        TcpStream::connect_timeout(&address.parse().ok()?, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    (!answer.is_empty()).then(|| String::from_utf8_lossy(&answer).into_owned())
}

/// One answer to "are you Active?": when it was asked and answered, and the epoch if the answer was yes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) manager: u64,
    pub(crate) asked: Instant,
    pub(crate) answered: Instant,
    pub(crate) epoch: u64,
}

/// Asks every Manager all the time whether it is Active.
pub(crate) struct Sampler {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Claim>>>,
}

impl Sampler {
    /// Every Manager has been asked once when this returns: what was so at the beginning is among the claims.
    pub(crate) fn start(managers: &[Manager]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::new(Barrier::new(managers.len() + 1));
        let threads = managers.iter().cloned().map(|manager| {
            let (stop, asked) = (stop.clone(), asked.clone());
            std::thread::spawn(move || sample(&manager, &stop, &asked))
        });
        let threads = threads.collect();
        asked.wait();
        Sampler { threads, stop }
    }

    /// Every "yes" so far; each Manager is asked once more, so that what the test has just seen is among them.
    pub(crate) fn stop(self) -> Vec<Claim> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    }
}

fn sample(manager: &Manager, stop: &AtomicBool, first: &Barrier) -> Vec<Claim> {
    let mut claims = Vec::new();
    for round in 0_u64.. {
        let last = stop.load(Ordering::Relaxed);
        let asked = Instant::now();
        if let Some(epoch) = active_epoch(manager) {
            claims.push(Claim { manager: manager.id, asked, answered: Instant::now(), epoch });
        }
        if round == 0 {
            first.wait();
        }
        if last {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    claims
}

/// Promise "at most one Active": nobody says yes for an old epoch to a question that was asked after somebody
/// said yes for a newer one, and no epoch has two holders.
pub(crate) fn assert_one_active(claims: &[Claim]) {
    for old in claims {
        for new in claims.iter().filter(|new| new.manager != old.manager) {
            assert_ne!(old.epoch, new.epoch, "two Managers were Active in one epoch");
            let contradicts = old.epoch < new.epoch && old.asked > new.answered;
            assert!(!contradicts, "{old:?} was claimed after {new:?}");
        }
    }
}
