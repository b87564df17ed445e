//! What comes, changes and goes is seen, and that alone.

use std::time::Duration;

use kyvos_manager::capabilities::services::model::{Command, Marks, ServiceType};
use kyvos_manager::machine::State;

use crate::ensemble::{Ensemble, announce, free_port, make};
use crate::stage::{Stage, is_gone, is_there};
use crate::way::Way;

const BI1: &str = "/kyvos/bi_servers/bi1:8081";
const BI2: &str = "/kyvos/bi_servers/bi2:8081";
const MASTER: &str = "/kyvos/coordination_master";

// rows 32, 84; issue 6 (2)
#[tokio::test(flavor = "multi_thread")]
async fn services_come_change_and_go_and_their_master_is_seen() {
    let ensemble = Ensemble::of(1).await;
    let stage = Stage::at(ensemble.port(), 1).await;
    stage.watches().await;
    assert!(stage.there().is_empty());

    let kyvos = ensemble.client().await;
    announce(&kyvos, BI1, "").await;
    make(&kyvos, MASTER, "bi1:8081").await;
    make(&kyvos, "/kyvos/else/x", "nothing to us").await;
    stage.until("the master is seen", is_there(MASTER)).await;
    stage.until("the server is seen", is_there(BI1)).await;
    assert_eq!(stage.there(), [BI1, MASTER]);
    let (server, master) = stage.group().view(|state| {
        let sighted = |path: &str| state.services.sightings[path].sighted.clone();
        (sighted(BI1), sighted(MASTER))
    });
    assert_eq!(
        (server.service, server.host.as_str(), server.port),
        (ServiceType::BiServer, "bi1", Some(8081))
    );
    assert!(server.ephemeral && !master.ephemeral);
    assert_eq!((master.marks, master.host.as_str()), (Marks::Master, "bi1"));

    kyvos.set_data(MASTER, b"bi2:8081", None).await.unwrap();
    let moved = |state: &State| state.services.sightings[MASTER].sighted.host == "bi2";
    stage.until("the master moved", moved).await;
    kyvos.set_data(MASTER, b"\xff\xfe", None).await.unwrap();
    let odd = |state: &State| state.services.sightings[MASTER].sighted.trouble.is_some();
    stage.until("its payload is malformed", odd).await;

    // A service that dies takes its znode with it, by the end of its session.
    let other = ensemble.client().await;
    announce(&other, BI2, "").await;
    stage.until("another is seen", is_there(BI2)).await;
    kyvos.delete(BI1, None).await.unwrap();
    let took = stage.until("it is seen that one went", is_gone(BI1)).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    drop(other);
    stage.until("the other went with its session", is_gone(BI2)).await;
    stage.end().await;
}

// rows 31, 37
#[tokio::test(flavor = "multi_thread")]
async fn the_servers_are_told_of_with_what_they_are() {
    let ensemble = Ensemble::of(1).await;
    let stage = Stage::at(ensemble.port(), 1).await;
    stage.watches().await;
    let told = |state: &State| {
        let watch = state.services.watch.as_ref().unwrap();
        watch.servers.iter().any(|server| server.serves == Ok("standalone".into()))
    };
    stage.until("the server is told of", told).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_the_tree_shows_its_shape_and_proposes_patterns_that_work() {
    let ensemble = Ensemble::of(1).await;
    let kyvos = ensemble.client().await;
    announce(&kyvos, "/site/biservers/n-01", r#"{"host":"bi7","port":8081,"password":"hush"}"#)
        .await;
    let stage = Stage::at(ensemble.port(), 1).await;
    stage.watches().await;
    stage.says(Command::Discover { root: "/".into() }).await;
    stage.until("it is told", |state| state.services.discovery.open().is_none()).await;
    let found = stage.group().view(|state| state.services.discovery.found.clone()).unwrap();
    let paths: Vec<_> = found.znodes.iter().map(|znode| znode.path.as_str()).collect();
    assert_eq!(paths, ["/", "/site", "/site/biservers", "/site/biservers/n-01"]);
    assert!(!format!("{found:?}").contains("hush"));

    // What was proposed, taken: the service is seen.
    let profile = kyvos_manager::capabilities::services::model::Profile {
        verified: true,
        rules: found.proposed.clone(),
    };
    stage.says(Command::SetProfile { profile: Some(profile), expect: None }).await;
    stage.until("it is seen by the new map", is_there("/site/biservers/n-01")).await;
    let host = stage
        .group()
        .view(|state| state.services.sightings["/site/biservers/n-01"].sighted.host.clone());
    assert_eq!(host, "bi7");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_is_seen_while_somebody_looks_at_the_whole_tree() {
    let ensemble = Ensemble::of(1).await;
    let kyvos = ensemble.client().await;
    // A look at each of them takes two ways there and back at least: two seconds in all.
    for number in 0..50 {
        make(&kyvos, &format!("/site/config/entry-{number}"), "").await;
    }
    let way = Way::of_length(&ensemble, Duration::from_millis(10)).await;
    let stage = Stage::at_hosts(ensemble.port(), &[way.host()]).await;
    stage.watches().await;
    stage.says(Command::Discover { root: "/".into() }).await;
    for number in 1..=5 {
        let service = format!("/kyvos/query_engines/qe{number}:8082");
        announce(&kyvos, &service, "").await;
        stage.until("it is seen", is_there(&service)).await;
    }
    let going_on = stage.group().view(|state| state.services.discovery.open().is_some());
    assert!(going_on, "the look at the tree was over before");
    stage.until("it is told", |state| state.services.discovery.open().is_none()).await;
    let found = stage.group().view(|state| state.services.discovery.found.clone()).unwrap();
    assert!(found.znodes.iter().any(|znode| znode.path == "/site/config/entry-49"));
    stage.end().await;
}

// A8, row 70
#[tokio::test(flavor = "multi_thread")]
async fn nobody_connects_when_it_is_not_wanted() {
    let port = free_port(1);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let stage = Stage::at(port, 1).await;
    // Wanted, somebody comes.
    tokio::time::timeout(Duration::from_secs(20), listener.accept()).await.unwrap().unwrap();
    let off = kyvos_manager::capabilities::properties::schema::File::KyvosManager;
    crate::support::set(stage.group(), crate::support::setting(off, "ZK_SERVICE_WATCH", "off"))
        .await
        .unwrap();
    stage
        .until("it is told that nobody watches", |state| {
            crate::stage::because(state).contains("not on")
        })
        .await;
    // Whoever had come before that was told.
    while tokio::time::timeout(Duration::from_millis(500), listener.accept()).await.is_ok() {}
    let anybody = tokio::time::timeout(Duration::from_secs(4), listener.accept()).await;
    assert!(anybody.is_err(), "somebody connects although nobody wants it");
    stage.end().await;
}
