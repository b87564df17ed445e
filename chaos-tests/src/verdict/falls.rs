//! No Manager gives up consensus by itself, unless its own disk failed and the error is a disk's (promises 3 and 37).

use serde_json::json;

use super::evidence::Evidence;
use super::excuses::Excuses;
use super::logs::{Said, said, told};
use crate::checker::Finding;
use crate::fault::Means;

const CHECK: &str = "falls";

/// What a process says whose disk is not to be trusted any more, besides an error of the operating system.
const OF_A_DISK: &str = "the log is no longer written";
/// The errors of a disk: input/output, read-only, a structure that needs cleaning. That there is no room (28) is none: it passes, and a
/// Manager waits for it (promise 17).
const ERRORS_OF_DISKS: [u64; 3] = [5, 30, 117];

/// Judges the log of every Manager.
pub(super) fn check(evidence: &Evidence) -> Finding {
    let of_disks = |means| {
        matches!(means, Means::Disk(_) | Means::Flushes(_) | Means::ReadOnly | Means::PowerCut)
    };
    let said = match said(evidence) {
        Ok(said) => said,
        Err(why) => return Finding::unknown(CHECK, why),
    };
    let excuses = Excuses::of(evidence, of_disks);
    let fell: Vec<&Said> =
        said.iter().filter(|said| said.line.contains("because=consensus stopped")).collect();
    let excused = |it: &&&Said| excuses.cover(it) && is_of_a_disk(&it.line);
    let because = fell.iter().filter(|it| !excused(it)).map(|it| told(it)).collect();
    Finding::against(
        CHECK,
        because,
        json!({ "fell": fell.len(), "disks_failed": excuses.numbers() }),
    )
}

fn is_of_a_disk(line: &str) -> bool {
    let numbers = |before: &'static str| {
        line.split(before).skip(1).filter_map(|rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u64>().ok()
        })
    };
    let mut errors = numbers("(os error ").chain(numbers("Os { code: ")).peekable();
    match errors.peek() {
        Some(_) => errors.all(|error| ERRORS_OF_DISKS.contains(&error)),
        None => line.contains(OF_A_DISK),
    }
}
