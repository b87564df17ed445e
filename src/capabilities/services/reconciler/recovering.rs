//! One pass of Services HA: say what has to be said. What is done on hosts the operations do.

use std::time::Duration;

use futures::future::BoxFuture;

use super::super::plan::recoveries;
use super::saying::Saying;
use crate::capabilities::managers::port::{InTenure, Reach};
use crate::cluster::Group;
use crate::leadership::{Pass, Reconciler, Tenure};

/// How often is looked whether the time of something has come. Everything else is noticed by its event.
const PERIOD: Duration = Duration::from_secs(1);

/// Brings back what went down.
pub struct Recovering {
    group: Group,
}

impl Recovering {
    /// The reconciler of this group.
    pub fn of(group: Group) -> Self {
        Self { group }
    }
}

impl Reconciler for Recovering {
    fn name(&self) -> &'static str {
        "services-ha"
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    fn pass<'a>(&'a self, tenure: &'a Tenure) -> BoxFuture<'a, Pass> {
        Box::pin(async move { pass(&InTenure::of(&self.group, tenure)).await })
    }
}

const SAYING: Saying = Saying {
    of: "Services HA",
    done: "services that went down are brought back",
    words: recoveries,
};

pub(crate) async fn pass(reach: &impl Reach) -> Pass {
    SAYING.pass(reach).await
}
