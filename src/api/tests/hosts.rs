//! Hosts as the HTTP surface shows and changes them: registering, enrolling with a token, trusting a key, looking.

use axum::http::Method;
use serde_json::{Value, json};

use super::client::{Answer, Km};
use super::group::SEALED;
use crate::base::HostId;
use crate::capabilities::access::model::Role;
use crate::capabilities::hosts::model::{Command, Reach};
use crate::machine::script::command_of;

const CSR: &str = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

/// A group with one host reached by its agent and one over SSH.
struct Desk {
    km: Km,
    agent: u64,
    ssh: u64,
}

impl Desk {
    async fn new() -> Self {
        let km = Km::new();
        let agent =
            json!({ "name": "km4", "roles": ["web_portal"], "transport": { "kind": "agent" } });
        let agent = post(&km, "/hosts", agent).await.json()["id"].as_u64().unwrap();
        let way = json!({ "kind": "ssh", "address": "db1.example:22", "user": "kyvos" });
        let ssh = json!({ "name": "db1", "roles": ["postgres", "zookeeper"], "transport": way });
        let ssh = post(&km, "/hosts", ssh).await.json()["id"].as_u64().unwrap();
        Self { km, agent, ssh }
    }

    async fn row(&self, id: u64) -> Value {
        self.km.get(&format!("/api/v1/hosts/{id}")).await.json()
    }

    async fn invite(&self, body: Value) -> Answer {
        post(&self.km, &format!("/hosts/{}/enrolment", self.agent), body).await
    }

    /// The secret part of a new token.
    async fn secret(&self) -> String {
        let token = self.invite(json!({})).await.json()["token"].as_str().unwrap().to_owned();
        token.split_once('.').unwrap().0.to_owned()
    }

    async fn enrol(&self, token: &str, csr: &str, address: &str) -> Answer {
        let ask = self.km.anonymous(Method::POST, "/api/v1/hosts/enrol");
        ask.json(json!({ "token": token, "csr_pem": csr, "address": address })).send().await
    }

    /// What the Active does when it has looked at a host.
    fn note(&self, host: u64, reach: Reach) {
        let group = &self.km.group;
        let host = HostId(host);
        let asked = group.set().state.hosts.hosts[&host].look_asked;
        group.commit(Command::Note { host, reach, asked });
    }
}

async fn post(km: &Km, path: &str, body: Value) -> Answer {
    km.ask(Method::POST, &format!("/api/v1{path}")).json(body).send().await
}

// rows 2, 8
#[tokio::test]
async fn a_host_is_shown_as_it_was_registered_and_as_it_was_seen() {
    let desk = Desk::new().await;
    let row = desk.row(desk.agent).await;
    let expected = json!({
        "id": desk.agent, "name": "km4", "roles": ["web_portal"],
        "transport": { "kind": "agent", "address": "", "enrolled_at": null },
        "state": "unknown", "because": null, "since": null, "version": null, "manager": null, "alias": "",
        "registered_at": "2026-01-01T00:00:00.000Z", "revision": desk.agent,
    });
    assert_eq!(row, expected);
    let expected = json!({
        "kind": "ssh", "address": "db1.example:22", "user": "kyvos", "program": "/usr/bin/km",
        "config": "/etc/km/agent.toml", "trusted_key": null, "fingerprint": null,
    });
    assert_eq!(desk.row(desk.ssh).await["transport"], expected);

    desk.note(desk.ssh, Reach::Silent { because: "no TCP connection".into() });
    desk.note(desk.agent, Reach::Answers { version: "0.1.0".into() });
    let (silent, answers) = (desk.row(desk.ssh).await, desk.row(desk.agent).await);
    assert_eq!(
        (&silent["state"], &silent["because"]),
        (&json!("silent"), &json!("no TCP connection"))
    );
    assert_eq!((&answers["state"], &answers["version"]), (&json!("answers"), &json!("0.1.0")));
    assert_eq!(answers["since"], "2026-01-01T00:00:00.000Z");
    let all = desk.km.get("/api/v1/hosts?limit=1").await.json();
    assert_eq!(all["items"], json!([answers]));
    let next = desk.km.get(&format!("/api/v1/hosts?after={}", all["next"].as_str().unwrap())).await;
    assert_eq!(next.json()["items"], json!([silent]));
}

