//! Who did what, when, from where, and what came of it: one record for every command that people or members asked.
//!
//! The record is made while the command is applied, so it cannot be lost and cannot differ between members.
//! Each record names the hash of the one before: a record changed later breaks the chain. Secrets never get here,
//! because a [`Trace`](crate::machine::Trace) never holds one.

pub mod api;
pub mod cli;
pub mod model;
