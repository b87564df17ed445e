//! Managers that wait longer before they miss each other, for tests in which only the test may move the office: on a busy
//! machine the usual second may pass without a word of the Active.

use serde_json::Value;

use super::on_hosts::confirmed;
use super::support::{Demo, Manager, until};

/// The longer one first: one must be less than the other at any time.
const TIMERS: [(&str, &str); 2] =
    [("RAFT_ELECTION_MAX_MS", "6000"), ("RAFT_ELECTION_MIN_MS", "4000")];
/// Both, as a Manager notes them for its next start.
const NOTED: &str = "\"election_min_ms\":4000,\"election_max_ms\":6000";

/// Has each of three Managers, or more, wait longer. All of them are started anew for that, and another is Active.
pub(crate) fn have_patience(demo: &Demo) {
    for (name, ms) in TIMERS {
        demo.ask_any(["properties", "set", "kyvos-manager", name, ms]).json();
    }
    for manager in &demo.managers {
        let clocks = manager.config.with_file_name("data/identity/clocks.json");
        until("it to note its timers", || {
            std::fs::read_to_string(&clocks).is_ok_and(|noted| noted.contains(NOTED))
        });
    }
    demo.roles();
    done(demo, &["restart-passives"]);
    done(demo, &["restart-active"]);
    for manager in &demo.managers {
        until("it to hear of all the others again", || hears_of_all(demo, manager));
    }
}

fn hears_of_all(demo: &Demo, asked: &Manager) -> bool {
    let told = demo.ask(&[asked], ["status"]);
    let status: Value = serde_json::from_str(&told.out).unwrap_or_default();
    let members = status["members"].as_array();
    members.is_some_and(|all| all.iter().all(|member| member["reachable"] == true))
}

/// An operation that asks for the password, followed to its end.
pub(crate) fn done(demo: &Demo, verb: &[&str]) {
    let operation = confirmed(demo, verb).json()["operation"].to_string();
    let watched = demo.ask_any(["operations", "watch", &operation]);
    assert_eq!(watched.code, 0, "{verb:?}: {}{}", watched.out, watched.err);
}
