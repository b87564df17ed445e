//! A planned hand-over: the Active is asked to terminate while clients write through the others.
//!
//! Only ours can do it, so there is nothing to compare with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::group::{Group, KEYS};
use super::link::{Link, What};
use super::load::value_of;
use super::row::Row;
use crate::Failure;
use crate::measure::percentile;

const CLIENTS: usize = 16;
/// As long before the hand-over as after it.
const SPAN: Duration = Duration::from_secs(2);

/// So many hand-overs, one after the other.
pub async fn trials(group: &mut Group, count: usize) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for _ in 0..count {
        group.whole().await?;
        rows.extend(one(group).await?);
    }
    Ok(rows)
}

async fn one(group: &mut Group) -> Result<Vec<Row>, Failure> {
    let leader = group.leader().await?;
    let others: Vec<usize> = (0..group.size()).filter(|nth| *nth != leader).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for nth in 0..CLIENTS {
        let link = group.connect(others[nth % others.len()]).await?;
        clients.spawn(write_on(link, nth as u64, stop.clone()));
    }
    sleep(SPAN).await;
    let handed_over = Instant::now();
    group.signal(leader, Signal::TERM)?;
    sleep(SPAN).await;
    stop.store(true, Ordering::Relaxed);
    let (mut before, mut after, mut failed) = (Vec::new(), Vec::new(), 0);
    while let Some(calls) = clients.join_next().await {
        for (asked, took) in calls.map_err(Failure::doing("write"))? {
            match took {
                None => failed += 1,
                Some(took) if asked + took < handed_over => before.push(took.as_micros() as u64),
                Some(took) => after.push(took.as_micros() as u64),
            }
        }
    }
    group.start_again(leader).await?;
    before.sort_unstable();
    after.sort_unstable();
    let added = percentile(&after, 99).saturating_sub(percentile(&before, 99));
    let longest = after.last().copied().unwrap_or(0);
    let row = |figure, value, unit| Row::new(group.name(), figure, value, unit);
    Ok(vec![
        row("planned hand-over: failed calls", f64::from(failed), ""),
        row("planned hand-over: added p99", added as f64 / 1e3, "ms"),
        row("planned hand-over: longest call", longest as f64 / 1e3, "ms"),
    ])
}

/// Writes until told to stop; when each call was made and how long it took, `None` when it failed.
async fn write_on(
    mut link: Link,
    nth: u64,
    stop: Arc<AtomicBool>,
) -> Vec<(Instant, Option<Duration>)> {
    let mut calls = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let key = (nth * KEYS / CLIENTS as u64 + calls.len() as u64) % KEYS;
        let done = link.call(What::Write, key, &value_of(nth)).await;
        calls.push((asked, done.ok().map(|()| asked.elapsed())));
    }
    calls
}
