//! When this Manager was Active, on the monotonic clock. Bounded; for operators and for those who check that
//! no two tenures ever overlapped.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::clock::monotonic_ns;
use crate::base::{Epoch, ManagerId};

/// Milestones kept: hours of renewals are not of interest, the last tenures are.
const KEPT: usize = 1024;

/// Renewals closer together than this are one line of the log.
const LINE_NS: u64 = 100_000_000;
/// Renewals closer together than this are one milestone.
const RENEWAL_NS: u64 = 1_000_000_000;

/// Something that happened to a claim to be Active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// It began.
    Began {
        /// Which.
        epoch: Epoch,
        /// When.
        at_ns: u64,
    },
    /// A quorum still acknowledged it.
    Renewed {
        /// Which.
        epoch: Epoch,
        /// When.
        at_ns: u64,
    },
    /// It ended; nothing acts under it any more from here on.
    Ended {
        /// Which.
        epoch: Epoch,
        /// When.
        at_ns: u64,
        /// When it was last seen to hold: a process that stood still notices the end late.
        held_ns: u64,
        /// Why.
        because: String,
    },
}

/// The milestones of this process. Clones are the same record.
#[derive(Clone)]
pub struct Record {
    here: ManagerId,
    milestones: Arc<Mutex<VecDeque<Milestone>>>,
    /// When the present claim was last seen to hold.
    held_ns: Arc<AtomicU64>,
    /// Until when it would hold if nothing more were heard, as far as was known.
    until_ns: Arc<AtomicU64>,
    /// The last time of that which was written.
    told_ns: Arc<AtomicU64>,
}

impl Record {
    pub(crate) fn of(here: ManagerId) -> Self {
        Record {
            here,
            milestones: Arc::default(),
            held_ns: Arc::default(),
            until_ns: Arc::default(),
            told_ns: Arc::default(),
        }
    }

    /// The milestones kept, oldest first.
    pub fn milestones(&self) -> Vec<Milestone> {
        self.milestones.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Notes that a claim began, which holds until `until_ns` if nothing more is heard.
    pub(crate) fn began(&self, epoch: Epoch, until_ns: u64) {
        let at_ns = monotonic_ns();
        let (manager, epoch_told) = (self.here.0, epoch.0);
        tracing::info!(target: "kyvos::active", manager, epoch = epoch_told, at_ns, until_ns, "began");
        self.held_ns.store(0, Ordering::Relaxed);
        self.until_ns.store(until_ns, Ordering::Relaxed);
        self.told_ns.store(0, Ordering::Relaxed);
        self.push(Milestone::Began { epoch, at_ns });
    }

    /// Notes that the claim was seen to hold, at some instant after `at_ns`, and holds until `until_ns` if nothing more is
    /// heard. Written where `log.renewals` asks for it.
    pub(crate) fn renewed(&self, epoch: Epoch, at_ns: u64, until_ns: u64) {
        self.held_ns.store(at_ns, Ordering::Relaxed);
        self.until_ns.store(until_ns, Ordering::Relaxed);
        if is_due(self.told_ns.load(Ordering::Relaxed), at_ns, LINE_NS) {
            self.told_ns.store(at_ns, Ordering::Relaxed);
            let (manager, epoch) = (self.here.0, epoch.0);
            tracing::debug!(target: "kyvos::active", manager, epoch, at_ns, until_ns, "renewed");
        }
        if self.last_ns().is_none_or(|last| is_due(last, at_ns, RENEWAL_NS)) {
            self.push(Milestone::Renewed { epoch, at_ns });
        }
    }

    /// When the last milestone was.
    fn last_ns(&self) -> Option<u64> {
        let milestones = self.milestones.lock().unwrap_or_else(PoisonError::into_inner);
        milestones.back().map(|milestone| match milestone {
            Milestone::Began { at_ns, .. }
            | Milestone::Renewed { at_ns, .. }
            | Milestone::Ended { at_ns, .. } => *at_ns,
        })
    }

    pub(crate) fn ended(&self, epoch: Epoch, because: &str) {
        let (at_ns, held_ns) = (monotonic_ns(), self.held_ns.load(Ordering::Relaxed));
        let (manager, epoch_told) = (self.here.0, epoch.0);
        let until_ns = self.until_ns.load(Ordering::Relaxed);
        tracing::info!(target: "kyvos::active", manager, epoch = epoch_told, at_ns, held_ns, until_ns, because, "ended");
        self.push(Milestone::Ended { epoch, at_ns, held_ns, because: because.to_owned() });
    }

    fn push(&self, milestone: Milestone) {
        let mut milestones = self.milestones.lock().unwrap_or_else(PoisonError::into_inner);
        if milestones.len() == KEPT {
            milestones.pop_front();
        }
        milestones.push_back(milestone);
    }
}

/// Whether it is long enough since the last one.
fn is_due(last_ns: u64, at_ns: u64, apart_ns: u64) -> bool {
    at_ns >= last_ns.saturating_add(apart_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_renewals_a_second_are_written_and_the_first_of_a_claim_in_any_case() {
        assert!(is_due(0, 5_000_000_000, LINE_NS));
        assert!(!is_due(5_000_000_000, 5_099_999_999, LINE_NS));
        assert!(is_due(5_000_000_000, 5_100_000_000, LINE_NS));
    }

    #[test]
    fn the_record_is_bounded_and_renewals_are_thinned() {
        let record = Record::of(ManagerId(1));
        record.began(Epoch(1), monotonic_ns());
        record.renewed(Epoch(1), monotonic_ns(), monotonic_ns());
        record.ended(Epoch(1), "test");
        assert_eq!(record.milestones().len(), 2);
        (2..KEPT as u64 + 10).for_each(|epoch| record.began(Epoch(epoch), 0));
        assert_eq!(record.milestones().len(), KEPT);
    }
}
