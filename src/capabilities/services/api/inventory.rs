//! Which services there are, as a list and as the matrix of hosts and types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{self, Freshness, ServiceType, Want, control, verdict_freshness};
use super::super::plan::{self, inventory};
use super::service_named;
use super::wire::{ServiceName, VerdictName, WantName, WhyName};
use crate::api::{Answer, Asked, Page, Problem, Reader, Routes, Sight, Time, View, Window};
use crate::machine::State;

/// A service on a host.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Service {
    /// Its name: `type.host`.
    pub id: String,
    /// What kind.
    #[serde(rename = "type")]
    pub kind: ServiceName,
    /// What kind, for people.
    pub title: &'static str,
    /// The name of its host.
    pub host: String,
    /// The host, if it is registered.
    pub host_id: Option<u64>,
    /// What was seen of it. That is one observer's word, and no verdict.
    pub seen: ServiceSeen,
    /// Why that is said.
    pub because: String,
    /// Since when, where that is known.
    pub since: Option<Time>,
    /// Whether it may not be so any more, because nobody has looked since.
    pub stale: bool,
    /// Whether it is the Coordination Master, as ZooKeeper shows.
    pub coordination_master: bool,
    /// What is wanted of it, and why.
    pub wanted: ServiceWanted,
    /// What several observers make of it; null before anybody judged, and for a Kyvos Manager.
    pub verdict: Option<ServiceVerdict>,
    /// Its unit on its host; null for a Kyvos Manager.
    pub unit: Option<String>,
    /// Revision of what is wanted; 0 while nobody said anything.
    pub revision: u64,
}

/// What is wanted of a service, and why.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ServiceWanted {
    /// What.
    pub state: WantName,
    /// Why.
    pub why: WhyName,
    /// Who said so; null: nobody.
    pub by: Option<String>,
    /// Since when; null: since its host has the role.
    pub since: Option<Time>,
}

/// What several observers make of a service.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ServiceVerdict {
    /// What.
    pub verdict: VerdictName,
    /// Why, in a sentence.
    pub because: String,
    /// Since when.
    pub since: Time,
    /// Whether it may not be so any more, because the Active has not looked at every service yet.
    pub stale: bool,
}

/// What was seen of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ServiceSeen {
    /// What shows it is there.
    Present,
    /// What shows it is not there.
    Absent,
    /// Nobody looked, or nothing shows it.
    Unknown,
}

/// The matrix of hosts and types.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ServiceMapping {
    /// The types, in the order in which a cluster is started, with how many there are.
    pub types: Vec<ServiceCount>,
    /// The hosts with a service, by name.
    pub hosts: Vec<MappedHost>,
}

/// How many of a type there are.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ServiceCount {
    /// What kind.
    #[serde(rename = "type")]
    pub kind: ServiceName,
    /// What kind, for people.
    pub title: &'static str,
    /// How many are declared.
    pub expected: usize,
    /// How many are seen to be there.
    pub present: usize,
    /// How many are seen not to be there.
    pub absent: usize,
    /// How many are to run.
    pub wanted_running: usize,
    /// How many are up, as several observers say.
    pub up: usize,
    /// How many are down.
    pub down: usize,
    /// Of how many the observers contradict each other.
    pub degraded: usize,
    /// Of how many nobody can say.
    pub unknown: usize,
}

/// A host and its services.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct MappedHost {
    /// Its name.
    pub name: String,
    /// Its number, if it is registered.
    pub id: Option<u64>,
    /// Its services, in the order of the types.
    pub services: Vec<Service>,
}

/// Which services.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ServiceQuery {
    /// Only those of this type.
    r#type: Option<String>,
    /// Only those on this host.
    host: Option<String>,
    /// Most items, 1 to 500; 100 when absent.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(mapping))
}

