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

// section 5.2
#[tokio::test]
async fn the_coordination_master_is_named_with_the_bi_servers_and_the_first_that_are_missing() {
    let km = Km::new();
    for host in ["b", "a", "c", "d", "e", "f", "g"] {
        km.group
            .commit(command_of(&format!("hosts register {host} agent roles=bi_server,web_portal")));
    }
    let of = async |kind: &str| {
        let told = km.get("/api/v1/services/counts").await.json();
        let types = told["types"].as_array().unwrap().clone();
        types.into_iter().find(|it| it["type"] == kind).unwrap()
    };
    let before = of("bi_server").await;
    assert_eq!(
        (&before["coordination_master"], &before["missing_first"]),
        (&Value::Null, &json!([]))
    );
    let id = |host: &str| km.group.set().state.hosts.named(host).unwrap().0;
    let downs: Vec<_> = ["a", "b", "c", "d", "e", "f"]
        .iter()
        .map(|host| format!("bi_server:{}", id(host)))
        .collect();
    for line in [
        "services note-seen /kyvos/coordination_master g marks=master ephemeral=false".to_owned(),
        format!(
            "services note-verdicts down \"it is gone\" {} whole=true observers=2",
            downs.join(" ")
        ),
        format!("services want stopped bi_server:{} why=maintenance", id("a")),
    ] {
        km.group.commit(command_of(&line));
    }
    let bi = of("bi_server").await;
    assert_eq!(bi["coordination_master"], "bi_server.g");
    assert_eq!(bi["missing"], 5);
    let first = ["b", "c", "d", "e", "f"].map(|host| format!("bi_server.{host}"));
    assert_eq!(bi["missing_first"], json!(first));
    assert_eq!(of("web_portal").await["coordination_master"], Value::Null);
    // No more than five, however many there are.
    let path = "/api/v1/services/bi_server.a/wanted";
    let running = json!({"state":"running","why":"operator"});
    km.by(Role::Maintainer, Method::PUT, path).json(running).send().await.json();
    let bi = of("bi_server").await;
    let first = ["a", "b", "c", "d", "e"].map(|host| format!("bi_server.{host}"));
    assert_eq!((&bi["missing"], &bi["missing_first"]), (&6.into(), &json!(first)));
}

// section 5.2; A22
#[tokio::test]
async fn the_cluster_runs_stops_and_rests_as_a_person_sees_it() {
    let km = super::services::declared();
    let cluster = async || {
        let told = km.get("/api/v1/services/counts").await.json();
        let mapping = km.get("/api/v1/services/mapping").await.json();
        assert_eq!(told["cluster"], mapping["cluster"]);
        told["cluster"].clone()
    };
    let post = async |path: &str, body: Value| {
        km.by(Role::Maintainer, Method::POST, &format!("/api/v1{path}")).json(body).send().await
    };
    let id = |host: &str| km.group.set().state.hosts.named(host).unwrap().0;
    let engines = format!(
        "bi_server:{} bi_server:{} query_engine:{} query_engine:{}",
        id("a"),
        id("b"),
        id("c"),
        id("d")
    );
    let judge = |verdict: &str| {
        let line =
            format!("services note-verdicts {verdict} seen {engines} whole=true observers=2");
        km.group.commit(command_of(&line));
    };
    let unseen = cluster().await;
    assert_eq!((&unseen["state"], &unseen["stale"]), (&json!("unknown"), &json!(true)));
    assert_eq!(unseen["because"], "Nobody has looked yet at 2 BI Servers and 2 Query Engines.");

    judge("up");
    let because = "Everything that is to run is up: 2 BI Servers and 2 Query Engines.";
    let running = json!({"state":"running","because":because,"operation":null,"stale":false});
    assert_eq!(cluster().await, running);

    // Web Portals are stopped first; the cluster is stopping all the same, before anything is said of a BI Server.
    let stop = post("/services/stop", json!({"why":"schedule"})).await.json()["operation"].clone();
    let stopping = cluster().await;
    assert_eq!((&stopping["state"], &stopping["operation"]), (&json!("stopping"), &stop));
    let because = "Nothing is to run any more. Still up: 2 BI Servers and 2 Query Engines.";
    assert_eq!(stopping["because"], because);
    post(&format!("/operations/{stop}/cancel"), json!({})).await;
    assert_eq!(cluster().await, running);

    km.group.commit(command_of(&format!("services want stopped {engines} why=schedule")));
    assert_eq!(cluster().await["state"], "partly_running");
    judge("down");
    let rests = cluster().await;
    assert_eq!((&rests["state"], &rests["operation"]), (&json!("suspended"), &Value::Null));
    assert!(rests["because"].as_str().unwrap().contains("(schedule)"), "{rests}");

    let start = post("/services/start", json!({})).await.json()["operation"].clone();
    let starting = cluster().await;
    assert_eq!((&starting["state"], &starting["operation"]), (&json!("starting"), &start));
    judge("up");
    assert_eq!(cluster().await["state"], "running");
}
