//! What operations there are, and whom each is about. Of which steps each consists is in `work`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::order::{Order, Recover};
use crate::base::{HostId, ManagerId, Timestamp};
use crate::capabilities::managers::model::Role;
use crate::capabilities::services::model::ServiceId;

/// What an operation does. In the log a kind is its position: append, never reorder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Brings an admitted member in: learner → caught up → voter (row 86).
    AddManager {
        /// Who.
        manager: ManagerId,
        /// Its host, for people.
        host: String,
    },
    /// Makes a chosen Passive the Active (row 78).
    MakeActive {
        /// Who.
        manager: ManagerId,
        /// Its host, for people.
        host: String,
    },
    /// Makes the Active a Passive, whoever takes over (row 49).
    StepAside {
        /// Who.
        manager: ManagerId,
        /// Its host, for people.
        host: String,
    },
    /// Restarts the Active, after it has handed over where it can (rows 64–67).
    RestartActive(Instance),
    /// Restarts Passives, one after the other (rows 56–63).
    RestartPassives {
        /// Which.
        instances: Vec<Instance>,
        /// Whether all were asked for, not one.
        all: bool,
    },
    /// Takes a member out of the group (row 87).
    RemoveManager {
        /// Who.
        manager: ManagerId,
        /// Its host, for people.
        host: String,
        /// Why.
        why: Removal,
        /// The way to its host, where there is one: then its service is stopped for good.
        at: Option<HostId>,
    },
    /// Restarts the only Manager after Kyvos Manager HA was switched (row 27).
    SwitchHa {
        /// Its process at that time.
        instance: Instance,
        /// What it was switched to.
        on: bool,
    },
    /// Starts instances that do not run, through their hosts (rows 56–61).
    Start {
        /// Which.
        targets: Vec<Target>,
        /// Whether all Passives were asked for, not one.
        all: bool,
    },
    /// Stops Passives or witnesses, through their hosts (rows 56–63).
    Stop {
        /// Which.
        targets: Vec<Target>,
        /// Whether all Passives were asked for, not one.
        all: bool,
    },
    /// Restarts an instance that does not answer, through its host.
    RestartDown(Target),
    /// Lets a Manager or witness in on a host, and brings it in (rows 44, 86).
    AddOnHost(Site),
    /// Puts a Manager or witness on another host: the new one first, then the old one goes (A18).
    Replace {
        /// The old one.
        old: ManagerId,
        /// Its host, for people.
        old_host: String,
        /// The way to its host, where there is one.
        old_at: Option<HostId>,
        /// Where the new one comes.
        new: Site,
    },
    /// Writes the Disaster Recovery script to every portal host (row 28).
    PushScript {
        /// The hosts, each with its name, for people.
        hosts: Vec<(HostId, String)>,
    },
    /// Starts, stops or restarts Kyvos services on their hosts.
    Services(Order),
    /// Brings back a Kyvos service that went down.
    Recover(Recover),
}

/// A Manager and the very process of it that somebody looked at. A process that is to end is ended once: its
/// successor is another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Who.
    pub manager: ManagerId,
    /// Its host, for people.
    pub host: String,
    /// When the process was started, by its own clock: its name.
    pub process: Timestamp,
}

/// A member as a service on its host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Who.
    pub manager: ManagerId,
    /// Its host, for people.
    pub host: String,
    /// The way to its host.
    pub at: HostId,
}

/// Where a member is to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The host.
    pub at: HostId,
    /// Its name; the newcomer has to call itself so.
    pub host: String,
    /// What it is to be.
    pub role: Role,
    /// Whether prechecks that fail are no hindrance.
    pub accept_failed: bool,
}

/// Why a member is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Removal {
    /// Somebody wants it so.
    Deleted,
    /// It is given up for lost: nobody waits for it to learn of its removal.
    Lost,
    /// Its addition came to nothing.
    NotAdded,
}

/// What operations must not disturb each other about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A member.
    Manager(ManagerId),
    /// Who is Active.
    Office,
    /// What lies on a host for a member that is to come.
    Host(HostId),
    /// The Disaster Recovery script.
    Script,
    /// A Kyvos service.
    Service(ServiceId),
}

