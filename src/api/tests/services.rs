//! Kyvos services, as the HTTP surface shows them and is told about them.

use axum::http::Method;
use serde_json::{Value, json};

use super::client::{Ask, Km};
use crate::capabilities::access::model::Role;
use crate::machine::script::command_of;

/// A group that watches, and what it saw.
fn watching() -> Km {
    let km = Km::new();
    for line in [
        "properties set kyvos-manager/ZK_SERVICE_WATCH on",
        "hosts register zk1 agent roles=zookeeper",
        "hosts register bi1 agent roles=bi_server",
        "services note-seen /kyvos/bi_servers/bi1:8081 bi1 port=8081",
        "services note-seen /kyvos/bi_servers/bi2:8081 bi2 port=8081",
        "services note-seen /kyvos/coordination_master bi1 marks=master ephemeral=false",
        "services note-seen /kyvos/query_engines/q1:9000 q1 port=9000 service=query_engine trouble=odd",
        "services note-gone /kyvos/bi_servers/bi2:8081",
        "services note-watch watching server=zk1:2181 mode=standalone trouble=wide",
    ] {
        km.group.commit(command_of(line));
    }
    km
}

fn paths(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["path"].as_str().unwrap()).collect()
}

fn put<'k>(km: &'k Km, path: &str, revision: &str, body: Value) -> Ask<'k> {
    km.ask(Method::PUT, path).header("if-match", format!("\"{revision}\"")).json(body)
}

