//! ZooKeeper's word about services: which znode shows which of them, and what that is worth.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Evidence, Freshness, Marks, Observer, Says, ServiceId, ServiceType, Sighting, freshness,
};
use crate::base::Timestamp;
use crate::machine::State;

/// The presence znodes by what they are about: one look at the sightings for all services.
pub struct Znodes<'s> {
    state: &'s State,
    fresh: Freshness,
    by_service: BTreeMap<(ServiceType, &'s str), (&'s str, &'s Sighting)>,
}

impl<'s> Znodes<'s> {
    /// Of two about the same, the one that is there counts.
    pub fn of(state: &'s State) -> Self {
        let mut by_service = BTreeMap::new();
        let presences = state.services.sightings.iter();
        for (path, sighting) in
            presences.filter(|(_, known)| known.sighted.marks == Marks::Presence)
        {
            let about = (sighting.sighted.service, sighting.sighted.host.as_str());
            let known = by_service.entry(about).or_insert((path.as_str(), sighting));
            if sighting.present && !known.1.present {
                *known = (path, sighting);
            }
        }
        Self { state, fresh: freshness(state), by_service }
    }

    /// Whether the znode of a service came or went after this: then the others may say something else too.
    pub fn changed_since(&self, service: ServiceId, at: Timestamp) -> bool {
        let since = self.of_service(service).map(|(_, sighting)| sighting.since);
        self.fresh == Freshness::Fresh && since.is_some_and(|since| since > at)
    }

    fn of_service(&self, service: ServiceId) -> Option<(&'s str, &'s Sighting)> {
        let host = &self.state.hosts.hosts.get(&service.host)?.name;
        self.by_service.get(&(service.service, host.as_str())).copied()
    }

    /// What ZooKeeper says of a service that it was seen to know. That it never knew one says nothing: what its znodes
    /// mean may be a wrong guess. Nor does a znode that would stay without its service, or one that is not seen where not
    /// everything can be seen.
    pub fn evidence(&self, service: ServiceId, now: Timestamp) -> Option<Evidence> {
        let (path, sighting) = self.of_service(service)?;
        let watch = self.state.services.watch.as_ref();
        let (says, because, at) = match (self.fresh, sighting.present, sighting.sighted.ephemeral) {
            (Freshness::StaleSince(_) | Freshness::Never, ..) => {
                (Says::Nothing, "ZooKeeper is not being watched".to_owned(), now)
            }
            (Freshness::Fresh, _, false) => {
                (Says::Nothing, "its znode would stay without it".into(), sighting.since)
            }
            (Freshness::Fresh, true, true) => {
                (Says::There, "its znode is there".into(), sighting.since)
            }
            (Freshness::Fresh, false, true) => match watch.and_then(|watch| watch.hides(path)) {
                None => (Says::NotThere, "its znode is gone".into(), sighting.since),
                Some(trouble) => {
                    let because = format!("its znode is not seen, but not all are: {trouble}");
                    (Says::Nothing, because, sighting.since)
                }
            },
        };
        Some(Evidence { observer: Observer::Znode, says, because, at })
    }
}

/// The services that znodes stand for and that nobody declared, as `type.host`: by the name they tell no host is registered,
/// or none with that role. What a wrong profile reads out of znodes shows here.
pub fn undeclared(state: &State) -> BTreeSet<String> {
    let host = |id: &ServiceId| state.hosts.hosts.get(&id.host).map(|host| host.name.as_str());
    let declared: BTreeSet<_> =
        ServiceId::all(state).filter_map(|id| Some((id.service, host(&id)?))).collect();
    let there = state.services.sightings.values().filter(|known| known.present);
    let told = there.map(|known| (known.sighted.service, known.sighted.host.as_str()));
    let of_others = told.filter(|(service, _)| service.role().is_some());
    of_others
        .filter(|about| !declared.contains(about))
        .map(|(service, host)| format!("{}.{host}", service.as_str()))
        .collect()
}
