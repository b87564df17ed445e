//! ZooKeeper is wanted and never there: nothing of Kyvos Manager waits for it, and the office stays where it is.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::logs::{all_lines, logs_of, taken};
use super::patience::{done, have_patience};
use super::support::{
    Claim, Demo, Manager, Sampler, active_epoch, assert_one_active, free_ports, health, km, run,
    seconds, signal, until,
};

/// How long it is looked while nothing happens, in seconds; the variable says otherwise.
const AWAY_S: u64 = 20;
pub(crate) const AWAY_VARIABLE: &str = "ZOOKEEPER_AWAY_S";

/// Term, epoch, who leads and who is Active, as a Manager tells it.
pub(crate) fn office(demo: &Demo, asked: &Manager) -> [Value; 4] {
    let status = demo.ask(&[asked], ["status"]).json();
    ["term", "epoch", "leader", "active"].map(|name| status[name].clone())
}

fn misses_zookeeper(demo: &Demo, asked: &Manager) -> bool {
    let told = demo.ask(&[asked], ["services", "watch"]).json();
    told["state"] == "away"
}

/// A change through one Manager is read at all of them; gives its name and the answer.
pub(crate) fn a_write_is_read_everywhere(
    demo: &Demo,
    through: &Manager,
    round: usize,
) -> (String, Value) {
    let (name, value) = (format!("through-{}", through.id), round.to_string());
    let set = demo.ask(&[through], ["properties", "set", "custom", &name, &value]).json();
    for other in &demo.managers {
        let seen = demo.ask(&[other], ["properties", "get", "custom", &name]).json();
        assert_eq!((&seen["value"], &seen["revision"]), (&set["value"], &set["revision"]));
    }
    (name, set)
}

/// Everything that is read and written without taking anything down, through one Manager.
fn everything_works(demo: &Demo, through: &Manager, round: usize) {
    let (name, set) = a_write_is_read_everywhere(demo, through, round);
    let history = demo.ask(&[through], ["properties", "history", "custom", &name]).json();
    assert_eq!(history["items"][0]["revision"], set["revision"], "{history}");
    let id = through.id.to_string();
    let alias = demo.ask(&[through], ["managers", "alias", &id, &format!("Blue {id} {round}")]);
    assert_eq!(alias.code, 0, "{}", alias.err);
    for verb in [
        ["managers", "list"],
        ["hosts", "list"],
        ["services", "list"],
        ["operations", "list"],
        ["alerts", "list"],
        ["audit", "list"],
    ] {
        let listed = demo.ask(&[through], verb).json();
        let items = listed["items"].as_array().unwrap_or_else(|| panic!("{verb:?}: {listed}"));
        assert!(!items.is_empty() || ["operations", "alerts"].contains(&verb[0]), "{verb:?}");
    }
    let other = demo.managers.iter().find(|other| other.id != through.id).unwrap();
    assert!(all_lines(&taken(&logs_of(demo, through, other, "--newest"))).contains("started"));
}

pub(crate) fn somebody_signs_in(demo: &Demo, at: &Manager) {
    let mut login = km();
    login.args(["--server", &at.api_url, "login"]);
    login.env("KM_PASSWORD", demo.record()["admin"]["password"].as_str().unwrap());
    login.env("KM_CA", demo.dir().join("ca.pem"));
    let told = run(login.env("XDG_STATE_HOME", demo.dir().join("another")));
    assert_eq!(told.code, 0, "{}", told.err);
}

/// ZooKeeper is a warning, and said to be no condition for High Availability.
fn prechecks_are_answered(demo: &Demo, through: &Manager) {
    let asked = demo.ask(&[through], ["prechecks", "run"]).json()["asked"].as_u64();
    let page = || demo.ask(&[through], ["prechecks", "list"]).json();
    until("the prechecks to be answered", || page()["answered"].as_u64() >= asked);
    let page = page();
    let items = page["items"].as_array().unwrap();
    let zookeeper = items.iter().find(|item| item["check"] == "zookeeper").unwrap();
    assert_eq!(
        (&zookeeper["result"], &zookeeper["code"]),
        (&"warn".into(), &"ZOOKEEPER_DOWN".into())
    );
}

/// Row 2, by the word of one Manager: what the hosts of a demo have, and the three Managers.
fn every_service_is_counted(demo: &Demo, asked: &Manager) {
    let counts = || {
        let mapping = demo.ask(&[asked], ["services", "mapping"]).json();
        let types = mapping["types"].as_array().unwrap().iter();
        let told = |it: &Value| {
            let kind = it["type"].as_str().unwrap();
            format!("{kind} {}/{}", it["present"], it["expected"])
        };
        types.map(told).collect::<Vec<_>>()
    };
    let declared = [
        "zookeeper 0/3",
        "postgres 0/2",
        "bi_server 0/2",
        "query_engine 0/2",
        "web_portal 0/4",
        "kyvos_manager 3/3",
    ];
    until("every service to be counted", || counts() == declared);
}

