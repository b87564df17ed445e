//! What an operator does with running Managers, through the command line, on real processes.

use serde_json::Value;

use super::patience::have_patience;
use super::support::{Demo, Manager, Told, health, km, plain_http, run, until};

/// A verb that asks for the password, given in the environment.
fn confirmed<const N: usize>(demo: &Demo, verb: [&str; N]) -> Told {
    with_password(demo, demo.record()["admin"]["password"].as_str().unwrap(), verb)
}

fn with_password<const N: usize>(demo: &Demo, password: &str, verb: [&str; N]) -> Told {
    let servers: Vec<_> = demo.managers.iter().map(|manager| manager.api_url.as_str()).collect();
    let mut command = km();
    command.args(["--output", "json"]).args(verb).env("KM_PASSWORD", password);
    command.env("KM_CA", demo.dir().join("ca.pem")).env("KM_TOKEN", demo.token());
    run(command.env("KM_SERVER", servers.join(",")))
}

/// Follows the operation a verb began to its end.
fn ended(demo: &Demo, begun: &Told) -> Value {
    let operation = begun.json()["operation"].to_string();
    let watched = demo.ask_any(["operations", "watch", &operation]);
    assert_eq!(watched.code, 0, "{}{}", watched.out, watched.err);
    demo.ask_any(["operations", "get", &operation]).json()
}

fn started_at(demo: &Demo, manager: &Manager) -> String {
    let row = demo.ask_any(["managers", "get", &manager.id.to_string()]).json();
    row["started_at"].as_str().unwrap_or_default().to_owned()
}

fn code(told: &Told) -> String {
    let problem: Value = serde_json::from_str(&told.err).unwrap_or_default();
    problem["code"].as_str().unwrap_or_default().to_owned()
}

