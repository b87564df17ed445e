//! How many runs, from which seed, and how to say that something is missing here.

use std::io::Write;

/// The number in an environment variable, or `usual`. The full form of these tests sets it.
pub(crate) fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().map_or(usual, |text| text.parse().unwrap())
}

/// Where the seeds begin. A failure names its own; with it and a count of 1 it is had again.
pub(crate) fn first_seed() -> u64 {
    number("DURABILITY_SEED", 1)
}

/// Said past the test harness, which would keep it to itself.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// What this machine has, or `None` and the reason on the screen.
pub(crate) fn have<T>(what: Result<T, String>, claim: &str) -> Option<T> {
    what.inspect_err(|missing| say(&format!("SKIPPED {claim}: {missing}"))).ok()
}
