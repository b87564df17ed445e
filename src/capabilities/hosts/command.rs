//! What may be asked of the hosts, and what happens to them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::model::{Enrolment, HostRole, Reach, SshKey, Transport};
use crate::base::{Digest, HostId, Revision};

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Takes a machine into care. Its number is the revision of this command.
    Register {
        /// Its name.
        name: String,
        /// What it is for.
        roles: BTreeSet<HostRole>,
        /// How it is reached.
        transport: Transport,
    },
    /// Changes what a host is for, or how it is reached.
    Change {
        /// Which.
        host: HostId,
        /// Its new roles; `None` leaves them.
        roles: Option<BTreeSet<HostRole>>,
        /// Its new transport; `None` leaves it.
        transport: Option<Transport>,
        /// Change only if the host's last change is this revision.
        expect: Option<Revision>,
    },
    /// Lets a host go. What runs on it runs on.
    Remove {
        /// Which.
        host: HostId,
        /// Remove only if the host's last change is this revision.
        expect: Option<Revision>,
    },
    /// Makes an enrolment token for a host's agent, in place of an earlier one.
    Invite {
        /// Which.
        host: HostId,
        /// Digest of the token.
        digest: Digest,
        /// How long it holds.
        ttl_ms: u64,
    },
    /// Enrols the agent that showed the token.
    Enrol {
        /// Of which host.
        host: HostId,
        /// Digest of the token it showed.
        token: Digest,
        /// `host:port` where it listens.
        address: String,
    },
    /// Trusts the key of a host's SSH server, in place of an earlier one.
    Trust {
        /// Which.
        host: HostId,
        /// The key.
        key: String,
        /// Trust only if the host's last change is this revision.
        expect: Option<Revision>,
    },
    /// Gives the group another SSH key.
    SetSshKey(SshKey),
    /// The Active saw a host differently than before, or was asked to look.
    Note {
        /// Which.
        host: HostId,
        /// What it saw.
        reach: Reach,
        /// The newest [`Command::Look`] at the host that it knew of when it looked.
        asked: Revision,
    },
    /// Asks the Active to look at a host now.
    Look {
        /// Which.
        host: HostId,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A machine was taken into care.
    Registered {
        /// Its number.
        host: HostId,
        /// Its name.
        name: String,
        /// What it is for.
        roles: BTreeSet<HostRole>,
        /// How it is reached.
        transport: Transport,
    },
    /// A host is for something else, or is reached differently.
    Changed {
        /// Which.
        host: HostId,
        /// Its roles now.
        roles: BTreeSet<HostRole>,
        /// Its transport now.
        transport: Transport,
    },
    /// A host was let go.
    Removed {
        /// Which.
        host: HostId,
    },
    /// An enrolment token was made.
    Invited {
        /// For which host.
        host: HostId,
        /// What it is.
        enrolment: Enrolment,
    },
    /// An agent was enrolled; its token is used.
    Enrolled {
        /// Of which host.
        host: HostId,
        /// Where it listens.
        address: String,
    },
    /// The key of an SSH server is trusted.
    Trusted {
        /// Of which host.
        host: HostId,
        /// The key.
        key: String,
    },
    /// The group has another SSH key.
    SshKeySet(SshKey),
    /// A host was looked at: it was seen differently than before, or somebody had asked.
    Noted {
        /// Which.
        host: HostId,
        /// What was seen.
        reach: Reach,
        /// The newest wish to look that this fulfils.
        asked: Revision,
    },
    /// Somebody wants a host to be looked at now.
    LookAsked {
        /// Which.
        host: HostId,
    },
}
