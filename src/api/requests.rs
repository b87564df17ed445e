//! `GET /requests/{key}`: what became of a request whose answer was lost (A23).

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Answer;
use super::codes::Fault;
use super::error::Problem;
use super::input::Path;
use super::privilege::View;
use super::reading::Reader;
use super::router::Routes;
use crate::base::RequestId;
use crate::machine::Outcome;

/// What became of a request.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct RequestOutcome {
    /// How it stands.
    pub state: RequestState,
    /// Where it was judged; absent when it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
}

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RequestState {
    /// Done, and durable on a majority.
    Committed,
    /// Refused; nothing changed.
    Refused,
    /// Never judged, or forgotten since.
    Unknown,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(request))
}

/// What became of a request, by its Idempotency-Key or the `request_id` of a problem.
#[utoipa::path(get, path = "/requests/{key}", operation_id = "get_request", tag = "cluster",
    params(("key" = String, Path,)), responses((status = 200, body = RequestOutcome)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn request(
    reader: Reader<View>,
    Path(key): Path<String>,
) -> Result<Answer<RequestOutcome>, Problem> {
    let malformed = |_| {
        Problem::new(Fault::MalformedPath, "A request id is 1 to 128 visible ASCII characters.")
    };
    let id = RequestId::new(key).map_err(malformed)?;
    reader.show(|state| {
        Ok(match state.kernel.answer_to(&id) {
            None => RequestOutcome { state: RequestState::Unknown, revision: None },
            Some(answer) => RequestOutcome {
                state: match answer.outcome {
                    Outcome::Committed => RequestState::Committed,
                    Outcome::Refused(_) => RequestState::Refused,
                },
                revision: Some(answer.revision.0),
            },
        })
    })
}
