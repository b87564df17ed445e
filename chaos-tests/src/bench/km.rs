//! Three Managers as `km demo` runs them, with the defaults that ship: TLS everywhere, every write synced.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::https::{Link, Tls};
use super::nodes::{START_PATIENCE, until_it_works};
use crate::Failure;
use crate::cluster::{Cluster, Plan, Process};

const MANAGERS: u16 = 3;
/// How long a killed Manager stays away: longer than any failover measured here.
const RESTART_AFTER: Duration = Duration::from_millis(1_500);

pub struct Km {
    pub cluster: Cluster,
    pub tls: Tls,
    /// Of the demo: its `cluster.json` is there.
    pub dir: PathBuf,
}

impl Km {
    /// Starts a fresh group below `dir`.
    pub async fn start(km: &Path, dir: &Path) -> Result<Self, Failure> {
        let plan = Plan {
            km: km.to_owned(),
            dir: dir.to_owned(),
            managers: MANAGERS,
            restart_after: RESTART_AFTER,
            variables: Vec::new(),
            zookeeper_away: false,
        };
        let cluster = Cluster::start(&plan).await?;
        let tls = Tls::of(&cluster.access)?;
        Ok(Self { cluster, tls, dir: plan.dir })
    }

    /// Which Manager is Active.
    pub async fn active(&self) -> Result<usize, Failure> {
        for nth in 0..self.cluster.managers.len() {
            let Ok(mut link) = self.connect(nth).await else { continue };
            let Ok(answer) = link.request("GET", "/api/v1/cluster?consistency=local", "").await
            else {
                continue;
            };
            let answer: serde_json::Value =
                serde_json::from_slice(&answer).map_err(Failure::doing("read /cluster"))?;
            if answer["mode_here"] == "active" {
                return Ok(nth);
            }
        }
        Err(Failure("no Manager is Active".into()))
    }

    pub fn address(&self, nth: usize) -> Result<SocketAddr, Failure> {
        let url = &self.cluster.managers[nth].api_url;
        let address = url.trim_start_matches("https://").trim_end_matches('/');
        address.parse().map_err(Failure::doing(url))
    }

    pub async fn connect(&self, nth: usize) -> Result<Link, Failure> {
        self.tls.connect(self.address(nth)?).await
    }

    /// The process of a Manager; `None` while it is away.
    pub fn process(&self, nth: usize) -> Result<Option<Process>, Failure> {
        let id = self.cluster.managers[nth].id.get();
        let running = self.cluster.processes()?;
        Ok(running.into_iter().find(|(running, _)| *running == id).map(|(_, process)| process))
    }

    /// Waits until the demo has started a killed Manager again.
    pub async fn back(&self, nth: usize) -> Result<(), Failure> {
        let away = || Failure("a killed Manager was not started again".into());
        until_it_works(START_PATIENCE, async || self.process(nth)?.map(drop).ok_or_else(away)).await
    }
}
