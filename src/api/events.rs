//! `GET /events`: what changes, live, in order and without a gap, as server-sent events.
//!
//! A change's revision is the event's id, so a browser that reconnects goes on where it was; of several changes of
//! one revision the last carries it. The
//! stream is pulled by the client: one that does not read is not waited for. When it has fallen behind what is
//! kept it is told to read everything again (`resync`) and its stream ends.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use futures::stream::{BoxStream, Stream, StreamExt};
use raft_store::planted::{Bug, planted};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cluster;
use super::codes::Fault;
use super::error::Problem;
use super::identity::Caller;
use super::input::Asked;
use super::notices::is_restarting;
use super::port::FeedItem;
use super::privilege::{Privilege, View};
use super::reading::Watcher;
use super::router::Routes;
use super::sight::Sight;
use super::surface::Surface;
use super::wire::Time;
use crate::base::{ManagerId, Revision};
use crate::capabilities::{
    access, alerts, hosts, installs, managers, operations, prechecks, properties, services,
};
use crate::leadership::Mode;
use crate::machine::{Change, Event, State};

/// How often mode and reachability are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often the status is sent although nothing changed: it tells the client that the stream lives.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// One change, as the stream tells it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct LiveChange {
    /// Where it was committed; also the event's id.
    pub revision: u64,
    /// When.
    pub at: Time,
    /// Who asked for it.
    pub by: String,
    /// The room it happened in.
    pub room: &'static str,
    /// What happened there.
    pub kind: &'static str,
    /// To what.
    pub subject: String,
    /// What is new.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// The data of `event: resync`: read everything again.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct Resync {
    /// The newest revision.
    pub revision: u64,
}

/// The data of `event: bookmark`: everything up to here was told, as far as it is told to this caller at all.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct Bookmark {
    /// That revision; also the event's id.
    pub revision: u64,
}

/// Where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventQuery {
    /// Changes after this revision; from now on when absent. The header `Last-Event-ID` goes before it.
    after: Option<u64>,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(events))
}

/// What changes, live. Events: `change` (data LiveChange, id: the revision), `resync` (data Resync), `status`
/// (data Cluster, no id) and `bookmark` (data Bookmark, id: the revision).
#[utoipa::path(get, path = "/events", operation_id = "events", tag = "cluster",
    params(EventQuery, ("Last-Event-ID" = Option<u64>, Header, description = "Id of the last event seen.")),
    responses((status = 200, content((LiveChange = "text/event-stream")))),
    extensions(("x-km-handled" = json!("local"))))]
