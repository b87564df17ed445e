//! Starting, stopping and restarting services: one, all of a type, or the cluster. Each is an operation.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{Configurations, ServiceId, ServiceType, Why, nothing_stale};
use super::service_named;
use super::wire::WhyName;
use crate::api::{Answer, Change, ManageServices, Path, Problem, Routes};
use crate::base::Refusal;
use crate::capabilities::operations::model::{Command, Kind, Order, Scope, ServiceTarget, Verb};
use crate::machine::State;

/// Why services are started or stopped.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperateServices {
    /// Why: operator, schedule or maintenance; operator when left out.
    why: Option<WhyName>,
}

/// How services are restarted, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestartServices {
    /// Why: operator, schedule or maintenance; operator when left out.
    why: Option<WhyName>,
    /// How many of a type are restarted side by side, 1 to 100; 1 when left out.
    at_once: Option<u32>,
    /// Only those that run with an older configuration than they would read now.
    #[serde(default)]
    only_stale: bool,
}

/// An operation was begun.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct ServicesBegun {
    /// Its id.
    pub operation: u64,
}

type Begun = Result<Answer<ServicesBegun>, Problem>;
type Operate = Change<ManageServices, OperateServices>;
type Restart = Change<ManageServices, RestartServices>;

pub(super) fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(start_one))
        .routes(routes!(stop_one))
        .routes(routes!(restart_one))
        .routes(routes!(start_type))
        .routes(routes!(stop_type))
        .routes(routes!(restart_type))
        .routes(routes!(start_all))
        .routes(routes!(stop_all))
        .routes(routes!(restart_all))
}

/// What is done with them.
#[derive(Clone, Copy)]
struct How {
    verb: Verb,
    why: Option<WhyName>,
    at_once: u32,
    only_stale: bool,
}

/// Which services.
enum Which {
    One(String),
    Type(String),
    Cluster,
}

/// Starts a service, and waits until it serves.
#[utoipa::path(post, path = "/services/{id}/start", operation_id = "start_service", tag = "services",
    params(("id" = String, Path,)), request_body = OperateServices,
    responses((status = 202, body = ServicesBegun)), extensions(("x-km-handled" = json!("forwarded"))))]
async fn start_one(Path(id): Path<String>, change: Operate) -> Begun {
    operate(change, Verb::Start, Which::One(id)).await
}

/// Stops a service. It is not started again by itself.
#[utoipa::path(post, path = "/services/{id}/stop", operation_id = "stop_service", tag = "services",
    params(("id" = String, Path,)), request_body = OperateServices,
    responses((status = 202, body = ServicesBegun)), extensions(("x-km-handled" = json!("forwarded"))))]
async fn stop_one(Path(id): Path<String>, change: Operate) -> Begun {
    operate(change, Verb::Stop, Which::One(id)).await
}

/// Restarts a service, and waits until it serves.
#[utoipa::path(post, path = "/services/{id}/restart", operation_id = "restart_service", tag = "services",
    params(("id" = String, Path,)), request_body = RestartServices,
    responses((status = 202, body = ServicesBegun)), extensions(("x-km-handled" = json!("forwarded"))))]
async fn restart_one(Path(id): Path<String>, change: Restart) -> Begun {
    restart(change, Which::One(id)).await
}

/// Starts every service of a type.
#[utoipa::path(post, path = "/services/types/{type}/start", operation_id = "start_service_type", tag = "services",
    params(("type" = String, Path,)), request_body = OperateServices,
    responses((status = 202, body = ServicesBegun)), extensions(("x-km-handled" = json!("forwarded"))))]
async fn start_type(Path(kind): Path<String>, change: Operate) -> Begun {
    operate(change, Verb::Start, Which::Type(kind)).await
}

/// Stops every service of a type.
#[utoipa::path(post, path = "/services/types/{type}/stop", operation_id = "stop_service_type", tag = "services",
    params(("type" = String, Path,)), request_body = OperateServices,
    responses((status = 202, body = ServicesBegun)), extensions(("x-km-handled" = json!("forwarded"))))]
async fn stop_type(Path(kind): Path<String>, change: Operate) -> Begun {
    operate(change, Verb::Stop, Which::Type(kind)).await
}

/// Restarts every service of a type, a few at a time, and no further than to the first that does not come back.
#[utoipa::path(post, path = "/services/types/{type}/restart", operation_id = "restart_service_type", tag = "services",
    params(("type" = String, Path,)), request_body = RestartServices,
    responses((status = 202, body = ServicesBegun)), extensions(("x-km-handled" = json!("forwarded"))))]
