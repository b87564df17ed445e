//! Damaged files of a stopped Manager: what must not be served is refused, what can be made anew is.

use std::path::{Path, PathBuf};

use super::alone::Alone;
use super::support::{Demo, Manager, Told, health, km, run, serve, until};

fn files(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let mut found: Vec<_> = all.filter(|path| path.to_str().unwrap().ends_with(suffix)).collect();
    found.sort();
    found
}

fn flip(file: &Path, offset: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[offset] ^= 0x10;
    std::fs::write(file, bytes).unwrap();
}

fn check(data: &Path) -> Told {
    run(km().args(["--output", "json", "store", "check"]).arg(data))
}

// "Damaged log or vote" of the issue: refused, with file and offset; another start does not forget it.
#[test]
fn a_damaged_log_is_not_served_and_named_with_its_offset() {
    let dir = tempfile::tempdir().unwrap();
    let mut manager = Alone::founded(dir.path(), &dir.path().join("data"));
    assert_eq!(manager.set("kept", "1").code, 0);
    manager.stop();
    let data = manager.data();
    assert_eq!(check(&data).code, 0);
    let segment = files(&data.join("store/log"), ".log").remove(0);
    flip(&segment, 40);
    let name = segment.file_name().unwrap().to_str().unwrap();
    for _ in 0..2 {
        manager.start();
        assert!(!manager.ended().success());
    }
    let said = manager.said();
    assert!(said.contains(name) && said.contains("offset 0"), "{said}");
    assert!(said.contains("--replace"), "the remedy is named: {said}");
    let found = check(&data);
    assert_eq!(found.code, 1);
    assert!(found.out.contains(name), "{}", found.out);
    // Whole again, it serves: nothing was changed by the attempts.
    flip(&segment, 40);
    manager.start();
    until("it to answer", || manager.answers());
    assert_eq!(manager.custom(), 1);
}

#[test]
fn a_damaged_history_is_put_aside_made_anew_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut manager = Alone::founded(dir.path(), &dir.path().join("data"));
    for value in ["1", "2", "3"] {
        assert_eq!(manager.set("changed", value).code, 0);
    }
    manager.stop();
    let data = manager.data();
    let db = data.join("store/history/db");
    let bytes = std::fs::read(&db).unwrap();
    std::fs::write(&db, bytes.iter().map(|byte| byte ^ 0x55).collect::<Vec<_>>()).unwrap();
    let found = check(&data);
    assert_eq!(found.code, 1);
    assert!(found.out.contains("history"), "{}", found.out);

    manager.start();
    until("it to answer", || manager.answers());
    let status = manager.km(["status"]).json();
    let told = status["notices"].as_array().unwrap().iter();
    assert!(told.into_iter().any(|notice| notice["code"] == "STORE_REBUILT"), "{status}");
    let past = manager.km(["properties", "history", "custom", "changed"]).json();
    assert_eq!(past["items"].as_array().unwrap().len(), 3, "{past}");
}

/// Takes a Manager that will not come back out of the group.
fn remove(demo: &Demo, asked: &[&Manager], id: u64) {
    let record = demo.record();
    let servers: Vec<_> = asked.iter().map(|manager| manager.api_url.as_str()).collect();
    let mut command = km();
    command.args(["--output", "json", "managers", "remove", &id.to_string(), "--force"]);
    command.env("KM_PASSWORD", record["admin"]["password"].as_str().unwrap());
    command.env("KM_CA", demo.dir().join("ca.pem")).env("KM_TOKEN", demo.token());
    let begun = run(command.env("KM_SERVER", servers.join(","))).json();
    let watched = demo.ask(asked, ["operations", "watch", &begun["operation"].to_string()]);
    assert_eq!(watched.code, 0, "{}{}", watched.out, watched.err);
}

