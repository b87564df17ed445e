//! What the resident agent does by itself: what is to run gets a keeper when it has none, and how every unit stands is
//! written where people and demos find it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use super::home::AgentHome;
use super::units::Units;
use crate::cluster::private_file;
use crate::remote::UnitState;

/// How often is looked.
const PERIOD: Duration = Duration::from_millis(500);

/// Looks again and again until dropped.
pub(super) async fn watch(units: &Units, home: &AgentHome) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut written = Value::Null;
    loop {
        ticks.tick().await;
        for (name, unit) in units.supervised() {
            match units.keep_running(name, unit) {
                Ok(false) => {}
                Ok(true) => {
                    tracing::info!(unit = name, "it is to run and had no keeper: it has one now")
                }
                Err(no) => tracing::warn!(unit = name, because = %no, "it cannot be kept running"),
            }
        }
        let now = standings(units).await;
        if now != written {
            let text = serde_json::to_vec_pretty(&now).expect("plain data can be written");
            match private_file::write(&home.units_json(), &text) {
                Ok(()) => written = now,
                Err(error) => tracing::warn!(%error, "units.json cannot be written"),
            }
        }
        // Of none it stays as it is written.
        if written != Value::Null && units.supervised().next().is_none() {
            return std::future::pending().await;
        }
    }
}

async fn standings(units: &Units) -> Value {
    let mut items = Vec::new();
    for (name, _) in units.supervised() {
        let log = units.folder(name).map(|dir| dir.log()).ok();
        items.push(match units.status(name).await {
            Ok(status) => json!({
                "name": name,
                "state": in_words(status.state),
                "pid": status.pid,
                "since": status.since.map(|time| time.to_string()),
                "ended": status.ended,
                "log": log,
            }),
            Err(no) => json!({ "name": name, "state": "failed", "pid": null, "since": null, "ended": no.to_string(), "log": log }),
        });
    }
    json!({ "units": items })
}

fn in_words(state: UnitState) -> &'static str {
    match state {
        UnitState::Running => "running",
        UnitState::Starting => "starting",
        UnitState::Stopping => "stopping",
        UnitState::Stopped => "stopped",
        UnitState::Failed => "failed",
    }
}
