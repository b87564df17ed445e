//! Changes: who asks, under which name, expecting what; then one proposal to the group.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::answer::Answer;
use super::codes::Fault;
use super::condition::{Condition, IfMatch, Unconditional, if_match};
use super::envelope::RequestName;
use super::error::Problem;
use super::identity::{Caller, identify};
use super::input::{body_bytes, parse};
use super::keys::TokenKind;
use super::port::HistoryRow;
use super::privilege::{Need, Needs};
use super::redirect::{Halt, instead_of_forwarding};
use super::surface::Surface;
use crate::base::{Digest, ManagerId, RequestId, Revision, Secret};
use crate::cluster::{Consistency, Draft};
use crate::machine::{Actor, Command, State};

/// A changing call, checked: the caller may do it and the body is what the route expects. `C` says whether it
/// takes a condition.
pub(crate) struct Change<P, T, C = Unconditional> {
    pub(crate) surface: Arc<Surface>,
    /// `None` on routes that need nobody.
    caller: Option<Caller>,
    /// The body.
    pub(crate) body: T,
    condition: C,
    /// The request's name.
    name: RequestName,
    fingerprint: Digest,
    /// The client's address, as the connection shows it.
    pub(crate) source: Option<String>,
    needs: PhantomData<P>,
}

/// A committed change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Committed {
    pub(crate) revision: Revision,
    pub(crate) by: ManagerId,
}

impl<P: Needs, T: DeserializeOwned + Send, C: Condition> FromRequest<Arc<Surface>>
    for Change<P, T, C>
{
    type Rejection = Halt;

    async fn from_request(request: Request, surface: &Arc<Surface>) -> Result<Self, Halt> {
        let (parts, body) = request.into_parts();
        let caller = match P::NEED {
            Need::Nobody => None,
            need @ (Need::SignedIn | Need::Privilege(_)) => {
                let caller = identify(surface, &parts.method, &parts.headers).await?;
                caller.must(need)?;
                Some(caller)
            }
        };
        let condition = C::under(if_match(&parts.headers)?)?;
        instead_of_forwarding(surface, &parts)?;
        let bytes = body_bytes(body).await?;
        let body = parse(&parts.headers, &bytes)?;
        let fingerprint = fingerprint(surface, caller.as_ref(), &parts, &bytes);
        let name = RequestName::of(&parts.extensions);
        let source = source(&parts);
        let surface = surface.clone();
        let needs = PhantomData;
        Ok(Self { surface, caller, body, condition, name, fingerprint, source, needs })
    }
}

impl<P, T> Change<P, T, IfMatch> {
    /// `If-Match`: change only if the object's last change is this revision.
    pub(crate) fn expect(&self) -> Option<Revision> {
        self.condition.0
    }
}

impl<P, T, C> Change<P, T, C> {
    /// Who asks, as it stands in the log.
    pub(crate) fn actor(&self) -> Actor {
        self.caller.as_ref().map_or(Actor::Anonymous, |caller| caller.actor.clone())
    }

    /// Digest of the session or token the caller showed.
    pub(crate) fn shown(&self) -> Option<Digest> {
        self.caller.as_ref().map(|caller| caller.digest)
    }

    /// Counts a try that somebody could guess with, under the caller's address; 429 when there are too many.
    pub(crate) fn throttled(&self, whom: &str) -> Result<(), Problem> {
        let address = self.source.as_deref().unwrap_or("unknown");
        self.surface.sign_ins.try_now(address, whom, Instant::now()).map_err(|wait| {
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            let detail = format!(
                "Too many tries for {whom} from {address}, right ones included; the next one in {seconds} s."
            );
            Problem::new(Fault::TooManyLogins, detail).retry_after(seconds)
        })
    }

    /// What the group answered when this request came for the first time, if it did: a repeat is not judged
    /// anew by what has become of the world since.
    pub(crate) fn first_answer(&self) -> Option<Result<Committed, Problem>> {
        let group = &self.surface.group;
        let name = self.name.given.then_some(&self.name.id)?;
        let (first, by) = group.view(|state| {
            let first = state.kernel.answer_as_asked(name, &self.fingerprint)?;
            let by = state.managers.tenure.as_ref().map_or(group.here(), |tenure| tenure.active);
            Some((first, by))
        })?;
        let committed = first.into_result().map(|revision| Committed { revision, by });
        Some(committed.map_err(Problem::from))
    }

