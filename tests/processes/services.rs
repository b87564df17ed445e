//! A Kyvos service on a host: a real process under a real agent, started, judged, killed and stopped by a real group.

use rustix::process::Signal;
use serde_json::Value;

use super::agents::Agent;
use super::support::{Demo, free_ports, signal, until};

const SERVICE: &str = "bi_server.localhost";

/// A process that serves a page at a port, as the unit of an agent.
fn host_with_a_service(demo: &Demo, port: u16) -> Agent {
    demo.ask_any(["hosts", "add", "localhost", "--agent", "--role", "bi_server"]).json();
    let token = demo.ask_any(["hosts", "enrol", "localhost"]).json();
    let mut agent = Agent::new();
    let page = agent.dir.path().join("page.cfg");
    std::fs::write(&page, format!(
        "defaults\n mode http\n timeout connect 2s\n timeout client 5s\n timeout server 5s\nfrontend bi\n bind 127.0.0.1:{port}\n http-request return status 200\n"
    )).unwrap();
    let mut config = std::fs::read_to_string(agent.config()).unwrap();
    config.push_str(&format!(
        "[unit.kyvos-bi-server]\nrun = [\"/usr/sbin/haproxy\", \"-db\", \"-f\", \"{}\"]\nrestart = \"never\"\n",
        page.display()
    ));
    std::fs::write(agent.config(), config).unwrap();
    assert_eq!(agent.enrol(token["token"].as_str().unwrap()).code, 0);
    agent.start();
    agent
}

fn service(demo: &Demo) -> Value {
    demo.ask_any(["services", "show", SERVICE]).json()
}

fn verdict(demo: &Demo) -> (Value, bool) {
    let verdict = &service(demo)["verdict"];
    (verdict["verdict"].clone(), verdict["stale"] == true)
}

/// Whether its host and two Managers say so.
fn agree(service: &Value, says: &str) -> bool {
    let say = |observer: &str| {
        let evidence = service["evidence"].as_array().unwrap().iter();
        evidence.filter(|seen| seen["observer"] == observer && seen["says"] == says).count()
    };
    say("unit") == 1 && say("probe") >= 2
}

/// Its process, as its host told.
fn process(service: &Value) -> u32 {
    let evidence = service["evidence"].as_array().unwrap();
    let unit = evidence.iter().find(|seen| seen["observer"] == "unit").unwrap();
    unit["because"].as_str().unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

fn succeeds(demo: &Demo, verb: &str) {
    let told = demo.ask_any(["services", verb, SERVICE]);
    assert_eq!(told.code, 0, "{verb}: {}{}", told.out, told.err);
}

#[test]
fn a_service_is_started_called_down_on_evidence_restarted_and_stopped_across_a_failover() {
    let (demo, [port, ..]) = (Demo::start(3), free_ports());
    let _agent = host_with_a_service(&demo, port);
    let [unit, path] = ["--unit=kyvos-bi-server", "--path=/up"];
    let (probe, port) = ("--probe=http", format!("--port={port}"));
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
    assert!(!std::fs::exists(format!("/proc/{before}")).unwrap(), "its process is gone");
}
