//! Our own instances: who belongs to the group, under which number and alias, and which of them is Active.
//!
//! Owns the founding of the group, join tokens, admission of further Managers and witnesses (rows 68, 76, 86),
//! aliases (rows 51–55), and the tenures (rows 45–49). Who votes is Raft's own record; this room keeps the rest.

pub mod api;
pub mod cli;
mod command;
pub mod invitation;
pub mod model;
pub mod plan;
pub mod port;
pub mod reconciler;
pub mod rules;
#[cfg(test)]
pub(crate) mod script;
