//! `km alerts`: what a person should know, seeing it, and who else is told.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::ask_password;
use crate::cli::client::{Change, Client};
use crate::cli::outcome::Failure;
use crate::cli::output::{Column, Output};

/// Largest file of certificates, in bytes.
const FILE_MAX_BYTES: u64 = 64 << 10;

/// What can be asked of alerts.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Alerts, the newest first
    List {
        /// Only those that are open, acknowledged or resolved
        #[arg(long)]
        state: Option<String>,
        /// Only those that matter so much or more: info, warning, error
        #[arg(long)]
        severity: Option<String>,
    },
    /// Say that you have seen an alert
    Ack {
        /// Its number
        id: u64,
        /// What you have to say
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Who is told of alerts
    #[command(subcommand)]
    Channels(ChannelVerb),
}

/// What can be done with channels.
#[derive(Subcommand, Debug)]
pub enum ChannelVerb {
    /// Every channel, and how the telling goes
    List,
    /// One channel
    Get {
        /// Its number
        id: u64,
    },
    /// Tell a program by HTTP; letters are signed with a secret that is asked for, or KM_WEBHOOK_SECRET
    AddWebhook(Webhook),
    /// Tell people by e-mail; the password is asked for, or KM_MAIL_PASSWORD
    AddEmail(Email),
    /// Tell a test now, and show exactly what came of it
    Test {
        /// Its number
        id: u64,
    },
    /// Remove a channel, and what waits on it
    Remove {
        /// Its number
        id: u64,
    },
}

/// A channel's name and what is told on it.
#[derive(Args, Debug)]
pub struct Named {
    /// Its name
    name: String,
    /// Tell what matters so much or more: info, warning, error
    #[arg(long, default_value = "warning")]
    minimum_severity: String,
    /// Believe these authorities, and no others
    #[arg(long, value_name = "FILE")]
    channel_ca: Option<PathBuf>,
}

/// A program that takes alerts.
#[derive(Args, Debug)]
pub struct Webhook {
    #[command(flatten)]
    named: Named,
    /// Where
    #[arg(long)]
    url: String,
}

/// A mail server and whom it is to tell.
#[derive(Args, Debug)]
pub struct Email {
    #[command(flatten)]
    named: Named,
    /// HOST:PORT of the mail server
    #[arg(long = "mail-server")]
    server: String,
    /// starttls, tls or none
    #[arg(long, default_value = "starttls")]
    encryption: String,
    /// Sign in as
    #[arg(long)]
    username: Option<String>,
    /// Who writes
    #[arg(long)]
    from: String,
    /// To whom; may be given several times
    #[arg(long, required = true)]
    to: Vec<String>,
}

const ALERTS: &[Column] = &[
    ("ID", "/id"),
    ("SEVERITY", "/severity"),
    ("STATE", "/state"),
    ("SINCE", "/since"),
    ("TIMES", "/count"),
    ("CODE", "/code"),
    ("TEXT", "/text"),
    ("SEEN BY", "/acknowledged_by"),
];

const CHANNELS: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("KIND", "/kind"),
    ("FROM ON", "/minimum_severity"),
    ("URL", "/webhook/url"),
    ("MAIL SERVER", "/email/server"),
    ("WAITING", "/waiting"),
    ("TOLD", "/told"),
    ("GIVEN UP", "/given_up"),
    ("LAST TRY", "/last_try/detail"),
    ("NEXT", "/next_try_at"),
];

/// Does it.
pub async fn run(verb: Verb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        Verb::List { state, severity } => {
            let given = [("state", state), ("severity", severity)];
            let query: Vec<_> =
                given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            output.list(&client.get_all("/alerts", &query).await?, ALERTS);
        }
        Verb::Ack { id, note } => {
            let path = format!("/alerts/{id}/acknowledge");
            let answer = client.change(Change::post(&path, json!({ "note": note }))).await?.body;
            output.done("It is noted that you have seen it.", &answer);
        }
        Verb::Channels(verb) => channels(verb, client, output).await?,
    }
    Ok(())
}

async fn channels(verb: ChannelVerb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        ChannelVerb::List => {
            output.list(&client.get_all("/alerts/channels", &[]).await?, CHANNELS);
        }
        ChannelVerb::Get { id } => {
            output.object(&client.get(&format!("/alerts/channels/{id}"), &[]).await?.body);
        }
        ChannelVerb::AddWebhook(webhook) => {
            let secret = ask_password("KM_WEBHOOK_SECRET", "Secret that letters are signed with")?;
            let mut told = json!({ "url": webhook.url, "secret": secret.reveal() });
            believing(&mut told, &webhook.named)?;
            add(client, output, &webhook.named, "webhook", told).await?;
        }
        ChannelVerb::AddEmail(email) => {
            let mut told = json!({ "server": email.server, "encryption": email.encryption,
                "from": email.from, "to": email.to });
            if let Some(username) = &email.username {
                let prompt = format!("Password of {username} at {}", email.server);
                told["username"] = username.as_str().into();
                told["password"] = ask_password("KM_MAIL_PASSWORD", &prompt)?.reveal().into();
            }
            believing(&mut told, &email.named)?;
            add(client, output, &email.named, "email", told).await?;
        }
        ChannelVerb::Test { id } => {
            let path = format!("/alerts/channels/{id}/test");
            let answer = client.change(Change::post(&path, json!({}))).await?.body;
            let detail = answer["detail"].as_str().unwrap_or_default();
            match answer["ok"].as_bool() {
                Some(true) => output.done(&format!("It arrived: {detail}"), &answer),
                Some(false) | None => {
                    return Err(Failure::Refused(format!("It did not arrive: {detail}")));
                }
            }
        }
        ChannelVerb::Remove { id } => {
            let path = format!("/alerts/channels/{id}");
            let known = client.get(&path, &[]).await?.body;
            let change = Change::new(Method::DELETE, &path, Value::Null);
            let answer = client.change(change.if_match(known["revision"].as_u64())).await?.body;
            output.done("Nobody is told there any more.", &answer);
        }
    }
    Ok(())
}

async fn add(
    client: &Client,
    output: Output,
    named: &Named,
    kind: &str,
    told: Value,
) -> Result<(), Failure> {
    let mut body = json!({ "name": named.name, "minimum_severity": named.minimum_severity });
    body[kind] = told;
    let answer = client.change(Change::post("/alerts/channels", body)).await?.body;
    let id = answer["id"].as_u64().unwrap_or_default();
    output
        .done(&format!("Channel {id} is there. Try it out: km alerts channels test {id}"), &answer);
    Ok(())
}

fn believing(told: &mut Value, named: &Named) -> Result<(), Failure> {
    if let Some(file) = &named.channel_ca {
        told["ca_pem"] = read(file)?.into();
    }
    Ok(())
}

fn read(file: &PathBuf) -> Result<String, Failure> {
    let told = Failure::local(file.display());
    if std::fs::metadata(file).map_err(told)?.len() > FILE_MAX_BYTES {
        let detail = format!("{}: at most {FILE_MAX_BYTES} bytes", file.display());
        return Err(Failure::Usage(detail));
    }
    std::fs::read_to_string(file).map_err(Failure::local(file.display()))
}
