//! What Managers and the agents of hosts say in their logs of who was Active when, whom a host obeyed, and what worried them.
//!
//! Knows the form of a line of a log, and that the monotonic clock is the same for every process of a machine. Lines stand
//! in the history when the run is over: `at` is when it happened, `seq` the how manieth of its kind in its log it is. Of claims
//! a Manager says when by the monotonic clock; of all else there is only a process's own wall clock, which faults may have moved.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::Failure;
use crate::history::{History, Kind, Line, Process};

/// A claim to be Active, as a Manager tells it.
const CLAIM: &str = "kyvos::active: ";
/// An act on a host, as its agent tells it.
const GATE: &str = "kyvos::gate: ";
/// How a Manager says that it is new, and who it is.
pub const STARTED: &str = "started manager=";
/// What a process says that panics.
pub const PANIC: &str = "panicked at";
/// How lines of logs are called in the history.
const WORRIES: &str = "log";
/// Most of a line that is written down, in characters; the whole of it stands in the log.
const TOLD_MAX: usize = 600;

/// Writes down what a Manager says of its claims.
pub fn of_manager(log: &Path, history: &History) -> Result<(), Failure> {
    for (said, seq) in lines(log, CLAIM)?.iter().zip(1_u64..) {
        let (Some(manager), Some(epoch)) = (said.number("manager"), said.number("epoch")) else {
            continue;
        };
        let time = |field: &str| {
            said.number(field).filter(|ns| *ns > 0).map(|ns| history.at_monotonic(ns))
        };
        let f = match said.first() {
            "began" => "begin",
            // It was seen to hold at some instant after.
            "renewed" => "renew",
            "ended" => "end",
            _ => continue,
        };
        let (at, until) = (time("at_ns"), time("until_ns"));
        let mut value = json!({ "epoch": epoch, "seq": seq, "at": at, "until": until });
        if f == "end" {
            value["held"] = json!(time("held_ns"));
        }
        history.record(Line::of_harness("active", f, Some(manager), value));
    }
    Ok(())
}

/// Writes down what the agent of a host says of whom it let through.
pub fn of_agent(host: &str, log: &Path, history: &History) -> Result<(), Failure> {
    for (said, seq) in lines(log, GATE)?.iter().zip(1_u64..) {
        let f = match said.first() {
            "opened" => "opened",
            "let" => "accepted",
            "kept" => "refused",
            _ => continue,
        };
        let at = said.stamp().and_then(|unix| history.at_wall(unix));
        let (epoch, highest) = (said.number("epoch"), said.number("highest"));
        let value = json!({ "epoch": epoch, "highest": highest, "seq": seq, "at": at });
        let node = said.number("manager");
        let key = Some(host.to_owned());
        let process = Process::Named("effect".to_owned());
        history.record(Line { key, node, ..Line::new(process, Kind::Info, f, value) });
    }
    Ok(())
}

/// Writes down what worried a process of a host: its warnings, errors and panics; and when a Manager started.
pub fn of_worries(process: &str, log: &Path, history: &History) -> Result<(), Failure> {
    let text = read(log)?;
    for ((f, line), seq) in text.lines().filter_map(worry).zip(1_u64..) {
        let at = stamp(line).and_then(|unix| history.at_wall(unix));
        let told: String = line.chars().take(TOLD_MAX).collect();
        let value = json!({ "at": at, "seq": seq, "text": told });
        let key = Some(process.to_owned());
        history.record(Line { key, ..Line::of_harness(WORRIES, f, None, value) });
    }
    Ok(())
}

/// A process of a Manager that started, as its log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start<'a> {
    /// Whose log it is.
    pub log: &'a str,
    pub manager: u64,
    /// By its own wall clock; `None`: before the run, or by a clock that was moved.
    pub at: Option<u64>,
}

/// All of a history.
pub fn starts(lines: &[Line]) -> impl Iterator<Item = Start<'_>> {
    let said = lines.iter().filter(|line| line.is_by(WORRIES) && line.f == "start");
    said.filter_map(|line| {
        let manager = started(line.value["text"].as_str()?)?;
        Some(Start { log: line.key.as_deref()?, manager, at: line.value["at"].as_u64() })
    })
}

/// Who says in a line of a log that it started.
pub fn started(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once(STARTED)?;
    rest.split(' ').next()?.parse().ok()
}

/// When a line of a log was written, in nanoseconds of the Unix epoch, by the clock of whoever wrote it.
pub fn stamp(line: &str) -> Option<u64> {
    unix_ns(line.split_whitespace().next()?)
}

