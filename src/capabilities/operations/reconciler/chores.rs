//! What operations have to do on hosts: one chore of each operation at a time, all of them side by side.
//!
//! A chore looks before it does, so it may be begun again by whoever is Active next. What cannot be seen from
//! outside, such as which process was to end, is noted in the facts first.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, TryFutureExt};

use super::super::command::Command;
use super::super::model::{StepEnd, newcomer};
use super::super::plan::{Act, Chore, Move, Place, plan};
use super::{told, waves};
use crate::base::{Code, Digest, HostId, ManagerId, Refusal, Secret, Sha256};
use crate::capabilities::installs::model::{self as installs, Copy, recovery_script};
use crate::capabilities::managers::invitation::Invitation;
use crate::capabilities::managers::model::{self as managers, Role};
use crate::capabilities::managers::port::{ActFailure, InTenure, OnHosts};
use crate::capabilities::properties::schema::{DR_SCRIPT_PATH, MANAGER_CONFIG_PATH};
use crate::cluster::Group;
use crate::leadership::{Pass, Reconciler, Tenure};
use crate::machine::State;
use crate::remote::{
    Command as HostCommand, Hosts, Output, RemoteFailure, RemotePath, UnitState, UnitVerb,
};

/// How often is looked whether a host that did not answer does now. Everything else is noticed by its event.
const PERIOD: Duration = Duration::from_secs(1);

/// How long a host has to come with the token it is given. A token of an Active that died dies with it.
const TOKEN_TTL_MS: u64 = 10 * 60 * 1000;
/// Most of what a program on a host said that is told, in bytes: the end of it, where it says why.
const WORDS_MAX_BYTES: usize = 400;

/// Does what operations have to do on hosts.
pub struct Chores {
    group: Group,
    hosts: Arc<Hosts>,
}

impl Chores {
    /// The reconciler of this group and its hosts.
    pub fn of(group: Group, hosts: Arc<Hosts>) -> Self {
        Self { group, hosts }
    }
}

impl Reconciler for Chores {
    fn name(&self) -> &'static str {
        "chores"
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    fn pass<'a>(&'a self, tenure: &'a Tenure) -> BoxFuture<'a, Pass> {
        Box::pin(async move {
            pass(&InTenure::of(&self.group, tenure).acting(self.hosts.under(tenure))).await
        })
    }
}

/// One pass: every chore that is due. One that fails holds up no other.
pub(super) async fn pass(reach: &impl OnHosts) -> Pass {
    let epoch = reach.epoch();
    let moves = reach.look(|state, seen| plan(state, seen, epoch));
    let due = moves.into_iter().filter_map(|Move { because, act }| match act {
        Act::Chore { at, host, chore, otherwise } => {
            Some(run(reach, because, Due { at, host, chore, otherwise }).map_ok(Some).boxed())
        }
        Act::Wave { at, deed } => Some(waves::run(reach, because, at, deed).boxed()),
        _ => None,
    });
    let mut done = Pass::Nothing;
    for outcome in join_all(due).await {
        match outcome {
            Ok(Some(what)) if !matches!(done, Pass::Failed(_)) => done = Pass::Did(what),
            Ok(_) => {}
            Err(failure) => done = Pass::Failed(failure),
        }
    }
    done
}

/// A chore that is due.
struct Due {
    at: Place,
    host: HostId,
    chore: Chore,
    otherwise: StepEnd,
}

/// Runs a chore and ends its step, unless what it did shows in the facts by itself.
async fn run(reach: &impl OnHosts, because: String, due: Due) -> Result<String, String> {
    let came_of_it = match carry_out(reach, &due).await {
        Ok(Some(detail)) => end(reach, due.at, StepEnd::Done, detail).await,
        Ok(None) => Ok(()),
        Err(failure) if hopeless(&failure, due.otherwise) => {
            end(reach, due.at, due.otherwise, in_words(reach, &due, &failure)).await
        }
        Err(failure) => told(reach, due.at, Err(failure)).await,
    };
    came_of_it.map_err(|failure| format!("{because}: {failure}")).map(|()| because)
}

pub(super) async fn end(
    reach: &impl OnHosts,
    at: Place,
    end: StepEnd,
    detail: String,
) -> Result<(), ActFailure> {
    let (Place { id, step }, epoch) = (at, reach.epoch());
    reach.propose(Command::StepEnded { id, step, end, detail, epoch }.into()).await
}

