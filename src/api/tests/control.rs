//! What operators do with instances, as the HTTP surface judges it: passwords, reasons, repeats.

use axum::http::Method;
use serde_json::{Value, json};

use super::client::{Answer, Km};
use crate::base::ManagerId;
use crate::capabilities::access::model::{self as access, Role};
use crate::machine::script::command_of;

const PASSWORD: &str = "correct horse";

/// A group of three, Active here, and somebody signed in who may do everything.
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
        let newest = km.group.set().state.kernel.revision;
        for peer in km.group.set().peers.values_mut() {
            peer.status.as_mut().unwrap().last_log = newest;
        }
        let login = km.anonymous(Method::POST, "/api/v1/login");
        let login = login.json(json!({ "username": "ann", "password": PASSWORD })).send().await;
        let bearer = format!("Bearer {}", login.json()["token"].as_str().unwrap());
        Self { km, bearer, km2, km3 }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Answer {
        let ask = self.km.anonymous(method, &format!("/api/v1{path}"));
        ask.header("authorization", self.bearer.clone()).json(body).send().await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, body).await
    }

    async fn row(&self, id: ManagerId) -> Value {
        self.km.get(&format!("/api/v1/managers/{id}")).await.json()
    }

    fn operations(&self) -> usize {
        self.km.group.set().state.operations.operations.len()
    }

    fn silence(&self, id: ManagerId) {
        self.km.group.set().peers.get_mut(&id).unwrap().reachable = false;
    }
}

fn password() -> Value {
    json!({ "password": PASSWORD })
}

// rows 59, 78
#[tokio::test]
async fn a_right_password_begins_the_operation_and_a_wrong_one_nothing_but_a_count() {
    let desk = Desk::new().await;
    let path = format!("/managers/{}/make-active", desk.km2);
    let wrong = desk.post(&path, json!({ "password": "wrong horse" })).await;
    assert_eq!((wrong.status.as_u16(), wrong.problem().as_str()), (403, "WRONG_PASSWORD"));
    let missing = desk.post(&path, json!({})).await;
    assert_eq!(missing.problem(), "INVALID_INPUT");
    assert_eq!(desk.operations(), 0);
    assert_eq!(desk.km.group.set().state.access.users["ann"].failures, 1);

    let begun = desk.post(&path, password()).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    let operation = begun.json()["operation"].as_u64().unwrap();
    let shown = desk.km.get(&format!("/api/v1/operations/{operation}")).await.json();
    assert_eq!((&shown["kind"], &shown["target"]), (&json!("MAKE_ACTIVE"), &json!("km2")));
    for bytes in &desk.km.group.set().log {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(PASSWORD) && !text.contains("wrong horse"));
    }
}

#[tokio::test]
async fn five_wrong_passwords_in_a_dialog_lock_the_user() {
    let desk = Desk::new().await;
    for _ in 0..access::FAILURES_MAX {
        let wrong = desk.post("/managers/restart-active", json!({ "password": "no" })).await;
        assert_eq!(wrong.problem(), "WRONG_PASSWORD");
    }
    assert_eq!(desk.post("/managers/restart-active", password()).await.problem(), "LOCKED");
    assert_eq!(desk.operations(), 0);
}

#[tokio::test]
async fn a_double_click_begins_one_operation_and_another_request_is_told_to_wait() {
    let desk = Desk::new().await;
    let path = format!("/api/v1/managers/{}/make-active", desk.km2);
    let click = || {
        let ask = desk.km.anonymous(Method::POST, &path).header("idempotency-key", "one");
        ask.header("authorization", desk.bearer.clone()).json(password()).send()
    };
    let (first, second) = (click().await, click().await);
    assert_eq!((first.status.as_u16(), first.json()), (202, second.json()));
    assert_eq!(desk.operations(), 1);
    assert_eq!(desk.post("/managers/restart-active", password()).await.problem(), "TARGET_BUSY");
    // The world has moved on, the answer to the same click has not.
    desk.silence(desk.km2);
    assert_eq!(click().await.json(), first.json());
}

