//! A closed loop: every client has one call under way on its own kept connection.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::group::KEYS;
use super::link::{Link, What};
use super::machine::cpu_seconds;
use crate::Failure;
use crate::measure::percentile;

const VALUE_BYTES: usize = 256;
/// Clients start this far apart in the keys, and step by it: a prime, so that all keys are met.
const STRIDE: u64 = 7_919;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Load {
    pub per_second: f64,
    pub calls: usize,
    pub p50_us: u64,
    pub p99_us: u64,
    /// Of one core.
    pub client_cpu_percent: f64,
}

/// A value nobody wrote before.
pub fn value_of(turn: u64) -> String {
    format!("{turn:0>VALUE_BYTES$}")
}

/// Keeps every link busy for so long. Any failed call fails the measurement.
pub async fn closed_loop(links: Vec<Link>, what: What, lasts: Duration) -> Result<Load, Failure> {
    let own = [i32::try_from(std::process::id()).map_err(Failure::doing("know oneself"))?];
    let (begun, cpu) = (Instant::now(), cpu_seconds(&own));
    let mut loops = JoinSet::new();
    for (nth, link) in (0..).zip(links) {
        loops.spawn(one_loop(link, what, begun + lasts, nth));
    }
    let mut latencies_us = Vec::new();
    while let Some(ended) = loops.join_next().await {
        latencies_us.extend(ended.map_err(Failure::doing("measure"))??);
    }
    let seconds = begun.elapsed().as_secs_f64();
    latencies_us.sort_unstable();
    Ok(Load {
        per_second: latencies_us.len() as f64 / seconds,
        calls: latencies_us.len(),
        p50_us: percentile(&latencies_us, 50),
        p99_us: percentile(&latencies_us, 99),
        client_cpu_percent: (cpu_seconds(&own) - cpu) / seconds * 100.0,
    })
}

async fn one_loop(
    mut link: Link,
    what: What,
    until: Instant,
    nth: u64,
) -> Result<Vec<u64>, Failure> {
    let (mut latencies_us, mut turn) = (Vec::new(), nth * STRIDE);
    while Instant::now() < until {
        let value = value_of(turn);
        let asked = Instant::now();
        link.call(what, turn % KEYS, &value).await?;
        latencies_us.push(asked.elapsed().as_micros().try_into().unwrap_or(u64::MAX));
        turn += STRIDE;
    }
    Ok(latencies_us)
}
