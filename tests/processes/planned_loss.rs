//! Everything goes to sleep as planned, ZooKeeper with it, and the Active is killed meanwhile: nobody fights it, nobody is
//! alarmed, another is Active, and by that one everything is woken in its order. Then a rolling restart is called off.
//!
//! With a real ZooKeeper and a real Postgres on hosts with services.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::load_balancer::figure;
use super::no_manager::Process;
use super::services::{due_in, process, schedule};
use super::support::{Demo, Manager, Sampler, assert_one_active, free_ports, signal, until};
use super::zookeeper_away::{a_write_is_read_everywhere, all_are_there};
use super::zookeeper_lost::{are_up, is_watched, notice, recoveries, watched_demo_with_patience};

/// The types in the order in which a cluster is started, as steps name them.
const ORDER: [&str; 5] = ["ZooKeeper", "Postgres", "BI Server", "Query Engine", "Kyvos Web Portal"];
/// Its host has a Web Portal, which is restarted first of all, and the Postgres.
const HOST: &str = "km1";
/// How long everything sleeps at least: whoever takes ZooKeeper, or a service, for lost tells of it after 15 s.
const SLEEP: Duration = Duration::from_secs(18);
/// What nobody is to be told of something planned.
const ALARMS: [&str; 5] =
    ["ZOOKEEPER_AWAY", "SERVICE_DOWN", "SERVICE_DEGRADED", "SERVICE_HELD", "SERVICE_RECOVERED"];

