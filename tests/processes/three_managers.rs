//! A group of three, as `km demo` makes it: changes through any Manager, and what survives the death of one or all.

use rustix::process::Signal;

use super::no_manager::Process;
use super::support::{Demo, Manager, km, plain_http, run, signal, until};

// rows 10, 49, 82, 85
#[test]
fn a_change_through_a_passive_is_seen_on_the_third_and_survives_the_death_of_the_active() {
    let demo = Demo::start(3);
    let (active, others) = demo.roles();
    let (passive, third) = (&others[0], &others[1]);

    let set = demo.ask(&[passive], ["properties", "set", "custom", "greeting", "hello"]).json();
    assert_eq!(set["value"], "hello");
    let seen = demo.ask(&[third], ["properties", "get", "custom", "greeting"]).json();
    assert_eq!((&seen["value"], &seen["revision"]), (&set["value"], &set["revision"]));

    demo.kill(&active);
    let next = demo.successor_of(active.id);
    for survivor in &others {
        let seen = demo.ask(&[survivor], ["properties", "get", "custom", "greeting"]).json();
        assert_eq!(seen["value"], "hello", "on Manager {}", survivor.id);
    }
    // The dead one is asked first: the command line goes on to the next by itself.
    let set = demo.ask(&[&active, &next], ["properties", "set", "custom", "greeting", "again"]);
    assert_eq!(set.json()["value"], "again");
}

// row 83
#[test]
fn a_request_repeated_through_another_manager_after_the_leaders_death_gets_the_first_answer() {
    let demo = Demo::start(3);
    let (active, others) = demo.roles();
    let set = ["--request-id", "once-1", "properties", "set", "custom", "counter", "1"];
    let first = demo.ask(&[&others[0]], set).json();
    demo.kill(&active);
    demo.successor_of(active.id);
    let again = demo.ask(&[&others[1]], set).json();
    assert_eq!(again["revision"], first["revision"]);
    let history = demo.ask(&[&others[1]], ["properties", "history", "custom", "counter"]).json();
    assert_eq!(history["items"].as_array().unwrap().len(), 1, "{history}");
    let fate = demo.ask(&[&others[1]], ["requests", "get", "once-1"]).json();
    assert_eq!((&fate["state"], &fate["revision"]), (&"committed".into(), &first["revision"]));
}

#[test]
fn a_group_that_was_killed_as_a_whole_comes_back_with_everything() {
    let mut demo = Demo::start(3);
    demo.ask_any(["properties", "set", "custom", "greeting", "kept"]).json();
    demo.ask_any(["managers", "alias", "1", "Blue"]).json();
    let before = demo.ask_any(["audit", "list", "--room", "properties"]).json();
    let pids: Vec<_> = demo.managers.iter().map(|manager| demo.pid(manager.id)).collect();
    pids.into_iter().for_each(|pid| signal(pid, Signal::KILL));

    demo.resume();
    let seen = demo.ask_any(["properties", "get", "custom", "greeting"]).json();
    assert_eq!(seen["value"], "kept");
    assert_eq!(demo.ask_any(["managers", "get", "1"]).json()["alias"], "Blue");
    let after = demo.ask_any(["audit", "list", "--room", "properties"]).json();
    assert_eq!(after["items"], before["items"]);
}

#[test]
fn stopping_the_active_hands_over_first_and_ends_well() {
    let demo = Demo::start(3);
    let (active, others) = demo.roles();
    let pid = demo.pid(active.id);
    signal(pid, Signal::TERM);
    demo.successor_of(active.id);
    until("its process to end", || Process::of(pid).is_none());
    let log = log_of(&active);
    assert!(log.trim_end().ends_with("stopped"), "{log}");
    // It waits two seconds for its successor to lead. A busy one may need longer and has the lead from it all the same:
    // then nobody stood for election because the process was gone.
    let in_time = log.contains("left the lead to another Manager");
    let late = log.contains("nobody took the lead over in time");
    let succeeds_a_dead = |other: &Manager| log_of(other).contains("standing for election");
    assert!(in_time || (late && !others.iter().any(succeeds_a_dead)), "{log}");
}

fn log_of(manager: &Manager) -> String {
    std::fs::read_to_string(&manager.log).unwrap()
}

// row 89
#[test]
fn the_api_and_the_peer_port_say_nothing_without_tls() {
    let demo = Demo::start(1);
    let manager = &demo.managers[0];
    let api = manager.api_url.strip_prefix("https://").unwrap();
    for address in [api, &manager.peer_addr] {
        let answer = plain_http(address, "/api/v1/cluster").unwrap_or_default();
        assert!(!answer.starts_with("HTTP"), "{address} answered {answer:?}");
    }
    // A client that does not know the authority does not go on either.
    let stranger = run(km().args(["--server", &manager.api_url, "status"]));
    assert_eq!(stranger.code, 3, "{}{}", stranger.out, stranger.err);
}

#[test]
fn the_exit_code_tells_scripts_how_a_verb_ended() {
    let demo = Demo::start(1);
    let code = |told: super::support::Told| (told.code, told.err);
    assert_eq!(code(demo.ask_any(["properties", "get", "custom", "nothing"])).0, 1);
    assert_eq!(code(demo.ask_any(["properties", "gte"])).0, 2);
    let refused = demo.ask_any(["properties", "set", "kyvos-manager", "ENABLE_KM_HA", "true"]);
    assert_eq!(refused.code, 1);
    let problem: serde_json::Value = serde_json::from_str(&refused.err).unwrap();
    assert_eq!(problem["code"], "INVALID_VALUE");
    let described = demo.ask_any(["openapi"]).json();
    assert!(described["paths"]["/api/v1/cluster"].is_object());
    let session = std::fs::metadata(demo.dir().join("km/session.json")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&session.permissions()) & 0o777, 0o600);
    assert!(!demo.token().is_empty());
}
