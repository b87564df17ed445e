//! `GET /explain/{topic}`: why the product thinks what it thinks, rule by rule.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Answer;
use super::codes::Fault;
use super::error::Problem;
use super::input::Path;
use super::privilege::View;
use super::reading::Onlooker;
use super::router::Routes;
use crate::leadership::{Mode, Rule, Verdict};

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

/// Why this Manager is or is not Active. The one topic so far is `active`.
#[utoipa::path(get, path = "/explain/{topic}", operation_id = "explain", tag = "cluster",
    params(("topic" = String, Path,)), responses((status = 200, body = Explanation)),
    extensions(("x-km-handled" = json!("local"))))]
async fn explain(
    onlooker: Onlooker<View>,
    Path(topic): Path<String>,
) -> Result<Answer<Explanation>, Problem> {
    if topic != "active" {
        return Err(Problem::new(Fault::NoSuchTopic, "There is no such topic."));
    }
    let explanation = active(onlooker.surface.group.verdict());
    onlooker.show(|_| Ok(explanation))
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
