//! Facts of the group's own instances, and of the tenure in force.

use std::collections::BTreeMap;

use raft_store::machine::Row;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::base::{Code, Digest, Epoch, ManagerId, Refusal, Revision, Term, Timestamp};
use crate::machine::{Capability, LEVEL_MAX, Level, Moment, State, Trace, history_bytes, tables};

/// The room, for the machine.
pub struct Room;

/// The founder's number: there is no log before it to take a number from.
pub const FOUNDER: ManagerId = ManagerId(1);
/// Longest alias, in characters (A16).
pub const ALIAS_MAX_CHARS: usize = 64;
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
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub because: String,
}

/// What was settled at the founding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

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

    /// The hosts of all Managers but the first; witnesses are no Kyvos Manager instances (A5).
    pub fn hosts_besides_founder(&self) -> impl Iterator<Item = &str> {
        let managers = self.members.values().filter(|member| member.role == Role::Manager);
        managers.skip(1).map(|member| member.profile.host.as_str())
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

impl Capability for Room {
    type Facts = Facts;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, moment: &Moment, command: &Command) -> Result<Vec<Event>, Refusal> {
        let facts = &state.managers;
        match command {
            Command::Found { group, profile, disk_id } => found(facts, group, profile, *disk_id),
            Command::CreateJoinToken { digest, role, ttl_ms } => {
                create_token(state, moment, *digest, *role, *ttl_ms)
            }
            Command::DeleteJoinToken { id } => match facts.join_tokens.contains_key(id) {
                true => Ok(vec![Event::JoinTokenGone { id: *id }]),
                false => {
                    Err(Refusal::new(Code::NoSuchToken, format!("There is no join token {id}.")))
                }
            },
            Command::Admit { token, role, profile, disk_id } => {
                let id = facts.join_token(*token, *role, moment.at)?;
                admissible(state, *role, profile, *disk_id)?;
                let manager = ManagerId(moment.revision.0);
                let admitted = Event::Admitted {
                    manager,
                    role: *role,
                    profile: profile.clone(),
                    disk_id: *disk_id,
                };
                Ok(vec![Event::JoinTokenGone { id }, admitted])
            }
            Command::Withdraw { manager, because } => {
                facts.member(*manager)?;
                Ok(vec![Event::Withdrawn { manager: *manager, because: because.clone() }])
            }
            Command::Announce { manager, profile } => {
                let member = facts.member(*manager)?;
                let same = member.profile == *profile;
                Ok(if same {
                    vec![]
                } else {
                    vec![Event::Announced { manager: *manager, profile: profile.clone() }]
                })
            }
            Command::SetAlias { manager, alias, expect } => {
                set_alias(facts, *manager, alias, *expect)
            }
            Command::BecomeActive { manager, term, because } => {
                become_active(facts, moment, *manager, *term, because)
            }
            Command::RaiseLevel { level } => raise_level(state, *level),
        }
    }

    fn evolve(facts: &mut Facts, moment: &Moment, event: &Event) {
        match event {
            Event::Founded(group) => facts.group = Some(group.clone()),
            Event::Admitted { manager, role, profile, disk_id } => {
                let member = Manager {
                    profile: profile.clone(),
                    role: *role,
                    disk_id: *disk_id,
                    alias: String::new(),
                    joined_at: moment.at,
                    revision: moment.revision,
                };
                facts.members.insert(*manager, member);
            }
            Event::Withdrawn { manager, because } => withdraw(facts, moment, *manager, because),
            Event::Announced { manager, profile } => change(facts, moment, *manager, |member| {
                member.profile = profile.clone();
            }),
            Event::AliasSet { manager, alias } => change(facts, moment, *manager, |member| {
                member.alias = alias.clone();
            }),
            Event::JoinTokenCreated(token) => {
                facts.join_tokens.retain(|_, token| token.expires_at > moment.at);
                facts.join_tokens.insert(moment.revision, token.clone());
            }
            Event::JoinTokenGone { id } => {
                facts.join_tokens.remove(id);
            }
            Event::BecameActive(tenure) => facts.tenure = Some(tenure.clone()),
            // The level is the machine's own fact; the room only judged it.
            Event::LevelRaised { level: _ } => {}
        }
    }

    fn trace(state: &State, command: &Command) -> Option<Trace> {
        let host = |id: &ManagerId| {
            state.managers.members.get(id).map(|member| member.profile.host.clone())
        };
        let object = |id: &ManagerId| host(id).unwrap_or_else(|| id.to_string());
        Some(match command {
            Command::Found { group, .. } => Trace::new("managers.found", group.name.clone()),
            Command::CreateJoinToken { role, .. } => {
                Trace::new("managers.create_join_token", role.as_str())
            }
            Command::DeleteJoinToken { id } => {
                Trace::new("managers.delete_join_token", id.to_string())
            }
            Command::Admit { role, profile, .. } => {
                let after = format!("{} at {}", role.as_str(), profile.peer_addr);
                Trace::new("managers.admit", profile.host.clone()).changing(None, Some(after))
            }
            Command::Withdraw { manager, because } => {
                Trace::new("managers.withdraw", object(manager))
                    .changing(None, Some(because.clone()))
            }
            Command::Announce { .. } => return None,
            Command::SetAlias { manager, alias, .. } => {
                let before = state.managers.members.get(manager).map(|member| member.alias.clone());
                Trace::new("managers.set_alias", object(manager))
                    .changing(before, Some(alias.clone()))
            }
            Command::BecomeActive { manager, .. } => {
                let before = state.managers.tenure.as_ref().map(|tenure| object(&tenure.active));
                Trace::new("managers.become_active", object(manager))
                    .changing(before, Some(object(manager)))
            }
            Command::RaiseLevel { level } => {
                let before = Some(state.kernel.level.0.to_string());
                Trace::new("managers.raise_level", "feature level")
                    .changing(before, Some(level.0.to_string()))
            }
        })
    }

    fn rows(_moment: &Moment, event: &Event) -> Vec<Row> {
        match event {
            Event::BecameActive(tenure) => {
                vec![Row { table: tables::TENURES, key: Vec::new(), value: history_bytes(tenure) }]
            }
            Event::Founded(_)
            | Event::Admitted { .. }
            | Event::Withdrawn { .. }
            | Event::Announced { .. }
            | Event::AliasSet { .. }
            | Event::JoinTokenCreated(_)
            | Event::JoinTokenGone { .. }
            | Event::LevelRaised { .. } => Vec::new(),
        }
    }
}

