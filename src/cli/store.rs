//! `km store`: looking over the files of a stopped Manager.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::outcome::Failure;
use super::output::Output;

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
    let store = crate::cluster::Home::at(&dir).store_dir();
    let report = raft_store::check(&store).map_err(|error| Failure::Refused(error.to_string()))?;
    let items = report.findings.iter().map(|finding| {
        json!({ "file": finding.file, "offset": finding.offset, "meaning": finding.meaning })
    });
    let body = json!({ "items": items.collect::<Vec<_>>() });
    if report.findings.is_empty() {
        output.done(&format!("{} is intact.", dir.display()), &body);
        return Ok(());
    }
    output.list(&body, &[("FILE", "/file"), ("OFFSET", "/offset"), ("WHAT IS WRONG", "/meaning")]);
    Err(Failure::Refused(format!(
        "{} is damaged in {} places",
        dir.display(),
        report.findings.len()
    )))
}
