//! Kyvos services: which there are, and what is seen of them.
//!
//! Owns what ZooKeeper shows of them (rows 31–33, 84): a map from znodes to services, how ZooKeeper is spoken to, and
//! the latest sighting of each znode. ZooKeeper is one observer and never more: it is only read, only by the Active, and
//! nothing of Kyvos Manager waits for it.
//!
//! What is seen stands in the log, but only when it changes, many changes in one proposal. So a Passive shows what the
//! Active saw, a dashboard hears of it by revision, and the next Active knows what changed while nobody looked. That
//! nothing changed is not in the log: whether a sighting is still believed follows from who is Active and whether its
//! watch stands.
//!
//! `model` holds the facts, `model::profile` what a znode means; `plan` says whether to watch, and what is news;
//! `port::zookeeper` is the only user of the ZooKeeper client.

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
