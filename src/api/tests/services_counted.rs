//! How many services of each type there are, for whoever does not list them.

use axum::http::Method;
use serde_json::{Value, json};

use super::client::Km;
use crate::capabilities::access::model::Role;
use crate::machine::script::command_of;

#[tokio::test]
async fn services_are_counted_without_being_listed() {
    let km = Km::new();
    for line in ["hosts register a agent roles=bi_server", "hosts register b agent roles=bi_server"]
    {
        km.group.commit(command_of(line));
    }
    let id = |host: &str| km.group.set().state.hosts.named(host).unwrap().0;
    let (a, b) = (id("a"), id("b"));
    for line in [
        format!("services note-verdicts down \"it is gone\" bi_server:{a} whole=true observers=2"),
        format!("services note-verdicts up \"it is there\" bi_server:{b} whole=true observers=2"),
    ] {
        km.group.commit(command_of(&line));
    }
    let counts = async || {
        let told = km.get("/api/v1/services/counts").await.json();
        let mapping = km.get("/api/v1/services/mapping").await.json();
        assert_eq!(told["types"], mapping["types"]);
        let types = told["types"].as_array().unwrap().clone();
        types.into_iter().find(|it| it["type"] == "bi_server").unwrap()
    };
    let of = |count: &Value, fields: [&str; 4]| fields.map(|field| count[field].clone());
    let running = ["expected", "wanted_running", "missing", "still_up"];
    assert_eq!(of(&counts().await, running), [2, 2, 1, 0].map(Value::from));
    let stopped = json!({"state":"stopped","why":"maintenance"});
    for host in ["a", "b"] {
        let path = format!("/api/v1/services/bi_server.{host}/wanted");
        km.by(Role::Maintainer, Method::PUT, &path).json(stopped.clone()).send().await.json();
    }
    assert_eq!(of(&counts().await, running), [2, 0, 0, 1].map(Value::from));
}
