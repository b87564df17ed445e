//! Offices that change all the time, as an operator would have it: leads handed over one after the other, and
//! Managers that end in good order one after the other.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::network::bitten;
use super::{Outcome, until};
use crate::client::{Call, Client, Reply};
use crate::cluster::{Cluster, Manager, Process};
use crate::probe::Sighting;
use crate::{Failure, history::History};

/// Pause between two orders to hand over.
const BETWEEN: Duration = Duration::from_millis(400);
/// How long after the last order it may take until another Active is seen.
const SEEN_PATIENCE: Duration = Duration::from_secs(3);
/// How long a process may take to end in good order.
const END_PATIENCE: Duration = Duration::from_secs(20);
/// How long a Manager that runs again may take to serve.
const SERVE_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_PERIOD: Duration = Duration::from_millis(50);
/// How long a Manager may take to run again.
const RETURN_PATIENCE: Duration = Duration::from_secs(20);

/// Orders whoever is Passive to become Active, again and again. It bites when another one is seen to be.
pub(super) async fn transfers(
    cluster: &Cluster,
    history: &History,
    sighting: &Sighting,
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let (ends, mut begun) = (Instant::now() + lasts, 0);
    let mut seen = Seen::default();
    while Instant::now() < ends {
        let active = sighting.active(history.now());
        seen.look(active);
        let passive = cluster.managers.iter().filter(|manager| Some(manager.id.get()) != active);
        let next = passive.clone().nth(begun % passive.count().max(1));
        if let Some(next) = next {
            let client = Client::new(&cluster.access, next.id.clone(), &next.api_url)?;
            let path = format!("/managers/{}/make-active", next.id.get());
            let order = Call::change(Method::POST, path, Some(json!({})));
            begun += usize::from(matches!(client.send(order).await, Reply::Done(_)));
        }
        sleep(BETWEEN).await;
    }
    let changed = until(SEEN_PATIENCE, || seen.look(sighting.active(history.now()))).await;
    Ok(match begun {
        0 => Outcome::Indeterminate("no hand-over was begun".into()),
        _ => bitten(changed, "nobody else was seen to be Active"),
    })
}

/// Who was seen to be Active.
#[derive(Debug, Default)]
struct Seen {
    last: Option<u64>,
    changed: bool,
}

impl Seen {
    /// Takes in who is now, if anybody; whether it was ever another than before.
    fn look(&mut self, active: Option<u64>) -> bool {
        if let Some(active) = active {
            self.changed |= self.last.is_some_and(|last| last != active);
            self.last = Some(active);
        }
        self.changed
    }
}

/// Ends all in good order, each only after the one before serves again, or has had the time for it.
pub(super) async fn rolling(cluster: &Cluster) -> Result<Outcome, Failure> {
    for manager in &cluster.managers {
        let own = |processes: Vec<(u64, Process)>| {
            processes
                .into_iter()
                .find(|(id, _)| *id == manager.id.get())
                .map(|(_, process)| process)
        };
        let Some(process) = own(cluster.processes()?) else { continue };
        process.terminate();
        if !until(END_PATIENCE, || process.is_dead()).await {
            return Ok(Outcome::Indeterminate("a Manager did not end in good order".into()));
        }
        let back = || {
            let running = cluster.processes().map(own);
            running.is_ok_and(|now| now.is_some_and(|now| now != process))
        };
        if !until(RETURN_PATIENCE, back).await {
            return Ok(Outcome::Indeterminate("a Manager was not started again".into()));
        }
        serves(manager).await;
    }
    Ok(Outcome::Installed)
}

/// Waits until a Manager serves. Something else may keep it from that, which is no reason to stop half way.
async fn serves(manager: &Manager) {
    let (url, ends) =
        (format!("{}/health/ready", manager.health_url), Instant::now() + SERVE_PATIENCE);
    while Instant::now() < ends {
        if reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
            return;
        }
        sleep(LOOK_PERIOD).await;
    }
}
