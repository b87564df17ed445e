//! Whatever is no success: a refusal of the group, a failure to reach it and malformed input all end here and
//! nowhere else, as `application/problem+json` (RFC 9457) with a code of the one table in `codes`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::codes::{Entry, Fault, refusal_entry};
use super::port::HistoryFailure;
use crate::base::Refusal;
use crate::cluster::{AdmitFailure, ProposeFailure, ReadFailure};
use crate::remote::RemoteFailure;

/// Why a request was not carried out: a line of the table and what happened this time.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    entry: Entry,
    pub(crate) detail: String,
    retry_after_s: Option<u32>,
}

/// What stands in a problem answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Where the code is explained.
    #[serde(rename = "type")]
    kind: String,
    /// The code in words, the same every time.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened this time, in a sentence.
    detail: String,
    /// Stable code.
    code: &'static str,
    /// What to do about it.
    hint: &'static str,
    /// The request's name: the idempotency key, or one that was given to it.
    request_id: String,
}

impl Problem {
    /// A problem of the surface, with its sentence. The sentence never holds a secret.
    pub(crate) fn new(fault: Fault, detail: impl Into<String>) -> Self {
        Self::of(fault.entry(), detail.into())
    }

    fn of(entry: Entry, detail: String) -> Self {
        let waits = entry.status == StatusCode::SERVICE_UNAVAILABLE
            || entry.status == StatusCode::TOO_MANY_REQUESTS;
        Self { entry, detail: shortened(detail), retry_after_s: waits.then_some(1) }
    }

    /// Says when to come back.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The stable code.
    #[cfg(test)]
    pub(crate) fn code(&self) -> &'static str {
        self.entry.code
    }

    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        self.entry.status
    }

    /// The finished answer to the request of that name.
    pub(crate) fn answer(&self, request_id: &str) -> Response {
        let mut response = (self.entry.status, self.document(request_id)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }

    /// The problem document, in JSON.
    pub(super) fn document(&self, request_id: &str) -> Vec<u8> {
        let entry = self.entry;
        let body = ProblemBody {
            kind: format!("/api/v1/errors#{}", entry.code),
            title: entry.title,
            status: entry.status.as_u16(),
            detail: self.detail.clone(),
            code: entry.code,
            hint: entry.hint,
            request_id: request_id.into(),
        };
        serde_json::to_vec(&body).expect("a problem is plain data")
    }
}

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Longest detail, in characters. It may quote what was sent, which has other bounds.
const DETAIL_MAX_CHARS: usize = 1_000;

fn shortened(detail: String) -> String {
    match detail.char_indices().nth(DETAIL_MAX_CHARS) {
        None => detail,
        Some((end, _)) => format!("{}…", &detail[..end]),
    }
}

impl IntoResponse for Problem {
    /// Only the status and the problem itself: the envelope knows the request's name and makes the answer.
    fn into_response(self) -> Response {
        let mut response = self.entry.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::of(refusal_entry(refusal.code), refusal.detail)
    }
}

impl From<ProposeFailure> for Problem {
    fn from(failure: ProposeFailure) -> Self {
        let fault = match &failure {
            ProposeFailure::NoLeader { .. } | ProposeFailure::NotLeading { .. } => Fault::NoActive,
            ProposeFailure::DiskFull { .. } => Fault::DiskFull,
            ProposeFailure::Unknown { .. } => Fault::UnknownOutcome,
            ProposeFailure::TooLarge { .. } => Fault::TooLarge,
            ProposeFailure::Stopping => Fault::Stopping,
        };
        Self::new(fault, sentence(&failure))
    }
}

impl From<ReadFailure> for Problem {
    fn from(failure: ReadFailure) -> Self {
        let fault = match &failure {
            ReadFailure::NoQuorum { .. } => Fault::NoQuorum,
            ReadFailure::Stopping => Fault::Stopping,
        };
        Self::new(fault, sentence(&failure))
    }
}

impl From<HistoryFailure> for Problem {
    fn from(failure: HistoryFailure) -> Self {
        Self::new(Fault::Internal, sentence(&failure))
    }
}

impl From<AdmitFailure> for Problem {
    fn from(failure: AdmitFailure) -> Self {
        match failure {
            AdmitFailure::Refused(refusal) => refusal.into(),
            AdmitFailure::Propose(failure) => failure.into(),
            AdmitFailure::BadRequest(_) => Self::new(Fault::InvalidInput, sentence(&failure)),
            AdmitFailure::NoAuthority(_) => Self::new(Fault::Internal, sentence(&failure)),
        }
    }
}

impl From<RemoteFailure> for Problem {
    fn from(failure: RemoteFailure) -> Self {
        let fault = match failure {
            RemoteFailure::NoWay(refusal) => return refusal.into(),
            RemoteFailure::Ended(_) => Fault::NoActive,
            RemoteFailure::NotReady(_)
            | RemoteFailure::HostKeyChanged { .. }
            | RemoteFailure::Unreachable(_) => Fault::NotReached,
            RemoteFailure::Fenced { .. } | RemoteFailure::Refused(_) | RemoteFailure::Failed(_) => {
                Fault::HostFailed
            }
            RemoteFailure::Unknown(_) => Fault::UnknownOutcome,
        };
        Self::new(fault, sentence(&failure))
    }
}

/// An error's text as a sentence: capital at the start, full stop at the end.
fn sentence(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}
