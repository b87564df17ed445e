//! A large cluster: over a thousand hosts with real agents and five thousand services, watched through a real ZooKeeper.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use super::browser::{Browser, View};
use super::fleet::{Fleet, WITH_ZNODES, read};
use super::group::Group;
use super::jute;
use super::km::Km;
use super::machine::{cpu_seconds, resident_mib};
use super::nodes::until_it_works;
use super::row::Row;
use super::zookeeper::ZooKeeper;
use crate::Failure;
use crate::measure::percentile;

/// With four services each.
const HOSTS: usize = 1_250;
/// How long everything may take to be seen, for the first time and after ZooKeeper came back.
const PATIENCE: Duration = Duration::from_secs(600);
const LOOK_PERIOD: Duration = Duration::from_millis(200);
/// How long nothing happens while the Active is looked at.
const REST: Duration = Duration::from_secs(60);
const READS: usize = 20;
const VANISHED: usize = 20;
/// What the dashboard reads to show the services: all of them once, then those that an event names.
const SHOWN: &str = "/api/v1/services/mapping";

/// Of a group of ours, which is left with all the hosts.
pub async fn of(group: &Group, km: &Km, program: &Path, dir: &Path) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let mut row = |figure: &str, value: f64, unit: &str| {
        rows.push(Row::new(group.name(), &format!("{HOSTS} hosts: {figure}"), value, unit));
    };
    let mut zookeeper = ZooKeeper::start(&dir.join("watched")).await?;

    let began = Instant::now();
    let mut fleet = Fleet::of(HOSTS, km, program, &dir.join("fleet")).await?;
    row("registered, enrolled and started", began.elapsed().as_secs_f64(), "s");
    fleet.show(zookeeper.session().await?).await?;
    let began = Instant::now();
    point(km, &zookeeper, fleet.port).await?;
    until(km, |types| present(types) == WITH_ZNODES.len() * HOSTS).await?;
    row("all znodes seen after the watch was wanted", began.elapsed().as_secs_f64(), "s");
    until(km, |types| count(types, "up") >= fleet.services()).await?;
    row("every service called up", began.elapsed().as_secs_f64(), "s");

    let active = km.active().await?;
    let pid = group.pid(active)?.ok_or_else(|| Failure("the Active is away".into()))?;
    let before = cpu_seconds(&[pid]);
    sleep(REST).await;
    let percent = (cpu_seconds(&[pid]) - before) / REST.as_secs_f64() * 100.0;
    row("processor use of the Active", percent, "%");
    row("memory of the Active", resident_mib(pid), "MiB");

    let (mut took_us, mut bytes) = (Vec::new(), 0);
    let mut link = km.connect(active).await?;
    for _ in 0..READS {
        let asked = Instant::now();
        bytes = link.request("GET", SHOWN, "").await?.len();
        took_us.push(asked.elapsed().as_micros() as u64);
    }
    took_us.sort_unstable();
    row("all services read: p50", percentile(&took_us, 50) as f64 / 1e3, "ms");
    row("all services read: bytes", bytes as f64, "B");

    // Begun now: a session that asks nothing for half a minute ends.
    let mut session = zookeeper.session().await?;
    let mut told_us = Vec::new();
    for nth in 0..VANISHED {
        told_us.push(vanish(km, &fleet, &mut session, nth).await?.as_micros() as u64);
    }
    told_us.sort_unstable();
    row("znode gone to read as gone: p50", percentile(&told_us, 50) as f64 / 1e3, "ms");
    row("znode gone to read as gone: longest", percentile(&told_us, 100) as f64 / 1e3, "ms");

    let (mut browser, views) = Browser::open(&km.dir, fleet.first()).await?;
    for View { name, first_ms, again_ms } in views {
        row(&format!("first view of {name}: p50"), first_ms, "ms");
        row(&format!("{name} opened again: p50"), again_ms, "ms");
    }
    let mut session = zookeeper.session().await?;
    let mut shown_us = Vec::new();
    for nth in VANISHED..2 * VANISHED {
        let shown = vanish_before(&mut browser, &fleet, &mut session, nth).await?;
        shown_us.push(shown.as_micros() as u64);
    }
    browser.close().await?;
    shown_us.sort_unstable();
    row("znode gone to verdict on screen: p50", percentile(&shown_us, 50) as f64 / 1e3, "ms");
    row("znode gone to verdict on screen: longest", percentile(&shown_us, 100) as f64 / 1e3, "ms");

    let before = cpu_seconds(&[pid]);
    zookeeper.servers[0].kill().await?;
    until_watch(km, "away").await?;
    let began = Instant::now();
    zookeeper.servers[0].start_again()?;
    until_watch(km, "watching").await?;
    row("watched again after ZooKeeper's start", began.elapsed().as_secs_f64(), "s");
    row("processor time of the Active for that", cpu_seconds(&[pid]) - before, "s");
    fleet.end().await?;
    Ok(rows)
}

