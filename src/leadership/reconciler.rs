//! What runs while this Manager is Active: loops that look, choose and act, a pass at a time.
//!
//! A reconciler gets nothing but the right to act. It looks for itself, changes nothing it need not, and does
//! not retry inside: the next pass is the retry. A pass may be dropped at any `await` when the tenure ends, so
//! whatever must survive is proposed before it is acted upon.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::{Instant, sleep, sleep_until};

use super::tenure::Tenure;
use crate::cluster::Feed;

/// Least pause between two passes, so that a burst of changes is looked at once.
const BREATH: Duration = Duration::from_millis(20);

/// One loop of the Active.
pub trait Reconciler: Send + Sync + 'static {
    /// Its name in logs and metrics.
    fn name(&self) -> &'static str;

    /// Longest time between two passes. Changes of the facts bring the next one forward.
    fn period(&self) -> Duration;

    /// Looks, chooses, acts; then reports.
    fn pass<'a>(&'a self, tenure: &'a Tenure) -> BoxFuture<'a, Pass>;
}

/// What a pass came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pass {
    /// All is as it should be.
    Nothing,
    /// Something was done.
    Did(String),
    /// Something could not be done; the next pass tries again.
    Failed(String),
}

/// Runs one reconciler for as long as the tenure lasts.
pub(super) async fn run(reconciler: Arc<dyn Reconciler>, tenure: Arc<Tenure>, feed: Feed) {
    let holds = || tenure.still_valid().is_ok();
    let pass = || async { report(&*reconciler, &tenure, &reconciler.pass(&tenure).await) }.boxed();
    tokio::select! {
        () = tenure.ended() => {}
        () = again_and_again(&feed, reconciler.period(), holds, pass) => {}
    }
}

/// A pass for all that changed since the one before began, however much that is: it looks at all facts. And one each period.
async fn again_and_again<'a>(
    feed: &Feed,
    period: Duration,
    holds: impl Fn() -> bool,
    pass: impl Fn() -> BoxFuture<'a, ()>,
) {
    while holds() {
        let next = Instant::now() + period;
        let mut changes =
            feed.subscribe(None).expect("what comes from now on can be subscribed to");
        pass().await;
        sleep(BREATH).await;
        tokio::select! {
            () = sleep_until(next) => {}
            // That some were missed is a change as well.
            _ = changes.next() => {}
        }
    }
}

fn report(reconciler: &dyn Reconciler, tenure: &Tenure, pass: &Pass) {
    let (name, epoch) = (reconciler.name(), tenure.epoch().0);
    match pass {
        Pass::Nothing => tracing::trace!(name, epoch, "nothing to do"),
        Pass::Did(what) => tracing::info!(name, epoch, what, "done"),
        Pass::Failed(because) => tracing::warn!(name, epoch, because, "pass failed"),
    }
    let outcome = match pass {
        Pass::Nothing => "nothing",
        Pass::Did(_) => "did",
        Pass::Failed(_) => "failed",
    };
    metrics::counter!("km_reconciler_passes_total", "reconciler" => name, "outcome" => outcome)
        .increment(1);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::base::{Revision, Timestamp};
    use crate::machine::Change;

    fn change(feed: &Feed, revision: u64) {
        let by = "km".to_owned();
        feed.publish(Change { revision: Revision(revision), at: Timestamp(0), by, events: vec![] });
    }

    // issue 6, point 8: after a thousand changes a thousand passes would look at the same facts
    #[tokio::test(start_paused = true)]
    async fn one_pass_looks_for_all_that_changed_during_the_one_before() {
        let (feed, passes) = (Feed::default(), AtomicUsize::default());
        let pass = || {
            async {
                if passes.fetch_add(1, Ordering::SeqCst) == 0 {
                    (1..=1_000).for_each(|revision| change(&feed, revision));
                }
            }
            .boxed()
        };
        let period = Duration::from_secs(60);
        let within = |within_s| {
            let work = again_and_again(&feed, period, || true, pass);
            tokio::time::timeout(Duration::from_secs(within_s), work)
        };
        within(30).await.unwrap_err();
        assert_eq!(passes.load(Ordering::SeqCst), 2);

        let later = async {
            sleep(Duration::from_secs(10)).await;
            change(&feed, 1_001);
            std::future::pending::<()>().await
        };
        tokio::select! {
            _ = within(30) => {}
            () = later => {}
        }
        assert_eq!(passes.load(Ordering::SeqCst), 4, "the first of a loop, and one for the change");
    }

    #[tokio::test(start_paused = true)]
    async fn without_any_change_there_is_a_pass_each_period() {
        let (feed, passes) = (Feed::default(), AtomicUsize::default());
        let pass = || {
            async {
                passes.fetch_add(1, Ordering::SeqCst);
            }
            .boxed()
        };
        let work = again_and_again(&feed, Duration::from_secs(1), || true, pass);
        tokio::time::timeout(Duration::from_millis(3_500), work).await.unwrap_err();
        assert_eq!(passes.load(Ordering::SeqCst), 4);
    }
}
