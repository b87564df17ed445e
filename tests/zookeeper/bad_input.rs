//! What is malformed, too much or somebody else is shown, and is never fatal.

#![expect(clippy::disallowed_methods, reason = "a test ends the tasks it spawns")]

use std::time::Duration;

use kyvos_manager::capabilities::services::model::{
    Command, Marks, Payload, Profile, Rule, ServiceType,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zookeeper_client::{Acls, CreateMode};

use crate::ensemble::{Ensemble, announce, free_port, make};
use crate::stage::{Stage, because, is_there};

/// More children than are listed.
const MANY: usize = 20_100;
/// Made at once.
const BATCH: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_with_too_many_children_is_told_of_and_the_others_are_seen() {
    let ensemble = Ensemble::of(1).await;
    let kyvos = ensemble.client().await;
    make(&kyvos, "/kyvos/query_engines/x", "").await;
    announce(&kyvos, "/kyvos/bi_servers/bi1:8081", "").await;
    let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
    for batch in (0..MANY).step_by(BATCH) {
        let mut writer = kyvos.new_multi_writer();
        for n in batch..MANY.min(batch + BATCH) {
            writer.add_create(&format!("/kyvos/query_engines/q{n}:1"), b"", &options).unwrap();
        }
        writer.commit().await.unwrap();
    }
    let stage = Stage::at(ensemble.port(), 1).await;
    stage.watches().await;
    assert_eq!(stage.there(), ["/kyvos/bi_servers/bi1:8081"]);
    let troubles = stage.watch().troubles;
    assert!(troubles.len() == 1 && troubles[0].contains("20101 children"), "{troubles:?}");
    stage.says(Command::Discover { root: "/kyvos".into() }).await;
    stage.until("the tree is looked at", |state| state.services.discovery.open().is_none()).await;
    let because =
        stage.group().view(|state| state.services.discovery.found.clone()).unwrap().because;
    assert!(because.unwrap().contains("20101 children"));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_of_every_kind_are_read_or_told_of() {
    let ensemble = Ensemble::of(1).await;
    let kyvos = ensemble.client().await;
    let long = "x".repeat(500_000);
    for (name, payload) in [
        ("good", r#"{"host":"bi1"}"#),
        ("empty", ""),
        ("odd", "{"),
        ("other", "[]"),
        ("long", &long),
    ] {
        make(&kyvos, &format!("/site/{name}"), payload).await;
    }
    let stage = Stage::at(ensemble.port(), 1).await;
    let rule = Rule {
        pattern: "/site/{any}".into(),
        service: ServiceType::QueryEngine,
        marks: Marks::Presence,
        payload: Payload::Json { host: Some("/host".into()), port: None },
    };
    let profile = Profile { verified: false, rules: vec![rule] };
    stage.says(Command::SetProfile { profile: Some(profile), expect: None }).await;
    stage.until("all are seen", |state| state.services.sightings.len() == 5).await;
    let well: Vec<String> = stage.group().view(|state| {
        let well =
            state.services.sightings.iter().filter(|(_, known)| known.sighted.trouble.is_none());
        well.map(|(path, _)| path.clone()).collect()
    });
    assert_eq!(well, ["/site/good"]);
    // A map that fits nothing sees nothing, and can be taken back.
    let nothing =
        Rule { pattern: "/nowhere/{host}".into(), payload: Payload::Ignored, ..rule_like() };
    let profile = Profile { verified: false, rules: vec![nothing] };
    stage.says(Command::SetProfile { profile: Some(profile), expect: None }).await;
    stage.watches().await;
    stage.until("nothing is seen", |state| state.services.sightings.is_empty()).await;
    stage.says(Command::SetProfile { profile: None, expect: None }).await;
    announce(&kyvos, "/kyvos/bi_servers/bi1:8081", "").await;
    stage.until("the default sees", is_there("/kyvos/bi_servers/bi1:8081")).await;
    stage.end().await;
}

fn rule_like() -> Rule {
    Rule {
        pattern: String::new(),
        service: ServiceType::BiServer,
        marks: Marks::Presence,
        payload: Payload::Ignored,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_and_somebody_else_there_are_told_apart_from_nothing() {
    let port = free_port(1);
    let stage = Stage::at(port, 1).await;
    stage.until("nobody lets us in", |state| !because(state).is_empty()).await;
    // Somebody who answers everything with noise, as long as a ZooKeeper's answer and longer.
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let noise = tokio::spawn(async move {
        let mut came = 0_u8;
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            came = came.wrapping_add(1);
            let mut said = [0; 64];
            // It may hang up first.
            let _ = stream.read(&mut said).await;
            let length = match came % 4 {
                0 => [0, 0, 0, 37],
                1 => [0, 0, 0, 1],
                2 => [0x7f, 0xff, 0xff, 0xff],
                _ => [0xff; 4],
            };
            let noise: Vec<u8> =
                length.into_iter().chain((0..200).map(|n: u8| n.wrapping_mul(came))).collect();
            let _ = stream.write_all(&noise).await;
        }
    });
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert!(stage.there().is_empty());
    stage.is_away().await;
    noise.abort();
    stage.end().await;
}
