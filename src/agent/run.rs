//! The known commands: which program with which arguments, never through a shell.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command as Process;
use tokio::time::timeout;

use super::No;
use super::process::kill_group;
use crate::base::Secret;
use crate::remote::act::OUTPUT_MAX_BYTES;
use crate::remote::act::{CanaryStep, Location, Tool};
use crate::remote::{Command, Output};

/// Longest time of one command.
const DEADLINE: Duration = Duration::from_secs(90);
/// Longest time of letting a Manager in.
const JOIN_DEADLINE: Duration = Duration::from_secs(130);
/// Most output that is read at all; whoever writes more is ended.
const FLOOD_BYTES: u64 = 64 << 20;

/// What commands are run with.
pub(super) struct Runner<'a> {
    /// Where programs are looked for.
    pub(super) search_path: &'a str,
    /// Names the host in what a canary leaves behind for a moment.
    pub(super) host: u64,
    /// Where a canary's file is made.
    pub(super) scratch: PathBuf,
}

/// A program and its arguments.
struct Line {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(&'static str, Secret)>,
}

impl Runner<'_> {
    /// Runs a command to its end.
    pub(super) async fn run(&self, command: &Command) -> Result<Output, No> {
        match command {
            Command::Find(tool) => Ok(self.find_for_people(*tool)),
            Command::Identity(tool) => self.identity(*tool).await,
            Command::Canary { tool, location, step } => self.canary(*tool, location, *step).await,
            Command::Join { config, token } => self.join(config.as_str(), token).await,
        }
    }

    fn find_for_people(&self, tool: Tool) -> Output {
        match self.find(name(tool)) {
            Some(path) => output(0, &format!("{}\n", path.display()), ""),
            None => output(
                127,
                "",
                &format!("{} is not on the search path {}\n", name(tool), self.search_path),
            ),
        }
    }

    fn find(&self, program: &str) -> Option<PathBuf> {
        let found = self.search_path.split(':').map(|folder| Path::new(folder).join(program));
        let runs = |path: &PathBuf| {
            std::fs::metadata(path)
                .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        };
        found.into_iter().find(runs)
    }

    async fn identity(&self, tool: Tool) -> Result<Output, No> {
        let arguments: &[&str] = match tool {
            Tool::Aws => &["sts", "get-caller-identity", "--output", "json"],
            Tool::Azcopy => &["login", "status", "--tenant", "--endpoint"],
            Tool::Gsutil => &["version", "-l"],
            Tool::Hdfs => &["groups"],
        };
        self.tool(tool, arguments.iter().map(|text| (*text).to_owned()).collect()).await
    }

    async fn canary(
        &self,
        tool: Tool,
        location: &Location,
        step: CanaryStep,
    ) -> Result<Output, No> {
        let name = format!("km-canary-{}", self.host);
        let content = format!("a canary of Kyvos Manager on host {}\n", self.host);
        let (there, here) = (below(location.as_str(), &name), self.scratch.join(&name));
        let local = here.display().to_string();
        match step {
            CanaryStep::Put => {
                std::fs::write(&here, &content).map_err(failed)?;
                let told = self.tool(tool, put(tool, &local, &there)).await;
                // Whether it is left behind matters to nobody.
                let _ = std::fs::remove_file(&here);
                told
            }
            CanaryStep::Get => {
                let _ = std::fs::remove_file(&here);
                let told = self.tool(tool, get(tool, &there, &local)).await?;
                let read = std::fs::read(&here);
                let _ = std::fs::remove_file(&here);
                Ok(match read {
                    Ok(bytes) if bytes == content.as_bytes() => told,
                    _ if !told.succeeded() => told,
                    _ => output(1, "", "what was read back is not what was written\n"),
                })
            }
            CanaryStep::Delete => self.tool(tool, delete(tool, &there)).await,
        }
    }

    /// `km join`, by this very program; the token goes where no list of processes shows it.
    async fn join(&self, config: &str, token: &Secret) -> Result<Output, No> {
        let line = Line {
            program: "/proc/self/exe".into(),
            arguments: ["join", "--replace", "--config", config].map(str::to_owned).to_vec(),
            environment: vec![("KM_JOIN_TOKEN", token.clone())],
        };
        self.finish(line, JOIN_DEADLINE).await
    }

    async fn tool(&self, tool: Tool, arguments: Vec<String>) -> Result<Output, No> {
        let Some(program) = self.find(name(tool)) else { return Ok(self.find_for_people(tool)) };
        self.finish(Line { program, arguments, environment: Vec::new() }, DEADLINE).await
    }

    #[expect(clippy::disallowed_methods, reason = "the guard ends it and all it started")]
    async fn finish(&self, line: Line, deadline: Duration) -> Result<Output, No> {
        let mut command = Process::new(&line.program);
        command.args(&line.arguments).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("PATH", self.search_path).process_group(0).kill_on_drop(true);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("KM_") {
                command.env_remove(name);
            }
        }
        command.envs(line.environment.iter().map(|(name, value)| (*name, value.reveal())));
        let mut child = command.spawn().map_err(failed)?;
        let _group = child.id().map(Group);
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let work = async { tokio::join!(child.wait(), first_bytes(out), first_bytes(err)) };
        match timeout(deadline, work).await {
            Ok((status, stdout, stderr)) => {
                Ok(Output { exit: status.map_err(failed)?.code(), stdout, stderr })
            }
            Err(_) => {
                Err(No::Failed(format!("it did not end within {deadline:?}, and was killed")))
            }
        }
    }
}

