//! What the managers' room has to do, given the facts and who votes: it begins the addition of whom the group
//! admitted, sends away who follows without belonging, and raises the feature level.
//!
//! Carrying out an addition is the operation's own matter: see [`operations::plan`](crate::capabilities::operations).

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Manager, Role};
use crate::base::{HostId, ManagerId, Revision, Timestamp};
use crate::capabilities::installs::model::Stop;
use crate::capabilities::operations::model::{Instance, Status, Try};
use crate::capabilities::properties::schema::{ENABLE_KM_HA, File};
use crate::machine::{LEVEL_MAX, Level, State};

/// So few entries behind counts as caught up: what is left arrives while a vote or the lead is being given.
pub const CAUGHT_UP_ENTRIES: u64 = 64;

/// What the Active sees of the group besides the facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Members that vote, in any of Raft's configurations in force.
    pub voters: BTreeSet<ManagerId>,
    /// Members that follow without a vote.
    pub learners: BTreeSet<ManagerId>,
    /// Whether a change of the voters is half done.
    pub joint: bool,
    /// The last entry of the Active's log.
    pub last_log: Revision,
    /// How far each other member's log is known to match it.
    pub matched: BTreeMap<ManagerId, Revision>,
    /// The members that answer, with the process that does: when it was started.
    pub processes: BTreeMap<ManagerId, Timestamp>,
    /// The members whose disks take no changes.
    pub full: BTreeSet<ManagerId>,
    /// For how long each step that is under way is worked on in this tenure, in milliseconds, by a clock that
    /// nobody sets.
    pub worked_ms: BTreeMap<Try, u64>,
    /// What time it is.
    pub now: Timestamp,
}

impl Seen {
    /// Whether a member votes, for good.
    pub fn votes(&self, member: ManagerId) -> bool {
        self.voters.contains(&member) && !self.joint
    }

    /// Whether Raft counts a member at all.
    pub fn counts(&self, member: ManagerId) -> bool {
        self.voters.contains(&member) || self.learners.contains(&member)
    }

    /// Whether a member answers.
    pub fn answers(&self, member: ManagerId) -> bool {
        self.processes.contains_key(&member)
    }

    /// For how long a step is worked on in this tenure, in milliseconds; 0 for one that is not.
    pub fn worked_on_ms(&self, operation: Revision, step: u32) -> u64 {
        let its = |it: &Try| (it.id, it.step) == (operation, step);
        self.worked_ms.iter().find(|(it, _)| its(it)).map_or(0, |(_, ms)| *ms)
    }

    /// How many entries a member lacks.
    pub fn behind(&self, member: ManagerId) -> u64 {
        let matched = self.matched.get(&member).copied().unwrap_or_default();
        self.last_log.0.saturating_sub(matched.0)
    }
}

/// One thing that must hold of a member for it to take over from the Active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What must hold.
    pub rule: &'static str,
    /// Whether it does.
    pub holds: bool,
    /// What is the matter if it does not.
    pub otherwise: String,
}

/// What must hold for a member to take over from the Active (row 78), in the order it is looked at.
pub fn conditions(state: &State, seen: &Seen, member: ManagerId) -> Vec<Condition> {
    let facts = &state.managers;
    let known = facts.members.get(&member);
    let behind = seen.behind(member);
    let condition =
        |rule, holds, otherwise: &str| Condition { rule, holds, otherwise: otherwise.into() };
    vec![
        condition("It belongs to the group", known.is_some(), "it is no member"),
        condition(
            "It is no witness",
            known.is_none_or(|known| known.role == Role::Manager),
            "it is a witness",
        ),
        condition("It is not Active already", !facts.is_active(member), "it is Active already"),
        condition("It votes", seen.voters.contains(&member), "it has no vote yet"),
        condition("It answers", seen.answers(member), "it does not answer"),
        condition(
            "It has caught up",
            behind <= CAUGHT_UP_ENTRIES,
            &format!("it is {behind} entries behind"),
        ),
        condition("Its disk has room", !seen.full.contains(&member), "its disk is full"),
    ]
}

/// Why a member cannot take over from the Active now; `None` when it can.
pub fn hindrance(state: &State, seen: &Seen, member: ManagerId) -> Option<String> {
    let failed = conditions(state, seen, member).into_iter().find(|condition| !condition.holds);
    failed.map(|condition| condition.otherwise)
}

/// Who takes over when somebody has to: of those that can, whoever has most of the log.
pub fn successor(state: &State, seen: &Seen) -> Option<ManagerId> {
    let able = state.managers.members.keys().filter(|id| hindrance(state, seen, **id).is_none());
    able.min_by_key(|id| (seen.behind(**id), **id)).copied()
}

