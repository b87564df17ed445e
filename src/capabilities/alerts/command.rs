//! What may be asked of the alerts, and what happens to them.

use serde::{Deserialize, Serialize};

use super::model::{Acknowledged, Cause, Setting};
use crate::base::Revision;

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// The Active tells why a person should look. Told again it is the same alert.
    Raise {
        /// Why.
        cause: Cause,
    },
    /// The Active tells that a cause is gone.
    Resolve {
        /// Its key.
        key: String,
    },
    /// Somebody has seen an alert.
    Acknowledge {
        /// Which.
        id: Revision,
        /// What he has to say; may be empty.
        note: String,
    },
    /// Adds a channel. The revision of this command is its number.
    AddChannel {
        /// How it is set.
        setting: Setting,
    },
    /// Sets a channel anew.
    SetChannel {
        /// Which.
        id: Revision,
        /// How.
        setting: Setting,
        /// Set only if the last change is this revision.
        expect: Option<Revision>,
    },
    /// Removes a channel, and what waits on it.
    RemoveChannel {
        /// Which.
        id: Revision,
        /// Remove only if the last change is this revision.
        expect: Option<Revision>,
    },
    /// Somebody wants a channel to be tried out. The revision of this command is the wish's name.
    TryOut {
        /// Which.
        id: Revision,
    },
    /// The Active tells what came of trying a channel out.
    NoteTryOut {
        /// Which channel.
        id: Revision,
        /// Which wish.
        asked: Revision,
        /// What came of it, in a sentence.
        outcome: Result<String, String>,
    },
    /// The Active tells what came of telling the first letter that waits.
    NoteTold {
        /// Which channel.
        id: Revision,
        /// Which letter.
        letter: Revision,
        /// What came of it, in a sentence.
        outcome: Result<String, String>,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// There is a new alert; its number is this revision.
    Raised {
        /// Why.
        cause: Cause,
    },
    /// An alert came again.
    Again {
        /// Which.
        id: Revision,
        /// Why.
        cause: Cause,
    },
    /// An alert that lasts has another sentence, or matters more or less.
    Restated {
        /// Which.
        id: Revision,
        /// Why.
        cause: Cause,
    },
    /// Somebody has seen an alert.
    Acknowledged {
        /// Which.
        id: Revision,
        /// Who.
        acknowledged: Acknowledged,
    },
    /// The cause of an alert is gone.
    Resolved {
        /// Which.
        id: Revision,
    },
    /// There is another channel; its number is this revision.
    ChannelAdded {
        /// How it is set.
        setting: Setting,
    },
    /// A channel is set anew.
    ChannelSet {
        /// Which.
        id: Revision,
        /// How.
        setting: Setting,
    },
    /// A channel is no more.
    ChannelRemoved {
        /// Which.
        id: Revision,
    },
    /// Somebody wants a channel to be tried out.
    TryOutAsked {
        /// Which.
        id: Revision,
    },
    /// A channel was tried out.
    TriedOut {
        /// Which.
        id: Revision,
        /// What came of it.
        outcome: Result<String, String>,
    },
    /// A letter was told, or could not be.
    Told {
        /// On which channel.
        id: Revision,
        /// Which letter.
        letter: Revision,
        /// What came of it.
        outcome: Result<String, String>,
    },
}
