//! Who may do what: users with roles, sessions that hold on every Manager, API tokens, and the lock after
//! repeated wrong passwords.
//!
//! The group keeps password hashes (argon2id) and digests of session and API tokens, never the secrets.

pub mod api;
pub mod cli;
mod command;
pub mod model;
pub mod password;
pub mod rules;
#[cfg(test)]
pub(crate) mod script;