// A member whose log is damaged comes back under a new number, by one command with an invitation.
#[test]
fn a_member_with_a_damaged_log_comes_back_as_a_new_one_by_one_command() {
    let demo = Demo::start(3);
    let (_, others) = demo.roles();
    let damaged = others[0].clone();
    demo.ask_any(["properties", "set", "custom", "greeting", "kept"]).json();
    demo.kill(&damaged);
    let data = damaged.config.parent().unwrap().join("data");
    let segment = files(&data.join("store/log"), ".log").remove(0);
    flip(&segment, 40);
    let log = demo.dir().join("damaged.log");
    let mut refused = serve(&damaged.config, &log);
    assert!(!refused.wait().unwrap().success());
    assert!(std::fs::read_to_string(&log).unwrap().contains("--replace"));

    let rest: Vec<_> = demo.managers.iter().filter(|it| it.id != damaged.id).collect();
    remove(&demo, &rest, damaged.id);
    let made = demo.ask(&rest, ["token", "create", "--role", "manager"]).json();
    let token = made["token"].as_str().unwrap();
    let mut join = km();
    join.args(["--output", "json", "join", "--replace", "--config"]).arg(&damaged.config);
    let joined = run(join.env("KM_JOIN_TOKEN", token)).json();
    assert_ne!(joined["id"], damaged.id);
    assert!(Path::new(joined["put_aside"].as_str().unwrap()).join("store/log").is_dir());
    let mut child = serve(&damaged.config, &log);
    until("it to vote", || {
        let status = demo.ask(&rest, ["status"]);
        let status: serde_json::Value = serde_json::from_str(&status.out).unwrap_or_default();
        status["voters"].as_array().is_some_and(|voters| voters.contains(&joined["id"]))
    });
    assert_eq!(health(&damaged, "live"), Some(200));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_damaged_identity_is_told_with_its_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let mut manager = Alone::founded(dir.path(), &dir.path().join("data"));
    manager.stop();
    let (config, identity) = (dir.path().join("km.toml"), manager.data().join("identity"));
    let must_refuse = |name: &str| {
        let refused = run(km().args(["serve", "--config"]).arg(&config));
        assert_eq!(refused.code, 1, "{name}");
        assert!(refused.err.contains("km join --replace"), "{name}: {}", refused.err);
    };
    let refused_with_the_remedy = |name: &str, damaged: &[u8]| {
        let path = identity.join(name);
        let kept = std::fs::read(&path).unwrap();
        std::fs::write(&path, damaged).unwrap();
        must_refuse(name);
        std::fs::write(&path, kept).unwrap();
    };
    for name in ["manager.pem", "manager.key", "ca.pem"] {
        refused_with_the_remedy(name, b"not this");
    }
    for name in ["group.key", "role", "disk", "clocks.json"] {
        refused_with_the_remedy(name, b"not this");
        // A digit becomes another one: what stands there then would do.
        let mut turned = std::fs::read(identity.join(name)).unwrap();
        turned[0] ^= 1;
        refused_with_the_remedy(name, &turned);
    }
    for name in ["group.key", "role", "disk"] {
        let (path, aside) = (identity.join(name), dir.path().join("aside"));
        std::fs::rename(&path, &aside).unwrap();
        must_refuse(name);
        std::fs::rename(&aside, &path).unwrap();
    }
    manager.start();
    until("it to answer", || manager.answers());
}

// Row 47. What it is bound by meanwhile: `tests/group/forgotten_promise.rs`.
#[test]
fn a_manager_that_forgot_its_promise_says_so_and_begins_anew_once_it_knows() {
    let dir = tempfile::tempdir().unwrap();
    let mut manager = Alone::founded(dir.path(), &dir.path().join("data"));
    manager.stop();
    let promise = manager.data().join("identity/clocks.json");
    let promised = std::fs::read_to_string(&promise).unwrap();
    std::fs::remove_file(&promise).unwrap();
    let found = check(&manager.data());
    assert!(found.err.contains("makes good by itself"), "{}{}", found.out, found.err);

    manager.start();
    until("it to say what it does", || manager.said().contains("neither votes nor stands"));
    until("it to begin anew", || manager.said().contains("beginning anew"));
    assert_eq!(std::fs::read_to_string(&promise).unwrap(), promised);
    let since = || manager.said().split_once("beginning anew").unwrap().1.to_owned();
    until("the next process to have started", || since().contains("started"));
    until("it to take changes", || manager.set("kept", "1").code == 0);
    manager.stop();
    assert_eq!(check(&manager.data()).code, 0);
}
