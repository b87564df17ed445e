//! Passes of the services' room over a group and a ZooKeeper that do what the test says.

use std::collections::BTreeMap;
use std::time::Duration;

use super::pass;
use crate::base::Epoch;
use crate::capabilities::managers::port::fake::FakeGroup;
use crate::capabilities::services::model::{
    Form, Freshness, Marks, ServiceType, Sighted, Standing, Znode, freshness,
};
use crate::capabilities::services::port::fake::FakeZookeeper;
use crate::capabilities::services::port::{Dump, News, Watcher};
use crate::leadership::Pass;

/// A group whose ensemble is one server.
struct Stage {
    group: FakeGroup,
    zookeeper: FakeZookeeper,
}

fn sighted(host: &str) -> Sighted {
    Sighted {
        service: ServiceType::BiServer,
        marks: Marks::Presence,
        host: host.into(),
        port: Some(8081),
        ephemeral: true,
        trouble: None,
    }
}

fn whole(paths: &[&str]) -> News {
    let seen = paths.iter().map(|path| ((*path).to_owned(), sighted("h"))).collect();
    News::Whole { seen, troubles: Vec::new() }
}

impl Stage {
    fn new() -> Self {
        let group = FakeGroup::founded();
        group.say("hosts register zk1 agent roles=zookeeper");
        Self { group, zookeeper: FakeZookeeper::default() }
    }

