//! The command line against a real Manager: every verb sends what the API takes, prints JSON when asked to, and ends
//! with the exit code of the contract.

use serde_json::json;

use super::alone::Alone;

#[test]
fn every_verb_speaks_the_api_s_language() {
    let dir = tempfile::tempdir().unwrap();
    let manager = Alone::founded(dir.path(), &dir.path().join("data"));
    settings(&manager);
    people_and_tokens(&manager);
    assert_eq!(manager.km(["explain", "active"]).json()["topic"], "active");
    assert_eq!(manager.km(["operations", "list"]).json()["items"], json!([]));
    assert_eq!(manager.km(["managers", "alias", "1", "Blue"]).json()["alias"], "Blue");
    assert_eq!(manager.km(["managers", "get", "1"]).json()["mode"], "active");
    assert!(!manager.km(["managers", "history"]).json()["items"].as_array().unwrap().is_empty());
    assert!(!manager.km(["audit", "list"]).json()["items"].as_array().unwrap().is_empty());
    assert_eq!(manager.km(["requests", "get", "no-such"]).json(), json!({ "state": "unknown" }));
    assert_eq!(manager.km(["logout"]).json(), json!({ "signed_out": true }));
    assert_eq!(manager.km(["properties", "list"]).code, 1, "signed out");
}

fn settings(manager: &Alone) {
    let set = manager.set("greeting", "hello").json();
    let revision = set["revision"].to_string();
    assert_eq!(manager.km(["properties", "get", "custom", "greeting"]).json(), set);
    let stale = ["properties", "unset", "custom", "greeting", "--if-match", "0"];
    let stale = manager.km(stale);
    assert_eq!((stale.code, stale.out.as_str()), (1, ""), "{}", stale.err);
    assert!(stale.err.contains("CHANGED"), "{}", stale.err);
    let unset = ["properties", "unset", "custom", "greeting", "--reason", "no guests"];
    assert!(manager.km(unset).json()["revision"].as_u64().is_some());
    let history = manager.km(["properties", "history", "custom", "greeting"]).json();
    assert_eq!(history["items"][0]["reason"], "no guests");
    let back = manager.km(["properties", "revert", "custom", "greeting", &revision]).json();
    assert_eq!(back["value"], "hello");
    assert_eq!(manager.km(["properties", "unset", "custom", "greeting"]).code, 0);
    assert_eq!(manager.km(["properties", "get", "custom", "greeting"]).code, 1);
    assert_eq!(manager.km(["properties", "set", "custom"]).code, 2);
}

fn people_and_tokens(manager: &Alone) {
    let made = manager.km(["tokens", "create", "dashboard", "--role", "auditor"]).json();
    assert!(made["token"].as_str().is_some_and(|token| !token.is_empty()));
    assert_eq!(manager.km(["tokens", "list"]).json()["items"][0]["id"], made["id"]);
    assert_eq!(manager.km(["tokens", "delete", &made["id"].to_string()]).code, 0);
    assert_eq!(manager.km(["tokens", "list"]).json()["items"], json!([]));
    assert_eq!(manager.km(["token", "list"]).json()["items"], json!([]));
    assert_eq!(manager.km(["token", "create"]).code, 1, "HA is off");
    assert_eq!(manager.km(["users", "list"]).json()["items"][0]["username"], "admin");
    assert_eq!(manager.km(["users", "delete", "admin"]).code, 1, "the last administrator");
}
