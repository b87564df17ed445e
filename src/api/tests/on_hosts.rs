//! What operators do with instances on their hosts, as the HTTP surface judges it: who may, what is in the way, what
//! is shown.

use axum::http::Method;
use serde_json::{Value, json};

use super::client::{Answer, Km};
use crate::base::{HostId, ManagerId, Sha256};
use crate::capabilities::access::model::Role;
use crate::capabilities::installs::model::recovery_script;
use crate::machine::script::command_of;

const PASSWORD: &str = "correct horse";

/// A group of three, Active here; the hosts of all and a free one, km4, are looked after.
struct Desk {
    km: Km,
    bearer: String,
    km2: ManagerId,
    km3: ManagerId,
}

impl Desk {
    async fn new() -> Self {
        let km = Km::new();
        km.user("ann", PASSWORD, Role::Administrator).await;
        km.group.commit(command_of("properties set kyvos-manager/ENABLE_KM_HA yes"));
        let (km2, km3) = (km.group.admit_peer("km2"), km.group.admit_peer("km3"));
        let login = km.anonymous(Method::POST, "/api/v1/login");
        let login = login.json(json!({ "username": "ann", "password": PASSWORD })).send().await;
        let bearer = format!("Bearer {}", login.json()["token"].as_str().unwrap());
        let desk = Self { km, bearer, km2, km3 };
        for name in ["km1", "km2", "km3", "km4"] {
            desk.register(name);
        }
        desk
    }

    fn say(&self, line: &str) {
        self.km.group.commit(command_of(line));
    }

    fn register(&self, name: &str) -> HostId {
        self.say(&format!("hosts register {name} agent roles=web_portal"));
        let host = HostId(self.km.group.set().state.kernel.revision.0);
        self.say(&format!("hosts invite {host} t-{name}"));
        self.say(&format!("hosts enrol {host} t-{name} {name}:7445"));
        host
    }

