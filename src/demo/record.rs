//! `cluster.json`: what a demo consists of, for people, dashboards under test and chaos runs.
//!
//! It is a contract (see `docs/contracts`), and also what a demo started again resumes from.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::services::Samples;
use crate::cli::outcome::Failure;

/// A whole demo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub admin: Admin,
    /// The authority to trust, a PEM file.
    pub ca: PathBuf,
    pub managers: Vec<Manager>,
    /// The agents of the hosts, those without a Manager too.
    pub agents: Vec<Agent>,
    /// Sample services.
    pub services: Vec<Service>,
    /// Where sample services are; absent: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<Samples>,
}

/// Who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Admin {
    pub username: String,
    pub password: String,
}

/// One Manager process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manager {
    pub id: u64,
    pub api_url: String,
    pub peer_addr: String,
    pub health_url: String,
    /// `null` while the process is not running.
    pub pid: Option<u32>,
    pub config: PathBuf,
    pub data_dir: PathBuf,
    pub log: PathBuf,
}

/// One host's agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Agent {
    /// The host's number in the group.
    pub host: u64,
    /// The host's name.
    pub name: String,
    /// Where the agent listens.
    pub address: String,
    /// `null` while the process is not running.
    pub pid: Option<u32>,
    pub config: PathBuf,
    pub data_dir: PathBuf,
    pub log: PathBuf,
}

/// One sample service: a unit of its host's agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Service {
    /// Its name in the group, `type.host`.
    pub id: String,
    /// The host's name.
    pub host: String,
    /// The unit's name.
    pub unit: String,
    /// Where it answers.
    pub address: String,
    /// The znode that says it is there; `null` where there is no ZooKeeper.
    pub znode: Option<String>,
    /// `null` while the process is not running.
    pub pid: Option<u32>,
    /// The configuration of its host's agent.
    pub config: PathBuf,
}

impl Manager {
    /// The configuration of the agent that looks after it: it lies beside its own.
    pub(super) fn agent_config(&self) -> PathBuf {
        self.config.with_file_name("agent.toml")
    }
}

impl Record {
    fn path(dir: &Path) -> PathBuf {
        dir.join("cluster.json")
    }

    /// The record of an earlier run; `None` when there was none.
    pub(super) fn load(dir: &Path) -> Result<Option<Self>, Failure> {
        let path = Self::path(dir);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::local(format!("read {}", path.display()))(error)),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            let remedy = "mend it, or start a new demo with another --dir";
            Failure::Refused(format!("{} cannot be read ({error}): {remedy}", path.display()))
        })
    }

    /// Replaces the record as a whole: a reader sees the old one or the new one.
    pub(super) fn save(&self, dir: &Path) -> Result<(), Failure> {
        let path = Self::path(dir);
        let text = serde_json::to_vec_pretty(self).expect("plain data can be written");
        crate::cluster::private_file::write(&path, &text)
            .map_err(Failure::local(format!("write {}", path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_has_the_form_of_the_contract() {
        let manager = Manager {
            id: 4,
            api_url: "https://127.0.0.1:8442".into(),
            peer_addr: "127.0.0.1:8542".into(),
            health_url: "http://127.0.0.1:8642".into(),
            pid: None,
            config: "/d/km2/km.toml".into(),
            data_dir: "/d/km2/data".into(),
            log: "/d/km2/agent/units/kyvos-manager/out.log".into(),
        };
        assert_eq!(manager.agent_config(), Path::new("/d/km2/agent.toml"));
        let agent = Agent {
            host: 7,
            name: "km2".into(),
            address: "127.0.0.1:8742".into(),
            pid: Some(4711),
            config: "/d/km2/agent.toml".into(),
            data_dir: "/d/km2/agent".into(),
            log: "/d/km2/agent.log".into(),
        };
        let record = Record {
            admin: Admin { username: "admin".into(), password: "p".into() },
            ca: "/d/ca.pem".into(),
            managers: vec![manager],
            agents: vec![agent],
            services: vec![Service {
                id: "bi_server.km2".into(),
                host: "km2".into(),
                unit: "kyvos-bi-server".into(),
                address: "127.0.0.2:8841".into(),
                znode: None,
                pid: Some(4712),
                config: "/d/km2/agent.toml".into(),
            }],
            samples: None,
        };
        let expected = serde_json::json!({
            "admin": {"username": "admin", "password": "p"},
            "ca": "/d/ca.pem",
            "managers": [{
                "id": 4, "api_url": "https://127.0.0.1:8442", "peer_addr": "127.0.0.1:8542",
                "health_url": "http://127.0.0.1:8642", "pid": null, "config": "/d/km2/km.toml",
                "data_dir": "/d/km2/data", "log": "/d/km2/agent/units/kyvos-manager/out.log",
            }],
            "agents": [{
                "host": 7, "name": "km2", "address": "127.0.0.1:8742", "pid": 4711,
                "config": "/d/km2/agent.toml", "data_dir": "/d/km2/agent", "log": "/d/km2/agent.log",
            }],
            "services": [{
                "id": "bi_server.km2", "host": "km2", "unit": "kyvos-bi-server",
                "address": "127.0.0.2:8841", "znode": null, "pid": 4712,
                "config": "/d/km2/agent.toml",
            }],
        });
        assert_eq!(serde_json::to_value(&record).unwrap(), expected);
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Record::load(dir.path()).unwrap(), None);
        record.save(dir.path()).unwrap();
        assert_eq!(Record::load(dir.path()).unwrap(), Some(record));
    }
}
