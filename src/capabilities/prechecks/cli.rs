//! `km prechecks`: whether the surroundings are as Kyvos Manager HA needs them.

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::client::{Change, Client};
use crate::cli::outcome::Failure;
use crate::cli::output::{Column, Output, complain};

/// How often is looked whether an ask is answered.
const WAIT_PERIOD: Duration = Duration::from_millis(500);
/// Looks in a row that may fail before waiting is given up: a minute or more, longer than any election.
const WAIT_FAILURES_MAX: u32 = 120;

/// What can be asked of prechecks.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// The latest result of each check
    List {
        /// Only those about this host, and about the group as a whole
        #[arg(long)]
        host: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 500)]
        limit: u32,
        /// Those after this cursor of an earlier answer
        #[arg(long)]
        after: Option<String>,
    },
    /// Have the Active look anew; `km prechecks list` shows what it finds
    Run {
        /// Only at these hosts, and at the group as a whole; may be given more than once
        #[arg(long)]
        host: Vec<String>,
        /// Wait until it has looked, and show what it found; exit code 1 when a check failed
        #[arg(long)]
        wait: bool,
    },
}

const RESULTS: &[Column] = &[
    ("CHECK", "/title"),
    ("HOST", "/host"),
    ("RESULT", "/result"),
    ("CODE", "/code"),
    ("DETAIL", "/detail"),
    ("AT", "/at"),
];

/// Does it.
pub async fn run(verb: Verb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        Verb::List { host, limit, after } => {
            let given = [("host", host), ("limit", Some(limit.to_string())), ("after", after)];
            let query: Vec<_> =
                given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            output.list(&client.get("/prechecks", &query).await?.body, RESULTS);
            Ok(())
        }
        Verb::Run { host, wait } => {
            let asked = Change::post("/prechecks/run", json!({ "hosts": host }));
            let answer = client.change(asked).await?.body;
            if wait {
                return found(&answer, &host, client, output).await;
            }
            let sentence = "The Active looks anew; km prechecks list shows what it finds.";
            output.done(sentence, &answer);
            Ok(())
        }
    }
}

/// Waits until an ask is answered, and shows the results it was about. The next Active answers what one left open.
async fn found(
    asked: &Value,
    hosts: &[String],
    client: &Client,
    output: Output,
) -> Result<(), Failure> {
    let mut failures = 0;
    loop {
        match client.get("/prechecks", &[("limit", "1".to_owned())]).await {
            Ok(page) if page.body["answered"].as_u64() >= asked["asked"].as_u64() => break,
            Ok(_) => failures = 0,
            Err(failure @ Failure::Unavailable(_)) if failures < WAIT_FAILURES_MAX => {
                if failures == 0 {
                    complain(&format!("{failure}\nAsking again until somebody answers …"));
                }
                failures += 1;
            }
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(WAIT_PERIOD).await;
    }
    let mut list = client.get_all("/prechecks", &[]).await?;
    let is_meant = |item: &Value| {
        let about = item["host"].as_str();
        about.is_none_or(|about| hosts.is_empty() || hosts.iter().any(|host| host == about))
    };
    let items = list["items"].as_array_mut();
    let failed = items.map_or(0, |items| {
        items.retain(is_meant);
        items.iter().filter(|item| item["result"] == "fail").count()
    });
    output.list(&list, RESULTS);
    match failed {
        0 => Ok(()),
        1 => Err(Failure::Refused("1 check failed".into())),
        failed => Err(Failure::Refused(format!("{failed} checks failed"))),
    }
}
