//! What Managers and the agents of hosts say in their logs of who was Active when, and whom a host obeyed.
//!
//! Knows the form of two kinds of line, and that the monotonic clock is the same for every process of a machine. Lines stand
//! in the history when the run is over: `at` is when it happened, `seq` the how manieth of its log it is. A Manager says when
//! by the monotonic clock; of an agent there is only its own wall clock, which faults may have moved.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::Failure;
use crate::history::{History, Kind, Line, Process};

/// A claim to be Active, as a Manager tells it.
const CLAIM: &str = "kyvos::active: ";
/// An act on a host, as its agent tells it.
const GATE: &str = "kyvos::gate: ";

/// Writes down what a Manager says of its claims.
pub fn of_manager(log: &Path, history: &History) -> Result<(), Failure> {
    for (said, seq) in lines(log, CLAIM)?.iter().zip(1_u64..) {
        let (Some(manager), Some(epoch)) = (said.number("manager"), said.number("epoch")) else {
            continue;
        };
        let time = |field: &str| said.number(field).map(|ns| history.at_monotonic(ns));
        let (f, value) = match said.first() {
            "began" => ("begin", json!({ "epoch": epoch, "seq": seq, "at": time("at_ns") })),
            // It was seen to hold at some instant after.
            "renewed" => ("renew", json!({ "epoch": epoch, "seq": seq, "at": time("at_ns") })),
            "ended" => {
                let held = said.number("held_ns").filter(|ns| *ns > 0);
                let held = held.map(|ns| history.at_monotonic(ns));
                ("end", json!({ "epoch": epoch, "seq": seq, "at": time("at_ns"), "held": held }))
            }
            _ => continue,
        };
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
        unix_ns(self.head.split_whitespace().next()?)
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

fn lines(log: &Path, target: &str) -> Result<Vec<Said>, Failure> {
    // Written by processes that were killed: a line may be cut anywhere.
    let bytes = fs::read(log).map_err(Failure::doing(log.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let said = text.lines().filter_map(|line| {
        let (head, words) = line.split_once(target)?;
        Some(Said { head: head.to_owned(), words: words.to_owned() })
    });
    Ok(said.collect())
}

#[cfg(test)]
mod tests {
    use super::{Said, unix_ns};

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
