//! Being one of several.
mod frames;
pub mod pki;
mod private_file;
mod promise;
mod quarantine;
pub mod timers;
pub mod tls;
pub mod vault;
mod wire;
