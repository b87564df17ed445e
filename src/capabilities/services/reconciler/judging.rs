//! One pass of judging: look at the services whose turn it is, by their hosts and by several Managers, and tell the
//! verdicts that are others than before.
//!
//! What was seen is kept in memory, for one tenure: the next Active looks itself. In the log is what was made of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use futures::stream::{self, StreamExt};
use tokio::time::Instant;

use super::super::model::{Endpoint, Endpoints, Evidence, Observer, Says, ServiceId, control};
use super::super::plan::{Looked, Looks, askers, cannot_wait, due, may_judge, news};
use super::super::port::observing::{Observe, Observers};
use crate::base::{Epoch, HostId, ManagerId, Timestamp};
use crate::capabilities::hosts::model::Reach as HostReach;
use crate::capabilities::managers::port::{InTenure, Reach};
use crate::cluster::{Group, LOOKS_MAX};
use crate::leadership::{Pass, Reconciler, Tenure};
use crate::machine::State;
use crate::remote::{Hosts, RemoteFailure, UnitName, UnitState, UnitStatus};

/// How often is looked whose turn it is.
const PERIOD: Duration = Duration::from_secs(1);
/// Most services that are looked at in one pass, so that what was seen is judged soon.
const MOST: usize = 128;
/// So many are looked at until it is seen whether another cannot wait.
const PART: usize = 32;
/// Most hosts that are asked at a time.
const AT_ONCE: usize = 16;

/// Judges the services.
pub struct Judging {
    group: Group,
    observers: Observers,
    memory: Memory,
}

/// What this Manager remembers of its looks in one tenure.
#[derive(Default)]
pub(crate) struct Memory(Mutex<(Epoch, BTreeMap<ServiceId, Remembered>)>);

/// What was seen of a service, and when.
struct Remembered {
    at: Instant,
    evidence: Arc<[Evidence]>,
}

impl Judging {
    /// The reconciler of this group and its hosts.
    pub fn of(group: Group, hosts: Arc<Hosts>) -> Self {
        let observers = Observers::of(group.unowned(), hosts);
        Self { group, observers, memory: Memory::default() }
    }
}

impl Reconciler for Judging {
    fn name(&self) -> &'static str {
        "verdicts"
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    fn pass<'a>(&'a self, tenure: &'a Tenure) -> BoxFuture<'a, Pass> {
        Box::pin(async move {
            pass(&InTenure::of(&self.group, tenure), &self.observers, &self.memory).await
        })
    }
}

pub(crate) async fn pass(reach: &impl Reach, observers: &impl Observe, memory: &Memory) -> Pass {
    if !reach.look(|state, _| may_judge(state)) {
        return Pass::Nothing;
    }
    let looks = memory.looks(reach.epoch());
    let (wanted, by, now, revision) = reach.look(|state, seen| {
        let endpoints = Endpoints::of(state);
        let wanted = due(state, &looks, MOST).into_iter().map(|service| Subject {
            service,
            unit: control(state, service.service).unit,
            endpoint: endpoints.get(service),
            silent: silent(state, service.host),
        });
        let by = askers(state, seen, observers.here());
        (wanted.collect::<Vec<_>>(), by, seen.now, state.kernel.revision)
    });
    for part in wanted.chunks(PART) {
        look(observers, part, &by, now, memory).await;
        // Of what changed meanwhile the next pass is told already, and begins at once.
        let looks = memory.looks(reach.epoch());
        let changed = |state: &State| state.kernel.revision > revision;
        if reach.look(|state, _| changed(state) && cannot_wait(state, &looks)) {
            break;
        }
    }
    let looks = memory.looks(reach.epoch());
    let mut told = 0;
    for command in reach.look(|state, seen| news(state, &looks, seen.now)) {
        if let Err(failure) = reach.propose(command.into()).await {
            return Pass::Failed(format!("verdicts: {failure}"));
        }
        told += 1;
    }
    match told {
        0 => Pass::Nothing,
        _ => Pass::Did("verdicts of services are others than before".into()),
    }
}

fn silent(state: &State, host: HostId) -> Option<String> {
    match &state.hosts.hosts.get(&host)?.seen.as_ref()?.reach {
        HostReach::Silent { because } => Some(because.clone()),
        HostReach::Answers { .. } => None,
    }
}

/// A service to look at.
struct Subject {
    service: ServiceId,
    unit: String,
    endpoint: Option<Endpoint>,
    /// Why nothing is heard of its host, if nothing is.
    silent: Option<String>,
}

