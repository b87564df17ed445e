//! `GET /explain/{topic}`: why the product thinks what it thinks, rule by rule.

use std::collections::BTreeSet;

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
use crate::capabilities::managers::model::Role;
use crate::capabilities::managers::plan::conditions;
use crate::leadership::{Mode, Rule, Verdict};
use crate::machine::State;

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
    /// A member, by number; needed by every topic but `active`.
    manager: Option<u64>,
}

/// Why something is as it is. Topics: `active` (who is Active, and why this Manager is or is not), `make-active`
/// (whether a member could take over now), `failure` (what happens if a member dies now).
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
        "active" => onlooker.show(|_| Ok(active(sight.verdict))),
        "make-active" => {
            let manager = manager()?;
            onlooker.show(|state| make_active(state, &sight, manager))
        }
        "failure" => {
            let manager = manager()?;
            onlooker.show(|state| failure(state, &sight, manager))
        }
        _ => Err(Problem::new(Fault::NoSuchTopic, "There is no such topic.")),
    }
}

fn active(verdict: Verdict) -> Explanation {
    let because = verdict.because;
    let sentence = match verdict.mode {
        Mode::Active(_) => because,
        Mode::Passive => format!("This Manager is Passive. {because}"),
        Mode::NoQuorum => format!("This Manager has no quorum. {because}"),
    };
    let rule = |rule: Rule| ExplainedRule { rule: rule.rule, pass: rule.pass, detail: rule.detail };
    let rules = verdict.rules.into_iter().map(rule).collect();
    Explanation { topic: "active", verdict: sentence, rules }
}

/// Whether a member could take over from the Active now, condition by condition.
fn make_active(state: &State, sight: &Sight, id: ManagerId) -> Result<Explanation, Problem> {
    let host = &state.managers.member(id)?.profile.host;
    let conditions = conditions(state, &sight.seen(), id);
    let failed = conditions.iter().find(|condition| !condition.holds);
    let verdict = match failed {
        None => format!("{host} can be made Active."),
        Some(condition) => format!("{host} cannot be made Active now: {}.", condition.otherwise),
    };
    let rules = conditions.into_iter().map(|condition| ExplainedRule {
        rule: condition.rule,
        pass: condition.holds,
        detail: if condition.holds { "yes".to_owned() } else { condition.otherwise },
    });
    Ok(Explanation { topic: "make-active", verdict, rules: rules.collect() })
}

/// What happens if a member dies now: whether the others still agree on things, and who would be Active.
fn failure(state: &State, sight: &Sight, id: ManagerId) -> Result<Explanation, Problem> {
    let host = &state.managers.member(id)?.profile.host;
    let (voters, quorum) = (&sight.standing.voters, sight.quorum());
    let left = voters.iter().filter(|voter| sight.reaches(**voter) && **voter != id).count();
    let holds = sight.quorum_without(&BTreeSet::from([id]));
    let was_active = sight.active(state) == Some(id);
    let able = able_to_succeed(state, sight, id);
    let verdict = match (holds, was_active) {
        (true, true) if !able.is_empty() => {
            format!("If {host} dies now, {} becomes Active by itself.", able.join(" or "))
        }
        (true, false) => format!("If {host} dies now, the Active goes on and nothing stops."),
        (true, true) | (false, _) => {
            format!(
                "If {host} dies now, there is no Active and no change can be made until it is back."
            )
        }
    };
    let votes = format!("{left} of {} voters would answer, {quorum} are needed", voters.len());
    let heirs = match able.is_empty() {
        true => "nobody".to_owned(),
        false => able.join(", "),
    };
    let rules = vec![
        ExplainedRule { rule: "The others have a quorum", pass: holds, detail: votes },
        ExplainedRule {
            rule: "Somebody who may be Active is left",
            pass: !was_active || !able.is_empty(),
            detail: if was_active { heirs } else { "the Active is another one".to_owned() },
        },
    ];
    Ok(Explanation { topic: "failure", verdict, rules })
}

/// The Managers that vote and answer, besides one.
fn able_to_succeed(state: &State, sight: &Sight, but: ManagerId) -> Vec<String> {
    let voters = sight.standing.voters.iter().filter(|id| **id != but && sight.reaches(**id));
    let members = voters.filter_map(|id| state.managers.members.get(id));
    let managers = members.filter(|member| member.role == Role::Manager);
    managers.map(|member| member.profile.host.clone()).collect()
}
