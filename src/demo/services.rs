//! The sample Kyvos services of a demo: which there are on which host, where they answer, and how an agent starts them.
//!
//! Services of a type answer at the same port, as in a real cluster; so each host of such a demo has a loopback address of
//! its own. Where Debian's ZooKeeper is installed one server of it runs on a host more, and each service shows there that
//! it is there, in the way that the default profile expects.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::layout::{FREE_PORT_TRIES, FREE_PORTS, host_number};
use super::record::Service;
use crate::capabilities::services::model::{Control, ServiceType};
use crate::cli::outcome::Failure;

/// The host on which ZooKeeper runs: the Managers find a server of an ensemble by the name of its host.
pub(super) const ZOOKEEPER_HOST: &str = "localhost";
/// Its number, beyond those of the hosts that Managers may live on.
pub(super) const ZOOKEEPER_NUMBER: u16 = 50;
/// What is asked of a sample whether it serves.
pub(super) const PAGE: &str = "/up";
/// The types of which there are samples.
pub(super) const SAMPLED: [ServiceType; 3] =
    [ServiceType::BiServer, ServiceType::QueryEngine, ServiceType::WebPortal];
/// The ports of samples come after those of Managers and agents.
const SAMPLE_PORTS: u16 = 400;
/// So many hosts may have a loopback address of their own.
const ADDRESSES: u8 = 12;
/// Where Debian puts ZooKeeper and what it needs.
const JARS: &str = "/usr/share/java";
const JAVA: &str = "/usr/bin/java";

/// At which ports the samples of a demo answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Samples {
    pub bi_server: u16,
    pub query_engine: u16,
    pub web_portal: u16,
    /// `None`: there is no ZooKeeper.
    pub zookeeper: Option<u16>,
}

impl Samples {
    /// The ports after `base`, or free ones for 0. Without HA no Manager speaks to ZooKeeper.
    pub(super) fn of(base: u16, ha: bool) -> Result<Self, Failure> {
        let [bi_server, query_engine, web_portal, zookeeper] = match base {
            0 => free_ports()?,
            base => [1, 2, 3, 4].map(|kind| base.saturating_add(SAMPLE_PORTS + kind)),
        };
        let zookeeper = (ha && Path::new(JARS).join("zookeeper.jar").exists()).then_some(zookeeper);
        let samples = Self { bi_server, query_engine, web_portal, zookeeper };
        let ports = SAMPLED.into_iter().chain([ServiceType::Zookeeper]);
        match ports.filter_map(|kind| samples.port(kind)).find(|port| !is_free(*port)) {
            None => Ok(samples),
            Some(port) => {
                let remedy = "choose others with --base-port, or do without: --services no";
                let detail = format!("port {port} cannot be used for a sample service: {remedy}");
                Err(Failure::Refused(detail))
            }
        }
    }

    /// At which port the samples of a type answer.
    pub(super) fn port(&self, kind: ServiceType) -> Option<u16> {
        match kind {
            ServiceType::BiServer => Some(self.bi_server),
            ServiceType::QueryEngine => Some(self.query_engine),
            ServiceType::WebPortal => Some(self.web_portal),
            ServiceType::Zookeeper => self.zookeeper,
            ServiceType::Postgres | ServiceType::KyvosManager => None,
        }
    }

    /// What runs on a host that has these roles.
    pub(super) fn on_host(&self, name: &str, roles: &[&str], config: &Path) -> Vec<Service> {
        let kinds = roles.iter().filter_map(|role| ServiceType::named(role));
        let service = |kind: ServiceType| {
            let (port, place) = (self.port(kind)?, place(name));
            let shown = self.zookeeper.and(branch(kind));
            Some(Service {
                id: format!("{}.{name}", kind.as_str()),
                host: name.to_owned(),
                unit: Control::of_type(kind).unit,
                address: format!("{place}:{port}"),
                znode: shown.map(|branch| format!("{branch}/{name}:{port}")),
                pid: None,
                config: config.to_owned(),
            })
        };
        kinds.filter_map(service).collect()
    }

    /// What a person is told of them.
    pub(super) fn told(&self) -> String {
        match self.zookeeper {
            Some(port) => {
                format!("ZooKeeper listens at 127.0.0.1:{port}; it shows which services are there")
            }
            None => "There is no ZooKeeper (Debian's zookeeper is not installed, or HA is off): \
                 hosts and ports tell which services are there"
                .to_owned(),
        }
    }
}

/// The loopback address of a host of a demo with samples.
pub(super) fn place(name: &str) -> Ipv4Addr {
    let number = host_number(name).and_then(|number| u8::try_from(number).ok());
    Ipv4Addr::new(127, 0, 0, number.unwrap_or(1))
}

/// The program of a sample, and its arguments.
pub(super) fn run(service: &Service, program: &Path, zookeeper: Option<u16>) -> Vec<String> {
    let folder = service.config.parent().unwrap_or(Path::new("/"));
    if service.host == ZOOKEEPER_HOST {
        return zookeeper_runs(folder);
    }
    let mut run = vec![program.display().to_string(), "demo-service".into()];
    run.extend(["--listen".into(), service.address.clone()]);
    if let (Some(port), Some(znode)) = (zookeeper, &service.znode) {
        run.extend(["--zookeeper".into(), format!("127.0.0.1:{port}")]);
        run.extend(["--znode".into(), znode.clone()]);
        if let Some(master) = coordinates(service) {
            run.extend(["--coordinates".into(), master.into()]);
        }
    }
    run
}

