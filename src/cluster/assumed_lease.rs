//! The longest lease there is, taken for promised because nobody knew any more what was, and the end of that.
//!
//! A process that runs with it goes on with it, since timers are taken at a start. Once the group knows which lease this
//! member announces, the next process may run with that one; so this one is to be followed by another.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::interval;

use super::Group;

/// How often is looked whether the group can spare this process.
const PERIOD: Duration = Duration::from_secs(1);

/// Whether this process runs with an assumed lease.
pub(crate) struct AssumedLease(watch::Sender<Assumption>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Assumption {
    /// What was promised is known.
    None,
    /// Nobody knows.
    Open,
    /// The group knows, and another process would run with other timers.
    Over,
}

impl AssumedLease {
    pub(crate) fn of_a_start(is_assumed: bool) -> Self {
        Self(watch::Sender::new(if is_assumed { Assumption::Open } else { Assumption::None }))
    }

    /// Whether the group still has to be told.
    pub(crate) fn is_open(&self) -> bool {
        *self.0.borrow() == Assumption::Open
    }

    /// The group knows. `other_timers`: whether the next process would run with others.
    pub(crate) fn end(&self, other_timers: bool) {
        let end = if other_timers { Assumption::Over } else { Assumption::None };
        self.0.send_if_modified(|known| {
            let was_open = *known == Assumption::Open;
            if was_open {
                *known = end;
            }
            was_open
        });
    }

    async fn is_over(&self) {
        let mut known = self.0.subscribe();
        // The other side is here as well, so it is always told.
        let _ = known.wait_for(|known| *known == Assumption::Over).await;
    }
}

impl Group {
    /// Ends when a new process may run with this member's own lease, and the group can do without this one for a moment.
    pub async fn may_use_own_lease(&self) {
        self.core.assumed_lease.is_over().await;
        let mut ticks = interval(PERIOD);
        while !self.can_be_spared() {
            ticks.tick().await;
        }
    }

    /// Whoever leads is not spared, nor anybody while another voter is away.
    fn can_be_spared(&self) -> bool {
        let standing = self.standing();
        let heard = self.peers();
        let is_there = |id| heard.iter().any(|peer| peer.id == id && peer.reachable);
        let mut others = standing.voters.iter().filter(|id| **id != self.here());
        standing.alone() || (!standing.leading && others.all(|id| is_there(*id)))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn only_what_was_assumed_is_over_and_only_where_it_makes_a_difference() {
        let of = |is_assumed, other_timers| {
            let lease = AssumedLease::of_a_start(is_assumed);
            assert_eq!(lease.is_open(), is_assumed);
            assert!(lease.is_over().now_or_never().is_none());
            lease.end(other_timers);
            assert!(!lease.is_open());
            // Once is enough: later changes of the timers wait for a restart that somebody asks for.
            lease.end(true);
            lease.is_over().now_or_never().is_some()
        };
        assert!(of(true, true));
        assert!(!of(true, false) && !of(false, true) && !of(false, false));
    }
}