/// One was Active all the time: a claim that lapses, if only for a moment, comes back under another epoch.
pub(crate) fn assert_one_tenure(claims: &[Claim]) {
    let offices: BTreeSet<_> = claims.iter().map(|claim| (claim.manager, claim.epoch)).collect();
    assert_eq!(offices.len(), 1, "{offices:?}");
}

/// The longest time between two answers of one who said that it is Active.
pub(crate) fn longest_silence(claims: &[Claim]) -> Duration {
    let mut answered: Vec<_> = claims.iter().map(|claim| claim.answered).collect();
    answered.sort_unstable();
    answered.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}

/// Row 30: a Passive that is stopped on its host is gone, and is back once it is started there.
fn a_passive_is_stopped_and_started(demo: &Demo, passive: &Manager) {
    let id = passive.id.to_string();
    done(demo, &["stop", &id]);
    assert_eq!(health(passive, "live"), None, "its process is gone");
    // Who is still thought to run is not started; with these patient timers that takes a while.
    until("the others to miss it", || is_missed(demo, passive));
    done(demo, &["start", &id]);
    assert_eq!(health(passive, "live"), Some(200));
}

/// Whether a Manager does not answer, by the word of each of the others.
fn is_missed(demo: &Demo, missed: &Manager) -> bool {
    let mut others = demo.managers.iter().filter(|other| other.id != missed.id);
    let misses = |other: &Manager| {
        let status = demo.ask(&[other], ["status"]).json();
        let mut members = status["members"].as_array().unwrap().iter();
        members.any(|member| member["id"] == missed.id && member["reachable"] == false)
    };
    others.all(misses)
}

/// Whether every Manager is there, by the word of any.
pub(crate) fn all_are_there(demo: &Demo) -> bool {
    let told = demo.ask_any(["status"]);
    let status: Value = serde_json::from_str(&told.out).unwrap_or_default();
    let members = status["members"].as_array().cloned().unwrap_or_default();
    members.len() == demo.managers.len() && members.iter().all(|member| member["reachable"] == true)
}

// rows 2, 29, 30, 32: by hand for ten minutes with
//     ZOOKEEPER_AWAY_S=600 cargo test --locked -p kyvos-manager --test processes -- --nocapture zookeeper_away
#[test]
fn three_managers_that_miss_zookeeper_from_start_to_end_keep_their_office_and_everything_works() {
    let mut demo = Demo::start(3);
    // The hosts of a demo have the role; what listens at its usual port may be somebody's.
    let nobody = free_ports()[0].to_string();
    demo.ask_any(["properties", "set", "kyvos-manager", "ZOOKEEPER_PORT", &nobody]).json();
    demo.ask_any(["properties", "set", "kyvos-manager", "ZK_SERVICE_WATCH", "on"]).json();
    have_patience(&demo);
    let (active, others) = demo.roles();
    for manager in &demo.managers {
        until("ZooKeeper to be missed", || misses_zookeeper(&demo, manager));
        every_service_is_counted(&demo, manager);
        prechecks_are_answered(&demo, manager);
        somebody_signs_in(&demo, manager);
    }

    let before = office(&demo, &active);
    let sampler = Sampler::start(&demo.managers);
    let (began, mut rounds, away) = (Instant::now(), 0, seconds(AWAY_VARIABLE, AWAY_S));
    while began.elapsed() < away {
        rounds += 1;
        for manager in &demo.managers {
            everything_works(&demo, manager, rounds);
            assert!(misses_zookeeper(&demo, manager), "Manager {}", manager.id);
            assert_eq!(office(&demo, manager), before, "by the word of Manager {}", manager.id);
        }
    }
    let lasted = began.elapsed();
    let claims = sampler.stop();
    assert_one_tenure(&claims);
    let silence = longest_silence(&claims);
    println!(
        "away for {lasted:?}: {rounds} rounds through {} Managers, {} answers of the Active, at most {silence:?} apart, \
         and then {before:?} as before",
        demo.managers.len(),
        claims.len()
    );

    // What takes something down works as well, and so does what is done when the Active dies.
    let sampler = Sampler::start(&demo.managers);
    let id = |manager: &Manager| manager.id.to_string();
    done(&demo, &["restart", &id(&others[0])]);
    a_passive_is_stopped_and_started(&demo, &others[0]);
    done(&demo, &["make-active", &id(&others[1])]);
    let next = demo.successor_of(active.id);
    assert_eq!(next.id, others[1].id);
    let epoch = active_epoch(&next).unwrap();
    signal(demo.pid(next.id), Signal::KILL);
    let killed = Instant::now();
    let last = demo.successor_of(next.id);
    let took = killed.elapsed();
    println!("after kill -9 another was Active within {took:?}");
    assert!(active_epoch(&last).unwrap() > epoch);
    let passive =
        demo.managers.iter().find(|other| ![next.id, last.id].contains(&other.id)).unwrap();
    let set = demo.ask(&[passive], ["properties", "set", "custom", "greeting", "forwarded"]);
    assert_eq!(set.json()["value"], "forwarded");
    demo.start_again(&next);
    until("all three to be there again", || all_are_there(&demo));
    for manager in &demo.managers {
        until("ZooKeeper to be missed still", || misses_zookeeper(&demo, manager));
    }
    assert_one_active(&sampler.stop());
}
