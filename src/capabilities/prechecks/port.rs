//! Asking what the prechecks want to know: the hosts through [`Remote`], everything else from here.
//!
//! An answer never fails: what cannot be found out is an answer too. Only the end of the tenure stops the asking.

mod azcopy;
mod here;
mod login;
mod signing_in;

use futures::future::BoxFuture;

use super::plan::{Answer, Question, Tool};
use crate::base::HostId;
use crate::leadership::Ended;
use crate::remote::act::{CanaryStep, Location, Tool as HostTool};
use crate::remote::{Command, Output, Probe, Remote, RemoteFailure};

pub use self::azcopy::why as azcopy_why;
pub use self::here::FromHere;
pub(super) use self::signing_in::password;
pub use self::signing_in::{Managers, sign_in_here};

/// Longest text of an answer, in bytes; findings are cut further.
const TEXT_MAX_BYTES: usize = 400;

/// How tools say that somebody may not do what he wants to.
const DENIALS: [&str; 9] = [
    "accessdenied",
    "access denied",
    "permission denied",
    "forbidden",
    "403",
    "401",
    "unauthorized",
    "not authorized",
    "authorizationpermissionmismatch",
];

/// Whoever answers questions.
pub trait Ask: Sync {
    /// Asks one question. `Ended`: nothing may be asked any more.
    fn ask<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Result<Answer, Ended>>;
}

/// The real one, for as long as a tenure lasts.
pub struct Asking<R, M> {
    hosts: R,
    managers: M,
    here: FromHere,
}

impl<R: Remote, M: Managers> Asking<R, M> {
    /// Asks hosts under the right it is given, Managers, and what is asked from here by itself.
    pub fn of(hosts: R, managers: M, here: FromHere) -> Self {
        Self { hosts, managers, here }
    }

    async fn answer(&self, question: &Question) -> Result<Answer, Ended> {
        match question {
            Question::Zookeeper { address } => Ok(self.here.zookeeper(address).await),
            Question::LoadBalancer { url } => Ok(self.here.load_balancer(url).await),
            Question::Postgres { address } => Ok(self.here.postgres(address).await),
            Question::Login { by: None, address, user, database } => {
                Ok(self.here.login(address, user, database).await)
            }
            Question::Login { by: Some(by), address, .. } => {
                Ok(self.managers.sign_in(*by, address).await)
            }
            Question::Find { host, tool } => self.run(*host, &Command::Find(tool_of(*tool))).await,
            Question::Identity { host, tool } => {
                self.run(*host, &Command::Identity(tool_of(*tool))).await
            }
            Question::Canary { host, tool, location } => self.canary(*host, *tool, location).await,
            Question::Port { host, address } => {
                let probe = Probe::Tcp(address.clone());
                Ok(match self.hosts.probe(*host, &probe).await {
                    Ok(probed) if probed.answers => Answer::Good(one_line(&probed.detail)),
                    Ok(probed) => Answer::Bad(one_line(&probed.detail)),
                    Err(failure) => unanswered(failure)?,
                })
            }
        }
    }

    async fn run(&self, host: HostId, command: &Command) -> Result<Answer, Ended> {
        match self.hosts.run(host, command).await {
            Ok(output) => Ok(told(&output)),
            Err(failure) => unanswered(failure),
        }
    }

    /// Writes, reads, clears. What was written is cleared in any case; the first thing that went wrong is told.
    async fn canary(&self, host: HostId, tool: Tool, location: &str) -> Result<Answer, Ended> {
        let location: Location = match location.parse() {
            Ok(location) => location,
            Err(malformed) => return Ok(Answer::Bad(malformed.to_string())),
        };
        let step = |step| Command::Canary { tool: tool_of(tool), location: location.clone(), step };
        let put = during("writing", self.run(host, &step(CanaryStep::Put)).await?);
        if !matches!(put, Answer::Good(_)) {
            return Ok(put);
        }
        let got = during("reading", self.run(host, &step(CanaryStep::Get)).await?);
        let cleared = during("clearing", self.run(host, &step(CanaryStep::Delete)).await?);
        Ok(if matches!(got, Answer::Good(_)) { cleared } else { got })
    }
}

impl<R: Remote, M: Managers> Ask for Asking<R, M> {
    fn ask<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Result<Answer, Ended>> {
        Box::pin(self.answer(question))
    }
}

fn tool_of(tool: Tool) -> HostTool {
    match tool {
        Tool::Hdfs => HostTool::Hdfs,
        Tool::Aws => HostTool::Aws,
        Tool::Azcopy => HostTool::Azcopy,
        Tool::Gsutil => HostTool::Gsutil,
    }
}

/// What a command that ran to its end has to say.
fn told(output: &Output) -> Answer {
    let said = match azcopy::why(&output.stdout) {
        Some(why) => one_line(&why),
        None => text(&output.stdout),
    };
    let complained = text(&output.stderr);
    if output.succeeded() {
        return Answer::Good(said);
    }
    let why = if complained.is_empty() { said } else { complained };
    let why = match (why.is_empty(), output.exit) {
        (false, _) => why,
        (true, Some(code)) => format!("it ended with {code} and said nothing"),
        (true, None) => "it was ended by a signal".to_owned(),
    };
    let small = why.to_lowercase();
    match DENIALS.iter().any(|denial| small.contains(denial)) {
        true => Answer::Denied(why),
        false => Answer::Bad(why),
    }
}

/// What it means that a host did not answer. One that tried and could not has answered.
fn unanswered(failure: RemoteFailure) -> Result<Answer, Ended> {
    match failure {
        RemoteFailure::Ended(ended) => Err(ended),
        RemoteFailure::Refused(why) | RemoteFailure::Failed(why) => Ok(Answer::Bad(one_line(&why))),
        RemoteFailure::NoWay(_)
        | RemoteFailure::NotReady(_)
        | RemoteFailure::HostKeyChanged { .. }
        | RemoteFailure::Unreachable(_)
        | RemoteFailure::Fenced { .. }
        | RemoteFailure::Unknown(_) => Ok(Answer::Silent(one_line(&failure.to_string()))),
    }
}

fn during(what: &str, answer: Answer) -> Answer {
    let said = |why: String| format!("{what}: {why}");
    match answer {
        Answer::Good(_) => answer,
        Answer::Denied(why) => Answer::Denied(said(why)),
        Answer::Bad(why) => Answer::Bad(said(why)),
        Answer::Silent(why) => Answer::Silent(said(why)),
        Answer::Unasked(why) => Answer::Unasked(said(why)),
    }
}

fn text(bytes: &[u8]) -> String {
    one_line(&String::from_utf8_lossy(bytes))
}

/// On one line, without control characters, and not endless: the end of what a tool says is what matters.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let mut from = line.len().saturating_sub(TEXT_MAX_BYTES);
    while !line.is_char_boundary(from) {
        from += 1;
    }
    line[from..].to_owned()
}

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
