//! Taking requests apart: path, query and body, each with its bound and its clear "no".

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::codes::Fault;
use super::error::Problem;
use super::surface::Surface;
use crate::cluster::Consistency;

/// Largest body. Far above any command: the largest is a value of 4 KiB or a certificate request.
pub(crate) const BODY_MAX_BYTES: usize = 64 << 10;
/// Longest reason, in bytes.
pub(crate) const REASON_MAX_BYTES: usize = 512;
/// How long a body may take to arrive.
const BODY_WAIT: Duration = Duration::from_secs(30);

/// The parts of the path.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Surface>> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        surface: &Arc<Surface>,
    ) -> Result<Self, Problem> {
        let found = axum::extract::Path::<T>::from_request_parts(parts, surface).await;
        let malformed = |_| {
            Problem::new(Fault::MalformedPath, "The path holds an id or name that cannot be one.")
        };
        found.map(|path| Self(path.0)).map_err(malformed)
    }
}

/// The query, without what every read has in common. Unknown parameters are refused.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Surface>> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Surface>) -> Result<Self, Problem> {
        let common = |pair: &&str| pair.split('=').next() != Some("consistency");
        let query = parts.uri.query().unwrap_or_default();
        if !is_text(query) {
            return Err(Problem::new(Fault::MalformedQuery, "The query is not UTF-8."));
        }
        let own: Vec<&str> = query.split('&').filter(common).collect();
        let malformed = || {
            Problem::new(
                Fault::MalformedQuery,
                "The query has a parameter that is unknown, doubled or malformed.",
            )
        };
        let uri: Uri = format!("/?{}", own.join("&")).parse().map_err(|_| malformed())?;
        Query::try_from_uri(&uri).map(|query| Self(query.0)).map_err(|_| malformed())
    }
}

/// Whether what is percent-encoded is UTF-8. The decoder of queries puts question marks where it is not.
fn is_text(query: &str) -> bool {
    let bytes = query.as_bytes();
    let escaped = |at: usize| {
        let digits = query.get(at + 1..at + 3)?;
        u8::from_str_radix(digits, 16).ok()
    };
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = if bytes[at] == b'%' { escaped(at) } else { None };
        decoded.push(escape.unwrap_or(bytes[at]));
        at += if escape.is_some() { 3 } else { 1 };
    }
    std::str::from_utf8(&decoded).is_ok()
}

#[derive(Deserialize)]
struct Common {
    consistency: Option<String>,
}

/// How fresh the read must be; `None` when the query does not say.
pub(crate) fn consistency(uri: &Uri) -> Result<Option<Consistency>, Problem> {
    let malformed =
        || Problem::new(Fault::MalformedQuery, "consistency must be linearizable or local.");
    let common: Query<Common> = Query::try_from_uri(uri).map_err(|_| malformed())?;
    match common.0.consistency.as_deref() {
        None => Ok(None),
        Some("linearizable") => Ok(Some(Consistency::Linearizable)),
        Some("local") => Ok(Some(Consistency::Local)),
        Some(_) => Err(malformed()),
    }
}

/// A request without anything in its body.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// The body's bytes, within the bound and in time.
pub(crate) async fn body_bytes(body: Body) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(Fault::TooLarge, format!("The body is larger than {BODY_MAX_BYTES} bytes."))
    };
    if body.size_hint().lower() > BODY_MAX_BYTES as u64 {
        return Err(too_large());
    }
    let reading = axum::body::to_bytes(body, BODY_MAX_BYTES);
    match tokio::time::timeout(BODY_WAIT, reading).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_length_limit(&error) => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(Fault::MalformedBody, "The body broke off.")),
        Err(_) => Err(Problem::new(Fault::MalformedBody, "The body did not arrive in time.")),
    }
}

fn is_length_limit(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Reads a JSON body. An empty one is read as `{}`: calls without anything to say may leave it out.
pub(crate) fn parse<T: DeserializeOwned>(headers: &HeaderMap, bytes: &Bytes) -> Result<T, Problem> {
    if bytes.is_empty() {
        return read(b"{}");
    }
    if !is_json(headers) {
        return Err(Problem::new(Fault::UnsupportedMediaType, "The body must be JSON and say so."));
    }
    read(bytes)
}

/// The decoder would take a list for an object, its items in the order of our own fields; a body is an object.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|first| *first != b'{') {
        return Err(Problem::new(Fault::MalformedBody, "The body must be a JSON object."));
    }
    serde_json::from_slice(bytes).map_err(|error| Problem::new(Fault::MalformedBody, said(&error)))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// What is wrong with a body, in words of ours: the parser's own are about our program, and repeat what stood there,
