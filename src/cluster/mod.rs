//! Being one of several.
mod append_stream;
mod call_link;
mod dial;
pub mod feed;
mod frames;
mod peer_server;
pub mod pki;
mod private_file;
mod promise;
mod quarantine;
mod replica;
pub mod timers;
pub mod tls;
pub mod vault;
mod wire;
