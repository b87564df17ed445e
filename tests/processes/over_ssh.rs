//! A host of a real group that has no agent running, only Debian's sshd: its Manager is stopped, its log is read and it
//! is started again all the same (row 8).

use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use super::logs::{all_lines, logs_of, taken};
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

// rows 8, 56, 60, 77
#[test]
fn a_manager_is_stopped_its_log_read_and_started_over_ssh() {
    let demo = Demo::start(3);
    let dir = tempfile::tempdir().unwrap();
    let (active, others) = demo.roles();
    let (there, id) = (&others[0], others[0].id.to_string());
    let _sshd = reach_over_ssh(&demo, there, dir.path());
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
