//! One watch of ZooKeeper, for as long as its order stands: what is news is told to the group.
//!
//! A pass here lasts as long as its watch. It ends with the tenure, when the order is another one, or when the watch
//! ended; the next pass begins another. While ZooKeeper is away nothing waits for it: what was seen is stale, with its age.

mod judging;
mod recovering;
mod saying;
mod scheduling;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all, pending};
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::command::Command;
use super::model::{Server, Sighted, Standing};
use super::plan::{Order, may_tell, order, propose, sighting_news, watch_news};
use super::port::{Ask, Dump, News, Session, Zookeeper};
use crate::base::Revision;
use crate::capabilities::managers::port::{ActFailure, InTenure, Reach};
use crate::cluster::Group;
use crate::leadership::{Pass, Reconciler, Tenure};

pub use self::judging::Judging;
pub use self::recovering::Recovering;
#[cfg(test)]
pub(crate) use self::recovering::pass as recover;
pub use self::scheduling::Scheduling;
#[cfg(test)]
pub(crate) use self::scheduling::pass as schedule;

/// How often is looked whether there is something to watch.
const PERIOD: Duration = Duration::from_secs(5);
/// How often a watch looks whether its order still stands.
const GLANCE: Duration = Duration::from_millis(500);
/// How often each server is asked how it stands.
const SERVERS_EVERY: Duration = Duration::from_secs(15);
/// How long is waited between two watches: an ensemble that is away is not run at.
const PAUSE: Duration = Duration::from_secs(2);
/// Longest wait for the answer of who watches.
const ANSWER_WAIT: Duration = Duration::from_secs(25);

/// Watches ZooKeeper while this Manager is Active.
pub struct Services {
    group: Group,
    zookeeper: Arc<dyn Zookeeper>,
}

impl Services {
    /// The reconciler of this group, and its way to ZooKeeper.
    pub fn of(group: Group, zookeeper: Arc<dyn Zookeeper>) -> Self {
        Self { group, zookeeper }
    }
}

impl Reconciler for Services {
    fn name(&self) -> &'static str {
        "services"
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    fn pass<'a>(&'a self, tenure: &'a Tenure) -> BoxFuture<'a, Pass> {
        Box::pin(async move { pass(&InTenure::of(&self.group, tenure), &*self.zookeeper).await })
    }
}

pub(crate) async fn pass(reach: &impl Reach, zookeeper: &dyn Zookeeper) -> Pass {
    if !reach.look(|state, _| may_tell(state)) {
        return Pass::Nothing;
    }
    let watched = match reach.look(|state, _| order(state)) {
        Err(because) => unwatched(reach, because).await,
        Ok(order) => watch(reach, zookeeper, order).await,
    };
    match watched {
        Ok(pass) => pass,
        Err(failure) => {
            sleep(PAUSE).await;
            Pass::Failed(format!("the watch of ZooKeeper: {failure}"))
        }
    }
}

/// Tells that there is no watch, once.
async fn unwatched(reach: &impl Reach, because: String) -> Result<Pass, ActFailure> {
    let standing = Standing::Off { because: because.clone() };
    let told = tell_watch(reach, &standing, &[], &[]).await?;
    if let Some((asked, _)) = reach.look(|state, _| open_ask(state)) {
        answer(reach, asked, Dump { because: Some(because.clone()), znodes: Vec::new() }).await?;
    }
    Ok(if told { Pass::Did(format!("ZooKeeper is not watched: {because}")) } else { Pass::Nothing })
}

async fn watch(
    reach: &impl Reach,
    zookeeper: &dyn Zookeeper,
    order: Order,
) -> Result<Pass, ActFailure> {
    let (session, order) = (zookeeper.watch(&order), Arc::new(order));
    let (seen, told) = (BTreeMap::new(), Told::default());
    let mut watch = Watch { reach, zookeeper, order, session, seen, told };
    let ended = watch.run().await?;
    if let Ended::Away(because) = &ended {
        watch.is_away(because.clone()).await?;
        if let Some((asked, _)) = reach.look(|state, _| open_ask(state)) {
            answer(reach, asked, away()).await?;
        }
        sleep(PAUSE).await;
    }
    Ok(match ended {
        Ended::Away(because) => Pass::Failed(format!("ZooKeeper is away: {because}")),
        Ended::Reordered => Pass::Did("ZooKeeper is to be watched differently".into()),
    })
}

/// Why a watch ended.
enum Ended {
    Away(String),
    Reordered,
}

/// What was last told of the watch.
#[derive(Default)]
struct Told {
    standing: Option<Standing>,
    servers: Vec<Server>,
    troubles: Vec<String>,
}

struct Watch<'a, R> {
    reach: &'a R,
    zookeeper: &'a dyn Zookeeper,
    order: Arc<Order>,
    session: Session,
    seen: BTreeMap<String, Sighted>,
    told: Told,
}

