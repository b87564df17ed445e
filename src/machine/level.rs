//! The feature level: which commands every member understands.
//!
//! A new kind of command must not enter the log before all members can apply it, because a member that meets
//! an entry it does not understand has to stop. Each build knows its highest level; the group's level is raised
//! by a command once every member announced a build that speaks it, and never lowered.

use serde::{Deserialize, Serialize};

/// A feature level. 0 before the group is founded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Level(pub u32);

/// The highest level this build speaks.
pub const LEVEL_MAX: Level = Level(1);
