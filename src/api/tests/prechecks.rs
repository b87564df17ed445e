//! Prechecks, as the HTTP surface shows and asks for them.

use axum::http::Method;
use serde_json::{Value, json};

use super::client::Km;
use crate::capabilities::access::model::Role;
use crate::machine::script::command_of;

/// Two registered hosts, and what a run about everything found.
fn looked_at() -> Km {
    let km = Km::new();
    for line in [
        "hosts register km1 agent roles=web_portal",
        "hosts register km2 agent roles=web_portal",
        "prechecks begin everything=true",
    ] {
        km.group.commit(command_of(line));
    }
    let run = km.group.set().state.prechecks.run.as_ref().unwrap().revision;
    for line in [
        format!("prechecks note {run} portal_ha pass \"2 hosts\""),
        format!("prechecks note {run} cli fail \"no hdfs\" host=km2 code=CLI_MISSING"),
        format!("prechecks note {run} cli pass \"hdfs\" host=km1"),
        format!("prechecks note {run} zookeeper warn \"one\" code=ZOOKEEPER_NOT_REDUNDANT"),
    ] {
        km.group.commit(command_of(&line));
    }
    km
}

fn subjects(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    let subject = |item: &Value| {
        format!("{} {}", item["check"].as_str().unwrap(), item["host"].as_str().unwrap_or("-"))
    };
    items.iter().map(subject).collect()
}

#[tokio::test]
async fn the_latest_results_are_listed_in_the_order_of_the_checks() {
    let km = looked_at();
    let page = km.get("/api/v1/prechecks").await.json();
    assert_eq!(subjects(&page), ["portal_ha -", "zookeeper -", "cli km1", "cli km2"]);
    assert_eq!((&page["running"], &page["as_of"]), (&json!(true), &Value::Null));
    let failed = json!({
        "check": "cli", "title": "Command line tool and snapshot location", "host": "km2",
        "result": "fail", "code": "CLI_MISSING", "detail": "no hdfs", "at": "2026-01-01T00:00:00.000Z",
    });
    assert_eq!(page["items"][3], failed);
    let run = km.group.set().state.prechecks.run.as_ref().unwrap().revision;
    km.group.commit(command_of(&format!("prechecks finish {run}")));
    let page = km.get("/api/v1/prechecks").await.json();
    assert_eq!(page["running"], false);
    assert_eq!(page["as_of"], "2026-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn a_host_s_results_come_with_those_of_the_group_and_pages_go_on_where_they_ended() {
    let km = looked_at();
    let page = km.get("/api/v1/prechecks?host=km2").await.json();
    assert_eq!(subjects(&page), ["portal_ha -", "zookeeper -", "cli km2"]);
    let page = km.get("/api/v1/prechecks?limit=3").await.json();
    assert_eq!(subjects(&page), ["portal_ha -", "zookeeper -", "cli km1"]);
    let next = page["next"].as_str().unwrap();
    let page = km.get(&format!("/api/v1/prechecks?after={next}")).await.json();
    assert_eq!((subjects(&page), &page["next"]), (vec!["cli km2".to_owned()], &Value::Null));
    assert_eq!(km.get("/api/v1/prechecks?host=km9").await.problem(), "NO_SUCH_HOST");
    assert_eq!(km.get("/api/v1/prechecks?hots=km2").await.problem(), "MALFORMED_QUERY");
}

#[tokio::test]
async fn results_about_a_host_that_was_let_go_are_not_shown() {
    let km = looked_at();
    let (id, _) =
        km.group.set().state.hosts.named("km2").map(|(id, host)| (id, host.clone())).unwrap();
    km.group.commit(command_of(&format!("hosts remove {id}")));
    let page = km.get("/api/v1/prechecks").await.json();
    assert_eq!(subjects(&page), ["portal_ha -", "zookeeper -", "cli km1"]);
}

#[tokio::test]
async fn an_ask_is_answered_at_once_with_its_name_and_a_wrong_one_changes_nothing() {
    let km = looked_at();
    let ask = |body: Value| km.ask(Method::POST, "/api/v1/prechecks/run").json(body).send();
    let before = km.group.set().state.prechecks.clone();
    for (body, code) in [
        (json!({ "hosts": ["km9"] }), "NO_SUCH_HOST"),
        (json!({ "hosts": ["x".repeat(300)] }), "TOO_LONG"),
        (json!({ "hosts": ["km\u{7}1"] }), "INVALID_VALUE"),
        (json!({ "hosts": (0..101).map(|n| format!("km{n}")).collect::<Vec<_>>() }), "TOO_MANY"),
        (json!({ "hosts": "km1" }), "MALFORMED_BODY"),
        (json!({ "host": "km1" }), "MALFORMED_BODY"),
    ] {
        assert_eq!(ask(body.clone()).await.problem(), code, "{body}");
    }
    assert_eq!(km.group.set().state.prechecks, before);

    let asked = ask(json!({ "hosts": ["km2"] })).await;
    assert_eq!(asked.status, 202);
    let page = km.get("/api/v1/prechecks").await.json();
    assert_eq!(page["asked"], asked.json()["asked"]);
    assert_eq!(page["answered"], Value::Null);
    // Without a body it is about everything.
    let asked = km.ask(Method::POST, "/api/v1/prechecks/run").send().await;
    assert_eq!(asked.status, 202);
    assert!(km.group.set().state.prechecks.pending.as_ref().unwrap().holds("km7"));
}

#[tokio::test]
async fn whoever_may_only_look_may_not_ask() {
    let km = looked_at();
    let ask = km.by(Role::Auditor, Method::POST, "/api/v1/prechecks/run").send().await;
    assert_eq!(ask.problem(), "FORBIDDEN");
    let look = km.by(Role::Auditor, Method::GET, "/api/v1/prechecks").send().await;
    assert_eq!(look.status, 200);
}
