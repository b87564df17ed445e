//! Settings: what may be set, what it is, and what it was.
//!
//! Owns the property files `kyvos-manager`, `kyvos`, `olapengine`, `kyvosclient` (names from a schema) and
//! `custom` (free names). A change names the revision it was decided on; a change made on an old reading is
//! refused and nothing moves. Every change stays in the history with who, when and why (rows 22–26, 85, A13).

pub mod api;
pub mod cli;
mod command;
pub mod model;
pub mod rules;
pub mod schema;
#[cfg(test)]
pub(crate) mod script;
