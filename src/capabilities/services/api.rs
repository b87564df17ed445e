//! Kyvos services over HTTP: how ZooKeeper is watched, what it shows, and what its znodes mean.

mod access;
mod control;
mod discovery;
mod ha;
mod inventory;
mod operate;
mod profile;
mod schedules;
mod service;
mod windows;
mod wire;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::wire::{MarksName, ServiceName};
use super::model::{
    self, Freshness, ServiceId, Sighted, Sighting, Standing, Watch, ensemble, freshness,
    undeclared, wanted, weakness,
};
use crate::api::{Answer, Asked, Page, Problem, Reader, Routes, Time, View, Window};
use crate::base::{Code, Refusal};
use crate::machine::State;

/// Most services that the live feed names of one event; whoever wants all looks.
const NAMED_MAX: usize = 20;
/// Of so many services that nobody declared the names are told.
const UNDECLARED_TOLD: usize = 5;

/// How the watch of ZooKeeper stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ServiceWatch {
    /// Whether it stands.
    pub state: WatchState,
    /// Why it does not.
    pub because: Option<String>,
    /// Since when it is so; null: it never was.
    pub since: Option<Time>,
    /// Whether what was seen may not be so any more.
    pub stale: bool,
    /// Since when nobody has looked; null while it is not stale, or nobody ever did.
    pub stale_since: Option<Time>,
    /// The servers of the ensemble, as each was last seen.
    pub servers: Vec<ZookeeperServer>,
    /// How many of them serve.
    pub serving: usize,
    /// What speaks against the size of the ensemble; null: nothing.
    pub warning: Option<String>,
    /// What cannot be seen although the watch stands.
    pub troubles: Vec<String>,
    /// How many znodes are seen that stand for services.
    pub sightings: usize,
    /// Of how many services that znodes stand for nobody here knows: by the name they tell no host is registered, or none with
    /// that role. Either the host is to be registered, or what znodes mean is wrong.
    pub undeclared: usize,
    /// The first of them, as `type.host`; at most 5.
    pub undeclared_first: Vec<String>,
    /// Whether somebody has checked what znodes mean against a real cluster.
    pub profile_verified: bool,
}

/// Whether the watch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WatchState {
    /// No Active has told yet.
    Never,
    /// Nobody wants one.
    Off,
    /// ZooKeeper does not answer, or not to us.
    Away,
    /// It stands.
    Watching,
}

/// A ZooKeeper server as the Active sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ZookeeperServer {
    /// `host:port`.
    pub address: String,
    /// Whether it serves.
    pub serves: bool,
    /// Its own word for what it is: leader, follower, observer or standalone.
    pub mode: Option<String>,
    /// Why it does not serve.
    pub because: Option<String>,
}

/// A service, as a znode shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ServiceSighting {
    /// The path of the znode.
    pub path: String,
    /// Which service it stands for.
    pub service: ServiceName,
    /// What it means that it is there.
    pub marks: MarksName,
    /// On which host, as the znode calls it; empty when it does not say.
    pub host: String,
    /// The registered host of that name.
    pub host_id: Option<u64>,
    /// At which port.
    pub port: Option<u16>,
    /// Whether the znode is there. One that went is shown for a while.
    pub present: bool,
    /// Since when it is there, or gone.
    pub since: Time,
    /// Whether the znode goes with the session that made it.
    pub ephemeral: bool,
    /// Whether it may not be so any more, because nobody has looked since.
    pub stale: bool,
    /// What is wrong with the znode.
    pub trouble: Option<String>,
}

/// Which sightings.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SightingQuery {
    /// Only those of this service.
    service: Option<String>,
    /// Only those on this host.
    host: Option<String>,
    /// Most items, 1 to 500; 100 when absent.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// The routes of this room.
pub(crate) fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(watch))
        .routes(routes!(sightings))
        .merge(inventory::routes())
        .merge(service::routes())
        .merge(control::routes())
        .merge(operate::routes())
        .merge(ha::routes())
        .merge(windows::routes())
        .merge(schedules::routes())
        .merge(profile::routes())
        .merge(access::routes())
        .merge(discovery::routes())
}

/// What the live feed tells of an event: kind, subject and data.
pub(crate) fn notice(
    event: &model::Event,
    state: &State,
) -> (&'static str, String, serde_json::Value) {
    let (kind, subject, mut told) = news(event);
    if let Some(only) = only(event, state) {
        told["only"] = only.into_iter().collect();
    }
    (kind, subject, told)
}

