//! Who is sent elsewhere: browsers that reach a Passive, and callers that do not want to be forwarded.
//!
//! | A1 | a page asked for at a Passive → 307; API calls are forwarded inside the group; assets are served here |
//! | A2 | to the load balancer when one is configured, else to the Active |
//! | A3 | a request that came through the load balancer, or was sent on before (`km_r=1`), is served here: no loops |

use std::sync::Arc;

use axum::extract::OriginalUri;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::codes::Fault;
use super::error::Problem;
use super::sight::Sight;
use super::surface::Surface;
use crate::capabilities::properties::schema::{File, LOAD_BALANCER_URL};
use crate::leadership::Mode;
use crate::machine::State;

/// Asks for 307 instead of forwarding.
pub(crate) const NO_FORWARD: HeaderName = HeaderName::from_static("x-km-no-forward");
/// Marks a request that was sent on once.
const MARKER: &str = "km_r=1";

/// Where a page asked for here is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Here.
    Here,
    /// At this URL.
    There(String),
    /// Nowhere: no Active is known.
    Nowhere,
}

/// Why a request goes no further here.
#[derive(Clone, Debug)]
pub(crate) enum Halt {
    /// It cannot be done.
    Problem(Problem),
    /// It is to be asked at this URL.
    Elsewhere(String),
}

impl From<Problem> for Halt {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Halt {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Elsewhere(url) => redirect(&url),
        }
    }
}

/// Where a browser that asked this Manager for a page is to be served.
pub(crate) fn place(surface: &Surface, headers: &HeaderMap, uri: &Uri) -> Place {
    let sight = Sight::of(&*surface.group);
    if matches!(sight.verdict.mode, Mode::Active(_)) {
        return Place::Here;
    }
    let known = |state: &State| (load_balancer(state), active_url(state, &sight));
    let (balancer, Some(active)) = surface.group.view(known) else { return Place::Nowhere };
    let came_through = balancer.as_deref().is_some_and(|url| is_host_of(headers, uri, url));
    let sent_on = uri.query().is_some_and(|query| query.split('&').any(|pair| pair == MARKER));
    if came_through || sent_on {
        return Place::Here;
    }
    Place::There(target(&balancer.unwrap_or(active), uri, Some(MARKER)))
}

/// Refuses to forward when the caller asked so: a Passive names the Active instead.
pub(crate) fn instead_of_forwarding(surface: &Arc<Surface>, parts: &Parts) -> Result<(), Halt> {
    let Some(value) = parts.headers.get(NO_FORWARD) else { return Ok(()) };
    if value != "1" {
        return Err(Problem::new(Fault::MalformedHeader, "X-KM-No-Forward must be 1.").into());
    }
    let sight = Sight::of(&*surface.group);
    if matches!(sight.verdict.mode, Mode::Active(_)) {
        return Ok(());
    }
    match surface.group.view(|state| active_url(state, &sight)) {
        // The routes under a base path are shown a URI without it.
        Some(base) => {
            let whole = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |whole| &whole.0);
            Err(Halt::Elsewhere(target(&base, whole, None)))
        }
        None => Err(no_active().into()),
    }
}

fn no_active() -> Problem {
    Problem::new(Fault::NoActive, "No Active Kyvos Manager is known.")
}

/// A 307 to a URL.
pub(crate) fn redirect(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(location) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response()
        }
        // Paths come from a parsed URI and bases from checked properties: neither can hold such a byte.
        Err(_) => Problem::new(Fault::Internal, "The address to go to is no URL.").into_response(),
    }
}

/// The load balancer's URL, when one is configured.
pub(crate) fn load_balancer(state: &State) -> Option<String> {
    let value = state.properties.value(File::KyvosManager, LOAD_BALANCER_URL);
    value.filter(|url| !url.is_empty()).map(str::to_owned)
}

/// Where the pages of the Active are, when one holds office now as far as this Manager hears. Never the address
/// of one that has gone.
fn active_url(state: &State, sight: &Sight) -> Option<String> {
    let member = state.managers.members.get(&sight.active(state)?)?;
    Some(member.profile.api_url.clone()).filter(|url| !url.is_empty())
}

fn target(base: &str, uri: &Uri, marker: Option<&str>) -> String {
    let base = base.trim_end_matches('/');
    let query = [uri.query().filter(|query| !query.is_empty()), marker];
    let query = query.into_iter().flatten().collect::<Vec<_>>().join("&");
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{base}{}{mark}{query}", uri.path())
}

/// Whether the request was addressed to that URL's host, directly or before a proxy rewrote it.
fn is_host_of(headers: &HeaderMap, asked_uri: &Uri, url: &str) -> bool {
    let Ok(url) = url.parse::<Uri>() else { return false };
    let wanted = |text: &str| {
        let asked: Option<Authority> = text.trim().parse().ok();
        asked.is_some_and(|asked| same_host(&asked, &url))
    };
    let asked = |name: HeaderName| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(wanted)
    };
    // HTTP/2 has no Host header: the authority stands in the URI.
    let authority = asked_uri.authority().is_some_and(|asked| same_host(asked, &url));
    authority || asked(header::HOST) || asked(HeaderName::from_static("x-forwarded-host"))
}

fn same_host(asked: &Authority, url: &Uri) -> bool {
    let usual = if url.scheme_str() == Some("http") { 80 } else { 443 };
    let host = url.host().unwrap_or_default();
    let port = url.port_u16().unwrap_or(usual);
    asked.host().eq_ignore_ascii_case(host) && asked.port_u16().unwrap_or(usual) == port
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        [(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())]
            .into_iter()
            .collect()
    }

    // row 40
    #[test]
    fn path_and_query_are_kept() {
        let uri: Uri = "/nodes/4?tab=mapping".parse().unwrap();
        assert_eq!(target("https://lb/", &uri, None), "https://lb/nodes/4?tab=mapping");
        assert_eq!(
            target("https://lb", &uri, Some(MARKER)),
            "https://lb/nodes/4?tab=mapping&km_r=1"
        );
        assert_eq!(target("https://lb", &"/".parse().unwrap(), Some(MARKER)), "https://lb/?km_r=1");
    }

    // A3
    #[test]
    fn a_request_through_the_load_balancer_is_known_by_its_host() {
        let (lb, uri): (_, Uri) = ("https://km.example/base", "/".parse().unwrap());
        let is_host_of = |headers: &HeaderMap, url| is_host_of(headers, &uri, url);
        assert!(is_host_of(&headers("host", "KM.example"), lb));
        assert!(is_host_of(&headers("host", "km.example:443"), lb));
        assert!(is_host_of(&headers("x-forwarded-host", "first, km.example"), lb));
        assert!(!is_host_of(&headers("host", "km.example:8443"), lb));
        assert!(!is_host_of(&headers("host", "km2.example"), lb));
        assert!(is_host_of(&headers("host", "km.example:9000"), "http://km.example:9000"));
    }
}
