//! Real processes, paused, killed and cut off, while everybody's health port is watched: at no moment do two
//! Managers say they are Active.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]
#![allow(unreachable_pub, reason = "modules of a test have no other users")]
#![expect(clippy::disallowed_methods, reason = "what is started here is ended when dropped")]

mod claims;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use claims::{Watch, certain_overlaps, failure_tolerance};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A pause longer than any lease.
const PAUSE: Duration = Duration::from_secs(3);

/// A group started by `km demo`, stopped when dropped.
struct Demo {
    process: Child,
    dir: tempfile::TempDir,
}

impl Demo {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(dir.path().join("demo.log")).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_km"))
            .args(["demo", "--managers", "3", "--base-port", "0", "--services", "no", "--dir"])
            .arg(dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Demo { process, dir }
    }

    fn record(&self) -> Option<Value> {
        let bytes = std::fs::read(self.dir.path().join("cluster.json")).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// The health ports, once all three Managers vote.
    fn health(&self) -> Vec<SocketAddr> {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let record = self.record().unwrap_or_default();
            let managers = record["managers"].as_array().cloned().unwrap_or_default();
            let health: Vec<SocketAddr> =
                managers.iter().map(|m| address(m["health_url"].as_str().unwrap())).collect();
            if health.len() == 3 && health.iter().all(|address| failure_tolerance(*address) == 1) {
                return health;
            }
            let told = std::fs::read_to_string(self.dir.path().join("demo.log")).unwrap();
            assert!(Instant::now() < deadline, "no group of three: {told}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn pid(&self, manager: usize) -> Option<Pid> {
        let pid = self.record()?["managers"][manager]["pid"].as_i64()?;
        Pid::from_raw(i32::try_from(pid).ok()?)
    }

    fn signal(&self, manager: usize, signal: Signal) {
        kill_process(self.pid(manager).unwrap(), signal).unwrap();
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        for manager in 0..3 {
            // A paused process cannot be asked to stop. It may be gone; then there is nothing to resume.
            let _ = self.pid(manager).map(|pid| kill_process(pid, Signal::CONT));
        }
        let pid = Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        // It may have ended already.
        let _ = kill_process(pid, Signal::INT);
        drop(self.process.wait());
    }
}

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap()
}

/// Waits until a Manager has answered again, whatever it says.
fn answers_again(watch: &Watch, manager: usize) {
    let before = watch.answers(manager);
    let deadline = Instant::now() + Duration::from_secs(40);
    while watch.answers(manager) <= before + 2 {
        assert!(Instant::now() < deadline, "Manager at place {manager} does not answer");
        std::thread::sleep(Duration::from_millis(20));
    }
}

// rows 47, 49, 91
#[test]
fn a_paused_or_killed_active_is_succeeded_and_never_beside_its_successor() {
    let demo = Demo::start();
    let watch = Watch::over(&demo.health());
    let mut active = watch.wait_for("at the start", |_| true);
    for round in 0..3 {
        demo.signal(active.manager, Signal::STOP);
        let paused_at = Instant::now();
        let next = watch.wait_for("after a pause", |claim| claim.epoch > active.epoch);
        assert_ne!(next.manager, active.manager, "round {round}");
        std::thread::sleep(PAUSE.saturating_sub(paused_at.elapsed()));
        demo.signal(active.manager, Signal::CONT);
        answers_again(&watch, active.manager);
        active = watch.newest().unwrap();
    }
    demo.signal(active.manager, Signal::KILL);
    let last = watch.wait_for("after a kill", |claim| claim.epoch > active.epoch);
    assert_ne!(last.manager, active.manager);

    let claims = watch.finish();
    assert_eq!(certain_overlaps(&claims).len(), 0, "{:?}", certain_overlaps(&claims));
}

/// Three Managers, each in a network namespace of its own: one interface to the others, which can be cut, and
/// one to this process, which cannot.
struct Islands {
    name: String,
    dir: tempfile::TempDir,
    processes: Vec<Child>,
}

impl Islands {
    /// `None` where namespaces cannot be made: that takes root and the `ip` command.
    fn make() -> Option<Self> {
        let name = format!("km{}", std::process::id() % 10_000);
        let islands = Islands { name, dir: tempfile::tempdir().unwrap(), processes: Vec::new() };
        islands.network().then_some(islands)
    }

    fn network(&self) -> bool {
        let n = &self.name;
        let mut made = ip(&format!("link add {n}b type bridge"))
            && ip(&format!("addr add 10.77.77.254/24 dev {n}b"))
            && ip(&format!("link set {n}b up"));
        for i in 1..=3 {
            made = made
                && ip(&format!("netns add {n}-{i}"))
                && ip(&format!("link add {n}p{i} type veth peer name peers netns {n}-{i}"))
                && ip(&format!("link set {n}p{i} master {n}b up"))
                && ip(&format!("-n {n}-{i} addr add 10.77.77.{i}/24 dev peers"))
                && ip(&format!("-n {n}-{i} link set peers up"))
                && ip(&format!("-n {n}-{i} link set lo up"))
                && ip(&format!("link add {n}w{i} type veth peer name watch netns {n}-{i}"))
                && ip(&format!("addr add 10.77.{i}.254/24 dev {n}w{i}"))
                && ip(&format!("link set {n}w{i} up"))
                && ip(&format!("-n {n}-{i} addr add 10.77.{i}.1/24 dev watch"))
                && ip(&format!("-n {n}-{i} link set watch up"));
        }
        made
    }

