//! Maintenance windows: when nothing is done by itself.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{self, Scope, ServiceId};
use super::wire::ServiceName;
use crate::api::{
    Answer, Asked, Change, ManageServices, Nothing, Page, Paging, Path, Problem, Reader, Routes,
    Time, View,
};
use crate::base::{Code, Refusal, Revision, Timestamp};
use crate::machine::State;

/// When nothing is done by itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct MaintenanceWindow {
    /// Its id.
    pub id: u64,
    /// Only with services of this type.
    #[serde(rename = "type")]
    pub kind: Option<ServiceName>,
    /// Only with services on this host.
    pub host: Option<String>,
    /// Only with this service. Without type, host and service: with all of them.
    pub service: Option<String>,
    /// From when on.
    pub from: Time,
    /// Until when.
    pub until: Time,
    /// Whether it is open now.
    pub open: bool,
    /// Why, for people.
    pub note: String,
    /// Who said so.
    pub by: String,
}

/// When nothing is to be done by itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenMaintenanceWindow {
    /// Only with services of this type. Of type, host and service at most one is given; with none of them all are meant.
    #[serde(rename = "type")]
    kind: Option<ServiceName>,
    /// Only with services on the host of this name.
    host: Option<String>,
    /// Only with this service.
    service: Option<String>,
    /// From when on, as RFC 3339; now when left out.
    from: Option<String>,
    /// Until when, as RFC 3339; at most 31 days after it begins.
    until: String,
    /// Why, for people.
    #[serde(default)]
    note: String,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(list, open)).routes(routes!(close))
}

/// The maintenance windows that are open or to come, and some that are over.
#[utoipa::path(get, path = "/services/ha/windows", operation_id = "list_maintenance_windows",
    tag = "services", params(Paging), responses((status = 200, body = Page<MaintenanceWindow>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn list(
    reader: Reader<View>,
    Asked(paging): Asked<Paging>,
) -> Result<Answer<Page<MaintenanceWindow>>, Problem> {
    let window = paging.window()?;
    let after = window.after_revision()?.unwrap_or_default();
    let now = reader.surface.group.now();
    reader.show(|state| {
        let later = state.services.ha.windows.iter().filter(|(id, _)| **id > after);
        Ok(window.page(later.map(|(id, known)| (id.to_string(), shown(state, now, *id, known)))))
    })
}

/// Opens a maintenance window: what goes down in it is not started by itself.
#[utoipa::path(post, path = "/services/ha/windows", operation_id = "open_maintenance_window",
    tag = "services", request_body = OpenMaintenanceWindow,
    responses((status = 201, body = MaintenanceWindow)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn open(
    change: Change<ManageServices, OpenMaintenanceWindow>,
) -> Result<Answer<MaintenanceWindow>, Problem> {
    let body = &change.body;
    let scope = change.surface.group.view(|state| scope(state, body))?;
    let (from, until) = (body.from.as_deref().map(moment).transpose()?, moment(&body.until)?);
    let note = body.note.clone();
    let command = model::Command::OpenWindow { scope, from, until, note };
    let committed = change.propose(command, None).await?;
    let (id, now) = (committed.revision, change.surface.group.now());
    Ok(committed.show(&change.surface, StatusCode::CREATED, |state| {
        state.services.ha.windows.get(&id).map(|known| shown(state, now, id, known))
    }))
}

/// Closes a maintenance window early.
#[utoipa::path(delete, path = "/services/ha/windows/{id}", operation_id = "close_maintenance_window",
    tag = "services", params(("id" = u64, Path,)), responses((status = 204)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn close(
    Path(id): Path<u64>,
    change: Change<ManageServices, Nothing>,
) -> Result<Answer<()>, Problem> {
    let command = model::Command::CloseWindow { id: Revision(id) };
    Ok(change.propose(command, None).await?.empty(&change.surface))
}

fn scope(state: &State, body: &OpenMaintenanceWindow) -> Result<Scope, Refusal> {
    match (body.kind, &body.host, &body.service) {
        (None, None, None) => Ok(Scope::Cluster),
        (Some(kind), None, None) => Ok(Scope::Type(kind.into())),
        (None, Some(host), None) => Ok(Scope::Host(state.hosts.named(host)?.0)),
        (None, None, Some(service)) => Ok(Scope::Service(ServiceId::named(state, service)?)),
        _ => {
            let detail = "Of type, host and service at most one is given.";
            Err(Refusal::new(Code::InvalidValue, detail))
        }
    }
}

fn moment(text: &str) -> Result<Timestamp, Problem> {
    let at: Option<jiff::Timestamp> = text.parse().ok();
    let ms = at.and_then(|at| u64::try_from(at.as_millisecond()).ok());
    let malformed = || {
        let detail = format!("{text} is no time: write 2026-11-28T22:00:00Z.");
        Refusal::new(Code::InvalidValue, detail).into()
    };
    ms.map(Timestamp).ok_or_else(malformed)
}

fn shown(state: &State, now: Timestamp, id: Revision, window: &model::Window) -> MaintenanceWindow {
    let host = |host| state.hosts.hosts.get(&host).map(|known| known.name.clone());
    let (mut kind, mut of_host, mut service) = (None, None, None);
    match window.scope {
        Scope::Cluster => {}
        Scope::Type(only) => kind = Some(only.into()),
        Scope::Host(only) => of_host = host(only).or_else(|| Some(only.to_string())),
        Scope::Service(only) => service = Some(only.name(state)),
    }
    MaintenanceWindow {
        id: id.0,
        kind,
        host: of_host,
        service,
        from: window.from.into(),
        until: window.until.into(),
        open: window.is_open(now),
        note: window.note.clone(),
        by: window.by.clone(),
    }
}
