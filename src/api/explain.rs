//! `GET /explain/{topic}`: why the product thinks what it thinks, rule by rule.
//!
//! Who is Active, or why nobody is, is in `office`; what would happen if something failed in `loss`; whether something can be
//! done now in `verbs`.

mod loss;
mod office;
mod verbs;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Answer;
use super::codes::Fault;
use super::error::Problem;
use super::input::{Asked, Path};
use super::privilege::View;
use super::reading::Onlooker;
use super::router::Routes;
use super::sight::Sight;
use crate::base::ManagerId;

/// A verdict and the rules behind it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Explanation {
    /// What is explained.
    pub topic: &'static str,
    /// The outcome, in a sentence.
    pub verdict: String,
    /// The rules, in the order they are looked at.
    pub rules: Vec<ExplainedRule>,
}

/// One rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ExplainedRule {
    /// What must hold.
    pub rule: &'static str,
    /// Whether it does.
    pub pass: bool,
    /// What was found.
    pub detail: String,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(explain))
}

/// Whom a topic is about.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct About {
    /// A member, by number; needed by `make-active`, `start`, `stop`, `restart` and `failure`. `host-failure` takes its
    /// host.
    manager: Option<u64>,
    /// A host, by name; for `host-failure` and `add`.
    host: Option<String>,
}

/// Why something is as it is. Topics: `active` (who is Active, and why this Manager is or is not), `make-active`
/// (whether a member could take over now), `start`, `stop`, `restart` (whether that can be done with a member now), `add`
/// (whether a Manager can be added, on a host if one is given), `failure` (what happens if a member dies now), `host-failure` (what happens
/// if a host dies now, with everything on it).
#[utoipa::path(get, path = "/explain/{topic}", operation_id = "explain", tag = "cluster",
    params(("topic" = String, Path,), About), responses((status = 200, body = Explanation)),
    extensions(("x-km-handled" = json!("local"))))]
async fn explain(
    onlooker: Onlooker<View>,
    Path(topic): Path<String>,
    Asked(about): Asked<About>,
) -> Result<Answer<Explanation>, Problem> {
    let sight = Sight::of(&*onlooker.surface.group);
    let manager = || {
        let missing = || Problem::new(Fault::MalformedQuery, "manager must say which member.");
        about.manager.map(ManagerId).ok_or_else(missing)
    };
    match topic.as_str() {
        "active" => onlooker.show(|state| Ok(office::active(state, &sight))),
        "make-active" => {
            let manager = manager()?;
            onlooker.show(|state| verbs::make_active(state, &sight, manager))
        }
        "failure" => {
            let manager = manager()?;
            onlooker.show(|state| loss::of_manager(state, &sight, manager))
        }
        "start" | "stop" | "restart" => {
            let manager = manager()?;
            onlooker.show(|state| verbs::of_manager(state, &sight, manager, &topic))
        }
        "add" => onlooker.show(|state| verbs::add(state, about.host.as_deref())),
        "host-failure" => onlooker.show(|state| {
            let host = match (&about.host, about.manager) {
                (Some(host), None) => host.clone(),
                (None, Some(id)) => state.managers.member(ManagerId(id))?.profile.host.clone(),
                (Some(_), Some(_)) | (None, None) => {
                    let detail = "either host or manager must say which host.";
                    return Err(Problem::new(Fault::MalformedQuery, detail));
                }
            };
            loss::of_host(state, &sight, &host)
        }),
        _ => Err(Problem::new(Fault::NoSuchTopic, "There is no such topic.")),
    }
}
