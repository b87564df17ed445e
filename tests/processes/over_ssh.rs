//! A host of a real group that has no agent running, only Debian's sshd: its Manager is stopped, its log is read and it
//! is started again all the same (row 8), and so are its Kyvos services.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use super::logs::{all_lines, logs_of, taken};
use super::services::{page_at, process, serves, unit_of};
use super::support::{Demo, Manager, free_ports, health, km, run, signal, until};

/// Debian's sshd, letting one key in.
struct Sshd(Child);

impl Sshd {
    fn start(dir: &Path, port: u16, let_in: &str) -> Self {
        let key = dir.join("host_key");
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key);
        assert!(keygen.status().expect("OpenSSH is installed (scripts/install-sshd)").success());
        let at = dir.display();
        std::fs::write(dir.join("authorized_keys"), format!("{let_in}\n")).unwrap();
        let text = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host_key\nPidFile none\n\
             AuthorizedKeysFile {at}/authorized_keys\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"
        );
        let config = dir.join("sshd_config");
        std::fs::write(&config, text).unwrap();
        let said = std::fs::File::create(dir.join("sshd.log")).unwrap();
        let mut sshd = Command::new("/usr/sbin/sshd");
        sshd.args(["-D", "-e", "-f"]).arg(&config);
        let sshd = sshd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn();
        let sshd = Sshd(sshd.expect("OpenSSH is installed (scripts/install-sshd)"));
        until("sshd to listen", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        sshd
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn me() -> String {
    let root = rustix::process::geteuid().is_root();
    if root { "root".into() } else { std::env::var("USER").unwrap() }
}

/// The host of a Manager loses its agent and is reached over SSH from then on.
fn reach_over_ssh(demo: &Demo, manager: &Manager, dir: &Path) -> Sshd {
    let row = demo.ask_any(["managers", "get", &manager.id.to_string()]).json();
    let host = row["host"].as_str().unwrap();
    let public = demo.ask_any(["hosts", "ssh-key", "--new"]).json()["public_key"].clone();
    let port = free_ports()[0];
    let sshd = Sshd::start(dir, port, public.as_str().unwrap());
    let record = demo.record();
    let agents = record["agents"].as_array().unwrap();
    let agent = agents.iter().find(|agent| agent["name"] == host).unwrap();
    signal(agent["pid"].as_u64().unwrap().try_into().unwrap(), Signal::KILL);
    let (way, config) = (format!("{}@127.0.0.1:{port}", me()), agent["config"].as_str().unwrap());
    let program = env!("CARGO_BIN_EXE_km");
    let change =
        ["hosts", "change", host, "--ssh", &way, "--program", program, "--agent-config", config];
    demo.ask_any(change).json();
    demo.ask_any(["hosts", "trust", host, "--yes"]).json();
    until("the host to answer over SSH", || {
        demo.ask_any(["hosts", "get", host]).json()["state"] == "answers"
    });
    sshd
}

/// A verb that asks for the password, followed to its end.
fn succeeds(demo: &Demo, verb: [&str; 2]) {
    let servers: Vec<_> = demo.managers.iter().map(|manager| manager.api_url.as_str()).collect();
    let mut command = km();
    command.args(["--output", "json", "managers"]).args(verb).arg("--wait");
    command.env("KM_PASSWORD", demo.record()["admin"]["password"].as_str().unwrap());
    command.env("KM_CA", demo.dir().join("ca.pem")).env("KM_TOKEN", demo.token());
    let told = run(command.env("KM_SERVER", servers.join(","))).json();
    assert_eq!(told["status"], "succeeded", "{verb:?}: {told}");
}

fn manifest(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

/// What its host says of a service, in its evidence.
fn unit_says(demo: &Demo, service: &str) -> (Value, Value) {
    let shown = demo.ask_any(["services", "show", service]).json();
    let evidence = shown["evidence"].as_array().unwrap();
    let unit = evidence.iter().find(|seen| seen["observer"] == "unit");
    let says = unit.map_or(Value::Null, |seen| seen["says"].clone());
    (says, shown["verdict"]["verdict"].clone())
}

/// A Kyvos service of that host is started, restarted and stopped, and how it stands is seen.
fn its_services_are_controlled(demo: &Demo, host: &str) {
    let record = demo.record();
    let agents = record["agents"].as_array().unwrap();
    let agent = agents.iter().find(|agent| agent["name"] == host).unwrap();
    let config = agent["config"].as_str().unwrap();
    let text = std::fs::read_to_string(config).unwrap();
    let (page, number) = (demo.dir().join("page.cfg"), free_ports()[0]);
    std::fs::write(&page, page_at(number)).unwrap();
    std::fs::write(config, format!("{text}\n{}", unit_of(&page))).unwrap();
    demo.ask_any(["hosts", "change", host, "--role", "web_portal", "--role", "bi_server"]).json();
    let [unit, port] = ["--unit=kyvos-bi-server".to_owned(), format!("--port={number}")];
    demo.ask_any(["services", "types", "set", "bi_server", &unit, "--probe=tcp", &port]).json();

    let service = format!("bi_server.{host}");
    let done = |verb: &str| {
        let told = demo.ask_any(["services", verb, &service]);
        assert_eq!(told.code, 0, "{verb}: {}{}", told.out, told.err);
    };
    let seen = |says: &str, verdict: &str| {
        let expected = (Value::from(says), Value::from(verdict));
        until("its host to say so", || unit_says(demo, &service) == expected);
    };
    done("start");
    seen("there", "up");
    let first = process(&demo.ask_any(["services", "show", &service]).json());
    done("restart");
    assert!(!std::fs::exists(format!("/proc/{first}")).unwrap(), "it is another process");
    assert!(serves(number), "and that one serves");
    done("stop");
    seen("not_there", "down");
    assert!(!serves(number), "its process is gone");
}

// rows 8, 56, 60, 77
#[test]
fn a_manager_and_a_service_are_stopped_and_started_over_ssh_and_the_log_is_read() {
    let demo = Demo::start(3);
    let dir = tempfile::tempdir().unwrap();
    let (active, others) = demo.roles();
    let (there, id) = (&others[0], others[0].id.to_string());
    let _sshd = reach_over_ssh(&demo, there, dir.path());
    let row = demo.ask_any(["managers", "get", &id]).json();
    its_services_are_controlled(&demo, row["host"].as_str().unwrap());
    succeeds(&demo, ["stop", &id]);
    assert_eq!(health(there, "live"), None);

    let folder = taken(&logs_of(&demo, &active, there, "--newest"));
    let lines = all_lines(&folder);
    assert!(lines.contains("stopped") && lines.contains(&format!("manager={id} ")), "{lines}");
    let way = manifest(&folder)["log"]["read_from"].clone();
    assert!(way.as_str().unwrap().starts_with("its host"), "{way}");

    let out = demo.dir().join("support.tar.gz").display().to_string();
    let bundle = taken(&demo.ask(&[&active], ["support-bundle", "--out", &out]));
    let logs = manifest(&bundle)["logs"].clone();
    let of = logs.as_array().unwrap().iter().find(|log| log["manager"] == there.id).unwrap();
    let lines = all_lines(&bundle.join(of["folder"].as_str().unwrap()));
    assert!(lines.contains(&format!("manager={id} ")), "{of}");

    succeeds(&demo, ["start", &id]);
    until("it to be ready", || health(there, "ready") == Some(200));
}
