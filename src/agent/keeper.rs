//! The keeper of one unit: a process of its own, in a session of its own, whose child the unit's process is.
//!
//! It starts the program again when that ends by itself, turns its log, and ends it when it is told to end. It needs
//! neither the agent nor a Manager for that. The output goes into the log directly and not through the keeper, so
//! even when the keeper is killed the program runs on, and the next keeper takes it over by its number and start time.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::gate::exclusive;
use super::process::{ProcessId, Watched, kill_group};
use super::unit_dir::{Spec, State, Status, UnitDir};
use crate::cli::outcome::Failure;
use crate::cluster::wall_clock;

/// For how long a keeper tries to take the seat; whoever only looks holds it for a moment.
const SEAT_PATIENCE: Duration = Duration::from_secs(2);
/// How the end of a program is told that never began.
pub(super) const NOT_STARTED: &str = "it could not be started";
/// A program that ran for so long is well again: the next pause is short.
const WELL_AFTER: Duration = Duration::from_secs(60);
/// How often the size of the log is looked at.
const TURN_PERIOD: Duration = Duration::from_secs(1);

/// Keeps the unit whose folder this is, until told to end. Comes back at once when somebody else keeps it.
pub async fn keep(dir: &Path) -> Result<(), Failure> {
    rustix::process::setsid().map_err(|error| Failure::local("begin a session")(error.into()))?;
    let dir = UnitDir::at(dir);
    let told = Failure::local(dir.path().display());
    keep_in(&dir).await.map_err(told)
}

async fn keep_in(dir: &UnitDir) -> io::Result<()> {
    let mut seat = dir.keeper_lock()?;
    if exclusive(&seat, Instant::now() + SEAT_PATIENCE).await.is_err() {
        return Ok(());
    }
    let own = ProcessId::of(std::process::id()).ok_or_else(|| io::Error::other("no /proc"))?;
    seat.set_len(0)?;
    seat.rewind()?;
    seat.write_all(&serde_json::to_vec(&own)?)?;
    let spec = dir.spec()?.ok_or_else(|| io::Error::other("there is no spec.json"))?;
    let mut keeper = Keeper {
        dir,
        spec: &spec,
        own,
        end: signal(SignalKind::terminate())?,
        ended: String::new(),
    };
    tokio::select! {
        kept = keeper.keep() => kept,
        turned = turn_log(dir, &spec) => turned,
    }
}

struct Keeper<'a> {
    dir: &'a UnitDir,
    spec: &'a Spec,
    own: ProcessId,
    /// "End the unit, and yourself."
    end: Listener,
    /// How the last process ended.
    ended: String,
}

