//! Which browser gets the dashboard where.

use axum::http::Method;
use serde_json::json;

use super::client::{Answer, Km};

const LB: &str = "/api/v1/properties/kyvos-manager/LOAD_BALANCER_URL";

async fn navigate(km: &Km, path: &str, host: &str) -> Answer {
    let ask = km.anonymous(Method::GET, path).header("accept", "text/html,application/xhtml+xml");
    ask.header("host", host).send().await
}

/// A Passive: km2 is Active.
async fn passive() -> Km {
    let km = Km::new();
    km.enable_ha().await;
    let leader = km.group.admit_peer("km2");
    km.group.follow_leader(leader);
    km
}

#[tokio::test]
async fn the_active_serves_the_page_guarded_and_not_kept() {
    let km = Km::new();
    let answer = navigate(&km, "/nodes", "km1:7443").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'self'"));
    assert_eq!(answer.header("strict-transport-security"), None);
}

// rows 40, 41; A1, A2
#[tokio::test]
async fn a_passive_sends_browsers_to_the_load_balancer_else_to_the_active() {
    let km = passive().await;
    let answer = navigate(&km, "/nodes?tab=mapping", "km1:7443").await;
    assert_eq!(answer.status, 307);
    assert_eq!(answer.header("location"), Some("https://km2:7443/nodes?tab=mapping&km_r=1"));
    km.ask(Method::PUT, LB).json(json!({ "value": "https://lb.example" })).send().await;
    let answer = navigate(&km, "/nodes?tab=mapping", "km1:7443").await;
    assert_eq!(answer.header("location"), Some("https://lb.example/nodes?tab=mapping&km_r=1"));
    let api = km.get("/api/v1/cluster").await;
    assert_eq!(api.status, 200);
}

// A3: the load balancer is pinned to a Passive
#[tokio::test]
async fn what_came_through_the_load_balancer_is_served_here_and_never_sent_back() {
    let km = passive().await;
    km.ask(Method::PUT, LB).json(json!({ "value": "https://lb.example" })).send().await;
    assert_eq!(navigate(&km, "/nodes", "lb.example").await.status, 200);
    assert_eq!(navigate(&km, "/nodes?km_r=1", "km1:7443").await.status, 200);
    let ask = km.anonymous(Method::GET, "/nodes").header("accept", "text/html");
    let ask = ask.header("host", "km1:7443").header("x-forwarded-host", "lb.example");
    assert_eq!(ask.send().await.status, 200);
}

// row 41
#[tokio::test]
async fn without_a_known_active_the_page_comes_with_503_and_says_when_to_try_again() {
    let km = passive().await;
    km.group.lose_quorum();
    let answer = navigate(&km, "/nodes", "km1:7443").await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(answer.header("location"), None);
}

#[tokio::test]
async fn between_two_tenures_nobody_is_sent_to_the_one_that_has_gone() {
    let km = passive().await;
    km.group.set().leader = Some(crate::base::ManagerId(99));
    assert_eq!(navigate(&km, "/nodes", "km1:7443").await.status, 503);
}

#[tokio::test]
async fn a_missing_file_is_not_answered_with_the_page() {
    let km = Km::new();
    let answer = km.anonymous(Method::GET, "/assets/gone.js").header("accept", "*/*").send().await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (404, "NOT_FOUND"));
}

#[tokio::test]
async fn a_caller_that_does_not_want_to_be_forwarded_is_told_where_the_active_is() {
    let km = passive().await;
    let put = || {
        let ask = km.ask(Method::PUT, "/api/v1/properties/custom/a").header("x-km-no-forward", "1");
        ask.json(json!({ "value": "x" })).send()
    };
    let answer = put().await;
    assert_eq!(answer.status, 307);
    assert_eq!(answer.header("location"), Some("https://km2:7443/api/v1/properties/custom/a"));
    let read = km.ask(Method::GET, "/api/v1/properties?search=a").header("x-km-no-forward", "1");
    let answer = read.send().await;
    assert_eq!(answer.header("location"), Some("https://km2:7443/api/v1/properties?search=a"));
    km.group.lose_quorum();
    assert_eq!(put().await.problem(), "NO_ACTIVE");
}
