//! `km prechecks`: whether the surroundings are as Kyvos Manager HA needs them.

use clap::Subcommand;
use serde_json::json;

use crate::cli::client::{Change, Client};
use crate::cli::outcome::Failure;
use crate::cli::output::{Column, Output};

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
        Verb::Run { host } => {
            let asked = Change::post("/prechecks/run", json!({ "hosts": host }));
            let answer = client.change(asked).await?.body;
            let sentence = "The Active looks anew; km prechecks list shows what it finds.";
            output.done(sentence, &answer);
            Ok(())
        }
    }
}