impl Keeper<'_> {
    async fn keep(&mut self) -> io::Result<()> {
        let mut pause = self.restart_after();
        if let Some(process) = self.left_behind()?
            && !self.take_over(process).await?
        {
            return Ok(());
        }
        loop {
            let began = Instant::now();
            if !self.run_once().await? {
                return Ok(());
            }
            if !self.spec.restart {
                return self.note(State::Failed, None);
            }
            if began.elapsed() >= WELL_AFTER {
                pause = self.restart_after();
            }
            self.note(State::Starting, None)?;
            tokio::select! {
                () = sleep(pause) => {}
                _ = self.end.recv() => return self.note(State::Stopped, None),
            }
            pause = (pause * 2).min(Duration::from_millis(self.spec.restart_after_max_ms));
        }
    }

    /// What an earlier keeper started and what still runs.
    fn left_behind(&mut self) -> io::Result<Option<ProcessId>> {
        let Some(status) = self.dir.status()? else { return Ok(None) };
        self.ended = status.ended;
        Ok(status.process.filter(|process| process.is_alive()))
    }

    /// Watches a process that is not our child. Tells whether the unit is to go on.
    async fn take_over(&mut self, process: ProcessId) -> io::Result<bool> {
        let Some(watched) = process.open()? else { return Ok(true) };
        self.note(State::Running, Some(process))?;
        tokio::select! {
            () = watched.ended() => {
                self.ended = "it ended while its keeper was away or new".to_owned();
                match self.spec.restart {
                    true => Ok(true),
                    false => self.note(State::Failed, None).map(|()| false),
                }
            }
            _ = self.end.recv() => {
                self.note(State::Stopping, Some(process))?;
                end(&watched, process, self.stop_after()).await;
                self.note(State::Stopped, None)?;
                Ok(false)
            }
        }
    }

    /// Starts the program and waits for its end. Tells whether it ended by itself.
    async fn run_once(&mut self) -> io::Result<bool> {
        let mut child = match self.start() {
            Ok(child) => child,
            Err(error) => {
                self.ended = format!("{NOT_STARTED}: {error}");
                return Ok(true);
            }
        };
        let process = child.id().and_then(ProcessId::of);
        self.note(State::Running, process)?;
        tokio::select! {
            status = child.wait() => {
                self.ended = in_words(status?);
                Ok(true)
            }
            _ = self.end.recv() => {
                self.note(State::Stopping, process)?;
                self.ended = stop(&mut child, self.stop_after()).await?;
                self.note(State::Stopped, None)?;
                Ok(false)
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "it outlives its keeper on purpose")]
    fn start(&self) -> io::Result<Child> {
        let log = File::options().create(true).append(true).open(self.dir.log())?;
        let (program, arguments) =
            self.spec.run.split_first().ok_or_else(|| io::Error::other("no program"))?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(&self.spec.environment);
        command.current_dir(&self.spec.directory).process_group(0);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        command.spawn()
    }

    fn note(&self, state: State, process: Option<ProcessId>) -> io::Result<()> {
        let since_ms = wall_clock().0;
        let (keeper, ended) = (self.own.pid, self.ended.clone());
        self.dir.note(&Status { keeper, state, process, since_ms, ended })
    }

    fn restart_after(&self) -> Duration {
        Duration::from_millis(self.spec.restart_after_ms)
    }

    fn stop_after(&self) -> Duration {
        Duration::from_millis(self.spec.stop_after_ms)
    }
}

/// Asks the program to end, kills it when it does not, and takes along what it left behind in its group.
async fn stop(child: &mut Child, patience: Duration) -> io::Result<String> {
    let Some(pid) = child.id() else { return Ok(String::new()) };
    if let Some(watched) = ProcessId::of(pid).map(ProcessId::open).transpose()?.flatten() {
        watched.signal(Signal::TERM);
    }
    let status = match timeout(patience, child.wait()).await {
        Ok(status) => status?,
        Err(_) => {
            kill_group(pid, Signal::KILL);
            child.wait().await?
        }
    };
    kill_group(pid, Signal::TERM);
    Ok(in_words(status))
}

/// The same for a process that is not our child.
pub(super) async fn end(watched: &Watched, process: ProcessId, patience: Duration) {
    watched.signal(Signal::TERM);
    if timeout(patience, watched.ended()).await.is_err() {
        kill_group(process.pid, Signal::KILL);
        watched.signal(Signal::KILL);
        watched.ended().await;
    }
    kill_group(process.pid, Signal::TERM);
}

fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// Turns the log when it has grown to its bound. What is written in the very moment of turning is lost.
async fn turn_log(dir: &UnitDir, spec: &Spec) -> io::Result<()> {
    let mut ticks = interval(TURN_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let size = std::fs::metadata(dir.log()).map_or(0, |file| file.len());
        if size >= spec.log_bytes {
            turn(dir, spec.log_files)?;
        }
    }
}

fn turn(dir: &UnitDir, kept: u32) -> io::Result<()> {
    for number in (1..kept).rev() {
        let (from, to) = (dir.turned(number), dir.turned(number + 1));
        if from.exists() {
            std::fs::rename(from, to)?;
        }
    }
    if std::fs::copy(dir.log(), dir.turned(1)).is_err() {
        // A full disk: the bound matters more than what the log said.
        let _ = std::fs::remove_file(dir.turned(1));
    }
    File::options().write(true).open(dir.log())?.set_len(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_turned_and_only_so_many_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let dir = UnitDir::at(folder.path());
        for round in 1..=4 {
            std::fs::write(dir.log(), format!("round {round}")).unwrap();
            turn(&dir, 2).unwrap();
        }
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(read(dir.log()), "");
        assert_eq!(
            (read(dir.turned(1)), read(dir.turned(2))),
            ("round 4".into(), "round 3".into())
        );
        assert!(!dir.turned(3).exists());
        assert_eq!(dir.logs(), [dir.turned(2), dir.turned(1), dir.log()]);
    }
}
