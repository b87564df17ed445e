//! Around every request and every answer: the request's name, the X-KM headers, a problem for whatever went
//! wrong, and the count of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tokio::sync::SemaphorePermit;

use super::answer::{EPOCH, REVISION, SERVED_BY};
use super::codes::Fault;
use super::error::Problem;
use super::metrics::{Class, count_request};
use super::openapi::route;
use super::surface::Surface;
use crate::base::{Digest, RequestId};

/// Most bytes of request line and headers: far more than any client of ours sends.
const HEAD_MAX_BYTES: usize = 16 << 10;
/// What stands for the name of a request that was turned away before it had one.
pub(super) const NAMELESS: &str = "none";

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
    let class = Class::of(&method, path.as_deref());
    let (name, response) = match taken_in(&surface, class, &request) {
        Err(problem) => (NAMELESS.to_owned(), problem.into_response()),
        Ok((name, _place)) => {
            let id = name.id.to_string();
            request.extensions_mut().insert(name);
            (id, carried_out(next.run(request)).await)
        }
    };
    let mut response = as_problem(response, &name);
    stamp(&surface, response.headers_mut());
    count_request(class, response.status(), started.elapsed());
    tracing::debug!(%method, path, request = %name, status = response.status().as_u16(), "answered");
    response
}

/// What every request meets first: its head fits, it has a name, and there is a place for it.
fn taken_in<'s>(
    surface: &'s Surface,
    class: Class,
    request: &Request,
) -> Result<(RequestName, SemaphorePermit<'s>), Problem> {
    fits(request)?;
    is_described(request)?;
    let name = RequestName::new(request.headers())?;
    let full = || Problem::new(Fault::TooBusy, "Too many requests are under way here.");
    Ok((name, surface.crowd.enter(class).ok_or_else(full)?))
}

/// A query parameter that the route's description does not list was meant for something: it is refused, not
/// overlooked.
fn is_described(request: &Request) -> Result<(), Problem> {
    let Some(path) = request.extensions().get::<MatchedPath>() else { return Ok(()) };
    let Some(route) = route(request.method(), path.as_str()) else { return Ok(()) };
    let pairs = request.uri().query().unwrap_or_default().split('&');
    let names = pairs.map(|pair| pair.split('=').next().unwrap_or_default());
    match names.filter(|name| !name.is_empty()).find(|name| !route.query.contains(*name)) {
        None => Ok(()),
        Some(_) => Err(Problem::new(
            Fault::MalformedQuery,
            "The query has a parameter that this call does not take.",
        )),
    }
}

/// Whether request line and headers are within their bound. What the HTTP library takes in is larger, so that
/// this answer, and not the library's bare one, is what people see.
fn fits(request: &Request) -> Result<(), Problem> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
    let headers: usize = request.headers().iter().map(line).sum();
    let uri = request.uri();
    let target = uri.path().len() + uri.query().map_or(0, str::len);
    if target + headers <= HEAD_MAX_BYTES {
        return Ok(());
    }
    let detail = format!("Request line and headers have more than {HEAD_MAX_BYTES} bytes.");
    Err(Problem::new(Fault::HeadersTooLarge, detail))
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
