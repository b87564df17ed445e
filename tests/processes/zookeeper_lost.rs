//! ZooKeeper is watched, is killed, stays away and comes back: the office stays where it is, what was seen is stale with its
//! age, and changes are taken as ever. When it is killed at one instant with the Active, another is Active.
//!
//! On hosts with services, by Managers that have patience: a busy machine is not to move the office.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::demo_services::{of_kind, process, samples};
use super::load_balancer::figure;
use super::patience::have_patience;
use super::support::{
    Demo, Manager, Sampler, active_epoch, assert_one_active, seconds, signal, until,
};
use super::zookeeper_away::{
    AWAY_VARIABLE, a_write_is_read_everywhere, assert_one_tenure, longest_silence, office,
};

/// How long it stays away, in seconds; the variable says otherwise.
const AWAY_S: u64 = 8;
const ZOOKEEPER: &str = "zookeeper.localhost";
/// Of the samples, whose sessions end after four seconds of silence.
const SESSIONS_END_WITHIN: Duration = Duration::from_secs(10);

/// A demo with services whose ZooKeeper is watched and shows all of them.
pub(crate) fn watched_demo() -> Demo {
    let demo = Demo::with_services();
    let zookeeper = &demo.record()["samples"]["zookeeper"];
    assert!(zookeeper.is_number(), "ZooKeeper is not installed (scripts/install-surroundings)");
    all_are_up_and_watched(&demo);
    demo
}

/// The same, and only the test moves its office.
pub(crate) fn watched_demo_with_patience() -> Demo {
    let demo = watched_demo();
    have_patience(&demo);
    // Another is Active, which looks itself.
    all_are_up_and_watched(&demo);
    demo
}

fn all_are_up_and_watched(demo: &Demo) {
    are_up(demo, &ids(demo));
    is_watched(demo);
}

/// These services are up, by the word of an Active that has looked.
pub(crate) fn are_up(demo: &Demo, ids: &[String]) {
    until(&format!("these to be up: {ids:?}"), || {
        let all = demo.ask_any(["services", "list"]).json();
        let items = all["items"].as_array().unwrap().iter();
        let up = items.filter(|it| {
            let known = ids.iter().any(|id| it["id"] == id.as_str());
            known && it["verdict"]["verdict"] == "up" && it["verdict"]["stale"] == false
        });
        up.count() == ids.len()
    });
}

/// The services of a demo.
fn ids(demo: &Demo) -> Vec<String> {
    samples(demo).iter().map(|sample| sample["id"].as_str().unwrap().to_owned()).collect()
}

fn ids_but_zookeeper(demo: &Demo) -> Vec<String> {
    ids(demo).into_iter().filter(|id| id != ZOOKEEPER).collect()
}

/// How much of them ZooKeeper shows while they run: each that has a znode, and which BI Server coordinates the others.
fn shown(demo: &Demo) -> usize {
    samples(demo).iter().filter(|sample| !sample["znode"].is_null()).count() + 1
}

fn watch(demo: &Demo, asked: &Manager) -> Value {
    demo.ask(&[asked], ["services", "watch"]).json()
}

/// Every Manager tells that each service is seen, and that it is so now.
pub(crate) fn is_watched(demo: &Demo) {
    for manager in &demo.managers {
        until("ZooKeeper to be watched, and to show every service", || {
            let told = watch(demo, manager);
            let told = (&told["state"], &told["stale"], &told["sightings"]);
            told == (&"watching".into(), &false.into(), &shown(demo).into())
        });
    }
}

/// What a Manager tells people of ZooKeeper.
pub(crate) fn notice(demo: &Demo, asked: &Manager) -> Option<Value> {
    let status = demo.ask(&[asked], ["status"]).json();
    let mut notices = status["notices"].as_array().unwrap().iter();
    notices.find(|notice| notice["code"] == "ZOOKEEPER_AWAY").cloned()
}

/// What was started by itself.
pub(crate) fn recoveries(demo: &Demo) -> Vec<Value> {
    of_kind(demo, "operations", "kind", "RECOVER_SERVICE")
}

/// Row 33: all that was seen last is told by a Manager as seen no more since a time, which is given.
fn stale_since(demo: &Demo, asked: &Manager) -> String {
    let told = watch(demo, asked);
    assert_eq!((&told["state"], &told["stale"]), (&"away".into(), &true.into()), "{told}");
    let items = |verb| demo.ask(&[asked], verb).json()["items"].as_array().unwrap().clone();
    let sightings = items(["services", "sightings"]);
    let there = sightings.iter().filter(|it| it["present"] == true).count();
    assert_eq!(there, shown(demo), "{sightings:?}");
    let services = items(["services", "list"]).into_iter();
    let services = services.filter(|service| service["type"] != "kyvos_manager");
    let fresh = |it: &Value| it["stale"] != true;
    assert_eq!(sightings.into_iter().chain(services).find(fresh), None);
    told["stale_since"].as_str().expect("it has an age").to_owned()
}

/// Row 31: it is a warning that ZooKeeper is away, and told to be none of the group's business.
fn people_are_warned(demo: &Demo, asked: &Manager) {
    let notice = notice(demo, asked).expect("people are told");
    assert_eq!(notice["severity"], "warning");
    let text = notice["text"].as_str().unwrap();
    assert!(text.starts_with("ZooKeeper is unavailable.") && text.contains("HA is not affected"));
}

