//! Alerts told to a program.

use aws_lc_rs::hmac;
use axum::http::StatusCode;
use kyvos_manager::capabilities::alerts::model::{Command, SECRET_PURPOSE, Way, Webhook};
use kyvos_manager::capabilities::managers::model::Role;

use crate::receiver::{Got, Receiver};
use crate::stage::{Certified, Stage, add_channel, drive, raise};
use crate::support::{committed, first_member, join, leader_of, properties_ha, set, until};

const SECRET: &str = "a-secret-of-thirty-two-letters-x";

#[expect(clippy::type_complexity, reason = "a setting is made by what seals it")]
fn way(url: &str, ca_pem: Option<&str>) -> impl Fn(&dyn Fn(&str, &str) -> Vec<u8>) -> Way {
    let (url, ca_pem) = (url.to_owned(), ca_pem.map(str::to_owned));
    move |seal| {
        let sealed_secret = seal(SECRET_PURPOSE, SECRET);
        Way::Webhook(Webhook { url: url.clone(), ca_pem: ca_pem.clone(), sealed_secret })
    }
}

/// As a receiver does it that knows the secret and nothing of us but the documentation.
fn is_signed(got: &Got) -> bool {
    let signed = [got.id.as_bytes(), b".", got.timestamp.as_bytes(), b".", &got.raw].concat();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let hex = got.signature.strip_prefix("sha256=").unwrap();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let tag: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    hmac::verify(&key, &signed, &tag).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_each_letter_comes_signed_in_order_under_a_name_of_its_own() {
    let certified = Certified::new();
    let receiver = Receiver::over_tls(&certified).await;
    let stage = Stage::telling(way(&receiver.url, Some(&certified.ca))).await;
    let id = raise(stage.group(), "h5").await;
    committed(stage.group(), Command::Acknowledge { id, note: "on my way".into() }).await;
    committed(stage.group(), Command::Resolve { key: "h5".into() }).await;
    until("three letters were noted as told", || stage.channel().told == 3).await;

    let got = receiver.got();
    assert!(got.iter().all(is_signed));
    let bodies: Vec<_> = got.iter().map(Got::body).collect();
    let events: Vec<_> = bodies.iter().map(|body| body["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["raised", "acknowledged", "resolved"]);
    let (first, second) = (&bodies[0], &bodies[1]);
    assert_eq!(first["alert"]["id"], id.0);
    assert_eq!(first["alert"]["text"], "Host h5 does not answer: „no route“.");
    assert_eq!(first["text"], "[test] warning: Host h5 does not answer: „no route“.");
    assert_eq!(second["alert"]["note"], "on my way");
    let mut names: Vec<_> = got.iter().map(|got| got.id.clone()).collect();
    assert_eq!(first["id"], names[0].as_str());
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 3);
    let tampered = Got { raw: got[1].raw.clone(), ..got[0].clone() };
    assert!(!is_signed(&tampered));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_tells_exactly_what_happened() {
    let certified = Certified::new();
    let receiver = Receiver::over_tls(&certified).await;
    let stage = Stage::telling(way(&receiver.url, Some(&certified.ca))).await;
    assert_eq!(stage.tries_out().await, Ok("it answered 204 No Content".into()));
    let body = receiver.got()[0].body();
    assert_eq!((&body["event"], &body["alert"]), (&"test".into(), &serde_json::Value::Null));

    receiver.inside().status = StatusCode::INTERNAL_SERVER_ERROR;
    let refused = stage.tries_out().await;
    assert_eq!(refused, Err("it answered 500 Internal Server Error: so it is answered".into()));
    receiver.inside().status = StatusCode::FOUND;
    let redirected = stage.tries_out().await.unwrap_err();
    assert!(redirected.starts_with("it answered 302"), "{redirected}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_who_was_meant_is_told_nothing() {
    let (certified, other) = (Certified::new(), Certified::new());
    let receiver = Receiver::over_tls(&certified).await;
    let stage = Stage::telling(way(&receiver.url, Some(&other.ca))).await;
    let refused = stage.tries_out().await.unwrap_err();
    assert!(refused.to_lowercase().contains("certificate"), "{refused}");
    assert!(receiver.got().is_empty());
    stage.end().await;

    let gone = receiver.url.clone();
    drop(receiver);
    let stage = Stage::telling(way(&gone.replace("https", "http"), None)).await;
    let refused = stage.tries_out().await.unwrap_err();
    assert!(refused.to_lowercase().contains("connect"), "{refused}");
    stage.end().await;
}

/// The Active dies while a receiver takes nothing: the next one tells what waits, under the same name, and once noted
/// nobody tells it again.
#[tokio::test(flavor = "multi_thread")]
async fn across_the_end_of_the_active_a_letter_is_neither_lost_nor_told_anew() {
    let receiver = Receiver::in_the_clear().await;
    receiver.inside().status = StatusCode::SERVICE_UNAVAILABLE;
    let mut members = vec![first_member().await];
    let mut drivers = vec![Some(drive(members[0].group()))];
    set(members[0].group(), properties_ha()).await.unwrap();
    for _ in 0..2 {
        let member = join(members[0].group(), Role::Manager).await;
        drivers.push(Some(drive(member.group())));
        members.push(member);
    }
    let channel = add_channel(members[0].group(), way(&receiver.url, None)).await;
    raise(members[0].group(), "h5").await;
    until("it was tried in vain", || {
        members[0].group().view(|state| state.alerts.channels[&channel].failed > 0)
    })
    .await;

    drop(drivers[0].take());
    drop(members[0].group.take());
    receiver.inside().status = StatusCode::OK;
    let active = leader_of(&members).await;
    let told = |members: &[crate::support::Member]| {
        members[active].group().view(|state| state.alerts.channels[&channel].told)
    };
    until("the next Active told it", || told(&members) == 1).await;
    let got = receiver.got();
    assert!(got.len() >= 2, "one try by each: {got:?}");
    assert!(got.iter().all(|one| one.id == got[0].id));

    let tries = receiver.got().len();
    raise(members[active].group(), "h6").await;
    until("the one after it was told", || told(&members) == 2).await;
    assert_eq!(receiver.got().len(), tries + 1);
    for driver in drivers.into_iter().flatten() {
        driver.shutdown().await;
    }
    for mut member in members.into_iter().filter(|member| member.group.is_some()) {
        member.stop().await;
    }
}
