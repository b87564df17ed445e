//! Prechecks of real groups: asked for at one Manager, looked at by the Active, read at another; and taken up by the next
//! Active when the one that looks dies.

use std::net::TcpListener;

use serde_json::Value;

use super::balancer::{Balancer, snippet};
use super::on_hosts::confirmed;
use super::postgres::{PASSWORD, Postgres};
use super::support::{Demo, Manager, km, run, until};
use super::zookeeper_away::{a_write_is_read_everywhere, all_are_there, somebody_signs_in};

/// The results as a Manager shows them.
fn page(demo: &Demo, read: &Manager) -> Option<Value> {
    let told = demo.ask(&[read], ["prechecks", "list"]);
    (told.code == 0).then(|| told.json())
}

fn ask(demo: &Demo, asked: &Manager) -> u64 {
    demo.ask(&[asked], ["prechecks", "run"]).json()["asked"].as_u64().unwrap()
}

/// Waits until an ask is answered, and gives what was found.
fn answered(demo: &Demo, read: &Manager, ask: u64) -> Value {
    let answer = || page(demo, read).filter(|page| page["answered"].as_u64() >= Some(ask));
    until("the prechecks to be answered", || answer().is_some());
    answer().unwrap()
}

/// Result and code of a check about the group as a whole.
fn of_group(page: &Value, check: &str) -> (String, String) {
    of(page, check, &Value::Null)
}

/// Result and code of a check about a host.
fn of(page: &Value, check: &str, host: &Value) -> (String, String) {
    let items = page["items"].as_array().unwrap();
    let is_it = |item: &&Value| item["check"] == check && item["host"] == *host;
    let item = items.iter().find(is_it).unwrap_or_else(|| panic!("no {check} in {page}"));
    let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
    (format!("{} {}", text("result"), text("code")).trim_end().to_owned(), text("detail"))
}

fn set(demo: &Demo, name: &str, value: &str) {
    demo.ask_any(["properties", "set", "kyvos-manager", name, value]).json();
}

// rows 13, 14, 17; A5
#[test]
fn the_active_looks_whoever_is_asked_and_a_real_balancer_is_seen_to_lead_to_it() {
    let demo = Demo::start(3);
    let (active, others) = demo.roles();
    let page = answered(&demo, &others[1], ask(&demo, &others[0]));
    assert_eq!(of_group(&page, "failure_tolerance").1, "Quorum 2 of 3 · tolerates 1 failure.");
    assert_eq!(of_group(&page, "portal_ha").0, "pass");
    // The sample hosts of a demo have the role, and no real ZooKeeper behind it.
    assert_eq!(of_group(&page, "zookeeper").0, "warn ZOOKEEPER_DOWN");
    assert_eq!(of_group(&page, "load_balancer").0, "pass");
    assert_eq!(page["running"], false);

    let dir = tempfile::tempdir().unwrap();
    let text = snippet("HAProxy, passing TLS through");
    let balancer = Balancer::haproxy(&text, dir.path(), &demo.managers, &demo.dir().join("ca.pem"));
    set(&demo, "LOAD_BALANCER_URL", &balancer.url);
    until("the balancer to be seen leading to the Active", || {
        let page = answered(&demo, &others[0], ask(&demo, &others[1]));
        of_group(&page, "load_balancer").0 == "pass"
    });
    let page = answered(&demo, &others[0], ask(&demo, &others[1]));
    let (_, detail) = of_group(&page, "load_balancer");
    assert!(detail.ends_with(&format!("the Active, Kyvos Manager {}.", active.id)), "{detail}");

    // Not a balancer at all, but one Passive: everybody would be sent to it.
    set(&demo, "LOAD_BALANCER_URL", &others[0].api_url);
    let page = answered(&demo, &active, ask(&demo, &active));
    assert_eq!(of_group(&page, "load_balancer").0, "fail LOAD_BALANCER_ASTRAY");
}

