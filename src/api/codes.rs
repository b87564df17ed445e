//! The one table of everything this API may answer instead of success: code, status, title and what to do.
//!
//! `docs/contracts/errors.md` is written from it; a test keeps the two equal.

mod refusals;

use axum::http::StatusCode;

pub(crate) use self::refusals::refusal_entry;

/// What the surface itself answers "no" for; the group's own codes are [`Code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The body is not JSON of the documented shape.
    MalformedBody,
    /// The query is not of the documented shape.
    MalformedQuery,
    /// A part of the path is not of the documented shape.
    MalformedPath,
    /// A header is not of the documented shape.
    MalformedHeader,
    /// The request is no HTTP.
    MalformedRequest,
    /// If-Match was sent to a call that depends on no revision.
    UnconditionalCall,
    /// Request line and headers are too large.
    HeadersTooLarge,
    /// Nobody is signed in.
    Unauthenticated,
    /// User name or password is wrong.
    WrongCredentials,
    /// The existing password, asked for again, is wrong.
    WrongPassword,
    /// The role does not allow it.
    Forbidden,
    /// A changing call that came from another site's page.
    CrossSite,
    /// No such path.
    NotFound,
    /// The path has no such method.
    MethodNotAllowed,
    /// The body or a value in it is too large.
    TooLarge,
    /// The body is not JSON by its content type.
    UnsupportedMediaType,
    /// A password that may not be chosen.
    PasswordInvalid,
    /// A value that is well formed and makes no sense.
    InvalidInput,
    /// The instance does not answer.
    NotReached,
    /// The host answered, and could not do or tell what it was asked.
    HostFailed,
    /// The others would have no quorum.
    QuorumLoss,
    /// Nothing is kept under this revision.
    NoSuchRevision,
    /// The topic of an explanation is not known.
    NoSuchTopic,
    /// Too many sign-ins in a short time.
    TooManyLogins,
    /// Too many event streams are open here.
    TooManyStreams,
    /// Too many requests are under way here.
    TooBusy,
    /// No Active was found in time.
    NoActive,
    /// No quorum confirmed a read in time.
    NoQuorum,
    /// The disk takes no more.
    DiskFull,
    /// This Manager is going down.
    Stopping,
    /// Our mistake, or a store that cannot be read.
    Internal,
    /// It may or may not have been committed.
    UnknownOutcome,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) code: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    pub(crate) hint: &'static str,
}

const fn entry(
    code: &'static str,
    status: StatusCode,
    title: &'static str,
    hint: &'static str,
) -> Entry {
    Entry { code, status, title, hint }
}

