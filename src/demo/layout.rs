//! Where a demo keeps its files and which ports its Managers and agents use.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use super::record::{Manager, Service};
use super::services;
use crate::cli::outcome::Failure;
use crate::config::Config;
use crate::remote::UnitName;

/// Ports of one kind stand next to each other, the kinds a hundred apart: 8441, 8541 and 8641 are Manager 1's.
const KIND_STEP: u16 = 100;
/// Where free ports are looked for: below the range from which Linux takes ports for outgoing connections, so
/// that a restarting Manager finds its ports still free.
pub(super) const FREE_PORTS: std::ops::Range<u16> = 10_240..32_000;
/// How many random ports are tried before giving up.
pub(super) const FREE_PORT_TRIES: usize = 1_000;

/// The ports of a host: its Manager's three, and its agent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    pub api: u16,
    pub peer: u16,
    pub health: u16,
    pub agent: u16,
}

impl Ports {
    /// The ports of host `number`; `base` 0 picks free ones.
    pub(super) fn of(number: u16, base: u16) -> Result<Self, Failure> {
        if base == 0 {
            return Self::free();
        }
        let port = |kind: u16| {
            base.checked_add(kind * KIND_STEP + number)
                .ok_or_else(|| Failure::Usage(format!("--base-port {base} is too high")))
        };
        let ports = Self { api: port(0)?, peer: port(1)?, health: port(2)?, agent: port(3)? };
        ports.check_free()?;
        Ok(ports)
    }

    /// Complains about a port somebody else listens on.
    pub(super) fn check_free(self) -> Result<(), Failure> {
        for port in [self.api, self.peer, self.health, self.agent] {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
                let remedy = "stop what listens there, or choose others with --base-port";
                Failure::Refused(format!("port {port} cannot be used ({error}): {remedy}"))
            })?;
        }
        Ok(())
    }

    fn free() -> Result<Self, Failure> {
        // Held together until all are found, so that they differ.
        let (api, peer, health, agent) = (free_port()?, free_port()?, free_port()?, free_port()?);
        Ok(Self { api: api.0, peer: peer.0, health: health.0, agent: agent.0 })
    }
}

fn free_port() -> Result<(u16, TcpListener), Failure> {
    (0..FREE_PORT_TRIES)
        .map(|_| rand::random_range(FREE_PORTS))
        .find_map(|port| Some((port, TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?)))
        .ok_or_else(|| Failure::Refused("no free port was found".into()))
}

/// The files of one host of a demo.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub folder: PathBuf,
    /// The Manager's configuration.
    pub config: PathBuf,
    pub data_dir: PathBuf,
    /// What the Manager says; its agent's, to turn when it grows.
    pub log: PathBuf,
    pub agent_config: PathBuf,
    pub agent_data: PathBuf,
    pub agent_log: PathBuf,
}

/// How the agents of a demo look after their Managers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Care {
    /// Whether a Manager that ended comes back.
    pub restart: bool,
    /// After what pause.
    pub restart_after_ms: u64,
}

/// What is on a host of a demo besides its Manager.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host<'a> {
    /// Its address.
    pub place: Ipv4Addr,
    pub care: Care,
    /// What runs there.
    pub services: &'a [Service],
    /// The port of the ZooKeeper in which they show themselves.
    pub zookeeper: Option<u16>,
}

/// What a host of a demo is called.
pub(super) fn host_name(number: u16) -> String {
    format!("km{number}")
}

/// Its number, by its name.
pub(super) fn host_number(name: &str) -> Option<u16> {
    name.strip_prefix("km")?.parse().ok()
}

impl Home {
    pub(super) fn of(dir: &Path, number: u16) -> Self {
        Self::at(&dir.join(host_name(number)))
    }

    /// The files below a host's folder.
    pub(super) fn at(folder: &Path) -> Self {
        let agent_data = folder.join("agent");
        Self {
            folder: folder.to_owned(),
            config: folder.join("km.toml"),
            data_dir: folder.join("data"),
            log: agent_data.join("units").join(UnitName::MANAGER).join("out.log"),
            agent_config: folder.join("agent.toml"),
            agent_log: folder.join("agent.log"),
            agent_data,
        }
    }

    /// Makes the folder anew, with the configurations in it. What an interrupted start left there belongs to no
    /// member of the group.
    pub(super) fn make(&self, number: u16, ports: Ports, host: &Host<'_>) -> Result<(), Failure> {
        let make = || {
            if self.folder.exists() {
                std::fs::remove_dir_all(&self.folder)?;
            }
            std::fs::create_dir_all(self.folder.join("files"))?;
            std::fs::write(&self.config, config_text(number, ports))
        };
        make().map_err(Failure::local(format!("make {}", self.folder.display())))?;
        self.configure_agent(&format!("{}:{}", host.place, ports.agent), host)
    }

