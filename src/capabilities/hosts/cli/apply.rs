//! `km hosts apply`: a file says which hosts and services there are and how they are looked after; what differs is shown,
//! and made when somebody agrees.
//!
//! Applied again it changes nothing. What was shown is what is made: what changed meanwhile is refused. A file that cannot be
//! meant, here or with the hosts there are, is refused before anything is changed.

mod hosts;
mod services;
mod services_ha;

use std::path::Path;

use serde_json::{Value, json};

use self::hosts::Afterwards;
use super::cluster_file::{self, ClusterFile, REMEDY};
use crate::base::Refusal;
use crate::cli::client::{Change, Client};
use crate::cli::confirm;
use crate::cli::outcome::Failure;
use crate::cli::output::{Format, Output, say};

/// Whether the differences are to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consent {
    /// They are.
    Given,
    /// Somebody is asked.
    Ask,
    /// They are only shown.
    Never,
}

/// One change, with the differences it makes, a line for each.
#[derive(Debug)]
struct Step {
    shown: Vec<String>,
    change: Change,
}

impl Step {
    fn new(shown: String, change: Change) -> Self {
        Self { shown: vec![shown], change }
    }
}

/// What there is, as far as a file speaks of it.
#[derive(Debug, Default)]
struct Known {
    hosts: Vec<Value>,
    types: Vec<Value>,
    services: Vec<Value>,
    ha: Value,
}

impl Known {
    async fn look(client: &Client, file: &ClusterFile) -> Result<Self, Failure> {
        let mut known = Self { hosts: items(client, "/hosts").await?, ..Self::default() };
        if !file.types.is_empty() {
            known.types = items(client, "/services/types").await?;
        }
        if file.speaks_of_services() {
            known.services = items(client, "/services").await?;
        }
        if file.speaks_of_services() || file.services_ha.is_some() {
            known.ha = client.get("/services/ha", &[]).await?.body;
        }
        Ok(known)
    }
}

/// Every item of a list, in pages as large as they come.
pub(super) async fn items(client: &Client, path: &str) -> Result<Vec<Value>, Failure> {
    let mut all = client.get_all(path, &[("limit", "500".to_owned())]).await?;
    Ok(all["items"].as_array_mut().map(std::mem::take).unwrap_or_default())
}

pub(super) async fn run(
    client: Client,
    output: Output,
    path: &Path,
    prune: bool,
    consent: Consent,
) -> Result<(), Failure> {
    let file = cluster_file::read(path)?;
    // One request id names one change, and these are many. To repeat all of it is safe: what was made differs no more.
    let client = client.under(None);
    let known = Known::look(&client, &file).await?;
    let steps = plan(&file, &known, prune).map_err(|no| refused(path, &no))?;
    let shown: Vec<String> = steps.iter().flat_map(|step| step.shown.clone()).collect();
    if output.format == Format::Table {
        shown.iter().for_each(|line| say(line));
    }
    let made = !steps.is_empty() && agreed(consent, shown.len())?;
    if made {
        make(&client, steps).await?;
    }
    output.done(sentence(&shown, made), &json!({ "differences": shown, "made": made }));
    Ok(())
}

fn agreed(consent: Consent, differences: usize) -> Result<bool, Failure> {
    match consent {
        Consent::Never => Ok(false),
        Consent::Given => Ok(true),
        Consent::Ask => confirm(&format!("{differences} differences. Make them?")).map(|()| true),
    }
}

fn sentence(shown: &[String], made: bool) -> &'static str {
    match (shown.is_empty(), made) {
        (true, _) => "All is as the file says.",
        (false, true) => {
            "Done. Agents that are new are enrolled with km hosts enrol; over SSH, km hosts trust comes next."
        }
        (false, false) => "Nothing was changed.",
    }
}

/// One after another, in the order in which they were shown.
async fn make(client: &Client, steps: Vec<Step>) -> Result<(), Failure> {
    let all = steps.len();
    for (made, step) in steps.into_iter().enumerate() {
        let told = client.change(step.change).await;
        told.map_err(|failure| ended_early(failure, &step.shown, (made, all)))?;
    }
    Ok(())
}

/// The group's no, with what was made before it: to apply the file again makes the rest.
fn ended_early(failure: Failure, shown: &[String], (made, all): (usize, usize)) -> Failure {
    let Failure::Problem(mut problem) = failure else { return failure };
    let detail = format!(
        "{}: {} {made} of {all} changes were made; apply the file again for the others.",
        shown.join("; "),
        problem["detail"].as_str().unwrap_or("It was refused."),
    );
    problem["detail"] = detail.into();
    Failure::Problem(problem)
}

fn refused(path: &Path, no: &Refusal) -> Failure {
    let detail = format!("{}: {}", path.display(), no.detail);
    Failure::Problem(json!({ "code": no.code.as_str(), "detail": detail, "hint": REMEDY }))
}

/// What differs between a file and what there is. Hosts come first, because services are their roles; they go last, when
/// nobody stands by on them any more.
fn plan(file: &ClusterFile, known: &Known, prune: bool) -> Result<Vec<Step>, Refusal> {
    let there = Afterwards::of(file, &known.hosts, prune);
    let gone = if prune { hosts::let_go(file, &known.hosts)? } else { Vec::new() };
    let said = file.services_ha.as_ref();
    let standbys = services_ha::standbys(said, &known.ha, &there)?;
    let mut steps = hosts::differences(file, &known.hosts);
    steps.extend(services::controls(file, &known.types));
    steps.extend(services::wanted(file, known, &there, &standbys)?);
    steps.extend(said.and_then(|said| services_ha::difference(said, &known.ha, &standbys)));
    steps.extend(gone);
    Ok(steps)
}

#[cfg(test)]
mod tests;
