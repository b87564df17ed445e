//! Many hosts on one machine: each has an address of the loopback network for a name, a real agent that listens there, and
//! services that are a znode and a port.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::https::Link;
use super::jute;
use super::km::Km;
use crate::Failure;

/// Hosts on the addresses 127.1.0.1 and so on.
const A_NETWORK: usize = 200;
/// Hosts that are enrolled at a time.
const AT_ONCE: usize = 4;
const AGENT_PORT: u16 = 7447;
/// The types that the default map knows znodes of, and their folders.
pub const WITH_ZNODES: [(&str, &str); 3] = [
    ("bi_server", "/kyvos/bi_servers"),
    ("query_engine", "/kyvos/query_engines"),
    ("web_portal", "/kyvos/web_portals"),
];

/// The branch of all znodes.
const BRANCH: &str = "/kyvos";
/// How often the session of the znodes asks something, and so goes on.
const ASKED_EVERY: Duration = Duration::from_secs(5);

/// The hosts, while it is held.
pub struct Fleet {
    hosts: Vec<String>,
    /// Where all services of all hosts are answered at.
    pub port: u16,
    agents: Vec<Child>,
    answering: JoinSet<()>,
}

impl Fleet {
    /// So many hosts with four roles each, registered and enrolled, their agents running.
    pub async fn of(hosts: usize, km: &Km, program: &Path, dir: &Path) -> Result<Self, Failure> {
        let hosts: Vec<String> = (0..hosts)
            .map(|nth| format!("127.1.{}.{}", nth / A_NETWORK, nth % A_NETWORK + 1))
            .collect();
        let (port, answering) = answer_everywhere().await?;
        let active = km.active().await?;
        let started = stream::iter(hosts.clone()).map(async |host| {
            let home = dir.join(&host);
            let mut link = km.connect(active).await?;
            let token = register(&mut link, &host).await?;
            start_agent(program, &home, &host, &token).await
        });
        let agents = started.buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(Self { hosts, port, agents, answering })
    }

    /// The first of them.
    pub fn first(&self) -> &str {
        &self.hosts[0]
    }

    /// How many services they have.
    pub fn services(&self) -> usize {
        self.hosts.len() * (WITH_ZNODES.len() + 1)
    }

    /// The znode of a service.
    pub fn znode(&self, folder: &str, host: usize) -> String {
        format!("{folder}/{}:{}", self.hosts[host], self.port)
    }

    /// The name of a service.
    pub fn service(&self, kind: &str, host: usize) -> String {
        format!("{kind}.{}", self.hosts[host])
    }

    /// Makes the znodes of all services. They are there for as long as their session is, as those of real services.
    pub async fn show(&mut self, mut zookeeper: jute::Link) -> Result<(), Failure> {
        zookeeper.create(BRANCH, "").await?;
        for (_, folder) in WITH_ZNODES {
            zookeeper.create(folder, "").await?;
            for host in 0..self.hosts.len() {
                zookeeper.create_ephemeral(&self.znode(folder, host)).await?;
            }
        }
        self.answering.spawn(async move {
            while zookeeper.get(BRANCH, false).await.is_ok() {
                sleep(ASKED_EVERY).await;
            }
        });
        Ok(())
    }

    /// Ends the agents.
    pub async fn end(mut self) -> Result<(), Failure> {
        self.answering.abort_all();
        for agent in &mut self.agents {
            agent.kill().await.map_err(Failure::doing("end an agent"))?;
        }
        Ok(())
    }
}

/// One port, on all addresses of the loopback network.
async fn answer_everywhere() -> Result<(u16, JoinSet<()>), Failure> {
    let bound = async {
        let listener = TcpListener::bind("0.0.0.0:0").await?;
        Ok((listener.local_addr()?.port(), listener))
    };
    let bound: std::io::Result<_> = bound.await;
    let (port, listener) = bound.map_err(Failure::doing("listen on all addresses"))?;
    let mut answering = JoinSet::new();
    answering.spawn(async move {
        // Whoever asks wants to know whether somebody answers.
        while listener.accept().await.is_ok() {}
    });
    Ok((port, answering))
}

/// Registers a host; the token for its agent.
async fn register(link: &mut Link, host: &str) -> Result<String, Failure> {
    let roles = ["bi_server", "query_engine", "web_portal", "postgres"];
    let body = json!({ "name": host, "roles": roles, "transport": { "kind": "agent" } });
    let made = read(&link.request("POST", "/api/v1/hosts", &body.to_string()).await?)?;
    let path = format!("/api/v1/hosts/{}/enrolment", made["id"]);
    let token = read(&link.request("POST", &path, "{\"ttl_minutes\":60}").await?)?;
    let token = token["token"].as_str().map(str::to_owned);
    token.ok_or_else(|| Failure(format!("no token for {host}")))
}

async fn start_agent(
    program: &Path,
    home: &Path,
    host: &str,
    token: &str,
) -> Result<Child, Failure> {
    let config: PathBuf = home.join("agent.toml");
    let (data_dir, at) = (home.join("data"), format!("{host}:{AGENT_PORT}"));
    let data_dir = data_dir.display().to_string();
    let text = format!("[agent]\ndata_dir = {data_dir:?}\nlisten = {at:?}\nadvertise = {at:?}\n");
    std::fs::create_dir_all(home).map_err(Failure::doing(home.display()))?;
    std::fs::write(&config, text).map_err(Failure::doing(config.display()))?;
    let log = std::fs::File::create(home.join("log")).map_err(Failure::doing(home.display()))?;
    let command = || {
        #[expect(clippy::disallowed_methods, reason = "waited for, or killed when dropped")]
        let mut command = Command::new(program);
        command.arg("agent").stdin(Stdio::null()).kill_on_drop(true);
        command
    };
    let mut enrol = command();
    enrol.arg("enrol").arg("--config").arg(&config).env("KM_ENROL_TOKEN", token);
    let enrolled = enrol.output().await.map_err(Failure::doing("km agent enrol"))?;
    if !enrolled.status.success() {
        let told = String::from_utf8_lossy(&enrolled.stderr).trim().to_owned();
        return Err(Failure(format!("km agent enrol on {host}: {told}")));
    }
    let mut serve = command();
    // A thousand programs on one machine: one thread of work each.
    serve.arg("--config").arg(&config).env("TOKIO_WORKER_THREADS", "1");
    serve.stdout(Stdio::null()).stderr(log);
    serve.spawn().map_err(Failure::doing("km agent"))
}

/// An answer as JSON.
pub fn read(answer: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(answer).map_err(Failure::doing("read an answer"))
}
