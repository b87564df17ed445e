//! The answer to what the HTTP library could not read: it never becomes a request, so no route and no layer here
//! meets it.

use axum::http::StatusCode;

use super::codes::Fault;
use super::envelope::NAMELESS;
use super::error::Problem;

/// Status and problem document for bytes that the HTTP library refused with this status; `None` for a status it
/// does not give by itself.
pub fn answer_to_unreadable(status: u16) -> Option<(u16, Vec<u8>)> {
    let problem = match StatusCode::from_u16(status).ok()? {
        StatusCode::BAD_REQUEST => {
            Problem::new(Fault::MalformedRequest, "What was sent is no HTTP request.")
        }
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE | StatusCode::URI_TOO_LONG => Problem::new(
            Fault::HeadersTooLarge,
            "Request line and headers are too large to be read.",
        ),
        _ => return None,
    };
    Some((problem.status().as_u16(), problem.document(NAMELESS)))
}