/// Where one of several services of this type says that it coordinates the others, as the default profile has it.
fn coordinates(service: &Service) -> Option<&'static str> {
    let kind = service.id.split('.').next().and_then(ServiceType::named)?;
    (kind == ServiceType::BiServer).then_some("/kyvos/coordination_master")
}

/// Writes what the server of ZooKeeper is told.
pub(super) fn configure_zookeeper(folder: &Path, port: u16) -> std::io::Result<()> {
    let data = folder.join("zookeeper");
    std::fs::create_dir_all(&data)?;
    let text = format!(
        "tickTime=1000\nadmin.enableServer=false\n4lw.commands.whitelist=srvr\nautopurge.purgeInterval=1\n\
         dataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\n",
        data.display()
    );
    std::fs::write(folder.join("zoo.cfg"), text)?;
    let log = "log4j.rootLogger=WARN, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n\
               log4j.appender.out.layout=org.apache.log4j.PatternLayout\n\
               log4j.appender.out.layout.ConversionPattern=%d %p %c %m%n\n";
    std::fs::write(folder.join("log4j.properties"), log)
}

fn zookeeper_runs(folder: &Path) -> Vec<String> {
    let jars = std::fs::read_dir(JARS).into_iter().flatten().flatten().map(|jar| jar.path());
    let needed = jars.filter(|jar| {
        let name = jar.file_name().unwrap_or_default().to_string_lossy();
        let netty = name.starts_with("netty-") && !name.contains("4.1");
        netty || ["zookeeper.jar", "slf4j-log4j12.jar", "log4j-1.2.jar"].contains(&&*name)
    });
    let classes: Vec<String> = [folder.to_owned()]
        .into_iter()
        .chain(needed)
        .map(|path| path.display().to_string())
        .collect();
    let config = folder.join("zoo.cfg").display().to_string();
    let main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    let heap = ["-Xms16m", "-Xmx64m", "-XX:+UseSerialGC"].map(str::to_owned);
    let words = ["-cp".to_owned(), classes.join(":"), main.to_owned(), config];
    std::iter::once(JAVA.to_owned()).chain(heap).chain(words).collect()
}

/// Where services of a type show that they are there, as the default profile has it.
fn branch(kind: ServiceType) -> Option<&'static str> {
    match kind {
        ServiceType::BiServer => Some("/kyvos/bi_servers"),
        ServiceType::QueryEngine => Some("/kyvos/query_engines"),
        ServiceType::WebPortal => Some("/kyvos/web_portals"),
        ServiceType::Postgres | ServiceType::Zookeeper | ServiceType::KyvosManager => None,
    }
}

/// Whether nobody listens there, on any address of the hosts.
fn is_free(port: u16) -> bool {
    (1..=ADDRESSES).all(|host| TcpListener::bind((Ipv4Addr::new(127, 0, 0, host), port)).is_ok())
}

fn free_ports() -> Result<[u16; 4], Failure> {
    let mut found = Vec::new();
    for port in (0..FREE_PORT_TRIES).map(|_| rand::random_range(FREE_PORTS)) {
        if !found.contains(&port) && is_free(port) {
            found.push(port);
        }
        if let [bi_server, query_engine, web_portal, zookeeper] = found[..] {
            return Ok([bi_server, query_engine, web_portal, zookeeper]);
        }
    }
    Err(Failure::Refused("no free ports were found for sample services".into()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::capabilities::services::model::{Marks, Profile};

    fn samples(zookeeper: Option<u16>) -> Samples {
        Samples { bi_server: 8841, query_engine: 8842, web_portal: 8843, zookeeper }
    }

    #[test]
    fn a_host_runs_what_its_roles_say_where_the_profile_looks_for_it() {
        let config = PathBuf::from("/d/km2/agent.toml");
        let roles = ["web_portal", "postgres", "bi_server"];
        let services = samples(Some(8844)).on_host("km2", &roles, &config);
        let ids: Vec<_> = services.iter().map(|service| service.id.as_str()).collect();
        assert_eq!(ids, ["web_portal.km2", "bi_server.km2"]);
        let bi_server = &services[1];
        assert_eq!(bi_server.address, "127.0.0.2:8841");
        let znode = bi_server.znode.as_deref().unwrap();
        let read = Profile::guessed().read(znode, true, b"").expect("the profile knows it");
        assert_eq!((read.host.as_str(), read.port), ("km2", Some(8841)));
        let runs = |service| run(service, Path::new("/km"), Some(8844)).join(" ");
        let shows = "/km demo-service --listen 127.0.0.2:8841 --zookeeper 127.0.0.1:8844 --znode";
        let coordinates = "--coordinates /kyvos/coordination_master";
        assert_eq!(runs(bi_server), format!("{shows} {znode} {coordinates}"));
        let read = Profile::guessed().read("/kyvos/coordination_master", true, b"km2:8841");
        let read = read.expect("the profile knows it");
        assert_eq!((read.marks, read.host.as_str()), (Marks::Master, "km2"));
        assert!(!runs(&services[0]).contains(coordinates), "Web Portals have none");
    }

    #[test]
    fn without_zookeeper_nothing_is_shown_there() {
        let services = samples(None).on_host(
            "km1",
            &["bi_server", "zookeeper"],
            Path::new("/d/km1/agent.toml"),
        );
        assert_eq!(services.len(), 1);
        assert_eq!(services[0].znode, None);
        assert_eq!(run(&services[0], Path::new("/km"), None).len(), 4);
    }
}
