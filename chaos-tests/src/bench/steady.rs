//! Writes and reads of a healthy group: rate, latency, and what they cost.

use std::path::Path;
use std::time::Duration;

use super::group::{Group, Side};
use super::link::What;
use super::load::{Load, closed_loop};
use super::machine::{Disks, cpu_seconds};
use super::row::Row;
use crate::Failure;
use crate::measure::flushes_per_second;

const DISK_SAMPLE: Duration = Duration::from_millis(250);

/// One line of work.
#[derive(Clone, Copy, Debug)]
struct Work {
    name: &'static str,
    what: What,
    side: Side,
    clients: usize,
}

const fn work(name: &'static str, what: What, side: Side, clients: usize) -> Work {
    Work { name, what, side, clients }
}

const WRITES: [Work; 6] = [
    work("write at leader, 1 client", What::Write, Side::Leader, 1),
    work("write at leader, 16 clients", What::Write, Side::Leader, 16),
    work("write at leader, 64 clients", What::Write, Side::Leader, 64),
    work("write at leader, 256 clients", What::Write, Side::Leader, 256),
    work("write at follower, 1 client", What::Write, Side::Follower, 1),
    work("write at follower, 64 clients", What::Write, Side::Follower, 64),
];

const READS: [Work; 4] = [
    work("read at leader, 1 client", What::Read, Side::Leader, 1),
    work("read at leader, 64 clients", What::Read, Side::Leader, 64),
    work("local read, 1 client", What::LocalRead, Side::Leader, 1),
    work("local read, 64 clients", What::LocalRead, Side::Leader, 64),
];

/// All writes once, of all groups in turn.
pub async fn writes(groups: &[Group], dir: &Path, lasts: Duration) -> Result<Vec<Row>, Failure> {
    round(&WRITES, groups, dir, lasts).await
}

/// All reads once, of all groups in turn.
pub async fn reads(groups: &[Group], dir: &Path, lasts: Duration) -> Result<Vec<Row>, Failure> {
    round(&READS, groups, dir, lasts).await
}

async fn round(
    works: &[Work],
    groups: &[Group],
    dir: &Path,
    lasts: Duration,
) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for work in works {
        for group in groups {
            rows.extend(one(*work, group, dir, lasts).await?);
        }
    }
    Ok(rows)
}

async fn one(work: Work, group: &Group, dir: &Path, lasts: Duration) -> Result<Vec<Row>, Failure> {
    let disk = flushes_per_second(dir, DISK_SAMPLE)?;
    let node = group.find(work.side).await?;
    let mut links = Vec::with_capacity(work.clients);
    for _ in 0..work.clients {
        links.push(group.connect(node).await?);
    }
    let pids = group.pids()?;
    let (disks, cpu) = (Disks::now()?, cpu_seconds(&pids));
    let load = closed_loop(links, work.what, lasts).await;
    let load = load.map_err(Failure::doing(format!("{}, {}", group.name(), work.name)))?;
    let (cpu, disks) = (cpu_seconds(&pids) - cpu, Disks::now()?.since(disks));
    let rows = figures(work, &load, cpu, disks).into_iter().map(|(what, value, unit)| Row {
        disk,
        client_cpu: load.client_cpu_percent,
        ..Row::new(group.name(), &format!("{}: {what}", work.name), value, unit)
    });
    Ok(rows.collect())
}

fn figures(
    work: Work,
    load: &Load,
    cpu_seconds: f64,
    disks: Disks,
) -> Vec<(&'static str, f64, &'static str)> {
    let calls = load.calls.max(1) as f64;
    let mut figures = vec![
        ("rate", load.per_second, "/s"),
        ("p50", load.p50_us as f64, "µs"),
        ("p99", load.p99_us as f64, "µs"),
        ("CPU of three nodes per call", cpu_seconds * 1e6 / calls, "µs"),
    ];
    if work.what == What::Write {
        figures.push(("flushes per call", disks.flushes as f64 / calls, ""));
        figures.push(("bytes written per call", disks.written_bytes as f64 / calls, "B"));
    }
    figures
}
