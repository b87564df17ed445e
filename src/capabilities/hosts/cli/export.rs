//! `km hosts export`: what there is, as a file that `km hosts apply` takes. Applied at once, nothing differs.
//!
//! What automation said for a while, a schedule or Services HA, is left out: it is nobody's declaration.

use serde_json::{Map, Value, json};

use super::apply::items;
use super::cluster_file::ClusterFile;
use super::text;
use crate::cli::client::Client;
use crate::cli::outcome::Failure;
use crate::cli::output::Output;

pub(super) async fn run(client: &Client, output: Output) -> Result<(), Failure> {
    let hosts = items(client, "/hosts").await?;
    let types = items(client, "/services/types").await?;
    let services = items(client, "/services").await?;
    let ha = client.get("/services/ha", &[]).await?.body;
    let file = written(&hosts, &types, &services, &ha).map_err(|why| {
        Failure::Refused(format!("this km is too old to write down what the group knows: {why}"))
    })?;
    output.done(file.trim_end(), &json!({ "file": file }));
    Ok(())
}

pub(super) fn written(
    hosts: &[Value],
    types: &[Value],
    services: &[Value],
    ha: &Value,
) -> Result<String, String> {
    let named = |all: &[Value], name: &str, said: fn(&Value) -> Value| -> Value {
        all.iter().map(|one| (text(one, name).to_owned(), said(one))).collect::<Map<_, _>>().into()
    };
    let file = json!({
        "host": named(hosts, "name", host),
        "type": named(types, "type", |kind| picked(kind, &["unit", "probe"])),
        "service": spoken_of(services),
        "services_ha": services_ha(ha),
    });
    let file: ClusterFile = serde_json::from_value(file).map_err(|error| error.to_string())?;
    toml::to_string(&file).map_err(|error| error.to_string())
}

/// An agent tells its address itself.
fn host(known: &Value) -> Value {
    let way = &known["transport"];
    match text(way, "kind") {
        "ssh" => {
            let ssh = picked(way, &["address", "user", "program", "config"]);
            json!({ "roles": known["roles"], "ssh": ssh })
        }
        _ => json!({ "roles": known["roles"], "agent": {} }),
    }
}

fn spoken_of(services: &[Value]) -> Value {
    let mut all = json!({});
    for service in services {
        let wanted = &service["wanted"];
        if matches!(text(wanted, "why"), "operator" | "maintenance") {
            let said = json!({ "wanted": wanted["state"], "why": wanted["why"] });
            all[text(service, "type")][text(service, "host")] = said;
        }
    }
    all
}

fn services_ha(ha: &Value) -> Value {
    let mut said = ha.clone();
    let types = ha["types"].as_array().into_iter().flatten();
    let types = types.map(|kind| (text(kind, "type").to_owned(), kind["enabled"].clone()));
    said["types"] = types.collect::<Map<_, _>>().into();
    for told_only in ["is_default", "revision"] {
        said.as_object_mut().and_then(|fields| fields.remove(told_only));
    }
    said
}

fn picked(known: &Value, fields: &[&str]) -> Value {
    let picked = fields.iter().map(|field| ((*field).to_owned(), known[*field].clone()));
    picked.collect::<Map<_, _>>().into()
}
