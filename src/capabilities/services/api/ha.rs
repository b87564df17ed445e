//! Services HA: whether and how what went down is started again by itself, and why it is or is not.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{self, Desk, Reason, ServiceId, ServiceType, Settings};
use super::wire::{ReasonName, ServiceName};
use crate::api::{
    Answer, Asked, Change, IfMatch, ManageServices, Nothing, Page, Path, Problem, Reader, Routes,
    Time, View, Window,
};
use crate::base::{Code, Refusal, Revision, Timestamp};
use crate::machine::State;

/// Whether and how something is done by itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ServicesHa {
    /// Whether anything at all is done by itself.
    pub automation: bool,
    /// Whether services of this cluster are started again by themselves.
    pub enabled: bool,
    /// Each type, and whether its services are, if the cluster's are.
    pub types: Vec<ServicesHaType>,
    /// How long one is down before something is done.
    pub settle_seconds: u64,
    /// How many restarts there may be within a while, before a person has to look.
    pub restarts_max: u32,
    /// Within which.
    pub within_seconds: u64,
    /// How long is waited after the first restart before the second; twice as long before each further one.
    pub pause_seconds: u64,
    /// How long a host is silent before a standby takes the place of its service.
    pub host_gone_seconds: u64,
    /// Services that are started only in the place of another of their type, whose host is gone. One that is no service any
    /// more, as its host lost the role or was removed, is not told, and let go with the next change.
    pub standbys: Vec<String>,
    /// Whether it is the default.
    pub is_default: bool,
    /// Revision of the last change; 0 while it is the default.
    pub revision: u64,
}

/// A type, and whether its services are started again by themselves.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ServicesHaType {
    /// What kind.
    #[serde(rename = "type")]
    pub kind: ServiceName,
    /// What kind, for people.
    pub title: &'static str,
    /// Whether they are.
    pub enabled: bool,
}

/// Whether and how something is to be done by itself. What is left out is as by default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetServicesHa {
    /// Whether anything at all is; true when left out.
    automation: Option<bool>,
    /// Whether services of this cluster are.
    enabled: bool,
    /// Types that are left alone all the same.
    #[serde(default)]
    off_types: Vec<ServiceName>,
    /// How long one is down before something is done, 0 to 3600.
    settle_seconds: Option<u64>,
    /// How many restarts there may be within a while, 1 to 20.
    restarts_max: Option<u32>,
    /// Within which, 60 to 86400.
    within_seconds: Option<u64>,
    /// How long is waited between the first two, 1 to 300.
    pause_seconds: Option<u64>,
    /// How long a host is silent before a standby is started, 10 to 86400.
    host_gone_seconds: Option<u64>,
    /// Services that stand by, such as bi_server.km5.
    #[serde(default)]
    standbys: Vec<String>,
}

/// How a service stands with Services HA.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ServiceStanding {
    /// Its name: `type.host`.
    pub id: String,
    /// What kind.
    #[serde(rename = "type")]
    pub kind: ServiceName,
    /// The name of its host.
    pub host: String,
    /// Its host.
    pub host_id: u64,
    /// Why something or nothing is done about it now.
    pub reason: ReasonName,
    /// The same in a sentence.
    pub because: String,
    /// Until when it is so at most; null: that depends on something else than time.
    pub until: Option<Time>,
    /// How many times it was restarted lately, since somebody acknowledged it.
    pub restarts: usize,
    /// When it was last restarted by itself; null: never.
    pub last_restart: Option<Time>,
    /// Whether it was restarted so often that a person has to look before it is again.
    pub held: bool,
    /// The open operation about it.
    pub operation: Option<u64>,
}

/// Which services.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct StandingQuery {
    /// Only those about which something or nothing is done for this reason.
    reason: Option<String>,
    /// Only those on this host.
    host: Option<String>,
    /// Only those of which there is something to be known: neither up, nor stopped because somebody wants that.
    notable: Option<bool>,
    /// Most items, 1 to 500; 100 when absent.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(get, set, reset))
        .routes(routes!(standings))
        .routes(routes!(acknowledge))
}

