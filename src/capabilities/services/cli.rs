//! `km services`: what there is, what is wanted and seen of it, starting and stopping it, and how ZooKeeper is watched.

pub(crate) mod ha;
mod operate;
mod schedules;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::ask_password;
use crate::cli::client::{Change, Client};
use crate::cli::outcome::Failure;
use crate::cli::output::{Column, Format, Output, say};

/// How long `discover` waits for the Active.
const DISCOVER_WAIT: Duration = Duration::from_secs(60);
/// How often it looks.
const DISCOVER_PAUSE: Duration = Duration::from_millis(500);
/// Largest file of rules or certificates, in bytes.
const FILE_MAX_BYTES: u64 = 64 << 10;

/// What can be asked of services.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// All services: each role of each host, and each Kyvos Manager
    List {
        /// Only those of this type: bi_server, query_engine, web_portal, postgres, zookeeper, kyvos_manager
        #[arg(long = "type")]
        kind: Option<String>,
        /// Only those on this host
        #[arg(long)]
        host: Option<String>,
    },
    /// How many of each type there are, wanted and up, and how the cluster stands
    Counts,
    /// The matrix of hosts and types, how many of each there are, and how the cluster stands
    Mapping,
    /// One service, and why it is said to be as it is
    Show {
        /// Its name, such as bi_server.km4
        id: String,
    },
    /// Say what is wanted of a service; start and stop do it as well
    Want(operate::Want),
    /// How types are controlled: the name of the unit, and how is looked whether one serves
    #[command(subcommand)]
    Types(operate::TypesVerb),
    /// Start one, all of a type, or the cluster in its order
    Start(operate::Operate),
    /// Stop one, all of a type, or the cluster in the reverse order
    Stop(operate::Operate),
    /// Restart one, all of a type, or the cluster, a few at a time
    Restart(operate::Restart),
    /// What is started again by itself when it goes down, and why it is or is not
    #[command(subcommand)]
    Ha(ha::HaVerb),
    /// When services go to sleep and wake by themselves
    #[command(subcommand)]
    Schedules(schedules::SchedulesVerb),
    /// How the watch of ZooKeeper stands
    Watch,
    /// What ZooKeeper shows of services, znode by znode
    Sightings {
        /// Only those of this type: bi_server, query_engine, web_portal, postgres, zookeeper
        #[arg(long)]
        service: Option<String>,
        /// Only those on this host
        #[arg(long)]
        host: Option<String>,
    },
    /// Look what a live ZooKeeper tree holds, read-only, and propose patterns for it
    Discover {
        /// Beneath which path
        #[arg(long, default_value = "/")]
        root: String,
    },
    /// What znodes mean: show it, set it, or take the default again
    #[command(subcommand)]
    Profile(ProfileVerb),
    /// How ZooKeeper is spoken to: show it, or set it
    #[command(subcommand)]
    Access(AccessVerb),
}

/// What can be done with the map from znodes to services.
#[derive(Subcommand, Debug)]
pub enum ProfileVerb {
    /// The rules; with --output json as `set` takes them
    Get,
    /// Set the rules of a JSON file: {"verified": true, "rules": [...]}
    Set {
        /// The file
        #[arg(long, short, value_name = "FILE")]
        file: PathBuf,
    },
    /// Take the default again, which is a guess
    Reset,
}

/// What can be done with the way to ZooKeeper.
#[derive(Subcommand, Debug)]
pub enum AccessVerb {
    /// How it is spoken to, without passwords and keys
    Get,
    /// Set it anew: what is not given is not used
    Set(SetAccess),
}

/// How ZooKeeper is to be spoken to.
#[derive(Args, Debug)]
pub struct SetAccess {
    /// Over TLS: the file with the certificates of the authorities to believe
    #[arg(long, value_name = "FILE")]
    zookeeper_ca: Option<PathBuf>,
    /// Our own certificate
    #[arg(long, value_name = "FILE", requires_all = ["zookeeper_ca", "key"])]
    certificate: Option<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// The user name for SASL DIGEST-MD5; the password is asked for, or read from standard input
    #[arg(long)]
    username: Option<String>,
}