    fn cut(&self, manager: usize) {
        assert!(ip(&format!("link set {}p{} down", self.name, manager + 1)));
    }

    fn heal(&self, manager: usize) {
        assert!(ip(&format!("link set {}p{} up", self.name, manager + 1)));
    }

    fn health() -> Vec<SocketAddr> {
        (1..=3).map(|i| format!("10.77.{i}.1:7448").parse().unwrap()).collect()
    }

    /// Writes a Manager's configuration.
    fn configure(&self, i: usize) -> PathBuf {
        let config = self.dir.path().join(format!("{i}.toml"));
        let text = format!(
            "[node]\ndata_dir = \"{}\"\nhost = \"10.77.77.{i}\"\n[health]\nlisten = \"0.0.0.0:7448\"\n",
            self.dir.path().join(i.to_string()).display()
        );
        std::fs::write(&config, text).unwrap();
        config
    }

    /// `km VERB --config …` inside an island.
    fn km(&self, i: usize, verb: &[&str], config: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &format!("{}-{i}", self.name), env!("CARGO_BIN_EXE_km")]);
        command.args(verb).arg("--config").arg(config);
        command
    }

    /// Runs a verb to its end; what it printed as JSON.
    fn run(&self, i: usize, verb: &[&str], config: &Path, token: &str) -> Value {
        let mut command = self.km(i, verb, config);
        let output =
            command.args(["--output", "json"]).env("KM_JOIN_TOKEN", token).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{verb:?}: {complaint}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn serve(&mut self, i: usize, config: &Path) {
        let log = std::fs::File::create(self.dir.path().join(format!("{i}.log"))).unwrap();
        let mut command = self.km(i, &["serve"], config);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.processes.push(command.spawn().unwrap());
    }
}

impl Drop for Islands {
    fn drop(&mut self) {
        for process in &mut self.processes {
            drop(process.kill());
            drop(process.wait());
        }
        let n = &self.name;
        for i in 1..=3 {
            ip(&format!("netns del {n}-{i}"));
        }
        ip(&format!("link del {n}b"));
    }
}

fn ip(arguments: &str) -> bool {
    let done = Command::new("ip").args(arguments.split(' ')).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

/// A client of the API for what the set-up needs.
struct Api {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    async fn sign_in(init: &Value) -> Self {
        let ca =
            reqwest::Certificate::from_pem(init["ca_pem"].as_str().unwrap().as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
        let base = "https://10.77.77.1:7443/api/v1".to_owned();
        let mut api = Api { client, base, token: String::new() };
        let deadline = Instant::now() + Duration::from_secs(40);
        let login = serde_json::json!({
            "username": init["admin"]["username"], "password": init["admin"]["password"],
        });
        while api.token.is_empty() {
            assert!(Instant::now() < deadline, "nobody can sign in");
            if let Some(answer) = api.post("/login", &login).await {
                api.token = answer["token"].as_str().unwrap_or_default().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        api
    }

    async fn post(&self, path: &str, body: &Value) -> Option<Value> {
        let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(&self.token);
        request.json(body).send().await.ok()?.json().await.ok()
    }

    async fn voters(&self) -> usize {
        let request = self.client.get(format!("{}/cluster", self.base)).bearer_auth(&self.token);
        let Ok(answer) = request.send().await else { return 0 };
        let answer: Value = answer.json().await.unwrap_or_default();
        answer["voters"].as_array().map_or(0, Vec::len)
    }

    async fn wait_for_voters(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.voters().await < count {
            assert!(Instant::now() < deadline, "member {count} does not vote");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Founds a group on island 1 and lets the other two join.
async fn settle(islands: &mut Islands) {
    let first = islands.configure(1);
    let init = islands.run(1, &["init", "--name", "islands", "--enable-ha"], &first, "");
    islands.serve(1, &first);
    let api = Api::sign_in(&init).await;
    for i in 2..=3 {
        let ask = serde_json::json!({ "role": "manager", "ttl_minutes": 10 });
        let token = api.post("/join-tokens", &ask).await.unwrap();
        let config = islands.configure(i);
        islands.run(i, &["join"], &config, token["token"].as_str().unwrap());
        islands.serve(i, &config);
        api.wait_for_voters(i).await;
    }
}

// rows 47, 49, 91, 94
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_off_active_stops_being_active_before_another_one_is() {
    let Some(mut islands) = Islands::make() else {
        // Said, not passed over: the CI log shows that this was not tested here.
        eprintln!("SKIPPED: network namespaces need root and iproute2");
        return;
    };
    settle(&mut islands).await;
    let watch = Watch::over(&Islands::health());
    let mut active = watch.wait_for("at the start", |_| true);
    for round in 0..3 {
        islands.cut(active.manager);
        let next = watch.wait_for("after a cut", |claim| claim.epoch > active.epoch);
        assert_ne!(next.manager, active.manager, "round {round}");
        // The cut-off one is watched all along: its own link to this process is whole.
        answers_again(&watch, active.manager);
        islands.heal(active.manager);
        answers_again(&watch, active.manager);
        active = watch.newest().unwrap();
    }
    let claims = watch.finish();
    assert_eq!(certain_overlaps(&claims).len(), 0, "{:?}", certain_overlaps(&claims));
}
