//! The verbs that begin an operation on instances. All ask for the caller's password once more.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

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
}

/// Whether a loss of quorum is accepted.
#[derive(Args, Clone, Copy, Debug)]
pub struct Quorum {
    /// Do it although the others have no quorum meanwhile
    #[arg(long)]
    confirm_quorum_loss: bool,
}

/// Begins the operation, with the password that such acts need.
pub(super) async fn run(control: Control, client: &Client, output: Output) -> Result<(), Failure> {
    let (method, path, mut body) = control.asks();
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

impl Control {
    /// The call that asks for it.
    fn asks(&self) -> (Method, String, Value) {
        let post = |path: String, body: Value| (Method::POST, format!("/managers/{path}"), body);
        match self {
            Self::MakeActive { id } => post(format!("{id}/make-active"), json!({})),
            Self::StepAside => post("step-aside".into(), json!({})),
            Self::RestartActive => post("restart-active".into(), json!({})),
            Self::Restart { id, quorum } => post(format!("{id}/restart"), quorum.body()),
            Self::RestartPassives { quorum } => post("restart-passives".into(), quorum.body()),
            Self::Remove { id, force, quorum } => {
                let mut body = quorum.body();
                body["force"] = (*force).into();
                (Method::DELETE, format!("/managers/{id}"), body)
            }
        }
    }
}

impl Quorum {
    fn body(self) -> Value {
        json!({ "confirm_quorum_loss": self.confirm_quorum_loss })
    }
}
