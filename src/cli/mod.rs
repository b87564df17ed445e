//! The command line: the API typed by hand, and the verbs that start, join and check Managers.
//!
//! Nouns are rooms; their verbs stand in `capabilities/*/cli.rs`. [`client`] is the only HTTP client,
//! [`output`] the only printer, [`outcome`] the exit codes.

mod agent;
pub mod client;
mod config_file;
pub mod connect;
mod consent;
pub mod download;
mod init;
mod join;
pub mod outcome;
pub mod output;
mod password;
mod pinned;
mod session;
mod sign_in;
mod status;
mod store;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use raft_store::planted;

use crate::capabilities::access::cli as access;
use crate::capabilities::{
    alerts, audit, hosts, managers, operations, prechecks, properties, services,
};
use crate::{config, demo, node};
use client::segment;
use config_file::ConfigFile;
use connect::Connect;
use outcome::Failure;

pub use consent::confirm;
pub use password::{ask as ask_password, ask_new as ask_new_password};

/// What `km --version` says.
const VERSION: &str = match planted::WARNING {
    None => env!("CARGO_PKG_VERSION"),
    Some(_) => concat!(env!("CARGO_PKG_VERSION"), " with planted bugs: for tests only"),
};

/// Kyvos Manager: runs a Manager, and speaks to a group of them.
#[derive(Parser, Debug)]
#[command(name = "km", version = VERSION, propagate_version = true, max_term_width = 110)]
pub struct CommandLine {
    #[command(flatten)]
    connect: Connect,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// The group at a glance; works without a quorum, and on a Manager's own host without a sign-in
    Status(status::Status),
    /// Sign in, and remember it on this host
    Login(sign_in::Login),
    /// Sign out, and forget it on this host
    Logout,
    /// The Managers and witnesses of the group
    #[command(subcommand)]
    Managers(managers::cli::Verb),
    /// One-time tokens for joining the group
    #[command(subcommand)]
    Token(managers::cli::TokenVerb),
    /// The machines that are looked after
    #[command(subcommand)]
    Hosts(hosts::cli::Verb),
    /// Replicated configuration
    #[command(subcommand)]
    Properties(properties::cli::Verb),
    /// Long work: what runs, what ran
    #[command(subcommand)]
    Operations(operations::cli::Verb),
    /// Whether the surroundings are as Kyvos Manager HA needs them
    #[command(subcommand)]
    Prechecks(prechecks::cli::Verb),
    /// What is seen of Kyvos services, and what ZooKeeper's znodes mean
    #[command(subcommand)]
    Services(services::cli::Verb),
    /// What a person should know, and who is told of it
    #[command(subcommand)]
    Alerts(alerts::cli::Verb),
    /// People who may sign in
    #[command(subcommand)]
    Users(access::UserVerb),
    /// Tokens for programs
    #[command(subcommand)]
    Tokens(access::TokenVerb),
    /// Who changed what, when, and from where
    #[command(subcommand)]
    Audit(audit::cli::Verb),
    /// What became of a request
    #[command(subcommand)]
    Requests(RequestVerb),
    /// Everything a supporter asks for, in one archive: logs of all Managers, the group, its operations and audit
    SupportBundle {
        /// The file, or the folder, it goes to
        #[arg(long)]
        out: Option<std::path::PathBuf>,
    },
    /// Why something is as it is
    Explain {
        /// What to explain: active, make-active, start, stop, restart, add, failure, host-failure
        topic: String,
        /// Which member, by number; needed by all topics about one
        #[arg(long)]
        manager: Option<u64>,
        /// Which host, by name; for host-failure and add
        #[arg(long)]
        host: Option<String>,
    },
    /// The configuration file
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Run a Manager or a witness
    Serve {
        #[command(flatten)]
        file: ConfigFile,
        /// Stop when standard input closes; for supervisors that hold a pipe
        #[arg(long)]
        until_stdin_closes: bool,
    },
    /// Waits for the end of a Manager and tells the others; started by the Manager itself
    #[command(hide = true)]
    KeepWill {
        /// The Manager's data directory
        data_dir: std::path::PathBuf,
    },
    /// Run the agent of a host, or enrol it
    Agent(agent::Agent),
    /// Make the first Manager of a new group
    Init(init::Init),
    /// Let this host into a group: --token, or KM_JOIN_TOKEN, takes what `km token create` printed
    Join(join::Join),
    /// Look over the files of a stopped Manager; exit code 1 when something is damaged
    #[command(subcommand)]
    Store(store::Verb),
    /// Print the description of the HTTP API
    Openapi,
    /// A real group on this computer: Managers as processes, their own authority, their own disks
    Demo(demo::Demo),
    /// Waits for the end of a demo and ends what belongs to it; started by the demo itself
    #[command(hide = true)]
    SweepDemo {
        /// The demo's folder
        dir: std::path::PathBuf,
    },
    /// A sample Kyvos service of a demo; started by the agents of its hosts
    #[command(hide = true)]
    DemoService(demo::Sample),
    /// Print the shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Subcommand, Debug)]
enum RequestVerb {
    /// Committed, refused, or not known
    Get {
        /// The request id
        id: String,
    },
}

#[derive(Subcommand, Debug)]
enum ConfigVerb {
    /// Print the reference of all settings
    Reference,
}

/// Runs the command line this process was started with.
pub fn main() -> ExitCode {
    let line = CommandLine::parse();
    let format = line.connect.output;
    match runtime().block_on(run(line)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(format),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("the operating system gives threads and an event queue at start")
}

async fn run(line: CommandLine) -> Result<(), Failure> {
    let CommandLine { connect, verb } = line;
    let output = connect.output();
    match verb {
        Verb::Status(status) => status::run(status, &connect, output).await,
        Verb::Login(login) => sign_in::login(login, &connect).await,
        Verb::Logout => sign_in::logout(&connect.client()?, connect.output()).await,
        Verb::Managers(verb) => managers::cli::run(verb, &connect.client()?, output).await,
        Verb::Token(verb) => managers::cli::run_token(verb, &connect.client()?, output).await,
        Verb::Hosts(verb) => hosts::cli::run(verb, &connect.client()?, output).await,
        Verb::Properties(verb) => properties::cli::run(verb, &connect.client()?, output).await,
        Verb::Operations(verb) => operations::cli::run(verb, &connect.client()?, output).await,
        Verb::Prechecks(verb) => prechecks::cli::run(verb, &connect.client()?, output).await,
        Verb::Services(verb) => services::cli::run(verb, &connect.client()?, output).await,
        Verb::Alerts(verb) => alerts::cli::run(verb, &connect.client()?, output).await,
        Verb::Users(verb) => access::run_users(verb, &connect.client()?, output).await,
        Verb::Tokens(verb) => access::run_tokens(verb, &connect.client()?, output).await,
        Verb::Audit(verb) => audit::cli::run(verb, &connect.client()?, output).await,
        Verb::Requests(RequestVerb::Get { id }) => {
            let path = format!("/requests/{}", segment(&id));
            output.object(&connect.client()?.get(&path, &[]).await?.body);
            Ok(())
        }
        Verb::Explain { topic, manager, host } => {
            let path = format!("/explain/{}", segment(&topic));
            let about = [("manager", manager.map(|id| id.to_string())), ("host", host)];
            let about: Vec<_> =
                about.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            status::explain(&connect.client()?.get(&path, &about).await?.body, output);
            Ok(())
        }
        Verb::SupportBundle { out } => {
            download::download(&connect.client()?, "/support-bundle", &[], out, output).await
        }
        Verb::Config(ConfigVerb::Reference) => {
            output::say(config::reference().trim_end());
            Ok(())
        }
        Verb::Serve { file, until_stdin_closes } => {
            node::serve(file.load()?, until_stdin_closes).await
        }
        Verb::KeepWill { data_dir } => node::keep_will(&data_dir).await,
        Verb::Agent(agent) => agent::run(agent, &connect, output).await,
        Verb::Init(init) => init::run(init, output).await,
        Verb::Join(join) => join::run(join, &connect, output).await,
        Verb::Store(verb) => store::run(verb, output),
        Verb::Openapi => {
            output::say(&output::pretty(&crate::api::openapi()));
            Ok(())
        }
        Verb::Demo(demo) => demo::run(demo, output).await,
        Verb::SweepDemo { dir } => demo::sweep(&dir).await,
        Verb::DemoService(sample) => demo::serve_sample(sample).await,
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut CommandLine::command(), "km", &mut script);
            output::say(String::from_utf8_lossy(&script).trim_end());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
    }
}
