//! Our own instances as services on hosts: which of them somebody stopped on purpose, and where the Disaster
//! Recovery script lies (rows 28, 56–63).
//!
//! Facts and rules only. Operations carry out what is done on hosts, and note here what came of it.

pub mod api;
mod command;
pub mod model;
pub mod rules;
#[cfg(test)]
pub(crate) mod script;