const SERVICES: &[Column] = &[
    ("SERVICE", "/title"),
    ("HOST", "/host"),
    ("WANTED", "/wanted/state"),
    ("WHY", "/wanted/why"),
    ("VERDICT", "/verdict/verdict"),
    ("SEEN", "/seen"),
    ("STALE", "/stale"),
    ("MASTER", "/coordination_master"),
    ("STALE CONFIG", "/stale_properties"),
    ("SINCE", "/since"),
    ("BECAUSE", "/because"),
];

const COUNTS: &[Column] = &[
    ("SERVICE", "/title"),
    ("EXPECTED", "/expected"),
    ("WANTED", "/wanted_running"),
    ("PRESENT", "/present"),
    ("ABSENT", "/absent"),
    ("UP", "/up"),
    ("DOWN", "/down"),
    ("DEGRADED", "/degraded"),
    ("UNKNOWN", "/unknown"),
    ("STALE CONFIG", "/with_stale_properties"),
    ("MASTER", "/coordination_master"),
    ("MISSING", "/missing"),
    ("SUCH AS", "/missing_first"),
];

const MATRIX: &[Column] = &[
    ("HOST", "/name"),
    ("ZOOKEEPER", "/zookeeper"),
    ("POSTGRES", "/postgres"),
    ("BI SERVER", "/bi_server"),
    ("QUERY ENGINE", "/query_engine"),
    ("WEB PORTAL", "/web_portal"),
    ("KYVOS MANAGER", "/kyvos_manager"),
];

const SERVERS: &[Column] =
    &[("SERVER", "/address"), ("SERVES", "/serves"), ("MODE", "/mode"), ("BECAUSE", "/because")];

const SIGHTINGS: &[Column] = &[
    ("SERVICE", "/service"),
    ("HOST", "/host"),
    ("PORT", "/port"),
    ("MARKS", "/marks"),
    ("PRESENT", "/present"),
    ("STALE", "/stale"),
    ("SINCE", "/since"),
    ("ZNODE", "/path"),
    ("TROUBLE", "/trouble"),
];

const ZNODES: &[Column] = &[
    ("ZNODE", "/path"),
    ("CHILDREN", "/children"),
    ("BYTES", "/bytes"),
    ("EPHEMERAL", "/ephemeral"),
    ("FORM", "/form"),
    ("FIELDS", "/fields"),
];

const RULES: &[Column] = &[
    ("PATTERN", "/pattern"),
    ("SERVICE", "/service"),
    ("MARKS", "/marks"),
    ("PAYLOAD", "/payload/form"),
    ("HOST AT", "/payload/host"),
    ("PORT AT", "/payload/port"),
];

/// Does it.
pub async fn run(verb: Verb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        Verb::List { kind, host } => {
            let given = [("type", kind), ("host", host)];
            let query: Vec<_> =
                given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            output.list(&client.get_all("/services", &query).await?, SERVICES);
        }
        Verb::Counts => counts(&client.get("/services/counts", &[]).await?.body, output),
        Verb::Mapping => mapping(&client.get("/services/mapping", &[]).await?.body, output),
        Verb::Show { id } => operate::show(&id, client, output).await?,
        Verb::Want(want) => operate::want(want, client, output).await?,
        Verb::Types(verb) => operate::types(verb, client, output).await?,
        Verb::Start(which) => operate::operate("start", which, client, output).await?,
        Verb::Stop(which) => operate::operate("stop", which, client, output).await?,
        Verb::Restart(restart) => operate::restart(restart, client, output).await?,
        Verb::Ha(verb) => ha::run(verb, client, output).await?,
        Verb::Schedules(verb) => schedules::run(verb, client, output).await?,
        Verb::Watch => watch(&client.get("/services/watch", &[]).await?.body, output),
        Verb::Sightings { service, host } => {
            let given = [("service", service), ("host", host)];
            let query: Vec<_> =
                given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            output.list(&client.get_all("/services/sightings", &query).await?, SIGHTINGS);
        }
        Verb::Discover { root } => discover(client, output, root).await?,
        Verb::Profile(verb) => profile(verb, client, output).await?,
        Verb::Access(AccessVerb::Get) => {
            output.object(&client.get("/services/access", &[]).await?.body);
        }
        Verb::Access(AccessVerb::Set(set)) => set_access(set, client, output).await?,
    }
    Ok(())
}

