//! What was applied, in order: a bounded ring for those who come back, a broadcast for those who are here.
//!
//! Taking from the ring and joining the broadcast happen under one lock, so nothing falls between the two.
//! A subscriber that cannot keep up is told so and starts over; applying never waits for anybody.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use crate::base::Revision;
use crate::machine::Change;

/// Changes kept for subscribers that come back. At an operator's pace that is days.
pub const RING: usize = 4096;

/// Changes a subscriber may be behind before it is told to start over.
const BEHIND: usize = 1024;

/// The feed of one member. Clones are the same feed.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    ring: VecDeque<Arc<Change>>,
    /// Every change after this revision is in the ring.
    floor: Revision,
    live: broadcast::Sender<Live>,
}

#[derive(Clone)]
enum Live {
    Change(Arc<Change>),
    /// The facts were replaced by those of this revision: what led there was never seen here.
    Replaced(Revision),
}

/// The changes asked for are no longer all kept. Read the facts anew, then subscribe from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("changes after revision {asked} are no longer all kept, only those after {floor}")]
pub struct TooOld {
    /// After which revision changes were asked for.
    pub asked: Revision,
    /// After which revision they are kept.
    pub floor: Revision,
}

/// Why a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedEnded {
    /// Changes were missed. Read the facts anew, then subscribe from there.
    #[error("changes were missed")]
    Gap,
    /// This Manager is stopping.
    #[error("the feed was closed")]
    Closed,
}

/// An ordered, gapless view of the changes after some revision.
pub struct Subscription {
    after: Revision,
    backlog: VecDeque<Arc<Change>>,
    live: broadcast::Receiver<Live>,
    /// Whether changes went by unseen, all of them before the next one that is received.
    passed_by: bool,
}

impl Default for Feed {
    fn default() -> Self {
        let (live, _) = broadcast::channel(BEHIND);
        let shared = Shared { ring: VecDeque::new(), floor: Revision(0), live };
        Feed { shared: Arc::new(Mutex::new(shared)) }
    }
}

impl Feed {
    /// Tells everybody of a change. Called once for each, in order.
    pub(crate) fn publish(&self, change: Change) {
        let change = Arc::new(change);
        let mut shared = self.lock();
        if shared.ring.len() == RING
            && let Some(oldest) = shared.ring.pop_front()
        {
            shared.floor = oldest.revision;
        }
        shared.ring.push_back(change.clone());
        // Nobody may be listening; the ring has it.
        drop(shared.live.send(Live::Change(change)));
    }

    /// The facts were replaced by those of `revision`; whatever led there was not seen.
    pub(crate) fn replaced(&self, revision: Revision) {
        let mut shared = self.lock();
        shared.ring.clear();
        shared.floor = revision;
        // Nobody may be listening.
        drop(shared.live.send(Live::Replaced(revision)));
    }

