//! Kyvos Manager HA.
//!
//! The modules in reading order; each may use its own floor and those below it, never one above.
//!
//! | floor | modules | |
//! |---|---|---|
//! | 0 words | [`base`] | ids, the refusal, the secret |
//! | 1 facts | [`machine`], `capabilities/*/model` | what the group agrees on; pure |
//! | 5 surface | [`api`], [`cli`], `capabilities/*/{api,cli}` | what people and scripts meet |
//!
//! Start reading at [`machine`], then walk one room: [`capabilities::properties`].

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
pub mod telemetry;
