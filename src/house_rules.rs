//! The rules of this house, kept by tests: floors, purity, the shape of the rooms, and that the documents name
//! what exists. A rule that is in the way is changed here, with its reason, and not worked around.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use raft_store::planted;

use crate::base::Code;

/// Where files stand whose place does not say it. Everything else of a kind has one floor, see [`floor_of`].
const OWN_FLOORS: &[(&str, usize)] = &[
    ("capabilities/managers/invitation.rs", 1),
    // Hashing a password takes time and randomness, so it is done before the log.
    ("capabilities/access/password.rs", 3),
];

/// What a room may consist of.
const ROOM_FILES: &[&str] = &[
    "mod",
    "model",
    "command",
    "rules",
    "schema",
    "plan",
    "port",
    "reconciler",
    "api",
    "cli",
    "script",
    "scripts",
];

/// Longest file, in lines of code without its tests.
const LINES_MAX: usize = 500;

/// Files that were longer when the rule came; they may shrink and must not grow.
const GIANTS: &[(&str, usize)] = &[("api/error.rs", 520)];

/// What may not be named on the pure floors 0 to 2, because it gives another answer each time.
const IMPURE: &[&str] = &[
    "SystemTime",
    "Instant",
    "HashMap",
    "HashSet",
    "rand::",
    "tokio::",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "async fn",
];

/// One source file, without its comments and tests.
struct Source {
    /// Below `src`.
    path: String,
    /// As it is written.
    text: String,
    /// Lines before its tests, without comments.
    code: Vec<String>,
    /// Whether it exists only for tests.
    only_for_tests: bool,
}

impl Source {
    fn read(root: &Path, file: &Path) -> Self {
        let path = file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        let text = fs::read_to_string(file).unwrap();
        let code = text
            .lines()
            .take_while(|line| !line.starts_with("#[cfg(test)]"))
            .filter(|line| !line.trim_start().starts_with("//"))
            .map(str::to_owned)
            .collect();
        let tests = ["script", "laws", "fake", "tests", "house_rules"];
        let only_for_tests =
            path.split(['/', '.']).any(|part| tests.contains(&part) || part.ends_with("_tests"));
        Self { path, text, code, only_for_tests }
    }

    fn holds(&self, word: &str) -> bool {
        self.code.iter().any(|line| line.contains(word))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn files_below(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            files_below(&entry, found);
        } else {
            found.push(entry);
        }
    }
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let mut files = Vec::new();
    files_below(&src, &mut files);
    let rust = files.iter().filter(|file| file.extension().is_some_and(|end| end == "rs"));
    rust.map(|file| Source::read(&src, file)).collect()
}

/// The floor a path below `src` stands on; `None` for what only names what it holds.
fn floor_of(path: &str) -> Option<usize> {
    if let Some((_, floor)) = OWN_FLOORS.iter().find(|(own, _)| *own == path) {
        return Some(*floor);
    }
    let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    match parts.as_slice() {
        ["base", ..] => Some(0),
        ["machine", ..] => Some(1),
        ["cluster" | "leadership" | "remote", ..] => Some(3),
        ["capabilities", _, "model" | "command" | "rules" | "schema", ..] => Some(1),
        ["capabilities", _, "plan", ..] => Some(2),
        ["capabilities", _, "port", ..] => Some(3),
        ["capabilities", _, "reconciler", ..] => Some(4),
        ["capabilities", _, "api" | "cli", ..] => Some(5),
        ["capabilities", ..] | ["lib"] => None,
        _ => Some(5),
    }
}

/// Every module that a file's code names, as paths below `src`.
fn named_by(source: &Source) -> BTreeSet<String> {
    let code = source.code.join("\n");
    let mut named: BTreeSet<String> = code.split("crate::").skip(1).flat_map(modules_of).collect();
    if let Some(room) = room_of(&source.path) {
        let siblings = code.split("super::").skip(1).flat_map(modules_of);
        named.extend(siblings.map(|module| format!("capabilities/{room}/{module}")));
    }
    named
}

/// The room of a file that lies directly in a room's folder, whose `super` is the room.
fn room_of(path: &str) -> Option<&str> {
    let (room, file) = path.strip_prefix("capabilities/")?.split_once('/')?;
    (!file.contains('/') && file != "mod.rs").then_some(room)
}

/// The modules that the text after a `crate::` names: `a::b::{c, d}` names `a/b/c` and `a/b/d`.
fn modules_of(text: &str) -> Vec<String> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || "_:".contains(c))).unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    let head = head.trim_end_matches(':').replace("::", "/");
    let Some(inner) = rest.strip_prefix('{') else { return vec![head] };
    let inner = inner.split('}').next().unwrap_or_default();
    let inner = inner.split(',').map(|part| part.trim().replace("::", "/"));
    inner
        .filter(|part| !part.is_empty())
        .map(|part| format!("{head}/{part}").trim_start_matches('/').to_owned())
        .collect()
}

