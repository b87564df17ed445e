//! When a checkpoint is due.
//!
//! A checkpoint holds the facts and all history, so what it costs grows with the group's past while what it saves,
//! entries to keep and to apply again after a start, does not. Made after so many entries regardless, it would cost
//! more with every day. So it is made when as much has been written to the log since the last one as that one is
//! large: then checkpoints cost the disk about what the log does. Only what a start may have to apply again bounds that
//! from above.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Group;

/// When checkpoints are made, and for whom. The defaults are what ships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Below this many entries a checkpoint is not worth its files.
    pub entries_least: u64,
    /// What a start may have to apply again: well under a second of work.
    pub entries_most: u64,
    /// Entries kept behind a checkpoint, for followers that were away for a moment. One that lacks older ones gets the
    /// checkpoint.
    pub kept_behind: u64,
    /// A new follower less far behind than this is up to date, for the Raft library's own waiting.
    pub lag: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::after(5_000)
    }
}

/// How often is looked. Far shorter than it takes to write `entries_least` entries.
const PERIOD: Duration = Duration::from_millis(250);

impl Group {
    /// Has the Raft library make a checkpoint whenever one is due, until dropped.
    pub(super) async fn keep_checkpoints(self) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut newest = (self.standing().checkpoint, 0);
        loop {
            ticks.tick().await;
            let (standing, health) = (self.standing(), self.core.health.report());
            if standing.checkpoint != newest.0 {
                newest = (standing.checkpoint, health.log_written_bytes);
            }
            let entries = standing.applied.0.saturating_sub(standing.checkpoint.0);
            let written_bytes = health.log_written_bytes - newest.1;
            if !self.core.thresholds.make_one_due(entries, written_bytes, health.checkpoint_bytes) {
                continue;
            }
            // One that is being made already is not begun twice.
            if let Err(failure) = self.core.raft.trigger().snapshot().await {
                tracing::debug!(%failure, "no checkpoint: consensus has stopped");
                return;
            }
        }
    }
}

impl Thresholds {
    /// Those that go with a checkpoint after so many entries at the earliest.
    pub fn after(entries: u64) -> Self {
        Self {
            entries_least: entries,
            entries_most: entries.saturating_mul(20),
            kept_behind: entries.saturating_mul(2) / 5,
            lag: entries.saturating_mul(2),
        }
    }

    /// `written_bytes` to the log since the last checkpoint, which has `checkpoint_bytes`.
    fn make_one_due(self, entries: u64, written_bytes: u64, checkpoint_bytes: u64) -> bool {
        let worth_it = entries >= self.entries_least && written_bytes >= checkpoint_bytes;
        worth_it || entries >= self.entries_most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ships_is_five_thousand_and_what_goes_with_it() {
        let ships = Thresholds {
            entries_least: 5_000,
            entries_most: 100_000,
            kept_behind: 2_000,
            lag: 10_000,
        };
        assert_eq!(Thresholds::default(), ships);
    }

    #[test]
    fn a_large_checkpoint_is_made_less_often_but_a_start_never_has_much_to_do() {
        const MIB: u64 = 1 << 20;
        let is_due =
            |entries, log, checkpoint| Thresholds::default().make_one_due(entries, log, checkpoint);
        assert!(!is_due(4_999, 32 * MIB, MIB));
        assert!(is_due(5_000, 32 * MIB, MIB));
        assert!(!is_due(5_000, 32 * MIB, 100 * MIB));
        assert!(is_due(20_000, 112 * MIB, 100 * MIB));
        assert!(is_due(100_000, 96 * MIB, 4_000 * MIB));
    }
}
