//! Long work whose Active dies at the boundary of its steps: as soon as one more step of an operation is done, or it is
//! begun, whoever is Active is killed. The operation must come to an end all the same.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Outcome;
use super::operator::Operator;
use crate::Failure;
use crate::cluster::Cluster;
use crate::history::{History, Line};
use crate::probe::Sighting;

/// How often the Active of one operation is killed at most.
const KILLS_MAX: usize = 3;
/// How often is looked whether a step was done.
pub(super) const LOOK_PERIOD: Duration = Duration::from_millis(5);
/// How long an operation may take, with all that.
const PATIENCE: Duration = Duration::from_secs(60);

/// Begins an operation and kills the Active at the boundaries of its steps.
pub(super) async fn strike(
    cluster: &Cluster,
    history: &History,
    sighting: &Sighting,
    pick: u64,
) -> Result<Outcome, Failure> {
    let operator = Operator::new(cluster, history)?;
    let active = sighting.active(history.now());
    let passives: Vec<u64> =
        cluster.managers.iter().map(|it| it.id.get()).filter(|id| Some(*id) != active).collect();
    let Some(path) = path(pick, &passives) else {
        return Ok(Outcome::Skipped("there is no Passive".into()));
    };
    let since = history.now();
    let begun = operator.change(Method::POST, &path, json!({})).await?;
    let Some(id) = begun["operation"].as_u64() else {
        return Ok(Outcome::Indeterminate("no operation was begun".into()));
    };
    let asked = Asked { path: &path, since, id };
    match kill_at_boundaries(&operator, cluster, history, sighting, &asked).await? {
        0 => Ok(Outcome::Indeterminate("nobody was killed at a boundary".into())),
        _ => Ok(Outcome::Installed),
    }
}

/// What is asked for. Whom and what are drawn each for itself: everything befalls every Passive.
fn path(pick: u64, passives: &[u64]) -> Option<String> {
    let mut random = StdRng::seed_from_u64(pick);
    let passive = passives.get(random.random_range(0..passives.len().max(1)))?;
    Some(match random.random_range(0..4) {
        0 => format!("/managers/{passive}/restart"),
        1 => "/managers/restart-passives".to_owned(),
        2 => format!("/managers/{passive}/make-active"),
        _ => "/managers/restart-active".to_owned(),
    })
}

/// An operation that was asked for.
pub(super) struct Asked<'a> {
    pub(super) path: &'a str,
    /// It was not before.
    pub(super) since: u64,
    pub(super) id: u64,
}

/// Kills the Active at the boundaries of the steps of an operation until it has ended, and writes down how that went. How many
/// were killed.
pub(super) async fn kill_at_boundaries(
    operator: &Operator<'_>,
    cluster: &Cluster,
    history: &History,
    sighting: &Sighting,
    asked: &Asked<'_>,
) -> Result<usize, Failure> {
    let Asked { path, since, id } = *asked;
    let (kills, ended) = kill_until_ended(operator, cluster, history, sighting, id).await?;
    let value =
        json!({ "path": path, "operation": id, "since": since, "kills": kills, "ended": ended });
    history.record(Line::of_harness("operation", "killed-at-steps", None, value));
    Ok(kills)
}

async fn kill_until_ended(
    operator: &Operator<'_>,
    cluster: &Cluster,
    history: &History,
    sighting: &Sighting,
    id: u64,
) -> Result<(usize, Value), Failure> {
    let (deadline, mut kills, mut seen) = (Instant::now() + PATIENCE, 0, None);
    let path = format!("/operations/{id}");
    while Instant::now() < deadline {
        let told = operator.read(&path, PATIENCE, |it| Some(it.clone())).await;
        let Some(told) = told else { break };
        if ended(&told) {
            return Ok((kills, told["status"].clone()));
        }
        let done = told["progress"]["done"].as_u64();
        // A boundary at which nobody is seen to be Active is waited at.
        if kills < KILLS_MAX
            && done != seen
            && let Some(active) = sighting.active(history.now())
        {
            seen = done;
            let processes = cluster.processes()?;
            for (_, process) in processes.iter().filter(|(it, _)| *it == active) {
                process.kill();
                kills += 1;
            }
        }
        sleep(LOOK_PERIOD).await;
    }
    Ok((kills, Value::Null))
}

/// Whether an operation has come to an end.
pub fn ended(operation: &Value) -> bool {
    !matches!(operation["status"].as_str(), None | Some("queued" | "running"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_befalls_every_passive() {
        let asked: BTreeSet<String> = (0..200).filter_map(|pick| path(pick, &[2, 3])).collect();
        let all = [
            "/managers/2/make-active",
            "/managers/2/restart",
            "/managers/3/make-active",
            "/managers/3/restart",
            "/managers/restart-active",
            "/managers/restart-passives",
        ];
        assert_eq!(asked, all.map(str::to_owned).into());
        assert_eq!(path(1, &[]), None);
    }
}