/// The services, as `type.host`, that alone read differently since an event; `None`: others may as well, or they are many.
fn only(event: &model::Event, state: &State) -> Option<BTreeSet<String>> {
    let few = |many: usize| (many <= NAMED_MAX).then_some(());
    let name = |service: &ServiceId| service.name(state);
    match event {
        model::Event::WantedSet { services, .. } => {
            few(services.len())?;
            Some(services.iter().map(name).collect())
        }
        // With the first whole look of a tenure nothing is stale any more.
        model::Event::VerdictsNoted { judged, whole: None, started_with, .. } => {
            few(judged.len() + started_with.len())?;
            let judged = judged.iter().map(|(service, _)| service);
            Some(judged.chain(started_with.iter().map(|(service, _)| service)).map(name).collect())
        }
        model::Event::SightingsNoted { seen, gone } => {
            few(seen.len() + gone.len())?;
            let seen = seen.iter().map(|(_, sighted)| Some(sighted));
            let gone = gone.iter().map(|path| Some(&state.services.sightings.get(path)?.sighted));
            let mut names = BTreeSet::new();
            for sighted in seen.chain(gone) {
                names.extend(declared(sighted?, state));
            }
            Some(names)
        }
        _ => None,
    }
}

/// The service that a znode stands for. What nobody declared is none, and is nowhere among them.
fn declared(sighted: &Sighted, state: &State) -> Option<String> {
    let name = format!("{}.{}", sighted.service.as_str(), sighted.host);
    ServiceId::named(state, &name).is_ok().then_some(name)
}

fn news(event: &model::Event) -> (&'static str, String, serde_json::Value) {
    use serde_json::json;
    let subject = |name: &str| name.to_owned();
    match event {
        model::Event::ProfileSet { profile } => {
            ("profile_set", subject("profile"), json!({ "is_default": profile.is_none() }))
        }
        model::Event::AccessSet { .. } => ("access_set", subject("zookeeper"), json!({})),
        model::Event::WatchNoted { standing, .. } => {
            ("watch_noted", subject("zookeeper"), json!({ "state": watch_state(standing) }))
        }
        model::Event::SightingsNoted { seen, gone } => {
            let counts = json!({ "seen": seen.len(), "gone": gone.len() });
            ("sightings_noted", subject("zookeeper"), counts)
        }
        model::Event::DiscoveryAsked { root } => {
            ("discovery_asked", subject("zookeeper"), json!({ "root": root }))
        }
        model::Event::DiscoveryNoted { asked, znodes, .. } => {
            let told = json!({ "asked": asked.0, "znodes": znodes.len() });
            ("discovery_noted", subject("zookeeper"), told)
        }
        model::Event::ControlSet { service, control } => {
            let told = json!({ "is_default": control.is_none() });
            ("control_set", subject(service.as_str()), told)
        }
        model::Event::WantedSet { services, want, why, .. } => {
            let hosts: Vec<_> = services.iter().take(NAMED_MAX).map(named).collect();
            let told = json!({
                "state": want.as_str(), "why": why.as_str(), "count": services.len(), "services": hosts,
            });
            ("wanted_set", subject("services"), told)
        }
        model::Event::VerdictsNoted { judged, .. } => {
            let told = |(service, judgement): &(ServiceId, model::Judgement)| {
                let mut told = named(service);
                told["verdict"] = judgement.verdict.as_str().into();
                told
            };
            let changed: Vec<_> = judged.iter().take(NAMED_MAX).map(told).collect();
            let told = json!({ "count": judged.len(), "changed": changed });
            ("verdicts_noted", subject("services"), told)
        }
        model::Event::HaSet { settings } => {
            ("ha_set", subject("services-ha"), json!({ "is_default": settings.is_none() }))
        }
        model::Event::WindowOpened { .. } => ("window_opened", subject("services-ha"), json!({})),
        model::Event::WindowClosed { id } => ("window_closed", id.to_string(), json!({})),
        model::Event::RecoveriesAcknowledged { service } => {
            ("acknowledged", subject("services"), named(service))
        }
        model::Event::RecoveryDecided { of, on, .. } => {
            let mut told = named(of);
            told["on_host_id"] = on.host.0.into();
            ("recovery_decided", subject("services"), told)
        }
        model::Event::RecoverySettled { of, end } => {
            let mut told = named(of);
            told["end"] = end.as_str().into();
            ("recovery_settled", subject("services"), told)
        }
        model::Event::ScheduleSet { setting, .. } => {
            ("schedule_set", subject("schedules"), json!({ "name": setting.name }))
        }
        model::Event::ScheduleRemoved { id } => ("schedule_removed", id.to_string(), json!({})),
        model::Event::ScheduleDue { id, .. } => ("schedule_due", id.to_string(), json!({})),
        model::Event::ScheduleSettled { id, .. } => ("schedule_settled", id.to_string(), json!({})),
        model::Event::AtRestNoted { started_with } => {
            ("at_rest_noted", subject("services"), json!({ "count": started_with.len() }))
        }
    }
}

