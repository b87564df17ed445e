//! Reads: settled as fresh as asked, then one look at the facts.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::answer::Answer;
use super::codes::Fault;
use super::error::Problem;
use super::identity::{Caller, identify};
use super::input::consistency;
use super::port::HistoryRow;
use super::privilege::Needs;
use super::redirect::{Halt, instead_of_forwarding};
use super::surface::Surface;
use super::wire::{Page, Past};
use crate::base::Revision;
use crate::cluster::{Consistency, ReadStamp};
use crate::leadership::Mode;
use crate::machine::State;

/// How long a look that also works without a quorum waits for one.
const ONLOOKER_WAIT: Duration = Duration::from_millis(500);

/// The age sent when no leader was heard since this process started: the largest number every client can read.
const NEVER_MS: u64 = (1 << 53) - 1;

/// Somebody who may read, and a Manager fresh enough to be read from.
///
/// Linearizable unless `?consistency=local` says otherwise; without a quorum the answer is 503.
pub(crate) struct Reader<P> {
    pub(crate) surface: Arc<Surface>,
    pub(crate) caller: Caller,
    age_ms: Option<u64>,
    needs: PhantomData<P>,
}

/// Somebody who looks at the group itself: linearizable while there is a quorum, else what this Manager knows.
pub(crate) struct Onlooker<P> {
    pub(crate) surface: Arc<Surface>,
    age_ms: Option<u64>,
    /// Whether what this Manager knows is what was asked for.
    local: bool,
    needs: PhantomData<P>,
}

/// Somebody who watches from here, whatever the state of the group.
pub(crate) struct Watcher<P> {
    pub(crate) surface: Arc<Surface>,
    pub(crate) caller: Caller,
    needs: PhantomData<P>,
}

impl<P: Needs> FromRequestParts<Arc<Surface>> for Watcher<P> {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        surface: &Arc<Surface>,
    ) -> Result<Self, Problem> {
        let caller = identify(surface, &parts.method, &parts.headers).await?;
        caller.must(P::NEED)?;
        Ok(Self { surface: surface.clone(), caller, needs: PhantomData })
    }
}

impl<P: Needs> FromRequestParts<Arc<Surface>> for Reader<P> {
    type Rejection = Halt;

    async fn from_request_parts(parts: &mut Parts, surface: &Arc<Surface>) -> Result<Self, Halt> {
        let consistency = consistency(&parts.uri)?.unwrap_or(Consistency::Linearizable);
        if consistency == Consistency::Linearizable {
            instead_of_forwarding(surface, parts)?;
        }
        // The caller is looked up after the read is settled: whoever was signed out before it began is out.
        let stamp = settle_for(surface, parts, consistency).await?;
        let caller = identify(surface, &parts.method, &parts.headers).await?;
        caller.must(P::NEED)?;
        let age_ms = (consistency == Consistency::Local).then(|| stamp.age_ms.unwrap_or(NEVER_MS));
        Ok(Self { surface: surface.clone(), caller, age_ms, needs: PhantomData })
    }
}

/// Settles a read. Without a quorum whoever is not signed in is told that first, and nothing else.
async fn settle_for(
    surface: &Arc<Surface>,
    parts: &Parts,
    consistency: Consistency,
) -> Result<ReadStamp, Problem> {
    match surface.group.settle(consistency).await {
        Ok(stamp) => Ok(stamp),
        Err(failure) => {
            identify(surface, &parts.method, &parts.headers).await?;
            Err(failure.into())
        }
    }
}

impl<P: Needs> FromRequestParts<Arc<Surface>> for Onlooker<P> {
    type Rejection = Halt;

    async fn from_request_parts(parts: &mut Parts, surface: &Arc<Surface>) -> Result<Self, Halt> {
        let local = consistency(&parts.uri)? == Some(Consistency::Local);
        let age_ms =
            if local { Some(local_age(surface)) } else { settle_if_possible(surface).await };
        let caller = identify(surface, &parts.method, &parts.headers).await?;
        caller.must(P::NEED)?;
        Ok(Self { surface: surface.clone(), age_ms, local, needs: PhantomData })
    }
}

/// `None` when the read is linearizable, else how old what this Manager knows may be.
async fn settle_if_possible(surface: &Arc<Surface>) -> Option<u64> {
    if surface.group.verdict().mode == Mode::NoQuorum {
        return Some(local_age(surface));
    }
    let settling = surface.group.settle(Consistency::Linearizable);
    match tokio::time::timeout(ONLOOKER_WAIT, settling).await {
        Ok(Ok(_)) => None,
        Ok(Err(_)) | Err(_) => Some(local_age(surface)),
    }
}

fn local_age(surface: &Arc<Surface>) -> u64 {
    let heard = surface.group.standing().leader_heard_ago;
    heard.map_or(NEVER_MS, |ago| u64::try_from(ago.as_millis()).unwrap_or(NEVER_MS))
}

impl<P> Reader<P> {
    /// Answers with what one look at the facts finds.
    pub(crate) fn show<T>(
        &self,
        look: impl FnOnce(&State) -> Result<T, Problem>,
    ) -> Result<Answer<T>, Problem> {
        show(&self.surface, self.age_ms, look)
    }

    /// History rows of a key, newest first.
    pub(crate) async fn history(
        &self,
        table: u8,
        key: Vec<u8>,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<HistoryRow>, Problem> {
        Ok(self.surface.group.history(table, key, before, limit).await?)
    }

    /// A page of history that was read, and how far back there is any. What is forgotten meanwhile may be in the page.
    pub(crate) fn past<T>(&self, page: Page<T>) -> Result<Past<T>, Problem> {
        let kept_from = self.surface.group.kept_from()?.0;
        Ok(Past { items: page.items, next: page.next, kept_from })
    }
}

impl<P> Onlooker<P> {
    /// Answers with what one look at the facts finds. What is not found here may be there, as long as nobody could be asked.
    pub(crate) fn show<T>(
        &self,
        look: impl FnOnce(&State) -> Result<T, Problem>,
    ) -> Result<Answer<T>, Problem> {
        let known = show(&self.surface, self.age_ms, look);
        let alone = self.age_ms.is_some() && !self.local;
        known.map_err(|problem| if alone { cannot_rule_out(problem) } else { problem })
    }
}

fn cannot_rule_out(problem: Problem) -> Problem {
    if problem.status() != StatusCode::NOT_FOUND {
        return problem;
    }
    let known = problem.detail.trim_end_matches('.');
    Problem::new(
        Fault::NoQuorum,
        format!("{known}, as far as is known here: nobody else could be asked."),
    )
}

fn show<T>(
    surface: &Surface,
    age_ms: Option<u64>,
    look: impl FnOnce(&State) -> Result<T, Problem>,
) -> Result<Answer<T>, Problem> {
    let at = |state: &State| (state.kernel.revision, state.managers.epoch());
    let (body, (revision, epoch)) =
        surface.group.view(|state| look(state).map(|body| (body, at(state))))?;
    Ok(Answer {
        status: StatusCode::OK,
        body: Some(body),
        revision,
        epoch,
        committed_by: None,
        etag: None,
        age_ms,
        extra: None,
    })
}