/// which may have been a password. Only names of fields that are missing, and words that would do, are taken over.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let at = format!("line {}, column {}", error.line(), error.column());
    if error.classify() != Category::Data {
        return format!("The body is no JSON from {at} on.");
    }
    let named = |what: &str| text.strip_prefix(what)?.split('`').next();
    if let Some(field) = named("missing field `") {
        return format!("The body lacks the field {field}.");
    }
    if let Some(field) = named("duplicate field `") {
        return format!("The body has the field {field} more than once.");
    }
    if text.starts_with("unknown field `") {
        return format!("The body has a field that does not belong there, before {at}.");
    }
    if text.starts_with("unknown variant `") {
        let words = text.rsplit_once(", expected ").map_or("", |(_, words)| words);
        let words: Vec<_> = words.split('`').skip(1).step_by(2).collect();
        return format!("The word before {at} is not one of: {}.", words.join(", "));
    }
    format!("The value before {at} is not of the kind that belongs there.")
}

/// A reason within its bound.
pub(crate) fn reason(text: Option<String>) -> Result<Option<String>, Problem> {
    let text = text.filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.len() > REASON_MAX_BYTES) {
        let detail = format!("The reason is longer than {REASON_MAX_BYTES} bytes.");
        return Err(Problem::new(Fault::TooLarge, detail));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parser_s_sentence_never_repeats_what_was_sent() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Login {
            #[expect(dead_code, reason = "only parsed")]
            password: u8,
        }
        for body in [r#""hunter2""#, r#"{"password":"hunter2"}"#, r#"{"password":"hun\"ter2"}"#] {
            let problem = read::<Login>(body.as_bytes()).unwrap_err();
            assert!(!problem.detail.contains("ter2"), "{}", problem.detail);
        }
    }

    #[test]
    fn what_is_wrong_with_a_body_is_said_in_words_of_ours() {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Role {
            Manager,
            Witness,
        }
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Join {
            #[expect(dead_code, reason = "only parsed")]
            role: Role,
            #[expect(dead_code, reason = "only parsed")]
            level: u64,
        }
        assert!(read::<Join>(br#"{"role":"manager","level":2}"#).is_ok());
        assert!(read::<Join>(br#"{"role":"witness","level":2}"#).is_ok());
        for (body, detail) in [
            (r#"{"role":"manager"}"#, "The body lacks the field level."),
            (
                r#"{"level":1,"level":1,"role":"manager"}"#,
                "The body has the field level more than once.",
            ),
            (
                r#"{"levels":1}"#,
                "The body has a field that does not belong there, before line 1, column 9.",
            ),
            (
                r#"{"role":"king","level":1}"#,
                "The word before line 1, column 14 is not one of: manager, witness.",
            ),
            (
                r#"{"role":"manager","level":"two"}"#,
                "The value before line 1, column 31 is not of the kind that belongs there.",
            ),
            (r#"{"role"="#, "The body is no JSON from line 1, column 8 on."),
            (r#"{"role":"#, "The body is no JSON from line 1, column 8 on."),
        ] {
            assert_eq!(read::<Join>(body.as_bytes()).unwrap_err().detail, detail, "{body}");
        }
    }

    #[test]
    fn a_list_is_no_object() {
        #[derive(Debug, Deserialize)]
        struct Set {
            #[expect(dead_code, reason = "only parsed")]
            value: String,
        }
        assert!(read::<Set>(b" {\"value\":\"a\"}").is_ok());
        for body in ["[\"a\"]", "null", "\"a\"", "5"] {
            let problem = read::<Set>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.detail, "The body must be a JSON object.", "{body}");
        }
    }

    #[test]
    fn a_query_is_text_when_it_is_decoded() {
        for query in ["", "search=a%20b", "search=%C3%BC", "search=%zz", "search=100%", "search=ü"]
        {
            assert!(is_text(query), "{query}");
        }
        for query in ["search=%ff", "%C3=1", "a=%C3%28"] {
            assert!(!is_text(query), "{query}");
        }
    }

    #[test]
    fn consistency_is_one_of_two_words() {
        let read = |uri: &str| consistency(&uri.parse().unwrap());
        assert_eq!(read("/a").unwrap(), None);
        assert_eq!(read("/a?x=1&consistency=local").unwrap(), Some(Consistency::Local));
        assert_eq!(read("/?consistency=linearizable").unwrap(), Some(Consistency::Linearizable));
        for bad in
            ["/?consistency=", "/?consistency=LOCAL", "/?consistency=local&consistency=local"]
        {
            assert_eq!(read(bad).unwrap_err().code(), "MALFORMED_QUERY", "{bad}");
        }
    }
}
