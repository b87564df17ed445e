//! What this Manager writes of its claims to be Active, on the monotonic clock: for operators, and for those who check that
//! no two claims ever overlapped.

use super::clock::monotonic_ns;
use crate::base::{Epoch, ManagerId};

/// Renewals closer together than this are one line.
const RENEWAL_NS: u64 = 100_000_000;

/// Writes for one Manager.
pub(super) struct Record {
    here: ManagerId,
    /// When the present claim was last seen to hold; 0: not yet.
    held_ns: u64,
    /// The last time of that which was written; 0: none.
    told_ns: u64,
}

impl Record {
    pub(super) fn of(here: ManagerId) -> Self {
        Record { here, held_ns: 0, told_ns: 0 }
    }

    pub(super) fn began(&mut self, epoch: Epoch) {
        let at_ns = monotonic_ns();
        let manager = self.here.0;
        tracing::info!(target: "kyvos::active", manager, epoch = epoch.0, at_ns, "began");
        (self.held_ns, self.told_ns) = (0, 0);
    }

    /// Notes that the claim was seen to hold, at some instant after `at_ns`. Written where `log.renewals` asks for it.
    pub(super) fn renewed(&mut self, epoch: Epoch, at_ns: u64) {
        self.held_ns = at_ns;
        if !is_due(self.told_ns, at_ns) {
            return;
        }
        self.told_ns = at_ns;
        let manager = self.here.0;
        tracing::debug!(target: "kyvos::active", manager, epoch = epoch.0, at_ns, "renewed");
    }

    /// `held_ns` tells when the claim was last seen to hold: a process that stood still notices the end late.
    pub(super) fn ended(&self, epoch: Epoch, because: &str) {
        let (at_ns, held_ns) = (monotonic_ns(), self.held_ns);
        let (manager, epoch) = (self.here.0, epoch.0);
        tracing::info!(target: "kyvos::active", manager, epoch, at_ns, held_ns, because, "ended");
    }
}

/// Whether a renewal is written, the last one having been at `told_ns`.
fn is_due(told_ns: u64, at_ns: u64) -> bool {
    at_ns >= told_ns.saturating_add(RENEWAL_NS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_renewals_a_second_are_written_and_the_first_of_a_claim_in_any_case() {
        assert!(is_due(0, 5_000_000_000));
        assert!(!is_due(5_000_000_000, 5_099_999_999));
        assert!(is_due(5_000_000_000, 5_100_000_000));
    }
}
