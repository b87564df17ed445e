//! Alerts and their channels, as the HTTP surface shows them and is told about them.

use axum::http::Method;
use serde_json::{Value, json};

use super::client::{Ask, Km};
use crate::machine::script::command_of;

const CA: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const SECRET: &str = "a-secret-of-thirty-two-letters-x";

fn ids(page: &Value) -> Vec<u64> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect()
}

fn webhook(name: &str) -> Value {
    json!({ "name": name, "minimum_severity": "warning",
        "webhook": { "url": "https://pager.example/hook", "ca_pem": CA, "secret": SECRET } })
}

fn email(server: &str, username: &str) -> Value {
    json!({ "name": "mail", "minimum_severity": "error", "email": { "server": server,
        "encryption": "starttls", "username": username, "from": "km@example.com",
        "to": ["ops@example.com"] } })
}

fn put<'k>(km: &'k Km, path: &str, revision: u64, body: Value) -> Ask<'k> {
    km.ask(Method::PUT, path).header("if-match", format!("\"{revision}\"")).json(body)
}

#[tokio::test]
async fn alerts_are_listed_newest_first_and_can_be_narrowed() {
    let km = Km::new();
    let mut raised = Vec::new();
    for line in [
        "alerts raise host_silent/5 HOST_SILENT subject=h5 text=\"Host h5 does not answer.\"",
        "alerts raise disk_full/1 DISK_FULL severity=error",
        "alerts raise k3 CLOCK_SKEW severity=info",
    ] {
        raised.push(km.group.commit(command_of(line)).0);
    }
    km.group.commit(command_of("alerts resolve k3"));
    let page = km.get("/api/v1/alerts").await.json();
    assert_eq!(ids(&page), [raised[2], raised[1], raised[0]]);
    let first = &page["items"][2];
    assert_eq!((&first["code"], &first["severity"]), (&json!("HOST_SILENT"), &json!("warning")));
    assert_eq!((&first["state"], &first["count"]), (&json!("open"), &json!(1)));
    assert_eq!(
        (&first["subject"], &first["text"]),
        (&json!("h5"), &json!("Host h5 does not answer."))
    );
    assert_eq!(first["acknowledged_by"], Value::Null);

    let page = km.get("/api/v1/alerts?state=open&severity=error").await.json();
    assert_eq!(ids(&page), [raised[1]]);
    let page = km.get("/api/v1/alerts?state=resolved").await.json();
    assert_eq!(ids(&page), [raised[2]]);
    let page = km.get("/api/v1/alerts?limit=2").await.json();
    let next = page["next"].as_str().unwrap();
    assert_eq!(ids(&km.get(&format!("/api/v1/alerts?after={next}")).await.json()), [raised[0]]);
    assert_eq!(km.get("/api/v1/alerts?state=gone").await.problem(), "MALFORMED_QUERY");
    assert_eq!(km.get("/api/v1/alerts?after=x").await.problem(), "MALFORMED_QUERY");
}

#[tokio::test]
async fn who_has_seen_an_alert_is_noted_once_with_what_he_says() {
    let km = Km::new();
    let id = km.group.commit(command_of("alerts raise host_silent/5 HOST_SILENT")).0;
    let path = format!("/api/v1/alerts/{id}/acknowledge");
    let long = json!({ "note": "n".repeat(501) });
    assert_eq!(km.ask(Method::POST, &path).json(long).send().await.problem(), "TOO_LONG");
    let seen = km.ask(Method::POST, &path).json(json!({ "note": "on my way" })).send().await.json();
    assert_eq!((&seen["state"], &seen["note"]), (&json!("acknowledged"), &json!("on my way")));
    assert_eq!(seen["acknowledged_by"], "token test-administrator");
    let again = km.ask(Method::POST, &path).json(json!({})).send().await;
    assert_eq!((again.status.as_u16(), again.problem().as_str()), (409, "WRONG_STATE"));
    let nobody =
        km.ask(Method::POST, "/api/v1/alerts/9999/acknowledge").json(json!({})).send().await;
    assert_eq!((nobody.status.as_u16(), nobody.problem().as_str()), (404, "NO_SUCH_ALERT"));
}

#[tokio::test]
async fn a_channel_is_added_shown_without_its_secret_changed_on_a_reading_that_holds_and_removed() {
    let km = Km::new();
    let added = km.ask(Method::POST, "/api/v1/alerts/channels").json(webhook("pager")).send().await;
    assert_eq!(added.status.as_u16(), 201);
    let channel = added.json();
    let (id, revision) = (channel["id"].as_u64().unwrap(), channel["revision"].as_u64().unwrap());
    assert_eq!((&channel["kind"], &channel["waiting"]), (&json!("webhook"), &json!(0)));
    assert_eq!(channel["webhook"]["url"], "https://pager.example/hook");
    assert_eq!((&channel["email"], &channel["last_try"]), (&Value::Null, &Value::Null));
    assert!(!channel.to_string().contains(SECRET));
    let logged = km.group.set().log.concat();
    assert!(!String::from_utf8_lossy(&logged).contains(SECRET), "in the log in clear");

    let path = format!("/api/v1/alerts/channels/{id}");
    let mut other = webhook("pager");
    other["webhook"] = json!({ "url": "http://other.example" });
    assert_eq!(put(&km, &path, revision + 1, other.clone()).send().await.problem(), "CHANGED");
    let changed = put(&km, &path, revision, other).send().await.json();
    assert_eq!(changed["webhook"], json!({ "url": "http://other.example", "ca_pem": null }));
    let twice = km.ask(Method::POST, "/api/v1/alerts/channels").json(webhook("pager")).send().await;
    assert_eq!(twice.problem(), "CHANNEL_EXISTS");
    let listed = km.get("/api/v1/alerts/channels").await.json();
    assert_eq!(ids(&listed), [id]);
    assert_eq!(km.ask(Method::DELETE, &path).send().await.status.as_u16(), 204);
    assert_eq!(km.get(&path).await.problem(), "NO_SUCH_CHANNEL");
}

