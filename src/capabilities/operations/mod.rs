//! Long work in steps that survives a failover (row 88).
//!
//! An operation is a replicated row: its steps, who carried each out and in which tenure. The Active works on
//! it; when the Active dies, the next one adopts it and goes on at the first step that is not done, because
//! every step checks before it does. At most one open operation for each target.

pub mod api;
pub mod cli;
mod command;
pub mod model;
pub mod plan;
pub mod reconciler;
pub mod rules;
#[cfg(test)]
pub(crate) mod script;
