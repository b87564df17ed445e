//! How a type of service is controlled and looked at: the name of its unit on every host, and where it answers.
//!
//! A unit is a name. What it starts, a unit of systemd or a script, is written on the host, in its agent's
//! configuration: so nothing that is set here runs anything that a host has not offered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Marks, ServiceId, ServiceType, wanted};
use crate::base::text::one_line;
use crate::base::{Code, Refusal};
use crate::capabilities::properties::schema::{File, REPOSITORY_PORT, ZOOKEEPER_PORT};
use crate::machine::State;

/// Longest name of a unit, in bytes: that of the hosts' own bound.
const UNIT_MAX_BYTES: usize = 64;
/// Longest path that is asked for over HTTP, in bytes.
const PATH_MAX_BYTES: usize = 256;

/// How a type is controlled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// The unit's name on every host that runs one.
    pub unit: String,
    /// How is looked whether it serves.
    pub probe: Probe,
}

/// How is looked whether a service serves, from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probe {
    /// Not at all.
    None,
    /// By a connection.
    Tcp {
        /// To which port; `None`: to the one that is known of it.
        port: Option<u16>,
    },
    /// By a GET in the clear: any status below 500 is an answer.
    Http {
        /// At which port; `None`: at the one that is known of it.
        port: Option<u16>,
        /// Of which path.
        path: String,
    },
}

/// Where a service is asked whether it serves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// `host:port`.
    pub address: String,
    /// The path of a GET; `None`: a connection is enough.
    pub path: Option<String>,
}

impl Control {
    /// How a type is controlled unless somebody says otherwise. The unit is called as the type is everywhere, so that one
    /// agent configuration fits all hosts of a role. A connection is what every service answers, also one whose pages
    /// want a sign-in; to which port says what knows it best: its own znode, or the settings that others find it by.
    pub fn of_type(service: ServiceType) -> Self {
        let unit = format!("kyvos-{}", service.as_str().replace('_', "-"));
        Self { unit, probe: Probe::Tcp { port: None } }
    }

    /// Refuses what no host could offer.
    pub fn check(&self) -> Result<(), Refusal> {
        one_line("A unit", &self.unit, UNIT_MAX_BYTES)?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_@".contains(&byte);
        let begins = self.unit.starts_with(|letter: char| letter.is_ascii_alphanumeric());
        if !begins || !self.unit.bytes().all(fits) {
            let detail = format!(
                "{} is no name of a unit: it has letters, digits, hyphens, underscores or @.",
                self.unit
            );
            return Err(Refusal::new(Code::InvalidValue, detail));
        }
        self.probe.check()
    }
}

impl Probe {
    fn port(&self) -> Option<Option<u16>> {
        match self {
            Self::None => None,
            Self::Tcp { port } | Self::Http { port, .. } => Some(*port),
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.port() == Some(Some(0)) {
            return Err(Refusal::new(Code::InvalidValue, "A port is 1 to 65535."));
        }
        let Self::Http { path, .. } = self else { return Ok(()) };
        one_line("A path", path, PATH_MAX_BYTES)?;
        if path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(());
        }
        let detail = format!("{path} is no path of a URL: it begins with / and has no blanks.");
        Err(Refusal::new(Code::InvalidValue, detail))
    }
}

/// How a type is controlled.
pub fn control(state: &State, service: ServiceType) -> Control {
    let set = state.services.controls.get(&service);
    set.map_or_else(|| Control::of_type(service), |set| set.value.clone())
}

/// Where a service is asked whether it serves; `None`: it is not asked, or no port is known.
pub fn endpoint(state: &State, service: ServiceId) -> Option<Endpoint> {
    Endpoints::of(state).get(service)
}

/// Where services are asked whether they serve: one look at the sightings for all of them.
pub struct Endpoints<'s> {
    state: &'s State,
    /// The ports that znodes show.
    shown: BTreeMap<(ServiceType, &'s str), u16>,
}

impl<'s> Endpoints<'s> {
    /// Of two znodes about the same service, one that is there counts before one that went, which still tells where it was.
    pub fn of(state: &'s State) -> Self {
        let mut shown = BTreeMap::new();
        let all = || state.services.sightings.values();
        let gone = all().filter(|known| !known.present);
        for known in gone.chain(all().filter(|known| known.present)) {
            let sighted = &known.sighted;
            if let (Marks::Presence, Some(port)) = (sighted.marks, sighted.port) {
                shown.insert((sighted.service, sighted.host.as_str()), port);
            }
        }
        Self { state, shown }
    }

    /// Where one is asked; `None`: it is not asked, or no port is known. A ZooKeeper server is not, when nobody is to connect
    /// to ZooKeeper (A8).
    pub fn get(&self, service: ServiceId) -> Option<Endpoint> {
        if service.service == ServiceType::Zookeeper && wanted(self.state).is_err() {
            return None;
        }
        let probe = control(self.state, service.service).probe;
        let host = self.state.hosts.hosts.get(&service.host)?;
        let name = host.name.as_str();
        let port = probe.port()?.or_else(|| self.known_port(service.service, name))?;
        let path = match probe {
            Probe::Http { path, .. } => Some(path),
            Probe::None | Probe::Tcp { .. } => None,
        };
        // Where the host itself is reached, so that its name need not resolve at the Managers.
        let place = host.transport.place().unwrap_or(name);
        Some(Endpoint { address: format!("{place}:{port}"), path })
    }

    fn known_port(&self, service: ServiceType, host: &str) -> Option<u16> {
        let setting = |name| self.state.properties.value(File::KyvosManager, name)?.parse().ok();
        match service {
            ServiceType::Postgres => setting(REPOSITORY_PORT),
            ServiceType::Zookeeper => setting(ZOOKEEPER_PORT),
            ServiceType::BiServer
            | ServiceType::QueryEngine
            | ServiceType::WebPortal
            | ServiceType::KyvosManager => self.shown.get(&(service, host)).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::managers::port::fake::FakeGroup;

    // row 72, A8
    #[test]
    fn a_zookeeper_server_is_asked_only_where_kyvos_manager_may_connect_to_it() {
        let group = FakeGroup::founded();
        group.say("hosts register zk1 agent roles=zookeeper");
        group.say("services set-control zookeeper kyvos-zookeeper tcp=2182");
        let asked = || {
            let inside = group.inside();
            let host = inside.state.hosts.named("zk1").unwrap().0;
            let server = ServiceId { service: ServiceType::Zookeeper, host };
            endpoint(&inside.state, server).map(|endpoint| endpoint.address)
        };
        for (watch, address) in [("off", None), ("on", Some("zk1:2182")), ("off", None)] {
            group.say(&format!("properties set kyvos-manager/ZK_SERVICE_WATCH {watch}"));
            assert_eq!(asked().as_deref(), address);
        }
    }
}