async fn look(
    observers: &impl Observe,
    wanted: &[Subject],
    by: &[ManagerId],
    now: Timestamp,
    memory: &Memory,
) {
    let of_hosts = wanted.chunk_by(|a, b| a.service.host == b.service.host);
    let asking: Vec<_> = of_hosts.map(|of_host| units(observers, of_host, now).boxed()).collect();
    let units = stream::iter(asking).buffered(AT_ONCE).concat();
    let probes = join_all(by.iter().map(|by| ask(observers, *by, wanted, now)));
    let (units, mut probes) = tokio::join!(units, probes);
    let at = Instant::now();
    for (subject, unit) in wanted.iter().zip(units) {
        let asked = probes.iter_mut().filter_map(|probes| probes.remove(&subject.service));
        let evidence = std::iter::once(unit).chain(asked).collect();
        memory.remember(subject.service, Remembered { at, evidence });
    }
}

/// What a host says of some of its services, asked once. A host of which nothing is heard is asked by those who look after hosts:
/// here it would keep the others waiting.
async fn units(observers: &impl Observe, of_host: &[Subject], now: Timestamp) -> Vec<Evidence> {
    let names = of_host.iter().map(|subject| subject.unit.parse::<UnitName>());
    let names: Vec<Result<UnitName, _>> = names.collect();
    let named: Vec<UnitName> = names.iter().flatten().cloned().collect();
    let subject = &of_host[0];
    let mut told = match &subject.silent {
        Some(because) => Err(format!("its host is silent: {because}")),
        None => match observers.units(subject.service.host, &named).await {
            Ok(told) => Ok(told.into_iter()),
            Err(failure) => Err(cannot_say(&failure)),
        },
    };
    let says = names.into_iter().map(|name| match (&mut told, name) {
        (Err(because), _) => (Says::Nothing, because.clone()),
        (Ok(_), Err(malformed)) => (Says::Nothing, malformed.to_string()),
        (Ok(told), Ok(_)) => match told.next() {
            Some(Ok(status)) => unit_says(&status),
            Some(Err(failure)) => (Says::Nothing, cannot_say(&failure)),
            None => (Says::Nothing, "its host was not asked".to_owned()),
        },
    });
    says.map(|(says, because)| Evidence { observer: Observer::Unit, says, because, at: now })
        .collect()
}

fn cannot_say(failure: &RemoteFailure) -> String {
    format!("its host cannot say: {failure}")
}

/// A unit that is between two states says nothing: its host is at it.
fn unit_says(status: &UnitStatus) -> (Says, String) {
    match (status.state, status.pid) {
        (UnitState::Running, Some(pid)) => (Says::There, format!("it runs as process {pid}")),
        (UnitState::Running, None) => (Says::There, "its unit runs".to_owned()),
        (UnitState::Starting, _) => (Says::Nothing, "its host is starting it".to_owned()),
        (UnitState::Stopping, _) => (Says::Nothing, "its host is stopping it".to_owned()),
        (UnitState::Stopped | UnitState::Failed, _) if status.ended.is_empty() => {
            (Says::NotThere, "its unit does not run".to_owned())
        }
        (UnitState::Stopped | UnitState::Failed, _) => {
            (Says::NotThere, format!("its unit does not run ({})", status.ended))
        }
    }
}

/// What one Manager sees of the services. Of none whose address is not known.
async fn ask(
    observers: &impl Observe,
    by: ManagerId,
    wanted: &[Subject],
    now: Timestamp,
) -> BTreeMap<ServiceId, Evidence> {
    let places = wanted.iter().filter_map(|it| Some((it.service, it.endpoint.clone()?)));
    let (services, endpoints): (Vec<_>, Vec<_>) = places.unzip();
    let mut seen = BTreeMap::new();
    for (services, endpoints) in services.chunks(LOOKS_MAX).zip(endpoints.chunks(LOOKS_MAX)) {
        let looked = observers.look(by, endpoints).await;
        for (place, (service, endpoint)) in services.iter().zip(endpoints).enumerate() {
            let (says, because) = match looked.as_ref().map(|looked| looked.get(place)) {
                Ok(Some(Ok(()))) => (Says::There, format!("{} answers", endpoint.address)),
                Ok(Some(Err(because))) => {
                    (Says::NotThere, format!("{} does not answer: {because}", endpoint.address))
                }
                Ok(None) => (Says::Nothing, "it was not asked".to_owned()),
                Err(because) => (Says::Nothing, format!("the Manager cannot look: {because}")),
            };
            let observer = Observer::Probe(by);
            seen.insert(*service, Evidence { observer, says, because, at: now });
        }
    }
    seen
}

impl Memory {
    /// The looks of this tenure. Those of an earlier one count no more.
    fn looks(&self, epoch: Epoch) -> Looks {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.0 != epoch {
            *memory = (epoch, BTreeMap::new());
        }
        let looked = |(service, known): (&ServiceId, &Remembered)| {
            let age_ms = u64::try_from(known.at.elapsed().as_millis()).unwrap_or(u64::MAX);
            (*service, Looked { age_ms, evidence: known.evidence.clone() })
        };
        memory.1.iter().map(looked).collect()
    }

    fn remember(&self, service: ServiceId, seen: Remembered) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.1.insert(service, seen);
    }
}

#[cfg(test)]
mod tests;
