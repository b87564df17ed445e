//! The only user of the ZooKeeper client: connects, watches, tells. It has no word for creating, changing or deleting.
//!
//! A watch runs on a thread of its own, with a runtime of its own. So neither a flood of events nor a client that
//! panics on what a server sent is more than a watch that ended: see [`THREAD`].
//!
//! Events say only which znodes to look at again. What was missed while the connection was away is found by listing
//! everything anew: ZooKeeper does not replay it. Before that every watch is asked for anew: on a new connection the
//! client repeats only watches that are not recursive (`resend_watches` of 0.11.2 never sends `SetWatches2`), and says
//! nothing of it.

mod connecting;
mod dump;
mod four_letters;
mod tree;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{BoxStream, SelectAll, select_all};
use futures::{FutureExt, StreamExt, stream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use zookeeper_client::{
    AddWatchMode, Client, Error, EventType, PersistentWatcher, SessionState, StateWatcher,
};

use self::connecting::{Ready, connect};
use self::tree::Troubles;
use super::{Ask, News, Session, Watcher, Zookeeper, session};
use crate::capabilities::services::model::{Profile, SIGHTINGS_MAX};
use crate::capabilities::services::plan::Order;
use crate::cluster::Group;

/// The name of the threads that speak to ZooKeeper. A panic there ends its watch and not the process: the client is
/// not ours, and reads what somebody else's server sends.
pub const THREAD: &str = "zookeeper";

/// How long a session outlives its connection. Nothing of ours hangs on it but the watch.
const SESSION: Duration = Duration::from_secs(10);
/// Longest wait for a first connection, to whichever server.
const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// How long a watch without a connection goes on trying. A server whose data is older than ours never takes the session
/// up again, so at some time it is begun anew.
const RESUME_WAIT: Duration = Duration::from_secs(15);
/// Longest time for a look at everything.
const LIST_WAIT: Duration = Duration::from_secs(60);
/// How long events are gathered before it is looked: what comes together is looked at together.
const BREATH: Duration = Duration::from_millis(20);
/// How often everything is listed although nothing happened.
const LIST_EVERY: Duration = Duration::from_secs(300);
/// The same while not everything can be seen: what happens where that is so is looked at then only.
const LIST_TROUBLED_EVERY: Duration = Duration::from_secs(20);
/// Most znodes that are looked at again one by one; when more changed, everything is listed.
const DIRTY_MAX: usize = 4_096;
/// How long the thread's runtime may take to end.
const FAREWELL: Duration = Duration::from_secs(1);

/// ZooKeeper, as this Manager reaches it.
pub struct RealZookeeper {
    group: Group,
}

impl RealZookeeper {
    /// ZooKeeper as a member of this group reaches it: its secrets open with the group key.
    pub fn of(group: Group) -> Self {
        Self { group }
    }
}

impl Zookeeper for RealZookeeper {
    fn watch(&self, order: &Order) -> Session {
        let (session, watcher) = session();
        let ready = Ready::of(order, |purpose, sealed| self.group.open_sealed(purpose, sealed));
        let profile = order.profile.clone();
        let thread = std::thread::Builder::new().name(THREAD.into());
        let news = watcher.news.clone();
        if let Err(error) = thread.spawn(move || run(ready, profile, watcher)) {
            // A channel that was just made has room.
            drop(news.try_send(News::Ended(format!("there is no thread for it: {error}"))));
        }
        session
    }

    fn stands<'a>(
        &'a self,
        order: &'a Order,
        address: &'a str,
    ) -> BoxFuture<'a, Result<String, String>> {
        let ready = Ready::of(order, |purpose, sealed| self.group.open_sealed(purpose, sealed));
        async move { four_letters::stands(ready?.tls.as_ref(), address).await }.boxed()
    }
}

/// The whole life of a watch's thread.
fn run(ready: Result<Ready, String>, profile: Profile, watcher: Watcher) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (runtime, ready) = match (runtime, ready) {
        (Ok(runtime), Ok(ready)) => (runtime, ready),
        (Err(error), _) => {
            return end(&watcher.news, format!("there is no runtime for it: {error}"));
        }
        (_, Err(because)) => return end(&watcher.news, because),
    };
    let news = watcher.news.clone();
    let because = runtime.block_on(watch(&ready, profile, watcher));
    runtime.shutdown_timeout(FAREWELL);
    end(&news, because);
}

/// Nobody may listen any more; then nobody wants to know.
fn end(news: &mpsc::Sender<News>, because: String) {
    drop(news.blocking_send(News::Ended(because)));
}