fn change(facts: &mut Facts, moment: &Moment, manager: ManagerId, how: impl FnOnce(&mut Manager)) {
    if let Some(member) = facts.members.get_mut(&manager) {
        how(member);
        member.revision = moment.revision;
    }
}

fn withdraw(facts: &mut Facts, moment: &Moment, manager: ManagerId, because: &str) {
    if let Some(member) = facts.members.remove(&manager) {
        let (host, at, by) = (member.profile.host, moment.at, moment.by.to_string());
        facts.removed.insert(manager, Removal { host, at, by, because: because.into() });
    }
    while facts.removed.len() > REMOVED_KEPT {
        facts.removed.pop_first();
    }
}

fn found(
    facts: &Facts,
    group: &Group,
    profile: &Profile,
    disk_id: Uuid,
) -> Result<Vec<Event>, Refusal> {
    if facts.group.is_some() {
        return Err(Refusal::new(Code::AlreadyFounded, "This group was founded already."));
    }
    let founder = Event::Admitted {
        manager: FOUNDER,
        role: Role::Manager,
        profile: profile.clone(),
        disk_id,
    };
    Ok(vec![Event::Founded(group.clone()), founder, Event::LevelRaised { level: LEVEL_MAX }])
}

fn create_token(
    state: &State,
    moment: &Moment,
    digest: Digest,
    role: Role,
    ttl_ms: u64,
) -> Result<Vec<Event>, Refusal> {
    needs_ha(state, role)?;
    let open =
        state.managers.join_tokens.values().filter(|token| token.expires_at > moment.at).count();
    if open >= JOIN_TOKENS_MAX {
        return Err(Refusal::new(
            Code::TooMany,
            format!("{JOIN_TOKENS_MAX} join tokens are open already."),
        ));
    }
    let expires_at = moment.at.plus_ms(ttl_ms.clamp(1, JOIN_TOKEN_TTL_MAX_MS));
    let (created_by, created_at) = (moment.by.to_string(), moment.at);
    Ok(vec![Event::JoinTokenCreated(JoinToken {
        digest,
        role,
        expires_at,
        created_by,
        created_at,
    })])
}

