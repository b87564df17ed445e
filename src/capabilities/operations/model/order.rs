//! Starting, stopping and restarting Kyvos services: of which steps it consists, wave by wave.
//!
//! A wave is what is done side by side. Starting goes type by type in the order in which they need each other, and
//! stopping the other way about; restarting goes a few instances at a time, and no further than to the first that
//! does not come back.

use serde::{Deserialize, Serialize};

use super::work::{Task, Work};
use crate::base::{HostId, Revision};
use crate::capabilities::services::model::{ServiceId, ServiceType, Want, Why};

/// Most instances that are restarted side by side.
pub const AT_ONCE_MAX: u32 = 100;

/// What is to be done with services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What.
    pub verb: Verb,
    /// With how many of them it was asked for.
    pub scope: Scope,
    /// Why.
    pub why: Why,
    /// With which, in the order in which it is done.
    pub targets: Vec<Target>,
    /// How many are restarted side by side.
    pub at_once: u32,
    /// The revision that noted that a schedule is due, if one asks for it.
    pub asked: Option<Revision>,
}

/// What can be done with services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verb {
    /// They are to run.
    Start,
    /// They are to stop.
    Stop,
    /// They are to end and to run again.
    Restart,
}

/// With how many something was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// One.
    One,
    /// All of a type.
    Type(ServiceType),
    /// All there are but the Kyvos Managers.
    Cluster,
    /// Those of a type, or of all there are, that run with an older configuration.
    Stale(Option<ServiceType>),
}

/// One of the services, with the name of its host for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Which.
    pub service: ServiceId,
    /// The name of its host.
    pub host: String,
}

/// Something that Services HA starts by itself: what went down, or a standby in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recover {
    /// What went down.
    pub of: Target,
    /// What is started.
    pub on: Target,
    /// The revision that decided it.
    pub asked: Revision,
}

impl Recover {
    /// What it does, for people.
    pub(super) fn title(&self) -> String {
        let Self { of, on, .. } = self;
        let what = of.service.service.title();
        match self.stands_in() {
            true => format!("Recover {what} of {} on {}", of.host, on.host),
            false => format!("Recover {what} on {}", of.host),
        }
    }

    /// Whether another is started in its place.
    pub fn stands_in(&self) -> bool {
        self.of.service != self.on.service
    }

    /// The work of its steps, in order.
    pub(super) fn works(&self) -> Vec<Work<'_>> {
        let wave = std::slice::from_ref(&self.on);
        [Task::Evidence, Task::StartServices, Task::ServeServices]
            .map(|task| of_wave(task, wave))
            .into()
    }
}

impl Order {
    /// The kind of operation, as it is named everywhere.
    pub(super) fn name(&self) -> &'static str {
        match (self.verb, self.scope) {
            (Verb::Start, Scope::One) => "START_SERVICE",
            (Verb::Stop, Scope::One) => "STOP_SERVICE",
            (Verb::Restart, Scope::One) => "RESTART_SERVICE",
            (Verb::Start, _) => "START_SERVICES",
            (Verb::Stop, _) => "STOP_SERVICES",
            (Verb::Restart, _) => "RESTART_SERVICES",
        }
    }

    /// What it does, for people.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.verb.word(), self.subject())
    }

    /// What it is about, for people.
    pub(super) fn subject(&self) -> String {
        match self.scope {
            Scope::One => told(&self.targets),
            Scope::Type(service) => format!("every {}", service.title()),
            Scope::Cluster => "all Kyvos services".to_owned(),
            Scope::Stale(kind) => {
                let title = kind.map_or("Kyvos service", ServiceType::title);
                format!("every {title} with an older configuration")
            }
        }
    }

    /// Whether what cannot be done with one of many is passed over. A restart stops there instead: what did not come
    /// back on one host would not come back on the next.
    pub(super) fn passes_over(&self) -> bool {
        self.scope != Scope::One && self.verb != Verb::Restart
    }

    /// The work of its steps, in order.
    pub(super) fn works(&self) -> Vec<Work<'_>> {
        let tasks: &[Task] = match self.verb {
            Verb::Start => &[Task::StartServices, Task::ServeServices],
            Verb::Stop => &[Task::StopServices],
            Verb::Restart => &[Task::StopServices, Task::StartServices, Task::ServeServices],
        };
        let all_of = |wave| tasks.iter().map(move |task| of_wave(*task, wave));
        let mut works: Vec<_> = self.waves().flat_map(all_of).collect();
        works.extend(self.passes_over().then(|| of_wave(Task::Confirm, &[])));
        works
    }

    fn waves(&self) -> impl Iterator<Item = &[Target]> {
        let size = match self.verb {
            Verb::Start | Verb::Stop => usize::MAX,
            Verb::Restart => self.at_once.max(1) as usize,
        };
        let types = self.targets.chunk_by(|a, b| a.service.service == b.service.service);
        types.flat_map(move |of_type| of_type.chunks(size.min(of_type.len())))
    }
}

fn of_wave(task: Task, wave: &[Target]) -> Work<'_> {
    let first = wave.first();
    let host = first.map_or("", |target| target.host.as_str());
    let at: Option<HostId> = first.map(|target| target.service.host);
    Work { task, manager: None, host, at, process: None, wave }
}

impl Verb {
    /// What brings about what is wanted.
    pub fn towards(want: Want) -> Self {
        match want {
            Want::Running => Self::Start,
            Want::Stopped => Self::Stop,
        }
    }

    /// As it stands in a title.
    fn word(self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::Stop => "Stop",
            Self::Restart => "Restart",
        }
    }
}

/// A wave in words: which one, or how many.
pub(super) fn told(wave: &[Target]) -> String {
    match wave {
        [] => "nothing".to_owned(),
        [one] => format!("{} on {}", one.service.service.title(), one.host),
        [first, ..] => format!("{} {}", wave.len(), first.service.service.titles()),
    }
}
