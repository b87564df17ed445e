//! Around every request and every answer: the request's name, the X-KM headers, a problem for whatever went
//! wrong, and the count of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;

use super::answer::{EPOCH, REVISION, SERVED_BY};
use super::codes::Fault;
use super::error::Problem;
use super::metrics::count_request;
use super::surface::Surface;
use crate::base::{Digest, RequestId};

/// The header that names a request.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The request's name, and whether the client chose it.
#[derive(Clone, Debug)]
pub(crate) struct RequestName {
    pub(crate) id: RequestId,
    pub(crate) given: bool,
}

impl RequestName {
    /// The name the envelope gave the request.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().expect("the envelope is around every route").clone()
    }

    /// A name nobody had before.
    pub(crate) fn fresh() -> Self {
        let id = RequestId::new(format!("r-{}", Digest(rand::random())));
        Self { id: id.expect("66 visible characters"), given: false }
    }

    fn new(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(Self::fresh()) };
        let malformed = || {
            Problem::new(
                Fault::MalformedHeader,
                "Idempotency-Key must be 1 to 128 visible ASCII characters.",
            )
        };
        let text = value.to_str().map_err(|_| malformed())?;
        let id = RequestId::new(text).map_err(|_| malformed())?;
        Ok(Self { id, given: true })
    }
}

/// The layer around every route.
pub(crate) async fn envelope(
    State(surface): State<Arc<Surface>>,
    mut request: Request,
    next: Next,
) -> Response {
    let (started, method) = (Instant::now(), request.method().clone());
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let (name, response) = match RequestName::new(request.headers()) {
        Err(problem) => ("none".to_owned(), problem.into_response()),
        Ok(name) => {
            let id = name.id.to_string();
            request.extensions_mut().insert(name);
            (id, carried_out(next.run(request)).await)
        }
    };
    let mut response = as_problem(response, &name);
    stamp(&surface, response.headers_mut());
    count_request(&method, path.as_deref(), response.status(), started.elapsed());
    tracing::debug!(%method, path, request = %name, status = response.status().as_u16(), "answered");
    response
}

/// A panic in a handler is our mistake: it is told from the outside world by a plain 503, and from us by the log.
async fn carried_out(answering: impl Future<Output = Response>) -> Response {
    match AssertUnwindSafe(answering).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let said = panic.downcast_ref::<&str>().copied().map(str::to_owned);
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
            tracing::error!(panic = said.unwrap_or_default(), "a handler panicked");
            Problem::new(Fault::Internal, "This request met a mistake of ours.").into_response()
        }
    }
}

/// Whatever is no success is a problem with a code, also when a layer below us refused the request.
fn as_problem(mut response: Response, name: &str) -> Response {
    let found = response.extensions_mut().remove::<Problem>();
    let Some(problem) = found.or_else(|| unnamed(&response)) else { return response };
    let mut answer = problem.answer(name);
    if let Some(allowed) = response.headers_mut().remove(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allowed);
    }
    answer
}

fn unnamed(response: &Response) -> Option<Problem> {
    let status = response.status();
    let page = response.extensions().get::<Page>().is_some();
    if page || !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    Some(match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(Fault::MethodNotAllowed, "This path does not have that method.")
        }
        StatusCode::NOT_FOUND => Problem::new(Fault::NotFound, "There is no such path."),
        _ if status.is_server_error() => {
            Problem::new(Fault::Internal, "This request met a mistake of ours.")
        }
        _ => Problem::new(Fault::MalformedBody, "The request could not be read."),
    })
}

/// Marks an answer as a page for people, which is sent as it is whatever its status.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page;

fn stamp(surface: &Surface, headers: &mut HeaderMap) {
    headers.insert(SERVED_BY, surface.group.here().0.into());
    let at = |state: &crate::machine::State| (state.kernel.revision, state.managers.epoch());
    let (revision, epoch) = surface.group.view(at);
    headers.entry(REVISION).or_insert(revision.0.into());
    headers.entry(EPOCH).or_insert(epoch.0.into());
}

/// The answer for a path that does not exist.
pub(crate) fn no_such_path() -> Problem {
    Problem::new(Fault::NotFound, "There is no such path.")
}
