//! Which services there are: a role on a host is one, and a member of the group is one. And what ZooKeeper says of each.
//!
//! ZooKeeper is one observer. Its word is told as what it is, a znode that is there or not, and never as a verdict.

use std::collections::BTreeMap;

use crate::base::{HostId, ManagerId, Timestamp};
use crate::capabilities::managers::model::Role;
use crate::capabilities::services::model::{
    Facts, Freshness, Judged, Marks, ServiceId, ServiceType, Sighting, Wanted, freshness,
};
use crate::machine::State;

/// One service on one host. Of thousands nothing is copied that the facts hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service<'s> {
    /// What kind.
    pub service: ServiceType,
    /// The name of its host.
    pub host: &'s str,
    /// The host, if it is registered.
    pub host_id: Option<HostId>,
    /// What was seen of it.
    pub seen: Seen,
    /// Why that is said, in a sentence.
    pub because: String,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// Whether it may not be so any more.
    pub stale: bool,
    /// Whether it coordinates the others, as ZooKeeper shows.
    pub master: bool,
    /// What is wanted of it, where somebody said it.
    pub wanted: Option<&'s Wanted>,
    /// The latest verdict, where there is one.
    pub judged: Option<&'s Judged>,
}

/// What was seen of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// What shows it is there.
    Present,
    /// What shows it is not there.
    Absent,
    /// Nobody looked, or nothing shows it.
    Unknown,
}

/// Every service, by type in the order in which a cluster is started, then by host. `answers`: whether a member does.
pub fn inventory(state: &State, answers: impl Fn(ManagerId) -> bool) -> Vec<Service<'_>> {
    let sightings = Sightings::of(&state.services);
    let mut found = Vec::new();
    for service in ServiceType::ALL {
        match service.role() {
            Some(role) => {
                let hosts = state.hosts.with_role(role);
                found.extend(
                    hosts.map(|(id, host)| of_role(state, &sightings, service, id, &host.name)),
                );
            }
            None => found.extend(managers(state, &answers)),
        }
    }
    found.sort_by_key(|found| (place(found.service), found.host));
    found
}

impl Service<'_> {
    /// Its name: the type and the host.
    pub fn id(&self) -> String {
        format!("{}.{}", self.service.as_str(), self.host)
    }

    /// The service as the facts name it; a Kyvos Manager has no such name.
    pub fn as_fact(&self) -> Option<ServiceId> {
        let host = self.host_id.filter(|_| self.service.role().is_some())?;
        Some(ServiceId { service: self.service, host })
    }
}

fn place(service: ServiceType) -> Option<usize> {
    ServiceType::ALL.iter().position(|one| *one == service)
}

/// The sightings by what they are about: one look at them for all services.
struct Sightings<'f> {
    by_service: BTreeMap<(ServiceType, Marks, &'f str), &'f Sighting>,
}

impl<'f> Sightings<'f> {
    /// Of two about the same, the one that is there counts.
    fn of(facts: &'f Facts) -> Self {
        let mut by_service = BTreeMap::new();
        for sighting in facts.sightings.values() {
            let sighted = &sighting.sighted;
            let about = (sighted.service, sighted.marks, sighted.host.as_str());
            let known = by_service.entry(about).or_insert(sighting);
            if sighting.present && !known.present {
                *known = sighting;
            }
        }
        Self { by_service }
    }

    fn get(&self, service: ServiceType, marks: Marks, host: &str) -> Option<&'f Sighting> {
        self.by_service.get(&(service, marks, host)).copied()
    }
}

fn of_role<'s>(
    state: &'s State,
    sightings: &Sightings<'_>,
    service: ServiceType,
    id: HostId,
    host: &'s str,
) -> Service<'s> {
    let fresh = freshness(state);
    let (seen, because, since) = match service {
        ServiceType::Zookeeper => server(state, host),
        ServiceType::BiServer
        | ServiceType::QueryEngine
        | ServiceType::WebPortal
        | ServiceType::Postgres
        | ServiceType::KyvosManager => by_znode(state, sightings, service, host, fresh),
    };
    let master = sightings.get(service, Marks::Master, host).is_some_and(|known| known.present);
    let stale = fresh != Freshness::Fresh;
    let (host_id, fact) = (Some(id), ServiceId { service, host: id });
    let wanted = state.services.wanted.get(&fact);
    let judged = state.services.verdicts.get(&fact);
    Service { service, host, host_id, seen, because, since, stale, master, wanted, judged }
}

type Told = (Seen, String, Option<Timestamp>);

fn by_znode(
    state: &State,
    sightings: &Sightings<'_>,
    service: ServiceType,
    host: &str,
    fresh: Freshness,
) -> Told {
    let unknown = |because: &str| (Seen::Unknown, because.to_owned(), None);
    if let Some(known) = sightings.get(service, Marks::Presence, host) {
        return match known.present {
            true => (Seen::Present, "Its znode is there.".into(), Some(known.since)),
            false => (Seen::Absent, "Its znode is gone.".into(), Some(known.since)),
        };
    }
    let profile = state.services.profile();
    let shown = |rule: &&crate::capabilities::services::model::Rule| {
        rule.service == service && rule.marks == Marks::Presence
    };
    match (fresh, profile.rules.iter().find(shown)) {
        (_, None) => unknown("No znode stands for this type of service: km services profile"),
        (Freshness::Never, Some(_)) => unknown("Nobody has looked yet."),
        (Freshness::StaleSince(_), Some(_)) => {
            unknown("It was not seen when ZooKeeper was last looked at.")
        }
        (Freshness::Fresh, Some(_)) => (Seen::Absent, "No znode of it was ever seen.".into(), None),
    }
}

/// A ZooKeeper server says itself how it stands.
fn server(state: &State, host: &str) -> Told {
    let servers = state.services.watch.iter().flat_map(|watch| &watch.servers);
    let of_host = |address: &str| address.rsplit_once(':').is_some_and(|(name, _)| name == host);
    match servers.map(|it| (&it.address, &it.serves)).find(|(address, _)| of_host(address)) {
        Some((_, Ok(mode))) => (Seen::Present, format!("It serves as {mode}."), None),
        Some((_, Err(because))) => (Seen::Absent, format!("It does not serve: {because}."), None),
        None => (Seen::Unknown, "Nobody has asked it yet.".into(), None),
    }
}

fn managers<'s>(state: &'s State, answers: &impl Fn(ManagerId) -> bool) -> Vec<Service<'s>> {
    let members = state.managers.members.iter().filter(|(_, member)| member.role == Role::Manager);
    let shown = members.map(|(id, member)| {
        let host = member.profile.host.as_str();
        let (seen, because) = match answers(*id) {
            true => (Seen::Present, "It answers the other Kyvos Managers."),
            false => (Seen::Absent, "It does not answer the other Kyvos Managers."),
        };
        Service {
            service: ServiceType::KyvosManager,
            host_id: state.hosts.named(host).ok().map(|(id, _)| id),
            host,
            seen,
            because: because.into(),
            since: None,
            stale: false,
            master: false,
            wanted: None,
            judged: None,
        }
    });
    shown.collect()
}
