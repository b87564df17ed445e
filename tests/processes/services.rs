//! A Kyvos service on a host: a real process under a real agent, started, judged, killed and stopped by a real group.

use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use super::agents::Agent;
use super::support::{Demo, free_ports, signal, until};

pub(crate) const SERVICE: &str = "bi_server.localhost";

/// A configuration of HAProxy that serves a page at a port.
pub(crate) fn page_at(port: u16) -> String {
    format!(
        "defaults\n mode http\n timeout connect 2s\n timeout client 5s\n timeout server 5s\nfrontend bi\n bind 127.0.0.1:{port}\n http-request return status 200\n"
    )
}

/// The unit of an agent that serves it.
pub(crate) fn unit_of(page: &Path) -> String {
    format!(
        "[unit.kyvos-bi-server]\nrun = [\"/usr/sbin/haproxy\", \"-db\", \"-f\", \"{}\"]\nrestart = \"never\"\n",
        page.display()
    )
}

/// A process that serves a page at a port, as the unit of an agent.
pub(crate) fn host_with_a_service(demo: &Demo, port: u16) -> Agent {
    demo.ask_any(["hosts", "add", "localhost", "--agent", "--role", "bi_server"]).json();
    let token = demo.ask_any(["hosts", "enrol", "localhost"]).json();
    let mut agent = Agent::new();
    let page = agent.home().join("page.cfg");
    std::fs::write(&page, page_at(port)).unwrap();
    let mut config = std::fs::read_to_string(agent.config()).unwrap();
    config.push_str(&unit_of(&page));
    std::fs::write(agent.config(), config).unwrap();
    assert_eq!(agent.enrol(token["token"].as_str().unwrap()).code, 0);
    agent.start();
    agent
}

pub(crate) fn service(demo: &Demo) -> Value {
    demo.ask_any(["services", "show", SERVICE]).json()
}

pub(crate) fn verdict(demo: &Demo) -> (Value, bool) {
    let verdict = &service(demo)["verdict"];
    (verdict["verdict"].clone(), verdict["stale"] == true)
}

/// Whether its host and two Managers say so.
pub(crate) fn agree(service: &Value, says: &str) -> bool {
    let say = |observer: &str| {
        let evidence = service["evidence"].as_array().unwrap().iter();
        evidence.filter(|seen| seen["observer"] == observer && seen["says"] == says).count()
    };
    say("unit") == 1 && say("probe") >= 2
}

