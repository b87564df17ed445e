//! `km managers` and `km token`: the members of the group, what can be done with them, and the one-time tokens
//! to join it.

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::ask_password;
use crate::cli::client::{Change, Client};
use crate::cli::outcome::Failure;
use crate::cli::output::{Column, Output};

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
    /// Make a Passive the Active. Asks for your password, like all verbs below; KM_PASSWORD holds it in scripts
    MakeActive {
        /// Its number
        id: u64,
    },
    /// Have the Active hand over to whoever can take over best
    StepAside,
    /// Restart the Active; it hands over first where somebody can take over
    RestartActive,
    /// Restart a Passive or witness
    Restart {
        /// Its number
        id: u64,
        #[command(flatten)]
        quorum: Quorum,
    },
    /// Restart all Passives, one at a time
    RestartPassives {
        #[command(flatten)]
        quorum: Quorum,
    },
    /// Take a Manager or witness out of the group; the Active hands over first
    Remove {
        /// Its number
        id: u64,
        /// It does not answer and will not come back
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        quorum: Quorum,
    },
    /// Who was Active, since when, and why it changed
    History,
}

/// Whether a loss of quorum is accepted.
#[derive(Args, Clone, Copy, Debug)]
pub struct Quorum {
    /// Do it although the others have no quorum meanwhile
    #[arg(long)]
    confirm_quorum_loss: bool,
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

const TOKENS: &[Column] = &[
    ("ID", "/id"),
    ("ROLE", "/role"),
    ("CREATED BY", "/created_by"),
    ("CREATED AT", "/created_at"),
    ("EXPIRES AT", "/expires_at"),
];

/// Does it.
pub async fn run(verb: Verb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        Verb::List => output.list(&client.get_all("/managers", &[]).await?, MANAGERS),
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
        Verb::MakeActive { id } => {
            begin(client, output, Method::POST, &format!("/managers/{id}/make-active"), json!({}))
                .await?;
        }
        Verb::StepAside => {
            begin(client, output, Method::POST, "/managers/step-aside", json!({})).await?;
        }
        Verb::RestartActive => {
            begin(client, output, Method::POST, "/managers/restart-active", json!({})).await?;
        }
        Verb::Restart { id, quorum } => {
            let path = format!("/managers/{id}/restart");
            begin(client, output, Method::POST, &path, quorum.body()).await?;
        }
        Verb::RestartPassives { quorum } => {
            begin(client, output, Method::POST, "/managers/restart-passives", quorum.body())
                .await?;
        }
        Verb::Remove { id, force, quorum } => {
            let mut body = quorum.body();
            body["force"] = force.into();
            begin(client, output, Method::DELETE, &format!("/managers/{id}"), body).await?;
        }
    }
    Ok(())
}

/// Begins an operation, with the password that such acts need.
async fn begin(
    client: &Client,
    output: Output,
    method: Method,
    path: &str,
    mut body: Value,
) -> Result<(), Failure> {
    if !client.by_api_token() {
        let password = ask_password("KM_PASSWORD", "Your Kyvos Manager password")?;
        body["password"] = password.reveal().into();
    }
    let answer = client.change(Change::new(method, path, body)).await?.body;
    let operation = &answer["operation"];
    let sentence =
        format!("Operation {operation} has begun; km operations watch {operation} follows it.");
    output.done(&sentence, &answer);
    Ok(())
}

impl Quorum {
    fn body(self) -> Value {
        json!({ "confirm_quorum_loss": self.confirm_quorum_loss })
    }
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
    let role = match role {
        JoinRole::Manager => "manager",
        JoinRole::Witness => "witness",
    };
    let body: Value = json!({ "role": role, "ttl_minutes": ttl_minutes });
    Change::post("/join-tokens", body)
}
