//! The feature level: which commands every member understands.
//!
//! A new kind of command must not enter the log before all members can apply it, because a member that meets
//! an entry it does not understand has to stop. Each build knows its highest level; the group's level is raised
//! by a command once every member announced a build that speaks it, and never lowered.

use serde::{Deserialize, Serialize};

use super::{Command, Kernel};
use crate::base::{Code, Refusal};
use crate::capabilities::managers::model as managers;
use crate::capabilities::operations::model as operations;

/// A feature level. 0 before the group is founded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Level(pub u32);

/// The highest level this build speaks.
pub const LEVEL_MAX: Level = Level(2);

/// The level from which on there are hosts, prechecks of them, services on them, and alerts.
pub(super) const HOSTS: Level = Level(2);

/// The level from which on operators restart and remove instances, and choose the Active.
const INSTANCES: Level = Level(2);

impl Command {
    /// The level from which on this command may be asked: 0 only for the founding, which begins the levels.
    pub fn level(&self) -> Level {
        match self {
            Self::Managers(managers::Command::Found { .. }) => Level(0),
            Self::Operations(operations::Command::Begin { kind }) => level_of(kind),
            Self::Managers(_) | Self::Properties(_) | Self::Operations(_) | Self::Access(_) => {
                Level(1)
            }
            Self::Hosts(_) | Self::Prechecks(_) | Self::Services(_) | Self::Alerts(_) => HOSTS,
            Self::Installs(_) => INSTANCES,
        }
    }
}

/// Adding was there from the beginning; everything else operators do with instances came later.
fn level_of(kind: &operations::Kind) -> Level {
    match kind {
        operations::Kind::AddManager { .. } => Level(1),
        operations::Kind::MakeActive { .. }
        | operations::Kind::StepAside { .. }
        | operations::Kind::RestartActive(_)
        | operations::Kind::SwitchHa { .. }
        | operations::Kind::RestartPassives { .. }
        | operations::Kind::Start { .. }
        | operations::Kind::Stop { .. }
        | operations::Kind::RestartDown(_)
        | operations::Kind::AddOnHost(_)
        | operations::Kind::Replace { .. }
        | operations::Kind::PushScript { .. }
        | operations::Kind::Services(_)
        | operations::Kind::Recover(_)
        | operations::Kind::RemoveManager { .. } => INSTANCES,
    }
}

/// Refuses a command that the group has not agreed to understand yet.
pub(super) fn understood(kernel: &Kernel, command: &Command) -> Result<(), Refusal> {
    if command.level() <= kernel.level {
        return Ok(());
    }
    let detail = match kernel.level {
        Level(0) => "This group has not been founded.".to_owned(),
        Level(agreed) => format!(
            "This needs feature level {}; the group has agreed on {agreed}. Upgrade every member first.",
            command.level().0
        ),
    };
    Err(Refusal::new(Code::LevelTooLow, detail))
}
