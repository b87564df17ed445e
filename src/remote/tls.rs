//! The carrier to a host's agent: mutual TLS with certificates of the group's authority.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::RemoteFailure;
use super::carrier::{Carrier, OpenLine};
use crate::base::HostId;
use crate::cluster::AgentDialer;

/// The way to one agent.
pub(super) struct ByAgent {
    pub(super) dialer: AgentDialer,
    pub(super) host: HostId,
    pub(super) address: String,
}

impl Carrier for ByAgent {
    fn open(&self) -> BoxFuture<'_, Result<OpenLine, RemoteFailure>> {
        async {
            match self.dialer.dial(self.host, &self.address).await {
                Ok(stream) => Ok(Box::new(stream) as OpenLine),
                Err(failure) => {
                    let told = format!("the agent at {}: {failure}", self.address);
                    Err(RemoteFailure::Unreachable(told))
                }
            }
        }
        .boxed()
    }
}
