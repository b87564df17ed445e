//! What may be asked of the prechecks, and what happens to them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::model::{Finding, Scope};
use crate::base::Revision;

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Somebody wants to know now. The revision of this command is the ask's name.
    Ask {
        /// Only about these hosts and the group as a whole; empty: about everything.
        hosts: BTreeSet<String>,
    },
    /// The Active begins a run.
    Begin {
        /// Whether it is about everything, asked or not.
        everything: bool,
    },
    /// The Active tells what it found.
    Note {
        /// In which run: the revision that began it.
        run: Revision,
        /// What.
        findings: Vec<Finding>,
    },
    /// The Active has looked at everything.
    Finish {
        /// Which run.
        run: Revision,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Somebody wants to know.
    Asked {
        /// About which hosts.
        scope: Scope,
    },
    /// A run began. It answers all that was asked until now.
    Begun {
        /// What it is about.
        scope: Scope,
    },
    /// Something was found.
    Noted {
        /// What.
        findings: Vec<Finding>,
    },
    /// The run ended: what it did not find again is no more.
    Finished,
}
