//! What runs while this Manager is Active: loops that look, choose and act, a pass at a time.
//!
//! A reconciler gets nothing but the right to act. It looks for itself, changes nothing it need not, and does
//! not retry inside: the next pass is the retry. A pass may be dropped at any `await` when the tenure ends, so
//! whatever must survive is proposed before it is acted upon.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::{Instant, sleep, sleep_until};

use super::tenure::Tenure;
use crate::cluster::{Feed, Subscription};

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
    let work = async {
        let mut changes = listen(&feed);
        while tenure.still_valid().is_ok() {
            let next = Instant::now() + reconciler.period();
            report(&*reconciler, &tenure, &reconciler.pass(&tenure).await);
            sleep(BREATH).await;
            tokio::select! {
                () = sleep_until(next) => {}
                ended = changes.next() => {
                    // Missing some changes is no harm: every pass looks at all facts.
                    if ended.is_err() {
                        changes = listen(&feed);
                    }
                }
            }
        }
    };
    tokio::select! {
        () = tenure.ended() => {}
        () = work => {}
    }
}

fn listen(feed: &Feed) -> Subscription {
    feed.subscribe(None).expect("what comes from now on can always be subscribed to")
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
