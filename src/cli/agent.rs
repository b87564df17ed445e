//! `km agent`: the process on every host, and how it gets its certificate.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::connect::Connect;
use super::outcome::Failure;
use super::output::Output;
use crate::agent;
use crate::cli::client::Trust;
use crate::remote::UnitVerb;

/// Where the enrolment token is looked for, so that it need not stand on the command line.
const VARIABLE: &str = "KM_ENROL_TOKEN";

/// `km agent`.
#[derive(Args, Debug)]
#[command(subcommand_negates_reqs = true)]
pub(super) struct Agent {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The agent's configuration file
    #[arg(long, value_name = "FILE", required = true)]
    config: Option<PathBuf>,
    /// Answer one act on standard input and output; a Manager that signed in over SSH starts it so
    #[arg(long, hide = true)]
    stdio: bool,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Get this host's certificate: --token, or KM_ENROL_TOKEN, takes what `km hosts enrol` printed
    Enrol {
        /// The agent's configuration file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Take the token although this agent is enrolled as another host, which then has no agent any more
        #[arg(long)]
        replace_identity: bool,
    },
    /// Start a unit of this host, without a Manager
    Start(Order),
    /// Stop a unit of this host, without a Manager
    Stop(Order),
    /// End what the agent keeps running here, and leave what is wanted as it is; for a host that is shut down
    Rest {
        /// The agent's configuration file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Keeps one unit; started by the agent itself
    #[command(hide = true)]
    Keep {
        /// The unit's folder
        dir: PathBuf,
    },
}

/// A unit of this host.
#[derive(Args, Debug)]
struct Order {
    /// Its name in the agent's configuration
    unit: String,
    /// The agent's configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Does it.
pub(super) async fn run(given: Agent, connect: &Connect, output: Output) -> Result<(), Failure> {
    match (given.verb, given.config) {
        (Some(Verb::Enrol { config, replace_identity }), _) => {
            enrol(config, replace_identity, connect, output).await
        }
        (Some(Verb::Start(unit)), _) => order(unit, UnitVerb::Start, output).await,
        (Some(Verb::Stop(unit)), _) => order(unit, UnitVerb::Stop, output).await,
        (Some(Verb::Rest { config }), _) => agent::rest(&agent::load(&config)?).await,
        (Some(Verb::Keep { dir }), _) => agent::keep(&dir).await,
        (None, Some(config)) if given.stdio => agent::answer_on_stdio(agent::load(&config)?).await,
        (None, Some(config)) => agent::serve(agent::load(&config)?).await,
        (None, None) => Err(Failure::Usage("give the agent's configuration with --config".into())),
    }
}

async fn order(order: Order, verb: UnitVerb, output: Output) -> Result<(), Failure> {
    let status = agent::order(&agent::load(&order.config)?, &order.unit, verb).await?;
    let what = match status.pid {
        Some(pid) => format!("{} runs as process {pid}.", order.unit),
        None => format!("{} is stopped.", order.unit),
    };
    output.done(&what, &json!({ "unit": order.unit, "pid": status.pid }));
    Ok(())
}

async fn enrol(
    config: PathBuf,
    replace_identity: bool,
    connect: &Connect,
    output: Output,
) -> Result<(), Failure> {
    let token = std::env::var(VARIABLE).ok().or_else(|| connect.token.clone());
    let token = token.ok_or_else(|| {
        Failure::Usage("give the token of km hosts enrol with --token or KM_ENROL_TOKEN".into())
    })?;
    // Behind a certificate of the site, --ca says whom to believe; else the token does.
    let trust = match connect.access(None)?.trust {
        Trust::Authority(pem) => Some(Trust::Authority(pem)),
        Trust::System | Trust::Fingerprint(_) => None,
    };
    let servers = connect.server.clone();
    let host = agent::enrol(agent::Enrol {
        config: agent::load(&config)?,
        token,
        servers,
        trust,
        replace_identity,
    });
    let host = host.await?;
    let sentence = format!(
        "This host is enrolled as host {host}. Start its agent:\n  km agent --config {}",
        config.display()
    );
    output.done(&sentence, &json!({ "host": host }));
    Ok(())
}