fn counts(body: &Value, output: Output) {
    if output.format == Format::Json {
        output.object(body);
        return;
    }
    say(&cluster(&body["cluster"]));
    output.list(&json!({ "items": body["types"] }), COUNTS);
}

/// How the cluster stands, in a line.
fn cluster(cluster: &Value) -> String {
    let text = |field: &str| cluster[field].as_str().unwrap_or_default();
    let stale = if cluster["stale"] == true { ", stale" } else { "" };
    let operation = cluster["operation"].as_u64();
    let operation = operation.map(|id| format!(" (operation {id})")).unwrap_or_default();
    format!("Cluster: {}{stale}{operation}. {}", text("state").replace('_', " "), text("because"))
}

fn mapping(body: &Value, output: Output) {
    if output.format == Format::Json {
        output.object(body);
        return;
    }
    let rows: Vec<Value> = body["hosts"].as_array().into_iter().flatten().map(row).collect();
    output.list(&json!({ "items": rows }), MATRIX);
    counts(body, output);
}

/// A host as a line of the matrix: the verdict of each of its services, or else what is seen of it.
fn row(host: &Value) -> Value {
    let mut row = json!({ "name": host["name"] });
    for service in host["services"].as_array().into_iter().flatten() {
        if let Some(kind) = service["type"].as_str() {
            let verdict = &service["verdict"]["verdict"];
            row[kind] = if verdict.is_null() { &service["seen"] } else { verdict }.clone();
        }
    }
    row
}

fn watch(body: &Value, output: Output) {
    if output.format == Format::Json {
        output.object(body);
        return;
    }
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let state = text("state");
    let because =
        if text("because").is_empty() { String::new() } else { format!(": {}", text("because")) };
    say(&format!("ZooKeeper: {state} since {}{because}", text("since")));
    say(&format!("{} znodes stand for services{}", body["sightings"], stale(body)));
    if body["undeclared"].as_u64().is_some_and(|undeclared| undeclared > 0) {
        let first = body["undeclared_first"].as_array().into_iter().flatten();
        let first: Vec<_> = first.filter_map(Value::as_str).collect();
        say(&format!(
            "{} of the services they stand for are not declared here, such as {}: register the host by that name with its role, or set what znodes mean",
            body["undeclared"],
            first.join(", ")
        ));
    }
    if body["profile_verified"] != true {
        say("What znodes mean is unverified: km services discover, then km services profile set");
    }
    let warning = text("warning");
    let troubles = body["troubles"].as_array().into_iter().flatten().filter_map(Value::as_str);
    troubles.chain((!warning.is_empty()).then_some(warning.as_str())).for_each(say);
    output.list(&json!({ "items": body["servers"] }), SERVERS);
}

fn stale(body: &Value) -> String {
    match (body["stale"].as_bool(), body["stale_since"].as_str()) {
        (Some(true), Some(since)) => format!(", stale since {since}"),
        (Some(true), None) => ", and nobody has looked yet".into(),
        _ => String::new(),
    }
}