/// As long as it is away. Gives how many rounds through all Managers there were.
fn nothing_changes_while_it_is_away(demo: &Demo, before: &[Value; 4]) -> usize {
    let age = stale_since(demo, &demo.managers[0]);
    let (began, mut rounds, away) = (Instant::now(), 0, seconds(AWAY_VARIABLE, AWAY_S));
    while began.elapsed() < away {
        rounds += 1;
        for manager in &demo.managers {
            a_write_is_read_everywhere(demo, manager, rounds);
            assert_eq!(stale_since(demo, manager), age, "by the word of Manager {}", manager.id);
            people_are_warned(demo, manager);
            assert_eq!(office(demo, manager), *before, "by the word of Manager {}", manager.id);
        }
    }
    // Its silence says nothing of them: their hosts and the Managers that ask them do.
    are_up(demo, &ids_but_zookeeper(demo));
    assert_eq!(process(demo, ZOOKEEPER), None, "nobody brought it back");
    rounds
}

fn zookeeper_is_killed(demo: &Demo) {
    signal(process(demo, ZOOKEEPER).expect("it runs"), Signal::KILL);
    for manager in &demo.managers {
        until("it to be missed", || watch(demo, manager)["state"] == "away");
    }
    until("its end to be noted", || process(demo, ZOOKEEPER).is_none());
}

/// The sessions it had before it was killed end some seconds after its start, and with them go znodes that are made anew.
fn nothing_is_shown_anew(demo: &Demo) {
    let sightings = || demo.ask_any(["services", "sightings"]).json()["items"].take();
    let (mut known, mut since) = (Value::Null, Instant::now());
    until("the znodes to stay as they are", || {
        let now = sightings();
        if now != known {
            (known, since) = (now, Instant::now());
        }
        since.elapsed() > SESSIONS_END_WITHIN
    });
}

/// Row 31: it is started as any service is.
fn zookeeper_is_started(demo: &Demo) {
    let started = demo.ask_any(["services", "start", ZOOKEEPER]);
    assert_eq!(started.code, 0, "{}{}", started.out, started.err);
    nothing_is_shown_anew(demo);
    all_are_up_and_watched(demo);
    until("its process to be noted", || process(demo, ZOOKEEPER).is_some());
}

/// Rows 29, 30, 38: the only ZooKeeper and the Active are gone at one instant.
fn zookeeper_is_killed_with_the_active(demo: &Demo) {
    let (active, others) = demo.roles();
    let epoch = active_epoch(&active).expect("it is Active");
    let doomed = [process(demo, ZOOKEEPER).expect("it runs"), demo.pid(active.id)];
    doomed.into_iter().for_each(|pid| signal(pid, Signal::KILL));
    let killed = Instant::now();
    let next = demo.successor_of(active.id);
    let took = killed.elapsed();
    figure(&format!(
        "after kill -9 of ZooKeeper and the Active another was Active within {took:?}"
    ));
    assert!(active_epoch(&next) > Some(epoch));

    let passive = others.iter().find(|other| other.id != next.id).expect("there are three");
    let set = demo.ask(&[passive], ["properties", "set", "custom", "greeting", "forwarded"]).json();
    let seen = demo.ask(&[&next], ["properties", "get", "custom", "greeting"]).json();
    assert_eq!((&seen["value"], &seen["revision"]), (&"forwarded".into(), &set["revision"]));
    for manager in &others {
        until("it to be missed by the next Active", || watch(demo, manager)["state"] == "away");
        stale_since(demo, manager);
    }
    // The next Active looks itself.
    are_up(demo, &ids_but_zookeeper(demo));
}

// rows 29-33, 38: by hand for ten minutes with
//     ZOOKEEPER_AWAY_S=600 cargo test --locked -p kyvos-manager --test processes -- --nocapture zookeeper_lost
#[test]
fn zookeeper_that_is_killed_and_comes_back_moves_no_office_and_killed_with_the_active_hinders_no_other()
 {
    let demo = watched_demo_with_patience();
    // It would be brought back, and nothing else may be.
    demo.ask_any(["services", "ha", "off", "--type", "zookeeper"]).json();
    let before = office(&demo, &demo.roles().0);
    let sampler = Sampler::start(&demo.managers);
    zookeeper_is_killed(&demo);
    let killed = Instant::now();
    let rounds = nothing_changes_while_it_is_away(&demo, &before);
    let lasted = killed.elapsed();
    zookeeper_is_started(&demo);
    for manager in &demo.managers {
        assert_eq!(office(&demo, manager), before, "by the word of Manager {}", manager.id);
        assert_eq!(notice(&demo, manager), None);
    }
    let claims = sampler.stop();
    assert_one_tenure(&claims);
    let silence = longest_silence(&claims);
    figure(&format!(
        "ZooKeeper was away for {lasted:?}: {rounds} rounds through {} Managers, {} answers of the Active, at most \
         {silence:?} apart, and then {before:?} as before",
        demo.managers.len(),
        claims.len()
    ));

    let sampler = Sampler::start(&demo.managers);
    zookeeper_is_killed_with_the_active(&demo);
    assert_eq!(recoveries(&demo), Vec::<Value>::new(), "nothing was started by itself");
    assert_one_active(&sampler.stop());
}
