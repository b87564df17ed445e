//! One pass of the schedules: say what has to be said. What is done on hosts the operations do.

use std::time::Duration;

use futures::future::BoxFuture;

use super::super::plan::scheduled;
use super::saying::Saying;
use crate::capabilities::managers::port::{InTenure, Reach};
use crate::cluster::Group;
use crate::leadership::{Pass, Reconciler, Tenure};

/// How often is looked whether something is due: people tell times by the minute.
const PERIOD: Duration = Duration::from_secs(2);

/// Has services go to sleep and wake by their schedules.
pub struct Scheduling {
    group: Group,
}

impl Scheduling {
    /// The reconciler of this group.
    pub fn of(group: Group) -> Self {
        Self { group }
    }
}

impl Reconciler for Scheduling {
    fn name(&self) -> &'static str {
        "schedules"
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    fn pass<'a>(&'a self, tenure: &'a Tenure) -> BoxFuture<'a, Pass> {
        Box::pin(async move { pass(&InTenure::of(&self.group, tenure)).await })
    }
}

const SAYING: Saying =
    Saying { of: "schedules", done: "a schedule is carried out", words: scheduled };

pub(crate) async fn pass(reach: &impl Reach) -> Pass {
    SAYING.pass(reach).await
}
