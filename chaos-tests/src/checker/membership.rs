//! Who belongs to the group is what was acknowledged, and a number is given once (promises 11 and 13; invariant I10).
//!
//! No two hosts ever come in under one number, and none under a number that was used; at the end every Manager tells the
//! same members and voters: those who came and did not leave.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Finding, Objection};
use crate::history::Line;

const CHECK: &str = "membership";

/// Who came and who left, as the harness wrote it down.
#[derive(Default)]
struct Register<'a> {
    /// Whose number was given in which line.
    numbers: BTreeMap<u64, &'a Line>,
    here: BTreeSet<u64>,
    /// Those who were to leave and of whom it is not known.
    perhaps: BTreeSet<u64>,
    against: Vec<Objection>,
}

/// Judges who came, who left, and what every Manager tells at the end.
pub fn check(lines: &[Line], managers: &[u64]) -> Finding {
    let told: Vec<&Line> = lines.iter().filter(|line| line.is_by("member")).collect();
    let mut register = Register::default();
    for line in told.iter().copied() {
        register.enter(line);
    }
    if register.numbers.is_empty() {
        return Finding::unknown(CHECK, "nobody's number was written down");
    }
    let mut against = std::mem::take(&mut register.against);
    let mut silent = None;
    for manager in managers {
        let of_it = |line: &&Line| {
            line.is_by("final") && line.f == "members" && line.node == Some(*manager)
        };
        match lines.iter().rfind(of_it) {
            Some(last) => against.extend(odd(&register, *manager, last, &told)),
            None => {
                silent.get_or_insert(*manager);
            }
        }
    }
    // What is wrong already is, whoever says nothing in the end.
    if let Some(manager) = silent.filter(|_| against.is_empty()) {
        return Finding::unknown(CHECK, format!("Manager {manager} did not tell who is there"));
    }
    let changes = told.iter().filter(|line| line.f != "founded").count();
    let facts = json!({ "numbers": register.numbers.len(), "changes": changes });
    Finding::shown(CHECK, against, facts)
}

impl<'a> Register<'a> {
    fn enter(&mut self, line: &'a Line) {
        let Some(id) = line.node else { return };
        match line.f.as_str() {
            "founded" | "joined" => {
                if let Some(before) = self.numbers.insert(id, line) {
                    let because = format!("number {id} was given again");
                    self.against.push(Objection::of(&because, vec![before, line]));
                }
                if let Some((last, shows)) = self.numbers.last_key_value().filter(|it| *it.0 > id) {
                    let because = format!("number {id} came after {last}");
                    self.against.push(Objection::of(&because, vec![*shows, line]));
                }
                self.here.insert(id);
            }
            "leaves" => drop(self.perhaps.insert(id)),
            "left" => {
                self.here.remove(&id);
                self.perhaps.remove(&id);
            }
            _ => {}
        }
    }
}

/// What a Manager tells at the end that is not so, shown by that and by all who came and left.
fn odd(register: &Register<'_>, manager: u64, last: &Line, told: &[&Line]) -> Vec<Objection> {
    let Register { here, perhaps, .. } = register;
    let differs = |field: &str| {
        let tells = ids(&last.value[field]);
        let differ = tells.symmetric_difference(here).find(|id| !perhaps.contains(id))?;
        Some(Objection {
            because: format!(
                "Manager {manager} tells the {field} {tells:?}, not {here:?}: {differ} is odd: #{}",
                last.index
            ),
            shown: last.time,
            lines: told.iter().map(|line| line.index).chain([last.index]).collect(),
        })
    };
    ["members", "voters"].into_iter().filter_map(differs).collect()
}

fn ids(told: &Value) -> BTreeSet<u64> {
    told.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}
