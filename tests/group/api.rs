//! The HTTP surface over a real group of three: any Manager will do.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use futures::StreamExt;
use kyvos_manager::api::{self, Surface};
use kyvos_manager::base::{Digest, Secret};
use kyvos_manager::capabilities::access::model::{self as access, Role as Rights};
use kyvos_manager::capabilities::access::password::Passwords;
use kyvos_manager::leadership::{Driver, Mode};
use kyvos_manager::remote::Hosts;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::support::{Member, PATIENCE, committed, eventually, three, until};

const TOKEN: &str = "km_t_for-tests";
const PASSWORD: &str = "correct horse";
const GREETING: &str = "/api/v1/properties/custom/greeting";

/// A member with its whole surface.
struct Manager {
    driver: Driver,
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Manager {
    fn on(member: &Member) -> Self {
        let driver = Driver::start(member.group(), Vec::new());
        let port = api::Member::new(driver.office().clone());
        let metrics = api::metrics::recorder().build_recorder().handle();
        let key = Secret::new("the key all three have");
        let hosts = Hosts::of(member.group()).unwrap();
        let surface: Arc<Surface> =
            Surface::new(port, hosts, &key, metrics, CancellationToken::new());
        Self { driver, router: api::router(surface) }
    }

    fn is_active(&self) -> bool {
        matches!(self.driver.office().mode(), Mode::Active(_))
    }

    async fn open(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> axum::response::Response {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", format!("Bearer {TOKEN}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = request.header("content-type", "application/json").body(Body::from(body));
        self.router.clone().oneshot(request.unwrap()).await.unwrap()
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let response = self.open(method, path, headers, body).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap();
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], Value::Null).await
    }

    async fn set(&self, value: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::PUT, GREETING, headers, json!({ "value": value })).await
    }
}

/// Three Managers with an administrator's API token and the user ann; the Active stands first.
async fn managers() -> (Vec<Member>, Vec<Manager>) {
    let mut members = three().await;
    let (name, digest) = ("tests".to_owned(), Digest::of(TOKEN.as_bytes()));
    let role = Rights::Administrator;
    committed(
        members[0].group(),
        access::Command::CreateToken { name, digest, role, ttl_ms: None },
    )
    .await;
    let password_hash = Passwords::new().hash(Secret::new(PASSWORD)).await.unwrap();
    let username = "ann".to_owned();
    committed(members[0].group(), access::Command::CreateUser { username, role, password_hash })
        .await;
    let mut managers: Vec<Manager> = members.iter().map(Manager::on).collect();
    until("one is Active", || managers.iter().any(Manager::is_active)).await;
    let active = managers.iter().position(Manager::is_active).unwrap();
    managers.swap(0, active);
    members.swap(0, active);
    (members, managers)
}

async fn end(members: Vec<Member>, managers: Vec<Manager>) {
    for manager in managers {
        manager.driver.shutdown().await;
    }
    for mut member in members {
        member.stop().await;
    }
}

