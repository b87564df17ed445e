//! What a member started anew must not do for one lease: vote, or stand for election.
//!
//! Before it stopped it may have answered a leader, and that leader counts on its lease for the claim to
//! be Active. The Raft library keeps the lease in memory only, so a member that comes back within it would
//! help to elect a second leader beside one that is still Active. Waiting out one lease is always enough,
//! because it cannot have answered anybody after it stopped.

use std::time::Duration;

use tokio::time::Instant;

/// The time after a start in which this member keeps out of elections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quarantine {
    until: Instant,
}

impl Quarantine {
    /// Begins now and lasts one lease.
    pub(crate) fn begin(lease_ms: u64) -> Self {
        Quarantine { until: Instant::now() + Duration::from_millis(lease_ms) }
    }

    /// Whether votes must be withheld. A transfer of leadership is asked for by the very leader whose
    /// claim the lease protects, so it is let through.
    pub(crate) fn withholds(self, leadership_transfer: bool) -> bool {
        !leadership_transfer && Instant::now() < self.until
    }

    /// Waits until this member may stand.
    pub(crate) async fn over(self) {
        tokio::time::sleep_until(self.until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_member_started_anew_keeps_its_vote_for_one_lease() {
        let quarantine = Quarantine::begin(1000);
        tokio::time::advance(Duration::from_millis(999)).await;
        assert!(quarantine.withholds(false));
        assert!(!quarantine.withholds(true));
        quarantine.over().await;
        assert!(!quarantine.withholds(false));
    }
}
