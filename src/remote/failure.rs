//! Why an act on a host did not come about, so that who asked can tell what to do next.

use crate::base::{Epoch, Refusal};
use crate::leadership::Ended;

/// Why a host did not do, or did not tell, what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteFailure {
    /// The right to act has ended. Nothing was asked of the host.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// There is no such host, or the group knows no way to it. Nothing was asked of it.
    #[error(transparent)]
    NoWay(#[from] Refusal),
    /// The host cannot be reached that way yet: not enrolled, no key, no trust. Nothing was asked of it.
    #[error("{0}")]
    NotReady(String),
    /// Somebody else answers at the host's SSH address, or its key was changed. Nothing was asked of it.
    #[error(
        "the SSH key of the host has changed: {expected} is trusted, {offered} was offered. If you changed it, trust it anew with km hosts trust"
    )]
    HostKeyChanged {
        /// Fingerprint of the trusted key.
        expected: String,
        /// Fingerprint of the key that was offered.
        offered: String,
    },
    /// Nobody answers, or not as one of ours. Nothing was asked of it.
    #[error("{0}")]
    Unreachable(String),
    /// The host knows a later epoch. It did nothing.
    #[error("the host has seen epoch {highest}; an act of epoch {asked} is too late")]
    Fenced {
        /// What the act carried.
        asked: Epoch,
        /// The highest epoch the host has seen.
        highest: Epoch,
    },
    /// The host refused. It did nothing.
    #[error("{0}")]
    Refused(String),
    /// The host tried and could not.
    #[error("{0}")]
    Failed(String),
    /// It was asked, and the answer was lost: it may have been done.
    #[error("whether it was done is not known: {0}")]
    Unknown(String),
}

impl RemoteFailure {
    /// Whether it is certain that nothing was done.
    pub fn did_nothing(&self) -> bool {
        !matches!(self, Self::Failed(_) | Self::Unknown(_))
    }
}
