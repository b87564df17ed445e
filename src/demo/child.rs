//! Processes of this very program, as a demo runs them: verbs that end, and Managers that go on.

use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, ChildStdin, Command};

use super::record::Manager;
use crate::cli::outcome::Failure;
use crate::cli::output::complain;

/// How long a Manager may take to stop before it is killed: it hands over first.
const STOP_PATIENCE: Duration = Duration::from_secs(15);

/// A running Manager. Its standard input is a pipe that closes with this process, however that ends, and a
/// Manager started so stops when it closes: nothing outlives the demo.
pub(super) struct Process {
    child: Child,
    _lifeline: Option<ChildStdin>,
}

impl Process {
    /// Starts a Manager; its output is added to its log.
    pub(super) fn start(manager: &Manager) -> Result<Self, Failure> {
        let open = || OpenOptions::new().create(true).append(true).open(&manager.log);
        let opened = open().and_then(|log| Ok((log.try_clone()?, log)));
        let (out, err) = opened.map_err(Failure::local(manager.log.display()))?;
        let mut command = this_program();
        command.args(["serve", "--until-stdin-closes", "--config"]).arg(&manager.config);
        command.stdin(Stdio::piped()).stdout(out).stderr(err);
        let mut child = command.spawn().map_err(Failure::local("start a Manager"))?;
        let lifeline = child.stdin.take();
        Ok(Self { child, _lifeline: lifeline })
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

    /// Asks it to stop, and kills it when it does not.
    pub(super) async fn stop(&mut self) {
        let pid = self.pid().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        let Some(pid) = pid else { return };
        // It may have ended by itself this very moment; then there is nothing to stop.
        let _ = kill_process(pid, Signal::TERM);
        if tokio::time::timeout(STOP_PATIENCE, self.child.wait()).await.is_ok() {
            return;
        }
        if let Err(error) = self.child.kill().await {
            complain(&format!("km: a Manager could not be stopped: {error}"));
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
        return Err(Failure::Refused(format!("km {}: {told}", verb[0])));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::Refused(format!("km {}: {error}", verb[0])))
}

/// This very program, in a process group of its own: Ctrl-C reaches the demo only, which then stops its
/// Managers in order. Settings meant for another Manager on this computer do not reach it.
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
