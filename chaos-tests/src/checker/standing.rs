//! What a Manager tells of itself: its term never goes back, whatever became of its process, or it might vote twice in
//! one, unless its own disk lied meanwhile; and at one revision all have the same facts, at every moment and not only at the
//! end (promise 6).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Finding, Objection};
use crate::fault::{Flush, Means};
use crate::glance::NAME;
use crate::history::Line;
use crate::strikes::{Strike, strikes};

const CHECK: &str = "standing";

/// A look at a Manager that told its term.
struct Look<'a> {
    term: u64,
    line: &'a Line,
}

/// Who told first which facts there are at a revision, and who else told of it.
struct Facts<'a> {
    digest: &'a str,
    node: u64,
    line: u64,
    compared: bool,
}

/// Judges every look.
pub fn check(lines: &[Line]) -> Finding {
    let lies = lies(lines);
    let (mut terms, mut facts) = (BTreeMap::new(), BTreeMap::new());
    let (mut against, mut count) = (Vec::new(), 0_u64);
    for line in lines {
        let Some(node) = line.node else { continue };
        if line.is_by(NAME) && line.f == "standing" {
            count += 1;
            against.extend(gone_back(&mut terms, node, line, &lies));
            against.extend(different(&mut facts, node, line, &line.value["digest"]));
        } else if line.is_by("final") && line.f == "digest" {
            against.extend(different(&mut facts, node, line, &line.value));
        }
    }
    if count == 0 {
        return Finding::unknown(CHECK, "nobody told where it stands");
    }
    let compared = facts.values().filter(|facts: &&Facts<'_>| facts.compared).count();
    if compared == 0 && against.is_empty() {
        return Finding::unknown(CHECK, "no two Managers told their facts at one revision");
    }
    Finding::shown(CHECK, against, json!({ "looks": count, "compared": compared }))
}

/// What made disks forget what they had: a vote may be gone with it.
fn lies(lines: &[Line]) -> Vec<Strike> {
    let forgets = |means: Means| matches!(means, Means::Disk(_) | Means::Flushes(Flush::Lies));
    strikes(lines).into_iter().filter(|strike| strike.is(forgets)).collect()
}

fn gone_back<'a>(
    terms: &mut BTreeMap<u64, Look<'a>>,
    node: u64,
    line: &'a Line,
    lies: &[Strike],
) -> Option<Objection> {
    let term = line.value["term"].as_u64()?;
    let before = terms.insert(node, Look { term, line })?;
    let between = |lie: &Strike| {
        lie.victims.contains(&node)
            && lie.from <= line.time
            && lie.to.is_none_or(|to| before.line.time <= to)
    };
    (term < before.term && !lies.iter().any(between)).then(|| Objection {
        because: format!("Manager {node} went back from term {} to {term}", before.term),
        shown: line.time,
        lines: vec![before.line.index, line.index],
    })
}

fn different<'a>(
    known: &mut BTreeMap<u64, Facts<'a>>,
    node: u64,
    line: &'a Line,
    told: &'a Value,
) -> Option<Objection> {
    let (revision, digest) = (told["revision"].as_u64()?, told["value"].as_str()?);
    let new = || Facts { digest, node, line: line.index, compared: false };
    let facts = known.entry(revision).or_insert_with(new);
    facts.compared |= facts.node != node;
    (facts.digest != digest).then(|| Objection {
        because: format!(
            "at revision {revision} Manager {} has {}, Manager {node} {digest}",
            facts.node, facts.digest
        ),
        shown: line.time,
        lines: vec![facts.line, line.index],
    })
}