struct Stage {
    demo: Demo,
    /// All services but the Managers.
    ids: Vec<String>,
    /// While this file is there, the Web Portal of the host takes its time.
    held: PathBuf,
    /// Below it the Postgres lives, for as long as the demo does.
    repository: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let demo = watched_demo_with_patience();
        let (repository, port) = (repository(), free_ports()[0]);
        let held = demo.dir().join("held");
        let mut stage = Self { demo, ids: Vec::new(), held, repository };
        stage.equip_its_host(port);
        let roles = ["web_portal", "bi_server", "postgres"].map(|role| format!("--role={role}"));
        let [portal, server, postgres] = &roles;
        stage.demo.ask_any(["hosts", "change", HOST, portal, server, postgres]).json();
        let named = |service: &Value| service["id"].as_str().unwrap().to_owned();
        stage.ids = stage.services().iter().map(named).collect();
        let (unit, port) = ("--unit=kyvos-postgres", format!("--port={port}"));
        let set = ["services", "types", "set", "postgres", unit, "--probe=tcp", &port];
        stage.demo.ask_any(set).json();
        let started = stage.demo.ask_any(["services", "start", &format!("postgres.{HOST}")]);
        assert_eq!(started.code, 0, "{}{}", started.out, started.err);
        stage.is_whole();
        stage
    }

    /// Tells the agent of the host of the Postgres, and of the Web Portal that takes its time.
    fn equip_its_host(&mut self, port: u16) {
        let record = self.demo.record();
        let mut agents = record["agents"].as_array().unwrap().iter();
        let agent = agents.find(|agent| agent["name"] == HOST).unwrap();
        let config = Path::new(agent["config"].as_str().unwrap());
        let text = std::fs::read_to_string(config).unwrap();
        let portal = "[unit.kyvos-web-portal]\nrun = [";
        assert_eq!(text.matches(portal).count(), 1, "{text}");
        let script = r#"while [ -e \"$0\" ]; do sleep 0.1; done; exec \"$@\""#;
        let slow = format!("{portal}\"/bin/sh\", \"-c\", \"{script}\", {:?}, ", self.held);
        let run = json!(postgres_runs(self.repository.path(), port));
        let more = format!("\n[unit.kyvos-postgres]\nrun = {run}\nrestart = \"never\"\n");
        std::fs::write(config, text.replace(portal, &slow) + &more).unwrap();

        let address = agent["address"].as_str().unwrap();
        signal(agent["pid"].as_u64().unwrap().try_into().unwrap(), Signal::KILL);
        until("the agent to be gone", || TcpStream::connect(address).is_err());
        self.demo.start_agent(config);
        until("the agent to listen", || TcpStream::connect(address).is_ok());
    }

    /// Every service but the Managers, by one Manager.
    fn services(&self) -> Vec<Value> {
        let all = self.demo.ask_any(["services", "list"]).json();
        let items = all["items"].as_array().unwrap().iter();
        items.filter(|service| service["type"] != "kyvos_manager").cloned().collect()
    }

    /// Whatever there is is up, and ZooKeeper shows it.
    fn is_whole(&self) {
        are_up(&self.demo, &self.ids);
        is_watched(&self.demo);
    }

    fn is_down(&self) -> bool {
        self.services().iter().all(|it| {
            it["verdict"]["verdict"] == "down"
                && it["wanted"]["state"] == "stopped"
                && it["wanted"]["why"] == "schedule"
        })
    }

    /// The process of a service, as its host tells.
    fn process(&self, id: &str) -> Process {
        let mut found = None;
        until(&format!("the process of {id}"), || {
            let shown = self.demo.ask_any(["services", "show", id]).json();
            let mut evidence = shown["evidence"].as_array().unwrap().iter();
            let runs = evidence.any(|it| it["observer"] == "unit" && it["says"] == "there");
            found = if runs { Process::of(process(&shown)) } else { None };
            found.is_some()
        });
        found.expect("it was waited for")
    }

    fn processes_of(&self, kind: &str) -> Vec<Process> {
        self.ids
            .iter()
            .filter(|id| id.starts_with(&format!("{kind}.")))
            .map(|id| self.process(id))
            .collect()
    }

    /// The operation that the schedule began, once it has ended well.
    fn fell_asleep(&self) -> Value {
        until("it to be begun", || schedule(&self.demo, "night")["last"]["outcome"] == "begun");
        let id = schedule(&self.demo, "night")["last"]["operation"].to_string();
        let watched = self.demo.ask_any(["operations", "watch", &id]);
        assert_eq!(watched.code, 0, "{}{}", watched.out, watched.err);
        self.operation(&id)
    }

    fn operation(&self, id: &str) -> Value {
        self.demo.ask_any(["operations", "get", id]).json()
    }

    /// Row 36: people are told that it is planned, and of nothing that is not.
    fn is_told_to_be_planned(&self, asked: &[Manager]) {
        for manager in asked {
            let notice = notice(&self.demo, manager).expect("people are told");
            assert_eq!(notice["severity"], "info");
            let text = notice["text"].as_str().unwrap();
            assert!(text.starts_with("ZooKeeper is stopped as planned (schedule, by "), "{text}");
        }
        self.nobody_is_alarmed();
    }

    fn nobody_is_alarmed(&self) {
        let all = self.demo.ask_any(["alerts", "list"]).json();
        let mut alerts = all["items"].as_array().unwrap().iter();
        let alarm = alerts.find(|alert| ALARMS.iter().any(|code| alert["code"] == *code));
        assert_eq!(alarm, None);
        assert_eq!(recoveries(&self.demo), Vec::<Value>::new(), "nothing is started by itself");
    }

    /// Services HA says of each why it does nothing.
    fn nobody_fights_it(&self) {
        let all = self.demo.ask_any(["services", "ha", "status"]).json();
        let standings = all["items"].as_array().unwrap();
        assert_eq!(standings.len(), self.ids.len(), "{all}");
        assert_eq!(standings.iter().find(|standing| standing["reason"] != "planned"), None);
    }

    /// For longer than anybody waits who takes it for a failure.
    fn sleeps_on_though_the_active_dies(&mut self) -> Manager {
        let began = Instant::now();
        let (active, _) = self.demo.roles();
        self.demo.kill(&active);
        let next = self.demo.successor_of(active.id);
        let passive = |it: &&Manager| ![active.id, next.id].contains(&it.id);
        let passive = self.demo.managers.iter().find(passive).expect("there are three").clone();
        let set = ["properties", "set", "custom", "greeting", "forwarded"];
        assert_eq!(self.demo.ask(&[&passive], set).json()["value"], "forwarded");
        self.is_told_to_be_planned(&[next.clone(), passive]);
        self.demo.start_again(&active);
        until("all three to be there again", || all_are_there(&self.demo));
        let mut rounds = 0;
        while rounds == 0 || began.elapsed() < SLEEP {
            rounds += 1;
            self.is_told_to_be_planned(&self.demo.managers);
            self.nobody_fights_it();
        }
        assert!(self.is_down(), "{:?}", self.services());
        next
    }

    /// The processes say so, too.
    fn was_started_in_order(&self) {
        let kinds = ["zookeeper", "postgres", "bi_server", "query_engine", "web_portal"];
        let born = kinds.map(|kind| {
            let born: Vec<_> = self.processes_of(kind).iter().map(|it| it.born).collect();
            (*born.iter().min().unwrap(), *born.iter().max().unwrap())
        });
        assert!(born.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{born:?}");
    }

    /// Called off while the first of its type takes its time, it leaves that one to come up, and touches no other.
    fn a_rolling_restart_called_off_at_its_first_instance_goes_no_further(&self) {
        let before = self.processes_of("web_portal");
        assert!(before.len() > 2, "{before:?}");
        std::fs::write(&self.held, "").unwrap();
        let begin = ["services", "restart", "--type", "web_portal", "--no-wait"];
        let id = self.demo.ask_any(begin).json()["operation"].to_string();
        let waits = || {
            let steps = self.operation(&id)["steps"].clone();
            steps[1]["status"] == "done" && steps[2]["status"] == "running"
        };
        until("the first to be waited for", waits);
        assert_eq!(self.demo.ask_any(["operations", "cancel", &id]).code, 0);
        let over = self.operation(&id);
        assert_eq!(over["status"], "cancelled");
        let steps = over["steps"].as_array().unwrap();
        let first = steps[0]["title"].as_str().unwrap();
        assert!(first == format!("Stop Kyvos Web Portal on {HOST}"), "{first}");
        let status = steps.iter().map(|step| step["status"].as_str().unwrap()).collect::<Vec<_>>();
        let skipped = vec!["skipped"; before.len() * 3 - 2];
        assert_eq!((&status[..2], &status[2..]), (&["done"; 2][..], &skipped[..]));

        std::fs::remove_file(&self.held).unwrap();
        self.is_whole();
        let after = self.processes_of("web_portal");
        assert_ne!(after[0], before[0]);
        assert_eq!(after[1..], before[1..], "no other was touched");
        assert_eq!(self.operation(&id)["status"], "cancelled");
        self.nobody_is_alarmed();
    }
}

