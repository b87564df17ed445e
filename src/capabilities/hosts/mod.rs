//! The machines we look after: what runs on them, how they are reached, and whether they answer.
//!
//! Owns the registration of hosts and their roles (rows 2, 11), enrolment of a host's agent by a one-time token,
//! the SSH host keys people have chosen to trust, the sealed SSH key of the group (row 8), and what the Active
//! last saw of each host. How an act reaches a host is in [`crate::remote`]; what answers there
//! is the agent.

pub mod api;
pub mod cli;
mod command;
pub mod model;
pub mod plan;
pub mod reconciler;
pub mod rules;
#[cfg(test)]
pub(crate) mod script;
