//! `km operations`: long work, what runs and what ran.

use std::time::Duration;

use clap::Subcommand;
use serde_json::Value;

use crate::cli::client::{Change, Client};
use crate::cli::outcome::Failure;
use crate::cli::output::{Column, Format, Output, complain, say};

/// How often a watched operation is looked at.
const WATCH_PERIOD: Duration = Duration::from_millis(500);
/// Looks in a row that may fail before a watch gives up: a minute or more, longer than any election.
const WATCH_FAILURES_MAX: u32 = 120;

/// What can be asked of operations.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Operations, the newest first
    List {
        /// Only these: queued, running, succeeded, failed, needs_decision, cancelled
        #[arg(long)]
        status: Option<String>,
    },
    /// One operation with its steps
    Get {
        /// Its number
        id: u64,
    },
    /// Stop an operation after the step it is at
    Cancel {
        /// Its number
        id: u64,
    },
    /// Try a failed operation again from the step that failed
    Retry {
        /// Its number
        id: u64,
    },
    /// Follow an operation until it ends; exit code 1 when it did not succeed
    Watch {
        /// Its number
        id: u64,
    },
}

const OPERATIONS: &[Column] = &[
    ("ID", "/id"),
    ("OPERATION", "/title"),
    ("TARGET", "/target"),
    ("REQUESTED BY", "/requested_by"),
    ("START", "/started_at"),
    ("DONE", "/progress/done"),
    ("OF", "/progress/total"),
    ("STATUS", "/status"),
    ("RESUMED", "/resumed"),
];

const STEPS: &[Column] = &[
    ("STEP", "/title"),
    ("STATUS", "/status"),
    ("ATTEMPT", "/attempt"),
    ("BY", "/executed_by"),
    ("EPOCH", "/epoch"),
    ("DETAIL", "/detail"),
];

/// Does it.
pub async fn run(verb: Verb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        Verb::List { status } => {
            let query: Vec<_> = status.into_iter().map(|status| ("status", status)).collect();
            output.list(&client.get_all("/operations", &query).await?, OPERATIONS);
        }
        Verb::Get { id } => show(&client.get(&path(id), &[]).await?.body, output),
        Verb::Cancel { id } => {
            let answer = client.change(Change::post(path(id) + "/cancel", Value::Null)).await?;
            output.done(&format!("Operation {id} is being cancelled."), &answer.body);
        }
        Verb::Retry { id } => {
            let answer = client.change(Change::post(path(id) + "/retry", Value::Null)).await?;
            output.done(&format!("Operation {id} is tried again."), &answer.body);
        }
        Verb::Watch { id } => return follow(id, client, output).await,
    }
    Ok(())
}

fn path(id: u64) -> String {
    format!("/operations/{id}")
}

fn show(operation: &Value, output: Output) {
    if output.format == Format::Json {
        return output.object(operation);
    }
    let mut summary = operation.clone();
    let steps = summary.as_object_mut().and_then(|fields| fields.remove("steps"));
    output.object(&summary);
    output.list(&serde_json::json!({ "items": steps }), STEPS);
}

/// Looks again until the operation has ended. A failover in between is not its end.
pub(crate) async fn follow(id: u64, client: &Client, output: Output) -> Result<(), Failure> {
    let mut failures = 0;
    let mut told = String::new();
    loop {
        match client.get(&path(id), &[]).await {
            Ok(answer) => {
                failures = 0;
                tell_news(&answer.body, &mut told, output);
                if let Some(end) = end(&answer.body, output) {
                    return end;
                }
            }
            Err(failure @ Failure::Unavailable(_)) if failures < WATCH_FAILURES_MAX => {
                if failures == 0 {
                    complain(&format!("{failure}\nAsking again until somebody answers …"));
                }
                failures += 1;
            }
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(WATCH_PERIOD).await;
    }
}

fn tell_news(operation: &Value, told: &mut String, output: Output) {
    let progress = &operation["progress"];
    let status = operation["status"].as_str().unwrap_or_default();
    let line = format!("{status}: step {} of {}", progress["done"], progress["total"]);
    if output.format == Format::Table && *told != line {
        say(&line);
        *told = line;
    }
}

fn end(operation: &Value, output: Output) -> Option<Result<(), Failure>> {
    match operation["status"].as_str()? {
        "queued" | "running" => None,
        "succeeded" => {
            show(operation, output);
            Some(Ok(()))
        }
        other => {
            show(operation, output);
            let because = operation["error"].as_str().unwrap_or("see its steps");
            Some(Err(Failure::Refused(format!("operation {} {other}: {because}", operation["id"]))))
        }
    }
}
