//! `km services ha|ack|windows`: what is started again by itself, and why it is or is not.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::client::{Change, Client};
use crate::cli::outcome::Failure;
use crate::cli::output::{Column, Format, Output, say};

/// What can be done with Services HA.
#[derive(Subcommand, Debug)]
pub enum HaVerb {
    /// Whether and how what goes down is started again by itself
    Show,
    /// Each service, and why something or nothing is done about it
    Status {
        /// Only those with this reason: held, host_gone, planned, window, up, ...
        #[arg(long)]
        reason: Option<String>,
    },
    /// Start what goes down again by itself
    On(SetHa),
    /// Start nothing again by itself
    Off(SetHa),
    /// Have looked why a service was restarted so often, or called off: it is recovered again
    Ack {
        /// Its name, such as bi_server.km4
        id: String,
    },
    /// When nothing is done by itself
    #[command(subcommand)]
    Windows(WindowsVerb),
}

/// How; what is not given stays as it is.
#[derive(Args, Debug, Default)]
pub struct SetHa {
    /// Only this type: bi_server, query_engine, web_portal, postgres, zookeeper
    #[arg(long = "type")]
    kind: Option<String>,
    /// All automation, whatever the switches say
    #[arg(long, conflicts_with = "kind")]
    automation: bool,
    /// How long one is down before something is done, in seconds
    #[arg(long)]
    settle_seconds: Option<u64>,
    /// How many restarts there may be within a while
    #[arg(long)]
    restarts_max: Option<u64>,
    /// Within which, in seconds
    #[arg(long)]
    within_seconds: Option<u64>,
    /// How long is waited between the first two, in seconds
    #[arg(long)]
    pause_seconds: Option<u64>,
    /// How long a host is silent before a standby is started, in seconds
    #[arg(long)]
    host_gone_seconds: Option<u64>,
    /// All services that stand by, such as bi_server.km5; --standby "" for none
    #[arg(long = "standby")]
    standbys: Vec<String>,
}

/// What can be done with maintenance windows.
#[derive(Subcommand, Debug)]
pub enum WindowsVerb {
    /// Those that are open or to come
    List,
    /// Open one: with a type, a host, a service, or everything
    Open(OpenWindow),
    /// Close one early
    Close {
        /// Its number
        id: u64,
    },
}

/// When, and with what.
#[derive(Args, Debug)]
pub struct OpenWindow {
    /// Until when, such as 2026-11-28T22:00:00Z
    #[arg(long)]
    until: String,
    /// From when on; now when left out
    #[arg(long)]
    from: Option<String>,
    /// Only this type
    #[arg(long = "type", conflicts_with_all = ["host", "service"])]
    kind: Option<String>,
    /// Only services on this host
    #[arg(long, conflicts_with = "service")]
    host: Option<String>,
    /// Only this service
    #[arg(long)]
    service: Option<String>,
    /// Why
    #[arg(long, default_value = "")]
    note: String,
}

const STANDINGS: &[Column] = &[
    ("SERVICE", "/id"),
    ("REASON", "/reason"),
    ("UNTIL", "/until"),
    ("RESTARTS", "/restarts"),
    ("HELD", "/held"),
    ("OPERATION", "/operation"),
    ("BECAUSE", "/because"),
];

const WINDOWS: &[Column] = &[
    ("ID", "/id"),
    ("TYPE", "/type"),
    ("HOST", "/host"),
    ("SERVICE", "/service"),
    ("FROM", "/from"),
    ("UNTIL", "/until"),
    ("OPEN", "/open"),
    ("BY", "/by"),
    ("NOTE", "/note"),
];

const TYPES: &[Column] = &[("SERVICE", "/title"), ("ENABLED", "/enabled")];

pub(super) async fn run(verb: HaVerb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        HaVerb::Show => show(&client.get("/services/ha", &[]).await?.body, output),
        HaVerb::Status { reason } => {
            let query: Vec<_> = reason.map(|reason| ("reason", reason)).into_iter().collect();
            output.list(&client.get_all("/services/ha/services", &query).await?, STANDINGS);
        }
        HaVerb::On(set) => switch(true, set, client, output).await?,
        HaVerb::Off(set) => switch(false, set, client, output).await?,
        HaVerb::Ack { id } => {
            let change = Change::post(format!("/services/{id}/acknowledge"), json!({}));
            let answer = client.change(change).await?.body;
            output.done(&format!("{id} is acknowledged."), &answer);
        }
        HaVerb::Windows(verb) => windows(verb, client, output).await?,
    }
    Ok(())
}