// row 78
#[tokio::test]
async fn whoever_cannot_take_over_is_refused_with_the_reason() {
    let desk = Desk::new().await;
    let make_active =
        async |id: u64| desk.post(&format!("/managers/{id}/make-active"), password()).await;
    assert_eq!(make_active(1).await.json()["detail"], "km1: it is Active already.");
    assert_eq!(make_active(99).await.problem(), "NO_SUCH_MANAGER");
    desk.silence(desk.km2);
    let silent = make_active(desk.km2.0).await;
    assert_eq!((silent.status.as_u16(), silent.problem().as_str()), (409, "NOT_ELIGIBLE"));
    assert_eq!(silent.json()["detail"], "km2: it does not answer.");
    for n in 0..70 {
        desk.km.group.commit(command_of(&format!("properties set custom/p{n} x")));
    }
    let lagging = make_active(desk.km3.0).await.json()["detail"].as_str().unwrap().to_owned();
    assert!(lagging.ends_with("entries behind."), "{lagging}");
    let row = desk.row(desk.km3).await;
    assert!(row["blocked"]["make_active"].as_str().unwrap().ends_with("entries behind."), "{row}");
    let explained = desk.km.get(&format!("/api/v1/explain/make-active?manager={}", desk.km3)).await;
    let rules = explained.json()["rules"].clone();
    assert_eq!(rules.as_array().unwrap().iter().filter(|rule| rule["pass"] == false).count(), 1);
}

// row 78, promise 17
#[tokio::test]
async fn whose_disk_is_full_is_not_made_active() {
    let desk = Desk::new().await;
    let full = |why: Option<&str>| {
        let mut inner = desk.km.group.set();
        let peer = inner.peers.get_mut(&desk.km2).unwrap();
        peer.status.as_mut().unwrap().disk_full = why.map(str::to_owned);
    };
    full(Some("the disk is full"));
    let refused = desk.post(&format!("/managers/{}/make-active", desk.km2), password()).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (409, "NOT_ELIGIBLE"));
    assert_eq!(refused.json()["detail"], "km2: its disk is full.");
    let row = desk.row(desk.km2).await;
    assert_eq!(row["blocked"]["make_active"], "Not now: its disk is full.");
    full(None);
    assert!(desk.row(desk.km2).await["blocked"]["make_active"].is_null());
}

// rows 57, 62
#[tokio::test]
async fn the_active_is_not_restarted_like_a_passive() {
    let desk = Desk::new().await;
    let refused = desk.post("/managers/1/restart", password()).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (409, "ACTIVE_NOT_ALLOWED"));
    let begun = desk.post("/managers/restart-passives", password()).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    let operation = begun.json()["operation"].as_u64().unwrap();
    let shown = desk.km.get(&format!("/api/v1/operations/{operation}")).await.json();
    assert_eq!(shown["target"], "km2, km3");
    let row = desk.row(desk.km2).await;
    assert_eq!(row["operation"], operation);
    assert!(row["blocked"]["restart"].as_str().unwrap().contains("under way"), "{row}");
}

// rows 49, 64: the active's own row, and both ways to ask for its restart are one.
#[tokio::test]
async fn the_active_can_be_restarted_and_step_aside() {
    for path in ["/managers/restart-active", "/managers/step-aside"] {
        let desk = Desk::new().await;
        let row = desk.row(ManagerId(1)).await;
        assert!(row["blocked"]["restart_active"].is_null(), "{row}");
        assert!(row["blocked"]["restart"].is_string());
        assert_eq!(desk.post(path, password()).await.status, 202);
    }
}

