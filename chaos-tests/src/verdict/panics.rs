//! No Manager and no agent ever panicked: no log tells of it (promise 16).

use serde_json::json;

use super::evidence::Evidence;
use super::logs::{said, text, told};
use crate::checker::Finding;
use crate::sayings::PANIC;

const CHECK: &str = "panics";

/// Judges every log.
pub(super) fn check(evidence: &Evidence) -> Finding {
    let panicked = |line: &str| line.contains(PANIC);
    let said = match said(evidence) {
        Ok(said) => said,
        Err(why) => return Finding::unknown(CHECK, why),
    };
    let mut because: Vec<String> =
        said.iter().filter(|said| panicked(&said.line)).map(told).collect();
    let mut agents = 0;
    for papers in evidence.papers.iter().filter(|papers| papers.agent.exists()) {
        match text(&papers.agent) {
            Ok(text) => {
                agents += 1;
                let found = text.lines().filter(|line| panicked(line));
                because
                    .extend(found.map(|line| format!("the agent of host {}: {line}", papers.host)));
            }
            Err(why) => return Finding::unknown(CHECK, why),
        }
    }
    Finding::against(CHECK, because, json!({ "managers": evidence.papers.len(), "agents": agents }))
}
