//! Takes the power from under a store, thousands of times, and judges what it kept.
//!
//! ```text
//!   life ──→ raft-store ──→ a disk that forgets (FUSE, `mount`)  or  real ext4 on a loop device (`blackout`)
//!     │                          │ cut: at a flush, in a write, at any moment
//!   truth ←── judged at the next opening: nothing acknowledged is lost, nothing is there that was not asked
//! ```
//!
//! Every run is one seed. It knows the store by its public face only, and nothing of the product above it.

mod disk;
mod ledger;
pub mod life;
mod mount;
mod tear;
mod truth;

pub use crate::disk::{Cut, Deaf, Nature};
pub use crate::mount::{ForgetfulDisk, Mount};
pub use crate::truth::Truth;
