//! What a running group writes into its logs: never a secret, however much it is asked to tell.

use std::path::Path;

use serde_json::Value;

use super::support::Demo;

/// Shortest line of a key that is looked for: shorter ones could stand anywhere.
const KEY_LINE_MIN: usize = 24;

// row 59; promise 9
#[test]
fn no_secret_is_in_any_log_line_at_any_level() {
    let demo = Demo::start_telling_all(2);
    let record = demo.record();
    let mut secrets = vec![
        ("the administrator's password", text(&record["admin"]["password"])),
        ("the session token", demo.token().to_owned()),
    ];
    let token = demo.ask_any(["tokens", "create", "ci", "--role", "auditor"]).json();
    secrets.push(("an API token", text(&token["token"])));
    let invitation = demo.ask_any(["token", "create"]).json();
    secrets.push(("an invitation", text(&invitation["token"])));
    let enrolment = demo.ask_any(["hosts", "enrol", "km3"]).json();
    let secret = text(&enrolment["token"]).split('.').next().unwrap_or_default().to_owned();
    secrets.push(("an enrolment token", secret));
    let wrong = "a-wrong-password-nobody-has";
    secrets.push(("a wrong password", wrong.to_owned()));
    demo.try_to_sign_in(wrong);
    for manager in record["managers"].as_array().unwrap() {
        let identity = Path::new(manager["data_dir"].as_str().unwrap()).join("identity");
        for file in ["manager.key", "group.key"] {
            let key = std::fs::read_to_string(identity.join(file)).unwrap();
            let lines = key.lines().filter(|line| !line.starts_with("-----"));
            let long = lines.filter(|line| line.len() >= KEY_LINE_MIN);
            secrets.extend(long.map(|line| ("a private key", line.to_owned())));
        }
    }
    for agent in record["agents"].as_array().unwrap() {
        let identity = Path::new(agent["data_dir"].as_str().unwrap()).join("identity");
        let key = std::fs::read_to_string(identity.join("agent.key")).unwrap();
        let lines = key.lines().filter(|line| !line.starts_with("-----"));
        let long = lines.filter(|line| line.len() >= KEY_LINE_MIN);
        secrets.extend(long.map(|line| ("an agent's key", line.to_owned())));
    }
    assert!(secrets.iter().all(|(_, secret)| secret.len() >= 12), "a secret is not there");
    for manager in &demo.managers {
        let log = std::fs::read_to_string(&manager.log).unwrap();
        assert!(log.contains("TRACE"), "Manager {} does not tell all", manager.id);
        for (what, secret) in &secrets {
            let line = log.lines().find(|line| line.contains(secret.as_str()));
            let shown = line.map(|line| line.replace(secret.as_str(), "•••"));
            assert_eq!(shown, None, "{what} is in the log of Manager {}", manager.id);
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