    /// A token to be shown in the answer; the same one again when the request is repeated under its key.
    pub(crate) fn token(&self, kind: TokenKind) -> Secret {
        let asked = self.name.given.then_some((&self.name.id, self.fingerprint));
        self.surface.keys.token(kind, asked)
    }

    /// History rows of a key, newest first. Rows never change; only a Manager that has not got that far yet
    /// may miss them, and it catches up first.
    pub(crate) async fn history(
        &self,
        table: u8,
        key: Vec<u8>,
        before: Revision,
        limit: usize,
    ) -> Result<Vec<HistoryRow>, Problem> {
        let group = &self.surface.group;
        if group.view(|state| state.kernel.revision) < before {
            group.settle(Consistency::Linearizable).await?;
        }
        Ok(group.history(table, key, Some(before), limit).await?)
    }

    /// Brings a command before the group, in the caller's name.
    pub(crate) async fn propose(
        &self,
        command: impl Into<Command>,
        reason: Option<String>,
    ) -> Result<Committed, Problem> {
        self.propose_as(self.name.id.clone(), self.actor(), command.into(), reason).await
    }

    /// Brings a command before the group in the name of somebody who is not signed in yet.
    pub(crate) async fn propose_by(
        &self,
        by: Actor,
        command: impl Into<Command>,
    ) -> Result<Committed, Problem> {
        self.propose_as(self.name.id.clone(), by, command.into(), None).await
    }

    /// Brings a command before the group that is no part of the request's outcome, under a name of its own.
    pub(crate) async fn propose_apart(
        &self,
        by: Actor,
        command: impl Into<Command>,
    ) -> Result<Committed, Problem> {
        self.propose_as(RequestName::fresh().id, by, command.into(), None).await
    }

    /// Brings a command before the group under a name that follows from what is asked, so that whoever lost the answer
    /// and asks for the same again is given it again, without having kept a name.
    pub(crate) async fn propose_named(
        &self,
        name: RequestId,
        fingerprint: Digest,
        command: impl Into<Command>,
    ) -> Result<Committed, Problem> {
        self.settled(Draft {
            by: self.actor(),
            source: self.source.clone(),
            request: Some(name),
            fingerprint: Some(fingerprint),
            reason: None,
            fence: None,
            command: command.into(),
        })
        .await
    }

    async fn propose_as(
        &self,
        request: RequestId,
        by: Actor,
        command: Command,
        reason: Option<String>,
    ) -> Result<Committed, Problem> {
        let (source, fingerprint) = (self.source.clone(), self.fingerprint);
        let (request, fingerprint) = (Some(request), Some(fingerprint));
        let draft = Draft { by, source, request, fingerprint, reason, fence: None, command };
        self.settled(draft).await
    }

    async fn settled(&self, draft: Draft) -> Result<Committed, Problem> {
        let settled = self.surface.group.propose(draft).await?;
        let by = settled.committed_by;
        Ok(Committed { revision: settled.answer.into_result()?, by })
    }
}

impl Committed {
    /// Answers with the object as it is now. Whoever deleted it meanwhile leaves nothing to show, but the
    /// change was made: 204.
    pub(crate) fn show<T>(
        self,
        surface: &Surface,
        status: StatusCode,
        look: impl FnOnce(&State) -> Option<T>,
    ) -> Answer<T> {
        let (body, epoch) = surface.group.view(|state| (look(state), state.managers.epoch()));
        Answer {
            status: if body.is_some() { status } else { StatusCode::NO_CONTENT },
            body,
            revision: self.revision,
            epoch,
            committed_by: Some(self.by),
            etag: None,
            age_ms: None,
            extra: None,
        }
    }

    /// Answers 204: there is nothing to show.
    pub(crate) fn empty(self, surface: &Surface) -> Answer<()> {
        self.show(surface, StatusCode::NO_CONTENT, |_| None)
    }
}

fn fingerprint(surface: &Surface, caller: Option<&Caller>, parts: &Parts, bytes: &[u8]) -> Digest {
    let who = caller.map(|caller| caller.actor.to_string()).unwrap_or_default();
    let condition = parts.headers.get(header::IF_MATCH).map(|value| value.as_bytes());
    surface.keys.fingerprint(&[
        parts.method.as_str().as_bytes(),
        parts.uri.path().as_bytes(),
        who.as_bytes(),
        condition.unwrap_or_default(),
        bytes,
    ])
}

fn source(parts: &Parts) -> Option<String> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(address)| address.ip().to_canonical().to_string())
}
