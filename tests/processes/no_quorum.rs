//! What a Manager without a majority still does, and what it refuses.

use super::support::{Demo, health, km, run, until};

#[test]
fn without_a_majority_status_is_told_changes_are_refused_and_service_resumes() {
    let mut demo = Demo::start(3);
    let (active, others) = demo.roles();
    let last = others[0].clone();
    demo.kill(&active);
    demo.kill(&others[1]);
    until("it to notice", || health(&last, "ready") == Some(503));

    let status = demo.ask(&[&last], ["status"]).json();
    assert!(status["active"].is_null(), "{status}");
    let health_url = ["status", "--health", &last.health_url];
    let mut stranger = km();
    stranger.args(["--output", "json"]).args(health_url).env("XDG_STATE_HOME", "/nowhere");
    stranger.env("KM_SERVER", &last.api_url).env("KM_CA", demo.dir().join("ca.pem"));
    let told = run(&mut stranger);
    assert!(told.json()["active"].is_null(), "told without a sign-in too: {}", told.out);
    let managers = demo.ask(&[&last], ["managers", "list"]).json();
    assert_eq!(managers["items"].as_array().unwrap().len(), 3);
    let set = demo.ask(&[&last], ["properties", "set", "custom", "greeting", "lost"]);
    assert_eq!(set.code, 3, "{}{}", set.out, set.err);
    assert_eq!(health(&last, "active"), Some(503));

    demo.start_again(&others[1]);
    until("an Active", || demo.active().is_some());
    let set = demo.ask(&[&last], ["properties", "set", "custom", "greeting", "back"]);
    assert_eq!(set.json()["value"], "back");
    let history = demo.ask(&[&last], ["properties", "history", "custom", "greeting"]).json();
    assert_eq!(history["items"].as_array().unwrap().len(), 1, "what was refused left no trace");
}