#[tokio::test]
async fn the_manager_on_a_host_is_named_and_keeps_its_web_portal() {
    let desk = Desk::new().await;
    desk.km.group.commit(command_of("managers alias 1 Blue"));
    let host = json!({ "name": "km1", "roles": ["web_portal"], "transport": { "kind": "agent" } });
    let host = post(&desk.km, "/hosts", host).await.json();
    assert_eq!((&host["manager"], &host["alias"]), (&json!(1), &json!("Blue")));
    let path = format!("/api/v1/hosts/{}", host["id"]);
    let change = |body: Value| desk.km.ask(Method::PATCH, &path).json(body).send();
    let refused = change(json!({ "roles": ["bi_server"] })).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (409, "HOST_HAS_MANAGER"));
    let removed = desk.km.ask(Method::DELETE, &path).send().await;
    assert_eq!(removed.problem(), "HOST_HAS_MANAGER");
    assert_eq!(change(json!({ "roles": ["web_portal", "bi_server"] })).await.status, 200);
}

#[tokio::test]
async fn a_change_is_made_to_what_was_read_or_not_at_all() {
    let desk = Desk::new().await;
    let path = format!("/api/v1/hosts/{}", desk.agent);
    let patch = |revision: u64, body: Value| {
        let ask = desk.km.ask(Method::PATCH, &path);
        ask.header("if-match", format!("\"{revision}\"")).json(body).send()
    };
    let address = json!({ "transport": { "kind": "agent", "address": "10.0.0.4:7445" } });
    let moved = patch(desk.agent, address.clone()).await;
    let etag = moved.header("etag").unwrap().to_owned();
    assert_eq!(moved.json()["transport"]["address"], "10.0.0.4:7445");
    assert_eq!(patch(desk.agent, address).await.problem(), "CHANGED");
    // Leaving the address out leaves it.
    let same = json!({ "transport": { "kind": "agent" } });
    let kept = desk.km.ask(Method::PATCH, &path).json(same).send().await;
    assert_eq!(kept.json()["transport"]["address"], "10.0.0.4:7445");
    let delete = desk.km.ask(Method::DELETE, &path).header("if-match", etag).send().await;
    assert_eq!(delete.problem(), "CHANGED");
    assert_eq!(desk.km.ask(Method::DELETE, &path).send().await.status, 204);
    assert_eq!(desk.km.get(&path).await.problem(), "NO_SUCH_HOST");
}

