//! Adding a Manager or witness on a host, and putting one on another host (rows 11–13, 44, 86, A18).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::control::{Begun, Confirms, begin, host_of};
use super::join::JoinRole;
use crate::api::{
    Answer, Asked, Change, ChangeMembership, Page, Paging, Path, Problem, Reader, Routes, View,
};
use crate::base::{HostId, ManagerId, Secret};
use crate::capabilities::installs::model::{may_be_added, way_to_service};
use crate::capabilities::managers::model::Role;
use crate::capabilities::operations::model::{Kind, Site};
use crate::machine::State;

/// Where a Manager or witness is to come.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddManager {
    /// The host, by its name.
    host: String,
    /// What it is to be.
    role: JoinRole,
    /// The caller's own password; left out with an API token.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret>,
    /// Do it although a precheck fails.
    #[serde(default)]
    accept_failed_prechecks: bool,
}

/// Where an instance is to be put.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplaceManager {
    /// The host of the new one, by its name.
    host: String,
    /// The caller's own password; left out with an API token.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret>,
    /// Do it although a precheck fails.
    #[serde(default)]
    accept_failed_prechecks: bool,
}

impl Confirms for AddManager {
    fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }
}

impl Confirms for ReplaceManager {
    fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }
}

/// A host, and whether a Manager may be added there.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct EligibleHost {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub host: String,
    /// Whether a Manager may be added there now.
    pub eligible: bool,
    /// Why not.
    pub because: Option<String>,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(add))
        .routes(routes!(replace))
        .routes(routes!(eligible_hosts))
}

/// Adds a Manager or witness on a host: it is let in, started, catches up and gets its vote. What fails or is called
/// off is taken back, on the host too.
#[utoipa::path(post, path = "/managers", operation_id = "add_manager", tag = "managers",
    request_body = AddManager, responses((status = 202, body = Begun)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn add(change: Change<ChangeMembership, AddManager>) -> Result<Answer<Begun>, Problem> {
    let asked = &change.body;
    begin(&change, |state, _| {
        let site = site(state, &asked.host, asked.role.into(), asked.accept_failed_prechecks)?;
        Ok(Kind::AddOnHost(site))
    })
    .await
}

/// Puts a Manager or witness on another host: the new one comes first, takes over if the old one is Active, and then
/// the old one goes.
#[utoipa::path(post, path = "/managers/{id}/replace", operation_id = "replace_manager", tag = "managers",
    params(("id" = u64, Path,)), request_body = ReplaceManager,
    responses((status = 202, body = Begun)), extensions(("x-km-handled" = json!("forwarded"))))]
async fn replace(
    Path(id): Path<u64>,
    change: Change<ChangeMembership, ReplaceManager>,
) -> Result<Answer<Begun>, Problem> {
    let (old, asked) = (ManagerId(id), &change.body);
    begin(&change, |state, _| {
        let role = state.managers.member(old)?.role;
        let new = site(state, &asked.host, role, asked.accept_failed_prechecks)?;
        let (old_host, old_at) = (host_of(state, old)?, way_to_service(state, old).ok());
        Ok(Kind::Replace { old, old_host, old_at, new })
    })
    .await
}

/// Every host, and whether a Manager may be added there now, with the reason if not.
#[utoipa::path(get, path = "/managers/eligible-hosts", operation_id = "list_eligible_hosts", tag = "managers",
    params(Paging), responses((status = 200, body = Page<EligibleHost>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn eligible_hosts(
    reader: Reader<View>,
    Asked(paging): Asked<Paging>,
) -> Result<Answer<Page<EligibleHost>>, Problem> {
    let window = paging.window()?;
    let after = window.after_revision()?.unwrap_or_default();
    reader.show(|state| {
        let later = state.hosts.hosts.iter().filter(|(id, _)| id.0 > after.0);
        let found = later.map(|(id, host)| (id.to_string(), eligible(state, *id, &host.name)));
        Ok(window.page(found))
    })
}

fn eligible(state: &State, id: HostId, name: &str) -> EligibleHost {
    let because = may_be_added(state, id, Role::Manager).err().map(|refusal| refusal.detail);
    EligibleHost { id: id.0, host: name.to_owned(), eligible: because.is_none(), because }
}

fn site(state: &State, host: &str, role: Role, accept_failed: bool) -> Result<Site, Problem> {
    let (at, known) = state.hosts.named(host)?;
    Ok(Site { at, host: known.name.clone(), role, accept_failed })
}
