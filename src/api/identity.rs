//! Who asks: a session by cookie or bearer token, or an API token.
//!
//! Sessions and tokens are facts of the group, so one made on another Manager a moment ago must hold here at
//! once: what is not known locally is asked again after a linearizable read before it is turned away.

use std::sync::Arc;

use axum::http::{HeaderMap, Method, header};

use super::codes::Fault;
use super::error::Problem;
use super::port::Group;
use super::privilege::{Need, Privilege};
use super::surface::Surface;
use crate::base::{Digest, Timestamp};
use crate::capabilities::access::model::Role;
use crate::cluster::Consistency;
use crate::machine::Actor;

/// The session cookie. The prefix makes browsers insist on Secure, Path=/ and no Domain.
pub(crate) const COOKIE: &str = "__Host-km";
/// Longest token taken, in bytes; ours have 69.
const TOKEN_MAX_BYTES: usize = 256;

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// As it stands in proposals.
    pub(crate) actor: Actor,
    /// What they may do.
    pub(crate) role: Role,
    /// Until when; `None`: for ever.
    pub(crate) expires_at: Option<Timestamp>,
    /// Digest of what they showed.
    pub(crate) digest: Digest,
}

/// What somebody showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shown {
    digest: Digest,
    by_cookie: bool,
}

impl Caller {
    /// Whether this caller may do what a route needs.
    pub(crate) fn must(&self, need: Need) -> Result<(), Problem> {
        match need {
            Need::Nobody | Need::SignedIn => Ok(()),
            Need::Privilege(privilege) => self.must_have(privilege),
        }
    }

    fn must_have(&self, privilege: Privilege) -> Result<(), Problem> {
        if privilege.belongs_to(self.role) {
            return Ok(());
        }
        let detail = format!(
            "This needs the privilege {}, which the role {} does not have.",
            privilege.as_str(),
            self.role.as_str()
        );
        Err(Problem::new(Fault::Forbidden, detail))
    }

    /// Whether the sign-in still holds, as far as this Manager knows.
    pub(crate) fn still_holds(&self, group: &dyn Group) -> bool {
        known_here(group, self.digest).is_some()
    }
}

/// Who asks, or why that cannot be said.
pub(crate) async fn identify(
    surface: &Arc<Surface>,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Caller, Problem> {
    let shown = shown(headers)?;
    if shown.by_cookie && !method.is_safe() {
        same_site(headers)?;
    }
    if let Some(caller) = known_here(&*surface.group, shown.digest) {
        return Ok(caller);
    }
    surface.group.settle(Consistency::Linearizable).await?;
    let unknown = || Problem::new(Fault::Unauthenticated, "This sign-in is unknown or has ended.");
    known_here(&*surface.group, shown.digest).ok_or_else(unknown)
}

fn known_here(group: &dyn Group, digest: Digest) -> Option<Caller> {
    let now = group.now();
    let identity = group.view(|state| state.access.identify(digest, now))?;
    let (actor, role, expires_at) = (identity.actor, identity.role, identity.expires_at);
    Some(Caller { actor, role, expires_at, digest })
}

fn shown(headers: &HeaderMap) -> Result<Shown, Problem> {
    let missing = || Problem::new(Fault::Unauthenticated, "No session or API token was sent.");
    let (token, by_cookie) = match headers.get(header::AUTHORIZATION) {
        Some(value) => (bearer(value.to_str().unwrap_or_default()), false),
        None => (cookie(headers), true),
    };
    let token = token.filter(|token| !token.is_empty() && token.len() <= TOKEN_MAX_BYTES);
    let digest = Digest::of(token.ok_or_else(missing)?.as_bytes());
    Ok(Shown { digest, by_cookie })
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
}

/// Cross-site request forgery: a page of another site can make a browser send the cookie, but neither the
/// header nor a `Sec-Fetch-Site` that says it came from here.
fn same_site(headers: &HeaderMap) -> Result<(), Problem> {
    let from = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    let ours = matches!(from, None | Some(b"same-origin"));
    if ours && headers.contains_key("x-km-client") {
        return Ok(());
    }
    Err(Problem::new(
        Fault::CrossSite,
        "A changing call signed in by cookie must show that it comes from this site.",
    ))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (header::HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_bearer_token_wins_over_the_cookie_and_other_cookies_are_ignored() {
        let both = headers(&[("authorization", "bearer abc"), ("cookie", "__Host-km=def")]);
        assert_eq!(shown(&both).unwrap(), Shown { digest: Digest::of(b"abc"), by_cookie: false });
        let some = headers(&[("cookie", "a=b; __Host-km=def; km=x")]);
        assert_eq!(shown(&some).unwrap(), Shown { digest: Digest::of(b"def"), by_cookie: true });
    }

    #[test]
    fn what_is_no_token_is_nobody() {
        let long: &'static str = Box::leak(format!("Bearer {}", "x".repeat(300)).into_boxed_str());
        for bad in ["Basic YTpi", "Bearer", "Bearer ", "bearer", long] {
            let answer = shown(&headers(&[("authorization", bad), ("cookie", "__Host-km=x")]));
            assert_eq!(answer.unwrap_err().code(), "UNAUTHENTICATED", "{bad}");
        }
        assert!(shown(&headers(&[("cookie", "km=x")])).is_err());
    }

    #[test]
    fn a_changing_call_by_cookie_must_come_from_here() {
        assert!(same_site(&headers(&[("x-km-client", "web")])).is_ok());
        let ours = [("x-km-client", "web"), ("sec-fetch-site", "same-origin")];
        assert!(same_site(&headers(&ours)).is_ok());
        let theirs = [("x-km-client", "web"), ("sec-fetch-site", "cross-site")];
        assert_eq!(same_site(&headers(&theirs)).unwrap_err().code(), "CROSS_SITE");
        assert!(same_site(&headers(&[])).is_err());
    }
}
