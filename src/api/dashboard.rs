//! The dashboard's files, and which browser gets them here.
//!
//! The files are built apart (`npm run build` in `web`) and put into the binary; a build without them shows a
//! page that says so. Beside a file that shrinks lie its compressed forms, made once by the same build. Every
//! path that is not a file belongs to the dashboard's own navigation.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::RustEmbed;

use super::codes::Fault;
use super::envelope::{Page, no_such_path};
use super::error::Problem;
use super::redirect::{Place, place, redirect};
use super::surface::Surface;
use crate::base::Digest;

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
    match Asset::found(name, request.headers()).filter(|_| name != INDEX) {
        Some(asset) => {
            let lasts = if name.starts_with(HASHED) { FOREVER } else { ASK_AGAIN };
            guarded(asset.answer(request.headers()), lasts)
        }
        None if wants_page(request.headers()) => page(&surface, &request),
        None => no_such_path().into_response(),
    }
}

/// Rows 40 and 41, A1 to A3: a browser is served by the Active, or through the load balancer.
fn page(surface: &Surface, request: &Request) -> Response {
    match place(surface, request.headers(), request.uri()) {
        Place::Here => marked(index(request.headers(), StatusCode::OK)),
        Place::There(url) => redirect(&url),
        Place::Nowhere => {
            let mut response = marked(index(&HeaderMap::new(), StatusCode::SERVICE_UNAVAILABLE));
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_S.into());
            response
        }
    }
}

/// The dashboard's one page. Without an Active it is sent with 503: it shows what this Manager knows and keeps
/// trying by itself.
fn index(headers: &HeaderMap, status: StatusCode) -> Response {
    match Asset::found(INDEX, headers) {
        Some(index) if status == StatusCode::OK => index.answer(headers),
        Some(index) => (status, index.answer(headers)).into_response(),
        None => (status, [(header::REFRESH, RETRY_S.to_string())], Html(NOT_BUILT)).into_response(),
    }
}

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Kyvos Manager</title></head><body><main><h1>Kyvos Manager</h1><p>The dashboard was not built into this program. Build it with <code>make demo</code>, or use the command line: <code>km status</code>.</p><p>The API is at <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>. This page tries again by itself.</p></main></body></html>";

fn marked(mut response: Response) -> Response {
    response.extensions_mut().insert(Page);
    guarded(response, ASK_AGAIN)
}

fn guarded(mut response: Response, lasts: HeaderValue) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, lasts);
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// A file of the dashboard, in the smallest form the browser takes.
struct Asset {
    bytes: Cow<'static, [u8]>,
    digest: Digest,
    kind: &'static str,
    coding: Option<&'static str>,
}

/// Content codings and how the files in them are called, the smallest first.
const CODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

impl Asset {
    fn found(name: &str, headers: &HeaderMap) -> Option<Self> {
        let kind = content_type(name);
        let form = |name: &str, coding| {
            let file = Files::get(name)?;
            let digest = Digest(file.metadata.sha256_hash());
            Some(Self { bytes: file.data, digest, kind, coding })
        };
        let taken = CODINGS.iter().filter(|(coding, _)| accepts(headers, coding));
        let mut smaller =
            taken.filter_map(|(coding, ending)| form(&format!("{name}{ending}"), Some(*coding)));
        smaller.next().or_else(|| form(name, None))
    }

    /// The file, or 304 when the browser has this very form of it.
    fn answer(self, headers: &HeaderMap) -> Response {
        let tag =
            HeaderValue::from_str(&format!("\"{}\"", self.digest)).expect("hexadecimal digits");
        let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|sent| *sent == tag);
        let mut response = match known {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => Body::from(self.bytes.into_owned()).into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(header::ETAG, tag);
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(coding) = self.coding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    }
}

/// Whether `Accept-Encoding` names a coding and does not weigh it 0.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let named = |text: &str| {
        let (name, weight) = text.split_once(';').unwrap_or((text, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(1.0, |q| q.parse().unwrap_or(0.0));
        name.trim().eq_ignore_ascii_case(coding) && weight > 0.0
    };
    listed(headers, header::ACCEPT_ENCODING).any(named)
}

fn listed(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(','))
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
    listed(headers, header::ACCEPT).any(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/html"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(name: HeaderName, value: &'static str) -> HeaderMap {
        [(name, HeaderValue::from_static(value))].into_iter().collect()
    }

    fn asset(bytes: &'static [u8], coding: Option<&'static str>) -> Asset {
        Asset {
            bytes: bytes.into(),
            digest: Digest::of(bytes),
            kind: content_type("a.css"),
            coding,
        }
    }

    #[test]
    fn a_coding_is_accepted_when_it_is_named_and_not_weighed_0() {
        let accepts = |value, coding| accepts(&asking(header::ACCEPT_ENCODING, value), coding);
        assert!(accepts("gzip, deflate, br;q=0.5", "br") && accepts("GZIP", "gzip"));
        assert!(!accepts("gzip, br;q=0", "br") && !accepts("*", "br") && !accepts("", "gzip"));
    }

    #[test]
    fn a_file_says_its_form_and_is_not_sent_to_whoever_has_it() {
        let answer = asset(b"x", Some("br")).answer(&HeaderMap::new());
        assert_eq!(answer.headers()["content-encoding"], "br");
        assert_eq!(answer.headers()["content-type"], "text/css; charset=utf-8");
        assert_eq!(answer.headers()["vary"], "accept-encoding");
        let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
        let known = [(header::IF_NONE_MATCH, tag.parse().unwrap())].into_iter().collect();
        assert_eq!(asset(b"x", None).answer(&known).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(
            asset(b"x", None).answer(&HeaderMap::new()).headers().get("content-encoding"),
            None
        );
    }
}
