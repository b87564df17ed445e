//! How the managers decide and evolve: who is let in, who may take office, what an alias may be.

use raft_store::machine::Row;
use raft_store::planted::{Bug, planted};
use uuid::Uuid;

use super::command::{Command, Event};
use super::model::{
    ADDRESS_MAX_BYTES, ALIAS_MAX_CHARS, BECAUSE_MAX_BYTES, CA_PEM_MAX_BYTES, FOUNDER, Facts,
    GROUP_NAME_MAX_BYTES, Group, HOST_MAX_BYTES, JOIN_TOKEN_TTL_MAX_MS, JOIN_TOKENS_MAX, JoinToken,
    LEASE_MAX_MS, MEMBERS_MAX, Manager, Profile, REMOVED_KEPT, Removal, Role, SEALED_KEY_MAX_BYTES,
    TenureRecord, URL_MAX_BYTES, VERSION_MAX_BYTES, epoch_of,
};
use crate::base::text::{cut, fits, one_line};
use crate::base::{Code, Digest, ManagerId, Refusal, Revision, Term};
use crate::machine::{Capability, Level, Moment, State, Trace, history_bytes, tables};

/// The room, for the machine.
pub struct Room;

impl Capability for Room {
    type Facts = Facts;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, moment: &Moment, command: &Command) -> Result<Vec<Event>, Refusal> {
        let facts = &state.managers;
        match command {
            Command::Found { group, profile, disk_id } => found(facts, group, profile, *disk_id),
            Command::CreateJoinToken { digest, role, ttl_ms } => {
                create_join_token(state, moment, *digest, *role, *ttl_ms)
            }
            Command::DeleteJoinToken { id } => {
                let unknown =
                    || Refusal::new(Code::NoSuchToken, format!("There is no join token {id}."));
                facts.join_tokens.get(id).ok_or_else(unknown)?;
                Ok(vec![Event::JoinTokenGone { id: *id }])
            }
            Command::Admit { token, role, profile, disk_id } => {
                admit(state, moment, *token, *role, profile, *disk_id)
            }
            Command::Withdraw { manager, because } => withdraw(facts, *manager, because),
            Command::Announce { manager, profile } => announce(state, *manager, profile),
            Command::SetAlias { manager, alias, expect } => {
                set_alias(facts, *manager, alias, *expect)
            }
            Command::BecomeActive { manager, term, because } => {
                become_active(state, moment, *manager, *term, because)
            }
            Command::RaiseLevel { level } => raise_level(state, *level),
        }
    }

    fn evolve(facts: &mut Facts, moment: &Moment, event: &Event) {
        match event {
            Event::Founded(group) => facts.group = Some(group.clone()),
            Event::Admitted { manager, role, profile, disk_id } => {
                facts.members.insert(*manager, new_member(moment, *role, profile, *disk_id));
            }
            Event::Withdrawn { manager, because } => withdrawn(facts, moment, *manager, because),
            Event::Announced { manager, profile } => {
                change(facts, moment, *manager, |member| member.profile = profile.clone());
            }
            Event::AliasSet { manager, alias } => {
                change(facts, moment, *manager, |member| member.alias = alias.clone());
            }
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
        let facts = &state.managers;
        let member = |id: &ManagerId| facts.members.get(id);
        let object = |id: &ManagerId| {
            member(id).map_or_else(|| id.to_string(), |member| member.profile.host.clone())
        };
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
                let before = member(manager).map(|member| member.alias.clone());
                Trace::new("managers.set_alias", object(manager))
                    .changing(before, Some(alias.clone()))
            }
            Command::BecomeActive { manager, .. } => {
                let before = facts.tenure.as_ref().map(|tenure| object(&tenure.active));
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

/// The level comes from the founder's build through the log, never from the build that applies: a later build
/// that reads this entry must come to the same facts.
fn found(
    facts: &Facts,
    group: &Group,
    profile: &Profile,
    disk_id: Uuid,
) -> Result<Vec<Event>, Refusal> {
    if facts.group.is_some() {
        return Err(Refusal::new(Code::AlreadyFounded, "This group was founded already."));
    }
    one_line("The group's name", &group.name, GROUP_NAME_MAX_BYTES)?;
    fits("The group's certificate", &group.ca_pem, CA_PEM_MAX_BYTES)?;
    if group.sealed_ca_key.len() > SEALED_KEY_MAX_BYTES {
        return Err(Refusal::new(Code::TooLong, "The group's sealed key is too long."));
    }
    presentable(profile, Level(1))?;
    let (role, profile) = (Role::Manager, profile.clone());
    let level = profile.level;
    let founder = Event::Admitted { manager: FOUNDER, role, profile, disk_id };
    Ok(vec![Event::Founded(group.clone()), founder, Event::LevelRaised { level }])
}

/// What a member tells of itself must fit, and its build must speak the level the group has agreed on: it
/// could not apply the entries to come.
fn presentable(profile: &Profile, level: Level) -> Result<(), Refusal> {
    one_line("The host name", &profile.host, HOST_MAX_BYTES)?;
    one_line("The peer address", &profile.peer_addr, ADDRESS_MAX_BYTES)?;
    one_line("The API URL", &profile.api_url, URL_MAX_BYTES)?;
    one_line("The health URL", &profile.health_url, URL_MAX_BYTES)?;
    one_line("The version", &profile.version, VERSION_MAX_BYTES)?;
    if profile.host.is_empty() || profile.peer_addr.is_empty() {
        let detail = "A member has a host name and a peer address.";
        return Err(Refusal::new(Code::InvalidValue, detail));
    }
    if profile.lease_ms == 0 || profile.lease_ms > LEASE_MAX_MS {
        let detail = format!("An election lease is 1 to {LEASE_MAX_MS} ms long.");
        return Err(Refusal::new(Code::InvalidValue, detail));
    }
    if profile.level < level {
        let detail = format!(
            "Build {} of {} speaks feature level {}; the group has agreed on {}. Install a newer build there.",
            profile.version, profile.host, profile.level.0, level.0
        );
        return Err(Refusal::new(Code::LevelTooLow, detail));
    }
    Ok(())
}

fn create_join_token(
    state: &State,
    moment: &Moment,
    digest: Digest,
    role: Role,
    ttl_ms: u64,
) -> Result<Vec<Event>, Refusal> {
    needs_ha(state, role)?;
    if ttl_ms == 0 || ttl_ms > JOIN_TOKEN_TTL_MAX_MS {
        return Err(Refusal::new(Code::InvalidValue, "A join token holds for up to a week."));
    }
    let tokens = state.managers.join_tokens.values();
    if tokens.filter(|token| token.expires_at > moment.at).count() >= JOIN_TOKENS_MAX {
        let detail = format!("{JOIN_TOKENS_MAX} join tokens are open already.");
        return Err(Refusal::new(Code::TooMany, detail));
    }
    let (created_by, created_at) = (moment.by.to_string(), moment.at);
    let expires_at = moment.at.plus_ms(ttl_ms);
    let token = JoinToken { digest, role, expires_at, created_by, created_at };
    Ok(vec![Event::JoinTokenCreated(token)])
}

/// Rows 68 and 70: with HA off the group stays as it is. A witness is no use to a single Manager either.
fn needs_ha(state: &State, role: Role) -> Result<(), Refusal> {
    if state.properties.ha_enabled() {
        return Ok(());
    }
    let detail = format!("Set ENABLE_KM_HA to yes before a further {} is added.", role.as_str());
    Err(Refusal::new(Code::HaDisabled, detail))
}

fn admit(
    state: &State,
    moment: &Moment,
    token: Digest,
    role: Role,
    profile: &Profile,
    disk_id: Uuid,
) -> Result<Vec<Event>, Refusal> {
    let facts = &state.managers;
    let id = facts.join_token(token, role, moment.at)?;
    needs_ha(state, role)?;
    presentable(profile, state.kernel.level)?;
    if facts.members.len() >= MEMBERS_MAX {
        let detail = format!("The group has {MEMBERS_MAX} members already.");
        return Err(Refusal::new(Code::TooMany, detail));
    }
    nobody_else_is(facts, None, profile, disk_id)?;
    let manager = number_given(facts, moment.revision);
    let profile = profile.clone();
    let admitted = Event::Admitted { manager, role, profile, disk_id };
    Ok(vec![Event::JoinTokenGone { id }, admitted])
}

/// The number of who is admitted at a revision: the revision, which no other member ever had.
pub(crate) fn number_given(facts: &Facts, admitted: Revision) -> ManagerId {
    let reused = facts.removed.keys().next_back().filter(|_| planted(Bug::NumberReused));
    reused.copied().unwrap_or(ManagerId(admitted.0))
}

/// A number is bound to a disk, and one address leads to one member. A removed member's disk holds its old
/// number and vote, so it comes back only emptied.
fn nobody_else_is(
    facts: &Facts,
    but: Option<ManagerId>,
    profile: &Profile,
    disk_id: Uuid,
) -> Result<(), Refusal> {
    let same = |(id, member): &(&ManagerId, &Manager)| {
        let twin = member.disk_id == disk_id || member.profile.peer_addr == profile.peer_addr;
        Some(**id) != but && twin
    };
    if let Some((_, twin)) = facts.members.iter().find(same) {
        let host = &twin.profile.host;
        let detail = format!("A member with this disk or peer address exists: {host}.");
        return Err(Refusal::new(Code::AlreadyMember, detail));
    }
    if let Some((id, _)) = facts.removed.iter().find(|(_, removal)| removal.disk_id == disk_id) {
        let detail = format!(
            "This disk was Kyvos Manager {id}, which was removed. Empty its data directory and join again."
        );
        return Err(Refusal::new(Code::AlreadyMember, detail));
    }
    Ok(())
}

fn withdraw(facts: &Facts, manager: ManagerId, because: &str) -> Result<Vec<Event>, Refusal> {
    facts.member(manager)?;
    if facts.is_active(manager) || facts.members.len() == 1 {
        let detail = format!("Kyvos Manager {manager} is the Active or the last one.");
        return Err(Refusal::new(Code::WrongState, detail));
    }
    Ok(vec![Event::Withdrawn { manager, because: cut(because, BECAUSE_MAX_BYTES) }])
}

fn announce(state: &State, manager: ManagerId, profile: &Profile) -> Result<Vec<Event>, Refusal> {
    let facts = &state.managers;
    let member = facts.member(manager)?;
    presentable(profile, state.kernel.level)?;
    nobody_else_is(facts, Some(manager), profile, member.disk_id)?;
    let same = member.profile == *profile;
    Ok(if same { vec![] } else { vec![Event::Announced { manager, profile: profile.clone() }] })
}

fn set_alias(
    facts: &Facts,
    manager: ManagerId,
    alias: &str,
    expect: Option<Revision>,
) -> Result<Vec<Event>, Refusal> {
    let member = facts.member(manager)?;
    let alias = alias.trim();
    let fits = |c: char| c.is_alphanumeric() || " -_.".contains(c);
    if alias.chars().count() > ALIAS_MAX_CHARS || !alias.chars().all(fits) {
        let rule = "An alias has at most 64 letters, digits, spaces, hyphens, underscores or dots.";
        return Err(Refusal::new(Code::AliasInvalid, rule));
    }
    if let Some(expected) = expect.filter(|expected| *expected != member.revision) {
        let detail = format!("Changed at revision {}, expected {expected}.", member.revision);
        return Err(Refusal::new(Code::Changed, detail));
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
    state: &State,
    moment: &Moment,
    manager: ManagerId,
    term: Term,
    because: &str,
) -> Result<Vec<Event>, Refusal> {
    let facts = &state.managers;
    let member = facts.member(manager)?;
    if member.role == Role::Witness || moment.leader != manager || moment.term != term {
        let detail = format!("Kyvos Manager {manager} does not lead term {}.", moment.term);
        return Err(Refusal::new(Code::WrongState, detail));
    }
    let (epoch, since) = (epoch_of(moment.revision, term), moment.at);
    let because = cut(because, BECAUSE_MAX_BYTES);
    let before = facts.tenure.as_ref().map(|tenure| tenure.active);
    let moves = |before| state.operations.open().any(|(_, open)| open.moves_the_office(before));
    let planned = before.is_some_and(moves);
    let active = manager;
    let tenure = TenureRecord { epoch, active, term, since, because, before, planned };
    Ok(vec![Event::BecameActive(tenure)])
}

fn raise_level(state: &State, level: Level) -> Result<Vec<Event>, Refusal> {
    let spoken = state.managers.level_spoken_by_all();
    if level > spoken {
        let detail =
            format!("Not every member speaks level {}; the lowest speaks {}.", level.0, spoken.0);
        return Err(Refusal::new(Code::LevelTooLow, detail));
    }
    Ok(if level > state.kernel.level { vec![Event::LevelRaised { level }] } else { vec![] })
}

fn new_member(moment: &Moment, role: Role, profile: &Profile, disk_id: Uuid) -> Manager {
    Manager {
        profile: profile.clone(),
        role,
        disk_id,
        alias: String::new(),
        joined_at: moment.at,
        revision: moment.revision,
    }
}

fn change(facts: &mut Facts, moment: &Moment, manager: ManagerId, how: impl FnOnce(&mut Manager)) {
    if let Some(member) = facts.members.get_mut(&manager) {
        how(member);
        member.revision = moment.revision;
    }
}

fn withdrawn(facts: &mut Facts, moment: &Moment, manager: ManagerId, because: &str) {
    let Some(member) = facts.members.remove(&manager) else { return };
    let removal = Removal {
        host: member.profile.host,
        disk_id: member.disk_id,
        at: moment.at,
        by: moment.by.to_string(),
        because: because.into(),
    };
    facts.removed.insert(manager, removal);
    while facts.removed.len() > REMOVED_KEPT {
        facts.removed.pop_first();
    }
}
