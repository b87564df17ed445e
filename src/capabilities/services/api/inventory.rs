//! Which services there are, as a list and as the matrix of hosts and types.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{
    self, Configurations, Freshness, ServiceId, ServiceType, Want, busy, control, verdict_freshness,
};
use super::super::plan::{self, inventory};
use super::service_named;
use super::wire::{ServiceName, VerdictName, WantName, WhyName};
use crate::api::{Answer, Asked, Fault, Page, Problem, Reader, Routes, Sight, Time, View, Window};
use crate::base::{Revision, Timestamp};
use crate::machine::State;

/// Of so many services that are down although they are to run the names are told.
const MISSING_TOLD: usize = 5;
/// Most services that can be asked for by name at once.
const ASKED_MAX: usize = 100;

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
    /// The open operation about it.
    pub operation: Option<u64>,
    /// The properties, as `file/name`, of which it runs with older values, as far as that is known: it reads them when it is
    /// restarted.
    pub stale_properties: Vec<String>,
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

/// How many services of each type there are, and how the cluster stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ServiceCounts {
    /// How the cluster stands.
    pub cluster: KyvosCluster,
    /// The types, in the order in which a cluster is started.
    pub types: Vec<ServiceCount>,
}

/// The matrix of hosts and types.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ServiceMapping {
    /// How the cluster stands.
    pub cluster: KyvosCluster,
    /// The types, in the order in which a cluster is started, with how many there are.
    pub types: Vec<ServiceCount>,
    /// The hosts with a service, by name.
    pub hosts: Vec<MappedHost>,
}

/// How the cluster of Kyvos services stands: its BI Servers and Query Engines together, which it is there for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct KyvosCluster {
    /// In a word.
    pub state: KyvosClusterState,
    /// Why, in sentences.
    pub because: String,
    /// The open operation that starts, stops or restarts some of it.
    pub operation: Option<u64>,
    /// Whether it may not be so any more, because the Active has not looked at every service yet.
    pub stale: bool,
}

/// How the cluster of Kyvos services stands, in a word. What is to run is what is wanted, and of what an open operation is about
/// what that is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum KyvosClusterState {
    /// All BI Servers and Query Engines that are to run are up, or restarted a few at a time while others of their type serve.
    Running,
    /// None is to run, because an operator or a schedule wants that, and none is seen to be up.
    Suspended,
    /// All that are to run and are not up are being started; or nothing is up yet, and something is being started.
    Starting,
    /// None is to run any more, and those that are still up are being stopped.
    Stopping,
    /// Some are up and some are not, other than wanted, and no start or stop explains it.
    PartlyRunning,
    /// Some are to run, all of those are down, and nothing starts them.
    Down,
    /// There are none, nobody has looked at any yet, or none is seen to be up and not of each can be said that it is down.
    Unknown,
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
    /// How many are down although they are to run.
    pub missing: usize,
    /// The first of them by host, as `type.host`; at most 5.
    pub missing_first: Vec<String>,
    /// How many are up although they are to be stopped.
    pub still_up: usize,
    /// How many run with an older configuration than they would read now.
    pub with_stale_properties: usize,
    /// Whether that may not be so any more, because not every one was looked at since.
    pub stale: bool,
    /// How many are up, as several observers say.
    pub up: usize,
    /// How many are down.
    pub down: usize,
    /// Of how many the observers contradict each other.
    pub degraded: usize,
    /// Of how many nobody can say.
    pub unknown: usize,
    /// Of BI Servers the Coordination Master, as `type.host`, as ZooKeeper last showed it; null: none is seen, or it is another type.
    pub coordination_master: Option<String>,
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
    /// Only these: names as `type.host`, at most 100, with commas between them. Whatever is no service is left out.
    id: Option<String>,
    /// Most items, 1 to 500; 100 when absent.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

