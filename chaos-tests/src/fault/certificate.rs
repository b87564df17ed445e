//! Certificates that change all the time, as when an operator reloads the service again and again: who connects meets
//! another one, and what is connected stays.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
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
    let handles: Vec<OwnedFd> = victims.iter().filter_map(|it| handle(cluster, it)).collect();
    let mut before = Vec::new();
    for (place, _) in victims {
        before.push((*place, shown(cluster, *place).await));
    }
    let ends = Instant::now() + lasts;
    while Instant::now() < ends {
        for handle in &handles {
            // It may have ended meanwhile; whether another certificate is shown is looked at afterwards.
            let _ = pidfd_send_signal(handle, Signal::HUP);
        }
        sleep(BETWEEN).await;
    }
    for (place, before) in before {
        if !another_is_shown(cluster, place, before.as_deref()).await {
            return Ok(Outcome::Indeterminate("no other certificate was seen".into()));
        }
    }
    Ok(Outcome::Installed)
}

/// A handle of a Manager's process. A number may be another process's after some seconds; a handle never is. `None`: it is
/// not that Manager's any more.
fn handle(cluster: &Cluster, (place, process): &(usize, Process)) -> Option<OwnedFd> {
    let handle = pidfd_open(Pid::from_raw(process.pid())?, PidfdFlags::empty()).ok()?;
    let id = cluster.at(*place)?.id.get();
    cluster.processes().ok()?.contains(&(id, *process)).then_some(handle)
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