/// The floor of the module a path leads to: that of its longest part that is a file or folder.
fn floor_named(path: &str) -> Option<usize> {
    let src = root().join("src");
    let parts: Vec<&str> = path.split('/').collect();
    let module = (1..=parts.len())
        .rev()
        .map(|length| parts[..length].join("/"))
        .find(|module| src.join(format!("{module}.rs")).is_file() || src.join(module).is_dir())?;
    floor_of(&format!("{module}.rs"))
}

fn none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}\n  {}", found.join("\n  "));
}

#[test]
fn a_file_uses_its_own_floor_and_those_below() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.only_for_tests) {
        let Some(floor) = floor_of(&source.path) else { continue };
        for named in named_by(source) {
            if floor_named(&named).is_some_and(|above| above > floor) {
                wrong.push(format!("{} (floor {floor}) uses {named}", source.path));
            }
        }
    }
    none(&wrong, "Floors: a file never uses one above (docs/architecture.md).");
}

#[test]
fn the_floors_rule_sees_what_it_forbids() {
    let source = |path: &str, code: &str| Source {
        path: path.into(),
        text: code.into(),
        code: code.lines().map(str::to_owned).collect(),
        only_for_tests: false,
    };
    let highest =
        |source: &Source| named_by(source).iter().filter_map(|named| floor_named(named)).max();
    let upward = source(
        "capabilities/managers/model.rs",
        "use crate::{\n    base::Code,\n    cluster::Group,\n};",
    );
    assert_eq!(highest(&upward), Some(3));
    let sideways = source("capabilities/managers/model.rs", "use super::reconciler::Managers;");
    assert_eq!(highest(&sideways), Some(4));
    let in_passing =
        source("machine/apply.rs", "let group = crate::capabilities::managers::port::seen();");
    assert_eq!(highest(&in_passing), Some(3));
    let allowed = source("machine/apply.rs", "use crate::capabilities::{managers::model, access};");
    assert_eq!(highest(&allowed), Some(1));
}

#[test]
fn the_pure_floors_name_nothing_that_answers_differently_each_time() {
    let pure = |source: &&Source| floor_of(&source.path).is_some_and(|floor| floor <= 2);
    let mut wrong = Vec::new();
    for source in sources().iter().filter(pure).filter(|source| !source.only_for_tests) {
        let named = IMPURE.iter().filter(|word| source.holds(word));
        wrong.extend(named.map(|word| format!("{} names {word}", source.path)));
    }
    none(&wrong, "Purity: given the same log, byte-equal facts.");
}

#[test]
fn every_room_has_the_same_shape() {
    let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let capabilities = root().join("src/capabilities");
    for entry in fs::read_dir(&capabilities).unwrap().map(|entry| entry.unwrap().path()) {
        if !entry.is_dir() {
            continue;
        }
        let files = fs::read_dir(&entry).unwrap().map(|file| file.unwrap().path());
        let stems = files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned());
        rooms.insert(entry.file_name().unwrap().to_str().unwrap().to_owned(), stems.collect());
    }
    let mut wrong = Vec::new();
    for (room, files) in &rooms {
        let needed = ["mod", "model"].iter().filter(|file| !files.contains(**file));
        wrong.extend(needed.map(|file| format!("{room} has no {file}.rs")));
        let own = |file: &&String| {
            let path = format!("capabilities/{room}/{file}.rs");
            ROOM_FILES.contains(&file.as_str()) || OWN_FLOORS.iter().any(|(own, _)| *own == path)
        };
        wrong.extend(
            files.iter().filter(|file| !own(file)).map(|file| format!("{room}/{file} is unknown")),
        );
    }
    none(&wrong, "Shape: a room has these files and no others (docs/architecture.md).");
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let mut files = Vec::new();
    for folder in ["src", "raft-store/src", "chaos-tests/src", "tests"] {
        files_below(&root().join(folder), &mut files);
    }
    let rust = files.iter().filter(|file| file.extension().is_some_and(|end| end == "rs"));
    let silent = rust.filter(|file| !fs::read_to_string(file).unwrap().starts_with("//!"));
    let silent: Vec<String> = silent.map(|file| file.display().to_string()).collect();
    none(
        &silent,
        "Every file opens with `//!`: what it is for, and what it deliberately does not know.",
    );
}

#[test]
fn no_file_grows_beyond_what_can_be_read_at_once() {
    let lines = |source: &Source| {
        source.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count()
    };
    let bound = |path: &str| {
        GIANTS.iter().find(|(giant, _)| *giant == path).map_or(LINES_MAX, |(_, bound)| *bound)
    };
    let sources = sources();
    let long = sources.iter().filter(|source| lines(source) > bound(&source.path));
    let long: Vec<String> =
        long.map(|source| format!("{} has {} lines", source.path, lines(source))).collect();
    none(&long, "Look for the second noun in a file that has become too long.");
}