impl ServiceQuery {
    /// The names that are asked for; `None`: of any name.
    fn names(&self) -> Result<Option<BTreeSet<&str>>, Problem> {
        let Some(text) = &self.id else { return Ok(None) };
        let names: BTreeSet<_> = text.split(',').collect();
        if names.len() > ASKED_MAX {
            let rule = format!("id must hold at most {ASKED_MAX} names.");
            return Err(Problem::new(Fault::MalformedQuery, rule));
        }
        Ok(Some(names))
    }
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(counts)).routes(routes!(mapping))
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
    let names = query.names()?;
    let sight = Sight::of(&*reader.surface.group);
    reader.show(|state| {
        let all = inventory(state, |id| sight.reaches(id));
        let wanted = |service: &plan::Service| {
            kind.is_none_or(|kind| kind == service.service)
                && query.host.as_ref().is_none_or(|host| host == service.host)
                && names.as_ref().is_none_or(|names| names.contains(service.id().as_str()))
        };
        let desk = Desk::of(state);
        let rows =
            all.into_iter().filter(wanted).map(|service| (cursor(&service), desk.shown(service)));
        let after = window.after.as_deref().unwrap_or_default();
        Ok(window.page(rows.skip_while(|(cursor, _)| cursor.as_str() <= after)))
    })
}

