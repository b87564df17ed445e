//! Whose clock is believed. Facts only go forward in time, so one proposal stamped years ahead would stay for
//! ever: locks would not end and sessions not expire. No single host's clock may bring that about.
//!
//! The members tell each other their wall clocks once a second. Whoever knows those of at least two others takes
//! no time that is more than [`AHEAD_MAX_MS`] later than the middle one of all, its own included. Fewer clocks
//! have no majority: then each is believed, and that they differ is all that can be told.

use crate::base::Timestamp;

/// How far ahead of the middle clock a time may be: far more than clocks kept by NTP ever differ, far less than
/// any lock or session lasts.
pub const AHEAD_MAX_MS: u64 = 60_000;

/// A clock and how far it is ahead of ours, in milliseconds.
pub(crate) type AheadMs = i64;

/// The time to be taken, given our own clock and how far those of the others are ahead of it.
pub(crate) fn believable(own: Timestamp, others: &[AheadMs]) -> Timestamp {
    if others.len() < 2 {
        return own;
    }
    let latest = moved(own, middle(others)).plus_ms(AHEAD_MAX_MS);
    own.min(latest)
}

/// How far the middle one of all clocks, ours included, is ahead of ours. Of an even number the earlier one of
/// the two: what was written too early does no harm.
pub(crate) fn middle(others: &[AheadMs]) -> AheadMs {
    let mut all = others.to_vec();
    all.push(0);
    all.sort_unstable();
    all[(all.len() - 1) / 2]
}

/// How far `clock` is ahead of `own`.
pub(crate) fn ahead_ms(clock: Timestamp, own: Timestamp) -> AheadMs {
    let difference = i128::from(clock.0) - i128::from(own.0);
    AheadMs::try_from(difference).unwrap_or(if difference < 0 {
        AheadMs::MIN
    } else {
        AheadMs::MAX
    })
}

fn moved(time: Timestamp, by: AheadMs) -> Timestamp {
    Timestamp(time.0.saturating_add_signed(by))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp(1_795_000_000_000);
    const YEAR_MS: i64 = 365 * 24 * 3_600 * 1_000;

    #[test]
    fn a_clock_that_runs_ahead_of_the_middle_one_is_believed_up_to_the_bound() {
        // The others are a year behind us: we are a year ahead.
        let taken = believable(NOON, &[-YEAR_MS, -YEAR_MS + 5]);
        assert_eq!(ahead_ms(taken, NOON), -YEAR_MS + 5 + 60_000);
        assert_eq!(believable(NOON, &[-59_000, -59_000]), NOON);
    }

    #[test]
    fn one_clock_astray_moves_nobody_else() {
        for astray in [YEAR_MS, -YEAR_MS, i64::MAX, i64::MIN] {
            assert_eq!(believable(NOON, &[astray, 3]), NOON, "{astray}");
        }
    }

    #[test]
    fn without_a_majority_of_clocks_our_own_is_believed() {
        assert_eq!(believable(NOON, &[]), NOON);
        assert_eq!(believable(NOON, &[-YEAR_MS]), NOON);
    }

    #[test]
    fn the_middle_of_an_even_number_is_the_earlier_one() {
        assert_eq!(middle(&[10, 20, 30]), 10);
        assert_eq!(middle(&[-10, 20]), 0);
        assert_eq!(middle(&[7]), 0);
        assert_eq!(middle(&[]), 0);
    }

    #[test]
    fn no_two_times_are_too_far_apart_to_compare() {
        assert_eq!(ahead_ms(Timestamp(u64::MAX), Timestamp(0)), i64::MAX);
        assert_eq!(ahead_ms(Timestamp(0), Timestamp(u64::MAX)), i64::MIN);
        assert_eq!(believable(Timestamp(5), &[i64::MIN, i64::MIN]), Timestamp(5));
    }
}