/// What was meant for one server is not sent to another.
#[tokio::test]
async fn a_password_belongs_to_its_name_and_its_server() {
    let km = Km::new();
    let missing =
        km.ask(Method::POST, "/api/v1/alerts/channels").json(email("m.example:587", "km"));
    assert_eq!(missing.send().await.problem(), "INVALID_INPUT");
    let mut given = email("m.example:587", "km");
    given["email"]["password"] = json!("hunter2");
    let channel = km.ask(Method::POST, "/api/v1/alerts/channels").json(given).send().await.json();
    let (id, revision) = (channel["id"].as_u64().unwrap(), channel["revision"].as_u64().unwrap());
    assert_eq!(channel["email"]["username"], "km");
    let path = format!("/api/v1/alerts/channels/{id}");
    for (server, username) in [("evil.example:587", "km"), ("m.example:587", "other")] {
        let refused = put(&km, &path, revision, email(server, username)).send().await;
        assert_eq!(refused.problem(), "INVALID_INPUT");
    }
    assert_eq!(
        put(&km, &path, revision, email("m.example:587", "km")).send().await.status.as_u16(),
        200
    );
}

#[tokio::test]
async fn a_channel_that_makes_no_sense_is_refused_and_nothing_is_kept() {
    let km = Km::new();
    let with = |part: &str, field: &str, value: Value| {
        let mut body = if part == "webhook" { webhook("w") } else { email("m.example:25", "km") };
        body[part]["password"] = if part == "email" { json!("hunter2") } else { Value::Null };
        body[part].as_object_mut().unwrap().retain(|_, value| !value.is_null());
        body[part][field] = value;
        body
    };
    let both = {
        let mut body = webhook("w");
        body["email"] = email("m.example:25", "km")["email"].clone();
        body
    };
    for (body, code) in [
        (with("webhook", "url", json!("ftp://h")), "INVALID_VALUE"),
        (with("webhook", "secret", json!("short")), "INVALID_INPUT"),
        (with("webhook", "ca_pem", json!("no certificate")), "INVALID_INPUT"),
        (with("email", "to", json!([])), "INVALID_VALUE"),
        (with("email", "to", json!(["a@b\r\nRCPT TO:<c@d>"])), "INVALID_VALUE"),
        (with("email", "encryption", json!("none")), "INVALID_VALUE"),
        (with("email", "encryption", json!("ssl")), "MALFORMED_BODY"),
        (with("email", "server", json!("m.example")), "INVALID_VALUE"),
        (json!({ "name": "w", "minimum_severity": "warning" }), "INVALID_INPUT"),
        (both, "INVALID_INPUT"),
    ] {
        let told = body.to_string();
        let answer = km.ask(Method::POST, "/api/v1/alerts/channels").json(body).send().await;
        assert_eq!(answer.problem(), code, "{told}");
    }
    assert!(ids(&km.get("/api/v1/alerts/channels").await.json()).is_empty());
}

#[tokio::test]
async fn a_test_shows_what_the_active_told_of_it() {
    let km = Km::new();
    let channel =
        km.ask(Method::POST, "/api/v1/alerts/channels").json(webhook("pager")).send().await;
    let id = channel.json()["id"].as_u64().unwrap();
    let path = format!("/api/v1/alerts/channels/{id}/test");
    let tested = km.ask(Method::POST, &path).json(json!({})).send();
    let active = async {
        let asked = loop {
            let facts = km.group.set().state.alerts.clone();
            match facts.channels.values().next().and_then(|channel| channel.open_wish().cloned()) {
                Some(wish) => break wish.asked,
                None => tokio::task::yield_now().await,
            }
        };
        let told = format!("alerts note-try-out {id} {asked} failed=\"it answered 500\"");
        km.group.commit(command_of(&told));
    };
    let (tested, ()) = tokio::join!(tested, active);
    let tested = tested.json();
    assert_eq!((&tested["ok"], &tested["detail"]), (&json!(false), &json!("it answered 500")));
    let nobody = km.ask(Method::POST, "/api/v1/alerts/channels/9999/test").json(json!({}));
    assert_eq!(nobody.send().await.problem(), "NO_SUCH_CHANNEL");
}
