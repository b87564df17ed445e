//! Units that systemd looks after: asked and told by `systemctl`, read by `journalctl`.

use std::collections::VecDeque;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::No;
use crate::base::Timestamp;
use crate::cluster::wall_clock;
use crate::remote::{UnitState, UnitStatus, UnitVerb};

/// Longest time systemd may take to say how a unit stands.
const ASK_DEADLINE: Duration = Duration::from_secs(10);
/// Longest time systemd may take to start, stop or restart one.
const ORDER_DEADLINE: Duration = Duration::from_secs(300);

/// Most bytes of a journal that are handed over; they are held in memory.
const JOURNAL_BYTES_MAX: u64 = 64 << 20;
/// Longest line that is handled as one.
const LINE_MAX_BYTES: u64 = 64 << 10;

/// What is asked of a unit.
const PROPERTIES: &str = "--property=LoadState,ActiveState,SubState,MainPID,StateChangeTimestampMonotonic,Result,ExecMainStatus";

/// How it stands.
pub(super) async fn status(unit: &str) -> Result<UnitStatus, No> {
    let told = systemctl(&["show", PROPERTIES, "--", unit], ASK_DEADLINE).await?;
    let monotonic = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let up_ms = u64::try_from(monotonic.tv_sec).unwrap_or_default().saturating_mul(1000);
    understood(unit, &told, Timestamp(wall_clock().0.saturating_sub(up_ms)))
}

/// Starts, stops or restarts it, and has it so also after the host starts anew.
pub(super) async fn order(unit: &str, verb: UnitVerb) -> Result<UnitStatus, No> {
    let arguments: &[&[&str]] = match verb {
        UnitVerb::Start => &[&["enable", "--quiet", "--", unit], &["start", "--", unit]],
        UnitVerb::Stop => &[&["disable", "--quiet", "--", unit], &["stop", "--", unit]],
        UnitVerb::Restart => &[&["enable", "--quiet", "--", unit], &["restart", "--", unit]],
    };
    for words in arguments {
        systemctl(words, ORDER_DEADLINE).await?;
    }
    status(unit).await
}

/// The unit's journal, as it comes.
pub(super) fn journal(
    unit: &str,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Result<Child, No> {
    let mut command = program("journalctl");
    command.args(["--no-pager", "--quiet", "--output=short-iso-precise", "--utc", "--unit", unit]);
    let at = |time: Timestamp| format!("@{}.{:03}", time.0 / 1000, time.0 % 1000);
    if let Some(since) = since {
        command.args(["--since", &at(since)]);
    }
    if let Some(until) = until {
        command.args(["--until", &at(until)]);
    }
    command.spawn().map_err(|error| missing("journalctl", &error))
}

/// The last so many bytes of a journal, in whole lines.
pub(super) async fn last_lines(
    mut journal: Child,
    bytes_max: u64,
    pieces: mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let Some(out) = journal.stdout.take() else { return Ok(()) };
    let bytes_max = bytes_max.min(JOURNAL_BYTES_MAX);
    let (mut lines, mut kept, mut held) = (BufReader::new(out), VecDeque::new(), 0_u64);
    loop {
        let mut line = Vec::new();
        let read = (&mut lines).take(LINE_MAX_BYTES).read_until(b'\n', &mut line).await?;
        if read == 0 {
            break;
        }
        held += line.len() as u64;
        kept.push_back(Bytes::from(line));
        while held > bytes_max {
            held -= kept.pop_front().map_or(held, |line| line.len() as u64);
        }
    }
    for line in kept {
        if pieces.send(Ok(line)).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn systemctl(arguments: &[&str], deadline: Duration) -> Result<String, No> {
    let mut command = program("systemctl");
    command.args(["--no-ask-password", "--no-pager"]).args(arguments);
    let child = command.spawn().map_err(|error| missing("systemctl", &error))?;
    let told = match timeout(deadline, child.wait_with_output()).await {
        Ok(told) => told.map_err(|error| No::Failed(error.to_string()))?,
        Err(_) => return Err(No::Failed(format!("systemd did not answer within {deadline:?}"))),
    };
    if told.status.success() {
        return Ok(String::from_utf8_lossy(&told.stdout).into_owned());
    }
    let why = String::from_utf8_lossy(&told.stderr);
    Err(No::Failed(format!("systemctl {}: {}", arguments.join(" "), why.trim())))
}

#[expect(clippy::disallowed_methods, reason = "it is killed when it is dropped")]
fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

fn missing(program: &str, error: &std::io::Error) -> No {
    No::Failed(format!("{program}: {error}"))
}

/// Reads what `systemctl show` printed. Of times only those since the start of the host's clock are printed in a form
/// that every version of systemd has.
fn understood(unit: &str, told: &str, clock_began: Timestamp) -> Result<UnitStatus, No> {
    let value = |name: &str| {
        let mut lines = told.lines().filter_map(|line| line.split_once('='));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim()).unwrap_or_default()
    };
    match value("LoadState") {
        "loaded" => {}
        "" => return Err(No::Failed("systemd says nothing".into())),
        state => return Err(No::Refused(format!("systemd has no usable unit {unit}: {state}"))),
    }
    let state = match (value("ActiveState"), value("SubState")) {
        ("active" | "reloading", _) => UnitState::Running,
        ("activating", _) => UnitState::Starting,
        ("deactivating", _) => UnitState::Stopping,
        ("failed", _) => UnitState::Failed,
        _ => UnitState::Stopped,
    };
    let since_us = value("StateChangeTimestampMonotonic").parse::<u64>().ok();
    let ended = match (value("Result"), value("ExecMainStatus")) {
        ("success" | "", "0" | "") => String::new(),
        (result, code) => format!("{result}, exit code {code}"),
    };
    Ok(UnitStatus {
        state,
        pid: value("MainPID").parse().ok().filter(|pid| *pid > 0),
        since: since_us.filter(|us| *us > 0).map(|us| clock_began.plus_ms(us / 1000)),
        ended,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_says_is_understood() {
        let told = "LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=812\n\
            StateChangeTimestampMonotonic=5000000\nResult=success\nExecMainStatus=0\n";
        let status = understood("km.service", told, Timestamp(1_000)).unwrap();
        let expected = UnitStatus {
            state: UnitState::Running,
            pid: Some(812),
            since: Some(Timestamp(6_000)),
            ended: String::new(),
        };
        assert_eq!(status, expected);
        let told = "LoadState=loaded\nActiveState=failed\nSubState=failed\nMainPID=0\n\
            Result=exit-code\nExecMainStatus=3\n";
        let status = understood("km.service", told, Timestamp(1_000)).unwrap();
        assert_eq!((status.state, status.pid), (UnitState::Failed, None));
        assert_eq!(status.ended, "exit-code, exit code 3");
        assert!(matches!(
            understood("x", "LoadState=not-found\n", Timestamp(0)),
            Err(No::Refused(_))
        ));
        assert!(matches!(understood("x", "", Timestamp(0)), Err(No::Failed(_))));
    }
}