#[test]
fn nothing_outside_tests_unwraps() {
    let sources = sources();
    let unwraps =
        sources.iter().filter(|source| !source.only_for_tests && source.holds(".unwrap()"));
    let unwraps: Vec<String> = unwraps.map(|source| source.path.clone()).collect();
    none(&unwraps, "expect(\"why it cannot be\") says what unwrap() does not.");
}

#[test]
fn only_the_cluster_names_the_raft_library_and_nothing_here_names_sled() {
    let sources = sources();
    let named = |source: &&Source| {
        let raft = source.holds("openraft::") && !source.path.starts_with("cluster/");
        raft || source.holds("sled::")
    };
    let wrong: Vec<String> = sources
        .iter()
        .filter(|source| !source.only_for_tests)
        .filter(named)
        .map(|source| source.path.clone())
        .collect();
    none(&wrong, "A newer Raft library or another store touches one folder each.");
}

/// Mistakes are planted for the chaos runs alone: no feature switched on by itself, and only in their own program.
#[test]
fn no_build_but_the_one_for_chaos_runs_can_make_mistakes_on_purpose() {
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let mut wrong = Vec::new();
    for manifest in ["Cargo.toml", "raft-store/Cargo.toml", "chaos-tests/Cargo.toml"] {
        let names = read(manifest).lines().any(|line| line.trim_start().starts_with("default = ["));
        wrong.extend(names.then(|| format!("{manifest} has default features")));
    }
    let mut scripts = Vec::new();
    files_below(&root().join("scripts"), &mut scripts);
    scripts.push(root().join("Makefile"));
    for script in scripts {
        // A picture is no script.
        let text = fs::read_to_string(&script).unwrap_or_default();
        let builds = text.lines().filter(|line| line.contains("-features"));
        let other = builds.filter(|line| {
            let planted = line.contains("planted-bugs") && line.contains("--bin km-planted");
            !planted && !line.contains("--no-default-features")
        });
        wrong.extend(other.map(|line| format!("{}: {line}", script.display())));
    }
    none(&wrong, "Only km-planted, which make chaos-scoreboard builds, has planted bugs.");
    assert_eq!(planted::WARNING, None);
}

/// A bug that is planted nowhere would count as found by nobody, and one that no page tells of could not be judged.
#[test]
fn every_bug_that_can_be_planted_is_and_is_explained() {
    let mut files = Vec::new();
    ["src", "raft-store/src"].iter().for_each(|dir| files_below(&root().join(dir), &mut files));
    files.retain(|file| !file.ends_with("planted.rs") && !file.ends_with("house_rules.rs"));
    let code: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let page = read("docs/reliability.md");
    let scenarios = read("chaos-tests/src/scoreboard/scenario.rs");
    let mut wrong = Vec::new();
    for bug in planted::Bug::ALL {
        let (place, name) = (format!("planted(Bug::{bug:?})"), format!("`{}`", bug.name()));
        wrong.extend(
            (code.matches(&place).count() != 1).then(|| format!("{place}: not in one place")),
        );
        wrong.extend((!page.contains(&name)).then(|| format!("{name} is not explained")));
        let quoted = format!("\"{}\"", bug.name());
        wrong.extend(
            (!scenarios.contains(&quoted)).then(|| format!("{name} is looked for by no run")),
        );
    }
    none(
        &wrong,
        "Every bug in raft-store/src/planted.rs is planted in one place and told of in docs/reliability.md.",
    );
}

#[test]
fn every_refusal_is_in_the_list_of_errors() {
    let listed = fs::read_to_string(root().join("docs/contracts/errors.md")).unwrap();
    let missing = Code::ALL.iter().filter(|code| !listed.contains(&format!("`{code}`")));
    let missing: Vec<String> = missing.map(ToString::to_string).collect();
    none(&missing, "docs/contracts/errors.md lists every code.");
}

/// A promise is a heading `## 12. …`, and a line of it begins with `Kept by` and names files in backticks.
#[test]
fn every_promise_has_a_number_and_a_keeper_that_exists() {
    let promises = fs::read_to_string(root().join("docs/promises.md")).unwrap();
    let mut wrong = Vec::new();
    for (number, promise) in (1..).zip(promises.split("\n## ").skip(1)) {
        let title = promise.lines().next().unwrap_or_default();
        if !title.starts_with(&format!("{number}. ")) {
            wrong.push(format!("promise {number} is headed {title}"));
        }
        let kept_by: Vec<&str> =
            promise.lines().filter(|line| line.starts_with("Kept by")).collect();
        let keepers: Vec<&str> =
            kept_by.iter().flat_map(|line| line.split('`').skip(1).step_by(2)).collect();
        let missing = keepers.iter().filter(|keeper| !root().join(keeper).exists());
        wrong.extend(
            missing.map(|keeper| format!("promise {number} names {keeper}, which is not there")),
        );
        if keepers.is_empty() {
            wrong.push(format!("promise {number} names no keeper"));
        }
    }
    none(
        &wrong,
        "docs/promises.md: numbered in order, each kept by a test or checker that exists.",
    );
}
