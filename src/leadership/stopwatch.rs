//! For how long the steps of operations are worked on in one tenure.
//!
//! By the monotonic clock: a wall clock that is set while a step is under way would end the step at once, or never.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::capabilities::operations::model::Try;

/// What is being timed, and since when.
#[derive(Default)]
pub struct Stopwatch(Mutex<BTreeMap<Try, Instant>>);

impl Stopwatch {
    /// For how long each of `tries` is worked on, in milliseconds, counted from when it was first asked for here.
    /// What is not among them is over, and forgotten.
    pub fn read(&self, now: Instant, tries: impl Iterator<Item = Try>) -> BTreeMap<Try, u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = |it: Try| (it, known.get(&it).copied().unwrap_or(now));
        let running: BTreeMap<_, _> = tries.map(since).collect();
        known.clone_from(&running);
        let worked_ms = |since: Instant| now.saturating_duration_since(since).as_millis();
        let read = |(it, since)| (it, u64::try_from(worked_ms(since)).unwrap_or(u64::MAX));
        running.into_iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::Revision;

    #[test]
    fn each_try_is_timed_from_when_it_was_first_seen_and_forgotten_when_it_is_over() {
        let (watch, start) = (Stopwatch::default(), Instant::now());
        let of = |attempt| Try { id: Revision(7), step: 0, attempt };
        let read = |after_ms, tries: &[u32]| -> Vec<u64> {
            let now = start + Duration::from_millis(after_ms);
            watch.read(now, tries.iter().map(|attempt| of(*attempt))).into_values().collect()
        };
        assert_eq!(read(0, &[1]), [0]);
        assert_eq!(read(40, &[1]), [40]);
        assert_eq!(read(50, &[1, 2]), [50, 0]);
        assert_eq!(read(60, &[2]), [10]);
        assert_eq!(read(70, &[1, 2]), [0, 20], "the first was over meanwhile");
        assert_eq!(read(65, &[2]), [15]);
        assert_eq!(read(10, &[2]), [0], "no look is from before the try");
    }
}