fn named(service: &ServiceId) -> serde_json::Value {
    serde_json::json!({ "type": service.service.as_str(), "host_id": service.host.0 })
}

/// How the watch of ZooKeeper stands. Kyvos Manager HA does not depend on it.
#[utoipa::path(get, path = "/services/watch", operation_id = "get_service_watch", tag = "services",
    responses((status = 200, body = ServiceWatch)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn watch(reader: Reader<View>) -> Result<Answer<ServiceWatch>, Problem> {
    reader.show(|state| Ok(at_a_glance(state)))
}

/// What ZooKeeper shows of services, znode by znode.
#[utoipa::path(get, path = "/services/sightings", operation_id = "list_service_sightings", tag = "services",
    params(SightingQuery), responses((status = 200, body = Page<ServiceSighting>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn sightings(
    reader: Reader<View>,
    Asked(query): Asked<SightingQuery>,
) -> Result<Answer<Page<ServiceSighting>>, Problem> {
    let window = Window::new(query.limit.as_deref(), query.after.clone())?;
    let service = query.service.as_deref().map(service_named).transpose()?;
    reader.show(|state| {
        let stale = freshness(state) != Freshness::Fresh;
        let after = window.after.as_deref().unwrap_or_default();
        let wanted = |sighting: &Sighting| {
            let host = query.host.as_ref().is_none_or(|host| *host == sighting.sighted.host);
            host && service.is_none_or(|service| service == sighting.sighted.service)
        };
        let rows = state.services.sightings.iter();
        let rows = rows.filter(|(path, known)| path.as_str() > after && wanted(known));
        Ok(window.page(rows.map(|(path, known)| (path.clone(), shown(state, path, known, stale)))))
    })
}

fn service_named(name: &str) -> Result<model::ServiceType, Problem> {
    let unknown = || {
        let detail = format!("There is no service type {name}.");
        Refusal::new(Code::InvalidValue, detail).into()
    };
    model::ServiceType::named(name).ok_or_else(unknown)
}

fn at_a_glance(state: &State) -> ServiceWatch {
    let facts = &state.services;
    let watch = facts.watch.as_ref();
    let fresh = freshness(state);
    let servers: Vec<_> = watch.into_iter().flat_map(|watch| &watch.servers).map(server).collect();
    let size = if wanted(state).is_ok() { ensemble(state).len() } else { 0 };
    let undeclared = undeclared(state);
    ServiceWatch {
        state: watch.map_or(WatchState::Never, |watch| watch_state(&watch.standing)),
        because: watch.and_then(because),
        since: watch.map(|watch| watch.since.into()),
        stale: fresh != Freshness::Fresh,
        stale_since: match fresh {
            Freshness::StaleSince(at) => Some(at.into()),
            Freshness::Fresh | Freshness::Never => None,
        },
        serving: servers.iter().filter(|server| server.serves).count(),
        servers,
        warning: weakness(size),
        troubles: watch.map(|watch| watch.troubles.clone()).unwrap_or_default(),
        sightings: facts.sightings.values().filter(|known| known.present).count(),
        undeclared: undeclared.len(),
        undeclared_first: undeclared.into_iter().take(UNDECLARED_TOLD).collect(),
        profile_verified: facts.profile().verified,
    }
}

fn watch_state(standing: &Standing) -> WatchState {
    match standing {
        Standing::Off { .. } => WatchState::Off,
        Standing::Away { .. } => WatchState::Away,
        Standing::Watching => WatchState::Watching,
    }
}

fn because(watch: &Watch) -> Option<String> {
    match &watch.standing {
        Standing::Off { because } | Standing::Away { because } => Some(because.clone()),
        Standing::Watching => None,
    }
}

fn server(server: &model::Server) -> ZookeeperServer {
    ZookeeperServer {
        address: server.address.clone(),
        serves: server.serves.is_ok(),
        mode: server.serves.as_ref().ok().cloned(),
        because: server.serves.as_ref().err().cloned(),
    }
}

fn shown(state: &State, path: &str, sighting: &Sighting, stale: bool) -> ServiceSighting {
    let Sighting { sighted, present, since } = sighting;
    ServiceSighting {
        path: path.to_owned(),
        service: sighted.service.into(),
        marks: sighted.marks.into(),
        host: sighted.host.clone(),
        host_id: state.hosts.named(&sighted.host).ok().map(|(id, _)| id.0),
        port: sighted.port,
        present: *present,
        since: (*since).into(),
        ephemeral: sighted.ephemeral,
        stale,
        trouble: sighted.trouble.clone(),
    }
}
