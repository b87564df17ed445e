//! How a verb ends: the five exit codes, and what is told on standard error.
//!
//! Scripts decide by the exit code alone, so each kind of failure has exactly one.

use std::process::ExitCode;

use serde_json::Value;

use super::output::{self, Format};
use crate::base::RequestId;
use crate::config::ConfigError;

/// Why a verb did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The group or this host said no; nothing was changed. Exit code 1.
    #[error("{0}")]
    Refused(String),
    /// The API's no, with its problem document. Exit code 1.
    #[error("{}", describe(.0))]
    Problem(Value),
    /// What was typed or configured cannot be meant. Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// A file that says what cannot be meant; nothing was changed. Exit code 2.
    #[error("{detail} [{code}]\n  hint: {hint}")]
    BadFile {
        /// Stable code.
        code: &'static str,
        /// What is wrong with it, and where.
        detail: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// Nobody who could do it was reached; nothing was changed. Exit code 3.
    #[error("{0}")]
    Unavailable(String),
    /// It may or may not have been done. Exit code 4.
    #[error(
        "the outcome is unknown: the change may or may not have been made ({because})\n  request id: {request}\n  ask later:  km requests get {request}\n  or repeat it, safely, with:  --request-id {request}"
    )]
    Unknown {
        /// Names the request; asking again with it is safe.
        request: RequestId,
        /// What happened to the connection.
        because: String,
    },
}

impl Failure {
    /// A failure of this host, told with what was being done.
    pub fn local(doing: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::Refused(format!("{doing}: {error}"))
    }

    fn code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::Problem(_) => 1,
            Self::Usage(_) | Self::BadFile { .. } => 2,
            Self::Unavailable(_) => 3,
            Self::Unknown { .. } => 4,
        }
    }

    fn document(&self) -> Value {
        match self {
            Self::Problem(problem) => problem.clone(),
            Self::BadFile { code, detail, hint } => {
                serde_json::json!({ "code": code, "detail": detail, "hint": hint })
            }
            Self::Unknown { request, .. } => serde_json::json!({
                "code": "UNKNOWN_OUTCOME", "detail": self.to_string(), "request_id": request.as_str(),
            }),
            Self::Refused(detail) | Self::Usage(detail) | Self::Unavailable(detail) => {
                serde_json::json!({ "detail": detail })
            }
        }
    }

    /// Tells the failure and gives the exit code.
    pub fn report(&self, format: Format) -> ExitCode {
        match format {
            Format::Table => output::complain(&format!("km: {self}")),
            Format::Json => output::complain(&output::pretty(&self.document())),
        }
        ExitCode::from(self.code())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

fn describe(problem: &Value) -> String {
    let text = |name: &str| problem.get(name).and_then(Value::as_str);
    let detail = text("detail").or(text("title")).unwrap_or("the request was refused");
    let mut told = match text("code") {
        Some(code) => format!("{detail} [{code}]"),
        None => detail.to_owned(),
    };
    if let Some(hint) = text("hint") {
        told.push_str(&format!("\n  hint: {hint}"));
    }
    told
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_failure_has_the_exit_code_of_the_contract() {
        let request = RequestId::new("r1").unwrap();
        let failures = [
            (Failure::Refused("no".into()), 1),
            (Failure::Problem(json!({"code": "CHANGED"})), 1),
            (Failure::Usage("what".into()), 2),
            (Failure::BadFile { code: "TOO_LARGE", detail: "long".into(), hint: "cut" }, 2),
            (Failure::Unavailable("nobody".into()), 3),
            (Failure::Unknown { request, because: "cut".into() }, 4),
        ];
        for (failure, code) in failures {
            assert_eq!(failure.code(), code, "{failure}");
        }
    }

    #[test]
    fn an_unknown_outcome_names_the_command_that_tells_later() {
        let request = RequestId::new("r1").unwrap();
        let told = Failure::Unknown { request, because: "cut".into() }.to_string();
        assert!(told.contains("km requests get r1"), "{told}");
    }

    #[test]
    fn a_problem_is_told_with_code_and_hint() {
        let problem = json!({"detail": "It moved.", "code": "CHANGED", "hint": "Read again."});
        let told = Failure::Problem(problem).to_string();
        assert_eq!(told, "It moved. [CHANGED]\n  hint: Read again.");
    }
}
