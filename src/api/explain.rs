//! `GET /explain/{topic}`: why the product thinks what it thinks, rule by rule.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Answer;
use super::error::{Fault, Problem};
use super::input::Path;
use super::port::{Mode, ModeKind};
use super::privilege::View;
use super::reading::Onlooker;
use super::router::Routes;

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
    let explanation = active(onlooker.surface.group.mode());
    onlooker.show(|_| Ok(explanation))
}

fn active(mode: Mode) -> Explanation {
    let verdict = match mode.kind {
        ModeKind::Active => "This Manager is Active.".to_owned(),
        ModeKind::Passive => format!("This Manager is Passive: {}.", mode.because),
        ModeKind::NoQuorum => format!("This Manager has no quorum: {}.", mode.because),
    };
    let rule = |rule: super::port::Rule| ExplainedRule {
        rule: rule.rule,
        pass: rule.holds,
        detail: rule.detail,
    };
    Explanation { topic: "active", verdict, rules: mode.rules.into_iter().map(rule).collect() }
}