/// Watches until nobody listens or it cannot go on, and says why.
async fn watch(ready: &Ready, profile: Profile, watcher: Watcher) -> String {
    let client = tokio::select! {
        () = watcher.news.closed() => return nobody(),
        connected = timeout(CONNECT_WAIT, connect(ready, SESSION)) => match connected {
            Ok(Ok(client)) => client,
            Ok(Err(because)) => return because,
            Err(_) => return format!("no server let us in within {} s", CONNECT_WAIT.as_secs()),
        },
    };
    Watching::new(client, profile, watcher).run().await
}

type Events = SelectAll<BoxStream<'static, Option<String>>>;

/// One recursive watch for each branch that means something, whether it is there yet or not.
async fn listen(client: &Client, profile: &Profile) -> Result<Events, Error> {
    let mut watches = Vec::new();
    for base in profile.bases() {
        watches.push(events(client.watch(&base, AddWatchMode::PersistentRecursive).await?));
    }
    Ok(select_all(watches))
}

/// The paths of a watch's events; `None` for one about the session, of which the session's own state tells.
fn events(watcher: PersistentWatcher) -> BoxStream<'static, Option<String>> {
    stream::unfold(Some(watcher), |watcher| async {
        let mut watcher = watcher?;
        let event = watcher.changed().await;
        match event.event_type {
            EventType::Session => {
                let over = event.session_state.is_terminated();
                Some((None, (!over).then_some(watcher)))
            }
            EventType::NodeCreated
            | EventType::NodeDeleted
            | EventType::NodeDataChanged
            | EventType::NodeChildrenChanged => Some((Some(event.path), Some(watcher))),
        }
    })
    .boxed()
}

/// A watch with its connection.
struct Watching {
    client: Client,
    profile: Profile,
    watcher: Watcher,
    events: Events,
    /// Whether the server of this connection still has to be asked for the watches.
    unheard: bool,
    /// Whether everything has to be listed.
    anew: bool,
    /// When to look next; `None`: nothing changed.
    look_at: Option<Instant>,
    /// What has to be looked at again.
    dirty: BTreeSet<String>,
    /// The znodes that were told to be there.
    shown: BTreeSet<String>,
    /// What could not be seen in the last look at everything.
    troubles: Troubles,
    heard: Heard,
    /// A look at a tree that somebody asked for. It takes long, and the watch goes on meanwhile.
    dumping: Option<BoxFuture<'static, ()>>,
    /// Since when there is no connection.
    lost: Option<Instant>,
    listed: Instant,
}

impl Watching {
    fn new(client: Client, profile: Profile, watcher: Watcher) -> Self {
        Self {
            client,
            profile,
            watcher,
            events: Events::new(),
            unheard: true,
            anew: true,
            look_at: Some(Instant::now()),
            dirty: BTreeSet::new(),
            shown: BTreeSet::new(),
            troubles: Troubles::default(),
            heard: Heard::default(),
            dumping: None,
            lost: None,
            listed: Instant::now(),
        }
    }

    /// Watches until nobody listens or it cannot go on; then says goodbye to the server, and why.
    async fn run(mut self) -> String {
        let mut states = self.client.state_watcher();
        let because = loop {
            if let Err(because) = self.step(&mut states).await {
                break because;
            }
        };
        drop(self);
        if !states.peek_state().is_terminated() {
            let ended = async { while !states.changed().await.is_terminated() {} };
            // In time or not: a session nobody keeps alive expires by itself.
            let _ = timeout(FAREWELL, ended).await;
        }
        because
    }

    async fn step(&mut self, states: &mut StateWatcher) -> Result<(), String> {
        let resume_until = self.lost.map(|since| since + RESUME_WAIT);
        let list_at = self.list_at();
        tokio::select! {
            // A flood of events must not keep us from looking.
            biased;
            () = self.watcher.news.closed() => Err(nobody()),
            state = states.changed() => self.now(state).await,
            () = until(self.look_at) => self.look().await,
            () = until(resume_until) => {
                Err(format!("no server took the session up again within {} s", RESUME_WAIT.as_secs()))
            }
            Some(ask) = self.watcher.asks.recv(), if self.dumping.is_none() => {
                self.dumping = Some(answer(self.client.clone(), ask).boxed());
                Ok(())
            }
            () = done(&mut self.dumping) => {
                self.dumping = None;
                Ok(())
            }
            () = sleep_until(list_at) => {
                self.listed = Instant::now();
                self.list_anew();
                Ok(())
            }
            Some(path) = self.events.next() => {
                path.into_iter().for_each(|path| self.touched(path));
                Ok(())
            }
        }
    }

    fn list_at(&self) -> Instant {
        let every = if self.troubles.is_empty() { LIST_EVERY } else { LIST_TROUBLED_EVERY };
        self.listed + every
    }

    fn list_anew(&mut self) {
        self.anew = true;
        self.look_soon();
    }

    fn look_soon(&mut self) {
        if self.lost.is_none() {
            self.look_at.get_or_insert_with(|| Instant::now() + BREATH);
        }
    }

