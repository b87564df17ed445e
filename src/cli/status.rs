//! `km status` and `km explain`: what one Manager knows of the group.

use serde_json::Value;

use super::client::{Answer, Client};
use super::outcome::Failure;
use super::output::{Column, Format, Output, say};

const MANAGERS: &[Column] = &[
    ("ID", "/id"),
    ("HOST", "/host"),
    ("ALIAS", "/alias"),
    ("MODE", "/mode"),
    ("ROLE", "/role"),
    ("STATE", "/state"),
    ("LAG", "/lag"),
    ("LAST CONTACT MS", "/last_contact_ms"),
    ("API", "/api_url"),
];

/// Asks the servers in turn. One that knows an Active is believed before one that knows none.
pub(super) async fn run(client: &Client, output: Output) -> Result<(), Failure> {
    let (server, cluster) = best(client).await?;
    if output.format == Format::Json {
        output.object(&cluster.body);
        return Ok(());
    }
    summary(&cluster);
    let managers = client.only(&server).get("/managers", &[]).await?;
    output.list(&managers.body, MANAGERS);
    Ok(())
}

async fn best(client: &Client) -> Result<(String, Answer), Failure> {
    let mut without_active = None;
    let mut failure = None;
    for server in client.servers() {
        match client.only(server).get("/cluster", &[]).await {
            Ok(answer) if answer.body["active"].is_number() => return Ok((server.clone(), answer)),
            Ok(answer) => without_active = without_active.or(Some((server.clone(), answer))),
            Err(problem) => failure = failure.or(Some(problem)),
        }
    }
    without_active.ok_or_else(|| {
        failure.unwrap_or_else(|| Failure::Usage("name a Manager with --server URL".into()))
    })
}

fn summary(cluster: &Answer) {
    let body = &cluster.body;
    let number = |name: &str| body[name].as_u64().map_or("none".to_owned(), |n| n.to_string());
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let voters = body["voters"].as_array().map_or(0, Vec::len);
    say(&format!("Group {} ({}), as {} sees it", text("name"), text("cluster_id"), cluster.server));
    say(&match body["active"].as_u64() {
        Some(active) => format!("Active: Manager {active}, epoch {}", number("epoch")),
        None => "Active: none. This Manager is read-only until a majority is back".to_owned(),
    });
    say(&format!(
        "Quorum {} of {voters}, tolerates {}; term {}, applied {}",
        number("quorum"),
        failures(body["failure_tolerance"].as_u64()),
        number("term"),
        number("applied"),
    ));
    for notice in body["notices"].as_array().into_iter().flatten() {
        let text = |name: &str| notice[name].as_str().unwrap_or_default();
        say(&format!("{}: {}", text("severity").to_uppercase(), text("text")));
    }
    say("");
}

fn failures(tolerated: Option<u64>) -> String {
    match tolerated {
        None => "an unknown number of failures".to_owned(),
        Some(1) => "1 failure".to_owned(),
        Some(number) => format!("{number} failures"),
    }
}

/// A verdict and the rules behind it.
pub(super) fn explain(body: &Value, output: Output) {
    if output.format == Format::Json {
        return output.object(body);
    }
    say(body["verdict"].as_str().unwrap_or_default());
    for rule in body["rules"].as_array().into_iter().flatten() {
        let text = |name: &str| rule[name].as_str().unwrap_or_default();
        let mark = if rule["pass"].as_bool() == Some(true) { "yes" } else { "NO " };
        say(&format!("  {mark}  {}: {}", text("rule"), text("detail")));
    }
}