/// Where ZooKeeper is, and that it is to be watched.
async fn point(km: &Km, zookeeper: &ZooKeeper, repository: u16) -> Result<(), Failure> {
    let mut link = km.connect(km.active().await?).await?;
    let host =
        "{\"name\":\"127.0.0.1\",\"roles\":[\"zookeeper\"],\"transport\":{\"kind\":\"agent\"}}";
    link.request("POST", "/api/v1/hosts", host).await?;
    let port = zookeeper.servers[0].node.address.port();
    let settings = [
        ("ZOOKEEPER_PORT", port.to_string()),
        ("REPOSITORY_PORT", repository.to_string()),
        ("ZK_SERVICE_WATCH", "on".to_owned()),
    ];
    for (name, value) in settings {
        let path = format!("/api/v1/properties/kyvos-manager/{name}");
        link.request("PUT", &path, &format!("{{\"value\":\"{value}\"}}")).await?;
    }
    Ok(())
}

/// Waits until the counts of all types are as wanted.
async fn until(km: &Km, so: impl Fn(&Value) -> bool) -> Result<(), Failure> {
    let (deadline, mut last) = (Instant::now() + PATIENCE, Value::Null);
    while Instant::now() < deadline {
        let mut link = km.connect(km.active().await?).await?;
        last = read(&link.request("GET", SHOWN, "").await?)?["types"].take();
        if so(&last) {
            return Ok(());
        }
        sleep(LOOK_PERIOD).await;
    }
    Err(Failure(format!("not seen within {PATIENCE:?}: {last}")))
}

fn count(types: &Value, what: &str) -> usize {
    let types = types.as_array().map(Vec::as_slice).unwrap_or_default();
    types.iter().filter_map(|of| of[what].as_u64()).sum::<u64>() as usize
}

/// Of the types that have znodes.
fn present(types: &Value) -> usize {
    let types = types.as_array().map(Vec::as_slice).unwrap_or_default();
    let has = |of: &&Value| WITH_ZNODES.iter().any(|(kind, _)| of["type"] == *kind);
    let present = types.iter().filter(has).filter_map(|of| of["present"].as_u64());
    present.sum::<u64>() as usize
}

async fn until_watch(km: &Km, state: &str) -> Result<(), Failure> {
    until_it_works(PATIENCE, async || {
        let mut link = km.connect(km.active().await?).await?;
        let watch = read(&link.request("GET", "/api/v1/services/watch", "").await?)?;
        match watch["state"] == state && watch["stale"] == (state == "away") {
            true => Ok(()),
            false => Err(Failure(format!("the watch is not {state}: {watch}"))),
        }
    })
    .await
}

/// Takes a znode away; how long until a dashboard that waits for events has read that it is gone.
async fn vanish(
    km: &Km,
    fleet: &Fleet,
    session: &mut jute::Link,
    host: usize,
) -> Result<Duration, Failure> {
    let active = km.active().await?;
    let (mut events, mut link) = (km.connect(active).await?, km.connect(active).await?);
    events.open_stream("/api/v1/events").await?;
    let (kind, folder) = WITH_ZNODES[host % WITH_ZNODES.len()];
    let id = fleet.service(kind, host);
    let path = format!("/api/v1/services?id={id}");
    let began = Instant::now();
    session.delete(&fleet.znode(folder, host)).await?;
    while !is_gone(&read(&link.request("GET", &path, "").await?)?) {
        events.until_line("event: change").await?;
    }
    Ok(began.elapsed())
}

/// The same until a browser shows what is made of it: its port goes on answering, so it is degraded.
async fn vanish_before(
    browser: &mut Browser,
    fleet: &Fleet,
    session: &mut jute::Link,
    host: usize,
) -> Result<Duration, Failure> {
    let (kind, folder) = WITH_ZNODES[host % WITH_ZNODES.len()];
    let id = fleet.service(kind, host);
    browser.shows(&id).await?;
    let began = Instant::now();
    session.delete(&fleet.znode(folder, host)).await?;
    match browser.changes(&id).await? {
        (state, at) if state == "Degraded" => Ok(at - began),
        (state, _) => Err(Failure(format!("{id} is shown as {state} when its znode went"))),
    }
}

fn is_gone(found: &Value) -> bool {
    found["items"][0]["seen"] == "absent"
}
