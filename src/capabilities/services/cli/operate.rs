//! `km services show|want|types|start|stop|restart`.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::capabilities::operations::cli::follow;
use crate::cli::client::{Change, Client};
use crate::cli::outcome::Failure;
use crate::cli::output::{Column, Format, Output};

/// What is to be wanted of a service.
#[derive(Args, Debug)]
pub struct Want {
    /// Its name, such as bi_server.km4
    id: String,
    /// running or stopped
    state: String,
    /// operator, schedule or maintenance
    #[arg(long, default_value = "operator")]
    why: String,
}

/// What can be done with the control of types.
#[derive(Subcommand, Debug)]
pub enum TypesVerb {
    /// How each type is controlled
    List,
    /// Set how a type is controlled; what is not given is not used
    Set(SetType),
    /// Take the default again
    Reset {
        /// The type: bi_server, query_engine, web_portal, postgres, zookeeper
        #[arg(value_name = "TYPE")]
        kind: String,
    },
}

/// How a type is to be controlled.
#[derive(Args, Debug)]
pub struct SetType {
    /// The type: bi_server, query_engine, web_portal, postgres, zookeeper
    #[arg(value_name = "TYPE")]
    kind: String,
    /// The unit's name on every host that runs one
    #[arg(long)]
    unit: String,
    /// How is looked whether one serves: none, tcp or http
    #[arg(long, default_value = "tcp")]
    probe: String,
    /// At which port; left out: at the one that is known of it
    #[arg(long)]
    port: Option<u16>,
    /// With http: of which path
    #[arg(long)]
    path: Option<String>,
}

/// With which services.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Which {
    /// One: its name, such as bi_server.km4
    id: Option<String>,
    /// All of this type: bi_server, query_engine, web_portal, postgres, zookeeper
    #[arg(long = "type")]
    kind: Option<String>,
    /// The whole cluster
    #[arg(long)]
    all: bool,
}

/// With which services, and why.
#[derive(Args, Debug)]
pub struct Operate {
    #[command(flatten)]
    which: Which,
    /// operator, schedule or maintenance
    #[arg(long, default_value = "operator")]
    why: String,
    /// Return as soon as it is asked for, instead of following it to its end
    #[arg(long)]
    no_wait: bool,
}

/// With which services, how many at a time, and why.
#[derive(Args, Debug)]
pub struct Restart {
    #[command(flatten)]
    operate: Operate,
    /// How many of a type are restarted side by side
    #[arg(long, default_value_t = 1)]
    at_once: u32,
    /// Only those that run with an older configuration than they would read now
    #[arg(long)]
    only_stale: bool,
}

const EVIDENCE: &[Column] = &[
    ("OBSERVER", "/observer"),
    ("BY", "/by"),
    ("SAYS", "/says"),
    ("AT", "/at"),
    ("BECAUSE", "/because"),
];

const TYPES: &[Column] = &[
    ("SERVICE", "/title"),
    ("UNIT", "/unit"),
    ("PROBE", "/probe/kind"),
    ("PORT", "/probe/port"),
    ("PATH", "/probe/path"),
    ("DEFAULT", "/is_default"),
];

pub(super) async fn show(id: &str, client: &Client, output: Output) -> Result<(), Failure> {
    let body = client.get(&format!("/services/{id}"), &[]).await?.body;
    if output.format == Format::Json {
        output.object(&body);
        return Ok(());
    }
    let mut summary = body.clone();
    summary.as_object_mut().and_then(|fields| fields.remove("evidence"));
    output.object(&summary);
    output.list(&json!({ "items": body["evidence"] }), EVIDENCE);
    Ok(())
}

pub(super) async fn want(want: Want, client: &Client, output: Output) -> Result<(), Failure> {
    let Want { id, state, why } = want;
    let body = json!({ "state": state, "why": why });
    let change = Change::new(Method::PUT, format!("/services/{id}/wanted"), body);
    let answer = client.change(change).await?.body;
    output.done(&format!("It is wanted that {id} is {state}."), &answer);
    Ok(())
}

pub(super) async fn types(verb: TypesVerb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        TypesVerb::List => output.list(&client.get_all("/services/types", &[]).await?, TYPES),
        TypesVerb::Set(set) => {
            let SetType { kind, unit, probe, port, path } = set;
            let mut how = json!({ "kind": probe });
            let given = [("port", port.map(Value::from)), ("path", path.map(Value::from))];
            for (name, value) in given {
                if let Some(value) = value {
                    how[name] = value;
                }
            }
            let body = json!({ "unit": unit, "probe": how });
            let change = Change::new(Method::PUT, format!("/services/types/{kind}"), body);
            let answer = client.change(change).await?.body;
            output.done(&format!("Every {kind} is controlled so from now on."), &answer);
        }
        TypesVerb::Reset { kind } => {
            let path = format!("/services/types/{kind}");
            let answer = client.change(Change::new(Method::DELETE, path, Value::Null)).await?.body;
            output.done(&format!("Every {kind} is controlled as by default again."), &answer);
        }
    }
    Ok(())
}

pub(super) async fn operate(
    verb: &str,
    operate: Operate,
    client: &Client,
    output: Output,
) -> Result<(), Failure> {
    let body = json!({ "why": operate.why });
    begin(verb, &operate, body, client, output).await
}

pub(super) async fn restart(
    restart: Restart,
    client: &Client,
    output: Output,
) -> Result<(), Failure> {
    let Restart { operate, at_once, only_stale } = restart;
    let body = json!({ "why": operate.why, "at_once": at_once, "only_stale": only_stale });
    begin("restart", &operate, body, client, output).await
}

async fn begin(
    verb: &str,
    operate: &Operate,
    body: Value,
    client: &Client,
    output: Output,
) -> Result<(), Failure> {
    let path = match &operate.which {
        Which { id: Some(id), .. } => format!("/services/{id}/{verb}"),
        Which { kind: Some(kind), .. } => format!("/services/types/{kind}/{verb}"),
        Which { id: None, kind: None, .. } => format!("/services/{verb}"),
    };
    let begun = client.change(Change::post(path, body)).await?.body;
    let id = begun["operation"].as_u64().unwrap_or_default();
    if operate.no_wait {
        output.done(&format!("Operation {id} has begun."), &begun);
        return Ok(());
    }
    follow(id, client, output).await
}
