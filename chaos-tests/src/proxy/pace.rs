//! How fast a host can send, over all of its connections together: each piece takes its turn.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What goes at once after some quiet.
const BURST_BYTES: u32 = 8 * 1024;

/// When the link of a host is free again.
#[derive(Debug)]
pub(super) struct Pace(Mutex<Instant>);

impl Pace {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// When so many bytes may go, over a link of so many kilobits a second; they have their turn now.
    pub(super) fn turn(&self, now: Instant, bytes: usize, kilobits: u32) -> Instant {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let takes = |bytes: u64| {
            Duration::from_micros(bytes.saturating_mul(8_000) / u64::from(kilobits.max(1)))
        };
        let burst = takes(u64::from(BURST_BYTES));
        *free = (*free).max(now) + takes(bytes as u64);
        (*free).checked_sub(burst).map_or(now, |at| at.max(now))
    }

    /// As after some quiet.
    pub(super) fn rest(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_what_follows_as_fast_as_the_link_is() {
        let (pace, now) = (Pace::new(), Instant::now() + Duration::from_secs(9));
        // 512 kbit/s are 64,000 bytes a second.
        assert_eq!(pace.turn(now, 8 * 1024, 512), now);
        assert_eq!(pace.turn(now, 6_400, 512), now + Duration::from_millis(100));
        assert_eq!(pace.turn(now, 6_400, 512), now + Duration::from_millis(200));
        let later = now + Duration::from_secs(5);
        assert_eq!(pace.turn(later, 100, 512), later);
    }
}
