//! A host is lost with everything on it: its agent, its services and what keeps them, and its Manager. In the place of
//! its Web Portal a standby is started, once, whoever is Active, and in the place of what somebody stopped there none.
//!
//! On the hosts of a demo, whose services a real ZooKeeper shows: without its word no standby is started.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::services::process;
use super::support::{Demo, Manager, Sampler, assert_one_active, health, signal, until};

/// The host beside those with a Manager, and its service, which stands by.
const BESIDE: &str = "km4";
const STANDBY: &str = "web_portal.km4";

struct Stage {
    demo: Demo,
    /// The process of each start of the standby, a line each.
    starts: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let demo = Demo::with_services();
        let zookeeper = &demo.record()["samples"]["zookeeper"];
        assert!(zookeeper.is_number(), "ZooKeeper is not installed (scripts/install-surroundings)");
        let mut stage = Self { starts: demo.dir().join("starts"), demo };
        stage.count_starts();
        stage
    }

    /// From now on the standby leaves a line whenever it is started. Then it is stopped.
    fn count_starts(&mut self) {
        let (agent, unit) = (self.agent(BESIDE), "[unit.kyvos-web-portal]\nrun = [");
        let config = Path::new(agent["config"].as_str().unwrap());
        let text = std::fs::read_to_string(config).unwrap();
        assert_eq!(text.matches(unit).count(), 1, "{text}");
        let script = r#"echo $$ >>\"$0\" && exec \"$@\""#;
        let counted = format!("{unit}\"/bin/sh\", \"-c\", \"{script}\", {:?}, ", self.starts);
        std::fs::write(config, text.replace(unit, &counted)).unwrap();
        let pid = number(&agent["pid"]);
        signal(pid, Signal::KILL);
        until("the agent to be gone", || !self.processes(BESIDE).contains(&pid));
        self.start_agent(BESIDE);
        self.rests(STANDBY);
    }

    fn start_agent(&mut self, host: &str) {
        let agent = self.agent(host);
        self.demo.start_agent(Path::new(agent["config"].as_str().unwrap()));
        let address = agent["address"].as_str().unwrap();
        until("the agent to listen", || TcpStream::connect(address).is_ok());
    }

    /// Somebody stops it once it is up, and everybody has seen that.
    fn rests(&self, id: &str) {
        self.is_whole(id);
        let told = self.demo.ask_any(["services", "stop", id]);
        assert_eq!(told.code, 0, "{}{}", told.out, told.err);
        let observers = ["znode", "unit"];
        until(&format!("{id} to rest"), || {
            let shown = self.show(id);
            observers.iter().all(|observer| says(&shown, observer, "not_there") == 1)
        });
    }

    /// Services HA takes a host for gone as early as it may, and one more service stands by.
    fn stands_by(&self, further: &str) {
        let soon = ["--settle-seconds=1", "--host-gone-seconds=10"];
        let standbys = [format!("--standby={STANDBY}"), format!("--standby={further}")];
        let on = ["services", "ha", "on", soon[0], soon[1], &standbys[0], &standbys[1]];
        self.demo.ask_any(on).json();
        assert!(!self.starts.exists(), "it was started before");
        assert_eq!(self.recoveries(), Vec::<Value>::new());
    }

    /// It is up, as everybody says: of Managers several, for a third that says the same is no news.
    fn is_whole(&self, id: &str) {
        until(&format!("{id} to be up"), || {
            let shown = self.show(id);
            let seen = ["znode", "unit", "probe"].map(|observer| says(&shown, observer, "there"));
            verdict(&shown) == "up" && matches!(seen, [1, 1, 2 | 3])
        });
    }

    /// Ends everything that runs on a host, so that nothing there lives to see the end of something else.
    fn lose(&self, host: &str) {
        let doomed = self.processes(host);
        for known in [&self.agent(host)["pid"], &self.sample(&web_portal(host))["pid"]] {
            assert!(doomed.contains(&number(known)), "{known}: {doomed:?}");
        }
        for how in [Signal::STOP, Signal::KILL] {
            for pid in &doomed {
                let pid = Pid::from_raw(i32::try_from(*pid).unwrap()).unwrap();
                // What ended by itself is lost as well.
                let _ = kill_process(pid, how);
            }
        }
        until("nothing to run there", || self.processes(host).is_empty());
    }

    /// What runs on a host: whatever was given one of its files, and what was started by that.
    fn processes(&self, host: &str) -> BTreeSet<u32> {
        let home = self.demo.dir().canonicalize().unwrap().join(host);
        let running = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            // One that has just ended has none of these.
            let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).ok();
            let words = String::from_utf8_lossy(&read("cmdline")?).into_owned();
            let status = String::from_utf8_lossy(&read("status")?).into_owned();
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
            let parent: u32 = parent.trim().parse().ok()?;
            let own = words.split('\0').any(|word| Path::new(word).starts_with(&home));
            (!words.is_empty()).then_some((pid, parent, own))
        });
        let running: Vec<_> = running.collect();
        let own: BTreeSet<u32> = running.iter().filter(|it| it.2).map(|it| it.0).collect();
        let started = running.iter().filter(|it| own.contains(&it.1)).map(|it| it.0);
        started.chain(own.iter().copied()).collect()
    }

    /// It is marked and told of, and the standby runs in the place of its Web Portal, started once.
    fn is_stood_in_for(&self, host: &str) {
        let lost = web_portal(host);
        until("the host to be marked", || self.host(host)["state"] == "silent");
        // By ZooKeeper and by the two Managers that are left; its host says nothing.
        until("it to be called down", || {
            let shown = self.show(&lost);
            let seen = ["znode", "probe"].map(|observer| says(&shown, observer, "not_there"));
            verdict(&shown) == "down" && seen == [1, 2] && says(&shown, "unit", "nothing") == 1
        });
        // When it may be started once more, it is not: there is nothing left to do.
        until("it to be stood in for", || self.standing(&lost)["reason"] == "stood_in");
        until("the standby to be up", || {
            let shown = self.show(STANDBY);
            verdict(&shown) == "up" && says(&shown, "znode", "there") == 1
        });
        let wanted = self.show(STANDBY)["wanted"].clone();
        assert_eq!((&wanted["state"], &wanted["why"]), (&"running".into(), &"services_ha".into()));
        assert_eq!(self.show(&lost)["wanted"]["state"], "running", "it is left as it is");
        self.was_started_once(host);
        self.is_told_of(host);
    }

    /// By one operation, which says what was known and what came of it; its process is the only one there ever was.
    fn was_started_once(&self, host: &str) {
        let recoveries = self.recoveries();
        let told = |field: &str| recoveries.iter().map(|it| it[field].clone()).collect::<Vec<_>>();
        let title = format!("Recover Kyvos Web Portal of {host} on {BESIDE}");
        assert_eq!((told("title"), told("status")), (vec![title.into()], vec!["succeeded".into()]));
        let [evidence, started, serves] = &self.steps()[..] else { panic!("{recoveries:?}") };
        let details = [started, serves].map(|step| &step["detail"]);
        assert_eq!(details, ["1 of 1 started", "1 of 1 serving"]);
        let evidence = evidence["detail"].as_str().unwrap();
        let parts = ["Down since ", "Its host is silent since ", "web_portal.km4 takes its place"];
        assert!(parts.iter().all(|part| evidence.contains(part)), "{evidence}");
        let starts = std::fs::read_to_string(&self.starts).unwrap();
        assert_eq!(starts, format!("{}\n", self.process(STANDBY)));
    }

    /// The steps of the one recovery.
    fn steps(&self) -> Vec<Value> {
        let id = self.recoveries()[0]["id"].to_string();
        let operation = self.demo.ask_any(["operations", "get", &id]).json();
        operation["steps"].as_array().unwrap().clone()
    }

    /// One alert tells that the host is silent and what is down on it, another that somebody stands in; no third of it.
    fn is_told_of(&self, host: &str) {
        until("the alert", || {
            let alerts = self.alerts("HOST_SILENT");
            alerts.first().is_some_and(|alert| {
                let text = alert["text"].as_str().unwrap();
                alert["severity"] == "error" && text.contains("Not up on it: ")
            })
        });
        let lost = web_portal(host);
        let (silent, recovered) = (self.alerts("HOST_SILENT"), self.alerts("SERVICE_RECOVERED"));
        for (alerts, subject, says) in
            [(silent, host, "Kyvos Web Portal"), (recovered, lost.as_str(), STANDBY)]
        {
            assert_eq!(alerts.len(), 1, "{alerts:?}");
            assert_eq!((&alerts[0]["subject"], &alerts[0]["count"]), (&subject.into(), &1.into()));
            assert!(alerts[0]["text"].as_str().unwrap().contains(says), "{alerts:?}");
        }
        assert_eq!(self.alerts("SERVICE_DOWN"), Vec::<Value>::new());
    }

    fn items(&self, room: &str) -> Vec<Value> {
        self.demo.ask_any([room, "list"]).json()["items"].as_array().unwrap().clone()
    }

    fn alerts(&self, code: &str) -> Vec<Value> {
        self.items("alerts").into_iter().filter(|alert| alert["code"] == code).collect()
    }

    /// What was started by itself.
    fn recoveries(&self) -> Vec<Value> {
        let all = self.items("operations").into_iter();
        all.filter(|operation| operation["kind"] == "RECOVER_SERVICE").collect()
    }

    fn host(&self, name: &str) -> Value {
        self.demo.ask_any(["hosts", "get", name]).json()
    }

    fn show(&self, id: &str) -> Value {
        self.demo.ask_any(["services", "show", id]).json()
    }

    /// The process of a service, as its host tells.
    fn process(&self, id: &str) -> u32 {
        let mut known = None;
        until(&format!("the process of {id}"), || {
            let shown = self.show(id);
            known = (says(&shown, "unit", "there") == 1).then(|| process(&shown));
            known.is_some()
        });
        known.expect("it was waited for")
    }

    /// How a service stands with Services HA.
    fn standing(&self, id: &str) -> Value {
        let all = self.demo.ask_any(["services", "ha", "status"]).json();
        let mut items = all["items"].as_array().unwrap().iter();
        items.find(|item| item["id"] == id).unwrap().clone()
    }

    fn agent(&self, host: &str) -> Value {
        self.recorded("agents", "name", host)
    }

    fn sample(&self, id: &str) -> Value {
        self.recorded("services", "id", id)
    }

    fn recorded(&self, parts: &str, field: &str, name: &str) -> Value {
        let record = self.demo.record();
        let mut parts = record[parts].as_array().unwrap().iter();
        parts.find(|part| part[field] == name).unwrap().clone()
    }
}

