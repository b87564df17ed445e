//! `km hosts apply`: a file says which hosts there are; what differs is shown, and made when somebody agrees.
//!
//! Applied again it changes nothing. What was shown is what is made: a host that changed meanwhile is refused.

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::to_host;
use crate::cli::client::{Change, Client};
use crate::cli::confirm;
use crate::cli::outcome::Failure;
use crate::cli::output::{Format, Output, say};

/// Longest file, in bytes: a thousand hosts fit many times.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// Whether the differences are to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consent {
    /// They are.
    Given,
    /// Somebody is asked.
    Ask,
    /// They are only shown.
    Never,
}

/// What a file says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    host: BTreeMap<String, WantedHost>,
}

/// One host in a file. Reached by its agent, unless `ssh` says how else.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedHost {
    #[serde(default)]
    roles: Vec<String>,
    ssh: Option<WantedSsh>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedSsh {
    address: String,
    user: String,
    program: Option<String>,
    config: Option<String>,
}

/// One difference, as it is shown and as it is made.
struct Step {
    shown: String,
    change: Change,
}

pub(super) async fn run(
    client: &Client,
    output: Output,
    file: &Path,
    prune: bool,
    consent: Consent,
) -> Result<(), Failure> {
    let wanted = read(file)?;
    let known = client.get_all("/hosts", &[]).await?;
    let known = known["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let steps = plan(&wanted, known, prune);
    let shown: Vec<String> = steps.iter().map(|step| step.shown.clone()).collect();
    if output.format == Format::Table {
        shown.iter().for_each(|line| say(line));
    }
    let make = match consent {
        _ if steps.is_empty() => false,
        Consent::Never => false,
        Consent::Given => true,
        Consent::Ask => {
            confirm(&format!("{} differences. Make them?", steps.len())).map(|()| true)?
        }
    };
    if make {
        for step in steps {
            client.change(step.change).await?;
        }
    }
    let sentence = match (shown.is_empty(), make) {
        (true, _) => "All is as the file says.",
        (false, true) => {
            "Done. Agents that are new are enrolled with km hosts enrol; over SSH, km hosts trust comes next."
        }
        (false, false) => "Nothing was changed.",
    };
    output.done(sentence, &json!({ "differences": shown, "made": make }));
    Ok(())
}

fn read(file: &Path) -> Result<Wanted, Failure> {
    let told = Failure::local(file.display());
    let size = std::fs::metadata(file).map_err(told)?.len();
    if size > FILE_MAX_BYTES {
        let detail = format!("{}: at most {FILE_MAX_BYTES} bytes", file.display());
        return Err(Failure::Usage(detail));
    }
    let text = std::fs::read_to_string(file).map_err(Failure::local(file.display()))?;
    parse(&text).map_err(|why| Failure::Usage(format!("{}: {why}", file.display())))
}

fn parse(text: &str) -> Result<Wanted, toml::de::Error> {
    toml::from_str(text)
}

/// What differs between a file and the hosts there are.
fn plan(wanted: &Wanted, known: &[Value], prune: bool) -> Vec<Step> {
    let known: BTreeMap<&str, &Value> =
        known.iter().filter_map(|host| Some((host["name"].as_str()?, host))).collect();
    let mut steps: Vec<Step> = wanted
        .host
        .iter()
        .filter_map(|(name, host)| match known.get(name.as_str()) {
            None => Some(register(name, host)),
            Some(known) => difference(name, host, known),
        })
        .collect();
    if prune {
        let gone = known.iter().filter(|(name, _)| !wanted.host.contains_key(**name));
        steps.extend(gone.map(|(name, host)| Step {
            shown: format!("- {name}  {}", described(&host["roles"], &host["transport"])),
            change: to_host(Method::DELETE, host, "", Value::Null),
        }));
    }
    steps
}

fn register(name: &str, host: &WantedHost) -> Step {
    let (roles, transport) = (host.roles(), host.transport());
    Step {
        shown: format!("+ {name}  {}", described(&roles, &transport)),
        change: Change::post(
            "/hosts",
            json!({ "name": name, "roles": roles, "transport": transport }),
        ),
    }
}

fn difference(name: &str, host: &WantedHost, known: &Value) -> Option<Step> {
    let (roles, transport) = (host.roles(), host.transport());
    let mut body = json!({});
    if !same_roles(&roles, &known["roles"]) {
        body["roles"] = roles.clone();
    }
    if !is_reached_so(&transport, &known["transport"]) {
        body["transport"] = transport.clone();
    }
    if body.as_object().is_none_or(serde_json::Map::is_empty) {
        return None;
    }
    let before = described(&known["roles"], &known["transport"]);
    Some(Step {
        shown: format!("~ {name}  {before}  ->  {}", described(&roles, &transport)),
        change: to_host(Method::PATCH, known, "", body),
    })
}

fn same_roles(wanted: &Value, known: &Value) -> bool {
    let sorted = |roles: &Value| {
        let mut roles: Vec<String> =
            roles.as_array().into_iter().flatten().map(Value::to_string).collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    };
    sorted(wanted) == sorted(known)
}

/// What the file does not say is as it is.
fn is_reached_so(wanted: &Value, known: &Value) -> bool {
    wanted.as_object().into_iter().flatten().all(|(field, value)| known.get(field) == Some(value))
}

fn described(roles: &Value, transport: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let roles: Vec<String> = roles.as_array().into_iter().flatten().map(text).collect();
    let roles = if roles.is_empty() { "-".to_owned() } else { roles.join("+") };
    match transport["kind"].as_str() {
        Some("ssh") => {
            format!("{roles} by ssh {}@{}", text(&transport["user"]), text(&transport["address"]))
        }
        _ => format!("{roles} by agent"),
    }
}

impl WantedHost {
    fn roles(&self) -> Value {
        json!(self.roles)
    }

    fn transport(&self) -> Value {
        let Some(ssh) = &self.ssh else { return json!({ "kind": "agent" }) };
        let mut transport = json!({ "kind": "ssh", "address": ssh.address, "user": ssh.user });
        if let Some(program) = &ssh.program {
            transport["program"] = program.as_str().into();
        }
        if let Some(config) = &ssh.config {
            transport["config"] = config.as_str().into();
        }
        transport
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[host.km1]\nroles = [\"web_portal\"]\n\n[host.db1]\nroles = [\"zookeeper\", \"postgres\"]\n\
        ssh = { address = \"db1:22\", user = \"kyvos\" }\n";

    fn shown(text: &str, known: &[Value], prune: bool) -> Vec<String> {
        plan(&parse(text).unwrap(), known, prune).into_iter().map(|step| step.shown).collect()
    }

    fn known() -> Vec<Value> {
        let ssh = json!({ "kind": "ssh", "address": "db1:22", "user": "kyvos", "program": "/usr/bin/km",
            "config": "/etc/km/agent.toml", "trusted_key": null, "fingerprint": null });
        let agent = json!({ "kind": "agent", "address": "km1:7447", "enrolled_at": null });
        vec![
            json!({ "id": 4, "name": "km1", "roles": ["web_portal"], "transport": agent, "revision": 4 }),
            json!({ "id": 5, "name": "db1", "roles": ["postgres", "zookeeper"], "transport": ssh, "revision": 5 }),
        ]
    }

    // row 2
    #[test]
    fn what_is_missing_is_registered_and_applied_again_nothing_differs() {
        let all = ["+ db1  zookeeper+postgres by ssh kyvos@db1:22", "+ km1  web_portal by agent"];
        assert_eq!(shown(FILE, &[], false), all);
        assert!(shown(FILE, &known(), true).is_empty());
    }

    #[test]
    fn what_differs_is_shown_and_nobody_goes_unless_that_is_asked_for() {
        let text = "[host.km1]\nroles = [\"web_portal\", \"bi_server\"]\n";
        let changed = "~ km1  web_portal by agent  ->  web_portal+bi_server by agent";
        assert_eq!(shown(text, &known(), false), [changed]);
        let gone = "- db1  postgres+zookeeper by ssh kyvos@db1:22";
        assert_eq!(shown(text, &known(), true), [changed, gone]);
        let moved = FILE.replace("db1:22", "db1:2222");
        assert_eq!(
            shown(&moved, &known(), false),
            [
                "~ db1  postgres+zookeeper by ssh kyvos@db1:22  ->  zookeeper+postgres by ssh kyvos@db1:2222"
            ]
        );
    }

    #[test]
    fn a_file_that_cannot_be_meant_is_refused() {
        for bad in ["[host.a]\nrole = []", "[hosts.a]", "[host.a]\nssh = { user = \"k\" }", "x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
