//! Prechecks: whether the surroundings of Kyvos Manager HA are as it needs them, check by check, host by host.
//!
//! Owns the latest result of each check (rows 11–21, 37): PASS, WARN or FAIL with a stable code and a sentence. They
//! are run when somebody asks, before a Manager is added, and every hour while HA is on. `plan` says what must be looked
//! at and judges what was found, both pure; `port` looks; the reconciler of the Active carries one to the other and
//! notes what came of it. Nothing here changes anything but a canary at the snapshot location, which it takes away.

pub mod api;
pub mod cli;
mod command;
pub mod model;
pub mod plan;
pub mod port;
pub mod reconciler;
pub mod rules;
#[cfg(test)]
pub(crate) mod script;
