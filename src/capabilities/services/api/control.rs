//! How types of services are controlled, shown and set.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{self, ServiceType, control};
use super::service_named;
use super::wire::{ServiceName, ServiceProbe};
use crate::api::{
    Answer, Asked, Change, IfMatch, ManageServices, Nothing, Page, Paging, Path, Problem, Reader,
    Routes, View,
};
use crate::base::Revision;
use crate::machine::State;

/// How a type of service is controlled and looked at.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ServiceControl {
    /// What kind.
    #[serde(rename = "type")]
    pub kind: ServiceName,
    /// What kind, for people.
    pub title: &'static str,
    /// The unit's name on every host that runs one. What it starts is written on the host.
    pub unit: String,
    /// How is looked whether one serves.
    pub probe: ServiceProbe,
    /// Whether it is the default.
    pub is_default: bool,
    /// Revision of the last change; 0 while it is the default.
    pub revision: u64,
}

/// How a type of service is to be controlled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetServiceControl {
    /// The unit's name on every host that runs one.
    unit: String,
    /// How is looked whether one serves.
    probe: ServiceProbe,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(set, reset))
}

/// How each type is controlled, in the order in which a cluster is started.
#[utoipa::path(get, path = "/services/types", operation_id = "list_service_types", tag = "services",
    params(Paging), responses((status = 200, body = Page<ServiceControl>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn list(
    reader: Reader<View>,
    Asked(paging): Asked<Paging>,
) -> Result<Answer<Page<ServiceControl>>, Problem> {
    let window = paging.window()?;
    reader.show(|state| {
        let types = ServiceType::ALL.into_iter().filter(|service| service.role().is_some());
        let rows = types.enumerate().map(|(place, kind)| (place.to_string(), shown(state, kind)));
        let after = window.after.as_deref().unwrap_or_default();
        Ok(window.page(rows.skip_while(|(place, _)| place.as_str() <= after)))
    })
}

/// Says how a type is controlled.
#[utoipa::path(put, path = "/services/types/{type}", operation_id = "set_service_type", tag = "services",
    params(("type" = String, Path,), IfMatch), request_body = SetServiceControl,
    responses((status = 200, body = ServiceControl)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn set(
    Path(kind): Path<String>,
    change: Change<ManageServices, SetServiceControl, IfMatch>,
) -> Result<Answer<ServiceControl>, Problem> {
    let service = service_named(&kind)?;
    let SetServiceControl { unit, probe } = &change.body;
    let control = Some(model::Control { unit: unit.clone(), probe: probe.into() });
    let command = model::Command::SetControl { service, control, expect: change.expect() };
    let committed = change.propose(command, None).await?;
    let now = |state: &State| Some(shown(state, service));
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, now)))
}

/// Takes the default again.
#[utoipa::path(delete, path = "/services/types/{type}", operation_id = "reset_service_type", tag = "services",
    params(("type" = String, Path,), IfMatch), responses((status = 200, body = ServiceControl)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn reset(
    Path(kind): Path<String>,
    change: Change<ManageServices, Nothing, IfMatch>,
) -> Result<Answer<ServiceControl>, Problem> {
    let service = service_named(&kind)?;
    let expect = change.expect();
    let command = model::Command::SetControl { service, control: None, expect };
    let committed = change.propose(command, None).await?;
    let now = |state: &State| Some(shown(state, service));
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, now)))
}

fn tagged(answer: Answer<ServiceControl>) -> Answer<ServiceControl> {
    answer.tagged_by(|control| Revision(control.revision))
}

fn shown(state: &State, service: ServiceType) -> ServiceControl {
    let model::Control { unit, probe } = control(state, service);
    let set = state.services.controls.get(&service);
    ServiceControl {
        kind: service.into(),
        title: service.title(),
        unit,
        probe: (&probe).into(),
        is_default: set.is_none(),
        revision: set.map_or(0, |set| set.revision.0),
    }
}
