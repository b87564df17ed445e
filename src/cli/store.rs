//! `km store`: looking over the files of a stopped Manager.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::outcome::Failure;
use super::output::{Column, Output};
use crate::cluster::{Home, HomeFailure};

/// What can be asked of a store.
#[derive(Subcommand, Debug)]
pub(super) enum Verb {
    /// Check every file for damage; changes nothing
    Check {
        /// The data directory of a Manager that is not running
        dir: PathBuf,
    },
}

/// Does it.
pub(super) fn run(verb: Verb, output: Output) -> Result<(), Failure> {
    let Verb::Check { dir } = verb;
    let home = Home::at(&dir);
    let report = raft_store::check(&home.store_dir());
    let report = report.map_err(|error| Failure::Refused(error.to_string()))?;
    let stored = report
        .findings
        .into_iter()
        .map(|finding| item(&finding.file, finding.offset, &finding.meaning, finding.heals));
    let identity = home.identity_damage().into_iter();
    let identity = identity.map(|(file, failure)| {
        let heals = matches!(failure, HomeFailure::ForgottenPromise(_));
        item(&file, 0, &failure.to_string(), heals)
    });
    let items: Vec<_> = stored.chain(identity).collect();
    let verdict = verdict(&items);
    let body = json!({ "items": items });
    let Some(verdict) = verdict else {
        output.done(&format!("{} is intact.", dir.display()), &body);
        return Ok(());
    };
    output.list(&body, &COLUMNS);
    Err(Failure::Refused(format!("{} is damaged in {verdict}", dir.display())))
}

const COLUMNS: [Column; 4] = [
    ("FILE", "/file"),
    ("OFFSET", "/offset"),
    ("HEALS AT START", "/heals"),
    ("WHAT IS WRONG", "/meaning"),
];

fn item(file: &Path, offset: u64, meaning: &str, heals: bool) -> Value {
    json!({ "file": file, "offset": offset, "meaning": meaning, "heals": heals })
}

/// In how many places it is damaged, and what is to be done about it; `None` when it is intact.
fn verdict(items: &[Value]) -> Option<String> {
    let lasting = items.iter().filter(|item| item["heals"] == false).count();
    let places = match items.len() {
        0 => return None,
        1 => "1 place".to_owned(),
        places => format!("{places} places"),
    };
    Some(match lasting {
        0 => format!("{places}, which the next start makes good by itself"),
        _ => format!("{places}; what does not heal at the next start: {lasting}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::Format;

    #[test]
    fn a_damaged_identity_is_damage_too() {
        let dir = tempfile::tempdir().unwrap();
        let hosts = ["km1.example".to_owned()];
        Home::at(dir.path()).found("test", &hosts).unwrap();
        let look =
            || run(Verb::Check { dir: dir.path().to_owned() }, Output { format: Format::Json });
        look().unwrap();
        for name in
            ["ca.pem", "manager.pem", "manager.key", "group.key", "role", "disk", "clocks.json"]
        {
            let path = dir.path().join("identity").join(name);
            let kept = std::fs::read(&path).unwrap();
            for bytes in [&b""[..], b"not this", b"\xff\xfe"] {
                std::fs::write(&path, bytes).unwrap();
                assert!(look().is_err(), "{name} holds {bytes:?}");
            }
            std::fs::remove_file(&path).unwrap();
            let failure = look().unwrap_err().to_string();
            assert_eq!(failure.contains("does not heal"), name != "clocks.json", "{failure}");
            std::fs::write(&path, kept).unwrap();
            look().unwrap();
        }
    }

    #[test]
    fn what_the_next_start_makes_good_is_damage_and_told_as_such() {
        let file = Path::new("store/history/db");
        let (healing, lasting) = (item(file, 0, "history", true), item(file, 9, "log", false));
        assert_eq!(verdict(&[]), None);
        let said = |items: &[Value]| verdict(items).unwrap();
        assert_eq!(
            said(std::slice::from_ref(&healing)),
            "1 place, which the next start makes good by itself"
        );
        assert_eq!(said(&[healing, lasting]), "2 places; what does not heal at the next start: 1");
    }
}
