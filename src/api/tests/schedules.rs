//! Schedules over HTTP.

use axum::http::Method;
use serde_json::{Value, json};

use super::client::{Answer, Km};
use crate::capabilities::access::model::Role;
use crate::machine::script::command_of;

const PATH: &str = "/api/v1/services/schedules";

async fn asks(km: &Km, method: Method, path: &str, body: Value) -> Answer {
    km.by(Role::Maintainer, method, path).json(body).send().await
}

#[tokio::test]
async fn a_schedule_is_added_listed_switched_off_and_removed() {
    let km = Km::new();
    let body = json!({ "name": "night", "state": "stopped", "at": "22:00", "offset": "+05:30",
        "days": ["mon", "fri"] });
    let added = asks(&km, Method::POST, PATH, body).await;
    assert_eq!(added.status, 201);
    let added = added.json();
    assert_eq!((&added["at"], &added["offset"]), (&json!("22:00"), &json!("+05:30")));
    assert_eq!((&added["days"], &added["last"]), (&json!(["mon", "fri"]), &Value::Null));
    assert!(added["next"].as_str().unwrap().ends_with("T16:30:00.000Z"), "{}", added["next"]);
    assert_eq!(km.get(PATH).await.json()["items"], json!([added]));

    let one = format!("{PATH}/{}", added["id"]);
    let off = json!({ "name": "night", "state": "stopped", "at": "23:59:30", "offset": "-08:00",
        "type": "bi_server", "enabled": false });
    let set = asks(&km, Method::PUT, &one, off.clone()).await.json();
    assert_eq!((&set["offset"], &set["next"]), (&json!("-08:00"), &Value::Null));
    assert_eq!(set["at"], "23:59:30");
    assert_eq!(set["days"].as_array().unwrap().len(), 7);
    let stale = km.by(Role::Maintainer, Method::PUT, &one).header("if-match", "\"1\"").json(off);
    assert_eq!(stale.send().await.problem(), "CHANGED");

    let remove = async || km.by(Role::Maintainer, Method::DELETE, &one).send().await;
    assert_eq!(remove().await.status, 204);
    assert_eq!(remove().await.problem(), "NO_SUCH_SCHEDULE");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_and_changes_nothing() {
    let km = Km::new();
    let fine = json!({ "name": "night", "state": "stopped", "at": "22:00" });
    for (field, value) in [
        ("at", json!("24:00")),
        ("at", json!("2:00")),
        ("at", json!("+2:00")),
        ("at", json!("22:00:60")),
        ("at", json!("22:00:0")),
        ("at", json!("22:00:00:00")),
        ("at", json!(":")),
        ("offset", json!("05:30")),
        ("offset", json!("+14:01")),
        ("offset", json!("-12:01")),
        ("days", json!(["today"])),
        ("days", json!([])),
        ("name", json!("")),
        ("name", json!("x".repeat(65))),
        ("type", json!("kyvos_manager")),
    ] {
        let mut body = fine.clone();
        body[field] = value;
        let refused = asks(&km, Method::POST, PATH, body.clone()).await;
        assert!(refused.status.is_client_error(), "{body}");
    }
    assert_eq!(km.get(PATH).await.json()["items"], json!([]));
    assert_eq!(asks(&km, Method::POST, PATH, fine.clone()).await.status, 201);
    assert_eq!(asks(&km, Method::POST, PATH, fine).await.problem(), "SCHEDULE_EXISTS");
}

// row 36
#[tokio::test]
async fn zookeeper_that_sleeps_is_told_of_as_planned() {
    let km = Km::new();
    km.group.commit(command_of("properties set kyvos-manager/ZK_SERVICE_WATCH on"));
    km.group.commit(command_of("hosts register zk1 agent roles=zookeeper"));
    km.group.commit(command_of("services note-watch away gone"));
    let notice = async || {
        let cluster = km.get("/api/v1/cluster").await.json();
        let notices = cluster["notices"].as_array().unwrap().clone();
        notices.into_iter().find(|notice| notice["code"] == "ZOOKEEPER_AWAY").unwrap()
    };
    assert_eq!(notice().await["severity"], "warning");
    let zk1 = km.group.set().state.hosts.named("zk1").unwrap().0;
    km.group.commit(command_of(&format!("services want stopped zookeeper:{zk1} why=schedule")));
    let told = notice().await;
    assert_eq!(told["severity"], "info");
    let text = told["text"].as_str().unwrap();
    assert!(text.starts_with("ZooKeeper is stopped as planned (schedule, by "), "{text}");
    km.group.commit(command_of(&format!("services want running zookeeper:{zk1}")));
    assert_eq!(notice().await["severity"], "warning");
}
