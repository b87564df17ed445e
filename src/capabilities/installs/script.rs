//! How the scripts speak of instances on their hosts.

use super::command::Command;
use super::model::{Copy, script_state};
use crate::base::{Sha256, Timestamp};
use crate::machine::State;
use crate::machine::script::{Words, tell_all_of};

pub(crate) const VERBS: &[&str] = &["note-stop", "note-start", "note-push"];

/// `note-stop N @OPERATION [pid=N] [process=MS]` · `note-start N` ·
/// `note-push @HOST @OPERATION written PATH TEXT|present` · `note-push @HOST @OPERATION failed BECAUSE`. The copy
/// of the present version has to be named by its checksum: `sum=HEX`, or `sum=present`.
pub(crate) fn command(words: &mut Words) -> Command {
    let verb = words.next();
    match verb.as_str() {
        "note-stop" => Command::NoteStop {
            manager: words.manager(),
            operation: words.revision(),
            pid: words.read_option("pid"),
            process: words.read_option("process").map(Timestamp),
        },
        "note-start" => Command::NoteStart { manager: words.manager() },
        "note-push" => {
            let (host, operation) = (words.read(), words.revision());
            Command::NotePush { host, operation, copy: copy(words) }
        }
        other => panic!("installs know no {other}"),
    }
}

fn copy(words: &mut Words) -> Copy {
    match words.next().as_str() {
        "written" => {
            let (path, content) = (words.next(), words.next());
            let sha256 = match words.option("sum") {
                Some(sum) => read_sum(&sum),
                None => Sha256::of(content.as_bytes()),
            };
            Copy::Written { path, sha256 }
        }
        "failed" => Copy::Failed { because: words.next() },
        other => panic!("a script is not {other}"),
    }
}

fn read_sum(hex: &str) -> Sha256 {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    Sha256(std::array::from_fn(|place| byte(place * 2)))
}

/// `show installs`
pub(crate) fn show(state: &State, _words: &mut Words) -> Vec<String> {
    let facts = &state.installs;
    let stops = facts.stops.iter().map(|(manager, stop)| {
        format!("{manager} stopped on purpose by operation @{}", stop.operation)
    });
    let pushes = facts.pushes.iter().map(|(host, push)| match &push.copy {
        Copy::Written { path, .. } => format!("host {host} has {path}"),
        Copy::Failed { because } => format!("host {host} has none: {because}"),
    });
    stops.chain(pushes).chain([format!("{:?}", script_state(state))]).collect()
}

#[test]
fn the_scripts_of_installs_tell_what_happens() {
    tell_all_of("installs");
}
