//! How fast: a closed loop of clients, its latencies, and what the disk and this process did meanwhile.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinSet;

use crate::Failure;
use crate::client::{Call, Client, Reply};
use crate::cluster::Process;

/// What is appended before each flush of a disk sample, in bytes.
const APPEND: [u8; 256] = [0x5A; 256];
/// Ticks of `/proc` in a second, on every Linux there is.
const TICKS_PER_SECOND: f64 = 100.0;

/// A measured cell.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Speed {
    pub per_second: f64,
    pub p50_us: u64,
    pub p99_us: u64,
    /// Calls without a 2xx.
    pub errors: u64,
    /// Processor use of the clients, in percent of one core.
    pub client_cpu: f64,
}

/// One call in flight per client, each on its own kept connection, for so long.
pub async fn closed_loop<F>(
    clients: Vec<Client>,
    lasts: Duration,
    call: F,
) -> Result<Speed, Failure>
where
    F: Fn(usize, u64) -> Call + Send + Sync + 'static,
{
    let (call, mut loops) = (Arc::new(call), JoinSet::new());
    let (started, ticks) = (Instant::now(), own_ticks());
    for (nth, client) in clients.into_iter().enumerate() {
        let call = call.clone();
        loops.spawn(async move { one_loop(client, started + lasts, |turn| call(nth, turn)).await });
    }
    let (mut latencies_us, mut errors) = (Vec::new(), 0);
    while let Some(ended) = loops.join_next().await {
        let (own, failed) = ended.map_err(Failure::doing("measure"))?;
        latencies_us.extend(own);
        errors += failed;
    }
    let seconds = started.elapsed().as_secs_f64();
    let client_cpu = (own_ticks() - ticks) as f64 / TICKS_PER_SECOND / seconds * 100.0;
    latencies_us.sort_unstable();
    Ok(Speed {
        per_second: latencies_us.len() as f64 / seconds,
        p50_us: percentile(&latencies_us, 50),
        p99_us: percentile(&latencies_us, 99),
        errors,
        client_cpu,
    })
}

async fn one_loop(client: Client, until: Instant, call: impl Fn(u64) -> Call) -> (Vec<u64>, u64) {
    let (mut latencies_us, mut errors, mut turn) = (Vec::new(), 0, 0);
    while Instant::now() < until {
        let asked = Instant::now();
        match client.send(call(turn)).await {
            Reply::Done(_) => {
                latencies_us.push(asked.elapsed().as_micros().try_into().unwrap_or(u64::MAX))
            }
            Reply::Refused { .. } | Reply::Untried(_) | Reply::Unknown(_) => errors += 1,
        }
        turn += 1;
    }
    (latencies_us, errors)
}

fn own_ticks() -> u64 {
    Process::own().stat().map_or(0, |stat| stat.ticks)
}

/// For how long somebody on this machine has waited for a processor since it started, in microseconds; `None`
/// where the kernel does not say. On a starved machine a time measured says little of the product.
pub fn starved_us() -> Option<u64> {
    let pressure = std::fs::read_to_string("/proc/pressure/cpu").ok()?;
    pressure.lines().next()?.rsplit_once("total=")?.1.parse().ok()
}

/// The value below which so many of a hundred lie; 0 of nothing.
pub fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((sorted.len() * percent / 100).min(last)).copied().unwrap_or(0)
}

/// How often per second the disk under `dir` takes 256 bytes and a flush from one writer. Absolute speeds of one
/// moment mean little on a shared machine; beside this they do.
pub fn flushes_per_second(dir: &Path, lasts: Duration) -> Result<f64, Failure> {
    let path = dir.join("flush-sample");
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let mut file = file.map_err(Failure::doing(path.display()))?;
    let (started, mut flushes) = (Instant::now(), 0_u32);
    while started.elapsed() < lasts {
        let flushed = file.write_all(&APPEND).and_then(|()| file.sync_data());
        flushed.map_err(Failure::doing(path.display()))?;
        flushes += 1;
    }
    let per_second = f64::from(flushes) / started.elapsed().as_secs_f64();
    std::fs::remove_file(&path).map_err(Failure::doing(path.display()))?;
    Ok(per_second)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 99)), (51, 100));
        assert_eq!((percentile(&[7], 99), percentile(&[], 50)), (7, 0));
    }
}
