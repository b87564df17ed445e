//! No Manager finds its log damaged, unless its own disk was tampered with; and a damaged disk is served or refused, by an
//! exit that says what to do (promises 3 and 13; invariant I14). What is empty is never served.

use serde_json::json;

use super::evidence::Evidence;
use super::excuses::Excuses;
use super::logs::{Said, said, told};
use crate::checker::{Finding, Valid};
use crate::fault::{ASKED_TO_END, Flush, Means};

const CHECK: &str = "damage";

/// What a Manager says last, whyever it ends in order.
const ENDING: &str = "stopping because=";

/// What a refusal must name is looked for by the harness, and so is how the process ended.
const REFUSED: &str = "Refused(";

/// Judges what logs say, and what became of each damaged disk.
pub(super) fn check(evidence: &Evidence) -> Finding {
    let lies = |means| matches!(means, Means::Disk(_) | Means::Flushes(Flush::Lies));
    let said = match said(evidence) {
        Ok(said) => said,
        Err(why) => return Finding::unknown(CHECK, why),
    };
    let excuses = Excuses::of(evidence, lies);
    let found: Vec<&Said> =
        said.iter().filter(|said| said.line.contains("the log is damaged")).collect();
    let mut because: Vec<String> =
        found.iter().filter(|it| !excuses.cover(it)).map(|it| told(it)).collect();
    let was_asked = |id: u64| {
        let mut of_it = said.iter().rev().filter(|it| it.manager == id);
        of_it.find(|it| it.line.contains(ENDING)).is_some_and(|it| it.line.contains(ASKED_TO_END))
    };
    let (mut served, mut refused, mut asked, mut neither) = (0, 0, 0, Vec::new());
    for line in evidence.lines.iter().filter(|line| line.is_by("damage")) {
        let (id, what) = (line.node.unwrap_or(0), &line.value["what"]);
        let came = line.value["came"].as_str().unwrap_or_default();
        let odd = |odd: &str| format!("Manager {id}, {} of {what}: {odd}", line.f);
        match came.strip_prefix(REFUSED).map(|code| code.trim_end_matches(')').parse::<i32>()) {
            Some(Ok(code)) if code > 0 => {
                refused += 1;
                // An empty disk has no number to be replaced: there a Manager is not set up at all.
                let named = line.value["remedy_named"] == true || line.f == "wiped";
                because.extend((!named).then(|| odd("refused without a word of what to do")));
            }
            // Before anybody saw whether it serves. Nobody came back under that number.
            Some(Ok(0)) if was_asked(id) => asked += 1,
            Some(code) => because.push(odd(&format!("it died, {code:?}, and did not refuse"))),
            None if came == "Back" && line.f == "wiped" => {
                because.push(odd("it served from an empty disk"));
            }
            None if came == "Back" => served += 1,
            None => neither.push(odd("it neither served nor ended in time")),
        }
    }
    let facts = json!({
        "found": found.len(), "served": served, "refused": refused, "asked_to_end": asked, "neither_in_time": neither.len(),
        "tampered_with": excuses.numbers(),
    });
    let found = Finding::against(CHECK, because, facts);
    match (found.valid, neither.is_empty()) {
        // Whether it would have been served or refused nobody knows.
        (Valid::Yes, false) => Finding { valid: Valid::Unknown, because: neither, ..found },
        _ => found,
    }
}
