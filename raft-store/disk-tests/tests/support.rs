//! How many runs, from which seed, and how to say that something is missing here.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

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

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Held by each test for as long as it lasts. sled has one lock for all its databases in a process and holds it while it
/// flushes, so that one whose power was cut may hold up another for ever. A Manager has one history, and so have these.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    // That another test failed does not matter to this one.
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}
