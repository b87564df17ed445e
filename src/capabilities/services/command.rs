//! What may be asked of the services, and what happens to them.

use serde::{Deserialize, Serialize};

use super::model::{
    Access, Control, Judgement, Profile, Rule, Server, ServiceId, ServiceType, Sighted, Standing,
    Want, Why, Znode,
};
use crate::base::{Epoch, Revision};

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Says what znodes mean.
    SetProfile {
        /// What; `None`: the default again.
        profile: Option<Profile>,
        /// Set only if the last change is this revision.
        expect: Option<Revision>,
    },
    /// Says how ZooKeeper is spoken to.
    SetAccess {
        /// How.
        access: Access,
        /// Set only if the last change is this revision.
        expect: Option<Revision>,
    },
    /// The Active tells how its watch stands.
    NoteWatch {
        /// Whether it stands.
        standing: Standing,
        /// The servers of the ensemble.
        servers: Vec<Server>,
        /// What cannot be seen.
        troubles: Vec<String>,
    },
    /// The Active tells what it sees differently than before.
    NoteSightings {
        /// What is there, by path.
        seen: Vec<(String, Sighted)>,
        /// What is there no more.
        gone: Vec<String>,
    },
    /// Somebody wants to know what a live tree holds. The revision of this command is the ask's name.
    Discover {
        /// Beneath which path.
        root: String,
    },
    /// The Active tells what the tree holds.
    NoteDiscovery {
        /// Which ask this answers.
        asked: Revision,
        /// Why it ended early, or could not be made.
        because: Option<String>,
        /// The znodes, parents before children.
        znodes: Vec<Znode>,
        /// Patterns that would fit.
        proposed: Vec<Rule>,
    },
    /// Says how a type is controlled.
    SetControl {
        /// Which type.
        service: ServiceType,
        /// How; `None`: as by default again.
        control: Option<Control>,
        /// Set only if the last change is this revision.
        expect: Option<Revision>,
    },
    /// Says what is wanted of services.
    Want {
        /// Which.
        services: Vec<ServiceId>,
        /// What.
        want: Want,
        /// Why.
        why: Why,
        /// The operation that is about to bring it about, if one is.
        operation: Option<Revision>,
        /// Said only if the last word about the first of them is this revision.
        expect: Option<Revision>,
    },
    /// The Active tells which verdicts are others than before.
    NoteVerdicts {
        /// Of which service, and what.
        judged: Vec<(ServiceId, Judgement)>,
        /// Whether with these every service was looked at in this tenure.
        whole: bool,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Znodes mean something else.
    ProfileSet {
        /// What; `None`: the default again.
        profile: Option<Profile>,
    },
    /// ZooKeeper is spoken to differently.
    AccessSet {
        /// How.
        access: Access,
    },
    /// The watch stands differently.
    WatchNoted {
        /// The tenure that tells.
        epoch: Epoch,
        /// Whether it stands.
        standing: Standing,
        /// The servers of the ensemble.
        servers: Vec<Server>,
        /// What cannot be seen.
        troubles: Vec<String>,
    },
    /// Something is seen differently.
    SightingsNoted {
        /// What is there, by path.
        seen: Vec<(String, Sighted)>,
        /// What is there no more.
        gone: Vec<String>,
    },
    /// Somebody wants to know what a live tree holds.
    DiscoveryAsked {
        /// Beneath which path.
        root: String,
    },
    /// It was looked what the tree holds.
    DiscoveryNoted {
        /// Which ask that answers.
        asked: Revision,
        /// Why it ended early, or could not be made.
        because: Option<String>,
        /// The znodes, parents before children.
        znodes: Vec<Znode>,
        /// Patterns that would fit.
        proposed: Vec<Rule>,
    },
    /// A type is controlled differently.
    ControlSet {
        /// Which type.
        service: ServiceType,
        /// How; `None`: as by default again.
        control: Option<Control>,
    },
    /// Something else is wanted of services.
    WantedSet {
        /// Which.
        services: Vec<ServiceId>,
        /// What.
        want: Want,
        /// Why.
        why: Why,
        /// Who said so.
        by: String,
        /// Those that are no services any more.
        forgotten: Vec<ServiceId>,
    },
    /// Verdicts are others than before.
    VerdictsNoted {
        /// Of which service, and what.
        judged: Vec<(ServiceId, Judgement)>,
        /// The tenure in which with these every service was looked at, if so.
        whole: Option<Epoch>,
        /// Those that are no services any more.
        forgotten: Vec<ServiceId>,
    },
}
