//! Starting, stopping and restarting services: of what steps it consists, and with whom it is done.

use axum::http::Method;
use serde_json::{Value, json};

use super::services::declared;
use crate::capabilities::access::model::Role;
use crate::machine::script::command_of;

#[tokio::test]
async fn services_are_started_and_stopped_in_their_order_by_an_operation() {
    let km = declared();
    let post = async |path: &str, body: Value| {
        km.by(Role::Maintainer, Method::POST, &format!("/api/v1{path}")).json(body).send().await
    };
    let steps = async |id: &Value| {
        let operation = km.get(&format!("/api/v1/operations/{id}")).await.json();
        let steps = operation["steps"].as_array().unwrap().clone();
        let titles = steps.iter().map(|step| step["title"].as_str().unwrap().to_owned());
        (operation["kind"].clone(), titles.collect::<Vec<_>>())
    };
    let begun = post("/services/stop", json!({"why":"schedule"})).await;
    assert_eq!(begun.status, 202);
    let id = begun.json()["operation"].clone();
    let (kind, titles) = steps(&id).await;
    assert_eq!(kind, "STOP_SERVICES");
    let expected = [
        "Stop 2 Kyvos Web Portals",
        "Stop 2 Query Engines",
        "Stop 2 BI Servers",
        "Stop 2 Postgres servers",
        "Stop 3 ZooKeeper servers",
        "See that nothing was passed over",
    ];
    assert_eq!(titles, expected);
    let busy = post("/services/bi_server.a/start", json!({})).await;
    assert_eq!(busy.problem(), "TARGET_BUSY");
    let detail = km.get("/api/v1/services/bi_server.a").await.json();
    assert_eq!(detail["operation"], id);
    let listed = async || km.get("/api/v1/services?type=bi_server").await.json()["items"].clone();
    assert_eq!(listed().await[0]["operation"], id);
    let mapping = km.get("/api/v1/services/mapping").await.json();
    assert_eq!(mapping["hosts"][0]["services"][1]["operation"], id);
    post(&format!("/operations/{id}/cancel"), json!({})).await;
    assert_eq!(listed().await[0]["operation"], Value::Null);
    let begun = post("/services/types/bi_server/restart", json!({"at_once":1})).await.json();
    let (kind, titles) = steps(&begun["operation"]).await;
    assert_eq!((kind, titles.len()), ("RESTART_SERVICES".into(), 6));
    let begun = post("/services/web_portal.e/restart", json!({})).await.json();
    assert_eq!(steps(&begun["operation"]).await.0, "RESTART_SERVICE");
    let refused = post("/services/web_portal.f/restart", json!({"at_once":0})).await;
    assert_eq!(refused.problem(), "INVALID_VALUE");
    let refused = post("/services/types/kyvos_manager/stop", json!({})).await;
    assert_eq!(refused.problem(), "NO_SUCH_SERVICE");
}

// issue 6, point 6: only what runs with an older configuration
#[tokio::test]
async fn what_runs_with_an_older_configuration_is_named_and_restarted_alone() {
    let km = declared();
    let restart = async |path: &str, body: Value| {
        let path = format!("/api/v1/services{path}/restart");
        km.by(Role::Maintainer, Method::POST, &path).json(body).send().await
    };
    let only = json!({ "only_stale": true });
    for path in ["", "/types/bi_server", "/bi_server.a"] {
        assert_eq!(restart(path, only.clone()).await.problem(), "NOTHING_STALE", "{path}");
    }
    let id = km.group.set().state.hosts.named("a").unwrap().0;
    km.group.commit(command_of(&format!(
        "services note-verdicts up seen bi_server:{id} query_engine:{id}"
    )));
    km.group.commit(command_of("properties set olapengine/BLOCK_CACHE_LIFETIME 60"));
    let detail = km.get("/api/v1/services/bi_server.a").await.json();
    assert_eq!(detail["stale_properties"], json!(["olapengine/BLOCK_CACHE_LIFETIME"]));
    let counts = km.get("/api/v1/services/counts").await.json();
    let types = counts["types"].as_array().unwrap();
    let stale = |kind: &str| {
        types.iter().find(|count| count["type"] == kind).unwrap()["with_stale_properties"].clone()
    };
    assert_eq!((stale("bi_server"), stale("query_engine")), (1.into(), 0.into()));
    assert_eq!(restart("/types/query_engine", only.clone()).await.problem(), "NOTHING_STALE");
    let begun = restart("", only).await;
    assert_eq!(begun.status, 202);
    let path = format!("/api/v1/operations/{}", begun.json()["operation"]);
    let operation = km.get(&path).await.json();
    assert_eq!(operation["title"], "Restart every Kyvos service with an older configuration");
    assert_eq!(operation["steps"][0]["title"], "Stop BI Server on a");
    assert_eq!(operation["steps"].as_array().unwrap().len(), 3);
}
