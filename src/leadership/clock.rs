//! Notices when the machine slept.
//!
//! Leases run on the monotonic clock, and that one stands still while the machine (or its virtual machine) is
//! suspended; the other members' clocks do not. The boot clock counts suspension. When the two have drifted
//! apart, every acknowledgement from before that moment is worthless.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use raft_store::planted::{Bug, planted};
use rustix::time::{ClockId, Timespec, clock_gettime};
use tokio::time::Instant;

use crate::base::Timestamp;
use crate::cluster::wall_clock;

/// Drift below this is the two clocks being read one after the other, not a suspension. It is far below the
/// margin of any claim.
const NOTICED: Duration = Duration::from_millis(20);

/// By how much the boot clock is ahead of the monotonic one.
pub type BootAhead = Box<dyn Fn() -> Duration + Send + Sync>;

/// Watches the boot clock against the monotonic one.
pub(crate) struct SleepWatch {
    ahead: BootAhead,
    seen: Mutex<Seen>,
}

struct Seen {
    /// By how much the boot clock was ahead of the monotonic one.
    ahead: Duration,
    /// When a suspension was last noticed, on the monotonic clock.
    noticed: Option<Instant>,
}

impl SleepWatch {
    pub(crate) fn new(ahead: BootAhead) -> Self {
        let seen = Mutex::new(Seen { ahead: ahead(), noticed: None });
        SleepWatch { ahead, seen }
    }

    /// When the machine was last noticed to have slept. Every call looks anew.
    pub(crate) fn slept(&self) -> Option<Instant> {
        self.look((self.ahead)())
    }

    fn look(&self, ahead: Duration) -> Option<Instant> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if ahead > seen.ahead + NOTICED {
            seen.ahead = ahead;
            seen.noticed = Some(Instant::now());
        }
        seen.noticed
    }
}

/// As the kernel's clocks say.
pub(super) fn boot_ahead() -> Duration {
    // Monotonic second: being held up in between makes the difference smaller, and it is seen later.
    let boot = duration(clock_gettime(ClockId::Boottime));
    let monotonic = duration(clock_gettime(ClockId::Monotonic));
    boot.saturating_sub(monotonic)
}

/// The moment by which a lease is judged that holds until `claimed`: now, on the monotonic clock.
pub(super) fn lease_now(claimed: Option<Instant>) -> Instant {
    let now = Instant::now();
    match claimed {
        Some(until) if planted(Bug::NoLeaseCheckAfterPause) && now > until + PAUSE => {
            until - NOTICED
        }
        _ if planted(Bug::LeaseOnWallClock) => on_the_wall_clock(now),
        _ => now,
    }
}

/// Planted: whoever looks so much too late was paused.
const PAUSE: Duration = Duration::from_millis(200);

/// Planted: the moment that the wall clock shows.
fn on_the_wall_clock(now: Instant) -> Instant {
    static STARTED: OnceLock<(Instant, Timestamp)> = OnceLock::new();
    let (started, at) = *STARTED.get_or_init(|| (now, wall_clock()));
    let ahead = Duration::from_millis(wall_clock().0.saturating_sub(at.0));
    let behind = Duration::from_millis(at.0.saturating_sub(wall_clock().0));
    (started + ahead).checked_sub(behind).unwrap_or(started)
}

/// Nanoseconds on the monotonic clock: the same clock for every process of one machine.
pub(crate) fn monotonic_ns() -> u64 {
    u64::try_from(duration(clock_gettime(ClockId::Monotonic)).as_nanos()).unwrap_or(u64::MAX)
}

/// The same of a moment to come, or past: who asks may have been held up since the moment was read. Being held up in here makes
/// it earlier, never later.
pub(super) fn monotonic_ns_at(moment: Instant) -> u64 {
    let (now_ns, now) = (monotonic_ns(), Instant::now());
    let ns = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    match moment.checked_duration_since(now) {
        Some(left) => now_ns.saturating_add(ns(left)),
        None => now_ns.saturating_sub(ns(now.saturating_duration_since(moment))),
    }
}

fn duration(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanoseconds)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_moment_that_is_past_by_now_is_not_told_as_now() {
        let (moment, moment_ns) = (Instant::now(), monotonic_ns());
        std::thread::sleep(Duration::from_millis(20));
        assert!(monotonic_ns_at(moment) <= moment_ns);
        let to_come = Instant::now() + Duration::from_secs(1);
        assert!(monotonic_ns_at(to_come) <= monotonic_ns() + 1_000_000_000);
    }

    #[tokio::test]
    async fn a_suspension_is_noticed_once_and_small_drift_is_not() {
        let watch = SleepWatch::new(Box::new(boot_ahead));
        let start = boot_ahead();
        assert_eq!(watch.look(start + Duration::from_millis(10)), None);
        let noticed = watch.look(start + Duration::from_secs(60)).unwrap();
        assert_eq!(watch.look(start + Duration::from_secs(60)), Some(noticed));
        assert_eq!(watch.slept(), Some(noticed));
    }

    #[tokio::test]
    async fn a_watch_looks_at_the_clocks_it_was_given() {
        let ahead_ms = Arc::new(AtomicU64::new(0));
        let told = ahead_ms.clone();
        let ahead = move || Duration::from_millis(told.load(Ordering::Relaxed));
        let watch = SleepWatch::new(Box::new(ahead));
        assert_eq!(watch.slept(), None);
        ahead_ms.store(3_000, Ordering::Relaxed);
        assert!(watch.slept().is_some());
    }
}