/// Its process, as its host told.
pub(crate) fn process(service: &Value) -> u32 {
    let evidence = service["evidence"].as_array().unwrap();
    let unit = evidence.iter().find(|seen| seen["observer"] == "unit").unwrap();
    unit["because"].as_str().unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

pub(crate) fn succeeds(demo: &Demo, verb: &str) {
    let told = demo.ask_any(["services", verb, SERVICE]);
    assert_eq!(told.code, 0, "{verb}: {}{}", told.out, told.err);
}

#[test]
fn a_service_is_started_called_down_on_evidence_restarted_and_stopped_across_a_failover() {
    let (demo, [number, ..]) = (Demo::start(3), free_ports());
    let _agent = host_with_a_service(&demo, number);
    let [unit, path] = ["--unit=kyvos-bi-server", "--path=/up"];
    let (probe, port) = ("--probe=http", format!("--port={number}"));
    demo.ask_any(["services", "types", "set", "bi_server", unit, probe, &port, path]).json();

    succeeds(&demo, "start");
    until("it to be up", || verdict(&demo) == ("up".into(), false));
    let up = service(&demo);
    assert_eq!(
        (&up["wanted"]["state"], &up["wanted"]["why"]),
        (&"running".into(), &"operator".into())
    );
    until("its host and two Managers to see it", || agree(&service(&demo), "there"));

    let first = process(&service(&demo));
    signal(first, Signal::KILL);
    until("it to be down", || verdict(&demo).0 == "down");
    until("its host and two Managers not to see it", || agree(&service(&demo), "not_there"));
    assert!(!service(&demo)["last_up"].is_null());

    succeeds(&demo, "restart");
    until("it to be up again", || verdict(&demo).0 == "up");
    until("its host and two Managers to see it", || agree(&service(&demo), "there"));
    let before = process(&service(&demo));
    assert_ne!(before, first);

    let begun = demo.ask_any(["services", "stop", SERVICE, "--no-wait"]).json();
    let (active, _) = demo.roles();
    demo.kill(&active);
    demo.successor_of(active.id);
    let watched = demo.ask_any(["operations", "watch", &begun["operation"].to_string()]);
    assert_eq!(watched.code, 0, "{}{}", watched.out, watched.err);
    until("the next Active to call it down", || verdict(&demo) == ("down".into(), false));
    assert_eq!(service(&demo)["wanted"]["state"], "stopped");
    assert!(!serves(number), "its process is gone");
}

/// Whether somebody listens at a port of this computer.
pub(crate) fn serves(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn standing(demo: &Demo) -> Value {
    let all = demo.ask_any(["services", "ha", "status"]).json();
    let items = all["items"].as_array().unwrap_or_else(|| panic!("{all}")).clone();
    items.into_iter().find(|item| item["id"] == SERVICE).unwrap()
}

/// How often it was brought back by itself, and whether every time is over.
fn recoveries(demo: &Demo) -> (usize, bool) {
    let all = demo.ask_any(["operations", "list"]).json();
    let items = all["items"].as_array().unwrap().iter();
    let by_itself: Vec<_> = items.filter(|item| item["kind"] == "RECOVER_SERVICE").collect();
    let over = by_itself.iter().all(|item| item["status"] == "succeeded");
    (by_itself.len(), over)
}

/// Kills its process, waits until it was brought back so many times, and tells which process it is now.
fn is_brought_back(demo: &Demo, times: usize, meanwhile: impl FnOnce()) -> u32 {
    let before = process(&service(demo));
    signal(before, Signal::KILL);
    meanwhile();
    until("it to be brought back", || recoveries(demo) == (times, true));
    until("it to be up as another process", || {
        let shown = service(demo);
        verdict(demo) == ("up".into(), false) && agree(&shown, "there") && process(&shown) != before
    });
    process(&service(demo))
}

#[test]
fn a_killed_service_is_brought_back_once_a_planned_stop_is_not_fought_and_a_schedule_is_kept() {
    let (mut demo, [number, ..]) = (Demo::start(3), free_ports());
    let _agent = host_with_a_service(&demo, number);
    let (unit, port) = ("--unit=kyvos-bi-server", format!("--port={number}"));
    demo.ask_any(["services", "types", "set", "bi_server", unit, "--probe=tcp", &port]).json();
    succeeds(&demo, "start");
    until("it to be up", || verdict(&demo) == ("up".into(), false));
    until("its host and two Managers to see it", || agree(&service(&demo), "there"));
    let on = ["services", "ha", "on", "--settle-seconds", "1", "--restarts-max", "2"];
    demo.ask_any(on).json();

    is_brought_back(&demo, 1, || {});
    let (active, _) = demo.roles();
    let twice = is_brought_back(&demo, 2, || {
        // Or done with already, on a machine that looks rarely.
        let seen = || standing(&demo)["reason"] != "up" || recoveries(&demo).0 == 2;
        until("it to be seen", seen);
        demo.kill(&active);
        demo.successor_of(active.id);
    });
    assert_eq!(recoveries(&demo), (2, true));

    succeeds(&demo, "stop");
    until("it to be down", || verdict(&demo) == ("down".into(), false));
    assert_eq!(standing(&demo)["reason"], "planned");
    succeeds(&demo, "start");
    until("it to be up again", || verdict(&demo) == ("up".into(), false));
    until("its host and two Managers to see it", || agree(&service(&demo), "there"));
    let third = process(&service(&demo));
    assert_ne!(third, twice);

    // Twice within half an hour: a person has to look first.
    signal(third, Signal::KILL);
    until("it to be held", || standing(&demo)["reason"] == "held");
    assert_eq!((&standing(&demo)["held"], recoveries(&demo)), (&true.into(), (2, true)));
    demo.ask_any(["services", "ha", "ack", SERVICE]).json();
    until("it to be brought back", || recoveries(&demo) == (3, true));
    until("it to be up again", || verdict(&demo) == ("up".into(), false));

    demo.start_again(&active);
    until("a Manager to spare", || demo.ask_any(["status"]).json()["failure_tolerance"] == 1);
    sleeps_by_schedule_across_a_failover(&demo);
    assert!(!serves(number), "its process is gone");
    wakes_by_schedule(&demo);
    assert!(serves(number));
}

/// Seconds since 1970.
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// Leaves one service of its type: the hosts of the Managers have the role and no such unit.
fn only_one_is_left(demo: &Demo) {
    let all = demo.ask_any(["hosts", "list"]).json();
    for host in all["items"].as_array().unwrap() {
        let name = host["name"].as_str().unwrap();
        if name != "localhost" {
            demo.ask_any(["hosts", "change", name, "--role", "web_portal"]).json();
        }
    }
}

/// A schedule of one type, or of everything, that is due in so many seconds, which the machine may be slow to be told of:
/// then a later one.
pub(crate) fn due_in(lead: u64, demo: &Demo, verb: &str, name: &str, kind: Option<&str>) -> u64 {
    for times in [1, 2, 4, 8] {
        let due = now() + lead * times;
        let of_day = due % 86_400;
        let (hours, minutes, seconds) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        let at = format!("{hours:02}:{minutes:02}:{seconds:02}");
        let set = match kind {
            Some(kind) => {
                demo.ask_any(["services", "schedules", verb, name, "--at", &at, "--type", kind])
            }
            None => demo.ask_any(["services", "schedules", verb, name, "--at", &at]),
        };
        let set = set.json();
        // A full minute is told without seconds.
        let told = at.strip_suffix(":00").unwrap_or(&at);
        assert_eq!((&set["at"], &set["offset"]), (&told.into(), &"Z".into()));
        // As RFC 3339, in UTC.
        if set["next"].as_str().unwrap().contains(&format!("T{at}.")) && now() < due {
            return due;
        }
        let id = set["id"].to_string();
        assert_eq!(demo.ask_any(["services", "schedules", "remove", &id]).code, 0);
    }
    panic!("the machine is told of nothing in time");
}

pub(crate) fn schedule(demo: &Demo, name: &str) -> Value {
    let all = demo.ask_any(["services", "schedules", "list"]).json();
    let named = all["items"].as_array().unwrap().iter().find(|item| item["name"] == name);
    named.expect("a schedule of that name").clone()
}

/// What sleeps by a schedule is woken by another, while the first is switched off.
fn wakes_by_schedule(demo: &Demo) {
    let night = schedule(demo, "night")["id"].to_string();
    let switch = |to| demo.ask_any(["services", "schedules", to, &night]);
    assert_eq!(switch("off").code, 0);
    let off = schedule(demo, "night");
    assert_eq!((&off["enabled"], &off["next"]), (&false.into(), &Value::Null));
    due_in(4, demo, "add-wake", "morning", Some("bi_server"));
    until("it to be up", || verdict(demo) == ("up".into(), false));
    assert_eq!(schedule(demo, "morning")["last"]["outcome"], "begun");
    let wanted = service(demo)["wanted"].clone();
    assert_eq!((&wanted["state"], &wanted["why"]), (&"running".into(), &"schedule".into()));
    assert_eq!(switch("on").code, 0);
    assert_eq!(schedule(demo, "night")["enabled"], true);
}

/// The Active is killed just before the time, whatever it still gets done.
fn sleeps_by_schedule_across_a_failover(demo: &Demo) {
    only_one_is_left(demo);
    let (due, (active, _)) =
        (due_in(4, demo, "add-sleep", "night", Some("bi_server")), demo.roles());
    until("the time to come", || now() + 1 >= due);
    demo.kill(&active);
    demo.successor_of(active.id);

    let schedule = || schedule(demo, "night");
    until("its operation to be begun", || schedule()["last"]["outcome"] == "begun");
    let operation = schedule()["last"]["operation"].to_string();
    let watched = demo.ask_any(["operations", "watch", &operation]);
    assert_eq!(watched.code, 0, "{}{}", watched.out, watched.err);
    until("it to be down", || verdict(demo) == ("down".into(), false));
    let wanted = service(demo)["wanted"].clone();
    assert_eq!((&wanted["state"], &wanted["why"]), (&"stopped".into(), &"schedule".into()));
    assert_eq!(standing(demo)["reason"], "planned");

    let all = demo.ask_any(["operations", "list"]).json();
    let items = all["items"].as_array().unwrap().iter();
    let sleeps: Vec<_> = items.filter(|item| item["kind"] == "STOP_SERVICES").collect();
    assert_eq!((sleeps.len(), &sleeps[0]["status"]), (1, &"succeeded".into()), "{sleeps:?}");
}