impl Fault {
    /// Every fault, for the document.
    #[cfg(test)]
    pub(crate) const ALL: &'static [Self] = &[
        Self::MalformedBody,
        Self::MalformedQuery,
        Self::MalformedPath,
        Self::MalformedHeader,
        Self::MalformedRequest,
        Self::UnconditionalCall,
        Self::HeadersTooLarge,
        Self::Unauthenticated,
        Self::WrongCredentials,
        Self::WrongPassword,
        Self::Forbidden,
        Self::CrossSite,
        Self::NotFound,
        Self::NoSuchRevision,
        Self::NoSuchTopic,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::PasswordInvalid,
        Self::InvalidInput,
        Self::NotReached,
        Self::HostFailed,
        Self::QuorumLoss,
        Self::TooManyLogins,
        Self::TooManyStreams,
        Self::TooBusy,
        Self::NoActive,
        Self::NoQuorum,
        Self::DiskFull,
        Self::Stopping,
        Self::Internal,
        Self::UnknownOutcome,
    ];

    /// The fault's line in the table.
    pub(crate) fn entry(self) -> Entry {
        use StatusCode as S;
        match self {
            Self::MalformedBody => entry(
                "MALFORMED_BODY",
                S::BAD_REQUEST,
                "Malformed body",
                "Send a JSON body of the shape that /api/v1/openapi.json describes.",
            ),
            Self::MalformedQuery => entry(
                "MALFORMED_QUERY",
                S::BAD_REQUEST,
                "Malformed query",
                "Use the query parameters that /api/v1/openapi.json describes.",
            ),
            Self::MalformedPath => entry(
                "MALFORMED_PATH",
                S::BAD_REQUEST,
                "Malformed path",
                "Use ids and names as the lists give them.",
            ),
            Self::MalformedHeader => entry(
                "MALFORMED_HEADER",
                S::BAD_REQUEST,
                "Malformed header",
                "See the table of request headers in docs/contracts/http.md.",
            ),
            Self::MalformedRequest => entry(
                "MALFORMED_REQUEST",
                S::BAD_REQUEST,
                "Not HTTP",
                "Send a well-formed HTTP/1.1 or HTTP/2 request.",
            ),
            Self::UnconditionalCall => entry(
                "UNCONDITIONAL_CALL",
                S::BAD_REQUEST,
                "No condition taken",
                "Send it without If-Match; /api/v1/openapi.json lists the calls that take one.",
            ),
            Self::HeadersTooLarge => entry(
                "HEADERS_TOO_LARGE",
                S::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Headers too large",
                "Request line and headers have together at most 16,384 bytes, and at most 100 headers.",
            ),
            Self::Unauthenticated => entry(
                "UNAUTHENTICATED",
                S::UNAUTHORIZED,
                "Not signed in",
                "Sign in with km login or POST /api/v1/login, or send an API token as Authorization: Bearer.",
            ),
            Self::WrongCredentials => entry(
                "WRONG_CREDENTIALS",
                S::UNAUTHORIZED,
                "Wrong user name or password",
                "Check both. Five wrong passwords lock the user for 15 minutes.",
            ),
            Self::WrongPassword => entry(
                "WRONG_PASSWORD",
                S::FORBIDDEN,
                "Wrong password",
                "Type your present password. Five wrong ones lock the user for 15 minutes.",
            ),
            Self::Forbidden => entry(
                "FORBIDDEN",
                S::FORBIDDEN,
                "Not allowed",
                "Ask an administrator for a role that has the privilege.",
            ),
            Self::CrossSite => entry(
                "CROSS_SITE",
                S::FORBIDDEN,
                "Not from this site",
                "A changing call signed in by cookie needs the header X-KM-Client and must come from a page of this Kyvos Manager.",
            ),
            Self::NotFound => entry(
                "NOT_FOUND",
                S::NOT_FOUND,
                "Not found",
                "See /api/v1/openapi.json for every path.",
            ),
            Self::NoSuchRevision => entry(
                "NO_SUCH_REVISION",
                S::NOT_FOUND,
                "No such revision",
                "Choose a revision from the history of this property that set a value.",
            ),
            Self::NoSuchTopic => entry(
                "NO_SUCH_TOPIC",
                S::NOT_FOUND,
                "No such topic",
                "The topics that can be explained are active, make-active, start, stop, restart, add, failure and host-failure.",
            ),
            Self::MethodNotAllowed => entry(
                "METHOD_NOT_ALLOWED",
                S::METHOD_NOT_ALLOWED,
                "Method not allowed",
                "See /api/v1/openapi.json for the methods of this path.",
            ),
            Self::TooLarge => entry(
                "TOO_LARGE",
                S::PAYLOAD_TOO_LARGE,
                "Too large",
                "A body has at most 65,536 bytes, a value 4,096, a reason 512.",
            ),
            Self::UnsupportedMediaType => entry(
                "UNSUPPORTED_MEDIA_TYPE",
                S::UNSUPPORTED_MEDIA_TYPE,
                "Not JSON",
                "Send Content-Type: application/json.",
            ),
            Self::PasswordInvalid => entry(
                "PASSWORD_INVALID",
                S::UNPROCESSABLE_ENTITY,
                "Password not acceptable",
                "A password has 8 to 256 bytes.",
            ),
            Self::InvalidInput => entry(
                "INVALID_INPUT",
                S::UNPROCESSABLE_ENTITY,
                "Not acceptable",
                "The detail names the value and its rule.",
            ),
            Self::NotReached => entry(
                "NOT_REACHED",
                S::CONFLICT,
                "Does not answer",
                "Look after the host. To delete an instance that will not come back, send force: true.",
            ),
            Self::HostFailed => entry(
                "HOST_FAILED",
                S::CONFLICT,
                "The host could not do it",
                "The detail is what the host says; its agent's log tells more.",
            ),
            Self::QuorumLoss => entry(
                "QUORUM_LOSS",
                S::CONFLICT,
                "Quorum would be lost",
                "Send confirm_quorum_loss: true if that is meant; otherwise add an instance or a witness first.",
            ),
            Self::TooManyLogins => entry(
                "TOO_MANY_LOGINS",
                S::TOO_MANY_REQUESTS,
                "Too many sign-ins",
                "Wait as long as Retry-After says.",
            ),
            Self::TooManyStreams => entry(
                "TOO_MANY_STREAMS",
                S::SERVICE_UNAVAILABLE,
                "Too many event streams",
                "Close dashboards that nobody looks at, or use another Kyvos Manager.",
            ),
            Self::TooBusy => entry(
                "TOO_BUSY",
                S::SERVICE_UNAVAILABLE,
                "Too many requests under way",
                "Nothing was changed. Try again after Retry-After seconds, or use another Kyvos Manager.",
            ),
            Self::NoActive => entry(
                "NO_ACTIVE",
                S::SERVICE_UNAVAILABLE,
                "No Active Kyvos Manager",
                "Nothing was changed. Try again after Retry-After seconds; GET /api/v1/cluster says what is missing.",
            ),
            Self::NoQuorum => entry(
                "NO_QUORUM",
                S::SERVICE_UNAVAILABLE,
                "No quorum",
                "Try again, or read what this Kyvos Manager knows with ?consistency=local.",
            ),
            Self::DiskFull => entry(
                "DISK_FULL",
                S::SERVICE_UNAVAILABLE,
                "Disk full",
                "Nothing was changed. Free space on the data directory's file system; writes resume by themselves.",
            ),
            Self::Stopping => entry(
                "STOPPING",
                S::SERVICE_UNAVAILABLE,
                "Stopping",
                "Use another Kyvos Manager, or try again when this one has restarted.",
            ),
            Self::Internal => entry(
                "INTERNAL",
                S::SERVICE_UNAVAILABLE,
                "Internal mistake",
                "The log of this Kyvos Manager tells more under the request id. Use another one meanwhile.",
            ),
            Self::UnknownOutcome => entry(
                "UNKNOWN_OUTCOME",
                S::GATEWAY_TIMEOUT,
                "Outcome unknown",
                "It may or may not have been done. GET /api/v1/requests/{request_id} tells; repeating with the same Idempotency-Key is safe.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Code;

    fn table() -> Vec<Entry> {
        let faults = Fault::ALL.iter().map(|fault| fault.entry());
        let mut lines: Vec<Entry> =
            faults.chain(Code::ALL.iter().map(|code| refusal_entry(*code))).collect();
        lines.sort_by_key(|line| (line.status.as_u16(), line.code));
        lines
    }

    fn document() -> String {
        let intro = "# Every \"no\" of the HTTP API\n\nWritten from the table in `src/api/codes.rs`; a test keeps the two equal (`UPDATE_DOCS=1 cargo test errors_md` writes it anew).\nA 4xx changed nothing. A code never changes its meaning; new ones may come.\n\n| status | code | means | what to do |\n|---|---|---|---|\n";
        let line = |line: &Entry| {
            let anchor = line.code;
            format!(
                "| {} | <a id=\"{anchor}\"></a>`{anchor}` | {} | {} |\n",
                line.status.as_u16(),
                line.title,
                line.hint
            )
        };
        format!("{intro}{}", table().iter().map(line).collect::<String>())
    }

    #[test]
    fn errors_md_lists_exactly_the_codes_of_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/contracts/errors.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, document()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), document());
    }

    #[test]
    fn a_code_stands_for_one_thing_and_only_contracted_statuses_are_used() {
        let mut codes: Vec<_> = table().iter().map(|line| line.code).collect();
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all);
        let contracted = [400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 431, 503, 504];
        assert!(table().iter().all(|line| contracted.contains(&line.status.as_u16())));
    }
}