// rows 49, 78
#[test]
fn a_chosen_passive_is_made_active_and_the_history_says_why() {
    let demo = Demo::start(3);
    have_patience(&demo);
    let (active, others) = demo.roles();
    let chosen = &others[1];
    let id = chosen.id.to_string();
    assert_eq!(
        code(&with_password(&demo, "not this one", ["managers", "make-active", &id])),
        "WRONG_PASSWORD"
    );
    assert_eq!(
        demo.ask_any(["operations", "list"]).json()["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|operation| operation["kind"] == "MAKE_ACTIVE")
            .count(),
        0
    );
    demo.ask_any(["properties", "set", "custom", "kept", "yes"]).json();

    let operation = ended(&demo, &confirmed(&demo, ["managers", "make-active", &id]));
    assert_eq!((&operation["kind"], &operation["resumed"]), (&"MAKE_ACTIVE".into(), &0.into()));
    assert_eq!(demo.successor_of(active.id).id, chosen.id);
    assert_eq!(demo.ask_any(["properties", "get", "custom", "kept"]).json()["value"], "yes");
    assert_eq!(code(&confirmed(&demo, ["managers", "make-active", &id])), "NOT_ELIGIBLE");

    let history = demo.ask_any(["managers", "history"]).json();
    let newest = &history["items"][0];
    assert_eq!(newest["manager"], chosen.id);
    assert!(newest["because"].as_str().unwrap().contains("asked for by admin"), "{newest}");
    assert_eq!(newest["since"], history["items"][1]["until"]);
    for manager in &demo.managers {
        let log = std::fs::read_to_string(&manager.log).unwrap();
        assert!(!log.contains(demo.record()["admin"]["password"].as_str().unwrap()));
    }
}

// rows 64, 67
#[test]
fn the_active_restarts_and_comes_back_as_a_passive() {
    let demo = Demo::start(3);
    let (active, _) = demo.roles();
    let before = started_at(&demo, &active);
    let operation = ended(&demo, &confirmed(&demo, ["managers", "restart-active"]));
    assert_eq!(operation["kind"], "RESTART_ACTIVE_KM");
    assert_ne!(started_at(&demo, &active), before);
    assert_ne!(demo.roles().0.id, active.id);
}

// rows 67, 68
#[test]
fn a_single_manager_restarts_plainly() {
    let demo = Demo::start(1);
    let before = started_at(&demo, &demo.managers[0]);
    let operation = ended(&demo, &confirmed(&demo, ["managers", "restart-active"]));
    assert_eq!(operation["steps"][0]["status"], "skipped");
    assert_ne!(started_at(&demo, &demo.managers[0]), before);
}

// rows 25, 27
#[test]
fn switching_ha_on_restarts_the_only_manager_and_the_session_goes_on() {
    let demo = Demo::without_ha();
    let before = started_at(&demo, &demo.managers[0]);
    demo.ask_any(["properties", "set", "kyvos-manager", "ENABLE_KM_HA", "yes"]).json();
    until("the restart", || {
        let told = demo.ask_any(["managers", "get", &demo.managers[0].id.to_string()]);
        let row: Value = serde_json::from_str(&told.out).unwrap_or_default();
        row["started_at"].as_str().is_some_and(|started_at| started_at != before)
    });
    until("the operation to end", || {
        let told = demo.ask_any(["operations", "list"]);
        let listed: Value = serde_json::from_str(&told.out).unwrap_or_default();
        listed["items"][0]["kind"] == "SWITCH_HA" && listed["items"][0]["status"] == "succeeded"
    });
}

// rows 56, 57, 61, 63
#[test]
fn the_passives_restart_one_after_the_other_and_the_active_does_not() {
    let demo = Demo::start(3);
    let (active, others) = demo.roles();
    let before: Vec<_> = others.iter().map(|manager| started_at(&demo, manager)).collect();
    let of_active = started_at(&demo, &active);
    let refused = confirmed(&demo, ["managers", "restart", &active.id.to_string()]);
    assert_eq!(code(&refused), "ACTIVE_NOT_ALLOWED");
    let operation = ended(&demo, &confirmed(&demo, ["managers", "restart-passives"]));
    assert_eq!(operation["steps"].as_array().unwrap().len(), 4);
    for (manager, before) in others.iter().zip(before) {
        assert_ne!(started_at(&demo, manager), before);
    }
    assert_eq!(started_at(&demo, &active), of_active);
}

/// Started again it refuses, and its folder tells why.
fn says_that_it_was_removed(manager: &Manager) {
    until("its process to end", || health(manager, "live").is_none());
    let config = manager.config.as_os_str();
    let refused = run(km().args(["serve", "--config"]).arg(config));
    assert!(refused.code == 1 && refused.err.contains("[MANAGER_REMOVED]"), "{}", refused.err);
    assert!(refused.err.contains("km join --replace"), "{}", refused.err);
    let status = run(km().args(["--output", "json", "status", "--config"]).arg(config)).json();
    assert!(status["removed"].as_str().unwrap().contains("asked for by admin"), "{status}");
    let kept = run(km().args(["join", "--config"]).arg(config).env("KM_JOIN_TOKEN", TOKEN));
    assert!(kept.code == 1 && kept.err.contains("km join --replace"), "{}", kept.err);
}

/// Well formed, and nobody's.
const TOKEN: &str = "km_j_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.0000000000000000000000000000000000000000000000000000000000000000.127.0.0.1:1";

// rows 87, 99
#[test]
fn who_was_removed_while_it_was_away_learns_it_when_it_comes_back_and_comes_in_under_a_new_number()
{
    let mut demo = Demo::start(3);
    let (_, others) = demo.roles();
    let away = &others[0];
    demo.kill(away);
    let id = away.id.to_string();
    let removed = ended(&demo, &confirmed(&demo, ["managers", "remove", &id, "--force"]));
    assert_eq!(removed["status"], "succeeded", "{removed}");
    assert!(!away.config.with_file_name("data/identity/removed").exists());

    demo.start_again(away);
    // Nobody sends it the log any more; the others tell it when it introduces itself.
    until("its health to say so", || {
        let answer = plain_http(away.health_url.strip_prefix("http://").unwrap(), "/health/ready");
        answer.is_some_and(|answer| answer.contains("was removed from the group"))
    });
    says_that_it_was_removed(away);

    let made = demo.ask_any(["token", "create"]).json();
    let mut join = km();
    join.args(["--output", "json", "join", "--replace", "--config"]).arg(&away.config);
    let joined = run(join.env("KM_JOIN_TOKEN", made["token"].as_str().unwrap())).json();
    assert!(joined["id"].as_u64().unwrap() > away.id, "{joined}");
    demo.start_again(away);
    until("the newcomer to vote", || {
        let voters = demo.ask_any(["status"]).json()["voters"].clone();
        voters.as_array().unwrap().contains(&joined["id"])
    });
}

// row 87
#[test]
fn a_deleted_manager_says_so_and_stops() {
    let demo = Demo::start(3);
    let (active, _) = demo.roles();
    // Who just got its vote is not always heard of already; without it two are no majority.
    until("everybody to be heard of", || {
        let rows = demo.ask_any(["managers", "list"]).json();
        rows["items"].as_array().unwrap().iter().all(|row| row["state"] == "running")
    });
    let operation = ended(&demo, &confirmed(&demo, ["managers", "remove", &active.id.to_string()]));
    assert_eq!(operation["kind"], "REMOVE_MANAGER");
    let log = || std::fs::read_to_string(&active.log).unwrap();
    until("the removed Manager to say so", || log().contains("was removed from the group"));
    says_that_it_was_removed(&active);
    let left = demo.ask_any(["managers", "list"]).json();
    assert_eq!(left["items"].as_array().unwrap().len(), 2);
}
