//! The system's own tools, waited for at once: `ip`, `nft`, `tc`, `mount`. A call takes a few milliseconds.

#![expect(clippy::disallowed_methods, reason = "each is waited for before the call returns")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Failure;

/// Whether a tool is on the search path.
pub(super) fn is_there(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| Path::new(&dir).join(tool).is_file())
}

/// Runs a command line without quotes; what it printed.
pub(super) fn run(line: &str) -> Result<String, Failure> {
    run_with(line, "")
}

/// The same, with something on its standard input.
pub(super) fn run_with(line: &str, input: &str) -> Result<String, Failure> {
    let mut words = line.split_whitespace();
    let program = words.next().expect("a command line has a program");
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Failure::doing(line))?;
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).map_err(Failure::doing(line))?;
    drop(stdin);
    let output = child.wait_with_output().map_err(Failure::doing(line))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Failure(format!("{line}: {told}")))
        }
    }
}

/// The first line that a program prints; empty when it cannot be run.
pub async fn said(line: &[&str]) -> String {
    let output = tokio::process::Command::new(line[0]).args(&line[1..]).output().await;
    let output = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or_default().to_owned()
}
