//! Which classes of faults were seen to bite, which never were, and why not.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::Evidence;
use super::rates::rate;
use crate::checker::Reason;
use crate::fault::{Break, Means, UNMET};
use crate::strikes::{End, Strike};

/// The classes that take more than the computer of this run had.
pub(super) fn absent(evidence: &Evidence) -> BTreeSet<String> {
    let absent = evidence.strikes.iter().filter(|strike| strike.is_absent());
    absent.map(|strike| strike.class.clone()).collect()
}

/// Why each class that was skipped was, each reason once.
pub(super) fn skipped(evidence: &Evidence) -> BTreeMap<String, String> {
    let mut skipped: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for strike in &evidence.strikes {
        let End::Skipped(why) = &strike.end else { continue };
        let reasons = skipped.entry(strike.class.clone()).or_default();
        if !reasons.contains(&why.as_str()) {
            reasons.push(why);
        }
    }
    skipped.into_iter().map(|(class, reasons)| (class, reasons.join("; "))).collect()
}

/// What is to be said of each class that came up and was never seen to bite, and what is to blame.
pub(super) fn never_bit(evidence: &Evidence, came_up: &[String]) -> Vec<(Reason, String)> {
    let slow = rate(&evidence.lines) < evidence.chosen.rate_floor;
    let tries = |class: &String| -> Vec<&Strike> {
        evidence.strikes.iter().filter(|strike| strike.class == *class).collect()
    };
    let tell = |class: &String| {
        let tries = tries(class);
        let last = tries.last().filter(|_| tries.iter().all(|strike| !strike.bit()))?;
        let said = format!("{class} never bit: {}", why(&last.end));
        Some(match slow && tries.iter().all(|strike| lacked_calls(strike)) {
            true => (Reason::TooSlow, format!("{said}, and calls/s are too few to tell why")),
            false => (Reason::Other, said),
        })
    };
    came_up.iter().filter_map(tell).collect()
}

fn why(end: &End) -> String {
    match end {
        End::Bit => "it did".to_owned(),
        End::Skipped(why) => format!("skipped, {why}"),
        End::Indeterminate(why) => why.clone(),
        End::Open => "the run ended meanwhile".to_owned(),
    }
}

/// Whether it was done, and may not have shown for want of calls: a slow link has to be given more than it carries, a
/// processor's share has to be used up, a checkpoint is made of many changes, and a full disk is met by what has no room of its
/// own, as a checkpoint. For every other
/// class the talk of Managers among themselves is enough, or one change, or it is seen by itself.
fn lacked_calls(strike: &Strike) -> bool {
    let unmet = matches!(&strike.end, End::Indeterminate(why) if why.ends_with(UNMET));
    let takes_many = |means| match means {
        Means::Network(Break::Slow | Break::Checkpoint) | Means::Processor | Means::Storm => true,
        // A disk that did not stay full is none of the clients'.
        Means::FullDisk => unmet,
        _ => false,
    };
    let tried = matches!(strike.end, End::Indeterminate(_)) && !strike.was_broken_off();
    tried && strike.is(takes_many)
}
