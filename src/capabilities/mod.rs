//! The rooms: one folder for each capability, every folder of the same shape.
//!
//! `model.rs` facts · `plan.rs` choice · `port.rs` and adapters · `reconciler.rs` loop · `api.rs`, `cli.rs`
//! surface. A room has only the files it needs. Rooms talk by proposing; they may read each other's `model`.

pub mod access;
pub mod alerts;
pub mod audit;
pub mod hosts;
pub mod installs;
pub mod managers;
pub mod operations;
pub mod prechecks;
pub mod properties;
pub mod services;
