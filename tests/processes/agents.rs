//! A host's agent, from `km hosts add` to the Active's word that it answers, with what the command line prints.

use std::path::Path;
use std::process::{Child, Stdio};

use super::support::{Demo, Told, free_ports, km, plain_http, run, until};

/// An agent on this computer: its folder and, once started, its process.
pub(crate) struct Agent {
    dir: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

impl Agent {
    pub(crate) fn new() -> Self {
        let (dir, [port, ..]) = (tempfile::tempdir().unwrap(), free_ports());
        let text = format!(
            "[agent]\ndata_dir = \"data\"\nlisten = \"127.0.0.1:{port}\"\nadvertise = \"127.0.0.1:{port}\"\n"
        );
        let agent = Agent { dir, port, child: None };
        std::fs::create_dir(agent.home()).unwrap();
        std::fs::write(agent.config(), text).unwrap();
        agent
    }

    pub(crate) fn enrol(&self, token: &str) -> Told {
        self.enrol_with(token, &[])
    }

    fn enrol_with(&self, token: &str, more: &[&str]) -> Told {
        let mut enrol = km();
        enrol.args(["--output", "json", "agent", "enrol", "--config"]).arg(self.config());
        run(enrol.args(more).env("KM_ENROL_TOKEN", token))
    }

    pub(crate) fn start(&mut self) {
        let log = std::fs::File::create(self.home().join("agent.log")).unwrap();
        let mut agent = km();
        agent.args(["agent", "--config"]).arg(self.config()).stdin(Stdio::null());
        self.child = Some(agent.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    pub(crate) fn config(&self) -> std::path::PathBuf {
        self.home().join("agent.toml")
    }

    /// The folder with its files.
    pub(crate) fn home(&self) -> std::path::PathBuf {
        self.dir.path().join("host")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
        // Units outlive their agent (row 3), and a test leaves nothing behind.
        let told = run(km().arg("sweep-demo").arg(self.dir.path()));
        assert!(told.code == 0 || std::thread::panicking(), "{}", told.err);
    }
}

fn holds_no_secret(dir: &Path, secret: &str) {
    let mut files = vec![dir.to_owned()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains(secret), "{}", path.display());
        }
    }
}

/// Another host's token is refused without being used up, unless it is said that the first host goes without an agent.
fn keeps_its_host(demo: &Demo, agent: &Agent, id: u64) {
    let token_for = |host: &str| {
        demo.ask_any(["hosts", "enrol", host]).json()["token"].as_str().unwrap().to_owned()
    };
    let other = demo.ask_any(["hosts", "add", "bi8", "--agent"]).json()["id"].as_u64().unwrap();
    let (own, token) = (agent.home().join("data/identity/agent.pem"), token_for("bi8"));
    let before = std::fs::read(&own).unwrap();
    let told = agent.enrol(&token);
    assert!(told.code == 1 && told.err.contains("--replace-identity"), "{}", told.err);
    assert!(told.err.contains(&format!("enrolled as host {id}")), "{}", told.err);
    assert_eq!(std::fs::read(&own).unwrap(), before);
    assert_eq!(agent.enrol_with(&token, &["--replace-identity"]).json()["host"], other);
    // Back again; and its own host's token needs no such word.
    assert_eq!(agent.enrol(&token_for("bi9")).code, 1);
    assert_eq!(agent.enrol_with(&token_for("bi9"), &["--replace-identity"]).json()["host"], id);
    assert_eq!(agent.enrol(&token_for("bi9")).json()["host"], id);
}

#[test]
fn an_agent_is_enrolled_by_a_token_that_holds_once_and_the_active_sees_it_answer() {
    let demo = Demo::start(1);
    let added = demo.ask_any(["hosts", "add", "bi9", "--agent", "--role", "bi_server"]).json();
    let id = added["id"].as_u64().unwrap();
    let token = demo.ask_any(["hosts", "enrol", "bi9"]).json();
    let token = token["token"].as_str().unwrap();
    let mut agent = Agent::new();
    let mut early = km();
    let told = run(early.args(["agent", "--config"]).arg(agent.config()));
    assert!(told.code == 1 && told.err.contains("km hosts enrol"), "{}", told.err);

    assert_eq!(agent.enrol("no token").code, 2);
    let (secret, rest) = token.split_once('.').unwrap();
    assert_eq!(agent.enrol(&format!("{secret}x.{rest}")).code, 1);
    assert_eq!(agent.enrol(token).json()["host"], id);
    holds_no_secret(&agent.home(), secret);
    // A second agent does not get in with it.
    let told = Agent::new().enrol(token);
    assert!(told.code == 1 && told.err.contains("ENROL_TOKEN_INVALID"), "{}", told.err);
    keeps_its_host(&demo, &agent, id);

    agent.start();
    until("the Active's word", || {
        demo.ask_any(["hosts", "get", "bi9"]).json()["state"] == "answers"
    });
    // Without TLS it says no more than that it does not understand.
    let plain = plain_http(&format!("127.0.0.1:{}", agent.port), "/").unwrap_or_default();
    assert!(plain.len() < 16 && !plain.contains("HTTP"), "{plain}");
}
