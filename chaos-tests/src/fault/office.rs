//! Offices that change all the time, as an operator would have it: leads handed over one after the other, and
//! Managers that end in good order one after the other.

use std::collections::BTreeMap;
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
/// So many orders must have been seen to be followed, or offices did not change all the time.
const FOLLOWED_LEAST: usize = 2;
/// How long orders are given at most until so many were followed.
const FOLLOWED_PATIENCE: Duration = Duration::from_secs(10);
/// How long a hand-over may take. Whoever becomes Active later does so for another reason.
const ORDER_STANDS: Duration = Duration::from_secs(5);
/// How long a process may take to end in good order.
const END_PATIENCE: Duration = Duration::from_secs(20);
/// How long a Manager that runs again may take to serve.
const SERVE_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_PERIOD: Duration = Duration::from_millis(50);
/// How long a Manager may take to run again.
const RETURN_PATIENCE: Duration = Duration::from_secs(20);

/// Orders whoever is Passive to become Active, again and again, for so long and until some were seen to follow.
pub(super) async fn transfers(
    cluster: &Cluster,
    history: &History,
    sighting: &Sighting,
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let (started, mut given, mut begun) = (Instant::now(), 0, 0);
    let mut orders = Orders::default();
    let enough = |orders: &Orders| match orders.followed < FOLLOWED_LEAST {
        true => lasts.max(FOLLOWED_PATIENCE),
        false => lasts,
    };
    while started.elapsed() < enough(&orders) {
        let active = sighting.active(history.now());
        orders.look(active, Instant::now());
        let passive = cluster.managers.iter().filter(|manager| Some(manager.id.get()) != active);
        let next = passive.clone().nth(given % passive.count().max(1));
        given += 1;
        if let Some(next) = next {
            let client = Client::new(&cluster.access, next.id.clone(), &next.api_url)?;
            let id = next.id.get();
            let path = format!("/managers/{id}/make-active");
            let order = Call::change(Method::POST, path, Some(json!({})));
            if matches!(client.send(order).await, Reply::Done(_)) {
                begun += 1;
                orders.open.insert(id, Instant::now());
            }
        }
        let again = Instant::now() + BETWEEN;
        while Instant::now() < again {
            sleep(LOOK_PERIOD).await;
            orders.look(sighting.active(history.now()), Instant::now());
        }
    }
    let why =
        format!("of {begun} orders to be Active {} were seen to be followed", orders.followed);
    Ok(bitten(orders.followed >= FOLLOWED_LEAST, &why))
}

/// Who was ordered to be Active, and how often who was ordered was seen to be.
#[derive(Debug, Default)]
struct Orders {
    /// When it was last ordered.
    open: BTreeMap<u64, Instant>,
    followed: usize,
}

impl Orders {
    /// Takes in who is Active now, if anybody.
    fn look(&mut self, active: Option<u64>, now: Instant) {
        self.open.retain(|_, ordered| now.duration_since(*ordered) <= ORDER_STANDS);
        if active.is_some_and(|active| self.open.remove(&active).is_some()) {
            self.followed += 1;
        }
    }
}

/// Ends all in good order, each only after the one before serves again, or has had the time for it. One that something else
/// keeps away is waited for, and makes it less than all.
pub(super) async fn rolling(cluster: &Cluster) -> Result<Outcome, Failure> {
    let mut ended = 0;
    for manager in &cluster.managers {
        let own = || -> Option<Process> {
            let running = cluster.processes().ok()?;
            running.into_iter().find(|(id, _)| *id == manager.id.get()).map(|(_, process)| process)
        };
        if !until(RETURN_PATIENCE, || own().is_some()).await {
            continue;
        }
        // One that begins has nothing to end in order, and may not hear yet that it is asked to.
        serves(manager).await;
        let Some(process) = own() else { continue };
        process.terminate();
        if !until(END_PATIENCE, || process.is_dead()).await {
            return Ok(Outcome::Indeterminate("a Manager did not end in good order".into()));
        }
        if !until(RETURN_PATIENCE, || own().is_some_and(|now| now != process)).await {
            return Ok(Outcome::Indeterminate("a Manager was not started again".into()));
        }
        ended += 1;
        serves(manager).await;
    }
    Ok(rolled(ended, cluster.managers.len()))
}

fn rolled(ended: usize, managers: usize) -> Outcome {
    match ended == managers {
        true => Outcome::Installed,
        false => Outcome::Indeterminate(format!("{ended} of {managers} Managers were restarted")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_followed_once_and_only_by_whom_it_was_given_to() {
        let (mut orders, now) = (Orders::default(), Instant::now());
        for active in [Some(1), None, Some(2)] {
            orders.look(active, now);
        }
        assert_eq!(orders.followed, 0, "nobody was ordered");
        orders.open.insert(3, now);
        for active in [2, 1, 3, 3, 1] {
            orders.look(Some(active), now);
        }
        assert_eq!(orders.followed, 1);
        for next in [1, 3] {
            orders.open.insert(next, now);
            orders.look(Some(next), now);
        }
        assert_eq!((orders.followed, orders.open.len()), (3, 0));
    }

    #[test]
    fn whoever_becomes_active_long_after_an_order_does_not_follow_it() {
        let (mut orders, now) = (Orders::default(), Instant::now());
        orders.open.extend([(1, now), (2, now)]);
        orders.look(Some(1), now + ORDER_STANDS);
        assert_eq!(orders.followed, 1);
        orders.look(Some(2), now + ORDER_STANDS + LOOK_PERIOD);
        assert_eq!((orders.followed, orders.open.len()), (1, 0));
    }

    #[test]
    fn a_restart_of_all_leaves_nobody_out() {
        assert_eq!(rolled(3, 3), Outcome::Installed);
        for ended in [0, 2] {
            assert!(matches!(rolled(ended, 3), Outcome::Indeterminate(_)), "{ended}");
        }
    }
}
