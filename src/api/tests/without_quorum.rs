//! What still works, and what says so, when there is no quorum or the disk is full.

use axum::http::Method;
use serde_json::{Value, json};

use super::client::{Answer, Km};
use crate::cluster::ProposeFailure;

fn notices(answer: &Answer) -> Vec<(String, String)> {
    let text = |notice: &Value, what: &str| notice[what].as_str().unwrap().to_owned();
    let all = answer.json()["notices"].as_array().unwrap().clone();
    all.iter().map(|notice| (text(notice, "code"), text(notice, "text"))).collect()
}

fn texts_of(answer: &Answer, code: &str) -> Vec<String> {
    notices(answer).into_iter().filter(|(of, _)| of == code).map(|(_, text)| text).collect()
}

#[tokio::test]
async fn a_clock_far_from_the_others_is_told_by_name() {
    let km = Km::new();
    km.enable_ha().await;
    let peers = ["km2", "km3"].map(|host| km.group.admit_peer(host));
    let ahead = |id, ms| {
        km.group.set().peers.get_mut(&id).unwrap().clock_ahead_ms = Some(ms);
    };
    ahead(peers[0], 59_000);
    assert_eq!(texts_of(&km.get("/api/v1/cluster").await, "CLOCK_SKEW"), [""; 0]);
    ahead(peers[0], -61_000);
    let texts = texts_of(&km.get("/api/v1/cluster").await, "CLOCK_SKEW");
    assert!(texts.len() == 1 && texts[0].contains("km2 is 61 s behind"), "{texts:?}");
    // Both others say that this one is ahead.
    ahead(peers[1], -61_000);
    let texts = texts_of(&km.get("/api/v1/cluster").await, "CLOCK_SKEW");
    assert!(texts.len() == 1 && texts[0].contains("km1 is 61 s ahead of"), "{texts:?}");
}

#[tokio::test]
async fn the_group_and_its_managers_are_shown_from_what_this_one_knows() {
    let km = Km::new();
    km.enable_ha().await;
    let other = km.group.admit_peer("km2");
    km.group.lose_quorum();
    let cluster = km.get("/api/v1/cluster").await;
    assert_eq!(cluster.status, 200);
    let body = cluster.json();
    assert_eq!((&body["mode_here"], &body["active"]), (&json!("no_quorum"), &Value::Null));
    assert_eq!(body["failure_tolerance"], 0);
    // requirements 5.10, banner 4
    let text = "No active Kyvos Manager. This instance is read-only. Retrying…";
    assert_eq!(texts_of(&cluster, "NO_ACTIVE"), [text]);
    assert_eq!(cluster.header("x-km-age-ms"), Some("40"));
    let managers = km.get("/api/v1/managers").await.json();
    let of = |id: u64| {
        let items = managers["items"].as_array().unwrap().clone();
        items.into_iter().find(|item| item["id"] == id).unwrap()
    };
    assert_eq!((&of(1)["here"], &of(1)["state"]), (&json!(true), &json!("running")));
    assert_eq!((&of(other.0)["state"], &of(other.0)["mode"]), (&json!("down"), &json!("passive")));
    assert_eq!((&of(other.0)["pid"], &of(other.0)["host"]), (&json!(4711), &json!("km2")));
    assert_eq!(km.get("/api/v1/explain/active").await.status, 200);
}

#[tokio::test]
async fn a_member_that_is_not_known_here_may_be_there_all_the_same() {
    let km = Km::new();
    let gone = km.get("/api/v1/managers/99").await;
    assert_eq!((gone.status.as_u16(), gone.problem().as_str()), (404, "NO_SUCH_MANAGER"));
    km.group.lose_quorum();
    for path in ["/api/v1/managers/99", "/api/v1/explain/failure?manager=99"] {
        let unsure = km.get(path).await;
        assert_eq!((unsure.status.as_u16(), unsure.problem().as_str()), (503, "NO_QUORUM"));
        let detail = unsure.json()["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.contains("99") && detail.ends_with("nobody else could be asked."),
            "{detail}"
        );
    }
    let asked_for = km.get("/api/v1/managers/99?consistency=local").await;
    assert_eq!((asked_for.status.as_u16(), asked_for.problem().as_str()), (404, "NO_SUCH_MANAGER"));
}

#[tokio::test]
async fn other_reads_say_no_quorum_or_are_local_and_writes_say_no_active() {
    let km = Km::new();
    km.group.lose_quorum();
    let read = km.get("/api/v1/properties").await;
    assert_eq!((read.status.as_u16(), read.problem().as_str()), (503, "NO_QUORUM"));
    assert!(read.header("retry-after").is_some());
    let local = km.get("/api/v1/properties?consistency=local").await;
    assert_eq!((local.status.as_u16(), local.header("x-km-age-ms")), (200, Some("40")));
    let write = km.set("greeting", "x").await;
    assert_eq!((write.status.as_u16(), write.problem().as_str()), (503, "NO_ACTIVE"));
    assert!(write.header("retry-after").is_some());
    let ask = km.anonymous(Method::POST, "/api/v1/login");
    let login = ask.json(json!({ "username": "a", "password": "b" })).send().await;
    assert_eq!(login.status, 503);
}