// row 63
#[tokio::test]
async fn who_would_lose_the_quorum_has_to_say_so() {
    let desk = Desk::new().await;
    desk.silence(desk.km3);
    let row = desk.row(desk.km2).await;
    assert_eq!(row["quorum_without"], false);
    let path = format!("/managers/{}/restart", desk.km2);
    let refused = desk.post(&path, password()).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (409, "QUORUM_LOSS"));
    let meant = json!({ "password": PASSWORD, "confirm_quorum_loss": true });
    assert_eq!(desk.post(&path, meant).await.status, 202);
}

// row 87
#[tokio::test]
async fn a_silent_manager_is_deleted_by_force_only_and_the_last_one_never() {
    let desk = Desk::new().await;
    desk.silence(desk.km3);
    let path = format!("/managers/{}", desk.km3);
    assert_eq!(desk.ask(Method::DELETE, &path, password()).await.problem(), "NOT_REACHED");
    let force = json!({ "password": PASSWORD, "force": true });
    assert_eq!(desk.ask(Method::DELETE, &path, force).await.status, 202);

    let km = Km::new();
    let answer = km.ask(Method::DELETE, "/api/v1/managers/1").json(json!({})).send().await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (409, "LAST_MANAGER"));
}

#[tokio::test]
async fn what_happens_if_somebody_dies_now_is_told_before_it_does() {
    let desk = Desk::new().await;
    let active = desk.km.get("/api/v1/explain/failure?manager=1").await.json();
    assert_eq!(active["verdict"], "If km1 dies now, km2 or km3 becomes Active by itself.");
    let passive =
        desk.km.get(&format!("/api/v1/explain/failure?manager={}", desk.km2)).await.json();
    assert_eq!(passive["verdict"], "If km2 dies now, the Active goes on and nothing stops.");
    desk.silence(desk.km3);
    let left = desk.km.get(&format!("/api/v1/explain/failure?manager={}", desk.km2)).await.json();
    assert!(left["verdict"].as_str().unwrap().contains("no change can be made"), "{left}");
    assert_eq!(desk.km.get("/api/v1/explain/failure").await.problem(), "MALFORMED_QUERY");
    assert_eq!(desk.km.get("/api/v1/explain/moon").await.problem(), "NO_SUCH_TOPIC");
}

// the reason beside a button that is off, and the rules behind it, are one
#[tokio::test]
async fn why_something_cannot_be_done_is_explained_by_the_rules_that_block_it() {
    let desk = Desk::new().await;
    let explain = async |topic: &str, id: ManagerId| {
        desk.km.get(&format!("/api/v1/explain/{topic}?manager={id}")).await.json()
    };
    desk.silence(desk.km3);
    let mut told = 0;
    for id in [ManagerId(1), desk.km2, desk.km3] {
        let row = desk.row(id).await;
        for (topic, done) in [("start", "started"), ("stop", "stopped"), ("restart", "restarted")] {
            let (explained, host) = (explain(topic, id).await, row["host"].as_str().unwrap());
            let rules = explained["rules"].as_array().unwrap();
            let failed = rules.iter().find(|rule| rule["pass"] == false);
            assert_eq!(
                failed.map(|rule| &rule["detail"]),
                row["blocked"].get(topic),
                "{topic} {id}"
            );
            let verdict = match row["blocked"].get(topic) {
                Some(why) => format!("{host} cannot be {done} now: {}", why.as_str().unwrap()),
                None => format!("{host} can be {done}."),
            };
            assert_eq!(explained["verdict"], verdict);
            told += usize::from(failed.is_some());
        }
    }
    assert!(told >= 3, "only {told} of the nine were blocked");
    assert_eq!(desk.km.get("/api/v1/explain/start").await.problem(), "MALFORMED_QUERY");
    assert_eq!(desk.km.get("/api/v1/explain/stop?manager=99").await.problem(), "NO_SUCH_MANAGER");
}