fn web_portal(host: &str) -> String {
    format!("web_portal.{host}")
}

/// What is said of a service by an Active that has looked itself.
fn verdict(shown: &Value) -> &str {
    let verdict = &shown["verdict"];
    if verdict["stale"] == false { verdict["verdict"].as_str().unwrap() } else { "stale" }
}

/// How many such observers say so.
fn says(shown: &Value, observer: &str, says: &str) -> usize {
    let evidence = shown["evidence"].as_array().unwrap().iter();
    evidence.filter(|seen| seen["observer"] == observer && seen["says"] == says).count()
}

fn number(pid: &Value) -> u32 {
    pid.as_u64().unwrap().try_into().unwrap()
}

/// The host that a Manager is on.
fn host_of(manager: &Manager) -> String {
    let home = manager.config.parent().unwrap();
    home.file_name().unwrap().to_str().unwrap().to_owned()
}

// rows 4, 33, 36
#[test]
fn in_the_place_of_a_lost_host_a_standby_is_started_once_and_of_what_was_stopped_there_none() {
    let stage = Stage::new();
    // Two hosts have a BI Server: one of them is lost, whose Manager is a Passive.
    let active = host_of(&stage.demo.roles().0);
    let (lost, other) = if active == "km2" { ("km1", "km2") } else { ("km2", "km1") };
    let [stopped, beside] = [lost, other].map(|host| format!("bi_server.{host}"));
    stage.rests(&stopped);
    stage.rests(&beside);
    stage.stands_by(&beside);
    stage.is_whole(&web_portal(lost));

    stage.lose(lost);
    stage.is_stood_in_for(lost);

    // Nobody misses what somebody stopped.
    let told = stage.alerts("HOST_SILENT")[0]["text"].as_str().unwrap().to_owned();
    assert!(!told.contains("BI Server"), "{told}");
    for id in [&stopped, &beside] {
        assert_eq!(stage.standing(id)["reason"], "planned");
    }
    assert_eq!(says(&stage.show(&beside), "unit", "not_there"), 1, "it rests on");
}

