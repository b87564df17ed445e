//! The dashboard's files, and which browser gets them here.
//!
//! The files are built apart (`npm run build` in `web`) and put into the binary; a build without them shows a
//! page that says so. Every path that is not a file belongs to the dashboard's own navigation.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::RustEmbed;

use super::codes::Fault;
use super::envelope::{Page, no_such_path};
use super::error::Problem;
use super::redirect::{Place, place, redirect};
use super::surface::Surface;

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Files;

const INDEX: &str = "index.html";
/// Files whose name holds a hash of their content never change under that name.
const HASHED: &str = "assets/";
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// The dashboard may ask other origins whether they answer: that is how it finds another Manager when this is gone.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' https:; frame-ancestors 'self'",
);
/// After how many seconds a browser that found no Active tries again.
const RETRY_S: u32 = 5;

/// Whatever is no route: a file of the dashboard, a page of it, or nothing.
pub(super) async fn fallback(State(surface): State<Arc<Surface>>, request: Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return no_such_path().into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::new(Fault::MethodNotAllowed, "Pages can only be read.").into_response();
    }
    let name = path.trim_start_matches('/');
    match file(name).filter(|_| name != INDEX) {
        Some(file) => file,
        None if wants_page(request.headers()) => page(&surface, &request),
        None => no_such_path().into_response(),
    }
}

/// Rows 40 and 41, A1 to A3: a browser is served by the Active, or through the load balancer.
fn page(surface: &Surface, request: &Request) -> Response {
    match place(surface, request.headers(), request.uri()) {
        Place::Here => marked(index(StatusCode::OK)),
        Place::There(url) => redirect(&url),
        Place::Nowhere => {
            let mut response = marked(index(StatusCode::SERVICE_UNAVAILABLE));
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_S.into());
            response
        }
    }
}

/// The dashboard's one page. Without an Active it is sent with 503: it shows what this Manager knows and keeps
/// trying by itself.
fn index(status: StatusCode) -> Response {
    match Files::get(INDEX) {
        Some(index) => (status, Html(Body::from(index.data.into_owned()))).into_response(),
        None => (status, [(header::REFRESH, RETRY_S.to_string())], Html(NOT_BUILT)).into_response(),
    }
}

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Kyvos Manager</title></head><body><main><h1>Kyvos Manager</h1><p>The dashboard was not built into this program. Build it with <code>make demo</code>, or use the command line: <code>km status</code>.</p><p>The API is at <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>. This page tries again by itself.</p></main></body></html>";

fn marked(mut response: Response) -> Response {
    response.extensions_mut().insert(Page);
    guard(response.headers_mut(), ASK_AGAIN);
    response
}

fn file(name: &str) -> Option<Response> {
    let found = Files::get(name)?;
    let lasts = if name.starts_with(HASHED) { FOREVER } else { ASK_AGAIN };
    let kind = HeaderValue::from_static(content_type(name));
    let mut response =
        ([(header::CONTENT_TYPE, kind)], Body::from(found.data.into_owned())).into_response();
    guard(response.headers_mut(), lasts);
    Some(response)
}

fn guard(headers: &mut HeaderMap, lasts: HeaderValue) {
    headers.insert(header::CACHE_CONTROL, lasts);
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map" | "webmanifest") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        Some(_) | None => "application/octet-stream",
    }
}

fn wants_page(headers: &HeaderMap) -> bool {
    let values =
        headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/html"))
    })
}
