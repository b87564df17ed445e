//! Services HA over HTTP: the switch, why something or nothing is done, windows, and acknowledging.

use axum::http::Method;
use serde_json::{Value, json};

use super::client::{Answer, Km};
use crate::capabilities::access::model::Role;
use crate::machine::script::command_of;

const HA: &str = "/api/v1/services/ha";

fn km() -> Km {
    let km = Km::new();
    for line in [
        "hosts register a agent roles=bi_server,postgres",
        "hosts register b agent roles=bi_server",
    ] {
        km.group.commit(command_of(line));
    }
    km
}

async fn asks(km: &Km, method: Method, path: &str, body: Value) -> Answer {
    km.by(Role::Maintainer, method, path).json(body).send().await
}

#[tokio::test]
async fn it_is_off_until_somebody_switches_it_on_and_each_number_has_its_bounds() {
    let km = km();
    let usual = km.get(HA).await.json();
    assert_eq!((&usual["automation"], &usual["enabled"]), (&json!(true), &json!(false)));
    assert_eq!((&usual["restarts_max"], &usual["is_default"]), (&json!(3), &json!(true)));

    let body = json!({ "enabled": true, "off_types": ["postgres"], "standbys": ["bi_server.b"] });
    let set = asks(&km, Method::PUT, HA, body).await.json();
    assert_eq!((&set["enabled"], &set["standbys"]), (&json!(true), &json!(["bi_server.b"])));
    let types = set["types"].as_array().unwrap();
    let off: Vec<_> = types.iter().filter(|it| it["enabled"] == false).collect();
    assert_eq!((off.len(), &off[0]["type"]), (1, &json!("postgres")));

    for (body, code) in [
        (json!({ "enabled": true, "restarts_max": 0 }), "INVALID_VALUE"),
        (json!({ "enabled": true, "restarts_max": 21 }), "INVALID_VALUE"),
        (json!({ "enabled": true, "settle_seconds": 3601 }), "INVALID_VALUE"),
        (json!({ "enabled": true, "within_seconds": 59 }), "INVALID_VALUE"),
        (json!({ "enabled": true, "pause_seconds": u64::MAX }), "INVALID_VALUE"),
        (json!({ "enabled": true, "host_gone_seconds": 9 }), "INVALID_VALUE"),
        (json!({ "enabled": true, "standbys": ["postgres.a"] }), "INVALID_VALUE"),
        (json!({ "enabled": true, "standbys": ["bi_server.z"] }), "NO_SUCH_SERVICE"),
    ] {
        assert_eq!(asks(&km, Method::PUT, HA, body.clone()).await.problem(), code, "{body}");
    }
    let stale = km.by(Role::Maintainer, Method::DELETE, HA).header("if-match", "\"1\"");
    assert_eq!(stale.send().await.problem(), "CHANGED");
    let auditor = km.by(Role::Auditor, Method::PUT, HA).json(json!({ "enabled": false }));
    assert_eq!(auditor.send().await.status, 403);
    let reset = km.by(Role::Maintainer, Method::DELETE, HA).send().await.json();
    assert_eq!(reset, usual);
}

#[tokio::test]
async fn a_standby_whose_role_is_gone_stands_in_nobodys_way() {
    let km = km();
    let body = json!({ "enabled": false, "standbys": ["bi_server.a", "bi_server.b"] });
    asks(&km, Method::PUT, HA, body).await.json();
    let b = km.group.set().state.hosts.named("b").unwrap().0;
    km.group.commit(command_of(&format!("hosts change {b} roles=query_engine")));

    let mut read = km.get(HA).await.json();
    assert_eq!(read["standbys"], json!(["bi_server.a"]));
    let body = json!({ "enabled": true, "standbys": read["standbys"].take() });
    let set = asks(&km, Method::PUT, HA, body).await.json();
    assert_eq!((&set["enabled"], &set["standbys"]), (&json!(true), &json!(["bi_server.a"])));
    km.group.commit(command_of(&format!("hosts change {b} roles=bi_server")));
    assert_eq!(km.get(HA).await.json()["standbys"], json!(["bi_server.a"]));
}

#[tokio::test]
async fn why_nothing_is_done_is_told_of_each_service() {
    let km = km();
    let path = format!("{HA}/services");
    let reasons = async || {
        let all = km.get(&path).await.json();
        let items = all["items"].as_array().unwrap().iter();
        items
            .map(|it| format!("{} {}", it["id"].as_str().unwrap(), it["reason"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        reasons().await,
        ["postgres.a not_looked", "bi_server.a not_looked", "bi_server.b not_looked"]
    );
    let stop = json!({ "state": "stopped", "why": "maintenance" });
    asks(&km, Method::PUT, "/api/v1/services/bi_server.b/wanted", stop).await.json();
    let planned = km.get(&format!("{path}?reason=planned")).await.json();
    assert_eq!(planned["items"].as_array().unwrap().len(), 1);
    let because = planned["items"][0]["because"].as_str().unwrap();
    assert!(because.starts_with("It is wanted stopped (maintenance) by"), "{because}");
    assert_eq!(km.get(&format!("{path}?reason=fate")).await.problem(), "INVALID_VALUE");
    let ids = async |query: &str| {
        let page = km.get(&format!("{path}?{query}")).await.json();
        page["items"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids("notable=true").await, ["postgres.a", "bi_server.a"]);
    assert_eq!(ids("notable=false").await.len(), 3);
    assert_eq!(ids("host=b").await, ["bi_server.b"]);
    assert!(ids("host=b&notable=true").await.is_empty() && ids("host=z").await.is_empty());

    let known = "/api/v1/services/bi_server.a/acknowledge";
    let told = asks(&km, Method::POST, known, json!({})).await.json();
    assert_eq!((&told["id"], &told["held"]), (&json!("bi_server.a"), &json!(false)));
    let unknown = "/api/v1/services/bi_server.z/acknowledge";
    assert_eq!(asks(&km, Method::POST, unknown, json!({})).await.problem(), "NO_SUCH_SERVICE");
}

#[tokio::test]
async fn a_maintenance_window_is_opened_listed_and_closed() {
    let km = km();
    let path = format!("{HA}/windows");
    let body = json!({ "until": "2026-01-02T00:00:00Z", "host": "a", "note": "disks" });
    let opened = asks(&km, Method::POST, &path, body).await;
    assert_eq!(opened.status, 201);
    let opened = opened.json();
    assert_eq!((&opened["host"], &opened["open"]), (&json!("a"), &json!(true)));
    assert_eq!(opened["until"], "2026-01-02T00:00:00.000Z");
    let listed = km.get(&path).await.json();
    assert_eq!(listed["items"], json!([opened]));
    for body in [
        json!({ "until": "tomorrow" }),
        json!({ "until": "2025-01-02T00:00:00Z" }),
        json!({ "until": "2026-03-02T00:00:00Z" }),
        json!({ "until": "2026-01-02T00:00:00Z", "host": "a", "type": "postgres" }),
    ] {
        let refused = asks(&km, Method::POST, &path, body.clone()).await;
        assert_eq!(refused.problem(), "INVALID_VALUE", "{body}");
    }
    let one = format!("{path}/{}", opened["id"]);
    let close = async || km.by(Role::Maintainer, Method::DELETE, &one).send().await;
    assert_eq!(close().await.status, 204);
    assert_eq!(close().await.problem(), "NO_SUCH_WINDOW");
}
