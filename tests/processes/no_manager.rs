//! No Manager is there for a while: services go on as if nothing were, and who comes back finds them as they were.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::demo_services::samples;
use super::load_balancer::figure;
use super::support::{Demo, health, km, plain_http, run, seconds, signal, until};
use super::zookeeper_away::{a_write_is_read_everywhere, all_are_there};
use super::zookeeper_lost::{are_up, is_watched, watched_demo};

/// How long no Manager is there, in seconds; the variable says otherwise.
const AWAY_S: u64 = 10;
const AWAY_VARIABLE: &str = "MANAGERS_AWAY_S";
/// How often it is looked meanwhile.
const GLANCE: Duration = Duration::from_millis(100);

/// One process, and no other that may have its number later.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// In the kernel's ticks.
    pub(crate) born: u64,
}

impl Process {
    /// `None` when none of that number runs.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // Behind its name, which may hold anything.
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<_> = fields.split(' ').collect();
        (fields[0] != "Z").then(|| Self { pid, born: fields[19].parse().unwrap() })
    }
}

/// A service as it is found on its host, without asking any Manager.
struct Service {
    id: String,
    address: String,
    process: Process,
}

fn services(demo: &Demo) -> Vec<Service> {
    let service = |sample: &Value| {
        let text = |field: &str| sample[field].as_str().unwrap().to_owned();
        let pid = sample["pid"].as_u64().expect("it runs").try_into().unwrap();
        Service { id: text("id"), address: text("address"), process: Process::of(pid).unwrap() }
    };
    samples(demo).iter().map(service).collect()
}

impl Service {
    fn is_as_it_was(&self) -> bool {
        Process::of(self.process.pid).as_ref() == Some(&self.process)
    }

    /// By its own page; of ZooKeeper by its own word.
    fn serves(&self) -> bool {
        match self.id.starts_with("zookeeper.") {
            true => says(&self.address).is_ok_and(|said| said.contains("Mode: standalone")),
            false => plain_http(&self.address, "/up").is_some_and(|page| page.contains(" 200 OK")),
        }
    }
}

fn says(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"srvr")?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    Ok(said)
}

fn no_manager_is_there(demo: &Demo) -> bool {
    demo.managers.iter().all(|manager| health(manager, "live").is_none())
}

/// As their hosts do it: nobody is left to ask for it.
fn managers_are_started(demo: &Demo) {
    for manager in &demo.managers {
        let agent = manager.config.with_file_name("agent.toml");
        let mut start = km();
        start.args(["agent", "start", "kyvos-manager", "--config"]).arg(agent);
        let told = run(&mut start);
        assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    }
}

fn operations(demo: &Demo) -> Vec<Value> {
    let all = demo.ask_any(["operations", "list"]).json();
    all["items"].as_array().unwrap().iter().map(|operation| operation["id"].clone()).collect()
}

// row 3: by hand for ten minutes with
//     MANAGERS_AWAY_S=600 cargo test --locked -p kyvos-manager --test processes -- --nocapture no_manager
#[test]
fn while_every_manager_is_dead_services_serve_on_and_who_comes_back_restarts_none() {
    let demo = watched_demo();
    let (services, before) = (services(&demo), operations(&demo));
    let managers = demo.managers.iter().map(|manager| demo.pid(manager.id));
    // A demo of tests leaves dead what ended, and so do the keepers on its hosts.
    managers.for_each(|pid| signal(pid, Signal::KILL));
    until("every Manager to be gone", || no_manager_is_there(&demo));

    let (began, mut rounds, away) = (Instant::now(), 0, seconds(AWAY_VARIABLE, AWAY_S));
    while began.elapsed() < away {
        rounds += 1;
        for service in &services {
            let Service { id, process, .. } = service;
            assert!(service.is_as_it_was(), "{id} is no longer {process:?}");
            assert!(service.serves(), "{id} does not serve");
        }
        assert!(no_manager_is_there(&demo));
        std::thread::sleep(GLANCE);
    }
    let (lasted, count) = (began.elapsed(), services.len());
    figure(&format!("no Manager for {lasted:?}: {count} services looked at {rounds} times"));

    managers_are_started(&demo);
    until("all three to be there again", || all_are_there(&demo));
    is_watched(&demo);
    are_up(&demo, &services.iter().map(|service| service.id.clone()).collect::<Vec<_>>());
    for service in &services {
        assert!(service.is_as_it_was(), "{} was restarted", service.id);
    }
    assert_eq!(operations(&demo), before, "nobody did anything");
    demo.managers.iter().for_each(|manager| drop(a_write_is_read_everywhere(&demo, manager, 1)));
}