    /// Changes after `after`; only those from now on when it is `None`.
    pub fn subscribe(&self, after: Option<Revision>) -> Result<Subscription, TooOld> {
        let shared = self.lock();
        let floor = shared.floor;
        let newest = shared.ring.back().map_or(floor, |change| change.revision);
        let after = after.unwrap_or(newest);
        if after < floor {
            return Err(TooOld { asked: after, floor });
        }
        let first = shared.ring.partition_point(|change| change.revision <= after);
        let (backlog, live) =
            (shared.ring.range(first..).cloned().collect(), shared.live.subscribe());
        Ok(Subscription { after, backlog, live, passed_by: false })
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    /// The next change, when there is one. May be cancelled at any time without losing one.
    pub async fn next(&mut self) -> Result<Arc<Change>, FeedEnded> {
        loop {
            let change = match self.backlog.pop_front() {
                Some(change) => change,
                None => match self.receive().await? {
                    Some(change) => change,
                    None => continue,
                },
            };
            if change.revision > self.after {
                self.after = change.revision;
                return Ok(change);
            }
        }
    }

    /// What comes next; `None` when it is nothing to this subscriber.
    async fn receive(&mut self) -> Result<Option<Arc<Change>>, FeedEnded> {
        match self.live.recv().await {
            // What went by came before this one: some of it may have been news.
            Ok(Live::Change(change)) if self.passed_by && change.revision > self.after => {
                Err(FeedEnded::Gap)
            }
            Ok(Live::Change(change)) => {
                self.passed_by = false;
                Ok(Some(change))
            }
            // Whoever was told as much elsewhere has missed nothing, and is not sent back.
            Ok(Live::Replaced(revision)) if revision <= self.after => {
                self.passed_by = false;
                Ok(None)
            }
            Ok(Live::Replaced(_)) => Err(FeedEnded::Gap),
            Err(broadcast::error::RecvError::Lagged(_)) => {
                self.passed_by = true;
                Ok(None)
            }
            Err(broadcast::error::RecvError::Closed) => Err(FeedEnded::Closed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;

    fn change(revision: u64) -> Change {
        Change {
            revision: Revision(revision),
            at: Timestamp(0),
            by: "admin".to_owned(),
            events: vec![],
        }
    }

    fn published(revisions: impl IntoIterator<Item = u64>) -> Feed {
        let feed = Feed::default();
        revisions.into_iter().for_each(|revision| feed.publish(change(revision)));
        feed
    }

    async fn revisions(subscription: &mut Subscription, count: usize) -> Vec<u64> {
        let mut seen = Vec::new();
        for _ in 0..count {
            seen.push(subscription.next().await.unwrap().revision.0);
        }
        seen
    }

    #[tokio::test]
    async fn a_subscriber_that_comes_back_gets_what_it_missed_and_then_the_live_changes() {
        let feed = published([3, 5, 8]);
        let mut subscription = feed.subscribe(Some(Revision(3))).unwrap();
        feed.publish(change(9));
        assert_eq!(revisions(&mut subscription, 3).await, [5, 8, 9]);
    }

    #[tokio::test]
    async fn a_new_subscriber_gets_only_what_comes() {
        let feed = published([3, 5]);
        let mut subscription = feed.subscribe(None).unwrap();
        feed.publish(change(6));
        assert_eq!(revisions(&mut subscription, 1).await, [6]);
    }

    #[tokio::test]
    async fn a_subscriber_ahead_of_this_member_sees_nothing_twice() {
        let feed = published([3]);
        let mut subscription = feed.subscribe(Some(Revision(5))).unwrap();
        (4..=6).for_each(|revision| feed.publish(change(revision)));
        assert_eq!(revisions(&mut subscription, 1).await, [6]);
    }

    #[tokio::test]
    async fn what_left_the_ring_cannot_be_asked_for() {
        let feed = published(1..=RING as u64 + 2);
        let failure = feed.subscribe(Some(Revision(1))).err().unwrap();
        assert_eq!(failure.floor, Revision(2));
        assert!(feed.subscribe(Some(Revision(2))).is_ok());
    }

    #[tokio::test]
    async fn a_slow_subscriber_is_told_and_holds_nobody_up() {
        let feed = published([]);
        let mut subscription = feed.subscribe(None).unwrap();
        (1..=BEHIND as u64 + 1).for_each(|revision| feed.publish(change(revision)));
        assert_eq!(subscription.next().await.unwrap_err(), FeedEnded::Gap);
    }

    #[tokio::test]
    async fn replaced_facts_end_every_subscription() {
        let feed = published([1, 2]);
        let mut subscription = feed.subscribe(None).unwrap();
        feed.replaced(Revision(90));
        assert_eq!(subscription.next().await.unwrap_err(), FeedEnded::Gap);
        assert!(feed.subscribe(Some(Revision(2))).is_err());
        assert!(feed.subscribe(Some(Revision(90))).is_ok());
    }

    // Found by a chaos run (SEED=301): a watcher that knew revision 50983 was sent back to 50706 by a member that caught up
    // faster than it listened.
    #[tokio::test]
    async fn a_subscriber_that_is_ahead_and_slow_is_not_sent_back() {
        let feed = published([1]);
        let mut subscription = feed.subscribe(Some(Revision(5_000))).unwrap();
        (2..=4_000).for_each(|revision| feed.publish(change(revision)));
        let next = tokio::time::timeout(std::time::Duration::from_millis(50), subscription.next());
        assert!(next.await.is_err(), "it has missed nothing");
        (4_001..=5_001).for_each(|revision| feed.publish(change(revision)));
        assert_eq!(revisions(&mut subscription, 1).await, [5_001]);
    }

    #[tokio::test]
    async fn a_subscriber_that_was_ahead_and_slept_too_long_is_told() {
        let feed = published([1]);
        let mut subscription = feed.subscribe(Some(Revision(100))).unwrap();
        (2..=4_000).for_each(|revision| feed.publish(change(revision)));
        assert_eq!(subscription.next().await.unwrap_err(), FeedEnded::Gap);
    }

    // Found by a chaos run: a watcher that knew revision 3786 was sent back to 3742 by a member that caught up.
    #[tokio::test]
    async fn a_subscriber_that_is_ahead_of_the_replaced_facts_is_not_sent_back() {
        let feed = published([1, 2]);
        let mut subscription = feed.subscribe(Some(Revision(95))).unwrap();
        feed.replaced(Revision(90));
        (91..=96).for_each(|revision| feed.publish(change(revision)));
        assert_eq!(revisions(&mut subscription, 1).await, [96]);
    }
}