// row 88: what an Active could not end, the next one does
#[test]
fn a_run_outlives_the_active_that_began_it() {
    let demo = Demo::start(3);
    let (active, others) = demo.roles();
    answered(&demo, &others[0], ask(&demo, &others[0]));
    // Somebody who takes every call and never answers holds the run up for seconds.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    mute.set_nonblocking(true).unwrap();
    set(&demo, "LOAD_BALANCER_URL", &format!("http://{}", mute.local_addr().unwrap()));
    let ask = ask(&demo, &others[0]);
    let held_up = || {
        let events = demo.ask(&[&others[0]], ["prechecks", "list"]).json();
        events["running"] == true && mute.accept().is_ok()
    };
    until("the run to be held up", held_up);
    demo.kill(&active);
    let next = demo.successor_of(active.id);
    let page = answered(&demo, &next, ask);
    assert_eq!(page["running"], false);
    assert_eq!(of_group(&page, "load_balancer").0, "fail LOAD_BALANCER_UNREACHABLE");
}

// row 27 and prechecks: without HA nobody looks unless somebody asks
#[test]
fn without_ha_nothing_is_looked_at_unless_somebody_asks() {
    let demo = Demo::without_ha();
    let only = &demo.managers[0];
    let page = page(&demo, only).unwrap();
    assert_eq!((&page["items"], &page["as_of"]), (&serde_json::json!([]), &Value::Null));
    let page = answered(&demo, only, ask(&demo, only));
    assert_eq!(of_group(&page, "zookeeper").0, "warn ZOOKEEPER_NOT_WATCHED");
    assert_eq!(of_group(&page, "failure_tolerance").0, "warn NO_AUTOMATIC_FAILOVER");
}

/// Sets a secret as people do: it is asked for, and stands on no command line.
fn set_secret(demo: &Demo, name: &str, secret: &str) {
    let mut set = km();
    set.args(["--output", "json", "properties", "set", "kyvos-manager", name]);
    set.env("KM_VALUE", secret).env("KM_SERVER", &demo.managers[0].api_url);
    set.env("KM_CA", demo.dir().join("ca.pem")).env("KM_TOKEN", demo.token());
    let told = run(&mut set).json();
    assert_eq!(told["value"], "(secret)", "{told}");
}

// rows 18, 19, 59
#[test]
fn the_active_signs_in_at_a_real_repository_with_a_password_that_nobody_is_shown() {
    let server = Postgres::start("scram-sha-256", false);
    let demo = Demo::start(1);
    let only = &demo.managers[0];
    set(&demo, "REPOSITORY_HOST", "127.0.0.1");
    set(&demo, "REPOSITORY_PORT", &server.port.to_string());
    set(&demo, "REPOSITORY_USER", "kyvos");
    set_secret(&demo, "REPOSITORY_PASSWORD", "not the rose-garden");
    let page = answered(&demo, only, ask(&demo, only));
    let (result, detail) = of_group(&page, "repository");
    assert_eq!(result, "fail REPOSITORY_LOGIN_REFUSED", "{detail}");
    assert!(detail.contains("km properties set kyvos-manager REPOSITORY_PASSWORD"), "{detail}");
    set_secret(&demo, "REPOSITORY_PASSWORD", PASSWORD);
    let page = answered(&demo, only, ask(&demo, only));
    let (result, detail) = of_group(&page, "repository");
    assert_eq!(result, "pass", "{detail}");
    assert!(detail.starts_with("kyvos signs in to postgres at 127.0.0.1:"), "{detail}");

    // Neither is anywhere in the demo's folder: not in the log, a checkpoint, the history or what was said.
    for secret in [PASSWORD, "not the rose-garden"] {
        let mut grep = std::process::Command::new("grep");
        let found = grep.args(["-r", "-l", "-a", "-F", secret]).arg(demo.dir()).output().unwrap();
        assert_eq!(found.status.code(), Some(1), "{}", String::from_utf8_lossy(&found.stdout));
    }
}

/// Everybody is let in, and every change is taken and read, through whichever Manager.
fn nobody_misses_it(demo: &Demo) {
    for manager in &demo.managers {
        somebody_signs_in(demo, manager);
        a_write_is_read_everywhere(demo, manager, 1);
    }
}

