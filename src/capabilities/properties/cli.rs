//! `km properties`: replicated configuration, typed by hand.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

use crate::base::Secret;
use crate::cli::ask_password;
use crate::cli::client::{Answer, Change, Client, segment};
use crate::cli::outcome::Failure;
use crate::cli::output::{Column, Output};

/// What can be asked of properties.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Properties with their values
    List {
        /// Only this file: kyvos-manager, kyvos, olapengine, kyvosclient, custom
        #[arg(long)]
        file: Option<String>,
        /// Only those whose name or description has this text
        #[arg(long)]
        search: Option<String>,
    },
    /// One property with its description
    Get(Name),
    /// Give a property a value
    Set {
        #[command(flatten)]
        name: Name,
        /// The value. Without one it is asked for and not shown, or read from KM_VALUE or standard input: for secrets,
        /// which every process on the host could read here
        value: Option<String>,
        #[command(flatten)]
        how: How,
    },
    /// Take a property back to its default; a custom one ceases to exist
    Unset {
        #[command(flatten)]
        name: Name,
        #[command(flatten)]
        how: How,
    },
    /// Who changed a property, when and why
    History(Name),
    /// Give a property the value it had at a revision
    Revert {
        #[command(flatten)]
        name: Name,
        /// A revision from its history
        revision: u64,
        #[command(flatten)]
        how: How,
    },
}

/// Which property.
#[derive(Args, Debug)]
pub struct Name {
    /// The file
    file: String,
    /// The property
    name: String,
}

/// How a change is to be made.
#[derive(Args, Debug)]
pub struct How {
    /// Why, for the history
    #[arg(long)]
    reason: Option<String>,
    /// Only if the property's last change is this revision; 0: only if it was never set
    #[arg(long, value_name = "REVISION")]
    if_match: Option<u64>,
}

impl Name {
    fn path(&self) -> String {
        format!("/properties/{}/{}", segment(&self.file), segment(&self.name))
    }

    fn text(&self) -> String {
        format!("{}/{}", self.file, self.name)
    }
}

const PROPERTIES: &[Column] = &[
    ("FILE", "/file"),
    ("PROPERTY", "/name"),
    ("VALUE", "/value"),
    ("DEFAULT", "/default"),
    ("MODIFIED BY", "/modified/by"),
    ("REVISION", "/revision"),
];

const CHANGES: &[Column] = &[
    ("REVISION", "/revision"),
    ("AT", "/at"),
    ("BY", "/by"),
    ("ACTION", "/action"),
    ("VALUE", "/value"),
    ("REASON", "/reason"),
];

/// Does it.
pub async fn run(verb: Verb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        Verb::List { file, search } => list(file, search, client, output).await,
        Verb::Get(name) => {
            output.object(&client.get(&name.path(), &[]).await?.body);
            Ok(())
        }
        Verb::Set { name, value, how } => {
            let value = match value {
                Some(value) => Secret::new(value),
                None => ask_password("KM_VALUE", &format!("Value of {}", name.text()))?,
            };
            let body = json!({ "value": value.reveal(), "reason": how.reason });
            let change = Change::new(Method::PUT, name.path(), body).if_match(how.if_match);
            let answer = client.change(change).await?;
            tell(&format!("{} is set", name.text()), &answer, output)
        }
        Verb::Unset { name, how } => {
            let body = json!({ "reason": how.reason });
            let change = Change::new(Method::DELETE, name.path(), body).if_match(how.if_match);
            let answer = client.change(change).await?;
            tell(&format!("{} is unset", name.text()), &answer, output)
        }
        Verb::History(name) => {
            let answer = client.get(&format!("{}/history", name.path()), &[]).await?;
            output.list(&answer.body, CHANGES);
            Ok(())
        }
        Verb::Revert { name, revision, how } => {
            let body = json!({ "revision": revision, "reason": how.reason });
            let path = format!("{}/revert", name.path());
            let answer = client.change(Change::post(path, body).if_match(how.if_match)).await?;
            tell(&format!("{} is as it was at revision {revision}", name.text()), &answer, output)
        }
    }
}

async fn list(
    file: Option<String>,
    search: Option<String>,
    client: &Client,
    output: Output,
) -> Result<(), Failure> {
    let given = [("file", file), ("search", search)];
    let query: Vec<_> =
        given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    output.list(&client.get_all("/properties", &query).await?, PROPERTIES);
    Ok(())
}

fn tell(what: &str, answer: &Answer, output: Output) -> Result<(), Failure> {
    let revision = answer.revision.map_or(String::new(), |number| format!(" (revision {number})"));
    output.done(&format!("{what}{revision}."), &answer.body);
    Ok(())
}