    /// Where not everything can be seen, only what is shown is looked at again before everything is.
    fn touched(&mut self, path: String) {
        let hidden = self.troubles.hide(&path) && !self.shown.contains(&path);
        if hidden || self.profile.rule(&path).is_none() {
            return;
        }
        self.dirty.insert(path);
        if self.dirty.len() > DIRTY_MAX {
            self.dirty.clear();
            self.anew = true;
        }
        self.look_soon();
    }

    async fn now(&mut self, state: SessionState) -> Result<(), String> {
        match state {
            SessionState::SyncConnected | SessionState::ConnectedReadOnly => {
                self.lost = None;
                self.unheard = true;
                self.list_anew();
                Ok(())
            }
            SessionState::Disconnected => {
                self.is_lost();
                self.tell(News::Lost("the connection was lost".into())).await
            }
            SessionState::AuthFailed => Err("it does not believe who we are".into()),
            SessionState::Expired => Err("the session expired".into()),
            SessionState::Closed => Err("the session was closed".into()),
        }
    }

    fn is_lost(&mut self) {
        self.lost.get_or_insert_with(Instant::now);
        self.look_at = None;
    }

    /// Looks at what has to be looked at, and tells.
    async fn look(&mut self) -> Result<(), String> {
        self.look_at = None;
        match timeout(LIST_WAIT, self.see()).await {
            Ok(Ok(news)) => self.tell(news).await,
            // The session's state tells what becomes of it; everything is listed when it is back.
            // The client has a word of its own for a lost connection when the other end closed it; of a reset, and of a server
            // that says nothing, it tells as of anything else.
            Ok(Err(Error::ConnectionLoss | Error::Custom(_))) => {
                self.is_lost();
                Ok(())
            }
            Ok(Err(error)) => Err(format!("it cannot be read: {error}")),
            Err(_) => Err(format!("it was not read within {} s", LIST_WAIT.as_secs())),
        }
    }

    /// What is listed after its watch was answered for cannot change unheard.
    async fn see(&mut self) -> Result<News, Error> {
        if self.unheard {
            // The old ones go when the new ones are there: so the client finds no watch without a listener to take back.
            self.events = listen(&self.client, &self.profile).await?;
            self.unheard = false;
        }
        let (anew, dirty) = (std::mem::take(&mut self.anew), std::mem::take(&mut self.dirty));
        let Self { client, profile, events, shown, heard, .. } = self;
        if !anew {
            let some = tree::some(client, profile, &dirty);
            let some = heard.during(events, profile, some).await?;
            for (path, sighted) in &some {
                match sighted {
                    Some(_) => shown.insert(path.clone()),
                    None => shown.remove(path),
                };
            }
            if shown.len() <= SIGHTINGS_MAX {
                return Ok(News::Some(some));
            }
        }
        let whole = tree::whole(client, profile, shown);
        let tree::Whole { seen, troubles } = heard.during(events, profile, whole).await?;
        self.listed = Instant::now();
        self.shown = seen.keys().cloned().collect();
        self.troubles = troubles;
        Ok(News::Whole { seen, troubles: self.troubles.told().to_vec() })
    }

    /// Tells, and attends to what was heard since it was looked: by what is known now.
    async fn tell(&mut self, news: News) -> Result<(), String> {
        let told = self.watcher.news.send(news);
        let told = self.heard.during(&mut self.events, &self.profile, told).await;
        let Heard { paths, more } = std::mem::take(&mut self.heard);
        if more {
            self.list_anew();
        }
        paths.into_iter().for_each(|path| self.touched(path));
        told.map_err(|_| nobody())
    }
}

/// What changed while nobody could attend to it. The client keeps any number of events for who does not take them.
#[derive(Default)]
struct Heard {
    paths: BTreeSet<String>,
    /// Whether there was more than is kept.
    more: bool,
}

impl Heard {
    async fn during<T>(
        &mut self,
        events: &mut Events,
        profile: &Profile,
        doing: impl Future<Output = T>,
    ) -> T {
        tokio::pin!(doing);
        loop {
            tokio::select! {
                biased;
                done = &mut doing => return done,
                Some(path) = events.next() => {
                    let path = path.filter(|path| profile.rule(path).is_some());
                    path.into_iter().for_each(|path| self.hear(path));
                }
            }
        }
    }

    fn hear(&mut self, path: String) {
        self.more |= self.paths.len() >= DIRTY_MAX;
        if !self.more {
            self.paths.insert(path);
        }
    }
}

/// Looks at a tree and answers who asked, who may have given up.
async fn answer(client: Client, ask: Ask) {
    drop(ask.answer.send(dump::dump(&client, &ask.root).await));
}

async fn done(work: &mut Option<BoxFuture<'static, ()>>) {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn nobody() -> String {
    "nobody listens any more".into()
}
