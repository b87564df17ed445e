//! Health for load balancers.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::Value;
use tower::ServiceExt;

use super::client::Km;
use crate::api::health_router;

async fn ask(km: &Km, method: Method, path: &str) -> (u16, Value) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = health_router(km.group.clone()).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

async fn statuses(km: &Km) -> [u16; 3] {
    let status = |path| async move { ask(km, Method::GET, path).await.0 };
    [status("/health/live").await, status("/health/ready").await, status("/health/active").await]
}

// rows 39, 68
#[tokio::test]
async fn only_the_active_answers_200_on_active_and_a_passive_is_ready_all_the_same() {
    let km = Km::new();
    assert_eq!(statuses(&km).await, [200, 200, 200]);
    km.enable_ha().await;
    let leader = km.group.admit_peer("km2");
    km.group.follow_leader(leader);
    assert_eq!(statuses(&km).await, [200, 200, 503]);
    let (_, body) = ask(&km, Method::GET, "/health/active").await;
    assert_eq!((&body["mode"], body["active"].as_u64()), (&"passive".into(), Some(leader.0)));
    km.group.lose_quorum();
    assert_eq!(statuses(&km).await, [200, 503, 503]);
    let (_, body) = ask(&km, Method::GET, "/health/active").await;
    assert_eq!((&body["mode"], &body["active"]), (&"no_quorum".into(), &Value::Null));
}

#[tokio::test]
async fn a_full_disk_is_not_ready_and_says_why() {
    let km = Km::new();
    km.group.set().disk_full = Some("no room for the log");
    let (status, body) = ask(&km, Method::GET, "/health/ready?verbose").await;
    assert_eq!((status, &body["reason"]), (503, &"no room for the log".into()));
    let failed = body["checks"].as_array().unwrap().iter().filter(|check| check["pass"] == false);
    assert_eq!(failed.count(), 1);
}

#[tokio::test]
async fn a_removed_manager_says_so_in_its_health_and_on_its_pages() {
    let km = Km::new();
    let why = "Kyvos Manager 1 was removed from the group: it was deleted";
    km.group.set().removed = Some(why.into());
    km.group.lose_quorum();
    let (status, body) = ask(&km, Method::GET, "/health/ready?verbose").await;
    assert_eq!((status, &body["reason"]), (503, &why.into()));
    assert_eq!(body["checks"][0]["check"], "member of the group");
    let cluster = km.get("/api/v1/cluster").await.json();
    let notice = &cluster["notices"][0];
    assert_eq!(
        (&notice["code"], &notice["severity"]),
        (&"MANAGER_REMOVED".into(), &"error".into())
    );
    assert!(notice["text"].as_str().unwrap().starts_with(why), "{notice}");
}

#[tokio::test]
async fn balancers_may_ask_for_other_codes_and_for_the_head_only() {
    let km = Km::new();
    let path = "/health/active?activecode=204&passivecode=429&downcode=500";
    assert_eq!(ask(&km, Method::GET, path).await.0, 204);
    assert_eq!(ask(&km, Method::HEAD, "/health/active").await.0, 200);
    km.enable_ha().await;
    let leader = km.group.admit_peer("km2");
    km.group.follow_leader(leader);
    assert_eq!(ask(&km, Method::GET, path).await.0, 429);
    km.group.lose_quorum();
    assert_eq!(ask(&km, Method::GET, path).await.0, 500);
    for bad in ["activecode=199", "activecode=600", "downcode=x", "passivecode="] {
        assert_eq!(ask(&km, Method::GET, &format!("/health/active?{bad}")).await.0, 503, "{bad}");
    }
}

// For balancers that can only check the port they send to: the same answers, bare, also the "no".
#[tokio::test]
async fn the_apis_port_answers_the_same_pages() {
    let km = Km::new();
    km.enable_ha().await;
    let leader = km.group.admit_peer("km2");
    km.group.follow_leader(leader);
    for (path, status) in [("/health/ready", 200), ("/health/active", 503)] {
        let there = km.anonymous(Method::GET, path).send().await;
        assert_eq!(there.status, status);
        assert_eq!(
            serde_json::from_str::<Value>(&there.text).unwrap(),
            ask(&km, Method::GET, path).await.1
        );
    }
}