// rows 11, 13, 28
#[tokio::test]
async fn why_no_manager_can_be_added_is_told_rule_by_rule() {
    let desk = Desk::new().await;
    let say = |line: &str| desk.km.group.commit(command_of(line));
    say("hosts register bi1 agent roles=bi_server");
    say("hosts register p1 agent roles=web_portal");
    let ask = async |query: &str| desk.km.get(&format!("/api/v1/explain/add{query}")).await;
    let failed = |explained: &Value| -> Vec<String> {
        let rules = explained["rules"].as_array().unwrap().iter();
        let failed = rules.filter(|rule| rule["pass"] == false);
        failed.map(|rule| rule["rule"].as_str().unwrap().to_owned()).collect()
    };
    let anywhere = ask("").await.json();
    assert_eq!(failed(&anywhere)[0], "There is Web Portal HA");
    let bi1 = ask("?host=bi1").await.json();
    assert_eq!(failed(&bi1)[..2], ["It runs the Web Portal", "There is Web Portal HA"]);
    assert!(
        bi1["verdict"]
            .as_str()
            .unwrap()
            .starts_with("No Kyvos Manager can be added on bi1 now: bi1 has no Web Portal"),
        "{bi1}"
    );

    say("prechecks begin everything=true");
    let run = desk.km.group.set().state.prechecks.run.as_ref().unwrap().revision;
    say(&format!("prechecks note {run} cli fail gone host=bi1 code=CLI_MISSING"));
    say(&format!("prechecks finish {run}"));
    let bi1 = ask("?host=bi1").await.json();
    assert!(bi1["verdict"].as_str().unwrap().ends_with("Prechecks that fail: cli."), "{bi1}");
    assert!(!failed(&ask("?host=p1").await.json()).contains(&"No precheck fails".to_owned()));
    assert_eq!(ask("?host=km99").await.problem(), "NO_SUCH_HOST");
}

// requirements 3.3; issue: "what if host X dies now"
#[tokio::test]
async fn what_a_host_takes_with_it_is_told_before_it_dies() {
    let desk = Desk::new().await;
    for line in [
        "hosts register km1 agent roles=web_portal,postgres",
        "hosts register km2 agent roles=web_portal,zookeeper",
        "hosts register bi1 agent roles=bi_server,zookeeper",
    ] {
        desk.km.group.commit(command_of(line));
    }
    let bi1 = desk.km.group.set().state.kernel.revision;
    let ask =
        async |query: &str| desk.km.get(&format!("/api/v1/explain/host-failure?{query}")).await;
    let rules = |explained: &Value| -> Vec<(String, bool, String)> {
        let rule = |rule: &Value| {
            let text = |name: &str| rule[name].as_str().unwrap().to_owned();
            (text("rule"), rule["pass"].as_bool().unwrap(), text("detail"))
        };
        explained["rules"].as_array().unwrap().iter().map(rule).collect()
    };
    let km1 = ask("host=km1").await.json();
    assert_eq!(
        km1["verdict"],
        "If km1 dies now, km2 or km3 becomes Active by itself. No other host that answers runs Postgres."
    );
    let rule = |rule: &str, pass, detail: &str| (rule.to_owned(), pass, detail.to_owned());
    assert_eq!(
        rules(&km1),
        [
            rule("The others have a quorum", true, "2 of 3 voters would answer, 2 are needed"),
            rule("Somebody who may be Active is left", true, "km2, km3"),
            rule("Another host runs the Web Portal", true, "km2"),
            rule("Another host runs Postgres", false, "nobody else"),
        ]
    );
    assert_eq!(ask("manager=1").await.json(), km1);

    let bi = ask("host=bi1").await.json();
    assert_eq!(
        bi["verdict"],
        "If bi1 dies now, Kyvos Manager goes on: no instance is on it. No other host that answers runs a BI Server."
    );
    // One that was seen silent is no other one.
    desk.km.group.commit(command_of(&format!("hosts note {bi1} silent gone")));
    let km2 = ask("host=km2").await.json();
    assert!(
        rules(&km2).contains(&rule("Another host runs ZooKeeper", false, "nobody else")),
        "{km2}"
    );

    for wrong in ["", "host=km1&manager=1", "hots=km1"] {
        assert_eq!(ask(wrong).await.problem(), "MALFORMED_QUERY", "{wrong}");
    }
    assert_eq!(ask("host=km9").await.problem(), "NO_SUCH_HOST");
    assert_eq!(ask("manager=99").await.problem(), "NO_SUCH_MANAGER");
}