/// Every service: each role of each host, and each Kyvos Manager. They are declared by the roles of hosts.
#[utoipa::path(get, path = "/services", operation_id = "list_services", tag = "services",
    params(ServiceQuery), responses((status = 200, body = Page<Service>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn list(
    reader: Reader<View>,
    Asked(query): Asked<ServiceQuery>,
) -> Result<Answer<Page<Service>>, Problem> {
    let window = Window::new(query.limit.as_deref(), query.after.clone())?;
    let kind = query.r#type.as_deref().map(service_named).transpose()?;
    let sight = Sight::of(&*reader.surface.group);
    reader.show(|state| {
        let all = inventory(state, |id| sight.reaches(id));
        let wanted = |service: &plan::Service| {
            kind.is_none_or(|kind| kind == service.service)
                && query.host.as_ref().is_none_or(|host| *host == service.host)
        };
        let rows =
            all.into_iter().filter(wanted).map(|service| (cursor(&service), shown(state, service)));
        let after = window.after.as_deref().unwrap_or_default();
        Ok(window.page(rows.skip_while(|(cursor, _)| cursor.as_str() <= after)))
    })
}

/// The matrix of hosts and types, with how many of each there are.
#[utoipa::path(get, path = "/services/mapping", operation_id = "get_service_mapping", tag = "services",
    responses((status = 200, body = ServiceMapping)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn mapping(reader: Reader<View>) -> Result<Answer<ServiceMapping>, Problem> {
    let sight = Sight::of(&*reader.surface.group);
    reader.show(|state| Ok(matrix(state, inventory(state, |id| sight.reaches(id)))))
}

fn matrix(state: &State, all: Vec<plan::Service>) -> ServiceMapping {
    let count = |kind: ServiceType| {
        let of = || all.iter().filter(|service| service.service == kind);
        let seen = |seen: plan::Seen| of().filter(|service| service.seen == seen).count();
        let judged = |verdict: model::Verdict| {
            let fits = |judged: &&model::Judged| judged.judgement.verdict == verdict;
            of().filter_map(|service| service.judged.as_ref()).filter(fits).count()
        };
        ServiceCount {
            kind: kind.into(),
            title: kind.title(),
            expected: of().count(),
            present: seen(plan::Seen::Present),
            absent: seen(plan::Seen::Absent),
            wanted_running: of().filter(|service| is_wanted(service)).count(),
            up: judged(model::Verdict::Up),
            down: judged(model::Verdict::Down),
            degraded: judged(model::Verdict::Degraded),
            unknown: judged(model::Verdict::Unknown),
        }
    };
    let types = ServiceType::ALL.map(count).into();
    let mut hosts: BTreeMap<String, MappedHost> = BTreeMap::new();
    for service in all {
        let (name, id) = (service.host.clone(), service.host_id.map(|id| id.0));
        let host =
            hosts.entry(name.clone()).or_insert(MappedHost { name, id, services: Vec::new() });
        host.services.push(shown(state, service));
    }
    ServiceMapping { types, hosts: hosts.into_values().collect() }
}

/// Orders as the list does: by the place of the type, then by host.
fn cursor(service: &plan::Service) -> String {
    let place = ServiceType::ALL.iter().position(|kind| *kind == service.service);
    format!("{}/{}", place.unwrap_or_default(), service.host)
}

fn is_wanted(service: &plan::Service) -> bool {
    service.wanted.as_ref().is_none_or(|wanted| wanted.want == Want::Running)
}

pub(super) fn shown(state: &State, service: plan::Service) -> Service {
    Service {
        id: service.id(),
        kind: service.service.into(),
        title: service.service.title(),
        unit: service.as_fact().map(|fact| control(state, fact.service).unit),
        revision: service.wanted.as_ref().map_or(0, |wanted| wanted.revision.0),
        wanted: ServiceWanted::of(service.wanted.as_ref()),
        verdict: service.judged.map(|judged| verdict(state, judged)),
        host: service.host,
        host_id: service.host_id.map(|id| id.0),
        seen: match service.seen {
            plan::Seen::Present => ServiceSeen::Present,
            plan::Seen::Absent => ServiceSeen::Absent,
            plan::Seen::Unknown => ServiceSeen::Unknown,
        },
        because: service.because,
        since: service.since.map(Time),
        stale: service.stale,
        coordination_master: service.master,
    }
}

fn verdict(state: &State, judged: model::Judged) -> ServiceVerdict {
    ServiceVerdict {
        verdict: judged.judgement.verdict.into(),
        because: judged.judgement.because,
        since: judged.since.into(),
        stale: verdict_freshness(state) != Freshness::Fresh,
    }
}

impl ServiceWanted {
    fn of(wanted: Option<&model::Wanted>) -> Self {
        match wanted {
            Some(wanted) => Self {
                state: wanted.want.into(),
                why: wanted.why.into(),
                by: Some(wanted.by.clone()),
                since: Some(wanted.since.into()),
            },
            None => {
                Self { state: WantName::Running, why: WhyName::Declared, by: None, since: None }
            }
        }
    }
}
