//! Golden scripts: a story in a text file, told to a real machine, with what it answered.
//!
//! A script is blocks of steps, `---`, and what came of them. A step is a line as an operator would say it,
//! `<room> <verb> …`, or a word to the world around the machine (see [`World::told`]). Each step's answer, its
//! events, its history rows and its audit record are printed in one line each. Time and ids are the script's own,
//! so the same script always tells the same. What the rooms' plans would do, given what is seen, is printed too: see
//! `sight`.
//!
//! `UPDATE_SCRIPTS=1 cargo test scripts` writes what the machine says now into the files. Read the difference
//! before keeping it: it is a change of behaviour.

mod say;
mod sight;
mod words;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use words::Words;
use world::World;
pub(crate) use world::command_of;

use crate::base::Code;
use crate::capabilities::{
    access, alerts, hosts, installs, managers, operations, prechecks, properties, services,
};

/// Tells every script of a room to a machine of its own and compares what it says.
pub(crate) fn tell_all_of(room: &str) {
    let scripts = scripts_of(room);
    assert!(!scripts.is_empty(), "the room {room} has no scripts");
    let wrong: Vec<String> = scripts.iter().filter_map(|path| told(path)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn scripts_of(room: &str) -> Vec<PathBuf> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/capabilities").join(room).join("scripts");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    paths.sort();
    paths
}

/// `None` when the script tells what the machine does, else the first difference.
fn told(path: &Path) -> Option<String> {
    let written = fs::read_to_string(path).unwrap();
    let said = retold(&written);
    if said == written {
        return None;
    }
    if std::env::var_os("UPDATE_SCRIPTS").is_some() {
        fs::write(path, said).unwrap();
        return None;
    }
    Some(first_difference(path, &written, &said))
}

/// The script with its steps as they are and its answers as the machine gives them now.
fn retold(written: &str) -> String {
    let mut world = World::default();
    let mut said = String::new();
    let mut answers = false;
    let mut results: Vec<String> = Vec::new();
    for line in written.lines() {
        match line {
            "---" => {
                answers = true;
                said.push_str("---\n");
                said.extend(results.drain(..).map(|result| format!("{}\n", result.trim_end())));
            }
            "" => {
                answers = false;
                said.push('\n');
            }
            _ if answers => {}
            step => {
                said.push_str(&format!("{step}\n"));
                results.extend(world.told(step));
            }
        }
    }
    assert!(results.is_empty(), "the last steps of a script need a --- after them");
    said
}

fn first_difference(path: &Path, written: &str, said: &str) -> String {
    let mut told = said.lines();
    for (number, line) in written.lines().enumerate() {
        let now = told.next().unwrap_or("(nothing)");
        if line != now {
            return difference(path, number + 1, line, now);
        }
    }
    difference(path, written.lines().count() + 1, "(nothing)", told.next().unwrap_or("(nothing)"))
}

fn difference(path: &Path, line: usize, written: &str, now: &str) -> String {
    let path = path.display();
    format!(
        "{path}:{line}\n  written: {written}\n      now: {now}\n  (UPDATE_SCRIPTS=1 writes what is said now)"
    )
}

/// Every verb of every room.
pub(crate) const VERBS: [(&str, &[&str]); 9] = [
    ("access", access::script::VERBS),
    ("alerts", alerts::script::VERBS),
    ("hosts", hosts::script::VERBS),
    ("installs", installs::script::VERBS),
    ("managers", managers::script::VERBS),
    ("operations", operations::script::VERBS),
    ("prechecks", prechecks::script::VERBS),
    ("properties", properties::script::VERBS),
    ("services", services::script::VERBS),
];

#[test]
fn everything_that_a_plan_can_come_to_is_told_in_a_script() {
    for (room, acts) in sight::PLANS {
        let stories: String =
            scripts_of(room).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        let planned: Vec<&str> = stories.lines().filter(|line| line.starts_with("plan ")).collect();
        for act in acts {
            let is_told =
                planned.iter().any(|line| line.contains(act) && line.contains(" because "));
            assert!(is_told, "no plan in a script of {room} comes to {act}");
        }
    }
}

#[test]
fn every_refusal_and_every_verb_is_told_in_a_script() {
    let told = |room: &str| -> String {
        scripts_of(room).iter().map(|path| fs::read_to_string(path).unwrap()).collect()
    };
    let everything: String = VERBS.iter().map(|(room, _)| told(room)).collect();
    for code in Code::ALL {
        assert!(everything.contains(&format!("refused {code}:")), "no script refuses with {code}");
    }
    for (room, verbs) in VERBS {
        let stories = told(room);
        for verb in verbs {
            assert!(
                stories.contains(&format!("\n{room} {verb}")),
                "no script of {room} says {verb}"
            );
        }
    }
}
