//! What an operator does with Managers on hosts that are looked after: real agents, and Managers as their services.

use serde_json::Value;

use super::support::{Demo, Told, km, run, until};

/// A verb that asks for the password, given in the environment.
pub(crate) fn confirmed(demo: &Demo, verb: &[&str]) -> Told {
    let servers: Vec<_> = demo.managers.iter().map(|manager| manager.api_url.as_str()).collect();
    let mut command = km();
    command.args(["--output", "json", "managers"]).args(verb);
    command.env("KM_PASSWORD", demo.record()["admin"]["password"].as_str().unwrap());
    command.env("KM_CA", demo.dir().join("ca.pem")).env("KM_TOKEN", demo.token());
    run(command.env("KM_SERVER", servers.join(",")))
}

fn code(told: &Told) -> String {
    let problem: Value = serde_json::from_str(&told.err).unwrap_or_default();
    problem["code"].as_str().unwrap_or_default().to_owned()
}

/// The row of the member on a host.
fn row(demo: &Demo, host: &str) -> Option<Value> {
    let listed = demo.ask_any(["managers", "list"]).json();
    listed["items"].as_array().unwrap().iter().find(|row| row["host"] == host).cloned()
}

fn runs(pid: u64) -> bool {
    // A process that ended and was not buried yet has no command line any more.
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

fn succeeds(demo: &Demo, verb: &[&str]) {
    let told = confirmed(demo, &[verb, &["--wait"]].concat()).json();
    assert_eq!(told["status"], "succeeded", "{verb:?}: {told}");
}

// rows 28, 44, 56, 60, 86, 87
#[test]
fn a_manager_is_added_on_its_host_stopped_started_deleted_and_added_anew() {
    let (demo, spare) = (Demo::start(2), "km3");
    assert_eq!(code(&confirmed(&demo, &["add", spare])), "DR_SCRIPT_PENDING");
    succeeds(&demo, &["push-dr-script"]);
    succeeds(&demo, &["add", spare, "--accept-failed-prechecks"]);
    until("its row to say that it runs", || row(&demo, spare).unwrap()["state"] == "running");
    let first = row(&demo, spare).unwrap();
    assert_eq!(first["role"], "voter");
    let (id, pid) = (first["id"].to_string(), first["pid"].as_u64().unwrap());
    assert!(runs(pid));

    // Stopped on purpose, it is a member that is stopped, and not one that is down.
    succeeds(&demo, &["stop", &id]);
    assert!(!runs(pid), "its process is gone");
    until("its row to say so", || row(&demo, spare).unwrap()["state"] == "stopped");
    succeeds(&demo, &["start", &id]);
    until("its row to say so", || row(&demo, spare).unwrap()["state"] == "running");
    let again = row(&demo, spare).unwrap();
    assert_eq!(again["id"], first["id"]);
    assert!(again["pid"].as_u64().is_some_and(|next| next != pid && runs(next)), "{again}");

    // Deleted, its service is stopped for good; added anew, it has another number.
    succeeds(&demo, &["remove", &id]);
    assert!(row(&demo, spare).is_none());
    assert!(!runs(again["pid"].as_u64().unwrap()));
    succeeds(&demo, &["push-dr-script"]);
    succeeds(&demo, &["add", spare, "--accept-failed-prechecks"]);
    assert_ne!(row(&demo, spare).unwrap()["id"], first["id"]);
}

// rows 12, 86, 88
#[test]
fn the_active_dies_while_a_manager_is_added_on_its_host() {
    let (demo, spare) = (Demo::start(3), "km4");
    succeeds(&demo, &["push-dr-script"]);
    let (active, _) = demo.roles();
    let begun = confirmed(&demo, &["add", spare, "--accept-failed-prechecks"]).json();
    let operation = begun["operation"].to_string();
    until("the host to be let in", || row(&demo, spare).is_some());
    demo.kill(&active);
    demo.successor_of(active.id);
    let watched = demo.ask_any(["operations", "watch", &operation]);
    assert_eq!(watched.code, 0, "{}{}", watched.out, watched.err);
    let listed = demo.ask_any(["managers", "list"]).json();
    let there = listed["items"].as_array().unwrap().iter().filter(|row| row["host"] == spare);
    assert_eq!(there.map(|row| row["role"].clone()).collect::<Vec<_>>(), ["voter"]);
}
