//! A successful answer: a status, an object, and where in the log it stands.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::base::{Epoch, ManagerId, Revision};

/// Id of the Manager that answered.
pub(crate) const SERVED_BY: HeaderName = HeaderName::from_static("x-km-served-by");
/// Id of the Manager that led the commit.
pub(crate) const COMMITTED_BY: HeaderName = HeaderName::from_static("x-km-committed-by");
/// Revision of the change, or the one the read was served at.
pub(crate) const REVISION: HeaderName = HeaderName::from_static("x-km-revision");
/// Epoch of the Active at that revision.
pub(crate) const EPOCH: HeaderName = HeaderName::from_static("x-km-epoch");
/// How long ago this Manager last heard from a leader.
pub(crate) const AGE_MS: HeaderName = HeaderName::from_static("x-km-age-ms");

/// A successful answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer<T> {
    pub(crate) status: StatusCode,
    /// `None` for 204.
    pub(crate) body: Option<T>,
    pub(crate) revision: Revision,
    pub(crate) epoch: Epoch,
    pub(crate) committed_by: Option<ManagerId>,
    pub(crate) etag: Option<Revision>,
    pub(crate) age_ms: Option<u64>,
    /// A header of the route's own, such as the session cookie.
    pub(crate) extra: Option<(HeaderName, HeaderValue)>,
}

impl<T> Answer<T> {
    /// Adds the revision of the object's last change, which the object knows.
    pub(crate) fn tagged_by(mut self, revision: impl FnOnce(&T) -> Revision) -> Self {
        self.etag = self.body.as_ref().map(revision);
        self
    }

    /// Adds a header of the route's own.
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.extra = Some((name, value));
        self
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Some(body) => (self.status, Json(body)).into_response(),
            None => self.status.into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(REVISION, self.revision.0.into());
        headers.insert(EPOCH, self.epoch.0.into());
        if let Some(manager) = self.committed_by {
            headers.insert(COMMITTED_BY, manager.0.into());
        }
        if let Some(age_ms) = self.age_ms {
            headers.insert(AGE_MS, age_ms.into());
        }
        if let Some(revision) = self.etag {
            let tag = HeaderValue::from_str(&format!("\"{revision}\"")).expect("digits in quotes");
            headers.insert(header::ETAG, tag);
        }
        if let Some((name, value)) = self.extra {
            headers.insert(name, value);
        }
        response
    }
}
