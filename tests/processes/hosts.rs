//! Hosts of a real group: their agents answer, fall silent and come back; nobody is enrolled twice; a Manager is
//! stopped and started where it lives; and nothing of a demo stays behind.

use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::patience::have_patience;
use super::support::{Demo, health, km, plain_http, run, signal, until};

fn hosts(demo: &Demo) -> Vec<Value> {
    demo.ask_any(["hosts", "list"]).json()["items"].as_array().unwrap().clone()
}

fn state(demo: &Demo, name: &str) -> String {
    let host = demo.ask_any(["hosts", "get", name]).json();
    host["state"].as_str().unwrap().to_owned()
}

fn agent(demo: &Demo, name: &str) -> Value {
    let record = demo.record();
    let agents = record["agents"].as_array().unwrap();
    agents.iter().find(|agent| agent["name"] == name).unwrap().clone()
}

fn pid_of(told: &Value) -> u32 {
    told["pid"].as_u64().unwrap().try_into().unwrap()
}

/// Every process whose command line names something below a folder.
fn processes_of(dir: &Path) -> Vec<String> {
    let dir = dir.to_str().unwrap();
    let entries = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let lines = entries.filter_map(|process| std::fs::read(process.join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(dir)).collect()
}

fn order(config: &str, verb: &str) -> Value {
    run(km().args(["--output", "json", "agent", verb, "kyvos-manager", "--config", config])).json()
}

// rows 2, 8, 11
#[test]
fn every_host_of_a_demo_answers_and_one_waits_for_a_manager() {
    let demo = Demo::start(2);
    let all = hosts(&demo);
    let named = |host: &Value| host["name"].as_str().unwrap().to_owned();
    assert_eq!(all.iter().map(named).collect::<Vec<_>>(), ["km1", "km2", "km3"]);
    for host in &all {
        assert_eq!(
            (&host["state"], &host["version"]),
            (&"answers".into(), &env!("CARGO_PKG_VERSION").into())
        );
        assert!(host["roles"].as_array().unwrap().iter().any(|role| role == "web_portal"));
    }
    let ids: Vec<Value> = all.iter().map(|host| host["manager"].clone()).collect();
    let managers: Vec<Value> =
        demo.managers.iter().map(|it| it.id.into()).chain([Value::Null]).collect();
    assert_eq!(ids, managers);
    assert_eq!(demo.record()["agents"].as_array().unwrap().len(), 3);
}

// row 2: one file says which hosts there are, and its plan is shown before anything changes
#[test]
fn a_file_of_hosts_is_planned_applied_and_then_differs_in_nothing() {
    let demo = Demo::start(1);
    let file = demo.dir().join("cluster.toml");
    let apply =
        |how: &str| demo.ask_any(["hosts", "apply", "--file", file.to_str().unwrap(), how]).json();
    let known: Vec<String> = hosts(&demo)
        .iter()
        .map(|host| {
            format!("[host.{}]\nroles = {}\n", host["name"].as_str().unwrap(), host["roles"])
        })
        .collect();
    let more = "[host.db1]\nroles = [\"postgres\", \"zookeeper\"]\n\n[host.bi1]\nroles = [\"bi_server\"]\n";
    std::fs::write(&file, format!("{}\n{more}", known.join("\n"))).unwrap();
    let before = hosts(&demo).len();
    let planned = apply("--dry-run");
    let expected = ["+ bi1  bi_server by agent", "+ db1  postgres+zookeeper by agent"];
    assert_eq!((&planned["differences"], &planned["made"]), (&json!(expected), &json!(false)));
    assert_eq!(hosts(&demo).len(), before);
    assert_eq!(apply("--yes")["made"], true);
    assert_eq!(apply("--yes"), json!({ "differences": [], "made": false }));
    let mapping = demo.ask_any(["services", "mapping"]).json();
    let types = mapping["types"].as_array().unwrap();
    let expected =
        |kind: &str| types.iter().find(|it| it["type"] == kind).unwrap()["expected"].clone();
    let own = known.iter().filter(|host| host.contains("\"bi_server\"")).count();
    assert_eq!(expected("bi_server"), json!(own + 1));

    std::fs::write(&file, format!("{}\n[host.db1]\nroles = [\"postgres\"]\n", known.join("\n")))
        .unwrap();
    let changed = apply("--dry-run");
    assert_eq!(
        changed["differences"],
        json!(["~ db1  postgres+zookeeper by agent  ->  postgres by agent"])
    );
    let pruned =
        demo.ask_any(["hosts", "apply", "--file", file.to_str().unwrap(), "--prune", "--yes"]);
    assert_eq!(pruned.json()["differences"][1], "- bi1  bi_server by agent");
    assert_eq!(hosts(&demo).len(), before + 1);
}

const SERVICES: &str = r#"
[host.bi1]
roles = ["bi_server"]

[host.bi2]
roles = ["bi_server"]

[type.bi_server]
unit = "bi"
probe = { kind = "http", port = 8081, path = "/up" }

[service.bi_server.bi2]
wanted = "stopped"
why = "maintenance"

[services_ha]
enabled = true
standbys = ["bi_server.bi2"]
types = { postgres = false }
"#;

// row 2: the same file says how services are controlled, what is wanted of them, and who stands by
#[test]
fn a_file_that_speaks_of_services_is_made_as_a_whole_or_not_at_all_and_is_exported_again() {
    let demo = Demo::start(1);
    let file = demo.dir().join("cluster.toml");
    let apply = |text: &str, how: &str| {
        std::fs::write(&file, text).unwrap();
        demo.ask_any(["hosts", "apply", "--file", file.to_str().unwrap(), how])
    };
    let before = hosts(&demo);
    let missing = "[service.query_engine.bi1]\nwanted = \"stopped\"\n";
    for (bad, exit, code) in [
        (format!("{SERVICES}\n{missing}"), 1, "NO_SUCH_SERVICE"),
        (SERVICES.replace("8081", "0"), 2, "INVALID_VALUE"),
        (SERVICES.replace("unit", "units"), 2, "MALFORMED_FILE"),
    ] {
        let told = apply(&bad, "--yes");
        let problem: Value = serde_json::from_str(&told.err).unwrap();
        assert_eq!((told.code, &problem["code"]), (exit, &code.into()), "{problem}");
        assert!(problem["hint"].as_str().unwrap().starts_with("Nothing was changed."), "{problem}");
        assert_eq!(hosts(&demo), before);
    }

    let expected = json!([
        "+ bi1  bi_server by agent",
        "+ bi2  bi_server by agent",
        "~ type bi_server  kyvos-bi-server, probe tcp  ->  bi, probe http 8081 /up",
        "+ bi_server.bi2  wanted stopped (maintenance)",
        "~ services_ha enabled  off  ->  on",
        "~ services_ha postgres  on  ->  off",
        "+ services_ha standby  bi_server.bi2",
    ]);
    let planned = json!({ "differences": expected, "made": false });
    assert_eq!(apply(SERVICES, "--dry-run").json(), planned);
    assert_eq!(hosts(&demo), before);
    assert_eq!(apply(SERVICES, "--yes").json()["made"], true);
    assert_eq!(apply(SERVICES, "--yes").json(), json!({ "differences": [], "made": false }));

    let rests = demo.ask_any(["services", "show", "bi_server.bi2"]).json();
    assert_eq!(rests["wanted"]["state"], "stopped");
    assert_eq!((&rests["wanted"]["why"], &rests["unit"]), (&"maintenance".into(), &"bi".into()));
    let off = |ha: &Value| {
        let types = ha["types"].as_array().unwrap().iter();
        types
            .filter(|kind| kind["enabled"] == false)
            .map(|kind| kind["type"].clone())
            .collect::<Vec<_>>()
    };
    let shown = || demo.ask_any(["services", "ha", "show"]).json();
    assert_eq!((off(&shown()), &shown()["enabled"]), (vec!["postgres".into()], &true.into()));

    // What a file does not mention stays as it is.
    let less = "[services_ha]\nsettle_seconds = 5\n";
    let differs = json!(["~ services_ha settle_seconds  10  ->  5"]);
    assert_eq!(apply(less, "--yes").json()["differences"], differs);
    assert_eq!((off(&shown()), &shown()["enabled"]), (vec!["postgres".into()], &true.into()));
    assert_eq!(shown()["standbys"], json!(["bi_server.bi2"]));

    let exported = demo.ask_any(["hosts", "export"]).json()["file"].as_str().unwrap().to_owned();
    assert!(exported.contains("[service.bi_server.bi2]"), "{exported}");
    std::fs::write(&file, &exported).unwrap();
    let again = ["hosts", "apply", "--file", file.to_str().unwrap(), "--prune", "--yes"];
    assert_eq!(demo.ask_any(again).json(), json!({ "differences": [], "made": false }));
}

#[test]
fn an_agent_that_ends_makes_its_host_silent_and_the_manager_there_runs_on() {
    let mut demo = Demo::start(3);
    have_patience(&demo);
    let (active, others) = demo.roles();
    let name = demo.ask_any(["managers", "get", &others[0].id.to_string()]).json()["host"].clone();
    let name = name.as_str().unwrap().to_owned();
    let agent = agent(&demo, &name);
    signal(pid_of(&agent), Signal::KILL);
    until("the host to be silent", || state(&demo, &name) == "silent");
    let silent = demo.ask_any(["hosts", "get", &name]).json();
    assert!(!silent["because"].as_str().unwrap().is_empty(), "{silent}");
    assert_eq!(health(&others[0], "ready"), Some(200));
    assert_eq!(demo.roles().0.id, active.id);

    demo.start_agent(Path::new(agent["config"].as_str().unwrap()));
    until("the host to answer", || state(&demo, &name) == "answers");
}

#[test]
fn a_manager_is_stopped_and_started_where_it_lives() {
    let demo = Demo::start(3);
    let (_, others) = demo.roles();
    let manager = &others[0];
    let config = manager.config.with_file_name("agent.toml");
    let before = demo.pid(manager.id);
    assert!(order(config.to_str().unwrap(), "stop")["pid"].is_null());
    assert_eq!(health(manager, "live"), None);
    let recorded = || {
        let record = demo.record();
        let managers = record["managers"].as_array().unwrap().clone();
        managers.iter().find(|it| it["id"] == manager.id).unwrap()["pid"].clone()
    };
    until("the record to say so", || recorded().is_null());
    let started = order(config.to_str().unwrap(), "start");
    assert_ne!(pid_of(&started), before);
    until("the record to know", || recorded() == started["pid"]);
    until("it to be ready", || health(manager, "ready") == Some(200));
}

/// A verb that asks for the password once more, waited for.
fn control(demo: &Demo, verb: &[&str]) {
    let record = demo.record();
    let servers: Vec<_> = demo.managers.iter().map(|manager| manager.api_url.as_str()).collect();
    let mut command = km();
    command.args(["--output", "json", "managers"]).args(verb).arg("--wait");
    command.env("KM_CA", demo.dir().join("ca.pem")).env("KM_TOKEN", demo.token());
    command.env("KM_PASSWORD", record["admin"]["password"].as_str().unwrap());
    let told = run(command.env("KM_SERVER", servers.join(",")));
    assert_eq!(told.code, 0, "{verb:?}: {}{}", told.out, told.err);
}

#[test]
fn a_manager_is_added_on_the_host_that_waits_for_one() {
    let demo = Demo::start(2);
    control(&demo, &["push-dr-script"]);
    control(&demo, &["add", "km3", "--accept-failed-prechecks"]);
    let listed = || demo.record()["managers"].as_array().unwrap().clone();
    until("the record to know it", || listed().len() == 3);
    let added = listed()[2].clone();
    let id = demo.ask_any(["hosts", "get", "km3"]).json()["manager"].clone();
    assert_eq!(added["id"], id);
    until("it to be ready", || {
        let url = added["health_url"].as_str().unwrap();
        plain_http(url.strip_prefix("http://").unwrap(), "/health/ready")
            .is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
    });
}

#[test]
fn a_token_enrols_once_and_a_foreign_certificate_is_not_believed() {
    let demo = Demo::start(1);
    let invited = demo.ask_any(["hosts", "enrol", "km2"]).json();
    let token = invited["token"].as_str().unwrap().to_owned();
    let spare = agent(&demo, "km2");
    let config = spare["config"].as_str().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("agent.toml");
    std::fs::copy(&config, &copy).unwrap();
    let enrol = |config: &Path| {
        let mut command = km();
        command.args(["agent", "enrol", "--config"]).arg(config).env("KM_ENROL_TOKEN", &token);
        run(&mut command)
    };
    assert_eq!(enrol(&copy).code, 0);
    // The same key asks again and is given the same; another one is a second use.
    std::fs::remove_dir_all(folder.path().join("agent")).unwrap();
    let again = enrol(&copy);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("ENROL_TOKEN_INVALID"), "{}", again.err);

    // Another host's agent at its address shows another certificate, and is not believed.
    let elsewhere = agent(&demo, "km1")["address"].as_str().unwrap().to_owned();
    let moved = demo.ask_any(["hosts", "change", "km2", "--agent", "--address", &elsewhere]).json();
    assert_eq!(moved["transport"]["address"], elsewhere.as_str());
    until("the stranger not to be believed", || state(&demo, "km2") == "silent");
    let home = spare["address"].as_str().unwrap();
    demo.ask_any(["hosts", "change", "km2", "--agent", "--address", home]).json();
    until("the host to answer again", || state(&demo, "km2") == "answers");
}

#[test]
fn nothing_of_a_demo_stays_behind_however_it_ends() {
    for how in [Signal::INT, Signal::KILL] {
        let mut demo = Demo::start(1);
        let dir = demo.dir().canonicalize().unwrap();
        assert!(processes_of(&dir).len() >= 4, "{:?}", processes_of(&dir));
        demo.end_by(how);
        until("every process of it to end", || processes_of(&dir).is_empty());
        let record = demo.record();
        assert!(record["managers"][0]["pid"].is_null() && record["agents"][0]["pid"].is_null());
    }
}
