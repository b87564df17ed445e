//! What is wanted of a service, and why: what nobody fights.

use serde::{Deserialize, Serialize};

use super::ServiceType;
use crate::base::{Code, HostId, Refusal, Revision, Timestamp};
use crate::capabilities::hosts::model::HostRole;
use crate::machine::State;

/// A service on a host: a role that the host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServiceId {
    /// What kind.
    pub service: ServiceType,
    /// Where.
    pub host: HostId,
}

/// What is wanted of a service, as somebody said it. Of one that nobody spoke of it is wanted that it runs, because
/// its host was given the role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// What.
    pub want: Want,
    /// Why.
    pub why: Why,
    /// Who said so.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// Revision of the change; the ETag.
    pub revision: Revision,
}

/// What can be wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want {
    /// It is to run.
    Running,
    /// It is to be stopped.
    Stopped,
}

/// Why something is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// Somebody wants it so.
    Operator,
    /// The cluster sleeps or wakes by its schedule.
    Schedule,
    /// Something is being repaired or changed.
    Maintenance,
    /// It was started in the place of another whose host is gone.
    ServicesHa,
}

/// Who wants ZooKeeper to be away, if somebody does (row 36): so many of its servers that the others are no majority are
/// wanted stopped, or stand on hosts where everything else is.
pub fn zookeeper_sleeps(state: &State) -> Option<&Wanted> {
    let servers = || ServiceId::all(state).filter(|it| it.service == ServiceType::Zookeeper);
    let sleeping: Vec<_> = servers().filter_map(|server| server.sleeps(state)).collect();
    let too_many = sleeping.len() * 2 >= servers().count();
    sleeping.into_iter().filter(|_| too_many).max_by_key(|wanted| wanted.since)
}

/// Since when something is wanted of ZooKeeper's servers, by the last word about one of them.
pub fn zookeeper_wanted_since(state: &State) -> Option<Timestamp> {
    let wanted = state.services.wanted.iter();
    let of_it = wanted.filter(|(service, _)| service.service == ServiceType::Zookeeper);
    of_it.map(|(_, wanted)| wanted.since).max()
}

impl Want {
    /// As it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
        }
    }
}

impl Why {
    /// As it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Schedule => "schedule",
            Self::Maintenance => "maintenance",
            Self::ServicesHa => "services_ha",
        }
    }
}

impl ServiceType {
    /// The role that says a host runs such a service. A Kyvos Manager is where a member is.
    pub fn role(self) -> Option<HostRole> {
        match self {
            Self::BiServer => Some(HostRole::BiServer),
            Self::QueryEngine => Some(HostRole::QueryEngine),
            Self::WebPortal => Some(HostRole::WebPortal),
            Self::Postgres => Some(HostRole::Postgres),
            Self::Zookeeper => Some(HostRole::Zookeeper),
            Self::KyvosManager => None,
        }
    }
}

impl ServiceId {
    /// Its name: `type.host`.
    pub fn name(self, state: &State) -> String {
        let host = state.hosts.hosts.get(&self.host);
        let host = host.map_or_else(|| self.host.to_string(), |host| host.name.clone());
        format!("{}.{host}", self.service.as_str())
    }

    /// The service of that name. Kyvos Managers have verbs of their own and are none here.
    pub fn named(state: &State, name: &str) -> Result<Self, Refusal> {
        let unknown = || Refusal::new(Code::NoSuchService, format!("There is no service {name}."));
        let (kind, host) = name.split_once('.').ok_or_else(unknown)?;
        let service = ServiceType::named(kind).ok_or_else(unknown)?;
        if service == ServiceType::KyvosManager {
            let detail = format!(
                "{name} is a Kyvos Manager, which is controlled with km managers and not here."
            );
            return Err(Refusal::new(Code::WrongState, detail));
        }
        let (host, _) = state.hosts.named(host).map_err(|_| unknown())?;
        let id = Self { service, host };
        id.exists(state).then_some(id).ok_or_else(unknown)
    }

    /// Whether the host has the role.
    pub fn exists(self, state: &State) -> bool {
        let host = state.hosts.hosts.get(&self.host);
        let role = self.service.role();
        host.zip(role).is_some_and(|(host, role)| host.roles.contains(&role))
    }

    /// Whether it is to run. Whoever was given a role is, until somebody says otherwise.
    pub fn is_wanted(self, state: &State) -> bool {
        let wanted = state.services.wanted.get(&self);
        wanted.is_none_or(|wanted| wanted.want == Want::Running)
    }

    /// Who wants it stopped, or everything else on its host.
    fn sleeps(self, state: &State) -> Option<&Wanted> {
        let stopped = |service: Self| {
            state.services.wanted.get(&service).filter(|wanted| wanted.want == Want::Stopped)
        };
        let others = Self::all(state).filter(|it| it.host == self.host && *it != self);
        let others: Option<Vec<_>> = others.map(stopped).collect();
        let last = others.and_then(|all| all.into_iter().max_by_key(|wanted| wanted.since));
        stopped(self).or(last)
    }

    /// Whether somebody said since a revision what is wanted of it.
    pub fn is_spoken_of_since(self, state: &State, revision: Revision) -> bool {
        let wanted = state.services.wanted.get(&self);
        wanted.is_some_and(|wanted| wanted.revision > revision)
    }

    /// Every service there is but the Kyvos Managers, by type in the order in which a cluster is started, then by host.
    pub fn all(state: &State) -> impl Iterator<Item = Self> {
        ServiceType::ALL.into_iter().flat_map(move |service| {
            let role = service.role().into_iter();
            role.flat_map(move |role| state.hosts.with_role(role))
                .map(move |(host, _)| Self { service, host })
        })
    }
}
