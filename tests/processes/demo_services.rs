//! The sample services of a demo: real processes, shown by a real ZooKeeper where that is installed, killed and brought
//! back, also when the Active dies beside them.

use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use super::support::{Demo, signal, until};

/// The sample services, as the demo tells of them.
pub(crate) fn samples(demo: &Demo) -> Vec<Value> {
    demo.record()["services"].as_array().unwrap().clone()
}

/// The process of one; `None` while it does not run.
pub(crate) fn process(demo: &Demo, id: &str) -> Option<u32> {
    let samples = samples(demo);
    let sample = samples.iter().find(|sample| sample["id"] == id).unwrap();
    sample["pid"].as_u64().map(|pid| pid.try_into().unwrap())
}

fn is_up(demo: &Demo, id: &str) -> bool {
    let verdict = demo.ask_any(["services", "show", id]).json()["verdict"].clone();
    verdict["verdict"] == "up" && verdict["stale"] == false
}

/// Whether ZooKeeper shows it.
fn is_shown(demo: &Demo, id: &str) -> bool {
    let service = demo.ask_any(["services", "show", id]).json();
    let mut evidence = service["evidence"].as_array().unwrap().iter();
    evidence.any(|seen| seen["observer"] == "znode" && seen["says"] == "there")
}

/// What there is of a kind in a list.
pub(crate) fn of_kind(demo: &Demo, room: &str, field: &str, kind: &str) -> Vec<Value> {
    let all = demo.ask_any([room, "list"]).json();
    let items = all["items"].as_array().unwrap().iter();
    items.filter(|item| item[field] == kind).cloned().collect()
}

#[test]
fn a_sample_killed_with_the_active_is_brought_back_once_and_told_of_and_nothing_outlives_the_demo()
{
    let mut demo = Demo::with_services();
    let has_zookeeper = Path::new("/usr/share/java/zookeeper.jar").exists();
    assert_eq!(demo.record()["samples"]["zookeeper"].is_number(), has_zookeeper);
    let ids: Vec<String> =
        samples(&demo).iter().map(|sample| sample["id"].as_str().unwrap().to_owned()).collect();
    let (active, _) = demo.roles();
    let host = active.config.parent().unwrap().file_name().unwrap().to_str().unwrap();
    let beside = |id: &&String| id.ends_with(&format!(".{host}"));
    let service = ids.iter().find(beside).unwrap_or_else(|| panic!("{host}: {ids:?}"));
    assert!(ids.len() >= 3, "{ids:?}");
    for id in &ids {
        until(&format!("{id} to be up"), || is_up(&demo, id));
    }
    until("ZooKeeper to show it", || !has_zookeeper || is_shown(&demo, service));

    // At one instant, on one host: whoever is Active next does what is to be done, and once.
    let killed = process(&demo, service).unwrap();
    signal(killed, Signal::KILL);
    demo.kill(&active);
    demo.successor_of(active.id);
    let recoveries = || of_kind(&demo, "operations", "kind", "RECOVER_SERVICE");
    until("it to be brought back", || recoveries().iter().any(|it| it["status"] == "succeeded"));
    until("another process", || process(&demo, service).is_some_and(|pid| pid != killed));
    until("it to be up again", || is_up(&demo, service));
    let told = || of_kind(&demo, "alerts", "code", "SERVICE_RECOVERED");
    until("that to be told", || !told().is_empty());
    assert_eq!((told().len(), recoveries().len()), (1, 1));
    let (subject, text) = (told()[0]["subject"].clone(), told()[0]["text"].clone());
    assert_eq!(subject, *service);
    assert!(text.as_str().unwrap().contains("its unit does not run"), "{text}");

    demo.resume();
    until("it to run again", || process(&demo, service).is_some() && is_up(&demo, service));
    let running: Vec<u32> = ids.iter().filter_map(|id| process(&demo, id)).collect();
    demo.end();
    let left = running.iter().filter(|pid| std::fs::exists(format!("/proc/{pid}")).unwrap());
    assert_eq!(left.collect::<Vec<_>>(), Vec::<&u32>::new());
}
