//! Three members of etcd with the defaults of Debian's package: heartbeat 100 ms, election 1 s, every write synced.

use std::net::SocketAddr;
use std::path::Path;

use super::grpc;
use super::nodes::{Node, Running, START_PATIENCE, free_ports, local, until_it_works};
use crate::Failure;

const MEMBERS: usize = 3;

pub struct Etcd {
    pub members: Vec<Running>,
}

impl Etcd {
    /// Starts a fresh group below `dir`.
    pub async fn start(dir: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(dir).map_err(Failure::doing(dir.display()))?;
        let ports = free_ports(2 * MEMBERS)?;
        let (client_ports, peer_ports) = ports.split_at(MEMBERS);
        let all: Vec<String> =
            (0..MEMBERS).map(|nth| format!("m{nth}=http://{}", local(peer_ports[nth]))).collect();
        let mut members = Vec::new();
        for nth in 0..MEMBERS {
            let address = local(client_ports[nth]);
            let command = command(dir, nth, address, local(peer_ports[nth]), &all.join(","));
            let log = dir.join(format!("m{nth}.log"));
            members.push(Running::start(Node { command, log, address })?);
        }
        let group = Self { members };
        until_it_works(START_PATIENCE, async || group.leader().await).await?;
        Ok(group)
    }

    /// Which member leads.
    pub async fn leader(&self) -> Result<usize, Failure> {
        for (nth, member) in self.members.iter().enumerate() {
            if member.pid().is_none() {
                continue;
            }
            let Ok(mut link) = grpc::Link::connect(member.node.address).await else { continue };
            if link.leads().await.unwrap_or(false) {
                return Ok(nth);
            }
        }
        Err(Failure("no member of etcd leads".into()))
    }
}

fn command(dir: &Path, nth: usize, client: SocketAddr, peer: SocketAddr, all: &str) -> Vec<String> {
    let words = [
        ("--name", format!("m{nth}")),
        ("--data-dir", dir.join(format!("m{nth}")).display().to_string()),
        ("--listen-client-urls", format!("http://{client}")),
        ("--advertise-client-urls", format!("http://{client}")),
        ("--listen-peer-urls", format!("http://{peer}")),
        ("--initial-advertise-peer-urls", format!("http://{peer}")),
        ("--initial-cluster", all.to_owned()),
    ];
    let words = words.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
    ["etcd".to_owned()].into_iter().chain(words).collect()
}