fn show(body: &Value, output: Output) {
    if output.format == Format::Json {
        output.object(body);
        return;
    }
    let on = |field: &str| if body[field] == true { "on" } else { "off" };
    say(&format!("Automation is {}, Services HA is {}.", on("automation"), on("enabled")));
    say(&format!(
        "Down for {} s, then restarted, at most {} times within {} s, with {} s between the first two. A host is gone after {} s.",
        body["settle_seconds"],
        body["restarts_max"],
        body["within_seconds"],
        body["pause_seconds"],
        body["host_gone_seconds"]
    ));
    let standbys = body["standbys"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let standbys: Vec<_> = standbys.collect();
    if !standbys.is_empty() {
        say(&format!("Standing by: {}", standbys.join(", ")));
    }
    output.list(&json!({ "items": body["types"] }), TYPES);
}

/// What is set already stays, unless it is named: the whole is sent, with the revision it was read at.
async fn switch(on: bool, set: SetHa, client: &Client, output: Output) -> Result<(), Failure> {
    let known = client.get("/services/ha", &[]).await?.body;
    let mut body = as_it_is(&known);
    let told = match (&set.kind, set.automation) {
        (Some(kind), _) => {
            switch_type(&mut body, kind, on);
            format!("Services HA of {kind}")
        }
        (None, true) => {
            body["automation"] = on.into();
            "Automation".to_owned()
        }
        (None, false) => {
            body["enabled"] = on.into();
            "Services HA".to_owned()
        }
    };
    let given = [
        set.settle_seconds,
        set.restarts_max,
        set.within_seconds,
        set.pause_seconds,
        set.host_gone_seconds,
    ];
    for (field, value) in NUMBERS.into_iter().zip(given) {
        if let Some(value) = value {
            body[field] = value.into();
        }
    }
    if !set.standbys.is_empty() {
        let named: Vec<_> = set.standbys.into_iter().filter(|name| !name.is_empty()).collect();
        body["standbys"] = named.into();
    }
    let change = Change::new(Method::PUT, "/services/ha", body);
    let answer = client.change(change.if_match(known["revision"].as_u64())).await?.body;
    output.done(&format!("{told} is {}.", if on { "on" } else { "off" }), &answer);
    Ok(())
}

/// Services HA as it is, in the form in which it is set.
pub(crate) fn as_it_is(known: &Value) -> Value {
    let types = known["types"].as_array().into_iter().flatten();
    let off = types.filter(|kind| kind["enabled"] == false).map(|kind| kind["type"].clone());
    let mut body = json!({ "off_types": off.collect::<Vec<_>>() });
    for field in ["automation", "enabled", "standbys"].into_iter().chain(NUMBERS) {
        body[field] = known[field].clone();
    }
    body
}

/// Switches a type on or off in what is to be set.
pub(crate) fn switch_type(body: &mut Value, kind: &str, on: bool) {
    let off = body["off_types"].as_array().into_iter().flatten();
    let mut off: Vec<Value> = off.filter(|off| *off != kind).cloned().collect();
    if !on {
        off.push(kind.into());
    }
    body["off_types"] = off.into();
}

/// The numbers of Services HA, as they are called everywhere.
pub(crate) const NUMBERS: [&str; 5] =
    ["settle_seconds", "restarts_max", "within_seconds", "pause_seconds", "host_gone_seconds"];

async fn windows(verb: WindowsVerb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        WindowsVerb::List => {
            output.list(&client.get_all("/services/ha/windows", &[]).await?, WINDOWS);
        }
        WindowsVerb::Open(open) => {
            let OpenWindow { until, from, kind, host, service, note } = open;
            let body = json!({
                "until": until, "from": from, "type": kind, "host": host, "service": service, "note": note,
            });
            let answer = client.change(Change::post("/services/ha/windows", body)).await?.body;
            output.done(&format!("Maintenance window {} is set.", answer["id"]), &answer);
        }
        WindowsVerb::Close { id } => {
            let path = format!("/services/ha/windows/{id}");
            let answer = client.change(Change::new(Method::DELETE, path, Value::Null)).await?.body;
            output.done(&format!("Maintenance window {id} is closed."), &answer);
        }
    }
    Ok(())
}
