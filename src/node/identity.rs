//! What a Manager tells the group of itself, and under which names it can be reached: from its configuration.

use crate::capabilities::managers::model::{Profile, Role};
use crate::config::Config;
use crate::machine::LEVEL_MAX;

/// This host as its own Manager calls it.
const THIS_HOST: &str = "localhost";

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

/// Every name its certificate has to hold.
pub fn names(config: &Config) -> Vec<String> {
    let authority = config.api.advertise.trim_start_matches("https://");
    let mut names = vec![
        config.node.host.clone(),
        host_of(authority),
        host_of(&config.peer.advertise),
        THIS_HOST.to_owned(),
    ];
    names.sort();
    names.dedup();
    names
}

/// The host of `HOST[:PORT]`, without the brackets of an IPv6 address.
fn host_of(authority: &str) -> String {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_addresses_of_every_form() {
        let hosts = ["km1:7443", "km1", "[::1]:7443", "[2001:db8::7]", "10.0.0.1:1"].map(host_of);
        assert_eq!(hosts, ["km1", "km1", "::1", "2001:db8::7", "10.0.0.1"]);
    }
}
