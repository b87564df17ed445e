//! What the Active does: it decides under its fence, and acts on hosts that know fences.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use kyvos_manager::capabilities::properties::model as properties;
use kyvos_manager::capabilities::properties::schema::File;
use kyvos_manager::leadership::{Pass, Reconciler, Tenure};

use crate::clock::ProcessClock;
use crate::net::{Host, Net};

/// An act on its way to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Act {
    pub due: u64,
    pub agent: usize,
    pub epoch: u64,
    pub member: usize,
}

/// Acts on their way. Clones are the same.
pub type Acts = Arc<Mutex<Vec<Act>>>;

/// A reconciler that always finds something to do.
pub struct Deeds {
    pub net: Net,
    pub clock: ProcessClock,
    pub member: usize,
    /// Where the agents are.
    pub agents: Vec<Host>,
    pub acts: Acts,
}

impl Deeds {
    async fn act(&self, tenure: &Tenure) -> Pass {
        let command = properties::Command::Set {
            file: File::Custom,
            name: "deed".into(),
            value: tenure.epoch().to_string(),
            expect: None,
            reverts_to: None,
        };
        if let Err(failure) = tenure.propose(command).await {
            return Pass::Failed(failure.to_string());
        }
        for (agent, host) in self.agents.iter().enumerate() {
            if tenure.still_valid().is_err() {
                return Pass::Nothing;
            }
            if let Some(due) = self.net.message(self.clock.world_now(), self.member, *host) {
                let act = Act { due, agent, epoch: tenure.epoch().0, member: self.member };
                self.acts.lock().unwrap_or_else(PoisonError::into_inner).push(act);
            }
        }
        Pass::Did("deeds".into())
    }
}

impl Reconciler for Deeds {
    fn name(&self) -> &'static str {
        "deeds"
    }

    fn period(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn pass<'a>(&'a self, tenure: &'a Tenure) -> BoxFuture<'a, Pass> {
        Box::pin(self.act(tenure))
    }
}