// rows 4, 33, 49, 95
#[test]
fn what_is_lost_with_the_active_is_stood_in_for_once_by_the_next_and_its_host_may_come_back() {
    let mut stage = Stage::new();
    stage.stands_by("");
    ["km1", "km2", "km3"].iter().for_each(|host| stage.is_whole(&web_portal(host)));
    let sampler = Sampler::start(&stage.demo.managers);
    let (active, _) = stage.demo.roles();
    let lost = host_of(&active);
    let service = web_portal(&lost);
    let before = stage.process(&service);

    stage.lose(&lost);
    stage.demo.successor_of(active.id);
    stage.is_stood_in_for(&lost);
    for step in stage.steps() {
        assert_ne!(step["executed_by"], active.id, "{step}");
    }
    let decided = stage.recoveries()[0]["requested_by"].clone();
    assert_ne!(decided, format!("Kyvos Manager {}", active.id).as_str());
    assert!(!stage.alerts("ACTIVE_CHANGED").is_empty());

    // What ran on it runs on it again, and nobody but its agent starts that.
    stage.start_agent(&lost);
    until("its Manager to be back", || health(&active, "live") == Some(200));
    until("its host to answer", || stage.host(&lost)["state"] == "answers");
    stage.is_whole(&service);
    assert_ne!(stage.process(&service), before);
    until("the alert to be over", || {
        stage.alerts("HOST_SILENT").iter().all(|alert| alert["state"] == "resolved")
    });
    stage.was_started_once(&lost);
    assert_one_active(&sampler.stop());
}
