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
        Verb::List { host } => {
            let query: Vec<_> = host.into_iter().map(|host| ("host", host)).collect();
            output.list(&client.get_all("/prechecks", &query).await?, RESULTS);
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
