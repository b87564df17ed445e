//! Starting and stopping instances, which only their hosts can do (rows 56–63). Each is an operation, begun only
//! after the caller's password was checked once more.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::control::{
    Begun, Confirmed, ConfirmedDown, active, begin, host_of, passives, quorum_outlives, target,
};
use crate::api::{Answer, Change, ControlManagers, Fault, Path, Problem, Routes, Sight};
use crate::base::{Code, ManagerId, Refusal};
use crate::capabilities::operations::model::{Kind, Target};
use crate::machine::State;

pub(super) fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(start))
        .routes(routes!(stop))
        .routes(routes!(start_passives))
        .routes(routes!(stop_passives))
}

/// Starts one Passive or witness that does not run, through its host.
#[utoipa::path(post, path = "/managers/{id}/start", operation_id = "start_manager", tag = "managers",
    params(("id" = u64, Path,)), request_body = Confirmed, responses((status = 202, body = Begun)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn start(
    Path(id): Path<u64>,
    change: Change<ControlManagers, Confirmed>,
) -> Result<Answer<Begun>, Problem> {
    let manager = ManagerId(id);
    begin(&change, |state, sight| {
        let host = host_of(state, manager)?;
        not_the_active(state, &[manager])?;
        if sight.reaches(manager) {
            return Err(Refusal::new(Code::WrongState, format!("{host} runs already.")).into());
        }
        Ok(Kind::Start { targets: vec![target(state, manager)?], all: false })
    })
    .await
}

/// Stops one Passive or witness, through its host. It stays a member, and stays stopped until somebody starts it.
#[utoipa::path(post, path = "/managers/{id}/stop", operation_id = "stop_manager", tag = "managers",
    params(("id" = u64, Path,)), request_body = ConfirmedDown,
    responses((status = 202, body = Begun)), extensions(("x-km-handled" = json!("forwarded"))))]
async fn stop(
    Path(id): Path<u64>,
    change: Change<ControlManagers, ConfirmedDown>,
) -> Result<Answer<Begun>, Problem> {
    let (manager, confirmed) = (ManagerId(id), change.body.confirm_quorum_loss);
    begin(&change, |state, sight| {
        not_the_active(state, &[manager])?;
        answers(state, sight, manager)?;
        let targets = vec![target(state, manager)?];
        quorum_outlives(sight, &[manager], confirmed)?;
        Ok(Kind::Stop { targets, all: false })
    })
    .await
}

/// Starts all Passives that do not run (row 61). One that cannot be started holds up no other.
#[utoipa::path(post, path = "/managers/start-passives", operation_id = "start_passives", tag = "managers",
    request_body = Confirmed, responses((status = 202, body = Begun)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn start_passives(
    change: Change<ControlManagers, Confirmed>,
) -> Result<Answer<Begun>, Problem> {
    begin(&change, |state, sight| {
        active(state, sight)?;
        let targets = targets(state, |id| !sight.reaches(id))?;
        Ok(Kind::Start { targets, all: true })
    })
    .await
}

/// Stops all Passives that run (row 61). One that cannot be stopped holds up no other. Without them there is no
/// quorum, which has to be confirmed (row 63).
#[utoipa::path(post, path = "/managers/stop-passives", operation_id = "stop_passives", tag = "managers",
    request_body = ConfirmedDown, responses((status = 202, body = Begun)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn stop_passives(
    change: Change<ControlManagers, ConfirmedDown>,
) -> Result<Answer<Begun>, Problem> {
    let confirmed = change.body.confirm_quorum_loss;
    begin(&change, |state, sight| {
        active(state, sight)?;
        let targets = targets(state, |id| sight.reaches(id))?;
        let all: Vec<_> = targets.iter().map(|target| target.manager).collect();
        quorum_outlives(sight, &all, confirmed)?;
        Ok(Kind::Stop { targets, all: true })
    })
    .await
}

/// The Passives that are meant, each with the way to its service.
fn targets(state: &State, which: impl Fn(ManagerId) -> bool) -> Result<Vec<Target>, Problem> {
    let meant = passives(state).filter(|id| which(*id));
    meant.map(|id| target(state, id)).collect()
}

/// Row 57. The group judges it once more when the operation begins, and the Active before each act.
fn not_the_active(state: &State, managers: &[ManagerId]) -> Result<(), Problem> {
    let Some(active) = managers.iter().find(|id| state.managers.is_active(**id)) else {
        return Ok(());
    };
    let detail = format!("{} is the Active instance.", host_of(state, *active)?);
    Err(Refusal::new(Code::ActiveNotAllowed, detail).into())
}

fn answers(state: &State, sight: &Sight, manager: ManagerId) -> Result<(), Problem> {
    if sight.reaches(manager) {
        return Ok(());
    }
    let detail = format!("{} does not answer: it does not run.", host_of(state, manager)?);
    Err(Problem::new(Fault::NotReached, detail))
}
