//! What may be noted of instances on their hosts, and what happens then. Only operations note, never people.

use serde::{Deserialize, Serialize};

use super::model::{Copy, Stop};
use crate::base::{HostId, ManagerId, Revision, Timestamp};

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// An instance is about to be stopped on purpose.
    NoteStop {
        /// Which.
        manager: ManagerId,
        /// The operation that stops it.
        operation: Revision,
        /// The process that is to end, as the host counts it.
        pid: Option<u32>,
        /// The same process, as it names itself; `None` when it does not answer.
        process: Option<Timestamp>,
    },
    /// An instance is to run again, or does.
    NoteStart {
        /// Which.
        manager: ManagerId,
    },
    /// The Disaster Recovery script was written to a host, or could not be.
    NotePush {
        /// Which.
        host: HostId,
        /// The operation that pushes it.
        operation: Revision,
        /// What came of it.
        copy: Copy,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// An instance is stopped on purpose.
    Stopped {
        /// Which.
        manager: ManagerId,
        /// How.
        stop: Stop,
    },
    /// An instance is not stopped on purpose any more.
    Started {
        /// Which.
        manager: ManagerId,
    },
    /// The script was written to a host, or could not be.
    Pushed {
        /// Which.
        host: HostId,
        /// The operation that pushed it.
        operation: Revision,
        /// What came of it.
        copy: Copy,
    },
    /// A host is looked after no more.
    Forgotten {
        /// Which.
        host: HostId,
    },
}