impl Kind {
    /// The kind as it is named everywhere.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AddManager { .. } | Self::AddOnHost(_) => "ADD_MANAGER",
            Self::MakeActive { .. } => "MAKE_ACTIVE",
            Self::StepAside { .. } => "STEP_ASIDE",
            Self::RestartActive(_) => "RESTART_ACTIVE_KM",
            Self::RestartPassives { all: true, .. } => "RESTART_PASSIVES",
            Self::RestartPassives { all: false, .. } | Self::RestartDown(_) => "RESTART_MANAGER",
            Self::RemoveManager { .. } => "REMOVE_MANAGER",
            Self::SwitchHa { .. } => "SWITCH_HA",
            Self::Start { all: true, .. } => "START_PASSIVES",
            Self::Start { all: false, .. } => "START_MANAGER",
            Self::Stop { all: true, .. } => "STOP_PASSIVES",
            Self::Stop { all: false, .. } => "STOP_MANAGER",
            Self::Replace { .. } => "REPLACE_MANAGER",
            Self::PushScript { .. } => "PUSH_DR_SCRIPT",
            Self::Services(order) => order.name(),
            Self::Recover(_) => "RECOVER_SERVICE",
        }
    }

    /// What it does, for people.
    pub fn title(&self) -> String {
        let target = self.target();
        let all = |verb: &str| format!("{verb} all Passive Kyvos Manager Services");
        let one = |verb: &str| format!("{verb} Kyvos Manager Service on {target}");
        match self {
            Self::AddManager { .. } => format!("Add Kyvos Manager {target}"),
            Self::AddOnHost(Site { role: Role::Manager, .. }) => {
                format!("Add Kyvos Manager {target}")
            }
            Self::AddOnHost(Site { role: Role::Witness, .. }) => format!("Add witness {target}"),
            Self::MakeActive { .. } => format!("Make {target} Active"),
            Self::StepAside { .. } => format!("Have {target} step aside"),
            Self::RestartActive(_) => "Restart Active Kyvos Manager Instance".to_owned(),
            Self::RestartPassives { all: true, .. } => all("Restart"),
            Self::RestartPassives { all: false, .. } | Self::RestartDown(_) => one("Restart"),
            Self::Start { all: true, .. } => all("Start"),
            Self::Start { all: false, .. } => one("Start"),
            Self::Stop { all: true, .. } => all("Stop"),
            Self::Stop { all: false, .. } => one("Stop"),
            Self::RemoveManager { .. } => format!("Delete Kyvos Manager {target}"),
            Self::Replace { old_host, new, .. } => {
                format!("Replace Kyvos Manager {old_host} by {}", new.host)
            }
            Self::PushScript { .. } => "Push Disaster Recovery script".to_owned(),
            Self::Services(order) => order.title(),
            Self::Recover(recover) => recover.title(),
            Self::SwitchHa { on, .. } => {
                let word = if *on { "on" } else { "off" };
                format!("Restart Kyvos Manager: High Availability was switched {word}")
            }
        }
    }

    /// What it is about, for people.
    pub fn target(&self) -> String {
        match self {
            Self::Services(order) => order.subject(),
            _ => self.hosts().join(", "),
        }
    }

    /// The hosts it is about.
    pub fn hosts(&self) -> Vec<&str> {
        match self {
            Self::AddManager { host, .. }
            | Self::MakeActive { host, .. }
            | Self::StepAside { host, .. }
            | Self::RemoveManager { host, .. }
            | Self::AddOnHost(Site { host, .. })
            | Self::RestartDown(Target { host, .. }) => vec![host],
            Self::RestartActive(instance) | Self::SwitchHa { instance, .. } => vec![&instance.host],
            Self::RestartPassives { instances, .. } => {
                instances.iter().map(|instance| instance.host.as_str()).collect()
            }
            Self::Start { targets, .. } | Self::Stop { targets, .. } => {
                targets.iter().map(|target| target.host.as_str()).collect()
            }
            Self::Replace { old_host, new, .. } => vec![old_host, &new.host],
            Self::PushScript { hosts } => hosts.iter().map(|(_, name)| name.as_str()).collect(),
            Self::Services(order) => {
                order.targets.iter().map(|target| target.host.as_str()).collect()
            }
            Self::Recover(recover) if recover.stands_in() => {
                vec![&recover.of.host, &recover.on.host]
            }
            Self::Recover(recover) => vec![&recover.of.host],
        }
    }

    /// The members it is about, as far as they are known when it begins.
    pub fn managers(&self) -> Vec<ManagerId> {
        match self {
            Self::AddManager { manager, .. }
            | Self::MakeActive { manager, .. }
            | Self::StepAside { manager, .. }
            | Self::RemoveManager { manager, .. }
            | Self::RestartDown(Target { manager, .. })
            | Self::Replace { old: manager, .. } => vec![*manager],
            Self::RestartActive(instance) | Self::SwitchHa { instance, .. } => {
                vec![instance.manager]
            }
            Self::RestartPassives { instances, .. } => {
                instances.iter().map(|instance| instance.manager).collect()
            }
            Self::Start { targets, .. } | Self::Stop { targets, .. } => {
                targets.iter().map(|target| target.manager).collect()
            }
            Self::AddOnHost(_) | Self::PushScript { .. } | Self::Services(_) | Self::Recover(_) => {
                Vec::new()
            }
        }
    }

    /// Where a member is to come, if one is.
    pub fn site(&self) -> Option<&Site> {
        match self {
            Self::AddOnHost(site) | Self::Replace { new: site, .. } => Some(site),
            Self::AddManager { .. }
            | Self::MakeActive { .. }
            | Self::StepAside { .. }
            | Self::RestartActive(_)
            | Self::RestartPassives { .. }
            | Self::RemoveManager { .. }
            | Self::SwitchHa { .. }
            | Self::Start { .. }
            | Self::Stop { .. }
            | Self::RestartDown(_)
            | Self::PushScript { .. }
            | Self::Recover(_)
            | Self::Services(_) => None,
        }
    }

    /// The host whose service goes, if one does: nobody new comes there meanwhile.
    fn leaves(&self) -> Option<HostId> {
        match self {
            Self::RemoveManager { at, .. } | Self::Replace { old_at: at, .. } => *at,
            Self::AddManager { .. }
            | Self::MakeActive { .. }
            | Self::StepAside { .. }
            | Self::RestartActive(_)
            | Self::RestartPassives { .. }
            | Self::SwitchHa { .. }
            | Self::Start { .. }
            | Self::Stop { .. }
            | Self::RestartDown(_)
            | Self::AddOnHost(_)
            | Self::PushScript { .. }
            | Self::Recover(_)
            | Self::Services(_) => None,
        }
    }

    /// What no other open operation may be about. Names of hosts do not tell, because one host may carry two
    /// members.
    pub fn subjects(&self) -> BTreeSet<Subject> {
        let mut subjects: BTreeSet<_> = self.managers().into_iter().map(Subject::Manager).collect();
        subjects.extend(self.site().map(|site| Subject::Host(site.at)));
        subjects.extend(self.leaves().map(Subject::Host));
        match self {
            Self::AddManager { .. }
            | Self::RestartPassives { .. }
            | Self::Start { .. }
            | Self::Stop { .. }
            | Self::RestartDown(_)
            | Self::AddOnHost(_) => {}
            Self::MakeActive { .. }
            | Self::StepAside { .. }
            | Self::RestartActive(_)
            | Self::SwitchHa { .. }
            | Self::Replace { .. }
            | Self::RemoveManager { .. } => {
                subjects.insert(Subject::Office);
            }
            Self::PushScript { .. } => {
                subjects.insert(Subject::Script);
            }
            Self::Services(order) => {
                subjects.extend(order.targets.iter().map(|it| Subject::Service(it.service)));
            }
            Self::Recover(Recover { of, on, .. }) => {
                subjects.extend([of, on].map(|it| Subject::Service(it.service)));
            }
        }
        subjects
    }

    /// Whether both are about the same thing: of two such operations only one may be open.
    pub fn collides(&self, other: &Self) -> bool {
        !self.subjects().is_disjoint(&other.subjects())
    }

    /// Whether it must leave a member alone that is Active (row 57).
    pub fn spares_the_active(&self) -> bool {
        matches!(
            self,
            Self::RestartPassives { .. }
                | Self::Start { .. }
                | Self::Stop { .. }
                | Self::RestartDown(_)
        )
    }

    /// Whether what cannot be done with one of many is passed over, and told of at the end (row 61).
    pub fn passes_over(&self) -> bool {
        match self {
            Self::Services(order) => order.passes_over(),
            _ => matches!(
                self,
                Self::Start { all: true, .. }
                    | Self::Stop { all: true, .. }
                    | Self::PushScript { .. }
            ),
        }
    }
}