/// The matrix of hosts and types, with how many of each there are.
#[utoipa::path(get, path = "/services/mapping", operation_id = "get_service_mapping", tag = "services",
    responses((status = 200, body = ServiceMapping)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn mapping(reader: Reader<View>) -> Result<Answer<ServiceMapping>, Problem> {
    let (sight, now) = (Sight::of(&*reader.surface.group), reader.surface.group.now());
    reader.show(|state| Ok(matrix(state, now, inventory(state, |id| sight.reaches(id)))))
}

/// How many of each type there are, wanted and up, and how the cluster stands: what an overview shows, however many services there are.
#[utoipa::path(get, path = "/services/counts", operation_id = "count_services", tag = "services",
    responses((status = 200, body = ServiceCounts)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn counts(reader: Reader<View>) -> Result<Answer<ServiceCounts>, Problem> {
    let (sight, now) = (Sight::of(&*reader.surface.group), reader.surface.group.now());
    reader.show(|state| {
        let types = counted(state, &inventory(state, |id| sight.reaches(id)));
        Ok(ServiceCounts { cluster: KyvosCluster::of(state, now), types })
    })
}

fn counted(state: &State, all: &[plan::Service<'_>]) -> Vec<ServiceCount> {
    let judged_long_ago = verdict_freshness(state) != Freshness::Fresh;
    let configurations = Configurations::of(state);
    let is_master =
        |service: &&plan::Service| service.master && service.service == ServiceType::BiServer;
    let is_stale = |service: &&plan::Service| {
        service.as_fact().is_some_and(|fact| !configurations.old(fact).is_empty())
    };
    let count = |kind: ServiceType| {
        let of = || all.iter().filter(|service| service.service == kind);
        let seen = |seen: plan::Seen| of().filter(|service| service.seen == seen).count();
        let wanted = || of().filter(|service| is_wanted(service));
        let judged = |verdict| of().filter(|service| is_judged(service, verdict)).count();
        let up = judged(model::Verdict::Up);
        let is_up = |service: &&plan::Service| is_judged(service, model::Verdict::Up);
        let is_down = |service: &&plan::Service| is_judged(service, model::Verdict::Down);
        ServiceCount {
            kind: kind.into(),
            title: kind.title(),
            expected: of().count(),
            present: seen(plan::Seen::Present),
            absent: seen(plan::Seen::Absent),
            wanted_running: wanted().count(),
            missing: wanted().filter(is_down).count(),
            missing_first: names(wanted().filter(is_down), MISSING_TOLD),
            still_up: up - wanted().filter(is_up).count(),
            with_stale_properties: of().filter(is_stale).count(),
            stale: of().any(|service| match service.judged {
                Some(_) => judged_long_ago,
                None => service.stale,
            }),
            up,
            down: judged(model::Verdict::Down),
            degraded: judged(model::Verdict::Degraded),
            unknown: judged(model::Verdict::Unknown),
            coordination_master: of().find(is_master).map(plan::Service::id),
        }
    };
    ServiceType::ALL.map(count).into()
}

fn names<'s>(services: impl Iterator<Item = &'s plan::Service<'s>>, most: usize) -> Vec<String> {
    services.take(most).map(plan::Service::id).collect()
}

fn is_judged(service: &plan::Service<'_>, verdict: model::Verdict) -> bool {
    service.judged.is_some_and(|judged| judged.judgement.verdict == verdict)
}

fn matrix(state: &State, now: Timestamp, all: Vec<plan::Service<'_>>) -> ServiceMapping {
    let types = counted(state, &all);
    let desk = Desk::of(state);
    let mut hosts: BTreeMap<&str, MappedHost> = BTreeMap::new();
    for service in all {
        let (name, id) = (service.host, service.host_id.map(|id| id.0));
        let new = || MappedHost { name: name.to_owned(), id, services: Vec::new() };
        hosts.entry(name).or_insert_with(new).services.push(desk.shown(service));
    }
    let cluster = KyvosCluster::of(state, now);
    ServiceMapping { cluster, types, hosts: hosts.into_values().collect() }
}

/// Orders as the list does: by the place of the type, then by host.
fn cursor(service: &plan::Service<'_>) -> String {
    let place = ServiceType::ALL.iter().position(|kind| *kind == service.service);
    format!("{}/{}", place.unwrap_or_default(), service.host)
}

fn is_wanted(service: &plan::Service<'_>) -> bool {
    service.wanted.is_none_or(|wanted| wanted.want == Want::Running)
}

/// What is looked up once for all services that are shown.
pub(super) struct Desk<'s> {
    state: &'s State,
    /// What open operations are about.
    busy: BTreeMap<ServiceId, Revision>,
    configurations: Configurations<'s>,
}

impl<'s> Desk<'s> {
    pub(super) fn of(state: &'s State) -> Self {
        Self { state, busy: busy(state), configurations: Configurations::of(state) }
    }

    pub(super) fn shown(&self, service: plan::Service<'_>) -> Service {
        let fact = service.as_fact();
        let old = fact.map(|fact| self.configurations.old(fact)).unwrap_or_default();
        Service {
            id: service.id(),
            kind: service.service.into(),
            title: service.service.title(),
            unit: fact.map(|fact| control(self.state, fact.service).unit),
            operation: fact.and_then(|fact| self.busy.get(&fact)).map(|id| id.0),
            stale_properties: old.into_iter().map(str::to_owned).collect(),
            revision: service.wanted.map_or(0, |wanted| wanted.revision.0),
            wanted: ServiceWanted::of(service.wanted),
            verdict: service.judged.map(|judged| verdict(self.state, judged)),
            host: service.host.to_owned(),
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
}

impl KyvosCluster {
    fn of(state: &State, now: Timestamp) -> Self {
        let plan::Cluster { state: word, because, operation } = plan::cluster(state, now);
        Self {
            state: word.into(),
            because,
            operation: operation.map(|id| id.0),
            stale: verdict_freshness(state) != Freshness::Fresh,
        }
    }
}

impl From<plan::ClusterState> for KyvosClusterState {
    fn from(word: plan::ClusterState) -> Self {
        match word {
            plan::ClusterState::Running => Self::Running,
            plan::ClusterState::Suspended => Self::Suspended,
            plan::ClusterState::Starting => Self::Starting,
            plan::ClusterState::Stopping => Self::Stopping,
            plan::ClusterState::PartlyRunning => Self::PartlyRunning,
            plan::ClusterState::Down => Self::Down,
            plan::ClusterState::Unknown => Self::Unknown,
        }
    }
}

fn verdict(state: &State, judged: &model::Judged) -> ServiceVerdict {
    ServiceVerdict {
        verdict: judged.judgement.verdict.into(),
        because: judged.judgement.because.clone(),
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
