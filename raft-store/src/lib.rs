//! What a Raft member keeps on its disk, and what it promises about it.
//!
//! 1. **What was acknowledged is there.** A vote or an entry is on the device before anybody is told so; power
//!    may go at any moment, from the first second on.
//! 2. **Never silently shorter.** A log that is damaged where it was known to be on the disk is refused, with
//!    file and offset. Only a last write that never finished, and was never acknowledged, is dropped.
//! 3. **What is derived may be lost.** Facts, history and checkpoints follow from checkpoint and log; what is
//!    damaged of them is put aside, rebuilt and reported.
//! 4. **A full disk stops nothing that was acknowledged.** Room is set aside before it is needed; new proposals
//!    can be refused before they enter the log, and service resumes when there is room again.
//! 5. **A directory knows whose it is.** Another cluster's, another disk or another number is refused.
//!
//! ```text
//!   <dir>/identity  lock
//!         log/          segments, spare, mark            the truth           see `log`
//!         checkpoints/  the newest two                   derived, shipped    see `checkpoint`
//!         history/      sled                             derived             see `state`
//!         quarantine/   what was damaged and replaced
//! ```
//!
//! A simulation of the group opens it on a [`Platter`] instead: there the log lies on whatever stands in for a disk, and
//! the history in memory.
//!
//! It keeps bytes and knows nothing of what they mean: that is the [`Machine`]'s.

pub mod machine;
pub mod planted;
pub mod types;

mod aside;
mod check;
mod checkpoint;
mod containment;
mod disk;
mod doubt;
mod envelope;
mod error;
mod format;
mod health;
mod log;
mod open;
mod options;
mod pack;
mod state;
mod stored;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod hostile;

pub use crate::aside::aside;
pub use crate::check::{CheckReport, Finding, check};
pub use crate::checkpoint::{CheckpointFile, CheckpointInbox, ReceivingCheckpoint};
pub use crate::containment::panic_is_contained;
pub use crate::disk::{Allocator, Fallocate};
pub use crate::doubt::doubt;
pub use crate::envelope::Malformed;
pub use crate::error::OpenError;
pub use crate::format::{Identity, assign_node_id, format, identity};
pub use crate::health::{HealthReport, Quarantined, StoreHealth};
pub use crate::log::{Kept, LogReader, LogStore, Platter, Record};
pub use crate::machine::{Applied, Committed, Frozen, Machine, Row};
pub use crate::open::{Closing, Opened, open, open_on};
pub use crate::options::{OnFatal, Options};
pub use crate::state::{CheckpointBuilder, History, StateStore};
