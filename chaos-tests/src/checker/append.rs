//! An append is never lost, never doubled, and lists only grow (promises 3, 7 and 8).
//!
//! An append writes the whole list, so one that was made on an old reading takes another's element away. Whoever saw a list,
//! saw its beginning: of any two sights one begins with the other, no element is there twice, and each is of an append that
//! was not refused. What was begun after an append was answered has its element, and after another sight no less than that.
//! A list as of the revision of an append ends with its element.
//!
//! Every sight is judged when it was had, against what was seen before, so that what is wrong shows at its first sight.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::json;

use super::calls::{Call, End};
use super::lists::{Lists, Sight};
use super::{Finding, Objection};
use crate::history::Line;

const CHECK: &str = "append";

/// Appends by their elements.
type Appends<'a> = HashMap<u64, Call<'a>>;
/// One that was acknowledged, with its element.
type Kept<'a> = (u64, &'a Call<'a>);

/// Judges every list by itself.
pub fn check(lines: &[Line], managers: &[u64]) -> Finding {
    let Lists { appends, sights, unreadable, unread } = Lists::of(lines, managers);
    let mut kept: BTreeMap<&str, Vec<Kept<'_>>> = BTreeMap::new();
    for (element, append) in &appends {
        if matches!(append.end, End::Done { .. }) {
            kept.entry(append.key).or_default().push((*element, append));
        }
    }
    let mut against = unreadable;
    for (key, sights) in &sights {
        let mut kept = kept.get(key).cloned().unwrap_or_default();
        kept.sort_unstable_by_key(|(element, append)| (append.returned, *element));
        against.extend(contradictions(key, sights, &appends));
        against.extend(lost(key, sights, &kept));
        against.extend(shrunk(key, sights));
        against.extend(misplaced(key, sights, &kept, &appends));
    }
    let acknowledged: usize = kept.values().map(Vec::len).sum();
    // What is wrong already is, whoever was not read.
    if against.is_empty() {
        if acknowledged == 0 {
            return Finding::unknown(CHECK, "no append was acknowledged");
        }
        if let Some(manager) = unread.first() {
            return Finding::unknown(CHECK, format!("Manager {manager} was not read at the end"));
        }
    }
    let unknown = appends.values().filter(|append| append.end == End::Unknown).count();
    let refused = appends.values().filter(|append| append.end.refusal().is_some()).count();
    let facts = json!({
        "lists": kept.len(),
        "acknowledged": acknowledged,
        "unknown": unknown,
        "refused": refused,
        "sights": sights.values().map(Vec::len).sum::<usize>(),
    });
    Finding::shown(CHECK, against, facts)
}

/// Sights that do not begin with what was seen before, and what is new in them and ought not to be there.
fn contradictions(key: &str, sights: &[Sight], appends: &Appends<'_>) -> Vec<Objection> {
    let mut in_time: Vec<&Sight> = sights.iter().collect();
    in_time.sort_by_key(|sight| sight.seen);
    let (mut against, mut longest) = (Vec::new(), None::<&Sight>);
    for sight in in_time {
        let known = longest.map_or(&[][..], |longest| &longest.list);
        let common = known.iter().zip(&sight.list).take_while(|(one, other)| one == other).count();
        against.extend(appeared(key, sight, common, appends));
        let other = longest.filter(|it| common < it.list.len().min(sight.list.len()));
        if let Some(other) = other {
            let because = format!(
                "{key} is {:?} in {} and {:?} in {}: neither begins with the other",
                other.list,
                other.place(),
                sight.list,
                sight.place()
            );
            let lines = vec![other.line, sight.line];
            against.push(Objection { because, shown: sight.seen, lines });
        } else if sight.list.len() > known.len() {
            longest = Some(sight);
        }
    }
    against
}

/// What is wrong with the elements that were not seen before: after so many that were.
fn appeared(key: &str, sight: &Sight, common: usize, appends: &Appends<'_>) -> Vec<Objection> {
    let (known, new) = sight.list.split_at(common);
    let mut before: HashSet<u64> = known.iter().copied().collect();
    let wrong = new.iter().filter_map(|element| {
        let append = appends.get(element).filter(|append| append.key == key);
        let append = append.filter(|append| append.invoked <= sight.seen);
        let what = format!("{key} has {element} in {}", sight.place());
        let because = match append.map(|append| (append.index, &append.end)) {
            _ if !before.insert(*element) => format!("{what} twice: {:?}", sight.list),
            None => format!("{what}, which nobody had appended"),
            Some((index, End::Not(code))) => {
                format!("{what}, whose append #{index} came to {code}")
            }
            Some((_, End::Done { .. } | End::Unknown)) => return None,
        };
        // An append that has not ended yet may have been made.
        let denied = append.filter(|append| matches!(append.end, End::Not(_)));
        let shown = denied.map_or(sight.seen, |append| sight.seen.max(append.returned));
        let lines = append.map(|append| append.index).into_iter().chain([sight.line]).collect();
        Some(Objection { because, shown, lines })
    });
    wrong.collect()
}

