//! Certificates that change all the time, as when an operator reloads the service again and again: who connects meets
//! another one, and what is connected stays.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Outcome;
use crate::Failure;
use crate::client::shown_certificate;
use crate::cluster::{Cluster, Process};

/// Pause between two renewals.
const BETWEEN: Duration = Duration::from_millis(300);
/// How long a new certificate may take to be shown.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_PERIOD: Duration = Duration::from_millis(50);

/// Has the victims renew their certificates for so long.
pub(super) async fn strike(
    cluster: &Cluster,
    victims: &[(usize, Process)],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let mut before = Vec::new();
    for (place, _) in victims {
        before.push((*place, shown(cluster, *place).await));
    }
    let ends = Instant::now() + lasts;
    while Instant::now() < ends {
        victims.iter().for_each(|(_, process)| process.hang_up());
        sleep(BETWEEN).await;
    }
    for (place, before) in before {
        if !another_is_shown(cluster, place, before.as_deref()).await {
            return Ok(Outcome::Indeterminate("no other certificate was seen".into()));
        }
    }
    Ok(Outcome::Installed)
}

async fn another_is_shown(cluster: &Cluster, place: usize, before: Option<&[u8]>) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while before.is_some() && Instant::now() < deadline {
        let now = shown(cluster, place).await;
        if now.is_some() && now.as_deref() != before {
            return true;
        }
        sleep(LOOK_PERIOD).await;
    }
    false
}

/// What the Manager of this place shows to whoever connects now; `None`: nobody can connect.
async fn shown(cluster: &Cluster, place: usize) -> Option<Vec<u8>> {
    shown_certificate(&cluster.access, &cluster.at(place)?.api_url).await
}
