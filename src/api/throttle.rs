//! Slows down whoever guesses passwords: so many tries for an address and user, then a wait.
//!
//! Kept in memory on each Manager. The lock after repeated wrong passwords is the group's and holds on all
//! of them; this one only keeps a flood away from the log and from the password hash.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tries that may come at once.
const BURST: u32 = 10;
/// Time after which one more try is allowed.
const REFILL: Duration = Duration::from_secs(6);
/// Most pairs remembered; beyond it the ones nearest to free are forgotten.
const PAIRS_MAX: usize = 10_000;

/// Tries by address and user.
#[derive(Default)]
pub(crate) struct Throttle {
    pairs: Mutex<Pairs>,
}

type Pairs = HashMap<(String, String), Bucket>;

struct Bucket {
    /// Every moment before this is paid for; it runs at most `BURST` refills ahead of the clock.
    paid_until: Instant,
}

impl Throttle {
    /// Counts one try; `Err` says how long to wait.
    pub(crate) fn try_now(&self, address: &str, user: &str, now: Instant) -> Result<(), Duration> {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        if pairs.len() >= PAIRS_MAX {
            pairs.retain(|_, bucket| bucket.paid_until > now);
        }
        if pairs.len() >= PAIRS_MAX {
            forget_nearest_to_free(&mut pairs);
        }
        let bucket =
            pairs.entry((address.into(), user.into())).or_insert(Bucket { paid_until: now });
        let next = bucket.paid_until.max(now) + REFILL;
        let ahead = next.duration_since(now);
        if ahead > REFILL * BURST {
            return Err(ahead - REFILL * BURST);
        }
        bucket.paid_until = next;
        Ok(())
    }
}

fn forget_nearest_to_free(pairs: &mut Pairs) {
    let nearest =
        pairs.iter().min_by_key(|(_, bucket)| bucket.paid_until).map(|(pair, _)| pair.clone());
    nearest.and_then(|pair| pairs.remove(&pair));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tries_come_through_the_eleventh_waits_and_other_users_do_not() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        for _ in 0..BURST {
            throttle.try_now("10.0.0.1", "admin", start).unwrap();
        }
        let wait = throttle.try_now("10.0.0.1", "admin", start).unwrap_err();
        assert_eq!(wait, REFILL);
        throttle.try_now("10.0.0.1", "other", start).unwrap();
        throttle.try_now("10.0.0.2", "admin", start).unwrap();
        throttle.try_now("10.0.0.1", "admin", start + wait).unwrap();
    }

    #[test]
    fn a_flood_of_names_does_not_fill_memory() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for user in 0..PAIRS_MAX + 10 {
            throttle.try_now("10.0.0.1", &user.to_string(), now).unwrap();
        }
        assert!(throttle.pairs.lock().unwrap().len() <= PAIRS_MAX);
    }
}
