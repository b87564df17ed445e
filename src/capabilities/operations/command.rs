//! What may be asked of the operations, and what happens to them.

use serde::{Deserialize, Serialize};

use super::model::{Kind, StepEnd};
use crate::base::{Epoch, Revision};

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Asks for an operation.
    Begin {
        /// Which.
        kind: Kind,
    },
    /// The Active begins a step, or tells how far it is.
    StepStarted {
        /// The operation.
        id: Revision,
        /// The step's place, from 0.
        step: u32,
        /// What is known so far.
        detail: String,
        /// The tenure it is carried out in.
        epoch: Epoch,
    },
    /// The Active ended a step.
    StepEnded {
        /// The operation.
        id: Revision,
        /// The step's place, from 0.
        step: u32,
        /// How.
        end: StepEnd,
        /// What came of it.
        detail: String,
        /// The tenure it was carried out in.
        epoch: Epoch,
    },
    /// Somebody calls an operation off.
    Cancel {
        /// Which.
        id: Revision,
    },
    /// Somebody wants a failed operation tried again.
    Retry {
        /// Which.
        id: Revision,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// An operation was asked for.
    Begun {
        /// Which; its id is the revision.
        kind: Kind,
    },
    /// A step began, or told how far it is.
    StepStarted {
        /// The operation.
        id: Revision,
        /// The step's place.
        step: u32,
        /// What is known so far.
        detail: String,
        /// The tenure.
        epoch: Epoch,
    },
    /// A step ended.
    StepEnded {
        /// The operation.
        id: Revision,
        /// The step's place.
        step: u32,
        /// How.
        end: StepEnd,
        /// What came of it.
        detail: String,
        /// The tenure.
        epoch: Epoch,
    },
    /// An operation was called off.
    Cancelled {
        /// Which.
        id: Revision,
    },
    /// A failed operation is to be tried again.
    Retried {
        /// Which.
        id: Revision,
    },
    /// What was begun by itself made room for what a person asked for.
    GaveWay {
        /// Which.
        id: Revision,
    },
}