    /// Writes how the agent is set up: anew with each start of the demo, whose switches may be others.
    pub(super) fn configure_agent(&self, address: &str, host: &Host<'_>) -> Result<(), Failure> {
        let program = std::env::current_exe().map_err(Failure::local("this program"))?;
        let mut text = agent_text(&self.folder, &program, address, host.care);
        for service in host.services {
            text.push_str(&unit_text(service, &services::run(service, &program, host.zookeeper)));
        }
        std::fs::write(&self.agent_config, text)
            .map_err(Failure::local(self.agent_config.display()))
    }

    /// The Manager of this host as it is recorded, under a number.
    pub(super) fn manager(&self, id: u64) -> Result<Manager, Failure> {
        let config = Config::load(&self.config, [], &[])?;
        Ok(Manager {
            id,
            api_url: config.api.advertise,
            peer_addr: config.peer.advertise,
            health_url: config.health.url,
            pid: None,
            config: self.config.clone(),
            data_dir: self.data_dir.clone(),
            log: self.log.clone(),
        })
    }
}

fn config_text(number: u16, Ports { api, peer, health, .. }: Ports) -> String {
    format!(
        "# Manager {number} of a demo, all on this computer.\n\
         [node]\ndata_dir = \"data\"\nhost = \"{host}\"\n\n\
         [peer]\nlisten = \"127.0.0.1:{peer}\"\nadvertise = \"127.0.0.1:{peer}\"\n\n\
         [api]\nlisten = \"127.0.0.1:{api}\"\nadvertise = \"https://127.0.0.1:{api}\"\n\n\
         [health]\nlisten = \"127.0.0.1:{health}\"\nadvertise = \"127.0.0.1:{health}\"\n",
        host = host_name(number)
    )
}

fn agent_text(folder: &Path, program: &Path, address: &str, care: Care) -> String {
    let restart = if care.restart { "always" } else { "never" };
    let pause = care.restart_after_ms;
    let run = [program.display().to_string(), "serve".into(), "--config".into()];
    let run = run.into_iter().chain([folder.join("km.toml").display().to_string()]);
    let run: Vec<String> = run.collect();
    format!(
        "# The agent of a host of a demo, all on this computer.\n\
         [agent]\ndata_dir = \"agent\"\nlisten = {address}\nadvertise = {address}\n\n\
         [files]\nroots = [\"files\", \"data/logs\"]\n\n\
         [unit.{unit}]\nrun = [{run}]\ndirectory = {directory}\nrestart = \"{restart}\"\n\
         restart_after_ms = {pause}\nrestart_after_max_ms = {pause}\nstop_after_s = 15\n\
         environment = {{ {environment} }}\n",
        address = quoted(address),
        unit = UnitName::MANAGER,
        run = listed(&run),
        directory = quoted(&folder.display().to_string()),
        environment = log_settings().join(", "),
    )
}

/// A service that ended stays so as far as its agent is concerned: Services HA brings it back.
fn unit_text(service: &Service, run: &[String]) -> String {
    format!(
        "\n[unit.{}]\nrun = [{}]\nrestart = \"never\"\nstop_after_s = 5\n",
        service.unit,
        listed(run)
    )
}

fn listed(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", ")
}

/// What this process was told about logging holds for the Managers, too.
fn log_settings() -> Vec<String> {
    let settings = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let settings = settings.filter(|(name, _)| name.starts_with("KM_LOG_"));
    settings.map(|(name, value)| format!("{name} = {}", quoted(&value))).collect()
}

/// A text in TOML: written like one in JSON.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text can be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_of_a_demo_manager_is_a_valid_one() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::of(dir.path(), 2);
        let care = Care { restart: true, restart_after_ms: 500 };
        let service = Service {
            id: "bi_server.km2".into(),
            host: host_name(2),
            unit: "kyvos-bi-server".into(),
            address: "127.0.0.2:8841".into(),
            znode: None,
            pid: None,
            config: home.agent_config.clone(),
        };
        let (place, services) = (Ipv4Addr::new(127, 0, 0, 2), [service]);
        let host = Host { place, care, services: &services, zookeeper: None };
        home.make(2, Ports { api: 8442, peer: 8542, health: 8642, agent: 8742 }, &host).unwrap();
        let config = Config::load(&home.config, [], &[]).unwrap();
        assert_eq!(config.node.data_dir, home.data_dir);
        assert_eq!(config.api.advertise, "https://127.0.0.1:8442");
        assert_eq!(config.health.url, "http://127.0.0.1:8642");
        let agent = crate::agent::load(&home.agent_config).unwrap();
        assert_eq!(agent.data_dir, home.agent_data);
        assert_eq!(agent.advertise, "127.0.0.2:8742");
        assert!(agent.units.contains_key(UnitName::MANAGER));
        assert!(agent.units.contains_key("kyvos-bi-server"));
    }

    #[test]
    fn a_taken_port_is_told_with_a_remedy() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let api = taken.local_addr().unwrap().port();
        let free = Ports::of(1, 0).unwrap();
        let refused = Ports { api, ..free }.check_free().unwrap_err().to_string();
        assert!(refused.contains(&format!("port {api}")) && refused.contains("--base-port"));
        free.check_free().unwrap();
    }
}
