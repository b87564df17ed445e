//! `If-Match`: the condition a change may be made under.
//!
//! Which calls take one is part of a route's type: [`Change`](super::Change)`<_, _, IfMatch>` does, any other
//! refuses the header. A condition is never overlooked.

use axum::http::{HeaderMap, header};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, Type};

use super::codes::Fault;
use super::error::Problem;
use crate::base::Revision;

/// What a route makes of `If-Match`.
pub(crate) trait Condition: Sized + Send {
    /// Takes the condition that was sent, or refuses it.
    fn under(sent: Option<Revision>) -> Result<Self, Problem>;
}

/// The route changes its object only if the last change of it is the revision sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IfMatch(pub(crate) Option<Revision>);

/// The route does not depend on a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unconditional;

impl Condition for IfMatch {
    fn under(sent: Option<Revision>) -> Result<Self, Problem> {
        Ok(Self(sent))
    }
}

impl Condition for Unconditional {
    fn under(sent: Option<Revision>) -> Result<Self, Problem> {
        let refused = |_| {
            Err(Problem::new(
                Fault::UnconditionalCall,
                "This call takes no If-Match: what it does depends on no revision.",
            ))
        };
        sent.map_or(Ok(Self), refused)
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let meaning = "Change only if the object's last change is this revision, in quotes.";
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let header = ParameterBuilder::new()
            .name("If-Match")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(meaning))
            .schema(Some(text));
        vec![header.build()]
    }
}

/// The revision that stands in `If-Match`.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<Revision>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let quoted = value.to_str().ok().and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
    let digits = quoted.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let revision = digits.and_then(|text| text.parse().ok());
    let malformed = || {
        Problem::new(
            Fault::MalformedHeader,
            "If-Match must be one revision in quotes, such as \"57\".",
        )
    };
    revision.map(Some).ok_or_else(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_is_one_revision_in_quotes() {
        let parse = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, text.parse().unwrap());
            if_match(&headers)
        };
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
        assert_eq!(parse("\"0\"").unwrap(), Some(Revision(0)));
        assert_eq!(parse("\"57\"").unwrap(), Some(Revision(57)));
        for bad in [
            "57",
            "*",
            "W/\"57\"",
            "\"57",
            "\"\"",
            "\"+5\"",
            "\"57\", \"58\"",
            "\"99999999999999999999\"",
        ] {
            assert_eq!(parse(bad).unwrap_err().code(), "MALFORMED_HEADER", "{bad}");
        }
    }

    #[test]
    fn a_condition_is_taken_or_refused_never_overlooked() {
        assert_eq!(IfMatch::under(Some(Revision(5))).unwrap(), IfMatch(Some(Revision(5))));
        assert_eq!(Unconditional::under(None).unwrap(), Unconditional);
        let refused = Unconditional::under(Some(Revision(5))).unwrap_err();
        assert_eq!(refused.code(), "UNCONDITIONAL_CALL");
    }
}
