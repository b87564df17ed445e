//! What an operator does with instances: make one Active, restart them, delete one. Each is an operation, begun
//! only after the caller's password was checked once more.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{self, Role};
use super::super::plan::hindrance;
use crate::api::{
    Answer, Change, ChangeMembership, ControlManagers, Fault, Path, Problem, Routes, Sight,
};
use crate::base::{Code, ManagerId, Refusal, Secret};
use crate::capabilities::installs::model::way_to_service;
use crate::capabilities::operations::model::{Command, Instance, Kind, Removal, Target};
use crate::machine::State;

/// The caller's password once more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmed {
    /// The caller's own password; left out with an API token.
    #[schema(value_type = Option<String>, format = Password)]
    pub(super) password: Option<Secret>,
}

/// The caller's password once more, and whether a loss of quorum is accepted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmedDown {
    /// The caller's own password; left out with an API token.
    #[schema(value_type = Option<String>, format = Password)]
    pub(super) password: Option<Secret>,
    /// Do it although the others have no quorum without the instance: changes wait until it is back.
    #[serde(default)]
    pub(super) confirm_quorum_loss: bool,
}

/// The caller's password once more, and whether the instance is given up for lost.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmedRemoval {
    /// The caller's own password; left out with an API token.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret>,
    /// The instance does not answer and will not come back: needed to delete one that does not answer.
    #[serde(default)]
    force: bool,
    /// Do it although those that are left and answer are no majority.
    #[serde(default)]
    confirm_quorum_loss: bool,
}

/// A body with the caller's password once more.
pub(super) trait Confirms {
    /// The password; `None` when it was left out.
    fn password(&self) -> Option<&Secret>;
}

impl Confirms for Confirmed {
    fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }
}

impl Confirms for ConfirmedDown {
    fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }
}

impl Confirms for ConfirmedRemoval {
    fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }
}

/// An operation was begun.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct Begun {
    /// Its id.
    pub operation: u64,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(make_active))
        .routes(routes!(step_aside))
        .routes(routes!(restart_active))
        .routes(routes!(restart))
        .routes(routes!(restart_passives))
        .routes(routes!(remove))
}

/// Makes a Passive the Active (row 78). Refused with the reason when it cannot take over.
#[utoipa::path(post, path = "/managers/{id}/make-active", operation_id = "make_active", tag = "managers",
    params(("id" = u64, Path,)), request_body = Confirmed, responses((status = 202, body = Begun)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn make_active(
    Path(id): Path<u64>,
    change: Change<ControlManagers, Confirmed>,
) -> Result<Answer<Begun>, Problem> {
    let manager = ManagerId(id);
    begin(&change, |state, sight| {
        let host = host_of(state, manager)?;
        match hindrance(state, &sight.seen(), manager) {
            Some(why) => Err(Refusal::new(Code::NotEligible, format!("{host}: {why}.")).into()),
            None => Ok(Kind::MakeActive { manager, host }),
        }
    })
    .await
}

/// Has the Active hand over to whoever can take over best, for maintenance of its host.
#[utoipa::path(post, path = "/managers/step-aside", operation_id = "step_aside", tag = "managers",
    request_body = Confirmed, responses((status = 202, body = Begun)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn step_aside(change: Change<ControlManagers, Confirmed>) -> Result<Answer<Begun>, Problem> {
    begin(&change, |state, sight| {
        let manager = active(state, sight)?;
        Ok(Kind::StepAside { manager, host: host_of(state, manager)? })
    })
    .await
}

/// Restarts the Active (rows 64–67): it hands over first where somebody can take over.
#[utoipa::path(post, path = "/managers/restart-active", operation_id = "restart_active", tag = "managers",
    request_body = Confirmed, responses((status = 202, body = Begun)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn restart_active(
    change: Change<ControlManagers, Confirmed>,
) -> Result<Answer<Begun>, Problem> {
    begin(&change, |state, sight| {
        Ok(Kind::RestartActive(instance(state, sight, active(state, sight)?)?))
    })
    .await
}

/// Restarts one Passive or witness (rows 56–60). One that does not answer is restarted through its host.
#[utoipa::path(post, path = "/managers/{id}/restart", operation_id = "restart_manager", tag = "managers",
    params(("id" = u64, Path,)), request_body = ConfirmedDown,
    responses((status = 202, body = Begun)), extensions(("x-km-handled" = json!("forwarded"))))]
async fn restart(
    Path(id): Path<u64>,
    change: Change<ControlManagers, ConfirmedDown>,
) -> Result<Answer<Begun>, Problem> {
    let confirmed = change.body.confirm_quorum_loss;
    begin(&change, |state, sight| {
        if !sight.reaches(ManagerId(id)) {
            return Ok(Kind::RestartDown(target(state, ManagerId(id))?));
        }
        let instances = vec![instance(state, sight, ManagerId(id))?];
        quorum_outlives(sight, &[ManagerId(id)], confirmed)?;
        Ok(Kind::RestartPassives { instances, all: false })
    })
    .await
}

/// Restarts all Passives that run (row 61): one at a time, each caught up before the next.
#[utoipa::path(post, path = "/managers/restart-passives", operation_id = "restart_passives", tag = "managers",
    request_body = ConfirmedDown, responses((status = 202, body = Begun)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn restart_passives(
    change: Change<ControlManagers, ConfirmedDown>,
) -> Result<Answer<Begun>, Problem> {
    let confirmed = change.body.confirm_quorum_loss;
    begin(&change, |state, sight| {
        active(state, sight)?;
        let passives = passives(state).filter(|id| sight.reaches(*id));
        let instances = passives.map(|id| instance(state, sight, id));
        let instances = instances.collect::<Result<Vec<_>, Problem>>()?;
        for one in &instances {
            quorum_outlives(sight, &[one.manager], confirmed)?;
        }
        Ok(Kind::RestartPassives { instances, all: true })
    })
    .await
}

/// Takes a Manager or witness out of the group (row 87). The Active hands over first; the last one stays.
#[utoipa::path(delete, path = "/managers/{id}", operation_id = "delete_manager", tag = "managers",
    params(("id" = u64, Path,)), request_body = ConfirmedRemoval,
    responses((status = 202, body = Begun)), extensions(("x-km-handled" = json!("forwarded"))))]