/// Whether trying again is of no use. A host that does not answer may answer in a moment, unless the step can be
/// passed over: then nobody waits for it.
pub(super) fn hopeless(failure: &ActFailure, otherwise: StepEnd) -> bool {
    match failure {
        ActFailure::Remote(failure) => match failure {
            RemoteFailure::NoWay(_)
            | RemoteFailure::NotReady(_)
            | RemoteFailure::HostKeyChanged { .. }
            | RemoteFailure::Refused(_)
            | RemoteFailure::Failed(_) => true,
            RemoteFailure::Unreachable(_) => otherwise == StepEnd::Skipped,
            RemoteFailure::Ended(_) | RemoteFailure::Fenced { .. } | RemoteFailure::Unknown(_) => {
                false
            }
        },
        ActFailure::Refused(refusal) => refusal.code != Code::StaleEpoch,
        ActFailure::Ended(_)
        | ActFailure::Propose(_)
        | ActFailure::Membership(_)
        | ActFailure::HandOver(_) => false,
    }
}

fn in_words(reach: &impl OnHosts, due: &Due, failure: &ActFailure) -> String {
    let name = reach.look(|state, _| name_of(state, due.host));
    match due.chore {
        Chore::Uninstall => format!(
            "{name} is no member any more, but its service was not stopped there: {failure}. Stop it on the host"
        ),
        _ => format!("{name}: {failure}"),
    }
}

/// What came of it, for the step's end; `None` when the facts show it and the next look will see.
async fn carry_out(reach: &impl OnHosts, due: &Due) -> Result<Option<String>, ActFailure> {
    match due.chore {
        Chore::Start(member) => start(reach, due.host, member).await.map(Some),
        Chore::Stop { member, for_good: true } => {
            stop_for_good(reach, due.host, due.at, member).await.map(Some)
        }
        Chore::Stop { for_good: false, .. } => stop(reach, due.host).await.map(Some),
        Chore::Uninstall => stop(reach, due.host).await.map(Some),
        Chore::Join(role) => {
            withdraw_half_joined(reach, due.at).await?;
            join(reach, due.at, due.host, role).await.map(Some)
        }
        Chore::Push => push(reach, due.at, due.host).await.map(|()| None),
    }
}

async fn start(
    reach: &impl OnHosts,
    host: HostId,
    member: ManagerId,
) -> Result<String, ActFailure> {
    let stopped = reach.look(|state, _| state.installs.stops.contains_key(&member));
    if stopped {
        reach.propose(installs::Command::NoteStart { manager: member }.into()).await?;
    }
    let status = reach.order(host, UnitVerb::Start).await?;
    match (status.state, status.pid) {
        (UnitState::Running, Some(pid)) => Ok(format!("started as process {pid}")),
        (UnitState::Running | UnitState::Starting, _) => Ok("started".to_owned()),
        (UnitState::Stopping | UnitState::Stopped | UnitState::Failed, _) => {
            Err(failed(format!("the service did not start: {}", ended(&status.ended))))
        }
    }
}

async fn stop(reach: &impl OnHosts, host: HostId) -> Result<String, ActFailure> {
    let status = reach.order(host, UnitVerb::Stop).await?;
    match status.state {
        UnitState::Stopped | UnitState::Failed => Ok("stopped".to_owned()),
        UnitState::Running | UnitState::Starting | UnitState::Stopping => {
            Err(RemoteFailure::Unknown("the service has not stopped yet".into()).into())
        }
    }
}

/// Which process is to end is noted first. So one that somebody has started since is left alone, also after a
/// quorum was lost by the stop and found again by that start.
async fn stop_for_good(
    reach: &impl OnHosts,
    host: HostId,
    at: Place,
    member: ManagerId,
) -> Result<String, ActFailure> {
    let found = reach.service(host).await?;
    let (noted, process) = reach.look(|state, seen| {
        let stop = state.installs.stops.get(&member).filter(|stop| stop.operation == at.id);
        (stop.cloned(), seen.processes.get(&member).copied())
    });
    match noted {
        None if found.pid.is_none() && process.is_some() => {
            return Err(failed(
                "the Manager answers, but not as the service of this host: it was started by other means and has to be stopped there",
            ));
        }
        None => {
            let (manager, operation, pid) = (member, at.id, found.pid);
            let note = installs::Command::NoteStop { manager, operation, pid, process };
            reach.propose(note.into()).await?;
        }
        Some(stop) if found.pid.is_some() && found.pid != stop.pid => {
            reach.propose(installs::Command::NoteStart { manager: member }.into()).await?;
            return Ok("it was stopped, and somebody has started it since".to_owned());
        }
        Some(_) => {}
    }
    stop(reach, host).await
}

/// Takes back whom an earlier try let in. Its Active died or its answer was lost, and whether the host has what it
/// was given cannot be seen from here: so it is let in anew, and puts aside what it may have.
async fn withdraw_half_joined(reach: &impl OnHosts, at: Place) -> Result<(), ActFailure> {
    let Some(manager) = reach.look(|state, _| newcomer_of(state, at)) else { return Ok(()) };
    let because = "it was not seen to settle down on its host, and is let in anew".to_owned();
    reach.propose(managers::Command::Withdraw { manager, because }.into()).await
}