#[tokio::test]
async fn what_is_no_host_is_refused_and_changes_nothing() {
    let desk = Desk::new().await;
    let agent = json!({ "kind": "agent" });
    let cases = [
        (json!({ "name": "km4", "transport": agent }), 409, "HOST_EXISTS"),
        (json!({ "name": "km 5", "transport": agent }), 422, "HOST_INVALID"),
        (json!({ "name": "k".repeat(254), "transport": agent }), 413, "TOO_LONG"),
        (json!({ "name": "km5" }), 400, "MALFORMED_BODY"),
        (json!({ "name": "km5", "transport": { "kind": "telnet" } }), 400, "MALFORMED_BODY"),
        (
            json!({ "name": "km5", "transport": { "kind": "agent", "port": 1 } }),
            400,
            "MALFORMED_BODY",
        ),
        (json!({ "name": "km5", "roles": ["king"], "transport": agent }), 400, "MALFORMED_BODY"),
        (
            json!({ "name": "km5", "transport": { "kind": "ssh", "address": "km5", "user": "k" } }),
            422,
            "HOST_INVALID",
        ),
        (
            json!({ "name": "km5", "transport":
                { "kind": "ssh", "address": "km5:22", "user": "k", "program": "/bin/km;reboot" } }),
            422,
            "HOST_INVALID",
        ),
    ];
    for (body, status, code) in cases {
        let answer = post(&desk.km, "/hosts", body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (status, code), "{body}");
    }
    assert_eq!(desk.km.get("/api/v1/hosts").await.json()["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_agent_is_enrolled_once_with_each_token() {
    let desk = Desk::new().await;
    let made = desk.invite(json!({ "ttl_minutes": 5 })).await;
    assert_eq!(
        (made.status.as_u16(), &made.json()["expires_at"]),
        (201, &json!("2026-01-01T00:05:00.000Z"))
    );
    let token = made.json()["token"].as_str().unwrap().to_owned();
    assert!(made.json()["command"].as_str().unwrap().contains(&token));
    let secret = token.split_once('.').unwrap().0;

    let enrolled = desk.enrol(secret, CSR, "km4:7445").await;
    assert_eq!(enrolled.status, 200, "{enrolled:?}");
    assert_eq!(enrolled.json()["host"], desk.agent);
    let certificate = format!("certificate of host {}", desk.agent);
    assert_eq!(enrolled.json()["certificate_pem"], certificate);
    let transport = desk.row(desk.agent).await["transport"].clone();
    let expected = json!({ "kind": "agent", "address": "km4:7445", "enrolled_at": "2026-01-01T00:00:00.000Z" });
    assert_eq!(transport, expected);

    // Whoever lost the answer asks for the same again; anything else is a second use.
    assert_eq!(desk.enrol(secret, CSR, "km4:7445").await.json(), enrolled.json());
    let again = desk.enrol(secret, CSR, "elsewhere:7445").await;
    assert_eq!((again.status.as_u16(), again.problem().as_str()), (403, "ENROL_TOKEN_INVALID"));
    assert_eq!(desk.row(desk.agent).await["transport"], expected);
    for bytes in &desk.km.group.set().log {
        assert!(!String::from_utf8_lossy(bytes).contains(secret));
    }
}

#[tokio::test]
async fn a_token_that_does_not_hold_enrols_nobody() {
    let desk = Desk::new().await;
    let secret = desk.secret().await;
    let other = desk.row(desk.ssh).await["id"].as_u64().unwrap();
    let foreign = format!("{}_{other}", secret.rsplit_once('_').unwrap().0);
    for wrong in ["", "km_e_1", "km_j_ab_x", &foreign, &secret[1..]] {
        let refused = desk.enrol(wrong, CSR, "km4:7445").await;
        assert_eq!(refused.problem(), "ENROL_TOKEN_INVALID", "{wrong}");
    }
    // A malformed request does not use the token up, and an address has a port.
    assert_eq!(desk.enrol(&secret, "no request", "km4:7445").await.problem(), "INTERNAL");
    assert_eq!(desk.enrol(&secret, CSR, "km4").await.problem(), "HOST_INVALID");
    assert!(desk.row(desk.agent).await["transport"]["enrolled_at"].is_null());
    desk.km.group.set().now = super::group::START.plus_ms(3_600_001);
    assert_eq!(desk.enrol(&secret, CSR, "km4:7445").await.problem(), "ENROL_TOKEN_INVALID");
    for ttl in [0, 10_081, u64::MAX] {
        assert_eq!(desk.invite(json!({ "ttl_minutes": ttl })).await.problem(), "INVALID_INPUT");
    }
    let over_ssh = post(&desk.km, &format!("/hosts/{}/enrolment", desk.ssh), json!({})).await;
    assert_eq!(over_ssh.problem(), "WRONG_STATE");
}

#[tokio::test]
async fn guessing_tokens_is_slowed_down() {
    let desk = Desk::new().await;
    for _ in 0..10 {
        assert_eq!(desk.enrol("km_e_guess_4", CSR, "a:1").await.problem(), "ENROL_TOKEN_INVALID");
    }
    let slowed = desk.enrol("km_e_guess_4", CSR, "a:1").await;
    assert_eq!((slowed.status.as_u16(), slowed.problem().as_str()), (429, "TOO_MANY_LOGINS"));
    // A host that waits for its agent is counted by itself: a thousand may come from one address.
    let secret = desk.secret().await;
    assert_eq!(desk.enrol(&secret, CSR, "km4:7445").await.status, 200);
}

#[tokio::test]
async fn guessing_the_token_of_a_host_that_waits_is_slowed_down_too() {
    let desk = Desk::new().await;
    let secret = desk.secret().await;
    let wrong = format!("km_e_guess_{}", secret.rsplit_once('_').unwrap().1);
    for _ in 0..10 {
        assert_eq!(desk.enrol(&wrong, CSR, "a:1").await.problem(), "ENROL_TOKEN_INVALID");
    }
    assert_eq!(desk.enrol(&wrong, CSR, "a:1").await.problem(), "TOO_MANY_LOGINS");
}

#[tokio::test]
async fn a_host_key_is_shown_compared_and_trusted_by_an_explicit_act() {
    let desk = Desk::new().await;
    let path = format!("/api/v1/hosts/{}/ssh-host-key", desk.ssh);
    let silent = desk.km.get(&path).await;
    assert_eq!((silent.status.as_u16(), silent.problem().as_str()), (409, "NOT_REACHED"));
    desk.km.hosts.inside().keys.insert(HostId(desk.ssh), KEY.into());
    let offered = desk.km.get(&path).await.json();
    let fingerprint = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";
    let expected =
        json!({ "offered": KEY, "fingerprint": fingerprint, "trusted": null, "matches": false });
    assert_eq!(offered, expected);

    let trust = |key: String, revision: u64| {
        let ask = desk.km.ask(Method::POST, &format!("/api/v1/hosts/{}/trust", desk.ssh));
        ask.header("if-match", format!("\"{revision}\"")).json(json!({ "key": key })).send()
    };
    for wrong in [
        "",
        "ssh-ed25519",
        "ssh-ed25519 !!",
        "ssh-rsa AAAA",
        &KEY.replace("ssh-ed25519", "ssh-rsa"),
    ] {
        assert_eq!(trust(wrong.to_owned(), desk.ssh).await.problem(), "INVALID_INPUT", "{wrong}");
    }
    let trusted = trust(format!("{KEY} root@db1\n"), desk.ssh).await;
    assert_eq!(trusted.json()["transport"]["trusted_key"], KEY);
    assert_eq!(trusted.json()["transport"]["fingerprint"], fingerprint);
    assert_eq!(desk.km.get(&path).await.json()["matches"], true);
    assert_eq!(trust(KEY.into(), desk.ssh).await.problem(), "CHANGED");
    let by_agent =
        post(&desk.km, &format!("/hosts/{}/trust", desk.agent), json!({ "key": KEY })).await;
    assert_eq!(by_agent.problem(), "WRONG_STATE");
}

#[tokio::test]
async fn the_groups_ssh_key_is_shown_by_its_public_half_only() {
    let desk = Desk::new().await;
    assert_eq!(desk.km.get("/api/v1/hosts/ssh-key").await.json(), json!({ "public_key": null }));
    let made = post(&desk.km, "/hosts/ssh-key", json!({})).await;
    assert_eq!(made.status, 201);
    assert_eq!(desk.km.get("/api/v1/hosts/ssh-key").await.json(), made.json());
    assert!(!made.text.contains(std::str::from_utf8(SEALED).unwrap()));
    let audit = desk.km.get("/api/v1/audit?room=hosts").await;
    assert!(audit.text.contains("hosts.set_ssh_key") && !audit.text.contains("sealed"));
}

#[tokio::test]
async fn a_check_waits_for_the_actives_look_and_shows_it() {
    let desk = Desk::new().await;
    desk.note(desk.agent, Reach::Answers { version: "0.1.0".into() });
    let path = format!("/hosts/{}/check", desk.agent);
    let id = HostId(desk.agent);
    let active = async {
        loop {
            let asked = desk.km.group.set().state.hosts.hosts[&id].look_asked;
            if asked.0 > 0 {
                break desk.note(desk.agent, Reach::Answers { version: "0.1.0".into() });
            }
            tokio::task::yield_now().await;
        }
    };
    let (checked, ()) = tokio::join!(post(&desk.km, &path, json!({})), active);
    assert_eq!((checked.status.as_u16(), &checked.json()["state"]), (200, &json!("answers")));
    assert_eq!(post(&desk.km, "/hosts/99/check", json!({})).await.problem(), "NO_SUCH_HOST");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_nobody_answers_says_so() {
    let desk = Desk::new().await;
    let late = post(&desk.km, &format!("/hosts/{}/check", desk.agent), json!({})).await;
    assert_eq!((late.status.as_u16(), late.problem().as_str()), (504, "UNKNOWN_OUTCOME"));
}

#[tokio::test]
async fn whom_to_believe_is_for_administrators_to_say() {
    let desk = Desk::new().await;
    let name = |role: Role| json!({ "name": role.as_str(), "transport": { "kind": "agent" } });
    let register =
        |role: Role| desk.km.by(role, Method::POST, "/api/v1/hosts").json(name(role)).send();
    assert_eq!(register(Role::Maintainer).await.status, 201);
    assert_eq!(register(Role::Auditor).await.problem(), "FORBIDDEN");
    let path = format!("/api/v1/hosts/{}/enrolment", desk.agent);
    let invited = desk.km.by(Role::Maintainer, Method::POST, &path).json(json!({})).send().await;
    assert_eq!(invited.problem(), "FORBIDDEN");
}