    /// Passes, one after the other, for as long as the test goes on.
    async fn passes(&self) -> Pass {
        loop {
            pass(&self.group, &self.zookeeper).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs the passes beside a story.
    async fn beside<T>(&self, story: impl Future<Output = T>) -> T {
        tokio::select! {
            told = story => told,
            ended = self.passes() => panic!("passes do not end: {ended:?}"),
        }
    }

    /// The other end of the nth watch, as soon as it began.
    async fn watcher(&self, nth: usize) -> Watcher {
        loop {
            let watcher = self.zookeeper.inside().watchers.get_mut(nth).and_then(Option::take);
            if let Some(watcher) = watcher {
                return watcher;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn until(&self, what: &str, so: impl Fn(&crate::machine::State) -> bool) {
        for _ in 0..10_000 {
            if so(&self.group.inside().state) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never came to this: {what}");
    }

    fn there(&self) -> Vec<String> {
        let inside = self.group.inside();
        let there = inside.state.services.sightings.iter().filter(|(_, known)| known.present);
        there.map(|(path, _)| path.clone()).collect()
    }

    fn standing(&self) -> Option<Standing> {
        self.group.inside().state.services.watch.as_ref().map(|watch| watch.standing.clone())
    }
}

fn watching(state: &crate::machine::State) -> bool {
    state.services.watch.as_ref().is_some_and(|watch| watch.standing == Standing::Watching)
}

fn away(state: &crate::machine::State) -> bool {
    let watch = state.services.watch.as_ref();
    watch.is_some_and(|watch| matches!(watch.standing, Standing::Away { .. }))
}

// A8
#[tokio::test(start_paused = true)]
async fn without_ha_nobody_connects_and_that_is_told_once() {
    let stage = Stage::new();
    stage.group.say("properties set kyvos-manager/ENABLE_KM_HA no");
    assert!(matches!(pass(&stage.group, &stage.zookeeper).await, Pass::Did(_)));
    assert!(matches!(stage.standing(), Some(Standing::Off { .. })));
    let before = stage.group.inside().state.kernel.revision;
    assert_eq!(pass(&stage.group, &stage.zookeeper).await, Pass::Nothing);
    assert_eq!(stage.group.inside().state.kernel.revision, before);
    assert!(stage.zookeeper.inside().orders.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_seen_is_told_and_only_news_is() {
    let stage = Stage::new();
    stage
        .beside(async {
            let watcher = stage.watcher(0).await;
            watcher.news.send(whole(&["/a", "/b"])).await.unwrap();
            stage.until("it stands", watching).await;
            assert_eq!(stage.there(), ["/a", "/b"]);
            stage
                .until("the server is told of", |state| {
                    state.services.watch.as_ref().is_some_and(|watch| watch.servers.len() == 1)
                })
                .await;
            let before = stage.group.inside().state.kernel.revision;
            watcher.news.send(whole(&["/a", "/b"])).await.unwrap();
            let changed =
                BTreeMap::from([("/a".to_owned(), None), ("/c".to_owned(), Some(sighted("h")))]);
            watcher.news.send(News::Some(changed)).await.unwrap();
            stage
                .until("the change is told", |state| state.services.sightings.contains_key("/c"))
                .await;
            assert_eq!(stage.there(), ["/b", "/c"]);
            // One proposal for what went, one for what came.
            let after = stage.group.inside().state.kernel.revision;
            assert_eq!(after.0 - before.0, 2);
        })
        .await;
}

// issue 6: a branch that holds too much
#[tokio::test(start_paused = true)]
async fn that_not_everything_is_seen_is_told_before_what_is_not_seen_is_told_to_be_gone() {
    let stage = Stage::new();
    stage
        .beside(async {
            let watcher = stage.watcher(0).await;
            watcher.news.send(whole(&["/a/b"])).await.unwrap();
            stage
                .until("it stands, and the server is told of", |state| {
                    state.services.watch.as_ref().is_some_and(|watch| watch.servers.len() == 1)
                })
                .await;
            let troubles = vec!["/a has children that we may not list".to_owned()];
            let told = |state: &crate::machine::State| {
                state.services.watch.as_ref().map(|watch| watch.troubles.clone())
            };
            stage.group.inside().acts_left = Some(1);
            let seen = BTreeMap::new();
            watcher.news.send(News::Whole { seen, troubles: troubles.clone() }).await.unwrap();
            stage.until("the first is told", |state| told(state) == Some(troubles.clone())).await;
            assert_eq!(stage.there(), ["/a/b"]);
        })
        .await;
}

// rows 31-33
#[tokio::test(start_paused = true)]
async fn while_it_is_away_what_was_seen_stays_and_is_stale_and_the_next_look_finds_what_changed() {
    let stage = Stage::new();
    stage
        .beside(async {
            let watcher = stage.watcher(0).await;
            watcher.news.send(whole(&["/a", "/b"])).await.unwrap();
            stage.until("it stands", watching).await;
            assert_eq!(freshness(&stage.group.inside().state), Freshness::Fresh);
            watcher.news.send(News::Lost("the connection was lost".into())).await.unwrap();
            stage.until("it is away", away).await;
            assert_eq!(stage.there(), ["/a", "/b"]);
            assert!(matches!(freshness(&stage.group.inside().state), Freshness::StaleSince(_)));
            // The same watch finds its way back, and everything is listed.
            watcher.news.send(whole(&["/b", "/c"])).await.unwrap();
            stage.until("it stands again", watching).await;
            assert_eq!(stage.there(), ["/b", "/c"]);
            // It ends: the next one begins after a pause.
            watcher.news.send(News::Ended("the session expired".into())).await.unwrap();
            stage.until("it is away again", away).await;
            let next = stage.watcher(1).await;
            next.news.send(whole(&[])).await.unwrap();
            stage.until("it stands a third time", watching).await;
            assert!(stage.there().is_empty());
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_ensemble_that_is_away_is_not_run_at_and_not_told_of_again_and_again() {
    let stage = Stage::new();
    stage
        .beside(async {
            for nth in 0..20 {
                let watcher = stage.watcher(nth).await;
                watcher.news.send(News::Ended("nobody lets us in".into())).await.unwrap();
                stage.until("it is away", away).await;
            }
        })
        .await;
    let inside = stage.group.inside();
    let watch = inside.state.services.watch.as_ref().unwrap();
    assert_eq!(watch.standing, Standing::Away { because: "nobody lets us in".into() });
    assert!(inside.state.kernel.revision.0 < 15, "{}", inside.state.kernel.revision);
}

#[tokio::test(start_paused = true)]
async fn another_order_is_another_watch() {
    let stage = Stage::new();
    stage
        .beside(async {
            let first = stage.watcher(0).await;
            first.news.send(whole(&["/a"])).await.unwrap();
            stage.until("it stands", watching).await;
            stage.group.say("services set-profile /k/{host}");
            let second = stage.watcher(1).await;
            assert!(first.news.is_closed());
            assert!(stage.there().is_empty());
            stage.group.say("hosts register zk2 agent roles=zookeeper");
            stage.watcher(2).await;
            assert!(second.news.is_closed());
            stage.group.say("properties set kyvos-manager/ZK_SERVICE_WATCH off");
            stage
                .until("it is off", |state| {
                    let watch = state.services.watch.as_ref();
                    watch.is_some_and(|watch| matches!(watch.standing, Standing::Off { .. }))
                })
                .await;
        })
        .await;
    let servers: Vec<usize> =
        stage.zookeeper.inside().orders.iter().map(|order| order.servers.len()).collect();
    assert_eq!(servers, [1, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn another_tenure_tells_anew_that_it_watches() {
    let stage = Stage::new();
    stage
        .beside(async {
            let watcher = stage.watcher(0).await;
            watcher.news.send(whole(&["/a"])).await.unwrap();
            stage.until("it stands", watching).await;
        })
        .await;
    stage.group.fail_over();
    let epoch = stage.group.inside().epoch;
    assert_ne!(epoch, Epoch(2));
    assert!(matches!(freshness(&stage.group.inside().state), Freshness::StaleSince(_)));
    stage
        .beside(async {
            let watcher = stage.watcher(1).await;
            watcher.news.send(whole(&["/a"])).await.unwrap();
            stage.until("it is believed", |state| freshness(state) == Freshness::Fresh).await;
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_ask_is_answered_by_who_watches_with_what_would_fit() {
    let stage = Stage::new();
    stage
        .beside(async {
            let mut watcher = stage.watcher(0).await;
            stage.group.say("services discover /kyvos");
            watcher.news.send(whole(&[])).await.unwrap();
            let ask = watcher.asks.recv().await.unwrap();
            assert_eq!(ask.root, "/kyvos");
            let path = "/kyvos/biservers/b1:81".to_owned();
            let znode = Znode { path, children: 0, bytes: 0, ephemeral: true, form: Form::Empty };
            ask.answer.send(Dump { because: None, znodes: vec![znode] }).unwrap();
            stage.until("it is told", |state| state.services.discovery.open().is_none()).await;
        })
        .await;
    let inside = stage.group.inside();
    let found = inside.state.services.discovery.found.as_ref().unwrap();
    assert_eq!(found.proposed[0].pattern, "/kyvos/biservers/{host}:{port}");
}

#[tokio::test(start_paused = true)]
async fn an_ask_while_zookeeper_is_away_is_answered_so() {
    let stage = Stage::new();
    stage.group.say("services discover /");
    stage
        .beside(async {
            let watcher = stage.watcher(0).await;
            watcher.news.send(News::Lost("gone".into())).await.unwrap();
            stage.until("it is told", |state| state.services.discovery.open().is_none()).await;
        })
        .await;
    let inside = stage.group.inside();
    let because = inside.state.services.discovery.found.as_ref().unwrap().because.clone();
    assert_eq!(because.as_deref(), Some("ZooKeeper is away."));
}

#[tokio::test(start_paused = true)]
async fn who_watches_may_break_down_and_that_is_an_end_like_any_other() {
    let stage = Stage::new();
    stage
        .beside(async {
            drop(stage.watcher(0).await);
            stage.until("it is away", away).await;
            let watcher = stage.watcher(1).await;
            watcher.news.send(whole(&["/a"])).await.unwrap();
            stage.until("it stands", watching).await;
        })
        .await;
}
