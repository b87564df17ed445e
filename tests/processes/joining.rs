//! Making a group by hand: init, token, join, serve; witnesses; and whoever may not come in.

use std::path::{Path, PathBuf};
use std::process::Child;

use serde_json::Value;

use super::support::{Demo, Manager, free_ports, km, run, serve, until};

/// A member made by hand.
struct Member {
    manager: Manager,
    child: Option<Child>,
}

impl Member {
    /// Writes a configuration on free ports.
    fn configured(dir: &Path, name: &str, role: &str) -> Member {
        let folder = dir.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let [api, peer, health] = free_ports();
        let config = folder.join("km.toml");
        let text = format!(
            "[node]\ndata_dir = \"data\"\nhost = \"127.0.0.1\"\nrole = \"{role}\"\n\
             [peer]\nlisten = \"127.0.0.1:{peer}\"\n[api]\nlisten = \"127.0.0.1:{api}\"\n\
             [health]\nlisten = \"127.0.0.1:{health}\"\n"
        );
        std::fs::write(&config, text).unwrap();
        let manager = Manager {
            id: 0,
            api_url: format!("https://127.0.0.1:{api}"),
            peer_addr: format!("127.0.0.1:{peer}"),
            health_url: format!("http://127.0.0.1:{health}"),
            config,
            log: folder.join("km.log"),
        };
        Member { manager, child: None }
    }

    fn join(&mut self, token: &str) -> super::support::Told {
        self.join_with(token, &[])
    }

    fn join_with(&mut self, token: &str, settings: &[&str]) -> super::support::Told {
        let config = &self.manager.config;
        let mut command = km();
        command.args(["--output", "json", "join", "--config"]).arg(config).args(settings);
        let told = run(command.env("KM_JOIN_TOKEN", token));
        if told.code == 0 {
            self.manager.id = told.json()["id"].as_u64().unwrap();
        }
        told
    }

    fn start(&mut self) {
        self.child = Some(serve(&self.manager.config, &self.manager.log));
    }

    fn data_dir(&self) -> PathBuf {
        self.manager.config.parent().unwrap().join("data")
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn token(demo: &Demo, role: &str) -> String {
    let made = demo.ask_any(["token", "create", "--role", role]).json();
    made["token"].as_str().unwrap().to_owned()
}

fn votes(demo: &Demo, id: u64) -> bool {
    let status = demo.ask_any(["status"]);
    let voters = serde_json::from_str::<Value>(&status.out).unwrap_or_default()["voters"].clone();
    voters.as_array().is_some_and(|voters| voters.contains(&id.into()))
}

// row A5, section 3.3
#[test]
fn two_managers_and_a_witness_survive_the_loss_of_the_active() {
    let demo = Demo::start(2);
    let alone = demo.ask_any(["status"]).json();
    assert_eq!(alone["failure_tolerance"], 0);
    let mut witness = Member::configured(demo.dir(), "witness", "witness");
    witness.join(&token(&demo, "witness")).json();
    assert!(
        !witness.data_dir().join("identity/group.key").exists(),
        "a witness holds no group key"
    );
    witness.start();
    until("the witness to vote", || votes(&demo, witness.manager.id));
    // Who was let in a moment ago counts once it was heard.
    until("one of three to be dispensable", || {
        demo.ask_any(["status"]).json()["failure_tolerance"] == 1
    });

    let (active, others) = demo.roles();
    demo.ask(&[&others[0]], ["properties", "set", "custom", "greeting", "kept"]).json();
    demo.kill(&active);
    assert_eq!(demo.successor_of(active.id).id, others[0].id);
    let seen = demo.ask(&[&others[0]], ["properties", "get", "custom", "greeting"]).json();
    assert_eq!(seen["value"], "kept");
    assert!(
        std::net::TcpStream::connect(witness.manager.api_url.strip_prefix("https://").unwrap())
            .is_err(),
        "a witness serves no API"
    );
}

#[test]
fn a_token_lets_one_member_in_and_nobody_into_another_role_or_by_a_strangers_word() {
    let demo = Demo::start(1);
    let good = token(&demo, "manager");
    let mut second = Member::configured(demo.dir(), "second", "manager");

    let (secret, rest) = good.split_once('.').unwrap();
    let (authority, address) = rest.split_once('.').unwrap();
    let other_authority = "0".repeat(authority.len());
    let forged = second.join(&format!("{secret}.{other_authority}.{address}"));
    assert_eq!(forged.code, 3, "{}", forged.err);
    assert_eq!(second.join("half a token").code, 2);

    let mut witness = Member::configured(demo.dir(), "witness", "witness");
    assert_eq!(witness.join(&good).code, 1, "a token for a Manager is none for a witness");

    let taken = format!("peer.advertise={}", demo.managers[0].peer_addr);
    let refused = second.join_with(&good, &["--set", &taken]);
    assert!(refused.err.contains("ALREADY_MEMBER"), "{}", refused.err);
    let first_id = second.join(&good).json()["id"].as_u64();
    let mut third = Member::configured(demo.dir(), "third", "manager");
    let refused = third.join(&good);
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(refused.err.contains("JOIN_TOKEN_INVALID"), "{}", refused.err);
    let again = second.join(&good);
    assert_eq!(again.code, 1, "the folder is a member's by now: {}", again.err);
    second.start();
    until("the second to vote", || votes(&demo, first_id.unwrap()));
    let audit = demo.ask_any(["audit", "list", "--room", "operations"]).json();
    let records = audit["items"].as_array().unwrap();
    assert!(
        !records.is_empty() && records.iter().all(|it| it["outcome"] == "committed"),
        "{audit}"
    );
}