#[tokio::test]
async fn the_watch_says_how_it_stands_and_what_speaks_against_the_ensemble() {
    let km = watching();
    let watch = km.get("/api/v1/services/watch").await.json();
    assert_eq!((&watch["state"], &watch["stale"]), (&json!("watching"), &json!(false)));
    assert_eq!((&watch["sightings"], &watch["serving"]), (&json!(3), &json!(1)));
    assert_eq!(watch["profile_verified"], false);
    // By what they tell, q1 runs a Query Engine and nobody registered it; bi1 is known.
    let undeclared = (&watch["undeclared"], &watch["undeclared_first"]);
    assert_eq!(undeclared, (&json!(1), &json!(["query_engine.q1"])));
    assert!(watch["warning"].as_str().unwrap().starts_with("There is 1 ZooKeeper server"));
    assert_eq!(watch["troubles"], json!(["wide"]));
    let server =
        json!({ "address": "zk1:2181", "serves": true, "mode": "standalone", "because": null });
    assert_eq!(watch["servers"], json!([server]));

    km.group.commit(command_of("services note-watch away \"the connection was lost\""));
    let watch = km.get("/api/v1/services/watch").await.json();
    assert_eq!((&watch["state"], &watch["stale"]), (&json!("away"), &json!(true)));
    assert_eq!(watch["because"], "the connection was lost");
    assert_eq!(watch["stale_since"], "2026-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn before_anybody_looked_that_is_said() {
    let km = Km::new();
    let watch = km.get("/api/v1/services/watch").await.json();
    assert_eq!((&watch["state"], &watch["stale"]), (&json!("never"), &json!(true)));
    assert_eq!((&watch["since"], &watch["warning"]), (&Value::Null, &Value::Null));
    assert!(paths(&km.get("/api/v1/services/sightings").await.json()).is_empty());
}

// rows 31, 32, 5.10 (3)
#[tokio::test]
async fn zookeeper_away_is_a_banner_to_the_letter_and_only_while_somebody_wants_it() {
    let km = watching();
    let notices = async || {
        let cluster = km.get("/api/v1/cluster").await.json();
        let notices = cluster["notices"].as_array().unwrap().clone();
        notices.into_iter().find(|notice| notice["code"] == "ZOOKEEPER_AWAY")
    };
    assert_eq!(notices().await, None);
    km.group.set().now = super::group::START.plus_ms((21 * 60 + 7) * 60_000);
    km.group.commit(command_of("services note-watch away gone"));
    let expected = "ZooKeeper is unavailable. Service status may be stale (since 21:07). Kyvos Manager HA is not affected.";
    let found = notices().await.unwrap();
    assert_eq!((&found["text"], &found["severity"]), (&json!(expected), &json!("warning")));
    km.group.commit(command_of("properties set kyvos-manager/ZK_SERVICE_WATCH off"));
    assert_eq!(notices().await, None);
}

#[tokio::test]
async fn sightings_are_listed_by_path_and_can_be_narrowed() {
    let km = watching();
    let page = km.get("/api/v1/services/sightings").await.json();
    assert_eq!(
        paths(&page),
        [
            "/kyvos/bi_servers/bi1:8081",
            "/kyvos/bi_servers/bi2:8081",
            "/kyvos/coordination_master",
            "/kyvos/query_engines/q1:9000",
        ]
    );
    let bi1 = &page["items"][0];
    assert_eq!((&bi1["service"], &bi1["marks"]), (&json!("bi_server"), &json!("presence")));
    assert_eq!((&bi1["host"], &bi1["port"]), (&json!("bi1"), &json!(8081)));
    let registered = km.group.set().state.hosts.named("bi1").unwrap().0;
    assert_eq!((&bi1["host_id"], &bi1["present"]), (&json!(registered.0), &json!(true)));
    assert_eq!(
        (&page["items"][1]["host_id"], &page["items"][1]["present"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(page["items"][3]["trouble"], "odd");

    let page = km.get("/api/v1/services/sightings?service=bi_server&host=bi1").await.json();
    assert_eq!(paths(&page), ["/kyvos/bi_servers/bi1:8081", "/kyvos/coordination_master"]);
    let page = km.get("/api/v1/services/sightings?limit=3").await.json();
    let next = page["next"].as_str().unwrap();
    let page = km.get(&format!("/api/v1/services/sightings?after={next}")).await.json();
    assert_eq!(paths(&page), ["/kyvos/query_engines/q1:9000"]);
    assert_eq!(km.get("/api/v1/services/sightings?service=x").await.problem(), "INVALID_VALUE");
}

#[tokio::test]
async fn a_profile_is_shown_set_on_a_reading_that_holds_and_taken_back() {
    let km = watching();
    let profile = km.get("/api/v1/services/profile").await.json();
    assert_eq!((&profile["is_default"], &profile["verified"]), (&json!(true), &json!(false)));
    assert_eq!(profile["revision"], 0);
    let rules = json!([{ "pattern": "/site/{any}", "service": "query_engine", "marks": "presence",
        "payload": { "form": "json", "host": "/host", "port": null } }]);
    let body = json!({ "verified": true, "rules": rules });
    let path = "/api/v1/services/profile";
    assert_eq!(put(&km, path, "7", body.clone()).send().await.problem(), "CHANGED");
    let set = put(&km, path, "0", body.clone()).send().await.json();
    assert_eq!((&set["rules"], &set["verified"]), (&rules, &json!(true)));
    assert!(paths(&km.get("/api/v1/services/sightings").await.json()).is_empty());
    for (rules, code) in [
        (json!([]), "TOO_MANY"),
        (
            json!([{ "pattern": "site", "service": "bi_server", "marks": "presence", "payload": { "form": "address" } }]),
            "INVALID_VALUE",
        ),
        (
            json!([{ "pattern": "/s", "service": "other", "marks": "presence", "payload": { "form": "address" } }]),
            "MALFORMED_BODY",
        ),
        (
            json!([{ "pattern": "/s", "service": "bi_server", "marks": "presence", "payload": { "form": "xml" } }]),
            "MALFORMED_BODY",
        ),
    ] {
        let answer = km.ask(Method::PUT, path).json(json!({ "rules": rules })).send().await;
        assert_eq!(answer.problem(), code, "{rules}");
    }
    let reset = km.ask(Method::DELETE, path).send().await.json();
    assert_eq!(reset["is_default"], true);
}

#[tokio::test]
async fn a_password_and_a_key_are_sealed_kept_and_never_shown() {
    let km = watching();
    let path = "/api/v1/services/access";
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let body = json!({
        "tls": { "ca_pem": pem, "certificate_pem": pem, "key_pem": "hush-the-key" },
        "digest": { "username": "reader", "password": "hush-the-password" },
    });
    let set = put(&km, path, "0", body).send().await;
    assert_eq!(set.json()["digest"], json!({ "username": "reader" }));
    assert_eq!(set.json()["tls"], json!({ "ca_pem": pem, "certificate_pem": pem }));
    let secret = |text: &str| text.contains("hush");
    assert!(!secret(&set.json().to_string()) && !secret(&km.get(path).await.json().to_string()));
    for entry in &km.group.set().log {
        assert!(!secret(&String::from_utf8_lossy(entry)));
    }
    // What is not given again stays what it was.
    let sealed = |km: &Km| km.group.set().state.services.access().digest.unwrap().sealed_password;
    let before = sealed(&km);
    let again = json!({ "digest": { "username": "reader" } });
    assert_eq!(km.ask(Method::PUT, path).json(again).send().await.status, 200);
    assert_eq!(sealed(&km), before);
    for body in [
        json!({ "digest": { "username": "other" } }),
        json!({ "digest": { "username": "", "password": "x" } }),
        json!({ "digest": { "username": "reader", "password": "" } }),
        json!({ "tls": { "ca_pem": "no certificate" } }),
        json!({ "tls": { "ca_pem": pem, "key_pem": "x" } }),
        json!({ "tls": { "ca_pem": pem, "certificate_pem": pem } }),
    ] {
        let answer = km.ask(Method::PUT, path).json(body.clone()).send().await;
        assert_eq!(answer.problem(), "INVALID_INPUT", "{body}");
    }
}

#[tokio::test]
async fn a_look_at_the_tree_is_asked_for_and_shown_when_it_was_told() {
    let km = watching();
    let asked = km
        .ask(Method::POST, "/api/v1/services/discover")
        .json(json!({ "root": "/kyvos" }))
        .send()
        .await;
    assert_eq!(asked.status, 202);
    let ask = asked.json()["asked"].as_u64().unwrap();
    let open = km.get("/api/v1/services/discovery").await.json();
    assert_eq!((&open["asked"], &open["answered"]), (&json!(ask), &Value::Null));
    let line = format!("services note-discovery {ask} /kyvos/a form=json propose=/kyvos/{{host}}");
    km.group.commit(command_of(&line));
    let found = km.get("/api/v1/services/discovery").await.json();
    assert_eq!((&found["answered"], &found["root"]), (&json!(ask), &json!("/kyvos")));
    assert_eq!(found["items"][0]["fields"], json!(["host", "port"]));
    assert_eq!(found["proposed"][0]["pattern"], "/kyvos/{host}");

    let ask = |body: Value| km.ask(Method::POST, "/api/v1/services/discover").json(body).send();
    assert_eq!(ask(json!({ "root": "kyvos" })).await.problem(), "INVALID_VALUE");
    km.group.commit(command_of("properties set kyvos-manager/ZK_SERVICE_WATCH off"));
    assert_eq!(ask(json!({})).await.problem(), "ZOOKEEPER_NOT_WATCHED");
}

#[tokio::test]
async fn credentials_are_for_administrators_and_the_map_for_maintainers_too() {
    let km = watching();
    let ask = |role, method, path: &str| km.by(role, method, path).json(json!({})).send();
    let access = ask(Role::Maintainer, Method::PUT, "/api/v1/services/access").await;
    assert_eq!(access.problem(), "FORBIDDEN");
    let discover = ask(Role::Maintainer, Method::POST, "/api/v1/services/discover").await;
    assert_eq!(discover.status, 202);
    let discover = ask(Role::Auditor, Method::POST, "/api/v1/services/discover").await;
    assert_eq!(discover.problem(), "FORBIDDEN");
}

/// 2 BI Servers, 2 Query Engines, 2 Web Portals, 2 Postgres, 3 ZooKeeper servers on six hosts, and the Manager.
pub(super) fn declared() -> Km {
    let km = Km::new();
    km.group.commit(command_of("properties set kyvos-manager/ZK_SERVICE_WATCH on"));
    for line in [
        "hosts register a agent roles=bi_server,zookeeper",
        "hosts register b agent roles=bi_server,zookeeper",
        "hosts register c agent roles=query_engine,zookeeper",
        "hosts register d agent roles=query_engine",
        "hosts register e agent roles=web_portal,postgres",
        "hosts register f agent roles=web_portal,postgres",
    ] {
        km.group.commit(command_of(line));
    }
    km
}

// row 2
#[tokio::test]
async fn the_mapping_shows_exactly_the_roles_that_were_declared_and_the_managers() {
    let km = declared();
    let mapping = km.get("/api/v1/services/mapping").await.json();
    let counts: Vec<String> = mapping["types"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| {
            format!("{} {}/{}", kind["type"].as_str().unwrap(), kind["present"], kind["expected"])
        })
        .collect();
    let expected = [
        "zookeeper 0/3",
        "postgres 0/2",
        "bi_server 0/2",
        "query_engine 0/2",
        "web_portal 0/2",
        "kyvos_manager 1/1",
    ];
    assert_eq!(counts, expected);
    let hosts: Vec<&str> = mapping["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|host| host["name"].as_str().unwrap())
        .collect();
    assert_eq!(&hosts[..6], ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(hosts.len(), 7);
    let ids: Vec<&str> = mapping["hosts"][0]["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| service["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["zookeeper.a", "bi_server.a"]);
    let all = km.get("/api/v1/services?limit=500").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 12);
    // A role that is taken away is a service less.
    let id = km.group.set().state.hosts.named("d").unwrap().0;
    km.group.commit(command_of(&format!("hosts change {id} roles=")));
    let all = km.get("/api/v1/services?limit=500").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 11);
}

#[tokio::test]
async fn services_are_read_by_their_names() {
    let km = declared();
    let named = async |query: &str| km.get(&format!("/api/v1/services?{query}")).await;
    let ids = async |query: &str| {
        let items = named(query).await.json()["items"].as_array().unwrap().clone();
        items.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // In the order of the list; what is no service, or none any more, is left out.
    let three = "id=query_engine.d,bi_server.b,bi_server.d,nothing,zookeeper.c";
    assert_eq!(ids(three).await, ["zookeeper.c", "bi_server.b", "query_engine.d"]);
    assert_eq!(ids(&format!("{three}&type=bi_server")).await, ["bi_server.b"]);
    assert_eq!(ids("id=").await, [""; 0]);
    let many = (0..101).map(|nth| format!("bi_server.n{nth}")).collect::<Vec<_>>().join(",");
    assert_eq!(named(&format!("id={many}")).await.problem(), "MALFORMED_QUERY");
}

// rows 31-33
#[tokio::test]
async fn what_zookeeper_shows_of_a_service_is_told_with_its_reason_and_its_age() {
    let km = declared();
    let seen = async |id: &str| {
        let all = km.get("/api/v1/services?limit=500").await.json();
        let items = all["items"].as_array().unwrap().clone();
        let service = items.into_iter().find(|item| item["id"] == id).unwrap();
        let text = |field: &str| service[field].as_str().unwrap().to_owned();
        (
            text("seen"),
            text("because"),
            service["stale"] == true,
            service["coordination_master"] == true,
        )
    };
    let (before, because, stale, _) = seen("bi_server.a").await;
    assert_eq!(
        (before.as_str(), because.as_str(), stale),
        ("unknown", "Nobody has looked yet.", true)
    );
    for line in [
        "services note-seen /kyvos/bi_servers/a:1 a port=1",
        "services note-seen /kyvos/bi_servers/b:1 b port=1",
        "services note-gone /kyvos/bi_servers/b:1",
        "services note-seen /kyvos/coordination_master a marks=master",
        "services note-watch watching server=a:2181 mode=leader",
    ] {
        km.group.commit(command_of(line));
    }
    let told = |seen: &str, because: &str, master: bool| {
        (seen.to_owned(), because.to_owned(), false, master)
    };
    assert_eq!(seen("bi_server.a").await, told("present", "Its znode is there.", true));
    assert_eq!(seen("bi_server.b").await, told("absent", "Its znode is gone.", false));
    assert_eq!(
        seen("query_engine.c").await,
        told("absent", "No znode of it was ever seen.", false)
    );
    assert_eq!(seen("zookeeper.a").await, told("present", "It serves as leader.", false));
    assert_eq!(seen("zookeeper.b").await, told("unknown", "Nobody has asked it yet.", false));
    let (postgres, because, ..) = seen("postgres.e").await;
    assert_eq!(postgres, "unknown");
    assert!(because.starts_with("No znode stands for"), "{because}");
    km.group.commit(command_of("services note-watch away gone server=a:2181 down=refused"));
    let (present, _, stale, _) = seen("bi_server.a").await;
    assert_eq!((present.as_str(), stale), ("present", true));
    assert_eq!(seen("zookeeper.a").await.0, "absent");
}

#[tokio::test]
async fn services_are_narrowed_and_pages_go_on_where_they_ended() {
    let km = declared();
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let page = km.get("/api/v1/services?type=bi_server").await.json();
    assert_eq!(ids(&page), ["bi_server.a", "bi_server.b"]);
    let page = km.get("/api/v1/services?host=e").await.json();
    assert_eq!(ids(&page), ["postgres.e", "web_portal.e"]);
    let page = km.get("/api/v1/services?limit=4").await.json();
    assert_eq!(ids(&page), ["zookeeper.a", "zookeeper.b", "zookeeper.c", "postgres.e"]);
    let next = page["next"].as_str().unwrap();
    let page = km.get(&format!("/api/v1/services?limit=2&after={next}")).await.json();
    assert_eq!(ids(&page), ["postgres.f", "bi_server.a"]);
    assert_eq!(km.get("/api/v1/services?type=x").await.problem(), "INVALID_VALUE");
}

// A22
#[tokio::test]
async fn what_is_wanted_stands_beside_what_is_seen_and_who_manages_services_says_it() {
    let km = declared();
    let path = "/api/v1/services/bi_server.a";
    let before = km.get(path).await.json();
    assert_eq!(
        before["wanted"],
        json!({"state":"running","why":"declared","by":null,"since":null})
    );
    assert_eq!((&before["unit"], &before["verdict"]), (&"kyvos-bi-server".into(), &Value::Null));
    let want =
        |role, body: Value| km.by(role, Method::PUT, &format!("{path}/wanted")).json(body).send();
    let stopped = json!({"state":"stopped","why":"maintenance"});
    assert_eq!(want(Role::Auditor, stopped.clone()).await.problem(), "FORBIDDEN");
    let declared = json!({"state":"stopped","why":"declared"});
    assert_eq!(want(Role::Maintainer, declared).await.problem(), "INVALID_VALUE");
    let told = want(Role::Maintainer, stopped).await.json();
    assert_eq!(
        (&told["wanted"]["state"], &told["wanted"]["why"]),
        (&"stopped".into(), &"maintenance".into())
    );
    assert!(told["wanted"]["by"].as_str().is_some_and(|by| !by.is_empty()), "{told}");
    let mapping = km.get("/api/v1/services/mapping").await.json();
    let bi =
        mapping["types"].as_array().unwrap().iter().find(|it| it["type"] == "bi_server").unwrap();
    assert_eq!((&bi["expected"], &bi["wanted_running"]), (&2.into(), &1.into()));
    for (id, code) in [
        ("bi_server.z", "NO_SUCH_SERVICE"),
        ("query_engine.a", "NO_SUCH_SERVICE"),
        ("nonsense", "NO_SUCH_SERVICE"),
        ("kyvos_manager.km1", "WRONG_STATE"),
    ] {
        let want = km.by(Role::Maintainer, Method::PUT, &format!("/api/v1/services/{id}/wanted"));
        let body = json!({"state":"stopped","why":"operator"});
        assert_eq!(want.json(body).send().await.problem(), code, "{id}");
    }
}

#[tokio::test]
async fn how_a_type_is_controlled_is_shown_set_and_taken_back() {
    let km = declared();
    let types = km.get("/api/v1/services/types").await.json();
    let units: Vec<_> =
        types["items"].as_array().unwrap().iter().map(|it| it["unit"].as_str().unwrap()).collect();
    let expected = [
        "kyvos-zookeeper",
        "kyvos-postgres",
        "kyvos-bi-server",
        "kyvos-query-engine",
        "kyvos-web-portal",
    ];
    assert_eq!(units, expected);
    let path = "/api/v1/services/types/bi_server";
    let set = |body: Value| km.by(Role::Maintainer, Method::PUT, path).json(body).send();
    let probe = json!({"kind":"http","port":8081,"path":"/up"});
    let told = set(json!({"unit":"bi","probe":probe})).await.json();
    assert_eq!(
        (&told["unit"], &told["probe"], &told["is_default"]),
        (&"bi".into(), &probe, &false.into())
    );
    let detail = km.get("/api/v1/services/bi_server.a").await.json();
    assert_eq!((&detail["unit"], &detail["address"]), (&"bi".into(), &"a:8081".into()));
    let refused = set(json!({"unit":"a b","probe":{"kind":"none"}})).await;
    assert_eq!(refused.problem(), "INVALID_VALUE");
    let told = km.by(Role::Maintainer, Method::DELETE, path).send().await.json();
    assert_eq!((&told["unit"], &told["revision"]), (&"kyvos-bi-server".into(), &0.into()));
    let manager = km.by(Role::Maintainer, Method::DELETE, "/api/v1/services/types/kyvos_manager");
    assert_eq!(manager.send().await.problem(), "WRONG_STATE");
}

#[tokio::test]
async fn a_verdict_is_shown_with_its_evidence() {
    let km = declared();
    let id = km.group.set().state.hosts.named("a").unwrap().0;
    km.group.commit(command_of(&format!(
        "services note-verdicts down \"it is gone\" bi_server:{id} whole=true observers=2"
    )));
    let detail = km.get("/api/v1/services/bi_server.a").await.json();
    assert_eq!(
        (&detail["verdict"]["verdict"], &detail["verdict"]["because"]),
        (&"down".into(), &"it is gone".into())
    );
    let evidence = detail["evidence"].as_array().unwrap();
    assert_eq!((evidence.len(), &evidence[0]["observer"]), (2, &"unit".into()));
    let mapping = km.get("/api/v1/services/mapping").await.json();
    let bi =
        mapping["types"].as_array().unwrap().iter().find(|it| it["type"] == "bi_server").unwrap();
    assert_eq!((&bi["down"], &bi["up"]), (&1.into(), &0.into()));
    assert_eq!(km.get("/api/v1/services/bi_server.z").await.problem(), "NO_SUCH_SERVICE");
}
