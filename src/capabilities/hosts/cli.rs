//! `km hosts`: the machines that are looked after, how they are reached, and whom to believe to be one.

mod apply;
mod cluster_file;
mod export;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cli::client::{Change, Client};
use crate::cli::confirm;
use crate::cli::outcome::Failure;
use crate::cli::output::{Column, Output};

/// What can be asked of hosts. A host is given by its name or number.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// All hosts
    List,
    /// All that is known of one host
    Get {
        /// Its name or number
        host: String,
    },
    /// Take a machine into care
    Add {
        /// Its name
        name: String,
        /// What it is for; may be given several times
        #[arg(long = "role", value_enum)]
        roles: Vec<RoleName>,
        #[command(flatten)]
        way: Way,
    },
    /// Change what a host is for, or how it is reached
    Change {
        /// Its name or number
        host: String,
        /// What it is for from now on, in place of what it was; may be given several times
        #[arg(long = "role", value_enum)]
        roles: Vec<RoleName>,
        /// It is for nothing from now on
        #[arg(long, conflicts_with = "roles")]
        no_roles: bool,
        #[command(flatten)]
        way: Way,
    },
    /// Let a host go; what runs there runs on
    Remove {
        /// Its name or number
        host: String,
    },
    /// Make a one-time token for a host's agent, and print the command that uses it
    Enrol {
        /// Its name or number
        host: String,
        /// How long the token holds
        #[arg(long, default_value_t = 60)]
        ttl_minutes: u64,
    },
    /// Trust the key of a host's SSH server: the one it shows now, after you have compared it
    Trust {
        /// Its name or number
        host: String,
        /// The key, known by another way; then the host is not asked
        #[arg(long)]
        key: Option<String>,
        /// Do not ask whether the fingerprint is right
        #[arg(long)]
        yes: bool,
    },
    /// The key by which Managers sign in over SSH: what belongs into authorized_keys on the hosts
    SshKey {
        /// Make a new one; hosts have to let it in before they can be reached again
        #[arg(long)]
        new: bool,
    },
    /// Have the Active look at a host now
    Check {
        /// Its name or number
        host: String,
    },
    /// Bring hosts and services to what a file says: shows the differences, asks, then makes them
    Apply {
        /// The file: TOML, as `km hosts export` prints it; what it does not mention stays as it is
        #[arg(long, short, value_name = "FILE")]
        file: PathBuf,
        /// Let go every host that does not stand in the file
        #[arg(long)]
        prune: bool,
        /// Do not ask
        #[arg(long, conflicts_with = "dry_run")]
        yes: bool,
        /// Show the differences and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Print what there is as a file that `km hosts apply` takes
    Export,
}

/// How a host is reached.
#[derive(Args, Clone, Debug)]
pub struct Way {
    /// By its agent, which is enrolled with `km hosts enrol`
    #[arg(long, conflicts_with = "ssh")]
    agent: bool,
    /// Where its agent listens; the agent tells it itself when it is enrolled
    #[arg(long, value_name = "HOST:PORT", requires = "agent")]
    address: Option<String>,
    /// Over SSH: USER@HOST:PORT
    #[arg(long, value_name = "USER@HOST:PORT")]
    ssh: Option<String>,
    /// Path of km on a host reached over SSH [default: /usr/bin/km]
    #[arg(long, requires = "ssh")]
    program: Option<String>,
    /// Path of the agent's configuration there [default: /etc/km/agent.toml]
    #[arg(long, requires = "ssh", value_name = "FILE")]
    agent_config: Option<String>,
}

/// What a host is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// Runs the Kyvos Web Portal; only there may a Manager be.
    #[value(name = "web_portal")]
    WebPortal,
    /// Runs a BI Server.
    #[value(name = "bi_server")]
    BiServer,
    /// Runs a Query Engine.
    #[value(name = "query_engine")]
    QueryEngine,
    /// Runs the bundled Postgres.
    #[value(name = "postgres")]
    Postgres,
    /// Runs a ZooKeeper server.
    #[value(name = "zookeeper")]
    Zookeeper,
}

const HOSTS: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("ROLES", "/roles"),
    ("BY", "/transport/kind"),
    ("ADDRESS", "/transport/address"),
    ("STATE", "/state"),
    ("SINCE", "/since"),
    ("VERSION", "/version"),
    ("MANAGER", "/manager"),
    ("BECAUSE", "/because"),
];

/// Does it.
pub async fn run(verb: Verb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        Verb::List => output.list(&client.get_all("/hosts", &[]).await?, HOSTS),
        Verb::Get { host } => output.object(&find(client, &host).await?),
        Verb::Add { name, roles, way } => {
            let transport = way.transport()?.unwrap_or_else(|| json!({ "kind": "agent" }));
            let body = json!({ "name": name, "roles": words(&roles), "transport": transport });
            let answer = client.change(Change::post("/hosts", body)).await?.body;
            output.done(&next_step(&answer), &answer);
        }
        Verb::Change { host, roles, no_roles, way } => {
            let known = find(client, &host).await?;
            let mut body = json!({});
            if no_roles || !roles.is_empty() {
                body["roles"] = words(&roles);
            }
            if let Some(transport) = way.transport()? {
                body["transport"] = transport;
            }
            let answer = client.change(to_host(Method::PATCH, &known, "", body)).await?.body;
            output.done(&format!("Host {} is changed.", name(&known)), &answer);
        }
        Verb::Remove { host } => {
            let known = find(client, &host).await?;
            let answer = client.change(to_host(Method::DELETE, &known, "", Value::Null)).await?;
            let sentence = format!("Host {} is let go; what runs there runs on.", name(&known));
            output.done(&sentence, &answer.body);
        }
        Verb::Enrol { host, ttl_minutes } => enrol(client, output, &host, ttl_minutes).await?,
        Verb::Trust { host, key, yes } => trust(client, output, &host, key, yes).await?,
        Verb::SshKey { new } => ssh_key(client, output, new).await?,
        Verb::Check { host } => {
            let known = find(client, &host).await?;
            let path = format!("/hosts/{}/check", known["id"]);
            output.object(&client.change(Change::post(path, json!({}))).await?.body);
        }
        Verb::Apply { file, prune, yes, dry_run } => {
            let consent = match (dry_run, yes) {
                (true, _) => apply::Consent::Never,
                (false, true) => apply::Consent::Given,
                (false, false) => apply::Consent::Ask,
            };
            apply::run(client.clone(), output, &file, prune, consent).await?;
        }
        Verb::Export => export::run(client, output).await?,
    }
    Ok(())
}