#[tokio::test]
async fn the_history_of_the_active_has_no_gap() {
    let desk = Desk::new().await;
    desk.km.group.follow_leader(desk.km2);
    let all = desk.km.get("/api/v1/tenures").await.json()["items"].clone();
    assert_eq!((&all[0]["host"], &all[0]["until"]), (&json!("km2"), &Value::Null));
    assert_eq!((&all[1]["host"], &all[1]["until"]), (&json!("km1"), &all[0]["since"]));
    let first = desk.km.get("/api/v1/tenures?limit=1").await.json();
    let next = first["next"].as_str().unwrap().to_owned();
    let second = desk.km.get(&format!("/api/v1/tenures?limit=1&after={next}")).await.json();
    assert_eq!(second["items"][0], all[1]);
}

// requirements 5.10, banner 5
#[tokio::test]
async fn a_manager_says_that_it_restarts_from_its_turn_until_it_is_back() {
    let desk = Desk::new().await;
    desk.km.group.follow_leader(desk.km2);
    let said = async || {
        let cluster = desk.km.get("/api/v1/cluster").await.json();
        let notices = cluster["notices"].as_array().unwrap().clone();
        let mut ours = notices.into_iter().filter(|notice| notice["code"] == "RESTARTING");
        ours.next().map(|notice| notice["text"].as_str().unwrap().to_owned())
    };
    let say = |line: &str| {
        let epoch = desk.km.group.set().state.managers.epoch();
        desk.km.group.commit(command_of(&line.replace("epoch", &format!("epoch={epoch}"))))
    };
    let restarts = Some("Kyvos Manager is restarting…".to_owned());
    let id = say(&format!("operations begin restart-passives {} 1", desk.km3));
    let step = |step: u32| say(&format!("operations step-started @{id} {step} goes epoch"));
    let end = |step: u32, how: &str| {
        say(&format!("operations step-ended @{id} {step} {how} so epoch"));
    };
    for others in 0..2 {
        step(others);
        assert_eq!(said().await, None, "the other one goes first");
        end(others, "done");
    }
    assert_eq!(said().await, restarts);
    step(2);
    assert_eq!(said().await, restarts);
    end(2, "done");
    step(3);
    assert_eq!(said().await, restarts, "it is not back yet");
    let began = desk.km.group.set().now;
    desk.km.group.set().now = began.plus_ms(121_000);
    assert_eq!(said().await, None, "what takes that long is something else");
    desk.km.group.set().now = began;
    end(3, "needs-decision");
    assert_eq!(said().await, None, "somebody must say how to go on");
    say(&format!("operations retry @{id}"));
    assert_eq!(said().await, restarts);
    step(3);
    end(3, "done");
    assert_eq!(said().await, None);
}

// row 57: whoever became Active meanwhile is not restarted as a Passive.
#[tokio::test]
async fn an_active_that_is_spared_does_not_say_that_it_restarts() {
    let desk = Desk::new().await;
    desk.km.group.follow_leader(desk.km2);
    desk.km.group.commit(command_of("operations begin restart-passives 1"));
    let said = async || {
        let cluster = desk.km.get("/api/v1/cluster").await.json();
        cluster["notices"].to_string().contains("RESTARTING")
    };
    assert!(said().await);
    desk.km.group.follow_leader(ManagerId(1));
    assert!(!said().await);
}
