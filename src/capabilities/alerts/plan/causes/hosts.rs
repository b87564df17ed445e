//! Hosts that do not answer. What is the matter with the services of a lost host its own alert says: five services are
//! no five alerts.

use std::collections::BTreeMap;

use super::services::Ward;
use super::{Found, SILENT_AFTER_MS, Told, bundled, cause, named, since, subjects};
use crate::base::{HostId, Timestamp};
use crate::capabilities::alerts::model::{Cause, Kind, Severity};
use crate::capabilities::hosts::model::{Host, Reach};
use crate::capabilities::services::model::{ServiceId, Verdict};
use crate::machine::State;

pub(super) fn causes(state: &State, told: &Told<'_>, now: Timestamp) -> Vec<Found> {
    let silent = state.hosts.hosts.iter().filter_map(|(id, host)| {
        let seen = host.seen.as_ref()?;
        let Reach::Silent { because } = &seen.reach else { return None };
        Some((*id, host, because.as_str(), seen.since))
    });
    let silent: Vec<_> = silent.collect();
    if silent.is_empty() {
        return Vec::new();
    }
    let lost = lost(state, &Ward::of(state, told, now));
    let of = |id: HostId| lost.get(&id).map(Vec::as_slice).unwrap_or_default();
    let hurt: usize = silent.iter().map(|(id, ..)| of(*id).len()).sum();
    let found = silent.into_iter().map(|(id, host, because, began)| {
        since(host_silent(state, (id, host), because, of(id)), began, SILENT_AFTER_MS)
    });
    bundled(found.collect(), told, |silent| hosts_silent(silent, hurt))
}

/// The services that should be up and are not, by host.
fn lost(state: &State, ward: &Ward<'_>) -> BTreeMap<HostId, Vec<ServiceId>> {
    let mut lost: BTreeMap<HostId, Vec<ServiceId>> = BTreeMap::new();
    for service in ServiceId::all(state).filter(|service| ward.is_lost(*service)) {
        lost.entry(service.host).or_default().push(service);
    }
    lost
}

fn host_silent(
    state: &State,
    (id, host): (HostId, &Host),
    because: &str,
    lost: &[ServiceId],
) -> Cause {
    let down = |service: &&ServiceId| {
        let judged = state.services.verdicts.get(*service);
        judged.is_some_and(|judged| judged.judgement.verdict == Verdict::Down)
    };
    let severity = match lost.iter().any(|service| down(&service)) {
        true => Severity::Error,
        false => Severity::Warning,
    };
    let titles: Vec<&str> = lost.iter().map(|service| service.service.title()).collect();
    let services = match titles.is_empty() {
        true => String::new(),
        false => format!(" Not up on it: {}. Look at the host and its network.", titles.join(", ")),
    };
    let because = because.trim_end_matches('.');
    let text = format!("Host {} does not answer: {because}.{services}", host.name);
    cause(&format!("host_silent/{id}"), Kind::HostSilent, severity, &host.name, text)
}

fn hosts_silent(silent: &[Found], hurt: usize) -> Cause {
    let services = match hurt {
        0 => String::new(),
        1 => " 1 service on them is not up.".to_owned(),
        many => format!(" {many} services on them are not up."),
    };
    let names = named(&subjects(silent));
    let text = format!("{} hosts do not answer: {names}.{services}", silent.len());
    cause("hosts_silent", Kind::HostsSilent, Severity::Error, "", text)
}