/// Whether and how what went down is started again by itself.
#[utoipa::path(get, path = "/services/ha", operation_id = "get_services_ha", tag = "services",
    responses((status = 200, body = ServicesHa)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn get(reader: Reader<View>) -> Result<Answer<ServicesHa>, Problem> {
    reader.show(|state| Ok(shown(state))).map(tagged)
}

/// Says whether and how what goes down is started again by itself.
#[utoipa::path(put, path = "/services/ha", operation_id = "set_services_ha", tag = "services",
    params(IfMatch), request_body = SetServicesHa, responses((status = 200, body = ServicesHa)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn set(
    change: Change<ManageServices, SetServicesHa, IfMatch>,
) -> Result<Answer<ServicesHa>, Problem> {
    let settings = change.surface.group.view(|state| settings(state, &change.body))?;
    let command = model::Command::SetHa { settings: Some(settings), expect: change.expect() };
    let committed = change.propose(command, None).await?;
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, |state| Some(shown(state)))))
}

/// Takes the default again: nothing is started by itself.
#[utoipa::path(delete, path = "/services/ha", operation_id = "reset_services_ha", tag = "services",
    params(IfMatch), responses((status = 200, body = ServicesHa)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn reset(
    change: Change<ManageServices, Nothing, IfMatch>,
) -> Result<Answer<ServicesHa>, Problem> {
    let command = model::Command::SetHa { settings: None, expect: change.expect() };
    let committed = change.propose(command, None).await?;
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, |state| Some(shown(state)))))
}

