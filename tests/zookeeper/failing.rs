//! ZooKeeper fails in every way it can, and what was seen is stale with its age, and nothing more.

use std::time::Duration;

use kyvos_manager::capabilities::services::model::{Freshness, freshness};
use kyvos_manager::machine::State;

use crate::ensemble::{Ensemble, announce, make};
use crate::stage::{Stage, is_gone, is_there};
use crate::way::Way;

const BI1: &str = "/kyvos/bi_servers/bi1:8081";
const BI2: &str = "/kyvos/bi_servers/bi2:8081";
const BI3: &str = "/kyvos/bi_servers/bi3:8081";

// rows 29-33
#[tokio::test(flavor = "multi_thread")]
async fn killed_it_is_stale_and_back_everything_is_seen_that_changed_meanwhile() {
    let mut ensemble = Ensemble::of(1).await;
    let kyvos = ensemble.client().await;
    make(&kyvos, BI1, "").await;
    make(&kyvos, BI2, "").await;
    let stage = Stage::at(ensemble.port(), 1).await;
    stage.until("both are seen", is_there(BI2)).await;
    stage.watches().await;

    ensemble.kill(0);
    stage.is_away().await;
    let since = stage.watch().since;
    assert_eq!(stage.there(), [BI1, BI2]);
    let stale = stage.group().view(freshness);
    assert_eq!(stale, Freshness::StaleSince(since));

    // While it is away for longer than any of its sessions, that is all that is told.
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!((stage.there().len(), stage.watch().since), (2, since));

    ensemble.start(0);
    ensemble.serves(0).await;
    let kyvos = ensemble.client().await;
    kyvos.delete(BI1, None).await.unwrap();
    make(&kyvos, BI3, "").await;
    stage.until("what came is seen", is_there(BI3)).await;
    stage.until("what went is seen", is_gone(BI1)).await;
    stage.watches().await;
    assert_eq!(stage.there(), [BI2, BI3]);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_until_the_session_expired_it_is_watched_anew() {
    let ensemble = Ensemble::of(1).await;
    let kyvos = ensemble.client().await;
    make(&kyvos, BI1, "").await;
    let stage = Stage::at(ensemble.port(), 1).await;
    stage.until("it is seen", is_there(BI1)).await;
    stage.watches().await;
    // From here on ours is the only session.
    let transactions = ensemble.transactions(0).await;
    drop(kyvos);
    ensemble.takes(0, transactions + 1).await;
    assert_eq!(ensemble.expired(0), 0);
    // It holds its connections and says nothing: for longer than the session it gave us.
    ensemble.freeze(0);
    stage.is_away().await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    ensemble.thaw(0);
    ensemble.serves(0).await;
    ensemble.expires(0, 1).await;
    stage.watches().await;
    // One that ended, and one that was begun in its place.
    assert!(ensemble.transactions(0).await >= transactions + 3);
    let kyvos = ensemble.client().await;
    announce(&kyvos, BI2, "").await;
    stage.until("the new session sees", is_there(BI2)).await;
    assert_eq!(stage.there(), [BI1, BI2]);
    stage.end().await;
}

// row 31: cut off, it goes on without us, and ends our session
#[tokio::test(flavor = "multi_thread")]
async fn cut_off_nothing_is_told_and_whole_again_everything_is_seen_that_changed_meanwhile() {
    let ensemble = Ensemble::of(1).await;
    let way = Way::to(&ensemble).await;
    let kyvos = ensemble.client().await;
    make(&kyvos, BI1, "").await;
    make(&kyvos, BI2, "").await;
    let stage = Stage::at_hosts(ensemble.port(), &[way.host()]).await;
    stage.until("both are seen", is_there(BI2)).await;
    stage.watches().await;
    assert_eq!(ensemble.expired(0), 0);
    way.cut();
    stage.is_away().await;
    let since = stage.watch().since;
    kyvos.delete(BI1, None).await.unwrap();
    make(&kyvos, BI3, "").await;
    // For longer than the session it gave us: that of Kyvos goes on.
    ensemble.expires(0, 1).await;
    assert_eq!((stage.there(), stage.watch().since), (vec![BI1.into(), BI2.into()], since));
    way.heal();
    stage.until("what came is seen", is_there(BI3)).await;
    stage.until("what went is seen", is_gone(BI1)).await;
    stage.watches().await;
    assert_eq!(stage.there(), [BI2, BI3]);
    assert_eq!(ensemble.expired(0), 1, "ours and no other");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn back_with_its_data_lost_nothing_is_there_any_more() {
    let mut ensemble = Ensemble::of(1).await;
    let kyvos = ensemble.client().await;
    for n in 0..40 {
        make(&kyvos, &format!("/kyvos/bi_servers/bi{n:02}:8081"), "").await;
    }
    let stage = Stage::at(ensemble.port(), 1).await;
    stage.until("all are seen", |state| state.services.sightings.len() == 40).await;
    stage.watches().await;
    drop(kyvos);
    ensemble.kill(0);
    ensemble.lose_data(0);
    stage.is_away().await;
    assert_eq!(stage.there().len(), 40);
    ensemble.start(0);
    ensemble.serves(0).await;
    stage
        .until("all are gone", |state| {
            state.services.sightings.values().all(|known| !known.present)
        })
        .await;
    stage.watches().await;
    let kyvos = ensemble.client().await;
    announce(&kyvos, BI1, "").await;
    stage.until("the new tree is watched", is_there(BI1)).await;
    stage.end().await;
}

// rows 29-32, 37, 38
#[tokio::test(flavor = "multi_thread")]
async fn of_three_servers_one_may_die_and_without_two_it_is_away() {
    let mut ensemble = Ensemble::of(3).await;
    let kyvos = ensemble.client().await;
    make(&kyvos, BI1, "").await;
    let stage = Stage::at(ensemble.port(), 3).await;
    stage.until("it is seen", is_there(BI1)).await;

    stage.watches().await;
    let leader = ensemble.leader().await;
    let before = stage.watch().since;
    ensemble.kill(leader);
    let [second, third] = [1, 2].map(|further| (leader + further) % 3);
    // Only what is made after the list of a new connection shows that its watches are heard.
    stage
        .until("it is watched through another server", |state| {
            let since = state.services.watch.as_ref().map(|watch| watch.since);
            freshness(state) == Freshness::Fresh && since != Some(before)
        })
        .await;
    ensemble.serves(second).await;
    ensemble.serves(third).await;
    let kyvos = ensemble.client().await;
    make(&kyvos, BI2, "").await;
    stage.until("the others still tell", is_there(BI2)).await;
    stage.watches().await;
    let told = |state: &State| {
        let watch = state.services.watch.as_ref().unwrap();
        watch.servers.iter().filter(|server| server.serves.is_ok()).count() == 2
    };
    stage.until("two are told to serve", told).await;

    ensemble.kill(second);
    stage.is_away().await;
    assert_eq!(stage.there(), [BI1, BI2]);
    ensemble.start(second);
    ensemble.serves(second).await;
    ensemble.serves(third).await;
    let kyvos = ensemble.client().await;
    kyvos.delete(BI1, None).await.unwrap();
    stage.until("they tell again", is_gone(BI1)).await;
    stage.watches().await;
    stage.end().await;
}
