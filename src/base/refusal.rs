//! The group's "no": plain data, replicated, and therefore the same answer everywhere and on every repeat.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::cut;

/// Longest detail, in bytes. Refusals are remembered with the requests they answered, and a detail may quote
/// what the asker sent.
const DETAIL_MAX_BYTES: usize = 512;

/// Why the group refused a command, and about what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// Stable code, listed in `docs/contracts/errors.md`.
    pub code: Code,
    /// One sentence for people. Never holds a secret.
    pub detail: String,
}

impl Refusal {
    /// A refusal with its sentence, cut where it would be too long to be remembered.
    pub fn new(code: Code, detail: impl AsRef<str>) -> Self {
        Self { code, detail: cut(detail.as_ref(), DETAIL_MAX_BYTES) }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The stable codes of refusals. In the log a code is its position: append, never reorder or remove.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All codes, in the order of their numbers.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code as it stands in answers and documents.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// The object changed since the revision the caller expected.
    Changed = "CHANGED",
    /// The same request id came with another command.
    KeyReused = "KEY_REUSED",
    /// The command was decided in a tenure that has ended.
    StaleEpoch = "STALE_EPOCH",
    /// The group has not agreed on a feature level that has this command, or a build does not speak the level
    /// the group has agreed on.
    LevelTooLow = "LEVEL_TOO_LOW",
    /// No property of that file and name.
    NoSuchProperty = "NO_SUCH_PROPERTY",
    /// The value does not fit the property.
    InvalidValue = "INVALID_VALUE",
    /// The name does not fit the file's rule for names.
    InvalidName = "INVALID_NAME",
    /// HA cannot be switched off while other members exist (A13).
    HaHasInstances = "HA_HAS_INSTANCES",
    /// A fixed bound on the number of such things is reached.
    TooMany = "TOO_MANY",
    /// No Manager with that id.
    NoSuchManager = "NO_SUCH_MANAGER",
    /// Another Manager has this alias (row 54).
    AliasTaken = "ALIAS_TAKEN",
    /// The alias is too long or has characters that are not allowed (A16).
    AliasInvalid = "ALIAS_INVALID",
    /// The group was founded already.
    AlreadyFounded = "ALREADY_FOUNDED",
    /// The join token is unknown, used, expired or for another role.
    JoinTokenInvalid = "JOIN_TOKEN_INVALID",
    /// A member with this disk or address exists.
    AlreadyMember = "ALREADY_MEMBER",
    /// Further Managers need ENABLE_KM_HA=yes (rows 68, 70).
    HaDisabled = "HA_DISABLED",
    /// No operation with that id.
    NoSuchOperation = "NO_SUCH_OPERATION",
    /// The operation is not in a state that allows this.
    WrongState = "WRONG_STATE",
    /// Another operation on this target is still open.
    TargetBusy = "TARGET_BUSY",
    /// No user of that name.
    NoSuchUser = "NO_SUCH_USER",
    /// A user of that name exists.
    UserExists = "USER_EXISTS",
    /// The user name has characters that are not allowed.
    UsernameInvalid = "USERNAME_INVALID",
    /// The last active administrator cannot be removed, demoted or deactivated.
    LastAdministrator = "LAST_ADMINISTRATOR",
    /// No token with that id.
    NoSuchToken = "NO_SUCH_TOKEN",
    /// A name or text is longer than allowed.
    TooLong = "TOO_LONG",
    /// The user is inactive or locked.
    Locked = "LOCKED",
    /// An API token of that name exists.
    TokenExists = "TOKEN_EXISTS",
    /// No host of that name or number.
    NoSuchHost = "NO_SUCH_HOST",
    /// A host of that name is registered.
    HostExists = "HOST_EXISTS",
    /// A host's name, address or way in is not of the form it has to have.
    HostInvalid = "HOST_INVALID",
    /// A member lives on the host (row 11).
    HostHasManager = "HOST_HAS_MANAGER",
    /// The enrolment token is unknown, used or expired.
    EnrolTokenInvalid = "ENROL_TOKEN_INVALID",
    /// The Active is not started, stopped or restarted this way (row 57).
    ActiveNotAllowed = "ACTIVE_NOT_ALLOWED",
    /// The member cannot become Active (row 78).
    NotEligible = "NOT_ELIGIBLE",
    /// The last Kyvos Manager stays (row 87).
    LastManager = "LAST_MANAGER",
    /// A Manager lives only where the Web Portal is (row 11).
    KmRequiresWebPortal = "KM_REQUIRES_WEB_PORTAL",
    /// Kyvos Manager HA needs two hosts with the Web Portal (row 13).
    WebPortalHaRequired = "WEB_PORTAL_HA_REQUIRED",
    /// The Disaster Recovery script has to be pushed first (row 28).
    DrScriptPending = "DR_SCRIPT_PENDING",
    /// A precheck of the host fails, and nobody accepted that.
    PrecheckFailed = "PRECHECK_FAILED",
    /// The group knows no way to the host.
    NoWayToHost = "NO_WAY_TO_HOST",
    /// Nobody wants ZooKeeper to be connected to (A8).
    ZookeeperNotWatched = "ZOOKEEPER_NOT_WATCHED",
    /// No service of that name: no host has the role.
    NoSuchService = "NO_SUCH_SERVICE",
    /// No alert with that number.
    NoSuchAlert = "NO_SUCH_ALERT",
    /// No channel with that number.
    NoSuchChannel = "NO_SUCH_CHANNEL",
    /// A channel of that name exists.
    ChannelExists = "CHANNEL_EXISTS",
    /// No maintenance window of that number.
    NoSuchWindow = "NO_SUCH_WINDOW",
    /// No schedule of that number.
    NoSuchSchedule = "NO_SUCH_SCHEDULE",
    /// Another schedule has the name.
    ScheduleExists = "SCHEDULE_EXISTS",
    /// None of the services runs with an older configuration.
    NothingStale = "NOTHING_STALE",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_that_quotes_a_long_text_is_cut() {
        let refusal = Refusal::new(Code::NoSuchUser, "x".repeat(1 << 20));
        assert_eq!(refusal.detail.len(), DETAIL_MAX_BYTES);
    }

    #[test]
    fn every_code_has_its_own_text() {
        let texts: std::collections::BTreeSet<_> =
            Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
    }
}