/// A command and whatever it started; dropped, all of it is gone.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        kill_group(self.0, Signal::KILL);
    }
}

fn name(tool: Tool) -> &'static str {
    match tool {
        Tool::Aws => "aws",
        Tool::Azcopy => "azcopy",
        Tool::Gsutil => "gsutil",
        Tool::Hdfs => "hdfs",
    }
}

/// Without it azcopy tells how many files failed, and why only in a log of its own.
const TELLS_WHY: &str = "--output-type=json";

fn put(tool: Tool, from: &str, to: &str) -> Vec<String> {
    match tool {
        Tool::Aws => words(&["s3", "cp", "--only-show-errors", from, to]),
        Tool::Azcopy => words(&["copy", from, to, TELLS_WHY]),
        Tool::Gsutil => words(&["-q", "cp", from, to]),
        Tool::Hdfs => words(&["dfs", "-put", "-f", from, to]),
    }
}

fn get(tool: Tool, from: &str, to: &str) -> Vec<String> {
    match tool {
        Tool::Aws => words(&["s3", "cp", "--only-show-errors", from, to]),
        Tool::Azcopy => words(&["copy", from, to, TELLS_WHY]),
        Tool::Gsutil => words(&["-q", "cp", from, to]),
        Tool::Hdfs => words(&["dfs", "-get", from, to]),
    }
}

fn delete(tool: Tool, what: &str) -> Vec<String> {
    match tool {
        Tool::Aws => words(&["s3", "rm", "--only-show-errors", what]),
        Tool::Azcopy => words(&["remove", what, TELLS_WHY]),
        Tool::Gsutil => words(&["-q", "rm", what]),
        Tool::Hdfs => words(&["dfs", "-rm", "-skipTrash", what]),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A name below a location; what follows a `?`, such as a signature, stays at the end.
fn below(location: &str, name: &str) -> String {
    let (path, query) = location.split_at(location.find('?').unwrap_or(location.len()));
    format!("{}/{name}{query}", path.trim_end_matches('/'))
}

/// The first bytes of a stream; the rest is read and forgotten, so that nobody waits for room.
async fn first_bytes(stream: Option<impl AsyncRead + Unpin>) -> Bytes {
    let Some(stream) = stream else { return Bytes::new() };
    let mut stream = stream.take(FLOOD_BYTES);
    let mut kept = Vec::new();
    // A stream that breaks ends; the exit code tells how the command fared.
    let _ = (&mut stream).take(OUTPUT_MAX_BYTES as u64).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    kept.into()
}

fn output(exit: i32, stdout: &str, stderr: &str) -> Output {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    Output { exit: Some(exit), stdout: bytes(stdout), stderr: bytes(stderr) }
}

fn failed(error: std::io::Error) -> No {
    No::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts a program there. Another process writes it: what this one has open, a child that another test starts has open as
    /// well until it has become its own program, and what is open to be written cannot be run.
    #[expect(clippy::disallowed_methods, reason = "it is waited for, and ends by itself")]
    fn program(folder: &Path, name: &str, text: &str) {
        let draft = folder.join("draft");
        std::fs::write(&draft, text).unwrap();
        let mut install = std::process::Command::new("install");
        install.args(["-m", "755"]).args([draft, folder.join(name)]);
        assert!(install.status().unwrap().success());
    }

    #[tokio::test]
    async fn a_tool_that_is_missing_is_told_apart_from_one_that_fails() {
        let folder = tempfile::tempdir().unwrap();
        let search_path = folder.path().to_str().unwrap();
        let runner = Runner { search_path, host: 12, scratch: folder.path().to_owned() };
        let found = runner.run(&Command::Find(Tool::Hdfs)).await.unwrap();
        assert_eq!(found.exit, Some(127));
        program(folder.path(), "hdfs", "#!/bin/sh\necho \"$*\" >&2\nexit 3\n");
        let found = runner.run(&Command::Find(Tool::Hdfs)).await.unwrap();
        assert_eq!(found.stdout, format!("{search_path}/hdfs\n"));
        let location: Location = "/user/kyvos".parse().unwrap();
        let canary = Command::Canary { tool: Tool::Hdfs, location, step: CanaryStep::Delete };
        let told = runner.run(&canary).await.unwrap();
        assert_eq!(told.exit, Some(3));
        assert_eq!(told.stderr, "dfs -rm -skipTrash /user/kyvos/km-canary-12\n");
    }

    #[tokio::test]
    async fn output_is_bounded_and_a_flood_does_not_hold_up() {
        let folder = tempfile::tempdir().unwrap();
        program(folder.path(), "hdfs", "#!/bin/sh\nhead -c 1000000 /dev/zero\n");
        let search_path = format!("{}:/usr/bin:/bin", folder.path().display());
        let runner =
            Runner { search_path: &search_path, host: 1, scratch: folder.path().to_owned() };
        let told = runner.run(&Command::Identity(Tool::Hdfs)).await.unwrap();
        assert_eq!((told.exit, told.stdout.len()), (Some(0), OUTPUT_MAX_BYTES));
    }

    #[test]
    fn a_canary_lies_below_its_location_and_before_the_signature() {
        assert_eq!(below("s3://b/dir/", "c"), "s3://b/dir/c");
        assert_eq!(below("https://a/c?sv=1&sig=x", "c"), "https://a/c/c?sv=1&sig=x");
    }
}