/// Every service but the Kyvos Managers, and why something or nothing is done about it by itself.
#[utoipa::path(get, path = "/services/ha/services", operation_id = "list_services_ha_standings",
    tag = "services", params(StandingQuery),
    responses((status = 200, body = Page<ServiceStanding>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn standings(
    reader: Reader<View>,
    Asked(query): Asked<StandingQuery>,
) -> Result<Answer<Page<ServiceStanding>>, Problem> {
    let window = Window::new(query.limit.as_deref(), query.after.clone())?;
    let reason = query.reason.as_deref().map(reason_named).transpose()?;
    let notable = query.notable.unwrap_or_default();
    let now = reader.surface.group.now();
    reader.show(|state| {
        let desk = Desk::of(state, now);
        let on_host = |service: &ServiceId| {
            let name = state.hosts.hosts.get(&service.host).map(|host| &host.name);
            query.host.is_none() || query.host.as_ref() == name
        };
        let there = ServiceId::all(state).filter(on_host);
        let all = there.map(|service| (service, desk.standing(service)));
        let wanted = all.filter(|(_, model::HaStanding { reason: why, .. })| {
            reason.is_none_or(|it| it == *why) && (!notable || why.is_notable())
        });
        let rows = wanted.map(|(service, standing)| {
            let row = row(state, &desk, now, service, standing);
            (cursor(service, &row.host), row)
        });
        let after = window.after.as_deref().unwrap_or_default();
        Ok(window.page(rows.skip_while(|(cursor, _)| cursor.as_str() <= after)))
    })
}

/// Says that somebody has looked why a service was restarted so often, or its recovery called off. It is recovered again.
#[utoipa::path(post, path = "/services/{id}/acknowledge", operation_id = "acknowledge_service",
    tag = "services", params(("id" = String, Path,)),
    responses((status = 200, body = ServiceStanding)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn acknowledge(
    Path(id): Path<String>,
    change: Change<ManageServices, Nothing>,
) -> Result<Answer<ServiceStanding>, Problem> {
    let service = change.surface.group.view(|state| ServiceId::named(state, &id))?;
    let committed = change.propose(model::Command::Acknowledge { service }, None).await?;
    let now = change.surface.group.now();
    Ok(committed.show(&change.surface, StatusCode::OK, |state| {
        let desk = Desk::of(state, now);
        let standing = desk.standing(service);
        service.exists(state).then(|| row(state, &desk, now, service, standing))
    }))
}

fn tagged(answer: Answer<ServicesHa>) -> Answer<ServicesHa> {
    answer.tagged_by(|ha| Revision(ha.revision))
}

fn reason_named(name: &str) -> Result<Reason, Problem> {
    let unknown = || {
        let detail = format!("There is no reason {name}.");
        Refusal::new(Code::InvalidValue, detail).into()
    };
    Reason::named(name).ok_or_else(unknown)
}

fn settings(state: &State, body: &SetServicesHa) -> Result<Settings, Refusal> {
    let usual = Settings::default();
    let ms = |given: Option<u64>, usual: u64| {
        given.map_or(usual, |seconds| seconds.saturating_mul(1_000))
    };
    let standbys: Result<BTreeSet<_>, _> =
        body.standbys.iter().map(|name| ServiceId::named(state, name)).collect();
    Ok(Settings {
        automation: body.automation.unwrap_or(usual.automation),
        enabled: body.enabled,
        off: body.off_types.iter().map(|kind| ServiceType::from(*kind)).collect(),
        settle_ms: ms(body.settle_seconds, usual.settle_ms),
        restarts_max: body.restarts_max.unwrap_or(usual.restarts_max),
        within_ms: ms(body.within_seconds, usual.within_ms),
        pause_ms: ms(body.pause_seconds, usual.pause_ms),
        host_gone_ms: ms(body.host_gone_seconds, usual.host_gone_ms),
        standbys: standbys?,
    })
}

fn shown(state: &State) -> ServicesHa {
    let (settings, set) = (state.services.ha.settings(), &state.services.ha.settings);
    let types = ServiceType::ALL.into_iter().filter(|kind| kind.role().is_some());
    let kind = |kind: ServiceType| ServicesHaType {
        kind: kind.into(),
        title: kind.title(),
        enabled: !settings.off.contains(&kind),
    };
    // One whose host or role is gone stands by no more: whoever sets what was read lets it go.
    let standbys = settings.standbys.iter().filter(|standby| standby.exists(state));
    ServicesHa {
        automation: settings.automation,
        enabled: settings.enabled,
        types: types.map(kind).collect(),
        settle_seconds: settings.settle_ms / 1_000,
        restarts_max: settings.restarts_max,
        within_seconds: settings.within_ms / 1_000,
        pause_seconds: settings.pause_ms / 1_000,
        host_gone_seconds: settings.host_gone_ms / 1_000,
        standbys: standbys.map(|standby| standby.name(state)).collect(),
        is_default: set.is_none(),
        revision: set.as_ref().map_or(0, |set| set.revision.0),
    }
}

/// Orders as the services do: by the place of the type, then by host.
fn cursor(service: ServiceId, host: &str) -> String {
    let place = ServiceType::ALL.iter().position(|kind| *kind == service.service);
    format!("{}/{host}", place.unwrap_or_default())
}

fn row(
    state: &State,
    desk: &Desk<'_>,
    now: Timestamp,
    service: ServiceId,
    standing: model::HaStanding,
) -> ServiceStanding {
    let ha = &state.services.ha;
    let (known, settings) = (ha.recoveries.get(&service), ha.settings());
    let host = state.hosts.hosts.get(&service.host);
    ServiceStanding {
        id: service.name(state),
        kind: service.service.into(),
        host: host.map(|host| host.name.clone()).unwrap_or_default(),
        host_id: service.host.0,
        reason: standing.reason.into(),
        because: standing.because,
        until: standing.until.map(Time),
        restarts: known.map_or(0, |known| known.lately(&settings, now)),
        last_restart: known.map(|known| known.last.at.into()),
        held: known.is_some_and(|known| known.held(&settings)),
        operation: desk.operation(service).map(|id| id.0),
    }
}
