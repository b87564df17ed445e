//! Kyvos Manager HA.
//!
//! The modules in reading order; each may use its own floor and those below it, never one above.
//!
//! | floor | modules | |
//! |---|---|---|
//! | 0 words | [`base`] | ids, the refusal, the secret |
//! | 1 facts | [`machine`], `capabilities/*/{model,command,rules}` | what the group agrees on; pure |
//! | 2 choice | `capabilities/*/plan` | from facts and what was seen to the next step; pure |
//! | 3 group | [`cluster`], [`leadership`], [`remote`], `capabilities/*/port` | being one of several, being Active, and acting on hosts |
//! | 4 loops | `capabilities/*/reconciler` | look, choose, act |
//! | 5 surface | [`agent`], [`api`], [`cli`], [`config`], [`node`], [`demo`], `capabilities/*/{api,cli}` | what people and scripts meet |
//!
//! `house_rules` keeps the floors; `docs/architecture.md` tells the rest.
//!
//! Start reading at [`machine`], then walk one room: [`capabilities::properties`].

// The integration tests' helpers name this crate; a test inside it uses them too.
#[cfg(test)]
extern crate self as kyvos_manager;

pub mod agent;
pub mod api;
pub mod base;
pub mod capabilities;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod demo;
pub mod leadership;
pub mod machine;
pub mod node;
pub mod remote;
pub mod telemetry;

#[cfg(test)]
mod house_rules;
