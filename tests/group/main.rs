//! Groups of members inside the test process: real directories, real sockets, real TLS. One program for all of them, so that it is
//! linked once and its tests wait side by side.

#![expect(clippy::disallowed_methods, reason = "a test joins what it spawns")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

#[path = "../support/mod.rs"]
mod support;

mod active;
mod alone;
mod api;
mod checkpoint;
mod forgotten_promise;
mod grows;
mod long_leases;
mod succession;
mod three;
mod witness;
