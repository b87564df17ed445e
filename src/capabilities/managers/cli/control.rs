//! The verbs that begin an operation on instances. All ask for the caller's password once more, and follow the
//! operation to its end when told to.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::JoinRole;
use crate::capabilities::operations::cli::follow;
use crate::cli::ask_password;
use crate::cli::client::{Change, Client};
use crate::cli::outcome::Failure;
use crate::cli::output::Output;

/// What can be done with instances. Each asks for your password; in scripts KM_PASSWORD holds it.
#[derive(Subcommand, Debug)]
pub enum Control {
    /// Make a Passive the Active
    MakeActive {
        /// Its number
        id: u64,
        #[command(flatten)]
        wait: Wait,
    },
    /// Have the Active hand over to whoever can take over best
    StepAside {
        #[command(flatten)]
        wait: Wait,
    },
    /// Restart the Active; it hands over first where somebody can take over
    RestartActive {
        #[command(flatten)]
        wait: Wait,
    },
    /// Restart a Passive or witness; one that does not answer is restarted through its host
    Restart {
        /// Its number
        id: u64,
        #[command(flatten)]
        quorum: Quorum,
        #[command(flatten)]
        wait: Wait,
    },
    /// Restart all Passives, one at a time
    RestartPassives {
        #[command(flatten)]
        quorum: Quorum,
        #[command(flatten)]
        wait: Wait,
    },
    /// Start a Passive or witness, through its host
    Start {
        /// Its number
        id: u64,
        #[command(flatten)]
        wait: Wait,
    },
    /// Stop a Passive or witness, through its host; it stays a member
    Stop {
        /// Its number
        id: u64,
        #[command(flatten)]
        quorum: Quorum,
        #[command(flatten)]
        wait: Wait,
    },
    /// Start all Passives that do not run
    StartPassives {
        #[command(flatten)]
        wait: Wait,
    },
    /// Stop all Passives that run
    StopPassives {
        #[command(flatten)]
        quorum: Quorum,
        #[command(flatten)]
        wait: Wait,
    },
    /// Add a Manager or witness on a host: let it in, start it, have it catch up and vote
    Add {
        /// The host, by its name
        host: String,
        /// What it will be
        #[arg(long, value_enum, default_value_t)]
        role: JoinRole,
        #[command(flatten)]
        prechecks: Prechecks,
        #[command(flatten)]
        wait: Wait,
    },
    /// Put a Manager or witness on another host: the new one first, then the old one goes
    Replace {
        /// Its number
        id: u64,
        /// The host of the new one, by its name
        host: String,
        #[command(flatten)]
        prechecks: Prechecks,
        #[command(flatten)]
        wait: Wait,
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
        #[command(flatten)]
        wait: Wait,
    },
    /// Write the Disaster Recovery script to every portal host
    PushDrScript {
        #[command(flatten)]
        wait: Wait,
    },
}

/// Whether a loss of quorum is accepted.
#[derive(Args, Clone, Copy, Debug)]
pub struct Quorum {
    /// Do it although the others have no quorum meanwhile
    #[arg(long)]
    confirm_quorum_loss: bool,
}

/// Whether prechecks that fail are accepted.
#[derive(Args, Clone, Copy, Debug)]
pub struct Prechecks {
    /// Do it although a precheck fails
    #[arg(long)]
    accept_failed_prechecks: bool,
}

/// Whether to stay until it is done.
#[derive(Args, Clone, Copy, Debug)]
pub struct Wait {
    /// Follow the operation until it ends; exit code 1 when it did not succeed
    #[arg(long)]
    wait: bool,
}

/// Begins the operation, with the password that such acts need.
pub(super) async fn run(control: Control, client: &Client, output: Output) -> Result<(), Failure> {
    let (Wait { wait }, (method, path, mut body)) = control.asks();
    if !client.by_api_token() {
        let password = ask_password("KM_PASSWORD", "Your Kyvos Manager password")?;
        body["password"] = password.reveal().into();
    }
    let answer = client.change(Change::new(method, path, body)).await?.body;
    let operation = &answer["operation"];
    if let Some(id) = operation.as_u64().filter(|_| wait) {
        return follow(id, client, output).await;
    }
    let sentence =
        format!("Operation {operation} has begun; km operations watch {operation} follows it.");
    output.done(&sentence, &answer);
    Ok(())
}

impl Control {
    /// The call that asks for it, and whether to wait for its end.
    fn asks(&self) -> (Wait, (Method, String, Value)) {
        let post = |path: String, body: Value| (Method::POST, format!("/managers{path}"), body);
        let plain = |path: &str| post(format!("/{path}"), json!({}));
        match self {
            Self::MakeActive { id, wait } => (*wait, plain(&format!("{id}/make-active"))),
            Self::StepAside { wait } => (*wait, plain("step-aside")),
            Self::RestartActive { wait } => (*wait, plain("restart-active")),
            Self::Restart { id, quorum, wait } => {
                (*wait, post(format!("/{id}/restart"), quorum.body()))
            }
            Self::RestartPassives { quorum, wait } => {
                (*wait, post("/restart-passives".into(), quorum.body()))
            }
            Self::Start { id, wait } => (*wait, plain(&format!("{id}/start"))),
            Self::Stop { id, quorum, wait } => (*wait, post(format!("/{id}/stop"), quorum.body())),
            Self::StartPassives { wait } => (*wait, plain("start-passives")),
            Self::StopPassives { quorum, wait } => {
                (*wait, post("/stop-passives".into(), quorum.body()))
            }
            Self::Add { host, role, prechecks, wait } => {
                let mut body = prechecks.body(host);
                body["role"] = role.as_str().into();
                (*wait, post(String::new(), body))
            }
            Self::Replace { id, host, prechecks, wait } => {
                (*wait, post(format!("/{id}/replace"), prechecks.body(host)))
            }
            Self::Remove { id, force, quorum, wait } => {
                let mut body = quorum.body();
                body["force"] = (*force).into();
                (*wait, (Method::DELETE, format!("/managers/{id}"), body))
            }
            Self::PushDrScript { wait } => (*wait, plain("push-dr-script")),
        }
    }
}

impl Quorum {
    fn body(self) -> Value {
        json!({ "confirm_quorum_loss": self.confirm_quorum_loss })
    }
}

impl Prechecks {
    fn body(self, host: &str) -> Value {
        json!({ "host": host, "accept_failed_prechecks": self.accept_failed_prechecks })
    }
}
