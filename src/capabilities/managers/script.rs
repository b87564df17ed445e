//! How the scripts speak of managers.

use super::command::Command;
use super::model::{Group, Profile, Role};
use crate::base::{Digest, Term};
use crate::machine::script::{Words, tell_all_of};
use crate::machine::{LEVEL_MAX, Level, State};

pub(crate) const VERBS: &[&str] = &[
    "found",
    "create-join-token",
    "delete-join-token",
    "admit",
    "withdraw",
    "announce",
    "alias",
    "become-active",
    "raise-level",
];

/// `found HOST [name=]` · `create-join-token TOKEN ROLE [ttl=MS]` · `delete-join-token @N` ·
/// `admit TOKEN ROLE HOST [disk=]` · `withdraw N BECAUSE` · `announce N HOST` · `alias N ALIAS [expect=@N]` ·
/// `become-active N [in_term=N]` · `raise-level N`. Wherever a host is told of, its profile may be varied:
/// `addr=`, `version=`, `level=`, `lease=`.
pub(crate) fn command(words: &mut Words) -> Command {
    let verb = words.next();
    match verb.as_str() {
        "found" => {
            let profile = profile(words);
            let disk_id = words.disk(&profile.host);
            Command::Found { group: group(words), profile, disk_id }
        }
        "create-join-token" => Command::CreateJoinToken {
            digest: words.digest(),
            role: role(words),
            ttl_ms: words.read_option("ttl").unwrap_or(3_600_000),
        },
        "delete-join-token" => Command::DeleteJoinToken { id: words.revision() },
        "admit" => {
            let (token, role, profile) = (words.digest(), role(words), profile(words));
            let disk_id = words.disk(&profile.host);
            Command::Admit { token, role, profile, disk_id }
        }
        "withdraw" => Command::Withdraw { manager: words.manager(), because: words.next() },
        "announce" => Command::Announce { manager: words.manager(), profile: profile(words) },
        "alias" => {
            let (manager, alias) = (words.manager(), words.next());
            Command::SetAlias { manager, alias, expect: words.read_option("expect") }
        }
        "become-active" => Command::BecomeActive {
            manager: words.manager(),
            term: Term(words.read_option("in_term").unwrap_or(1)),
            because: "it was elected".into(),
        },
        "raise-level" => Command::RaiseLevel { level: Level(words.read()) },
        other => panic!("managers know no {other}"),
    }
}

/// `show managers` · `show managers tokens` · `show managers removed` · `show managers level`
pub(crate) fn show(state: &State, words: &mut Words) -> Vec<String> {
    let facts = &state.managers;
    match words.option("what").unwrap_or_default().as_str() {
        "tokens" => facts
            .join_tokens
            .iter()
            .map(|(id, token)| {
                format!(
                    "join token @{id} for a {} until {:?}",
                    token.role.as_str(),
                    token.expires_at
                )
            })
            .collect(),
        "removed" => facts
            .removed
            .iter()
            .map(|(id, gone)| {
                format!("{id} {} removed by {}: {}", gone.host, gone.by, gone.because)
            })
            .collect(),
        "level" => vec![format!("feature level {}", state.kernel.level.0)],
        _ => facts
            .members
            .iter()
            .map(|(id, member)| {
                let mode = if facts.is_active(*id) { "Active" } else { "Passive" };
                let (host, role) = (&member.profile.host, member.role.as_str());
                format!("{id} {host} \"{}\" {role} {mode}", member.alias)
            })
            .collect(),
    }
}

fn role(words: &mut Words) -> Role {
    match words.next().as_str() {
        "manager" => Role::Manager,
        "witness" => Role::Witness,
        other => panic!("no role {other}"),
    }
}

fn profile(words: &mut Words) -> Profile {
    let host = words.next();
    Profile {
        peer_addr: words.option("addr").unwrap_or_else(|| format!("{host}:8443")),
        api_url: format!("https://{host}:8080"),
        health_url: format!("http://{host}:8081"),
        version: words.option("version").unwrap_or_else(|| "0.1.0".into()),
        level: Level(words.read_option("level").unwrap_or(LEVEL_MAX.0)),
        lease_ms: words.read_option("lease").unwrap_or(1000),
        host,
    }
}

fn group(words: &mut Words) -> Group {
    let name = words.option("name").unwrap_or_else(|| "demo".into());
    let key = words.read_option("key_bytes").unwrap_or(3);
    Group {
        cluster_id: uuid::Uuid::from_slice(&Digest::of(b"demo").0[..16]).unwrap(),
        name,
        ca_pem: words.option("ca").unwrap_or_else(|| "-----BEGIN CERTIFICATE-----".into()),
        sealed_ca_key: vec![7; key],
    }
}

#[test]
fn the_scripts_of_managers_tell_what_happens() {
    tell_all_of("managers");
}
