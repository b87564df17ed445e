//! `km managers` and `km token`: the members of the group, what can be done with them, and the one-time tokens
//! to join it.

mod control;

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use self::control::Control;
use crate::cli::client::{Change, Client};
use crate::cli::download::download;
use crate::cli::outcome::Failure;
use crate::cli::output::{Column, Format, Output, say};

/// What can be asked of members.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// All members; works without a quorum
    List,
    /// All that is known of one member
    Get {
        /// Its number
        id: u64,
    },
    /// Name a member's host
    Alias {
        /// Its number
        id: u64,
        /// The alias; empty takes it away
        alias: String,
    },
    /// Who was Active, since when, and why it changed
    History,
    /// Every host, and whether a Manager may be added there
    EligibleHosts,
    /// Where the Disaster Recovery script lies, and whether it has to be pushed
    DrScript,
    /// A member's log, without secrets, into a file: from itself while it answers, else through its host
    Logs {
        /// Its number
        id: u64,
        /// Lines from this moment on, such as 2026-11-28T01:00:00Z
        #[arg(long)]
        since: Option<String>,
        /// Lines before this moment
        #[arg(long)]
        until: Option<String>,
        /// Only the file that is being written to
        #[arg(long)]
        newest: bool,
        /// The file, or the folder, it goes to
        #[arg(long)]
        out: Option<PathBuf>,
    },
    #[command(flatten)]
    Control(Control),
}

/// What can be asked of join tokens.
#[derive(Subcommand, Debug)]
pub enum TokenVerb {
    /// Make a token for one joining member; it is shown once
    Create {
        /// What the joining member will be
        #[arg(long, value_enum, default_value_t)]
        role: JoinRole,
        /// How long the token holds
        #[arg(long, default_value_t = 60)]
        ttl_minutes: u64,
    },
    /// Open tokens
    List,
    /// Take a token back
    Delete {
        /// Its number
        id: u64,
    },
}

/// What a joining member will be.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum JoinRole {
    /// May become Active.
    #[default]
    Manager,
    /// Votes only.
    Witness,
}

impl JoinRole {
    fn as_str(self) -> &'static str {
        match self {
            Self::Manager => "manager",
            Self::Witness => "witness",
        }
    }
}

const MANAGERS: &[Column] = &[
    ("ID", "/id"),
    ("HOST", "/host"),
    ("ALIAS", "/alias"),
    ("MODE", "/mode"),
    ("ROLE", "/role"),
    ("STATE", "/state"),
    ("SINCE", "/since"),
    ("VERSION", "/version"),
    ("LAG", "/lag"),
    ("LAST CONTACT MS", "/last_contact_ms"),
];

const TENURES: &[Column] = &[
    ("EPOCH", "/epoch"),
    ("MANAGER", "/manager"),
    ("HOST", "/host"),
    ("ALIAS", "/alias"),
    ("SINCE", "/since"),
    ("UNTIL", "/until"),
    ("BECAUSE", "/because"),
];

const ELIGIBLE: &[Column] =
    &[("HOST", "/host"), ("ELIGIBLE", "/eligible"), ("BECAUSE", "/because")];

const COPIES: &[Column] = &[
    ("HOST", "/host"),
    ("STATE", "/state"),
    ("PATH", "/path"),
    ("SHA256", "/sha256"),
    ("AT", "/at"),
    ("DETAIL", "/detail"),
];

const TOKENS: &[Column] = &[
    ("ID", "/id"),
    ("ROLE", "/role"),
    ("CREATED BY", "/created_by"),
    ("CREATED AT", "/created_at"),
    ("EXPIRES AT", "/expires_at"),
];

/// A table calls a witness a witness: that it is Passive, too, would have people think it could become Active.
pub fn in_words(mut managers: Value, output: Output) -> Value {
    let items = managers["items"].as_array_mut().filter(|_| output.format == Format::Table);
    for witness in items.into_iter().flatten().filter(|row| row["role"] == "witness") {
        witness["mode"] = "-".into();
    }
    managers
}

/// Does it.
pub async fn run(verb: Verb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        Verb::List => {
            let all = client.get_all("/managers", &[]).await?;
            output.list(&in_words(all, output), MANAGERS);
        }
        Verb::Get { id } => {
            output.object(&client.get(&format!("/managers/{id}"), &[]).await?.body);
        }
        Verb::Alias { id, alias } => {
            let body = json!({ "alias": alias });
            let change = Change::new(Method::PATCH, format!("/managers/{id}"), body);
            let answer = client.change(change).await?;
            output.done(&format!("Manager {id} has the alias \"{alias}\"."), &answer.body);
        }
        Verb::History => output.list(&client.get_all("/tenures", &[]).await?, TENURES),
        Verb::EligibleHosts => {
            output.list(&client.get_all("/managers/eligible-hosts", &[]).await?, ELIGIBLE);
        }
        Verb::DrScript => {
            let script = client.get("/managers/dr-script", &[]).await?.body;
            match output.format {
                Format::Json => output.object(&script),
                Format::Table => {
                    let text = |name: &str| script[name].as_str().unwrap_or_default().to_owned();
                    say(&format!("{}, version {}", text("state"), text("version")));
                    output.list(&json!({ "items": script["hosts"] }), COPIES);
                }
            }
        }
        Verb::Logs { id, since, until, newest, out } => {
            let moments = [("since", since), ("until", until)];
            let given = moments.into_iter().filter_map(|(name, at)| Some((name, at?)));
            let query: Vec<_> = given.chain([("rotated", (!newest).to_string())]).collect();
            let path = format!("/managers/{id}/logs");
            return download(client, &path, &query, out, output).await;
        }
        Verb::Control(control) => return control::run(control, client, output).await,
    }
    Ok(())
}

/// Does it.
pub async fn run_token(verb: TokenVerb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        TokenVerb::Create { role, ttl_minutes } => {
            let answer = client.change(create_token(role, ttl_minutes)).await?.body;
            let text = |name: &str| answer[name].as_str().unwrap_or_default();
            output.done(text("token"), &answer);
        }
        TokenVerb::List => output.list(&client.get_all("/join-tokens", &[]).await?, TOKENS),
        TokenVerb::Delete { id } => {
            let answer = client.change(Change::delete(format!("/join-tokens/{id}"))).await?;
            output.done(&format!("Join token {id} is taken back."), &answer.body);
        }
    }
    Ok(())
}

fn create_token(role: JoinRole, ttl_minutes: u64) -> Change {
    let body: Value = json!({ "role": role.as_str(), "ttl_minutes": ttl_minutes });
    Change::post("/join-tokens", body)
}
