//! The promises of the store, each kept by tests named after it. One binary, so that it is linked once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod conformance;
mod corruption;
mod disk_full;
mod history;
mod identity;
mod platter;
mod power_loss;
mod support;
mod walk;
