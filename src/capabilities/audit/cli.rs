//! `km audit`: who changed what, when, and from where.

use clap::Subcommand;

use crate::cli::client::Client;
use crate::cli::outcome::Failure;
use crate::cli::output::{Column, Output};

/// What can be asked of the audit.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Changes and refusals, the newest first
    List {
        /// Only those of this user
        #[arg(long)]
        user: Option<String>,
        /// Only those of this room: access, alerts, hosts, managers, operations, prechecks, properties, services
        #[arg(long)]
        room: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Those after this cursor of an earlier answer
        #[arg(long)]
        after: Option<String>,
    },
}

const RECORDS: &[Column] = &[
    ("REVISION", "/revision"),
    ("AT", "/at"),
    ("USER", "/user"),
    ("ACTION", "/action"),
    ("OBJECT", "/object"),
    ("BEFORE", "/before"),
    ("AFTER", "/after"),
    ("OUTCOME", "/outcome"),
    ("FROM", "/source_ip"),
    ("VIA", "/via"),
];

/// Does it.
pub async fn run(verb: Verb, client: &Client, output: Output) -> Result<(), Failure> {
    let Verb::List { user, room, limit, after } = verb;
    let given =
        [("user", user), ("room", room), ("limit", Some(limit.to_string())), ("after", after)];
    let query: Vec<_> =
        given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    output.list(&client.get("/audit", &query).await?.body, RECORDS);
    Ok(())
}