async fn restart_type(Path(kind): Path<String>, change: Restart) -> Begun {
    restart(change, Which::Type(kind)).await
}

/// Starts the cluster: ZooKeeper, Postgres, BI Servers, Query Engines, Web Portals.
#[utoipa::path(post, path = "/services/start", operation_id = "start_services", tag = "services",
    request_body = OperateServices, responses((status = 202, body = ServicesBegun)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn start_all(change: Operate) -> Begun {
    operate(change, Verb::Start, Which::Cluster).await
}

/// Stops the cluster, in the reverse order. The Kyvos Managers go on.
#[utoipa::path(post, path = "/services/stop", operation_id = "stop_services", tag = "services",
    request_body = OperateServices, responses((status = 202, body = ServicesBegun)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn stop_all(change: Operate) -> Begun {
    operate(change, Verb::Stop, Which::Cluster).await
}

/// Restarts the cluster, type by type, a few at a time, and no further than to the first that does not come back.
#[utoipa::path(post, path = "/services/restart", operation_id = "restart_services", tag = "services",
    request_body = RestartServices, responses((status = 202, body = ServicesBegun)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn restart_all(change: Restart) -> Begun {
    restart(change, Which::Cluster).await
}

async fn operate(change: Operate, verb: Verb, which: Which) -> Begun {
    let how = How { verb, why: change.body.why, at_once: 1, only_stale: false };
    begin(&change, &which, how).await
}

async fn restart(change: Restart, which: Which) -> Begun {
    let RestartServices { why, at_once, only_stale } = change.body;
    let how = How { verb: Verb::Restart, why, at_once: at_once.unwrap_or(1), only_stale };
    begin(&change, &which, how).await
}

async fn begin<T>(change: &Change<ManageServices, T>, which: &Which, how: How) -> Begun {
    if let Some(first) = change.first_answer() {
        return first.map(|committed| begun(change, committed));
    }
    let How { verb, at_once, .. } = how;
    let why = how.why.map_or(Ok(Why::Operator), WhyName::given)?;
    let (scope, targets) = change.surface.group.view(|state| chosen(state, which, how))?;
    let kind = Kind::Services(Order { verb, scope, why, targets, at_once, asked: None });
    let committed = change.propose(Command::Begin { kind }, None).await?;
    Ok(begun(change, committed))
}

fn begun<T>(
    change: &Change<ManageServices, T>,
    committed: crate::api::Committed,
) -> Answer<ServicesBegun> {
    let operation = committed.revision.0;
    committed.show(&change.surface, StatusCode::ACCEPTED, |_| Some(ServicesBegun { operation }))
}

/// The services, in the order in which it is done with them.
fn chosen(state: &State, which: &Which, how: How) -> Result<(Scope, Vec<ServiceTarget>), Problem> {
    let (mut scope, mut services): (_, Vec<ServiceId>) = match which {
        Which::One(id) => (Scope::One, vec![ServiceId::named(state, id)?]),
        Which::Type(kind) => {
            let kind: ServiceType = service_named(kind)?;
            let of_type = ServiceId::all(state).filter(|service| service.service == kind);
            (Scope::Type(kind), of_type.collect())
        }
        Which::Cluster => (Scope::Cluster, ServiceId::all(state).collect()),
    };
    if how.only_stale {
        scope = stale(state, scope, &mut services)?;
    }
    let host = |service: ServiceId| state.hosts.hosts.get(&service.host);
    let target =
        |service: ServiceId| Some(ServiceTarget { service, host: host(service)?.name.clone() });
    let mut targets: Vec<_> = services.into_iter().filter_map(target).collect();
    if how.verb == Verb::Stop {
        targets.reverse();
    }
    Ok((scope, targets))
}

/// Leaves those that run with an older configuration.
fn stale(state: &State, scope: Scope, services: &mut Vec<ServiceId>) -> Result<Scope, Refusal> {
    let who = match (scope, services.first()) {
        (Scope::One, Some(one)) => format!("{} is not", one.name(state)),
        (Scope::Type(kind), _) => format!("No {} is", kind.title()),
        _ => "No Kyvos service is".to_owned(),
    };
    let configurations = Configurations::of(state);
    services.retain(|service| !configurations.old(*service).is_empty());
    match (services.is_empty(), scope) {
        (true, _) => Err(nothing_stale(&who)),
        (false, Scope::Type(kind)) => Ok(Scope::Stale(Some(kind))),
        (false, Scope::Cluster) => Ok(Scope::Stale(None)),
        (false, Scope::One | Scope::Stale(_)) => Ok(scope),
    }
}
