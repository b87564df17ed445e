//! What operations there are, whom each is about, and of which steps it consists.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::base::{ManagerId, Timestamp};

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
        /// Whether it is given up for lost: then nobody waits for it to learn of its removal.
        lost: bool,
    },
    /// Restarts the only Manager after Kyvos Manager HA was switched (row 27).
    SwitchHa {
        /// Its process at that time.
        instance: Instance,
        /// What it was switched to.
        on: bool,
    },
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

/// What operations must not disturb each other about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A member.
    Manager(ManagerId),
    /// Who is Active.
    Office,
}

/// One step's work: what is to be done, and with whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work<'k> {
    /// What.
    pub task: Task,
    /// With whom.
    pub manager: ManagerId,
    /// On which host.
    pub host: &'k str,
    /// The process it is about, if it is about one.
    pub process: Option<Timestamp>,
}

/// What steps there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Let it follow, without a vote.
    Learner,
    /// Wait until it has the log.
    CatchUp,
    /// Give it its vote.
    Voter,
    /// Have it take over from whoever is Active.
    TakeOver,
    /// Have somebody else take over from it.
    HandOver,
    /// Have its process end and begin anew.
    Restart,
    /// Wait until it is back and has the log.
    Return,
    /// Take its vote.
    Demote,
    /// Take it out of the facts.
    Withdraw,
    /// Take it out of Raft's membership.
    Leave,
}

impl Kind {
    /// The kind as it is named everywhere.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AddManager { .. } => "ADD_MANAGER",
            Self::MakeActive { .. } => "MAKE_ACTIVE",
            Self::StepAside { .. } => "STEP_ASIDE",
            Self::RestartActive(_) => "RESTART_ACTIVE_KM",
            Self::RestartPassives { all: true, .. } => "RESTART_PASSIVES",
            Self::RestartPassives { all: false, .. } => "RESTART_MANAGER",
            Self::RemoveManager { .. } => "REMOVE_MANAGER",
            Self::SwitchHa { .. } => "SWITCH_HA",
        }
    }

    /// What it does, for people.
    pub fn title(&self) -> String {
        let target = self.target();
        match self {
            Self::AddManager { .. } => format!("Add Kyvos Manager {target}"),
            Self::MakeActive { .. } => format!("Make {target} Active"),
            Self::StepAside { .. } => format!("Have {target} step aside"),
            Self::RestartActive(_) => "Restart Active Kyvos Manager Instance".to_owned(),
            Self::RestartPassives { all: true, .. } => {
                "Restart all Passive Kyvos Manager Services".to_owned()
            }
            Self::RestartPassives { all: false, .. } => {
                format!("Restart Kyvos Manager Service on {target}")
            }
            Self::RemoveManager { .. } => format!("Delete Kyvos Manager {target}"),
            Self::SwitchHa { on, .. } => {
                let word = if *on { "on" } else { "off" };
                format!("Restart Kyvos Manager: High Availability was switched {word}")
            }
        }
    }

    /// What it is about, for people.
    pub fn target(&self) -> String {
        self.hosts().join(", ")
    }

    /// The hosts it is about.
    pub fn hosts(&self) -> Vec<&str> {
        match self {
            Self::AddManager { host, .. }
            | Self::MakeActive { host, .. }
            | Self::StepAside { host, .. }
            | Self::RemoveManager { host, .. } => vec![host],
            Self::RestartActive(instance) | Self::SwitchHa { instance, .. } => vec![&instance.host],
            Self::RestartPassives { instances, .. } => {
                instances.iter().map(|instance| instance.host.as_str()).collect()
            }
        }
    }

    /// The members it is about.
    pub fn managers(&self) -> Vec<ManagerId> {
        match self {
            Self::AddManager { manager, .. }
            | Self::MakeActive { manager, .. }
            | Self::StepAside { manager, .. }
            | Self::RemoveManager { manager, .. } => vec![*manager],
            Self::RestartActive(instance) | Self::SwitchHa { instance, .. } => {
                vec![instance.manager]
            }
            Self::RestartPassives { instances, .. } => {
                instances.iter().map(|instance| instance.manager).collect()
            }
        }
    }

    /// What no other open operation may be about. Hosts do not tell, because one host may carry two members.
    pub fn subjects(&self) -> BTreeSet<Subject> {
        let mut subjects: BTreeSet<_> = self.managers().into_iter().map(Subject::Manager).collect();
        match self {
            Self::AddManager { .. } | Self::RestartPassives { .. } => {}
            Self::MakeActive { .. }
            | Self::StepAside { .. }
            | Self::RestartActive(_)
            | Self::SwitchHa { .. }
            | Self::RemoveManager { .. } => {
                subjects.insert(Subject::Office);
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
        matches!(self, Self::RestartPassives { .. })
    }

    /// The work of its steps, in order. The steps of an operation are made once from this: a kind whose steps are
    /// to be others is another kind.
    pub fn works(&self) -> Vec<Work<'_>> {
        use Task::{
            CatchUp, Demote, HandOver, Learner, Leave, Restart, Return, TakeOver, Voter, Withdraw,
        };
        match self {
            Self::AddManager { manager, host } => works(*manager, host, &[Learner, CatchUp, Voter]),
            Self::MakeActive { manager, host } => works(*manager, host, &[TakeOver]),
            Self::StepAside { manager, host } => works(*manager, host, &[HandOver]),
            Self::RestartActive(instance) => instance.works(&[HandOver, Restart, Return]),
            Self::SwitchHa { instance, .. } => instance.works(&[Restart, Return]),
            Self::RestartPassives { instances, .. } => {
                instances.iter().flat_map(|instance| instance.works(&[Restart, Return])).collect()
            }
            Self::RemoveManager { manager, host, .. } => {
                works(*manager, host, &[HandOver, Demote, Withdraw, Leave])
            }
        }
    }
}

