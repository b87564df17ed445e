//! One kept connection to one node, whatever it speaks.

use std::time::Duration;

use tokio::time::timeout;

use super::{grpc, https, jute};
use crate::Failure;

/// Longest time one call may take. Longer is an error, and the connection is made anew.
pub const CALL_DEADLINE: Duration = Duration::from_secs(8);

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Acknowledged when a majority of disks has it.
    Write,
    /// Sees every write acknowledged before.
    Read,
    /// From this node's own memory.
    LocalRead,
}

/// A connection.
pub enum Link {
    Https(Box<https::Link>),
    Grpc(grpc::Link),
    Jute(jute::Link),
}

impl Link {
    /// Makes one call and waits for its answer.
    pub async fn call(&mut self, what: What, key: u64, value: &str) -> Result<(), Failure> {
        let call = async {
            match self {
                Link::Https(link) => link.call(what, key, value).await,
                Link::Grpc(link) => link.call(what, key, value).await,
                Link::Jute(link) => link.call(what, key, value).await,
            }
        };
        timeout(CALL_DEADLINE, call).await.map_err(|_| Failure("no answer in time".into()))?
    }
}