/// When a run began, in nanoseconds of the Unix epoch, as far as its history has a line of a log with its stamp and its time.
pub fn began(lines: &[Line]) -> Option<u64> {
    lines.iter().filter(|line| line.is_by(WORRIES)).find_map(|line| {
        let (unix, at) = (stamp(line.value["text"].as_str()?)?, line.value["at"].as_u64()?);
        unix.checked_sub(at)
    })
}

/// What a line is to whoever reads a history: nothing, for most.
fn worry(line: &str) -> Option<(&'static str, &str)> {
    if line.contains(PANIC) {
        return Some(("panic", line));
    }
    let mut words = line.split_whitespace();
    unix_ns(words.next()?)?;
    match words.next()? {
        "WARN" => Some(("warn", line)),
        "ERROR" => Some(("error", line)),
        _ if line.contains(STARTED) => Some(("start", line)),
        _ => None,
    }
}

/// A line of a log.
struct Said {
    /// From its beginning to whose it is.
    head: String,
    /// From its words on.
    words: String,
}

impl Said {
    fn first(&self) -> &str {
        self.words.split(' ').next().unwrap_or_default()
    }

    fn number(&self, field: &str) -> Option<u64> {
        let mut words = self.words.split(' ');
        words.find_map(|word| word.strip_prefix(field)?.strip_prefix('='))?.parse().ok()
    }

    /// When it was written, in nanoseconds of the Unix epoch, by the clock of whoever wrote it.
    fn stamp(&self) -> Option<u64> {
        stamp(&self.head)
    }
}

/// `2026-11-29T05:17:31.204993Z` in nanoseconds of the Unix epoch.
fn unix_ns(stamp: &str) -> Option<u64> {
    let (date, time) = stamp.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let numbers = |text: &str, between: char| -> Option<[u64; 3]> {
        let numbers: Vec<u64> = text.split(between).filter_map(|it| it.parse().ok()).collect();
        numbers.try_into().ok()
    };
    let ([year, month, day], [hour, minute, second]) = (numbers(date, '-')?, numbers(time, ':')?);
    let nanos = format!("{fraction:0<9}").get(..9)?.parse::<u64>().ok()?;
    // Years begin in March, so that the day that not every year has is the last.
    let (year, month) =
        if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days = year * 365 + leap_days + (month * 153 + 2) / 5 + day.checked_sub(1)?;
    let seconds = days.checked_sub(719_468)? * 86_400 + hour * 3_600 + minute * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

fn read(log: &Path) -> Result<String, Failure> {
    // Written by processes that were killed: a line may be cut anywhere.
    let bytes = fs::read(log).map_err(Failure::doing(log.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn lines(log: &Path, target: &str) -> Result<Vec<Said>, Failure> {
    let text = read(log)?;
    let said = text.lines().filter_map(|line| {
        let (head, words) = line.split_once(target)?;
        Some(Said { head: head.to_owned(), words: words.to_owned() })
    });
    Ok(said.collect())
}

#[cfg(test)]
mod tests {
    use super::{Said, unix_ns, worry};

    #[test]
    fn warnings_errors_panics_and_starts_are_written_down_and_nothing_else() {
        let told = |line: &str| worry(line).map(|(f, _)| f);
        let at = "2026-11-30T13:40:05.318255Z";
        let warns = "WARN kyvos_manager::cluster::status: a member is not reached";
        assert_eq!(told(&format!("{at}  {warns} any more peer=25")), Some("warn"));
        assert_eq!(told(&format!("{at} ERROR kyvos_manager::node: removed")), Some("error"));
        let starts = "INFO kyvos_manager::node::serve: started manager=4";
        assert_eq!(told(&format!("{at}  {starts}")), Some("start"));
        assert_eq!(told("thread 'main' panicked at src/x.rs:1:2:"), Some("panic"));
        for quiet in [format!("{at}  INFO kyvos::active: began manager=1"), "ERROR".to_owned()] {
            assert_eq!(told(&quiet), None, "{quiet}");
        }
    }

    #[test]
    fn the_words_and_numbers_of_a_line_are_found() {
        let words = "ended manager=4 epoch=12 at_ns=99 because=\"epoch=7\"".to_owned();
        let said = Said { head: String::new(), words };
        assert_eq!(said.first(), "ended");
        assert_eq!((said.number("manager"), said.number("epoch")), (Some(4), Some(12)));
        assert_eq!(said.number("held_ns"), None);
        assert_eq!(said.stamp(), None);
    }

    #[test]
    fn a_stamp_is_a_time() {
        assert_eq!(unix_ns("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(unix_ns("2024-02-29T12:00:00.5Z"), Some(1_709_208_000_500_000_000));
        assert_eq!(unix_ns("2026-11-29T05:17:31.204993Z"), Some(1_795_929_451_204_993_000));
        assert_eq!(unix_ns("yesterday"), None);
    }
}