/// Sights that have to show what was done before, in the order they began.
fn begun(sights: &[Sight]) -> Vec<(u64, &Sight)> {
    let begun = sights.iter().filter_map(|sight| Some((sight.since?, sight)));
    let mut begun: Vec<_> = begun.collect();
    begun.sort_by_key(|(since, _)| *since);
    begun
}

/// Sights that began after an append was acknowledged and lack its element. Appends come in the order they ended.
fn lost(key: &str, sights: &[Sight], kept: &[Kept<'_>]) -> Vec<Objection> {
    let mut against = Vec::new();
    for (since, sight) in begun(sights) {
        let owed = &kept[..kept.partition_point(|(_, append)| append.returned < since)];
        let shown: HashSet<u64> = sight.list.iter().copied().collect();
        let lacking: Vec<&Kept<'_>> =
            owed.iter().filter(|(element, _)| !shown.contains(element)).collect();
        let Some((_, first)) = lacking.first() else { continue };
        let elements: Vec<u64> = lacking.iter().map(|(element, _)| *element).collect();
        let (place, index) = (sight.place(), first.index);
        let because =
            format!("{key} lacks {elements:?} in {place}, the first acknowledged in #{index}");
        let lines = vec![index, sight.line];
        against.push(Objection { because, shown: sight.seen, lines });
    }
    against
}

/// Sights that are shorter than one that was had before they began.
fn shrunk(key: &str, sights: &[Sight]) -> Vec<Objection> {
    let mut ends: Vec<&Sight> = sights.iter().collect();
    ends.sort_by_key(|sight| sight.seen);
    let (mut ends, mut longest) = (ends.into_iter().peekable(), None::<&Sight>);
    let mut against = Vec::new();
    for (since, sight) in begun(sights) {
        while let Some(end) = ends.next_if(|end| end.seen < since) {
            if longest.is_none_or(|longest| longest.list.len() < end.list.len()) {
                longest = Some(end);
            }
        }
        let Some(longer) = longest.filter(|it| it.list.len() > sight.list.len()) else { continue };
        let because = format!(
            "{key} has {} elements in {} and had {} in {}, before that was asked",
            sight.list.len(),
            sight.place(),
            longer.list.len(),
            longer.place()
        );
        let lines = vec![longer.line, sight.line];
        against.push(Objection { because, shown: sight.seen, lines });
    }
    against
}

/// Sights as of a revision that end with another element than was appended there, or was appended elsewhere.
fn misplaced(
    key: &str,
    sights: &[Sight],
    kept: &[Kept<'_>],
    appends: &Appends<'_>,
) -> Vec<Objection> {
    let at: HashMap<u64, Kept<'_>> =
        kept.iter().filter_map(|kept| Some((revision(kept.1)?, *kept))).collect();
    let wrong = sights.iter().filter_map(|sight| {
        let (mod_rev, last) = (sight.mod_rev?, sight.list.last().copied());
        let place = sight.place();
        let own = at.get(&mod_rev).filter(|(element, _)| Some(*element) != last);
        let (because, append) = if let Some((element, append)) = own {
            let index = append.index;
            let because = format!(
                "{key} as of revision {mod_rev} ends with {last:?} in {place}; #{index} appended {element} there"
            );
            (because, *append)
        } else {
            let append = appends.get(&last?).filter(|append| append.key == key)?;
            let rev = revision(append).filter(|rev| *rev != mod_rev)?;
            let index = append.index;
            let because = format!(
                "{key} as of revision {mod_rev} ends with {last:?} in {place}; #{index} appended that at {rev}"
            );
            (because, append)
        };
        let shown = sight.seen.max(append.returned);
        Some(Objection { because, shown, lines: vec![append.index, sight.line] })
    });
    wrong.collect()
}

/// Where an append was done.
fn revision(append: &Call<'_>) -> Option<u64> {
    match append.end {
        End::Done { rev, .. } => rev,
        End::Not(_) | End::Unknown => None,
    }
}
