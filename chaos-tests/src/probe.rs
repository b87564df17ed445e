//! Asks every Manager every 10 ms whether it is Active, as a load balancer would, and notes when it asked and
//! when it heard. A probe does not wait for the one before: a paused Manager holds those that were sent meanwhile, and
//! answers them first thing when it goes on, the very moment at which it may believe too much.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::Failure;
use crate::cluster::Manager;
use crate::history::{History, Line};

const PERIOD: Duration = Duration::from_millis(10);
/// How long a sighting counts: an Active that said nothing for so long may have lost its office.
const FRESH_NS: u64 = 500_000_000;
/// Once so many probes wait for an answer, only every so many'th is sent.
const WAITING_MANY: usize = 10;
/// Longer than any pause.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the Active was last seen; 0: nowhere yet.
#[derive(Debug, Default)]
pub struct Sighting {
    active: AtomicU64,
    /// When, in nanoseconds of the run.
    at: AtomicU64,
}

impl Sighting {
    /// The Manager that said lately, seen from `now`, that it is Active.
    pub fn active(&self, now: u64) -> Option<u64> {
        let lately = now.saturating_sub(self.at()) < FRESH_NS;
        Some(self.active.load(Ordering::Relaxed)).filter(|id| *id > 0 && lately)
    }

    /// When a probe that said so was sent.
    pub fn at(&self) -> u64 {
        self.at.load(Ordering::Relaxed)
    }
}

/// Probes one Manager until told to stop.
pub async fn run(
    manager: Manager,
    history: Arc<History>,
    sighting: Arc<Sighting>,
    stop: Arc<AtomicBool>,
) -> Result<(), Failure> {
    let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_TIMEOUT).build();
    let client = client.map_err(Failure::doing("set up the probe"))?;
    let url = format!("{}/health/active", manager.health_url);
    let mut tick = interval(PERIOD);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waiting = JoinSet::new();
    for turn in 0_usize.. {
        tick.tick().await;
        while let Some(ended) = waiting.try_join_next() {
            ended.map_err(Failure::doing("probe"))?;
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if waiting.len() < WAITING_MANY || turn.is_multiple_of(WAITING_MANY) {
            let (client, url, id) = (client.clone(), url.clone(), manager.id.clone());
            let (history, sighting) = (history.clone(), sighting.clone());
            waiting.spawn(async move { ask(&client, &url, id.get(), &history, &sighting).await });
        }
    }
    while let Some(ended) = waiting.join_next().await {
        ended.map_err(Failure::doing("probe"))?;
    }
    Ok(())
}

async fn ask(
    client: &reqwest::Client,
    url: &str,
    manager: u64,
    history: &History,
    sighting: &Sighting,
) {
    let sent = history.now();
    let (f, mut value) = match look(client, url).await {
        Ok((true, body)) => ("active", json!({ "epoch": body["epoch"] })),
        Ok((false, body)) => {
            ("not-active", json!({ "mode": body["mode"], "epoch": body["epoch"] }))
        }
        Err(error) => ("silent", json!({ "error": error.to_string() })),
    };
    value["sent"] = sent.into();
    value["received"] = history.now().into();
    history.record(Line::of_harness("probe", f, Some(manager), value));
    if f == "active" && sighting.at.fetch_max(sent, Ordering::Relaxed) < sent {
        sighting.active.store(manager, Ordering::Relaxed);
    }
}

async fn look(client: &reqwest::Client, url: &str) -> reqwest::Result<(bool, Value)> {
    let response = client.get(url).send().await?;
    let active = response.status() == reqwest::StatusCode::OK;
    Ok((active, response.json().await?))
}