/// A step is begun when the one before has ended, and of each type before the next.
fn assert_in_order(operation: &Value, order: &[&str], steps_each: usize) {
    let steps = operation["steps"].as_array().unwrap();
    let (last, steps) = steps.split_last().unwrap();
    assert_eq!((&last["name"], &last["status"]), (&"confirm".into(), &"done".into()));
    assert_eq!(steps.len(), order.len() * steps_each, "{operation}");
    for (of_type, kind) in steps.chunks(steps_each).zip(order) {
        for step in of_type {
            assert!(step["title"].as_str().unwrap().contains(kind), "{kind}: {step}");
            assert_eq!(step["status"], "done", "{step}");
        }
    }
    // RFC 3339, in UTC and to the millisecond: as texts they are in the order of time.
    let times: Vec<_> =
        steps.iter().flat_map(|it| [&it["started_at"], &it["finished_at"]]).collect();
    let times: Vec<_> = times.into_iter().map(|time| time.as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{operation}");
}

/// How long an operation took, for people.
fn lasted(operation: &Value) -> String {
    format!("from {} to {}", operation["started_at"], operation["finished_at"])
}

/// A folder with a new Postgres in it.
fn repository() -> tempfile::TempDir {
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let everybodys = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(dir.path(), everybodys).unwrap();
    let words = as_its_user("initdb");
    let mut make = Command::new(&words[0]);
    make.args(&words[1..]).args(["-A", "trust", "-U", "kyvos", "-D"]).arg(dir.path().join("data"));
    let made = make.current_dir(dir.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    dir
}

fn postgres_runs(dir: &Path, port: u16) -> Vec<String> {
    let (dir, data) = (dir.display().to_string(), dir.join("data").display().to_string());
    let port = port.to_string();
    let told = ["-D", &data, "-k", &dir, "-h", "127.0.0.1", "-p", &port].map(str::to_owned);
    as_its_user("postgres").into_iter().chain(told).collect()
}

/// Postgres refuses to run as root.
fn as_its_user(program: &str) -> Vec<String> {
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let versions = versions.expect("PostgreSQL is installed (scripts/install-surroundings)");
    let programs = versions.map(|version| version.unwrap().path().join("bin").join(program));
    let program =
        programs.filter(|program| program.exists()).max().expect("its programs are there");
    let other = ["/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];
    let other = other.into_iter().filter(|_| rustix::process::getuid().is_root());
    other.map(str::to_owned).chain([program.display().to_string()]).collect()
}

// row 36
#[test]
fn all_that_sleeps_as_planned_is_left_asleep_across_a_failover_and_woken_in_order_by_the_next_active()
 {
    let mut stage = Stage::new();
    let sampler = Sampler::start(&stage.demo.managers);
    due_in(4, &stage.demo, "add-sleep", "night", None);
    let sleep = stage.fell_asleep();
    let reverse: Vec<_> = ORDER.into_iter().rev().collect();
    assert_in_order(&sleep, &reverse, 1);
    until("everything to be down", || stage.is_down());
    for manager in &stage.demo.managers {
        until("people to be told of ZooKeeper", || notice(&stage.demo, manager).is_some());
    }
    let next = stage.sleeps_on_though_the_active_dies();

    let wake = stage.demo.ask_any(["services", "start", "--all"]).json();
    assert_in_order(&wake, &ORDER, 2);
    for step in wake["steps"].as_array().unwrap() {
        assert_eq!(step["executed_by"], next.id, "{step}");
    }
    stage.is_whole();
    stage.was_started_in_order();
    stage.nobody_is_alarmed();
    figure(&format!("asleep {}, awake {}", lasted(&sleep), lasted(&wake)));

    stage.a_rolling_restart_called_off_at_its_first_instance_goes_no_further();
    a_write_is_read_everywhere(&stage.demo, &stage.demo.managers[0], 1);
    assert_one_active(&sampler.stop());
}
