//! A look that somebody asks for: the Active looks, because it is the one that acts, and tells through the facts.

use std::time::Duration;

use axum::http::StatusCode;
use futures::StreamExt;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model;
use super::wire::Host;
use super::{shown, tagged};
use crate::api::{Answer, Change, Fault, ManageHosts, Nothing, Path, Problem, Routes};
use crate::base::{HostId, Revision};

/// How long an answer waits for the Active's look: a greeting has this long, and one may be under way already.
const LOOK_WAIT: Duration = Duration::from_secs(40);

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(check))
}

/// Has the Active look at a host now, and shows the host as it was seen.
#[utoipa::path(post, path = "/hosts/{id}/check", operation_id = "check_host", tag = "hosts",
    params(("id" = u64, Path,)), responses((status = 200, body = Host)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn check(
    Path(id): Path<u64>,
    change: Change<ManageHosts, Nothing>,
) -> Result<Answer<Host>, Problem> {
    let id = HostId(id);
    let committed = change.propose(model::Command::Look { host: id }, None).await?;
    looked(&change, id, committed.revision).await?;
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, |state| shown(state, id))))
}

/// Waits until the Active has looked. A host that was let go meanwhile is looked at by nobody.
async fn looked<P>(
    change: &Change<P, Nothing>,
    id: HostId,
    asked: Revision,
) -> Result<(), Problem> {
    let group = &change.surface.group;
    let looked =
        || group.view(|state| state.hosts.hosts.get(&id).is_none_or(|host| host.looked >= asked));
    // What is told from here on was not there at the look that follows.
    let mut news = group.follow(group.view(|state| state.kernel.revision));
    let waiting = async { while !looked() && news.next().await.is_some() {} };
    // In time or not, the look below tells.
    let _ = tokio::time::timeout(LOOK_WAIT, waiting).await;
    let late = || {
        let detail = "The Active was asked to look at the host and has not told yet what it saw.";
        Problem::new(Fault::UnknownOutcome, detail)
    };
    looked().then_some(()).ok_or_else(late)
}
