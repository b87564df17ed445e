//! `km status` and `km explain`: what one Manager knows of the group.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::client::{Answer, Client, health};
use super::connect::Connect;
use super::outcome::Failure;
use super::output::{Column, Format, Output, say};
use crate::capabilities::managers::cli::in_words;
use crate::cluster::Home;
use crate::config::Config;
use crate::node::REMOVED_REMEDY;

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

/// Where a Manager's health port on this host listens unless told otherwise.
const LOCAL_HEALTH: &str = "http://localhost:7448";

/// `km status`.
#[derive(Args, Debug)]
pub(super) struct Status {
    /// Health port to ask when the API lets nobody in or does not answer; on a Manager's own host
    /// http://localhost:7448 unless told otherwise
    #[arg(long, value_name = "URL", env = "KM_HEALTH")]
    health: Option<String>,
    /// Configuration of the Manager on this host: its health port is asked, and its data folder when it was removed
    /// from the group and runs no more
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Asks the servers in turn. One that knows an Active is believed before one that knows none. Where nobody is
/// signed in, the health port tells what it tells everybody; a Manager that was removed is past asking, and its
/// folder tells.
pub(super) async fn run(status: Status, connect: &Connect, output: Output) -> Result<(), Failure> {
    let mut health = status.health;
    if let Some(file) = &status.config {
        let config = Config::load(file, std::env::vars_os(), &[])?;
        if let Some(why) = Home::at(&config.node.data_dir).removal() {
            say_removed(&why, output);
            return Ok(());
        }
        health = health.or(Some(config.health.url));
    }
    let client = &connect.client()?;
    let (server, cluster) = match best(client).await {
        Ok(best) => best,
        Err(failure) => return without_sign_in(health, client, output, failure).await,
    };
    if output.format == Format::Json {
        output.object(&cluster.body);
        return Ok(());
    }
    summary(&cluster);
    let managers = client.only(&server).get("/managers", &[]).await?;
    output.list(&in_words(managers.body, output), MANAGERS);
    Ok(())
}

fn say_removed(why: &str, output: Output) {
    match output.format {
        Format::Json => output.object(&json!({ "removed": why, "remedy": REMOVED_REMEDY })),
        Format::Table => say(&format!("{why}.\n{REMOVED_REMEDY}")),
    }
}

async fn without_sign_in(
    told_health: Option<String>,
    client: &Client,
    output: Output,
    failure: Failure,
) -> Result<(), Failure> {
    if !leaves_the_health_port(&failure) {
        return Err(failure);
    }
    let here = client.servers().iter().any(|server| is_this_host(server));
    let url = told_health.or_else(|| here.then(|| LOCAL_HEALTH.to_owned()));
    let Some(url) = url else { return Err(naming_the_health_port(failure)) };
    let Ok(told) = health(&url).await else { return Err(failure) };
    match output.format {
        Format::Json => output.object(&told),
        Format::Table => say_health(&url, &told),
    }
    Ok(())
}

/// Whether the API did not let anybody in, or did not answer.
fn leaves_the_health_port(failure: &Failure) -> bool {
    match failure {
        Failure::Problem(problem) => problem["status"] == 401,
        Failure::Unavailable(_) => true,
        Failure::Refused(_)
        | Failure::Usage(_)
        | Failure::BadFile { .. }
        | Failure::Unknown { .. } => false,
    }
}

/// Says that there is a page that asks for no sign-in, to somebody who did not name it.
fn naming_the_health_port(failure: Failure) -> Failure {
    const ASK: &str =
        "Without a sign-in its health port tells: km status --health http://HOST:7448";
    match failure {
        Failure::Problem(mut problem) => {
            let hint = problem["hint"].as_str().unwrap_or_default().to_owned();
            problem["hint"] = format!("{hint} {ASK}").trim().into();
            Failure::Problem(problem)
        }
        Failure::Unavailable(why) => Failure::Unavailable(format!("{why}\n  hint: {ASK}")),
        other => other,
    }
}

fn is_this_host(server: &str) -> bool {
    let authority = server.trim_start_matches("https://");
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
        authority.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    })
}

fn say_health(url: &str, told: &Value) {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    say(&format!("What {url} tells everybody; km login shows the whole group."));
    say(&format!("This Manager is {}: {}", text(told, "mode"), text(told, "reason")));
    say(&match told["active"].as_u64() {
        Some(active) => format!("Active: Manager {active}, epoch {}", told["epoch"]),
        None => "Active: none that this Manager hears".to_owned(),
    });
    for check in told["checks"].as_array().into_iter().flatten() {
        let mark = if check["pass"].as_bool() == Some(true) { "yes" } else { "NO " };
        say(&format!("  {mark}  {}: {}", text(check, "check"), text(check, "detail")));
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_server_on_this_host_is_asked_by_its_usual_health_port() {
        let here = ["https://localhost:7443", "https://127.0.0.1:9101", "https://[::1]:7443"];
        assert!(here.iter().all(|server| is_this_host(server)));
        let elsewhere =
            ["https://km1:7443", "https://localhost.example:7443", "https://127.0.0.10"];
        assert!(!elsewhere.iter().any(|server| is_this_host(server)));
    }

    #[test]
    fn who_is_not_signed_in_and_names_a_server_is_told_of_the_health_port() {
        let hint = "Sign in with km login.";
        let refused = Failure::Problem(json!({ "detail": "No.", "status": 401, "hint": hint }));
        let told = naming_the_health_port(refused).to_string();
        assert!(told.contains("km login. Without") && told.contains("--health http://"), "{told}");
        let away = naming_the_health_port(Failure::Unavailable("nobody answers".into()));
        assert!(away.to_string().contains("--health http://"), "{away}");
    }

    #[test]
    fn a_refusal_with_another_reason_than_no_sign_in_is_told_as_it_is() {
        let problem = |status: u16| Failure::Problem(json!({ "status": status }));
        assert!(leaves_the_health_port(&problem(401)));
        assert!(leaves_the_health_port(&Failure::Unavailable("nobody".into())));
        assert!(!leaves_the_health_port(&problem(403)));
        assert!(!leaves_the_health_port(&Failure::Usage("what".into())));
    }
}