/// Row 34: without its repository the group lacks nothing but what its prechecks say.
fn without_it_the_group_goes_on(demo: &Demo) {
    nobody_misses_it(demo);
    let (active, others) = demo.roles();
    let page = answered(demo, &others[0], ask(demo, &others[1]));
    let items = page["items"].as_array().unwrap().iter();
    let told: Vec<_> = items.filter(|item| item["check"] == "repository").collect();
    let missed = |it: &&Value| it["result"] == "warn" && it["code"] == "REPOSITORY_UNREACHABLE";
    // For the group, and from each host that a Manager may be on.
    assert_eq!(told.len(), 1 + demo.record()["agents"].as_array().unwrap().len(), "{page}");
    assert!(told.iter().all(missed), "{told:?}");

    demo.kill(&active);
    let next = demo.successor_of(active.id);
    let passive = others.iter().find(|other| other.id != next.id).expect("there are three");
    for manager in [&next, passive] {
        somebody_signs_in(demo, manager);
    }
    let set = demo.ask(&[passive], ["properties", "set", "custom", "greeting", "forwarded"]).json();
    let seen = demo.ask(&[&next], ["properties", "get", "custom", "greeting"]).json();
    assert_eq!((&seen["value"], &seen["revision"]), (&"forwarded".into(), &set["revision"]));
}

// rows 18, 19, 34: each Manager opens the password itself and signs in from its own host
#[test]
fn every_manager_signs_in_at_a_real_repository_itself_and_without_it_the_group_goes_on() {
    let server = Postgres::start("scram-sha-256", false);
    let demo = Demo::start(3);
    let (active, others) = demo.roles();
    set(&demo, "REPOSITORY_HOST", "127.0.0.1");
    set(&demo, "REPOSITORY_PORT", &server.port.to_string());
    set(&demo, "REPOSITORY_USER", "kyvos");
    set_secret(&demo, "REPOSITORY_PASSWORD", "not the rose-garden");
    let rows = demo.ask_any(["managers", "list"]).json()["items"].as_array().unwrap().clone();
    let host = |manager: &Manager| {
        rows.iter().find(|row| row["id"] == manager.id).expect("its row")["host"].clone()
    };
    let results = |page: &Value| {
        let of_it = |manager| of(page, "repository", &host(manager));
        demo.managers.iter().map(of_it).collect::<Vec<_>>()
    };
    let page = answered(&demo, &active, ask(&demo, &others[0]));
    for (result, detail) in results(&page) {
        assert_eq!(result, "fail REPOSITORY_LOGIN_REFUSED", "{detail}");
        assert!(detail.contains("password authentication failed"), "{detail}");
    }
    set_secret(&demo, "REPOSITORY_PASSWORD", PASSWORD);
    let before = server.sign_ins();
    let page = answered(&demo, &active, ask(&demo, &others[0]));
    for (manager, (result, detail)) in demo.managers.iter().zip(results(&page)) {
        assert_eq!(result, "pass", "{detail}");
        let told = format!(
            "kyvos signs in to postgres at 127.0.0.1:{} from {}.",
            server.port,
            host(manager).as_str().unwrap()
        );
        assert_eq!(detail, told);
    }
    until("the server to have noted three sign-ins", || server.sign_ins() >= before + 3);

    // Who is not there cannot try, which is said of its host and of no other.
    let stopped = &others[1];
    let stop = confirmed(&demo, &["stop", &stopped.id.to_string(), "--wait"]).json();
    assert_eq!(stop["status"], "succeeded", "{stop}");
    let looked = demo.ask(&[&active], ["prechecks", "run", "--wait"]);
    assert_eq!(looked.code, 1, "a demo has no hdfs: {}", looked.err);
    let page: Value = serde_json::from_str(&looked.out).unwrap();
    let (result, detail) = of(&page, "repository", &host(stopped));
    assert_eq!(result, "warn HOST_SILENT", "{detail}");
    assert_eq!(of(&page, "repository", &host(&others[0])).0, "pass");

    let start = confirmed(&demo, &["start", &stopped.id.to_string(), "--wait"]).json();
    assert_eq!(start["status"], "succeeded", "{start}");
    until("all three to be there again", || all_are_there(&demo));
    drop(server);
    without_it_the_group_goes_on(&demo);
}