async fn discover(client: &Client, output: Output, root: String) -> Result<(), Failure> {
    let asked = client.change(Change::post("/services/discover", json!({ "root": root }))).await?;
    let asked = asked.body["asked"].as_u64().unwrap_or_default();
    let deadline = Instant::now() + DISCOVER_WAIT;
    let found = loop {
        let found = client.get("/services/discovery", &[]).await?.body;
        if found["answered"].as_u64().is_some_and(|answered| answered >= asked) {
            break found;
        }
        if Instant::now() >= deadline {
            let late = format!("the Active has not told within {} s", DISCOVER_WAIT.as_secs());
            return Err(Failure::Unavailable(late));
        }
        tokio::time::sleep(DISCOVER_PAUSE).await;
    };
    if output.format == Format::Json {
        output.object(&found);
        return Ok(());
    }
    output.list(&found, ZNODES);
    if let Some(because) = found["because"].as_str() {
        say(&format!("Not everything: {because}"));
    }
    match found["proposed"].as_array().is_some_and(|rules| !rules.is_empty()) {
        true => {
            say(
                "\nThese patterns would fit. Check them, then km services profile set --file FILE:",
            );
            output.list(&json!({ "items": found["proposed"] }), RULES);
        }
        false => say("\nNothing looks like a service here; no pattern is proposed."),
    }
    Ok(())
}

async fn profile(verb: ProfileVerb, client: &Client, output: Output) -> Result<(), Failure> {
    let known = client.get("/services/profile", &[]).await?.body;
    let revision = known["revision"].as_u64();
    match verb {
        ProfileVerb::Get if output.format == Format::Json => {
            output.object(&json!({ "verified": known["verified"], "rules": known["rules"] }));
        }
        ProfileVerb::Get => {
            let word = if known["verified"] == true { "verified" } else { "unverified" };
            let which = if known["is_default"] == true { "The default" } else { "Set" };
            say(&format!("{which}, {word}"));
            output.list(&json!({ "items": known["rules"] }), RULES);
        }
        ProfileVerb::Set { file } => {
            let text = read(&file)?;
            let body: Value = serde_json::from_str(&text)
                .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
            let change = Change::new(Method::PUT, "/services/profile", body);
            let answer = client.change(change.if_match(revision)).await?.body;
            output.done("The profile is set; what znodes show is read anew.", &answer);
        }
        ProfileVerb::Reset => {
            let change = Change::new(Method::DELETE, "/services/profile", Value::Null);
            let answer = client.change(change.if_match(revision)).await?.body;
            output.done("The default holds again; it is a guess.", &answer);
        }
    }
    Ok(())
}

async fn set_access(set: SetAccess, client: &Client, output: Output) -> Result<(), Failure> {
    let known = client.get("/services/access", &[]).await?.body;
    let mut body = json!({ "tls": null, "digest": null });
    if let Some(ca) = &set.zookeeper_ca {
        let mut tls = json!({ "ca_pem": read(ca)? });
        if let (Some(certificate), Some(key)) = (&set.certificate, &set.key) {
            tls["certificate_pem"] = read(certificate)?.into();
            tls["key_pem"] = read(key)?.into();
        }
        body["tls"] = tls;
    }
    if let Some(username) = &set.username {
        let password = ask_password(
            "KM_ZOOKEEPER_PASSWORD",
            &format!("Password of {username} for ZooKeeper"),
        )?;
        body["digest"] = json!({ "username": username, "password": password.reveal() });
    }
    let change = Change::new(Method::PUT, "/services/access", body);
    let answer = client.change(change.if_match(known["revision"].as_u64())).await?.body;
    output.done("ZooKeeper is spoken to so from now on.", &answer);
    Ok(())
}

fn read(file: &PathBuf) -> Result<String, Failure> {
    let told = Failure::local(file.display());
    if std::fs::metadata(file).map_err(told)?.len() > FILE_MAX_BYTES {
        let detail = format!("{}: at most {FILE_MAX_BYTES} bytes", file.display());
        return Err(Failure::Usage(detail));
    }
    std::fs::read_to_string(file).map_err(Failure::local(file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_the_cluster_stands_is_a_line() {
        let mut told = json!({ "state": "partly_running", "because": "2 of 3 that are to run are up.",
            "operation": null, "stale": false });
        assert_eq!(cluster(&told), "Cluster: partly running. 2 of 3 that are to run are up.");
        told["stale"] = true.into();
        told["operation"] = 120.into();
        let stale =
            "Cluster: partly running, stale (operation 120). 2 of 3 that are to run are up.";
        assert_eq!(cluster(&told), stale);
    }
}