async fn enrol(
    client: &Client,
    output: Output,
    host: &str,
    ttl_minutes: u64,
) -> Result<(), Failure> {
    let known = find(client, host).await?;
    let path = format!("/hosts/{}/enrolment", known["id"]);
    let change = Change::post(path, json!({ "ttl_minutes": ttl_minutes }));
    let answer = client.change(change).await?.body;
    let command = answer["command"].as_str().unwrap_or_default();
    output.done(
        &format!("On {}, until {}:\n{command}", name(&known), text(&answer, "expires_at")),
        &answer,
    );
    Ok(())
}

/// A key is never trusted by being seen: somebody compares it first, or brings it along.
async fn trust(
    client: &Client,
    output: Output,
    host: &str,
    key: Option<String>,
    yes: bool,
) -> Result<(), Failure> {
    let known = find(client, host).await?;
    let key = match key {
        Some(key) => key,
        None => {
            let path = format!("/hosts/{}/ssh-host-key", known["id"]);
            let offered = client.get(&path, &[]).await?.body;
            let question = format!(
                "{} shows the key {}\nOn the host, ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub prints it too. Are they the same?",
                name(&known),
                text(&offered, "fingerprint")
            );
            if !yes {
                confirm(&question)?;
            }
            text(&offered, "offered").to_owned()
        }
    };
    let body = json!({ "key": key });
    let answer = client.change(to_host(Method::POST, &known, "/trust", body)).await?.body;
    let fingerprint = answer.pointer("/transport/fingerprint").and_then(Value::as_str);
    let sentence = format!("{} is trusted by {}.", name(&known), fingerprint.unwrap_or_default());
    output.done(&sentence, &answer);
    Ok(())
}

async fn ssh_key(client: &Client, output: Output, new: bool) -> Result<(), Failure> {
    let answer = match new {
        true => client.change(Change::post("/hosts/ssh-key", json!({}))).await?.body,
        false => client.get("/hosts/ssh-key", &[]).await?.body,
    };
    let none = "There is none yet: make one with km hosts ssh-key --new.";
    output.done(answer["public_key"].as_str().unwrap_or(none), &answer);
    Ok(())
}

/// The host of that name or number.
async fn find(client: &Client, host: &str) -> Result<Value, Failure> {
    let all = client.get_all("/hosts", &[]).await?;
    let mut items = all["items"].as_array().into_iter().flatten();
    let number = host.parse::<u64>().ok();
    let is_it =
        |known: &&Value| known["name"] == host || number.is_some_and(|id| known["id"] == id);
    let unknown = || Failure::Refused(format!("there is no host {host}: km hosts list names them"));
    items.find(is_it).cloned().ok_or_else(unknown)
}

/// A change of a host as it was just read.
fn to_host(method: Method, known: &Value, beneath: &str, body: Value) -> Change {
    let path = format!("/hosts/{}{beneath}", known["id"]);
    Change::new(method, path, body).if_match(known["revision"].as_u64())
}

fn next_step(host: &Value) -> String {
    let named = name(host);
    match host.pointer("/transport/kind").and_then(Value::as_str) {
        Some("ssh") => format!(
            "Host {named} is registered. Next: let the group's key in there (km hosts ssh-key), then km hosts trust {named}"
        ),
        _ => format!("Host {named} is registered. Next: km hosts enrol {named}"),
    }
}

fn words(roles: &[RoleName]) -> Value {
    let word = |role: &RoleName| role.to_possible_value().map(|value| value.get_name().to_owned());
    roles.iter().filter_map(word).collect()
}

fn name(host: &Value) -> &str {
    text(host, "name")
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

impl Way {
    fn transport(&self) -> Result<Option<Value>, Failure> {
        let Some(way) = &self.ssh else {
            let mut transport = json!({ "kind": "agent" });
            if let Some(address) = &self.address {
                transport["address"] = address.as_str().into();
            }
            return Ok(self.agent.then_some(transport));
        };
        let usage = || Failure::Usage(format!("--ssh {way}: give USER@HOST:PORT"));
        let (user, address) = way.split_once('@').ok_or_else(usage)?;
        let mut transport = json!({ "kind": "ssh", "user": user, "address": address });
        if let Some(program) = &self.program {
            transport["program"] = program.as_str().into();
        }
        if let Some(config) = &self.agent_config {
            transport["config"] = config.as_str().into();
        }
        Ok(Some(transport))
    }
}