#[tokio::test]
async fn whoever_is_not_known_here_cannot_be_judged_without_a_quorum() {
    let km = Km::new();
    km.group.lose_quorum();
    let ask =
        km.anonymous(Method::GET, "/api/v1/cluster").header("authorization", "Bearer unknown");
    let answer = ask.send().await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (503, "NO_QUORUM"));
}

#[tokio::test]
async fn a_full_disk_refuses_writes_with_the_reason() {
    let km = Km::new();
    km.group.set().propose_failure = Some(ProposeFailure::DiskFull { because: "no room".into() });
    km.group.set().disk_full = Some("no room");
    let write = km.set("greeting", "x").await;
    assert_eq!((write.status.as_u16(), write.problem().as_str()), (503, "DISK_FULL"));
    let cluster = km.get("/api/v1/cluster").await;
    assert_eq!(texts_of(&cluster, "DISK_FULL").len(), 1);
}

// requirements 5.10, banner 2
#[tokio::test]
async fn two_instances_say_that_they_cannot_fail_over() {
    let km = Km::new();
    km.enable_ha().await;
    let alone = km.get("/api/v1/cluster").await;
    assert!(texts_of(&alone, "NO_AUTOMATIC_FAILOVER").is_empty());
    let second = km.group.admit_peer("km2");
    let text = "No automatic failover: 2 of 2 Kyvos Manager instances are required. Add a third instance or a witness.";
    assert_eq!(texts_of(&km.get("/api/v1/cluster").await, "NO_AUTOMATIC_FAILOVER"), [text]);
    let third = km.group.admit_peer("km3");
    let cluster = km.get("/api/v1/cluster").await;
    assert!(texts_of(&cluster, "NO_AUTOMATIC_FAILOVER").is_empty());
    assert_eq!(cluster.json()["failure_tolerance"], 1);
    km.group.set().peers.get_mut(&third).unwrap().reachable = false;
    let cluster = km.get("/api/v1/cluster").await;
    assert_eq!(cluster.json()["failure_tolerance"], 0);
    assert_eq!(texts_of(&cluster, "NO_FAILURE_TOLERANCE").len(), 1);
    // Without a quorum nothing is left that one more failure would stop.
    km.group.set().peers.get_mut(&second).unwrap().reachable = false;
    let cluster = km.get("/api/v1/cluster").await;
    assert!(texts_of(&cluster, "NO_FAILURE_TOLERANCE").is_empty());
}

#[tokio::test]
async fn a_certificate_is_told_30_7_and_1_days_before_it_ends() {
    let km = Km::new();
    let day = 24 * 3_600_000;
    for (days, severity) in
        [(40, None), (29, Some("info")), (6, Some("warning")), (0, Some("error"))]
    {
        let ends = super::group::START.plus_ms(days * day + 1);
        km.group.set().certificate_expires_at = ends;
        let body = km.get("/api/v1/cluster").await.json();
        assert_eq!(body["notices"][0]["severity"].as_str(), severity, "{days} days");
    }
}

// rows 45, 48, 51, 54
#[tokio::test]
async fn the_default_instance_is_the_active_one_and_takes_an_alias_that_is_unique() {
    let km = Km::new();
    km.enable_ha().await;
    let one = km.get("/api/v1/managers/1").await.json();
    assert_eq!((&one["mode"], &one["state"]), (&json!("active"), &json!("running")));
    let alias = |id: u64, alias: &str| {
        let path = format!("/api/v1/managers/{id}");
        let body = json!({ "alias": alias });
        let km = &km;
        async move { km.ask(Method::PATCH, &path).json(body).send().await }
    };
    assert_eq!(alias(1, "Blue").await.json()["alias"], "Blue");
    let other = km.group.admit_peer("km2");
    assert_eq!(alias(other.0, "Blue").await.problem(), "ALIAS_TAKEN");
    for bad in ["B/ue", "Bl\u{7}ue", "Bl\nue", &"x".repeat(65)] {
        assert_eq!(alias(other.0, bad).await.problem(), "ALIAS_INVALID", "{bad:?}");
    }
    // What came into the log since it was heard it need not have yet.
    let shown = km.get(&format!("/api/v1/managers/{other}")).await.json();
    assert_eq!((&shown["alias"], &shown["lag"]), (&json!(""), &json!(0)));
    km.group.set().peers.get_mut(&other).unwrap().reachable = false;
    let down = alias(other.0, "Red").await.json();
    assert_eq!((&down["state"], &down["since"]), (&json!("down"), &down["as_of"]));
    assert_eq!(alias(1, "").await.json()["alias"], "");
}
