//! Processes of this very program, as a demo runs them: verbs that end, agents that go on, and the one that clears up.

use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, ChildStdin, Command};

use super::record::Agent;
use crate::cli::outcome::Failure;
use crate::cli::output::complain;

/// How long clearing up may take: Managers hand over first, and what does not end is killed.
const CLEAR_PATIENCE: Duration = Duration::from_secs(60);

/// A running agent.
pub(super) struct Process {
    child: Child,
}

/// The process that ends whatever belongs to the demo, once the demo has ended: it holds the other end of a pipe,
/// which closes with this process, however that ends. So nothing outlives the demo.
pub(super) struct Sweeper {
    child: Child,
    lifeline: Option<ChildStdin>,
}

impl Process {
    /// Starts an agent; its output is added to its log.
    pub(super) fn start(agent: &Agent) -> Result<Self, Failure> {
        let open = || OpenOptions::new().create(true).append(true).open(&agent.log);
        let opened = open().and_then(|log| Ok((log.try_clone()?, log)));
        let (out, err) = opened.map_err(Failure::local(agent.log.display()))?;
        let mut command = this_program();
        command.args(["agent", "--config"]).arg(&agent.config);
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn().map_err(Failure::local("start an agent"))?;
        Ok(Self { child })
    }

    /// Its number; `None` once it has ended.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for its end and says how it came, in words. May be cancelled.
    pub(super) async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => in_words(status),
            Err(error) => error.to_string(),
        }
    }
}

impl Sweeper {
    /// Starts it, before there is anything to clear up.
    pub(super) fn start(dir: &Path) -> Result<Self, Failure> {
        let mut command = this_program();
        command.arg("sweep-demo").arg(dir).stdin(Stdio::piped()).stdout(Stdio::null());
        // It has to outlive this process, and ends by itself.
        let mut child =
            command.kill_on_drop(false).spawn().map_err(Failure::local("sweep-demo"))?;
        let lifeline = child.stdin.take();
        Ok(Self { child, lifeline })
    }

    /// Has it clear up, and waits until it has.
    pub(super) async fn sweep(mut self) {
        drop(self.lifeline.take());
        match tokio::time::timeout(CLEAR_PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => {}
            Ok(Ok(status)) => complain(&format!("km: clearing up ended with {}", in_words(status))),
            Ok(Err(error)) => complain(&format!("km: clearing up: {error}")),
            Err(_) => complain("km: clearing up takes long; it goes on by itself"),
        }
    }
}

/// Runs a verb of this program to its end and reads the JSON it prints.
pub(super) async fn run(
    verb: &[&str],
    config: &Path,
    variables: &[(&str, &str)],
) -> Result<Value, Failure> {
    let mut command = this_program();
    command.args(["--output", "json"]).args(verb).arg("--config").arg(config);
    command.envs(variables.iter().copied()).stdin(Stdio::null());
    let output = command.output().await.map_err(Failure::local(verb[0]))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Failure::Refused(format!("km {}: {told}", verb.join(" "))));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::Refused(format!("km {}: {error}", verb.join(" "))))
}

/// This very program, in a process group of its own: Ctrl-C reaches the demo only, which then ends the others in
/// order. Settings meant for another Manager on this computer do not reach it.
fn this_program() -> Command {
    // Not `current_exe`: that path may hold a newer build by now.
    #[expect(clippy::disallowed_methods, reason = "the demo ends every process it starts")]
    let mut command = Command::new("/proc/self/exe");
    command.arg0("km").process_group(0).kill_on_drop(true);
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("KM_") && !name.starts_with("KM_LOG_") {
            command.env_remove(&variable);
        }
    }
    command
}

fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}
