//! Facts of the group's own instances, and of the tenure in force.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use raft_store::planted::{Bug, planted};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use super::command::{Command, Event};
use crate::base::{Code, Digest, Epoch, ManagerId, Refusal, Revision, Term, Timestamp};
use crate::machine::Level;

/// The founder's number: there is no log before it to take a number from.
pub const FOUNDER: ManagerId = ManagerId(1);
/// Longest alias, in characters (A16).
pub const ALIAS_MAX_CHARS: usize = 64;
/// Longest host name, in bytes: the bound of the domain name system.
pub const HOST_MAX_BYTES: usize = 255;
/// Longest `host:port`, in bytes.
pub const ADDRESS_MAX_BYTES: usize = HOST_MAX_BYTES + 6;
/// Longest URL a member tells of itself, in bytes.
pub const URL_MAX_BYTES: usize = 2_048;
/// Longest version of a build, in bytes.
pub const VERSION_MAX_BYTES: usize = 64;
/// Longest election lease, in milliseconds: the bound of `RAFT_ELECTION_MAX_MS`.
pub const LEASE_MAX_MS: u64 = 60_000;
/// Longest name of a group, in bytes.
pub const GROUP_NAME_MAX_BYTES: usize = 128;
/// Longest certificate of the group's authority, in bytes of PEM.
pub const CA_PEM_MAX_BYTES: usize = 16 << 10;
/// Longest sealed key of the group's authority, in bytes.
pub const SEALED_KEY_MAX_BYTES: usize = 16 << 10;
/// Longest reason of a tenure or removal, in bytes; longer ones are cut.
pub const BECAUSE_MAX_BYTES: usize = 512;
/// Most join tokens open at a time.
pub const JOIN_TOKENS_MAX: usize = 64;
/// Longest life of a join token: a week.
pub const JOIN_TOKEN_TTL_MAX_MS: u64 = 7 * 24 * 3600 * 1000;
/// How many removed members are remembered.
pub const REMOVED_KEPT: usize = 256;
/// Most Managers and witnesses in a group; beyond nine voters a write only gets slower.
pub const MEMBERS_MAX: usize = 9;

/// What the group knows of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What was settled at the founding; `None` before.
    pub group: Option<Group>,
    /// Every member, by number.
    pub members: BTreeMap<ManagerId, Manager>,
    /// Open join tokens, by the revision that made them.
    pub join_tokens: BTreeMap<Revision, JoinToken>,
    /// The tenure in force; `None` before the first.
    pub tenure: Option<TenureRecord>,
    /// Members that are no more, the newest [`REMOVED_KEPT`], so that a removed one can be told so.
    pub removed: BTreeMap<ManagerId, Removal>,
}

/// When, by whom and why a member was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Its host.
    pub host: String,
    /// Its disk, which cannot come back.
    pub disk_id: Uuid,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub because: String,
}

/// What was settled at the founding.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Names the group for ever.
    pub cluster_id: Uuid,
    /// What people call it.
    pub name: String,
    /// Certificate of the group's own authority, PEM.
    pub ca_pem: String,
    /// The authority's private key, sealed under the group key, which is never in the log.
    pub sealed_ca_key: Vec<u8>,
}

/// What a member is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// May become Active.
    Manager,
    /// Votes and stores the log, never leads, shows no pages (A5).
    Witness,
}

impl Role {
    /// The role as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manager => "manager",
            Self::Witness => "witness",
        }
    }
}

/// A host as its own Manager calls it.
const THIS_HOST: &str = "localhost";

/// What a member tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Host name.
    pub host: String,
    /// `host:port` of the peer listener.
    pub peer_addr: String,
    /// URL of the API and dashboard; empty for a witness.
    pub api_url: String,
    /// URL of the health listener.
    pub health_url: String,
    /// Version of its build.
    pub version: String,
    /// The highest feature level its build speaks.
    pub level: Level,
    /// The shortest election lease it may be running with, in milliseconds.
    pub lease_ms: u64,
}

impl Profile {
    /// Every name its certificate has to hold: where peers, browsers and scripts reach it, from its own host too.
    pub fn names(&self) -> Vec<String> {
        let api = self.api_url.split_once("://").map_or("", |(_, rest)| rest);
        let api = api.split_once('/').map_or(api, |(authority, _)| authority);
        let hosts = [&self.host, host_of(&self.peer_addr), host_of(api), THIS_HOST];
        let names = BTreeSet::from(hosts).into_iter().filter(|host| !host.is_empty());
        names.map(str::to_owned).collect()
    }
}