    fn push_script(&self) {
        let state = self.km.group.set().state.clone();
        let sum = Sha256::of(recovery_script(&state).as_bytes());
        for host in state.hosts.hosts.keys() {
            self.say(&format!("installs note-push {host} 1 written /script it sum={sum}"));
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Answer {
        let ask = self.km.anonymous(method, &format!("/api/v1{path}"));
        ask.header("authorization", self.bearer.clone()).json(body).send().await
    }

    async fn post(&self, path: &str, mut body: Value) -> Answer {
        body["password"] = PASSWORD.into();
        self.ask(Method::POST, path, body).await
    }

    async fn row(&self, id: ManagerId) -> Value {
        self.km.get(&format!("/api/v1/managers/{id}")).await.json()
    }

    async fn kind(&self, begun: &Answer) -> Value {
        assert_eq!(begun.status, 202, "{begun:?}");
        let operation = begun.json()["operation"].as_u64().unwrap();
        self.km.get(&format!("/api/v1/operations/{operation}")).await.json()["kind"].clone()
    }

    fn silence(&self, id: ManagerId) {
        self.km.group.set().peers.get_mut(&id).unwrap().reachable = false;
    }

    fn operations(&self) -> usize {
        self.km.group.set().state.operations.operations.len()
    }
}

// rows 56, 57, 60
#[tokio::test]
async fn a_passive_is_stopped_and_started_and_the_active_is_not() {
    let desk = Desk::new().await;
    for verb in ["start", "stop"] {
        let refused = desk.post(&format!("/managers/1/{verb}"), json!({})).await;
        assert_eq!(
            (refused.status.as_u16(), refused.problem().as_str()),
            (409, "ACTIVE_NOT_ALLOWED")
        );
    }
    let running = desk.post(&format!("/managers/{}/start", desk.km2), json!({})).await;
    assert_eq!(running.problem(), "WRONG_STATE");
    assert_eq!(desk.operations(), 0);

    let begun = desk.post(&format!("/managers/{}/stop", desk.km2), json!({})).await;
    assert_eq!(desk.kind(&begun).await, "STOP_MANAGER");
    desk.silence(desk.km3);
    let begun = desk.post(&format!("/managers/{}/start", desk.km3), json!({})).await;
    assert_eq!(desk.kind(&begun).await, "START_MANAGER");
}

// row 59
#[tokio::test]
async fn nothing_begins_on_a_wrong_password() {
    let desk = Desk::new().await;
    desk.push_script();
    let paths = [
        format!("/managers/{}/stop", desk.km2),
        "/managers/stop-passives".to_owned(),
        "/managers/start-passives".to_owned(),
        "/managers/push-dr-script".to_owned(),
    ];
    for path in paths {
        let wrong = desk.ask(Method::POST, &path, json!({ "password": "no" })).await;
        assert_eq!(wrong.problem(), "WRONG_PASSWORD", "{path}");
    }
    let add = json!({ "host": "km4", "role": "manager", "password": "no" });
    let wrong = desk.ask(Method::POST, "/managers", add).await;
    assert!(["WRONG_PASSWORD", "LOCKED"].contains(&wrong.problem().as_str()), "{wrong:?}");
    assert_eq!(desk.operations(), 0);
}

// row 63, A6
#[tokio::test]
async fn a_stop_that_takes_the_quorum_away_has_to_be_confirmed() {
    let desk = Desk::new().await;
    let refused = desk.post("/managers/stop-passives", json!({})).await;
    assert_eq!(refused.problem(), "QUORUM_LOSS");
    let begun = desk.post("/managers/stop-passives", json!({ "confirm_quorum_loss": true })).await;
    assert_eq!(desk.kind(&begun).await, "STOP_PASSIVES");
}

#[tokio::test]
async fn without_a_way_to_the_host_nothing_is_begun() {
    let desk = Desk::new().await;
    let km5 = desk.km.group.admit_peer("km5");
    let refused = desk.post(&format!("/managers/{km5}/stop"), json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (409, "NO_WAY_TO_HOST"));
    desk.silence(km5);
    for verb in ["start", "restart"] {
        let refused = desk.post(&format!("/managers/{km5}/{verb}"), json!({})).await;
        assert_eq!(refused.problem(), "NO_WAY_TO_HOST", "{verb}");
    }
    assert_eq!(desk.operations(), 0);
}

// requirements 5.5
#[tokio::test]
async fn every_row_says_what_cannot_be_done_with_it() {
    let desk = Desk::new().await;
    let off = async |id: ManagerId| {
        let row = desk.row(id).await;
        let mut off: Vec<_> = row["blocked"].as_object().unwrap().keys().cloned().collect();
        off.sort();
        (row["state"].as_str().unwrap().to_owned(), off.join(" "))
    };
    let row = |state: &str, off: &str| (state.to_owned(), off.to_owned());
    assert_eq!(off(ManagerId(1)).await, row("running", "make_active restart start stop"));
    assert_eq!(off(desk.km2).await, row("running", "restart_active start"));
    desk.silence(desk.km3);
    assert_eq!(off(desk.km3).await, row("down", "make_active restart_active stop"));
    desk.say(&format!("installs note-stop {} 1", desk.km3));
    assert_eq!(off(desk.km3).await, row("stopped", "make_active restart restart_active stop"));
}

// rows 60, 62
#[tokio::test]
async fn a_row_is_starting_or_stopping_while_its_host_is_asked() {
    let desk = Desk::new().await;
    let begun = desk.post(&format!("/managers/{}/stop", desk.km2), json!({})).await;
    let id = begun.json()["operation"].clone();
    desk.say(&format!("operations step-started {id} 0 stopping epoch=2"));
    assert_eq!(desk.row(desk.km2).await["state"], "stopping");
    desk.say(&format!("operations cancel {id}"));
    desk.silence(desk.km3);
    let begun = desk.post(&format!("/managers/{}/restart", desk.km3), json!({})).await;
    assert_eq!(desk.kind(&begun).await, "RESTART_MANAGER");
    let id = begun.json()["operation"].clone();
    desk.say(&format!("operations step-ended {id} 0 done stopped epoch=2"));
    desk.say(&format!("operations step-started {id} 1 starting epoch=2"));
    assert_eq!(desk.row(desk.km3).await["state"], "starting");
}

// rows 11, 13, 28, 44, 70
#[tokio::test]
async fn a_manager_comes_only_where_it_may() {
    let desk = Desk::new().await;
    let add = async |host: &str, role: &str| {
        let answer = desk.post("/managers", json!({ "host": host, "role": role })).await;
        (answer.status.as_u16(), answer.problem())
    };
    let no = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(add("km9", "manager").await, no(404, "NO_SUCH_HOST"));
    assert_eq!(add("km4", "manager").await, no(409, "DR_SCRIPT_PENDING"));
    desk.push_script();
    assert_eq!(add("km2", "manager").await, no(409, "ALREADY_MEMBER"));
    desk.say("hosts register db1 agent roles=postgres");
    assert_eq!(add("db1", "manager").await, no(422, "KM_REQUIRES_WEB_PORTAL"));
    assert_eq!(add("db1", "witness").await, no(409, "NO_WAY_TO_HOST"));
    let page = desk.km.get("/api/v1/managers/eligible-hosts").await.json();
    let eligible = |item: &Value| (item["host"].clone(), item["eligible"].clone());
    let items: Vec<_> = page["items"].as_array().unwrap().iter().map(eligible).collect();
    let expected = [("km1", false), ("km2", false), ("km3", false), ("km4", true), ("db1", false)];
    assert_eq!(items, expected.map(|(host, eligible)| (json!(host), json!(eligible))));
    assert_eq!(desk.operations(), 0);

    let begun = desk.post("/managers", json!({ "host": "km4", "role": "manager" })).await;
    assert_eq!(desk.kind(&begun).await, "ADD_MANAGER");
    assert_eq!(add("km4", "witness").await, no(409, "TARGET_BUSY"));
}

// A18
#[tokio::test]
async fn a_manager_is_replaced_by_one_on_another_host() {
    let desk = Desk::new().await;
    desk.push_script();
    let path = format!("/managers/{}/replace", desk.km3);
    assert_eq!(desk.post(&path, json!({ "host": "km2" })).await.problem(), "ALREADY_MEMBER");
    let begun = desk.post(&path, json!({ "host": "km4" })).await;
    assert_eq!(desk.kind(&begun).await, "REPLACE_MANAGER");
    let busy = desk.post("/managers/step-aside", json!({})).await;
    assert_eq!(busy.problem(), "TARGET_BUSY", "the office is part of it");
}

// row 28, requirements 5.10
#[tokio::test]
async fn the_script_is_pending_until_every_portal_host_has_it() {
    let desk = Desk::new().await;
    let notice = async || {
        let cluster = desk.km.get("/api/v1/cluster").await.json();
        let notices = cluster["notices"].as_array().unwrap().clone();
        let pending = |notice: &Value| notice["code"] == "DR_SCRIPT_PENDING";
        notices.into_iter().find(pending).map(|notice| notice["text"].clone())
    };
    let text = "Kyvos Manager HA is enabled. Push the Kyvos Manager Disaster Recovery script to complete the setup.";
    assert_eq!(notice().await, Some(json!(text)));
    let script = desk.km.get("/api/v1/managers/dr-script").await.json();
    assert_eq!(
        (&script["state"], &script["hosts"][0]["state"]),
        (&json!("pending"), &json!("missing"))
    );

    let begun = desk.post("/managers/push-dr-script", json!({})).await;
    assert_eq!(desk.kind(&begun).await, "PUSH_DR_SCRIPT");
    desk.push_script();
    assert_eq!(notice().await, None);
    let script = desk.km.get("/api/v1/managers/dr-script").await.json();
    assert_eq!(
        (&script["state"], &script["hosts"][0]["state"]),
        (&json!("pushed"), &json!("pushed"))
    );
    assert_eq!(script["hosts"][0]["sha256"], script["version"]);

    desk.say(&format!("installs note-push {} 1 failed full", desk.register("km5")));
    let script = desk.km.get("/api/v1/managers/dr-script").await.json();
    assert_eq!(script["state"], "pending", "a portal host came");
    assert_eq!(script["hosts"][4]["state"], "failed");
    assert_eq!(script["hosts"][4]["detail"], "full");

    let alone = Km::new();
    alone.user("ann", PASSWORD, Role::Administrator).await;
    let script = alone.get("/api/v1/managers/dr-script").await.json();
    assert_eq!(script["state"], "not_needed", "without HA");
}