fn works<'k>(manager: ManagerId, host: &'k str, tasks: &[Task]) -> Vec<Work<'k>> {
    tasks.iter().map(|task| Work { task: *task, manager, host, process: None }).collect()
}

impl Instance {
    fn works(&self, tasks: &[Task]) -> Vec<Work<'_>> {
        let of_process = |work| Work { process: Some(self.process), ..work };
        works(self.manager, &self.host, tasks).into_iter().map(of_process).collect()
    }
}

impl Task {
    /// Whether it is done by ending the tenure it is done in.
    pub fn ends_the_tenure(self) -> bool {
        matches!(self, Self::TakeOver | Self::HandOver)
    }
}

impl Work<'_> {
    /// The step's name, stable.
    pub fn name(&self) -> &'static str {
        match self.task {
            Task::Learner => "learner",
            Task::CatchUp => "catch-up",
            Task::Voter => "voter",
            Task::TakeOver => "take-over",
            Task::HandOver => "hand-over",
            Task::Restart => "restart",
            Task::Return => "return",
            Task::Demote => "demote",
            Task::Withdraw => "withdraw",
            Task::Leave => "leave",
        }
    }

    /// What the step does, for people.
    pub fn title(&self) -> String {
        let host = self.host;
        match self.task {
            Task::Learner => "Add as learner".to_owned(),
            Task::CatchUp => "Wait until it has caught up".to_owned(),
            Task::Voter => "Make it a voter".to_owned(),
            Task::TakeOver => format!("Hand over to {host}"),
            Task::HandOver => format!("Hand over from {host}"),
            Task::Restart => format!("Restart {host}"),
            Task::Return => format!("Wait until {host} is back and caught up"),
            Task::Demote => format!("Take the vote of {host}"),
            Task::Withdraw => format!("Take {host} out of the group"),
            Task::Leave => format!("Send no more of the log to {host}"),
        }
    }
}
