//! What may be asked of the properties, and what happens to them.

use serde::{Deserialize, Serialize};

use super::schema::File;
use crate::base::Revision;

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Gives a property a value.
    Set {
        /// The property's file.
        file: File,
        /// The property's name.
        name: String,
        /// The value as it was typed.
        value: String,
        /// Change only if the last change is this revision; 0: only if nobody set it.
        expect: Option<Revision>,
        /// The revision whose value this brings back, if it is a revert.
        reverts_to: Option<Revision>,
    },
    /// Takes the value away: back to the default, or out of the `custom` file.
    Reset {
        /// The property's file.
        file: File,
        /// The property's name.
        name: String,
        /// Change only if the last change is this revision.
        expect: Option<Revision>,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A property has a new value.
    Set {
        /// The property's file.
        file: File,
        /// The property's name.
        name: String,
        /// The value in its stored form.
        value: String,
        /// The revision whose value this brings back, if it is a revert.
        reverts_to: Option<Revision>,
    },
    /// A property has no value of its own any more.
    Reset {
        /// The property's file.
        file: File,
        /// The property's name.
        name: String,
    },
}