// rows 82, 85
#[tokio::test(flavor = "multi_thread")]
async fn a_write_to_a_passive_is_read_on_every_manager_at_once() {
    let (members, managers) = managers().await;
    let active = managers[0].get("/api/v1/cluster").await.body["active"].clone();
    for (place, manager) in managers.iter().enumerate() {
        let value = format!("hello {place}");
        let written = manager.set(&value, &[]).await;
        assert_eq!((written.status.as_u16(), &written.body["value"]), (200, &json!(value)));
        assert_eq!(written.headers["x-km-committed-by"].to_str().unwrap(), active.to_string());
        for reader in &managers {
            assert_eq!(reader.get(GREETING).await.body["value"], value);
            let history = reader.get(&format!("{GREETING}/history")).await.body;
            assert_eq!(history["items"][0]["revision"], written.body["revision"]);
            assert_eq!(history["items"].as_array().unwrap().len(), place + 1);
        }
    }
    let audit = managers[2].get("/api/v1/audit?room=properties&user=token%20tests").await.body;
    assert_eq!(audit["items"].as_array().unwrap().len(), 3);
    end(members, managers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_holds_on_every_manager_and_ends_on_every_manager() {
    let (members, managers) = managers().await;
    let credentials = json!({ "username": "ann", "password": PASSWORD });
    let signed_in = managers[1].ask(Method::POST, "/api/v1/login", &[], credentials).await;
    assert_eq!(signed_in.status, 200);
    let bearer = format!("Bearer {}", signed_in.body["token"].as_str().unwrap());
    let session = [("authorization", bearer.as_str())];
    for manager in &managers {
        // Local: whether this Manager has applied the sign-in already or not.
        let me =
            manager.ask(Method::GET, "/api/v1/me?consistency=local", &session, Value::Null).await;
        assert_eq!((me.status.as_u16(), &me.body["username"]), (200, &json!("ann")));
    }
    let out = managers[2].ask(Method::POST, "/api/v1/logout", &session, Value::Null).await;
    assert_eq!(out.status, 204);
    for manager in &managers {
        let me = manager.ask(Method::GET, "/api/v1/me", &session, Value::Null).await;
        assert_eq!(me.status, 401);
    }
    end(members, managers).await;
}

// rows 49, 83
#[tokio::test(flavor = "multi_thread")]
async fn a_request_repeated_after_the_active_has_gone_gets_its_first_answer() {
    let (mut members, mut managers) = managers().await;
    let key = [("idempotency-key", "greeting-1")];
    let first = managers[1].set("once", &key).await;
    assert_eq!(first.status, 200);
    managers.remove(0).driver.shutdown().await;
    members.remove(0).stop().await;
    // Held through the election: nobody waits for the next Active first.
    let again = managers[1].set("once", &key).await;
    assert_eq!((again.status, &again.body["revision"]), (first.status, &first.body["revision"]));
    let outcome = managers[0].get("/api/v1/requests/greeting-1").await.body;
    assert_eq!(outcome, json!({ "state": "committed", "revision": first.body["revision"] }));
    let history = managers[0].get(&format!("{GREETING}/history")).await.body;
    assert_eq!(history["items"].as_array().unwrap().len(), 1);
    until("another one is Active", || managers.iter().any(Manager::is_active)).await;
    let tolerance = || async {
        let tolerance = managers[0].get("/api/v1/cluster").await.body["failure_tolerance"].clone();
        if tolerance == 0 { Ok(()) } else { Err(tolerance.to_string()) }
    };
    eventually("no further failure is tolerated", tolerance).await;
    end(members, managers).await;
}

// row 55
#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_on_one_manager_is_told_live_on_another_and_nothing_is_missed() {
    let (members, managers) = managers().await;
    let first = managers[0].set("1", &[]).await.body["revision"].as_u64().unwrap();
    let path = format!("/api/v1/events?after={first}");
    let stream = managers[2].open(Method::GET, &path, &[], Value::Null).await;
    for value in ["2", "3", "4"] {
        managers[1].set(value, &[]).await;
    }
    let (mut bytes, mut read) = (stream.into_body().into_data_stream(), String::new());
    let told = tokio::time::timeout(PATIENCE, async {
        while !read.contains("\"4\"") {
            read.push_str(std::str::from_utf8(&bytes.next().await.unwrap().unwrap()).unwrap());
        }
    });
    told.await.unwrap();
    let changes = read.lines().filter(|line| line.contains("custom/greeting"));
    let values: Vec<Value> = changes
        .map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ").unwrap()).unwrap())
        .map(|change| change["data"]["value"].clone())
        .collect();
    assert_eq!(values, ["2", "3", "4"]);
    drop(bytes);
    end(members, managers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_quorum_the_rest_tells_what_it_knows_and_writes_are_refused() {
    let (mut members, mut managers) = managers().await;
    let last = managers.pop().unwrap();
    let survivor = members.pop().unwrap();
    for manager in managers {
        manager.driver.shutdown().await;
    }
    for mut member in members {
        member.stop().await;
    }
    until("it knows that it has no quorum", || last.driver.office().mode() == Mode::NoQuorum).await;
    let cluster = last.get("/api/v1/cluster").await;
    assert_eq!((cluster.status.as_u16(), &cluster.body["active"]), (200, &Value::Null));
    assert_eq!(cluster.body["members"].as_array().unwrap().len(), 3);
    // Both are held for as long as callers are.
    let (write, read) = tokio::join!(last.set("x", &[]), last.get("/api/v1/properties"));
    // If it led when the others went, the change stands in its own log and may yet be committed.
    let code = write.body["code"].as_str().unwrap();
    assert!(["NO_ACTIVE", "UNKNOWN_OUTCOME"].contains(&code), "{code}");
    assert!([503, 504].contains(&write.status.as_u16()));
    assert_eq!((read.status.as_u16(), &read.body["code"]), (503, &json!("NO_QUORUM")));
    let local = last.get("/api/v1/properties?consistency=local").await;
    assert_eq!(local.status, 200);
    assert!(local.headers.contains_key("x-km-age-ms"));
    end(vec![survivor], vec![last]).await;
}
