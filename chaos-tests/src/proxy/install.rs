//! Puts proxies in front of the Managers of a running demo, one after the other. Each Manager is told to listen elsewhere
//! and ended; before its keeper starts it again the proxy has taken the address that all others know. So nobody is told of
//! anything, and no connection of before is left: those to the old port ended with the process that held it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Dialers, Proxies, Who};
use crate::Failure;
use crate::client::{Call, Client, Reply};
use crate::cluster::{Cluster, Manager, complete};
use crate::lab::SETTINGS;

/// How long a Manager may take to end in good order: it hands over first.
const END_PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take until it is one of the group again.
const RETURN_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_PERIOD: Duration = Duration::from_millis(50);
/// Where free ports are looked for: below those that Linux takes for outgoing connections, so that a Manager that is
/// started again finds its own still free.
const FREE_PORTS: std::ops::Range<u16> = 10_240..32_000;
const FREE_PORT_TRIES: usize = 1_000;

/// Puts a proxy in front of each Manager, and waits until the group is whole again.
pub(crate) async fn put_in_front(cluster: &Cluster) -> Result<Proxies, Failure> {
    let configs = cluster.managers.iter().map(config_of).collect::<Result<Vec<_>, _>>()?;
    let homes = configs.iter().filter_map(|config| Some(config.parent()?.to_owned())).collect();
    let dialers = Dialers::new(homes);
    let who: Who = Arc::new(move |far, near| dialers.place(far, near));
    let proxies = Proxies::new(configs.len(), who)?;
    for (place, manager) in cluster.managers.iter().enumerate() {
        let behind = free_address()?;
        let known = move_behind(&configs[place], behind)?;
        end(cluster, manager).await?;
        let listener = TcpListener::bind(known).map_err(Failure::doing("take a peer port over"))?;
        proxies.put_before(place, listener, behind)?;
        back(cluster, manager).await?;
    }
    Ok(proxies)
}

fn config_of(manager: &Manager) -> Result<PathBuf, Failure> {
    let config = manager.config.clone();
    config.ok_or_else(|| Failure(format!("nothing tells how Manager {} runs", manager.id.get())))
}

fn free_address() -> Result<SocketAddr, Failure> {
    let tries = (0..FREE_PORT_TRIES).map(|_| (Ipv4Addr::LOCALHOST, rand::random_range(FREE_PORTS)));
    let mut free = tries.filter(|address| TcpListener::bind(address).is_ok());
    free.next().map(SocketAddr::from).ok_or_else(|| Failure("no free port was found".into()))
}

/// Writes where a Manager listens from its next start on; the address that the others know.
fn move_behind(config: &Path, behind: SocketAddr) -> Result<SocketAddr, Failure> {
    let text = fs::read_to_string(config).map_err(Failure::doing(config.display()))?;
    let (text, known) = behind_a_proxy(&text, behind)
        .ok_or_else(|| Failure(format!("{}: no peer port is told", config.display())))?;
    fs::write(config, text).map_err(Failure::doing(config.display()))?;
    Ok(known)
}

/// A Manager's configuration with another port to listen at, and the address that it tells others.
fn behind_a_proxy(text: &str, behind: SocketAddr) -> Option<(String, SocketAddr)> {
    let (mut moved, mut known, mut listens) = (String::new(), None, false);
    let mut section = "";
    for line in text.lines() {
        let (key, value) =
            line.split_once('=').map_or(("", ""), |(key, it)| (key.trim(), it.trim()));
        if line.starts_with('[') {
            section = line.trim();
        }
        match (section, key) {
            ("[peer]", "listen") => {
                listens = true;
                moved.push_str(&format!("listen = \"{behind}\"\n"));
                continue;
            }
            ("[peer]", "advertise") => known = value.trim_matches('"').parse().ok(),
            _ => {}
        }
        moved.push_str(line);
        moved.push('\n');
    }
    moved.push('\n');
    moved.push_str(SETTINGS);
    known.filter(|_| listens).map(|known| (moved, known))
}

async fn end(cluster: &Cluster, manager: &Manager) -> Result<(), Failure> {
    let id = manager.id.get();
    let running = cluster.processes()?.into_iter().find(|(running, _)| *running == id);
    let (_, process) = running.ok_or_else(|| Failure(format!("Manager {id} does not run")))?;
    process.terminate();
    let deadline = Instant::now() + END_PATIENCE;
    while !process.is_dead() {
        if Instant::now() > deadline {
            return Err(Failure(format!("Manager {id} did not end in good order")));
        }
        sleep(LOOK_PERIOD).await;
    }
    Ok(())
}

/// Waits until a Manager tells of a whole group, which takes a majority.
async fn back(cluster: &Cluster, manager: &Manager) -> Result<(), Failure> {
    let client = Client::new(&cluster.access, manager.id.clone(), &manager.api_url)?;
    let all = u16::try_from(cluster.managers.len()).unwrap_or(u16::MAX);
    let deadline = Instant::now() + RETURN_PATIENCE;
    loop {
        let reply = client.send(Call::get("/cluster")).await;
        if matches!(&reply, Reply::Done(answer) if complete(&answer.body, all)) {
            return Ok(());
        }
        if Instant::now() > deadline {
            let id = manager.id.get();
            return Err(Failure(format!(
                "Manager {id} did not come back behind a proxy: {reply:?}"
            )));
        }
        sleep(LOOK_PERIOD * 4).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "# Manager 2 of a demo.\n[node]\nhost = \"km2\"\n\n\
        [peer]\nlisten = \"127.0.0.1:11000\"\nadvertise = \"127.0.0.1:11000\"\n\n\
        [api]\nlisten = \"127.0.0.1:12000\"\nadvertise = \"https://127.0.0.1:12000\"\n";

    #[test]
    fn only_where_a_manager_listens_for_the_others_is_moved_and_they_are_told_nothing() {
        let behind = SocketAddr::from(([127, 0, 0, 1], 13_000));
        let (moved, known) = behind_a_proxy(CONFIG, behind).unwrap();
        assert_eq!(known, SocketAddr::from(([127, 0, 0, 1], 11_000)));
        let wanted =
            CONFIG.replacen("listen = \"127.0.0.1:11000\"", "listen = \"127.0.0.1:13000\"", 1);
        assert_eq!(moved, format!("{wanted}\n{SETTINGS}"));
    }

    #[test]
    fn a_configuration_that_tells_no_peer_port_is_left_alone() {
        let behind = SocketAddr::from(([127, 0, 0, 1], 13_000));
        assert_eq!(behind_a_proxy("", behind), None);
        assert_eq!(behind_a_proxy("[peer]\nadvertise = \"127.0.0.1:1\"\n", behind), None);
        assert_eq!(behind_a_proxy(&CONFIG.replace("127.0.0.1:11000", "km2"), behind), None);
    }
}
