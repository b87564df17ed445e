//! What a store keeps when its power is cut, at every flush and in between; and that these tests would see it
//! if it did not.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod endurance;
mod ext4;
mod forgetful;
mod planted;
mod restart;
mod support;