impl<R: Reach> Watch<'_, R> {
    async fn run(&mut self) -> Result<Ended, ActFailure> {
        let mut glances = interval(GLANCE);
        glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut servers: BoxFuture<'_, Vec<Server>> =
            Box::pin(servers(self.zookeeper, self.order.clone()));
        let mut servers_at = None;
        let mut dump: BoxFuture<'_, (Revision, Dump)> = Box::pin(pending());
        let mut dumping = None;
        loop {
            tokio::select! {
                biased;
                news = self.session.news.recv() => {
                    let gone = || News::Ended("whoever watched it gave up on what a server sent".into());
                    if let Some(because) = self.take(news.unwrap_or_else(gone)).await? {
                        return Ok(Ended::Away(because));
                    }
                }
                found = &mut servers => {
                    servers = Box::pin(pending());
                    servers_at = Some(Instant::now() + SERVERS_EVERY);
                    self.told.servers = found;
                    self.tell().await?;
                }
                (asked, found) = &mut dump => {
                    dump = Box::pin(pending());
                    answer(self.reach, asked, found).await?;
                }
                _ = glances.tick() => {
                    if self.reach.look(|state, _| order(state)).as_ref() != Ok(&*self.order) {
                        return Ok(Ended::Reordered);
                    }
                    if servers_at.is_some_and(|at| Instant::now() >= at) {
                        servers_at = None;
                        servers = Box::pin(self::servers(self.zookeeper, self.order.clone()));
                    }
                    // Before it is known whether the watch stands, an ask waits.
                    let open = self.reach.look(|state, _| open_ask(state));
                    if let Some((asked, root)) = open.filter(|(asked, _)| dumping != Some(*asked))
                        && let Some(standing) = &self.told.standing
                    {
                        dumping = Some(asked);
                        dump = Box::pin(discover(&self.session, standing, asked, root));
                    }
                }
            }
        }
    }

    /// Takes in what is told. `Some`: the watch is over.
    async fn take(&mut self, news: News) -> Result<Option<String>, ActFailure> {
        match news {
            News::Whole { seen, troubles } => {
                self.seen = seen;
                self.told.troubles = troubles;
                // Before what is not seen is told to be gone, it is told that not everything is seen.
                if !self.told.troubles.is_empty() {
                    self.tell().await?;
                }
                self.tell_sightings().await?;
                // Only when all is told that is seen, what is told is what is seen.
                self.stands(Standing::Watching).await?;
            }
            News::Some(changed) => {
                for (path, sighted) in changed {
                    match sighted {
                        Some(sighted) => drop(self.seen.insert(path, sighted)),
                        None => drop(self.seen.remove(&path)),
                    }
                }
                self.tell_sightings().await?;
            }
            News::Lost(because) => self.is_away(because).await?,
            News::Ended(because) => return Ok(Some(because)),
        }
        Ok(None)
    }

    async fn is_away(&mut self, because: String) -> Result<(), ActFailure> {
        self.stands(Standing::Away { because }).await
    }

    async fn stands(&mut self, standing: Standing) -> Result<(), ActFailure> {
        self.told.standing = Some(standing);
        self.tell().await
    }

    async fn tell(&self) -> Result<(), ActFailure> {
        let Told { standing: Some(standing), servers, troubles } = &self.told else {
            return Ok(());
        };
        tell_watch(self.reach, standing, servers, troubles).await?;
        Ok(())
    }

    async fn tell_sightings(&self) -> Result<(), ActFailure> {
        for command in self.reach.look(|state, _| sighting_news(&state.services, &self.seen)) {
            self.reach.propose(command.into()).await?;
        }
        Ok(())
    }
}

/// How each server stands.
async fn servers(zookeeper: &dyn Zookeeper, order: Arc<Order>) -> Vec<Server> {
    let asked = order.servers.iter().map(|address| async {
        Server { address: address.clone(), serves: zookeeper.stands(&order, address).await }
    });
    join_all(asked).await
}

/// Passes an ask on to who watches.
fn discover(
    session: &Session,
    standing: &Standing,
    asked: Revision,
    root: String,
) -> impl Future<Output = (Revision, Dump)> + use<> {
    let (answers, answered) = oneshot::channel();
    let ask = Ask { root, answer: answers };
    let stands = *standing == Standing::Watching && session.asks.try_send(ask).is_ok();
    async move {
        if !stands {
            return (asked, away());
        }
        match timeout(ANSWER_WAIT, answered).await {
            Ok(Ok(dump)) => (asked, dump),
            Ok(Err(_)) | Err(_) => (asked, away()),
        }
    }
}

fn away() -> Dump {
    let because = Some("ZooKeeper is away.".to_owned());
    Dump { because, znodes: Vec::new() }
}

fn open_ask(state: &crate::machine::State) -> Option<(Revision, String)> {
    state.services.discovery.open().map(|(asked, root)| (asked, root.to_owned()))
}

async fn answer(reach: &impl Reach, asked: Revision, dump: Dump) -> Result<(), ActFailure> {
    let Dump { because, znodes } = dump;
    let proposed = propose(&znodes);
    let command = Command::NoteDiscovery { asked, because, znodes, proposed };
    match reach.propose(command.into()).await {
        // Somebody asked anew meanwhile; that is answered next.
        Err(ActFailure::Refused(_)) | Ok(()) => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// Tells how the watch stands, if that is news.
async fn tell_watch(
    reach: &impl Reach,
    standing: &Standing,
    servers: &[Server],
    troubles: &[String],
) -> Result<bool, ActFailure> {
    let news = reach.look(|state, _| watch_news(state, standing, servers, troubles));
    let Some(command) = news else { return Ok(false) };
    reach.propose(command.into()).await?;
    Ok(true)
}

#[cfg(test)]
mod tests;
