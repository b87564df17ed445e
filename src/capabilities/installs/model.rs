//! Facts of our own instances on their hosts, and what they need of them.

mod recovery;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::recovery::recovery_script;
pub use super::command::{Command, Event};
use crate::base::{Code, HostId, ManagerId, Refusal, Revision, Sha256, Timestamp};
use crate::capabilities::hosts::model::{self as hosts, HostRole, Transport};
use crate::capabilities::managers::model::{MEMBERS_MAX, Role};
use crate::machine::State;

/// Longest path of a script, in bytes.
pub const PATH_MAX_BYTES: usize = 1_024;
/// Longest reason why a script was not written, in bytes; longer ones are cut.
pub const BECAUSE_MAX_BYTES: usize = 512;
/// Web Portals that Kyvos Manager HA needs (row 13).
pub const PORTALS_MIN: usize = 2;

/// What the group knows of its instances on their hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Instances that were stopped on purpose. One that is down and not here has failed.
    pub stops: BTreeMap<ManagerId, Stop>,
    /// What came of the last push of the Disaster Recovery script to each host.
    pub pushes: BTreeMap<HostId, Push>,
}

/// How an instance was stopped on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The operation that stopped it.
    pub operation: Revision,
    /// The process that was to end, as its host counts it. A later one was started by somebody since.
    pub pid: Option<u32>,
    /// The same process, as it names itself; `None` when it did not answer.
    pub process: Option<Timestamp>,
    /// When.
    pub at: Timestamp,
}

/// What came of the last push to a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// The operation that pushed it.
    pub operation: Revision,
    /// What came of it.
    pub copy: Copy,
    /// When.
    pub at: Timestamp,
}

/// A copy of the Disaster Recovery script, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Copy {
    /// It was written.
    Written {
        /// Where.
        path: String,
        /// What was written; the script's version.
        sha256: Sha256,
    },
    /// It could not be written.
    Failed {
        /// Why.
        because: String,
    },
}

/// How the Disaster Recovery script stands (row 28).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptState {
    /// Kyvos Manager HA is off: nobody needs it.
    NotNeeded,
    /// Some portal host has not got the present version.
    Pending,
    /// Every portal host has.
    Pushed,
}

impl Facts {
    /// Whether a host has this version of the script.
    pub fn has(&self, host: HostId, version: Sha256) -> bool {
        let push = self.pushes.get(&host);
        push.is_some_and(
            |push| matches!(push.copy, Copy::Written { sha256, .. } if sha256 == version),
        )
    }
}

/// How the script stands. Without a portal host there is none to have it, and it is pending.
pub fn script_state(state: &State) -> ScriptState {
    if !state.properties.ha_enabled() {
        return ScriptState::NotNeeded;
    }
    let version = Sha256::of(recovery_script(state).as_bytes());
    let mut portals = state.hosts.with_role(HostRole::WebPortal).peekable();
    let everywhere =
        portals.peek().is_some() && portals.all(|(host, _)| state.installs.has(host, version));
    if everywhere { ScriptState::Pushed } else { ScriptState::Pending }
}

/// The way to a host of that name: registered, and its agent enrolled or its SSH key trusted.
pub fn way_to(facts: &hosts::Facts, name: &str) -> Result<HostId, Refusal> {
    let no_way = |detail: String| Refusal::new(Code::NoWayToHost, detail);
    let (id, host) = facts
        .named(name)
        .map_err(|_| no_way(format!("{name} is not registered as a host of this group.")))?;
    let missing = match &host.transport {
        Transport::Agent { .. } if host.enrolled_at.is_none() => "its agent is not enrolled",
        Transport::Ssh(_) if host.trusted_key.is_none() => "its SSH host key is not trusted",
        Transport::Agent { .. } | Transport::Ssh(_) => return Ok(id),
    };
    Err(no_way(format!("{name} cannot be reached: {missing}.")))
}

/// The way to a member's service: that of its host, if no other member lives there.
pub fn way_to_service(state: &State, member: ManagerId) -> Result<HostId, Refusal> {
    let host = &state.managers.member(member)?.profile.host;
    let others = state.managers.members.iter().filter(|(id, _)| **id != member);
    if others.into_iter().any(|(_, other)| other.profile.host == *host) {
        let detail =
            format!("{host} carries more than one member: whose its service is cannot be told.");
        return Err(Refusal::new(Code::NoWayToHost, detail));
    }
    way_to(&state.hosts, host)
}

/// One thing that must hold before a Manager or witness is added, and the group's "no" when it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precondition {
    /// What must hold.
    pub rule: &'static str,
    /// What is said if it does not.
    pub refusal: Option<Refusal>,
}

fn precondition(rule: &'static str, holds: bool, code: Code, otherwise: String) -> Precondition {
    Precondition { rule, refusal: (!holds).then(|| Refusal::new(code, otherwise)) }
}

/// Whether a Manager or witness may be added on a host now, as far as the facts tell (rows 11, 13, 28, 70).
pub fn may_be_added(state: &State, host: HostId, role: Role) -> Result<(), Refusal> {
    let failed = to_be_added(state, host, role)?.into_iter().find_map(|must| must.refusal);
    failed.map_or(Ok(()), Err)
}

/// What must hold for a Manager or witness to be added on a host, in the order it is looked at.
pub fn to_be_added(state: &State, host: HostId, role: Role) -> Result<Vec<Precondition>, Refusal> {
    let found = state.hosts.host(host)?;
    let name = &found.name;
    let is_portal = role == Role::Witness || found.roles.contains(&HostRole::WebPortal);
    let no_portal = format!("{name} has no Web Portal: a Kyvos Manager lives only beside one.");
    let mut members = state.managers.members.values();
    let is_free = !members.any(|member| member.profile.host == *name);
    let taken = format!("{name} carries a member of the group already.");
    let [ha, portals, room, script] = to_add_any(state, role);
    Ok(vec![
        ha,
        precondition("It runs the Web Portal", is_portal, Code::KmRequiresWebPortal, no_portal),
        portals,
        precondition("It carries no member yet", is_free, Code::AlreadyMember, taken),
        room,
        script,
        Precondition { rule: "It can be reached", refusal: way_to(&state.hosts, name).err() },
    ])
}

/// What must hold for a Manager or witness to be added anywhere.
pub fn to_add_any(state: &State, role: Role) -> [Precondition; 4] {
    let set_ha = format!("Set ENABLE_KM_HA to yes before a further {} is added.", role.as_str());
    let portals = state.hosts.with_role(HostRole::WebPortal).count();
    let few = format!("Kyvos Manager HA needs {PORTALS_MIN} hosts with the Web Portal.");
    let has_room = state.managers.members.len() < MEMBERS_MAX;
    let full = format!("The group has {MEMBERS_MAX} members already.");
    let is_pushed = script_state(state) != ScriptState::Pending;
    let push = "The Disaster Recovery script has not been pushed to every portal host in its present version.";
    [
        precondition("HA is on", state.properties.ha_enabled(), Code::HaDisabled, set_ha),
        precondition(
            "There is Web Portal HA",
            portals >= PORTALS_MIN,
            Code::WebPortalHaRequired,
            few,
        ),
        precondition("The group has room", has_room, Code::TooMany, full),
        precondition(
            "The Disaster Recovery script is pushed",
            is_pushed,
            Code::DrScriptPending,
            push.into(),
        ),
    ]
}
