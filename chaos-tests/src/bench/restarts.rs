//! From the start of a process on its old disk to its first answer: one node, and a whole group at once.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::group::Group;
use super::link::What;
use super::load::value_of;
use super::nodes::START_PATIENCE;
use super::row::Row;
use crate::Failure;

const LOOK: Duration = Duration::from_millis(2);
/// Longest time one call is waited for before it is made again.
const ATTEMPT: Duration = Duration::from_millis(500);

/// So many of each, of all groups in turn.
pub async fn trials(groups: &mut [Group], count: usize) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for trial in 0..count {
        for group in groups.iter_mut() {
            group.whole().await?;
            let follower = (group.leader().await? + 1 + trial % 2) % group.size();
            let one = restarted(group, &[follower], What::LocalRead).await?;
            rows.push(Row::new(group.name(), "node restart to first local read", ms(one), "ms"));
            group.whole().await?;
            let all: Vec<usize> = (0..group.size()).collect();
            let whole = restarted(group, &all, What::Write).await?;
            rows.push(Row::new(group.name(), "whole restart to first write", ms(whole), "ms"));
        }
    }
    Ok(rows)
}

/// Kills nodes and starts them again; the time from there to the first call one of them answers.
async fn restarted(group: &mut Group, nodes: &[usize], what: What) -> Result<Duration, Failure> {
    let mut killed = Vec::new();
    for node in nodes {
        killed.push(group.pid(*node)?);
        group.signal(*node, Signal::KILL)?;
    }
    let mut begun = Instant::now();
    for (node, killed) in nodes.iter().zip(killed) {
        if let Group::Km(_) = group {
            // Its supervisor starts it: the clock begins when it does.
            while matches!(group.pid(*node)?, pid if pid.is_none() || pid == killed) {
                sleep(LOOK).await;
                begun = Instant::now();
            }
        } else {
            group.start_again(*node).await?;
        }
    }
    let mut answers = JoinSet::new();
    for node in nodes {
        let (door, address) = (group.door()?, group.address(*node)?);
        answers.spawn(async move {
            loop {
                let attempt = async {
                    let mut link = door.connect(address).await?;
                    link.call(what, 1, &value_of(1)).await
                };
                if let Ok(Ok(())) = timeout(ATTEMPT, attempt).await {
                    return;
                }
                sleep(LOOK).await;
            }
        });
    }
    let first = timeout(START_PATIENCE, answers.join_next()).await;
    let took = begun.elapsed();
    answers.shutdown().await;
    first.map_err(|_| Failure(format!("{} did not come back", group.name()))).map(|_| took)
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