async fn events(
    watcher: Watcher<View>,
    headers: HeaderMap,
    Asked(query): Asked<EventQuery>,
) -> Result<Sse<impl Stream<Item = Result<Sent, Infallible>>>, Problem> {
    let Watcher { surface, caller, .. } = watcher;
    // A stream that opens and ends at once would look like a Manager that is well, again and again.
    if surface.stopping.is_cancelled() {
        return Err(Problem::new(Fault::Stopping, "This Kyvos Manager is going down."));
    }
    let after = match last_seen(&headers)?.or(query.after.map(Revision)) {
        Some(Revision(seen)) => Revision(seen + u64::from(planted(Bug::WatchResumesLate))),
        None => surface.group.view(|state| state.kernel.revision),
    };
    let full =
        |_| Problem::new(Fault::TooManyStreams, "No further event stream can be opened here.");
    let place = surface.streams.clone().try_acquire_owned().map_err(full)?;
    let live = Live::new(surface, caller, after, place);
    let stream = futures::stream::unfold(live, |mut live| async {
        live.next().await.map(|event| (Ok(event), live))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

fn last_seen(headers: &HeaderMap) -> Result<Option<Revision>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let revision = value.to_str().ok().and_then(|text| text.parse().ok());
    let malformed = || Problem::new(Fault::MalformedHeader, "Last-Event-ID must be a revision.");
    revision.map(Some).ok_or_else(malformed)
}

/// One open stream.
struct Live {
    surface: Arc<Surface>,
    caller: Caller,
    feed: BoxStream<'static, FeedItem>,
    /// The revision up to which everything was taken from the feed.
    taken: Revision,
    ticks: Interval,
    last_glance: Option<Glance>,
    status_due: Instant,
    /// Events that wait for the client: those of one revision, and a look with its bookmark; never more.
    waiting: VecDeque<Sent>,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

/// What a status is sent for when it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Glance {
    mode: Mode,
    leader: Option<ManagerId>,
    reachable: BTreeSet<ManagerId>,
    leaving: Leaving,
}

/// Whether this Manager is about to fall silent, and says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    ToRestart,
    Removed,
}

impl Live {
    fn new(
        surface: Arc<Surface>,
        caller: Caller,
        after: Revision,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            feed: surface.group.follow(after),
            taken: after,
            surface,
            caller,
            ticks,
            last_glance: None,
            status_due: Instant::now(),
            waiting: VecDeque::new(),
            ended: false,
            _place: place,
        }
    }

    /// The next event; `None` when the stream is over.
    async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            tokio::select! {
                () = self.surface.stopping.cancelled() => self.take_leave(),
                _ = self.ticks.tick() => self.look(),
                item = self.feed.next() => self.take(item),
            }
        }
    }

    fn take(&mut self, item: Option<FeedItem>) {
        match item {
            Some(FeedItem::Change(change)) => {
                let mut told: Vec<Sent> = self.surface.group.view(|state| {
                    let told = told(&change, &self.caller, state);
                    told.map(|told| json("change", &told)).collect()
                });
                // Only the last of a revision moves the client on: one that was cut off between two of them
                // comes back with the revision before, and is told all of this one again.
                let last = told.pop().map(|last| last.id(change.revision.to_string()));
                self.waiting.extend(told.into_iter().chain(last));
                self.taken = change.revision;
                // A restart can be over before the next look.
                if change.events.iter().any(|event| matches!(event, Event::Operations(_))) {
                    self.look();
                }
            }
            Some(FeedItem::Lost { newest }) => {
                self.waiting.push_back(json("resync", &Resync { revision: newest.0 }));
                self.ended = true;
            }
            None => self.ended = true,
        }
    }

    /// The last word of a process that goes down: that it comes back at once, or never, if nobody was told yet.
    fn take_leave(&mut self) {
        let told = self.last_glance.as_ref().map(|glance| glance.leaving);
        let leaving = self.glance().leaving;
        if leaving != Leaving::No && told != Some(leaving) {
            self.waiting.push_back(json("status", &cluster::now(&self.surface)));
        }
        self.ended = true;
    }

    fn glance(&self) -> Glance {
        let sight = Sight::of(&*self.surface.group);
        self.surface.group.view(|state| Glance::of(state, &sight))
    }

    /// Sends the status when it changed or is due, and ends the stream of whoever is no longer signed in.
    fn look(&mut self) {
        if !self.caller.still_holds(&*self.surface.group) {
            self.ended = true;
            return;
        }
        let glance = Some(self.glance());
        if glance == self.last_glance && Instant::now() < self.status_due {
            return;
        }
        self.last_glance = glance;
        self.status_due = Instant::now() + STATUS_EVERY;
        self.waiting.push_back(json("status", &cluster::now(&self.surface)));
        self.waiting.push_back(self.bookmark());
    }

    /// How far the client is. What it may not see moves it on as well, so that it is not told to read everything again for
    /// want of changes that it would never have been told of.
    fn bookmark(&self) -> Sent {
        let Revision(revision) = self.taken;
        json("bookmark", &Bookmark { revision }).id(revision.to_string())
    }
}

impl Glance {
    fn of(state: &State, sight: &Sight) -> Self {
        let reachable = sight.peers.iter().filter(|peer| peer.reachable).map(|peer| peer.id);
        Self {
            mode: sight.verdict.mode,
            leader: sight.standing.leader,
            reachable: reachable.collect(),
            leaving: match sight.standing.removed {
                Some(_) => Leaving::Removed,
                None if is_restarting(state, sight) => Leaving::ToRestart,
                None => Leaving::No,
            },
        }
    }
}

fn json(name: &str, data: &impl Serialize) -> Sent {
    Sent::default().event(name).json_data(data).expect("wire types are plain data")
}

/// What of a change is told to this caller. `state`: as it is by now, from which things have their names.
fn told<'a>(
    change: &'a Change,
    caller: &'a Caller,
    state: &'a State,
) -> impl Iterator<Item = LiveChange> + use<'a> {
    let sees_users = Privilege::UsersManage.belongs_to(caller.role);
    let visible = move |event: &&Event| sees_users || !matches!(event, Event::Access(_));
    change.events.iter().filter(visible).filter_map(|event| {
        let (kind, subject, data) = notice(event, state)?;
        Some(LiveChange {
            revision: change.revision.0,
            at: change.at.into(),
            by: change.by.clone(),
            room: event.room(),
            kind,
            subject,
            data,
        })
    })
}

/// What each room tells of its events; `None`: nothing.
fn notice(event: &Event, state: &State) -> Option<(&'static str, String, serde_json::Value)> {
    match event {
        Event::Managers(event) => managers::api::notice(event),
        Event::Properties(event) => Some(properties::api::notice(event)),
        Event::Operations(event) => Some(operations::api::notice(event)),
        Event::Access(event) => access::api::notice(event),
        Event::Hosts(event) => Some(hosts::api::notice(event)),
        Event::Prechecks(event) => Some(prechecks::api::notice(event)),
        Event::Installs(event) => Some(installs::api::notice(event)),
        Event::Services(event) => Some(services::api::notice(event, state)),
        Event::Alerts(event) => Some(alerts::api::notice(event)),
    }
}
