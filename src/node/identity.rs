//! What a Manager tells the group of itself: from its configuration.

use crate::capabilities::managers::model::{Profile, Role};
use crate::config::Config;
use crate::machine::LEVEL_MAX;

/// The profile of a member set up like this. The lease in it is the group's to fill in.
pub fn profile(config: &Config) -> Profile {
    let api_url = match config.node.role {
        Role::Manager => config.api.advertise.clone(),
        Role::Witness => String::new(),
    };
    Profile {
        host: config.node.host.clone(),
        peer_addr: config.peer.advertise.clone(),
        api_url,
        health_url: config.health.url.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        level: LEVEL_MAX,
        lease_ms: 0,
    }
}