/// One thing to do, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Why, as it is logged.
    pub because: String,
    /// What.
    pub act: Act,
}

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Begin the operation that brings an admitted member in.
    BeginAddition {
        /// Who.
        member: ManagerId,
        /// Its host.
        host: String,
    },
    /// Take a learner out of Raft's membership.
    Remove(ManagerId),
    /// Begin the restart that switching Kyvos Manager HA brings with it.
    BeginSwitch {
        /// The only Manager and its process.
        instance: Instance,
        /// What HA was switched to.
        on: bool,
    },
    /// Raise the group's feature level.
    RaiseLevel(Level),
    /// Begin the removal of a newcomer whose addition came to nothing.
    BeginRemoval {
        /// Who.
        member: ManagerId,
        /// Its host.
        host: String,
        /// The way there.
        at: HostId,
    },
    /// Note that an instance is not stopped any more.
    NoteStart(ManagerId),
}

/// The steps to take now. Nothing when all is as it should be.
pub fn plan(state: &State, seen: &Seen) -> Vec<Step> {
    let mut steps: Vec<Step> = state
        .managers
        .members
        .iter()
        .filter(|(id, _)| !seen.counts(**id) && is_nobodys_addition(state, **id))
        .map(|(id, member)| begin(*id, member))
        .collect();
    steps.extend(state.managers.members.keys().filter_map(|id| take_back(state, seen, *id)));
    steps.extend(runs_again(state, seen));
    steps.extend(strangers(state, seen).map(send_away));
    steps.extend(raise(state));
    steps.extend(switch(state, seen));
    steps
}

/// Row 27: when HA was switched since the only Manager was started, it restarts, once for each switch. Further
/// Managers come after that (A14), and joining them restarts nobody.
fn switch(state: &State, seen: &Seen) -> Option<Step> {
    let setting = state.properties.setting(File::KyvosManager, ENABLE_KM_HA)?;
    let active = state.managers.tenure.as_ref()?.active;
    let process = *seen.processes.get(&active)?;
    let on = state.properties.ha_enabled();
    let is_switched = state.operations.last_switch().is_some_and(|switched| switched == on);
    if state.managers.members.len() > 1 || process >= setting.at || is_switched {
        return None;
    }
    let host = state.managers.members.get(&active)?.profile.host.clone();
    let because = format!("ENABLE_KM_HA was set to {}", setting.value);
    let instance = Instance { manager: active, host, process };
    Some(Step { because, act: Act::BeginSwitch { instance, on } })
}

fn begin(member: ManagerId, manager: &Manager) -> Step {
    let host = manager.profile.host.clone();
    let because = format!("{host} was admitted as Kyvos Manager {member} and does not follow yet");
    Step { because, act: Act::BeginAddition { member, host } }
}

fn is_nobodys_addition(state: &State, member: ManagerId) -> bool {
    state.operations.addition_of(&state.managers, member).is_none()
}

/// Whom its host let in for an addition that came to nothing is taken out again, and its service is stopped. One
/// that votes stays: it came too late to be called off.
fn take_back(state: &State, seen: &Seen, member: ManagerId) -> Option<Step> {
    let (id, addition) = state.operations.addition_of(&state.managers, member)?;
    let site = addition.kind.site()?;
    let came_to_nothing = matches!(addition.status, Status::Failed | Status::Cancelled);
    let busy = state.operations.about(&state.managers, member).is_some();
    if !came_to_nothing || busy || seen.voters.contains(&member) {
        return None;
    }
    let (host, at) = (site.host.clone(), site.at);
    let because = format!("operation {id} has not brought {host} in");
    Some(Step { because, act: Act::BeginRemoval { member, host, at } })
}

/// One that was stopped on purpose and answers in another process was started by somebody on its host.
fn runs_again<'s>(state: &'s State, seen: &'s Seen) -> impl Iterator<Item = Step> + 's {
    let again = |(member, stop): &(&ManagerId, &Stop)| {
        let answering = seen.processes.get(member).copied();
        let busy = state.operations.about(&state.managers, **member).is_some();
        answering.is_some() && answering != stop.process && !busy
    };
    state.installs.stops.iter().filter(again).map(|(member, _)| Step {
        because: format!("{member} was stopped and runs again"),
        act: Act::NoteStart(*member),
    })
}

/// Learners that do not belong to the group and nobody works on: an addition that was given up while Raft still
/// worked on it.
/// A voter without facts is never sent away by itself, because its vote may be the one that is needed.
fn strangers<'s>(state: &'s State, seen: &'s Seen) -> impl Iterator<Item = ManagerId> {
    let stranger = |id: &&ManagerId| {
        !state.managers.members.contains_key(id)
            && state.operations.about(&state.managers, **id).is_none()
    };
    seen.learners.iter().filter(stranger).copied()
}

fn send_away(member: ManagerId) -> Step {
    let because = format!("{member} follows the log but is no Kyvos Manager of this group");
    Step { because, act: Act::Remove(member) }
}

/// Never above what this build speaks: it would have to stop.
fn raise(state: &State) -> Option<Step> {
    let level = state.managers.level_spoken_by_all().min(LEVEL_MAX);
    let because = format!("every member speaks feature level {}", level.0);
    (level > state.kernel.level).then_some(Step { because, act: Act::RaiseLevel(level) })
}
