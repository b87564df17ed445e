//! ZooKeeper watched for real: Debian's ZooKeeper 3.8 as one server and as three, killed, frozen, cut off, its sessions expired,
//! its data lost, spoken to in the clear, as a user who may only read, and over TLS. Installed by `scripts/install-surroundings`.
//!
//! Whatever becomes of ZooKeeper, the group goes on: each story ends by a write, in the term it began in.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]
#![allow(unreachable_pub, reason = "its files are parts of one program")]

#[path = "../support/mod.rs"]
mod support;

mod ensemble;
mod stage;
mod way;

mod bad_input;
mod failing;
mod failover;
mod let_in;
mod watching;