fn newcomer_of(state: &State, at: Place) -> Option<ManagerId> {
    let operation = state.operations.operations.get(&at.id)?;
    newcomer(&state.managers, at.id, operation)
}

/// The token is made now and kept nowhere: the facts have its digest, and whoever is Active next makes another.
async fn join(
    reach: &impl OnHosts,
    at: Place,
    host: HostId,
    role: Role,
) -> Result<String, ActFailure> {
    let secret = Secret::new(format!("km_j_{}", Digest(rand::random())));
    let digest = Digest::of(secret.reveal().as_bytes());
    let ttl_ms = TOKEN_TTL_MS;
    reach.propose(managers::Command::CreateJoinToken { digest, role, ttl_ms }.into()).await?;
    let (invitation, config) = reach.look(|state, _| {
        let config = state.properties.host_path(MANAGER_CONFIG_PATH, &name_of(state, host));
        (Invitation::of(&state.managers, secret), config)
    });
    let token = invitation.ok_or_else(|| failed("the group's certificate cannot be read"))?;
    let command = HostCommand::Join { config: path(&config)?, token: token.reveal() };
    let output = match reach.run(host, command).await {
        Ok(output) => output,
        Err(failure) => {
            take_back(reach, digest).await?;
            return Err(failure);
        }
    };
    let (let_in, name) = reach.look(|state, _| (newcomer_of(state, at), name_of(state, host)));
    match (output.succeeded(), let_in) {
        (true, Some(member)) => Ok(format!("{name} was let in as Kyvos Manager {member}")),
        (true, None) => Err(failed(format!(
            "km join let somebody in who does not call itself {name}: set node.host in {config} there"
        ))),
        (false, _) => {
            take_back(reach, digest).await?;
            Err(failed(format!("km join refused: {}", last_words(&output))))
        }
    }
}

/// A token that was not used is of no use to anybody any more.
async fn take_back(reach: &impl OnHosts, digest: Digest) -> Result<(), ActFailure> {
    let id = reach.look(|state, _| {
        let tokens = &state.managers.join_tokens;
        tokens.iter().find(|(_, token)| token.digest == digest).map(|(id, _)| *id)
    });
    match id {
        Some(id) => reach.propose(managers::Command::DeleteJoinToken { id }.into()).await,
        None => Ok(()),
    }
}

async fn push(reach: &impl OnHosts, at: Place, host: HostId) -> Result<(), ActFailure> {
    let (script, to) = reach.look(|state, _| {
        let to = state.properties.host_path(DR_SCRIPT_PATH, &name_of(state, host));
        (Bytes::from(recovery_script(state)), to)
    });
    let sha256 = Sha256::of(&script);
    let written = async {
        let stamp = reach.put(host, path(&to)?, script).await?;
        match Sha256(stamp.sha256) == sha256 {
            true => Ok(Copy::Written { path: to, sha256 }),
            false => Err(failed("what was written there is not what was sent")),
        }
    };
    let written = written.await;
    let copy = match &written {
        Ok(copy) => copy.clone(),
        Err(failure @ (ActFailure::Remote(_) | ActFailure::Refused(_))) => {
            Copy::Failed { because: failure.to_string() }
        }
        Err(failure) => return Err(failure.clone()),
    };
    let note = installs::Command::NotePush { host, operation: at.id, copy };
    reach.propose(note.into()).await?;
    written.map(|_| ())
}

fn path(text: &str) -> Result<RemotePath, ActFailure> {
    let malformed =
        |why| ActFailure::from(Refusal::new(Code::InvalidValue, format!("{text}: {why}.")));
    text.parse().map_err(malformed)
}

pub(super) fn name_of(state: &State, host: HostId) -> String {
    let known = state.hosts.hosts.get(&host);
    known.map_or_else(|| format!("host {host}"), |known| known.name.clone())
}

pub(super) fn failed(because: impl Into<String>) -> ActFailure {
    RemoteFailure::Failed(because.into()).into()
}

pub(super) fn ended(how: &str) -> &str {
    if how.is_empty() { "its host says no more" } else { how }
}

/// The last lines of what a program said, in one line.
fn last_words(output: &Output) -> String {
    let said = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
    let said = String::from_utf8_lossy(said);
    let words: Vec<_> = said.split_whitespace().collect();
    let line = words.join(" ");
    let from = line.len().saturating_sub(WORDS_MAX_BYTES);
    let from = (from..line.len()).find(|at| line.is_char_boundary(*at)).unwrap_or(line.len());
    match line.is_empty() {
        true => "it said nothing".to_owned(),
        false => line[from..].to_owned(),
    }
}