/// The host of `HOST[:PORT]`, without the brackets of an IPv6 address.
fn host_of(authority: &str) -> &str {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    host.trim_start_matches('[').trim_end_matches(']')
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manager {
    /// What it tells of itself.
    pub profile: Profile,
    /// What it is for.
    pub role: Role,
    /// The disk its number is bound to.
    pub disk_id: Uuid,
    /// What people call its host; empty for none.
    pub alias: String,
    /// When it was admitted.
    pub joined_at: Timestamp,
    /// Revision of its last change; the ETag.
    pub revision: Revision,
}

/// A right to join, given once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinToken {
    /// Digest of the token; the token itself is shown once and kept nowhere.
    pub digest: Digest,
    /// For which role.
    pub role: Role,
    /// Until when.
    pub expires_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// One unbroken time of a Manager being Active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenureRecord {
    /// Its number and fencing token.
    pub epoch: Epoch,
    /// Who.
    pub active: ManagerId,
    /// The term it was won in.
    pub term: Term,
    /// Since when.
    pub since: Timestamp,
    /// Why it came about.
    pub because: String,
    /// Who was Active before; `None`: nobody was yet.
    pub before: Option<ManagerId>,
    /// Whether an operation moved the office, as somebody wanted it.
    pub planned: bool,
}

/// The epoch of a tenure that the group noted at this revision.
pub fn epoch_of(noted: Revision, term: Term) -> Epoch {
    Epoch(if planted(Bug::EpochIsTerm) { term.0 } else { noted.0 })
}

impl Facts {
    /// The epoch in force; 0 before the first tenure.
    pub fn epoch(&self) -> Epoch {
        self.tenure.as_ref().map(|tenure| tenure.epoch).unwrap_or_default()
    }

    /// A member by number.
    pub fn member(&self, id: ManagerId) -> Result<&Manager, Refusal> {
        let unknown =
            || Refusal::new(Code::NoSuchManager, format!("There is no Kyvos Manager {id}."));
        self.members.get(&id).ok_or_else(unknown)
    }

    /// Whether a member is the Active of the tenure in force.
    pub fn is_active(&self, id: ManagerId) -> bool {
        self.tenure.as_ref().is_some_and(|tenure| tenure.active == id)
    }

    /// The hosts of all members but the first Manager.
    pub fn hosts_besides_founder(&self) -> impl Iterator<Item = &str> {
        let mut managers = self.members.iter().filter(|(_, member)| member.role == Role::Manager);
        let first = managers.next().map(|(id, _)| *id);
        let others = self.members.iter().filter(move |(id, _)| Some(**id) != first);
        others.map(|(_, member)| member.profile.host.as_str())
    }

    /// The highest feature level that every member speaks.
    pub fn level_spoken_by_all(&self) -> Level {
        self.members.values().map(|member| member.profile.level).min().unwrap_or_default()
    }

    /// The open join token with this digest, if it holds for the role at that time.
    pub fn join_token(
        &self,
        digest: Digest,
        role: Role,
        at: Timestamp,
    ) -> Result<Revision, Refusal> {
        let fits = |token: &JoinToken| {
            token.digest == digest && token.role == role && token.expires_at > at
        };
        let found = self.join_tokens.iter().find(|(_, token)| fits(token)).map(|(id, _)| *id);
        found.ok_or_else(|| {
            let detail = "This join token is unknown, used, expired or for another role. Make a new one with km token create.";
            Refusal::new(Code::JoinTokenInvalid, detail)
        })
    }
}

impl fmt::Debug for Group {
    /// Without the sealed key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group({} {})", self.name, self.cluster_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_addresses_of_every_form() {
        let hosts = ["km1:7443", "km1", "[::1]:7443", "[2001:db8::7]", "10.0.0.1:1"].map(host_of);
        assert_eq!(hosts, ["km1", "km1", "::1", "2001:db8::7", "10.0.0.1"]);
    }

    #[test]
    fn a_certificate_holds_every_name_a_member_is_reached_by_once() {
        let profile = |host: &str, peer_addr: &str, api_url: &str| Profile {
            host: host.into(),
            peer_addr: peer_addr.into(),
            api_url: api_url.into(),
            health_url: String::new(),
            version: String::new(),
            level: Level(1),
            lease_ms: 1,
        };
        let manager = profile("km1", "10.0.0.1:7446", "https://km1.example:7443/");
        assert_eq!(manager.names(), ["10.0.0.1", "km1", "km1.example", "localhost"]);
        assert_eq!(profile("w", "w:7446", "").names(), ["localhost", "w"]);
    }
}
