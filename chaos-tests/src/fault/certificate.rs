//! Certificates that change all the time, as when an operator reloads the service again and again: who connects meets
//! another one, and what is connected stays.

use std::os::fd::OwnedFd;
use std::time::Duration;

use futures::future::join_all;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::time::{Instant, sleep, timeout_at};

use super::Outcome;
use super::network::bitten;
use crate::Failure;
use crate::client::shown_certificate;
use crate::cluster::{Cluster, Process};

/// Pause between two renewals.
const BETWEEN: Duration = Duration::from_millis(300);
/// How long all victims may take to show a certificate before, and again another one: as long as any of them may stand still
/// or be cut off.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_PERIOD: Duration = Duration::from_millis(50);

/// Has the victims renew their certificates for so long.
pub(super) async fn strike(
    cluster: &Cluster,
    victims: &[(usize, Process)],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let deadline = Instant::now() + PATIENCE;
    let met = victims.iter().map(|(place, _)| meet(cluster, *place, deadline));
    let Some(met) = join_all(met).await.into_iter().collect::<Option<Vec<Victim>>>() else {
        return Ok(Outcome::Indeterminate("a victim showed no certificate before".into()));
    };
    let ends = Instant::now() + lasts;
    while Instant::now() < ends {
        for victim in &met {
            // It may have ended meanwhile; whether another certificate is shown is looked at afterwards.
            let _ = pidfd_send_signal(&victim.handle, Signal::HUP);
        }
        sleep(BETWEEN).await;
    }
    let deadline = Instant::now() + PATIENCE;
    let renewed = met.iter().map(|victim| victim.shows_another(cluster, deadline));
    let renewed = join_all(renewed).await;
    let all = !renewed.is_empty() && renewed.into_iter().all(|renewed| renewed);
    Ok(bitten(all, "no other certificate was seen"))
}

/// Somebody whose certificate is to change.
struct Victim {
    place: usize,
    /// Which Manager it is, with the certificate it showed.
    before: (u64, Vec<u8>),
    /// Of its process. A number may be another process's after some seconds; a handle never is.
    handle: OwnedFd,
}

/// Waits until a victim shows a certificate. `None`: it does not in time, or another one lives there by then.
async fn meet(cluster: &Cluster, place: usize, deadline: Instant) -> Option<Victim> {
    let id = cluster.at(place)?.id.get();
    while Instant::now() < deadline {
        let met = met(cluster, place, deadline).await;
        if met.is_some() {
            return met.filter(|victim| victim.before.0 == id);
        }
        sleep(LOOK_PERIOD).await;
    }
    None
}

/// Whoever shows a certificate at a place now, and serves already: a Manager that has only begun ends when it is asked to reload.
async fn met(cluster: &Cluster, place: usize, deadline: Instant) -> Option<Victim> {
    let (id, process) = running(cluster, place)?;
    let handle = pidfd_open(Pid::from_raw(process.pid())?, PidfdFlags::empty()).ok()?;
    let certificate = shown(cluster, place, deadline).await?;
    let stayed = running(cluster, place) == Some((id, process));
    stayed.then_some(Victim { place, before: (id, certificate), handle })
}

impl Victim {
    /// Whether it is seen to show another certificate than before. One that ended and runs again shows what it had.
    async fn shows_another(&self, cluster: &Cluster, deadline: Instant) -> bool {
        while Instant::now() < deadline {
            let certificate = shown(cluster, self.place, deadline).await;
            // Asked last: whoever replaces it has its number before it can show anything.
            let Some(manager) = cluster.at(self.place) else { return false };
            let now = certificate.map(|certificate| (manager.id.get(), certificate));
            if now.is_some_and(|now| is_renewal(&self.before, &now)) {
                return true;
            }
            sleep(LOOK_PERIOD).await;
        }
        false
    }
}

/// Whether a certificate is another one of the same Manager: who replaces it has one of its own, and that is no renewal.
fn is_renewal(before: &(u64, Vec<u8>), now: &(u64, Vec<u8>)) -> bool {
    before.0 == now.0 && before.1 != now.1
}

/// Who lives at a place, with its process.
fn running(cluster: &Cluster, place: usize) -> Option<(u64, Process)> {
    let id = cluster.at(place)?.id.get();
    cluster.processes().ok()?.into_iter().find(|(running, _)| *running == id)
}

/// What the Manager of this place shows to whoever connects now; `None`: nobody can connect.
async fn shown(cluster: &Cluster, place: usize, deadline: Instant) -> Option<Vec<u8>> {
    let shown = shown_certificate(&cluster.access, &cluster.at(place)?.api_url);
    timeout_at(deadline, shown).await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::is_renewal;

    #[test]
    fn the_certificate_of_whoever_replaces_a_manager_is_no_renewal() {
        let of = |id: u64, certificate: &[u8]| (id, certificate.to_vec());
        assert!(is_renewal(&of(1, b"old"), &of(1, b"new")));
        assert!(!is_renewal(&of(1, b"old"), &of(1, b"old")));
        assert!(!is_renewal(&of(1, b"old"), &of(9, b"new")));
    }
}
