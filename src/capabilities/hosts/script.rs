//! How the scripts speak of hosts.

use std::collections::BTreeSet;

use super::command::Command;
use super::model::{HostRole, Reach, Ssh, SshKey, Transport};
use crate::machine::State;
use crate::machine::script::{Words, tell_all_of};

pub(crate) const VERBS: &[&str] =
    &["register", "change", "remove", "invite", "enrol", "trust", "set-ssh-key", "note", "look"];

/// `register NAME TRANSPORT [roles=a,b]` · `change @N [roles=] [transport=] [expect=@N]` · `remove @N [expect=@N]` ·
/// `invite @N TOKEN [ttl=MS]` · `enrol @N TOKEN ADDRESS` · `trust @N KEY [expect=@N]` ·
/// `set-ssh-key PUBLIC [key_bytes=N]` · `note @N answers VERSION [asked=@N]` · `note @N silent BECAUSE [asked=@N]` ·
/// `look @N`.
/// A transport is `agent`, `agent:ADDRESS` or `ssh:USER@ADDRESS`, the latter with `program=` and `config=`.
pub(crate) fn command(words: &mut Words) -> Command {
    let verb = words.next();
    match verb.as_str() {
        "register" => {
            let (name, text) = (words.next(), words.next());
            let transport = transport(&text, words);
            Command::Register { name, roles: roles(words).unwrap_or_default(), transport }
        }
        "change" => {
            let text = words.option("transport");
            Command::Change {
                host: words.read(),
                roles: roles(words),
                transport: text.map(|text| transport(&text, words)),
                expect: words.read_option("expect"),
            }
        }
        "remove" => Command::Remove { host: words.read(), expect: words.read_option("expect") },
        "invite" => Command::Invite {
            host: words.read(),
            digest: words.digest(),
            ttl_ms: words.read_option("ttl").unwrap_or(3_600_000),
        },
        "enrol" => {
            Command::Enrol { host: words.read(), token: words.digest(), address: words.next() }
        }
        "trust" => {
            let (host, key) = (words.read(), words.next());
            Command::Trust { host, key, expect: words.read_option("expect") }
        }
        "set-ssh-key" => Command::SetSshKey(SshKey {
            public: words.next(),
            sealed: vec![7; words.read_option("key_bytes").unwrap_or(3)],
        }),
        "note" => Command::Note {
            host: words.read(),
            reach: reach(words),
            asked: words.read_option("asked").unwrap_or_default(),
        },
        "look" => Command::Look { host: words.read() },
        other => panic!("hosts know no {other}"),
    }
}

/// `show hosts`
pub(crate) fn show(state: &State, _words: &mut Words) -> Vec<String> {
    let facts = &state.hosts;
    let line = |(id, host): (&crate::base::HostId, &super::model::Host)| {
        let roles: Vec<_> = host.roles.iter().map(|role| role.as_str()).collect();
        let (by, address) = (host.transport.as_str(), host.transport.address());
        let enrolled = if host.enrolled_at.is_some() { " enrolled" } else { "" };
        let key = host.trusted_key.as_ref().map(|key| format!(" key {key}")).unwrap_or_default();
        let seen = match host.seen.as_ref().map(|seen| &seen.reach) {
            Some(Reach::Answers { version }) => format!(" answers {version}"),
            Some(Reach::Silent { because }) => format!(" silent: {because}"),
            None => String::new(),
        };
        format!("{id} {} [{}] by {by} {address}{enrolled}{key}{seen}", host.name, roles.join(" "))
    };
    facts.hosts.iter().map(line).collect()
}

fn roles(words: &mut Words) -> Option<BTreeSet<HostRole>> {
    let role = |name: &str| HostRole::named(name).expect("a role");
    let text = words.option("roles")?;
    Some(text.split(',').filter(|name| !name.is_empty()).map(role).collect())
}

fn transport(text: &str, words: &mut Words) -> Transport {
    match text.split_once(':') {
        None => Transport::Agent { address: String::new() },
        Some(("agent", address)) => Transport::Agent { address: address.into() },
        Some((_, way)) => {
            let (user, address) = way.split_once('@').expect("ssh:USER@ADDRESS");
            Transport::Ssh(Ssh {
                address: address.into(),
                user: user.into(),
                program: words.option("program").unwrap_or_else(|| "/opt/km".into()),
                config: words.option("config").unwrap_or_else(|| "/etc/km/agent.toml".into()),
            })
        }
    }
}

fn reach(words: &mut Words) -> Reach {
    match words.next().as_str() {
        "answers" => Reach::Answers { version: words.next() },
        "silent" => Reach::Silent { because: words.next() },
        other => panic!("a host is not {other}"),
    }
}

#[test]
fn the_scripts_of_hosts_tell_what_happens() {
    tell_all_of("hosts");
}