async fn remove(
    Path(id): Path<u64>,
    change: Change<ChangeMembership, ConfirmedRemoval>,
) -> Result<Answer<Begun>, Problem> {
    let (manager, force) = (ManagerId(id), change.body.force);
    let confirmed = change.body.confirm_quorum_loss;
    begin(&change, |state, sight| {
        let host = host_of(state, manager)?;
        let silent = !sight.reaches(manager);
        let stopped = state.installs.stops.contains_key(&manager);
        if silent && !force && !stopped {
            let detail =
                format!("{host} does not answer: it could not be told that it was deleted.");
            return Err(Problem::new(Fault::NotReached, detail));
        }
        majority_without(sight, manager, confirmed)?;
        let why = if silent && !stopped { Removal::Lost } else { Removal::Deleted };
        Ok(Kind::RemoveManager { manager, host, why, at: way_to_service(state, manager).ok() })
    })
    .await
}

/// Checks the password, looks whether it can be done now, and begins the operation. A repeat gets the answer of
/// the first time, whatever has become of it since.
pub(super) async fn begin<P, T: Confirms>(
    change: &Change<P, T>,
    look: impl FnOnce(&State, &Sight) -> Result<Kind, Problem>,
) -> Result<Answer<Begun>, Problem> {
    if let Some(first) = change.first_answer() {
        return first.map(|committed| begun(change, committed));
    }
    change.confirm(change.body.password()).await?;
    let sight = Sight::of(&*change.surface.group);
    let kind = change.surface.group.view(|state| look(state, &sight))?;
    let committed = change.propose(Command::Begin { kind }, None).await?;
    Ok(begun(change, committed))
}

fn begun<P, T>(change: &Change<P, T>, committed: crate::api::Committed) -> Answer<Begun> {
    let operation = committed.revision.0;
    committed.show(&change.surface, StatusCode::ACCEPTED, |_| Some(Begun { operation }))
}

pub(super) fn host_of(state: &State, manager: ManagerId) -> Result<String, Problem> {
    Ok(state.managers.member(manager)?.profile.host.clone())
}

pub(super) fn active(state: &State, sight: &Sight) -> Result<ManagerId, Problem> {
    let none = || Problem::new(Fault::NoActive, "No instance is Active now.").retry_after(1);
    sight.active(state).ok_or_else(none)
}

/// Every Manager that is not Active; a witness is none.
pub(super) fn passives(state: &State) -> impl Iterator<Item = ManagerId> {
    let passive = |(id, member): &(&ManagerId, &model::Manager)| {
        member.role == Role::Manager && !state.managers.is_active(**id)
    };
    state.managers.members.iter().filter(passive).map(|(id, _)| *id)
}

/// A member as a service on its host.
pub(super) fn target(state: &State, manager: ManagerId) -> Result<Target, Problem> {
    let (host, at) = (host_of(state, manager)?, way_to_service(state, manager)?);
    Ok(Target { manager, host, at })
}

/// A member and its process, as it was last heard of.
fn instance(state: &State, sight: &Sight, manager: ManagerId) -> Result<Instance, Problem> {
    let host = host_of(state, manager)?;
    let status = sight.status(manager).filter(|_| sight.reaches(manager));
    let silent = || Problem::new(Fault::NotReached, format!("{host} does not answer."));
    let process = status.ok_or_else(silent)?.about.started_at;
    Ok(Instance { manager, host, process })
}

/// Row 63: nobody loses the quorum without having said so.
pub(super) fn quorum_outlives(
    sight: &Sight,
    gone: &[ManagerId],
    confirmed: bool,
) -> Result<(), Problem> {
    let gone: BTreeSet<_> = gone.iter().copied().collect();
    if confirmed || sight.quorum_without(&gone) {
        return Ok(());
    }
    let detail = format!(
        "{} of {} votes are needed and without this instance fewer answer: no change can be made until it is back, and only its host can start it then.",
        sight.quorum(),
        sight.standing.voters.len()
    );
    Err(Problem::new(Fault::QuorumLoss, detail))
}

/// Whether those that are left when a voter is taken out for good can still agree on anything.
pub(super) fn majority_without(
    sight: &Sight,
    gone: ManagerId,
    confirmed: bool,
) -> Result<(), Problem> {
    let left: Vec<_> = sight.standing.voters.iter().filter(|id| **id != gone).collect();
    let answering = left.iter().filter(|id| sight.reaches(***id)).count();
    if confirmed || left.is_empty() || answering > left.len() / 2 {
        return Ok(());
    }
    let detail = format!("Of the {} voters that would be left, {answering} answer.", left.len());
    Err(Problem::new(Fault::QuorumLoss, detail))
}