/// Rows 68 and 70: with HA off the group stays as it is. A witness is no use to a single Manager either.
fn needs_ha(state: &State, role: Role) -> Result<(), Refusal> {
    if state.properties.ha_enabled() {
        return Ok(());
    }
    let detail = format!("Set ENABLE_KM_HA to yes before a further {} is added.", role.as_str());
    Err(Refusal::new(Code::HaDisabled, detail))
}

fn admissible(state: &State, role: Role, profile: &Profile, disk_id: Uuid) -> Result<(), Refusal> {
    needs_ha(state, role)?;
    let members = &state.managers.members;
    if members.len() >= MEMBERS_MAX {
        return Err(Refusal::new(
            Code::TooMany,
            format!("The group has {MEMBERS_MAX} members already."),
        ));
    }
    let same = |member: &&Manager| {
        member.disk_id == disk_id || member.profile.peer_addr == profile.peer_addr
    };
    if let Some(twin) = members.values().find(same) {
        let detail =
            format!("A member with this disk or peer address exists: {}.", twin.profile.host);
        return Err(Refusal::new(Code::AlreadyMember, detail));
    }
    Ok(())
}

fn set_alias(
    facts: &Facts,
    manager: ManagerId,
    alias: &str,
    expect: Option<Revision>,
) -> Result<Vec<Event>, Refusal> {
    let member = facts.member(manager)?;
    if let Some(expected) = expect.filter(|expected| *expected != member.revision) {
        let detail = format!("Changed at revision {}, expected {expected}.", member.revision);
        return Err(Refusal::new(Code::Changed, detail));
    }
    let alias = alias.trim();
    let fits = |c: char| c.is_alphanumeric() || " -_.".contains(c);
    if alias.chars().count() > ALIAS_MAX_CHARS || !alias.chars().all(fits) {
        let rule = "An alias has at most 64 letters, digits, spaces, hyphens, underscores or dots.";
        return Err(Refusal::new(Code::AliasInvalid, rule));
    }
    let taken = |(id, other): &(&ManagerId, &Manager)| **id != manager && other.alias == alias;
    if let Some((_, other)) = facts.members.iter().find(taken).filter(|_| !alias.is_empty()) {
        let detail = format!("{} is called {alias} already.", other.profile.host);
        return Err(Refusal::new(Code::AliasTaken, detail));
    }
    let same = member.alias == alias;
    Ok(if same { vec![] } else { vec![Event::AliasSet { manager, alias: alias.into() }] })
}

/// Only the leader that wrote the entry may take office, and only in the term it wrote it in: a delayed entry
/// of an earlier term must not begin a tenure its proposer no longer holds.
fn become_active(
    facts: &Facts,
    moment: &Moment,
    manager: ManagerId,
    term: Term,
    because: &str,
) -> Result<Vec<Event>, Refusal> {
    let member = facts.member(manager)?;
    if member.role == Role::Witness || moment.leader != manager || moment.term != term {
        let detail = format!("Kyvos Manager {manager} does not lead term {}.", moment.term);
        return Err(Refusal::new(Code::WrongState, detail));
    }
    let epoch = Epoch(moment.revision.0);
    let because = because.to_owned();
    Ok(vec![Event::BecameActive(TenureRecord {
        epoch,
        active: manager,
        term,
        since: moment.at,
        because,
    })])
}

fn raise_level(state: &State, level: Level) -> Result<Vec<Event>, Refusal> {
    let spoken = state
        .managers
        .members
        .values()
        .map(|member| member.profile.level)
        .min()
        .unwrap_or_default();
    if level > spoken {
        let detail =
            format!("Not every member speaks level {}; the lowest speaks {}.", level.0, spoken.0);
        return Err(Refusal::new(Code::LevelTooLow, detail));
    }
    Ok(if level > state.kernel.level { vec![Event::LevelRaised { level }] } else { vec![] })
}
