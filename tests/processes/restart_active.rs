//! Restart Active under load: what people and programs notice of it, and that nothing they were told was kept is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::balancer::{Balancer, snippet};
use super::calling::{Caller, Connections};
use super::load_balancer::{ENDING_TLS, announce, figure, good, group_ca};
use super::support::{Demo, km, run, until};

/// Calls each program makes before the restart and after it, so that it is in the midst of them.
const CALLS: usize = 40;

/// One call: what it wrote, if it was no read, when its answer was there, and whether that was a good one.
struct Call {
    wrote: Option<String>,
    answered: Instant,
    good: bool,
}

/// A program that reads and writes in turn, by one way, until it is stopped.
struct Program {
    way: &'static str,
    calls: JoinHandle<Vec<Call>>,
}

impl Program {
    fn start(way: &'static str, base: String, caller: Caller, stop: Arc<AtomicBool>) -> Self {
        let calls = std::thread::spawn(move || {
            let mut calls = Vec::new();
            for turn in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let name = format!("{}-{turn}", way.replace(' ', "-"));
                let wrote = good(&caller.put(&base, &name, "1"));
                calls.push(Call { wrote: Some(name), answered: Instant::now(), good: wrote });
                let read = good(&caller.get(&format!("{base}/api/v1/cluster")));
                calls.push(Call { wrote: None, answered: Instant::now(), good: read });
            }
            calls
        });
        Program { way, calls }
    }
}

/// The longest time between two good answers.
fn gap(calls: &[Call]) -> Duration {
    let good: Vec<_> = calls.iter().filter(|call| call.good).map(|call| call.answered).collect();
    good.windows(2).map(|two| two[1] - two[0]).max().unwrap()
}

// rows 64, 66, 67
#[test]
fn restarting_the_active_under_load_loses_nothing_that_was_acknowledged() {
    let demo = Demo::start(3);
    let dir = tempfile::tempdir().unwrap();
    let ca = group_ca(&demo);
    let balancer = Balancer::haproxy(&snippet(ENDING_TLS), dir.path(), &demo.managers, &ca);
    announce(&demo, &balancer);
    let (active, others) = demo.roles();
    let stop = Arc::new(AtomicBool::new(false));
    let caller = |connections| balancer.caller(&ca, demo.token(), connections);
    let program = |way, base: &str, connections| {
        Program::start(way, base.to_owned(), caller(connections), stop.clone())
    };
    let looker = caller(Connections::Fresh);
    until("the balancer to lead to a Manager", || {
        good(&looker.get(&format!("{}/api/v1/cluster", balancer.url)))
    });
    let programs = [
        program("balancer kept", &balancer.url, Connections::Kept),
        program("balancer fresh", &balancer.url, Connections::Fresh),
        program("passive kept", &others[0].api_url, Connections::Kept),
        program("passive fresh", &others[1].api_url, Connections::Fresh),
    ];
    let written = || {
        let listed = demo.ask(&[&others[0]], ["properties", "list", "--file", "custom"]);
        listed.json()["items"].as_array().unwrap().len()
    };
    until("them to be busy", || written() > CALLS);

    let mut restart = km();
    restart.args(["--output", "json", "managers", "restart-active", "--wait"]);
    restart.env("KM_PASSWORD", demo.record()["admin"]["password"].as_str().unwrap());
    restart.env("KM_CA", &ca).env("KM_TOKEN", demo.token());
    let told = run(restart.env("KM_SERVER", &others[0].api_url)).json();
    assert_eq!(told["status"], "succeeded", "{told}");
    assert_ne!(demo.roles().0.id, active.id, "it came back as a Passive");
    let before = written();
    until("them to go on", || written() > before + CALLS);
    stop.store(true, Ordering::Relaxed);

    // Only when the last of them has its answer: what is acknowledged after a list was read need not stand in it.
    let ended: Vec<_> =
        programs.into_iter().map(|Program { way, calls }| (way, calls.join().unwrap())).collect();
    let listed = demo.ask(&[&others[0]], ["properties", "list", "--file", "custom"]).json();
    let kept: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|item| item["name"].as_str()).collect();
    for (way, calls) in ended {
        let acknowledged =
            calls.iter().filter(|call| call.good).filter_map(|call| call.wrote.as_deref());
        let lost: Vec<_> =
            acknowledged.clone().filter(|name| !kept.contains(&Some(name))).collect();
        assert!(lost.is_empty(), "{way}: acknowledged and lost: {lost:?}");
        let failed = calls.iter().filter(|call| !call.good).count();
        figure(&format!(
            "Restart Active, {way}: longest time without an answer {} ms; {} writes acknowledged, 0 lost; {failed} of {} calls failed",
            gap(&calls).as_millis(),
            acknowledged.count(),
            calls.len(),
        ));
    }
}
