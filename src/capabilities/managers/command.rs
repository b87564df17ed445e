//! What may be asked of the managers, and what happens to them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::model::{Group, JoinToken, Profile, Role, TenureRecord};
use crate::base::{Digest, ManagerId, Revision, Term};
use crate::machine::Level;

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Settles the group, with its first member.
    Found {
        /// The group.
        group: Group,
        /// The founder's profile.
        profile: Profile,
        /// The founder's disk.
        disk_id: Uuid,
    },
    /// Makes a join token.
    CreateJoinToken {
        /// Digest of the token.
        digest: Digest,
        /// For which role.
        role: Role,
        /// How long it holds.
        ttl_ms: u64,
    },
    /// Takes a join token back.
    DeleteJoinToken {
        /// The revision that made it.
        id: Revision,
    },
    /// Admits a further member against a join token. Its number is the revision of this command.
    Admit {
        /// Digest of the token it showed.
        token: Digest,
        /// What it is to be.
        role: Role,
        /// What it tells of itself.
        profile: Profile,
        /// Its disk.
        disk_id: Uuid,
    },
    /// Takes a member that does not vote out of the group, for example when its addition failed.
    Withdraw {
        /// Who.
        manager: ManagerId,
        /// Why.
        because: String,
    },
    /// A member tells of itself anew, at its start or when its timers change.
    Announce {
        /// Who.
        manager: ManagerId,
        /// What.
        profile: Profile,
    },
    /// Gives a member's host an alias; empty takes it away.
    SetAlias {
        /// Whose.
        manager: ManagerId,
        /// What it is to be called.
        alias: String,
        /// Change only if the member's last change is this revision.
        expect: Option<Revision>,
    },
    /// A leader takes office. The revision of this command is the epoch.
    BecomeActive {
        /// Who.
        manager: ManagerId,
        /// The term it leads.
        term: Term,
        /// Why.
        because: String,
    },
    /// Raises the group's feature level once every member speaks it.
    RaiseLevel {
        /// To what.
        level: Level,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The group exists.
    Founded(Group),
    /// A member was admitted.
    Admitted {
        /// Its number.
        manager: ManagerId,
        /// What it is.
        role: Role,
        /// What it tells of itself.
        profile: Profile,
        /// Its disk.
        disk_id: Uuid,
    },
    /// A member is no more.
    Withdrawn {
        /// Who.
        manager: ManagerId,
        /// Why.
        because: String,
    },
    /// A member told of itself anew.
    Announced {
        /// Who.
        manager: ManagerId,
        /// What.
        profile: Profile,
    },
    /// A member's alias changed.
    AliasSet {
        /// Whose.
        manager: ManagerId,
        /// To what.
        alias: String,
    },
    /// A join token was made.
    JoinTokenCreated(JoinToken),
    /// A join token was used or taken back.
    JoinTokenGone {
        /// The revision that made it.
        id: Revision,
    },
    /// A tenure began.
    BecameActive(TenureRecord),
    /// The group speaks a higher feature level.
    LevelRaised {
        /// Which.
        level: Level,
    },
}
