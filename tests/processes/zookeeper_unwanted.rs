//! Where nobody wants ZooKeeper watched, no process of Kyvos Manager connects to it, for no reason (row 72, A8).

use std::net::TcpListener;
use std::time::Duration;

use crate::support::{Demo, until};

/// Two turns, in each of which every service is looked at.
const LOOKED_AT: Duration = Duration::from_secs(9);

// row 72, A8
#[test]
fn without_ha_nobody_connects_to_zookeepers_port_until_it_is_to_be_watched() {
    let zookeeper = TcpListener::bind("127.0.0.1:0").unwrap();
    zookeeper.set_nonblocking(true).unwrap();
    let port = zookeeper.local_addr().unwrap().port().to_string();
    let demo = Demo::without_ha();
    let set = |name: &str, value: &str| {
        demo.ask_any(["properties", "set", "kyvos-manager", name, value]).json();
    };
    let comes = || zookeeper.accept().is_ok();
    set("ZOOKEEPER_PORT", &port);
    until("its host to be asked of it", || {
        !demo.ask_any(["services", "show", "zookeeper.km1"]).json()["verdict"].is_null()
    });
    std::thread::sleep(LOOKED_AT);
    assert!(!comes(), "somebody connected");

    set("ZK_SERVICE_WATCH", "on");
    until("somebody to connect", comes);
}
