//! `km store`: looking over the files of a stopped Manager.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::outcome::Failure;
use super::output::Output;
use crate::cluster::Home;

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
    let stored = report.findings.into_iter().map(|finding| {
        json!({ "file": finding.file, "offset": finding.offset, "meaning": finding.meaning })
    });
    let identity = home.identity_damage().into_iter();
    let identity =
        identity.map(|(file, meaning)| json!({ "file": file, "offset": 0, "meaning": meaning }));
    let items: Vec<_> = stored.chain(identity).collect();
    let places = items.len();
    let body = json!({ "items": items });
    if places == 0 {
        output.done(&format!("{} is intact.", dir.display()), &body);
        return Ok(());
    }
    output.list(&body, &[("FILE", "/file"), ("OFFSET", "/offset"), ("WHAT IS WRONG", "/meaning")]);
    let places = if places == 1 { "1 place".to_owned() } else { format!("{places} places") };
    Err(Failure::Refused(format!("{} is damaged in {places}", dir.display())))
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
        for name in ["ca.pem", "manager.pem", "manager.key", "group.key", "disk", "clocks.json"] {
            let path = dir.path().join("identity").join(name);
            let kept = std::fs::read(&path).unwrap();
            for bytes in [&b""[..], b"not this", b"\xff\xfe"] {
                std::fs::write(&path, bytes).unwrap();
                assert!(look().is_err(), "{name} holds {bytes:?}");
            }
            std::fs::write(&path, kept).unwrap();
            look().unwrap();
        }
    }
}
