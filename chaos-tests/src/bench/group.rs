//! A running group of three, whatever it is: what a measure may do with it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use futures::{StreamExt, TryStreamExt, stream};
use rustix::process::{Pid, Signal, kill_process};

use super::etcd::Etcd;
use super::km::Km;
use super::link::{Link, What};
use super::load::value_of;
use super::nodes::{Running, START_PATIENCE, until_it_works};
use super::zookeeper::ZooKeeper;
use super::{grpc, jute, machine};
use crate::Failure;

/// How many keys there are.
pub const KEYS: u64 = 10_000;
/// Connections by which the keys are made.
const FILLERS: u64 = 16;

/// Who can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum System {
    Km,
    Etcd,
    Zookeeper,
}

/// Which node is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Leader,
    Follower,
}

/// A group of three.
pub enum Group {
    Km(Box<Km>),
    Etcd(Etcd),
    ZooKeeper(ZooKeeper),
}

impl Group {
    /// Starts a fresh one below `dir`.
    pub async fn start(system: System, km: &Path, dir: &Path) -> Result<Self, Failure> {
        let dir: PathBuf = dir.join(format!("{system:?}").to_lowercase());
        Ok(match system {
            System::Km => Group::Km(Box::new(Km::start(km, &dir).await?)),
            System::Etcd => Group::Etcd(Etcd::start(&dir).await?),
            System::Zookeeper => Group::ZooKeeper(ZooKeeper::start(&dir).await?),
        })
    }

    pub fn name(&self) -> &'static str {
        match self {
            Group::Km(_) => "km",
            Group::Etcd(_) => "etcd",
            Group::ZooKeeper(_) => "zookeeper",
        }
    }

    /// How many nodes it has.
    pub fn size(&self) -> usize {
        match self {
            Group::Km(km) => km.cluster.managers.len(),
            Group::Etcd(etcd) => etcd.members.len(),
            Group::ZooKeeper(zookeeper) => zookeeper.servers.len(),
        }
    }

    /// Who leads, once somebody does.
    pub async fn leader(&self) -> Result<usize, Failure> {
        until_it_works(START_PATIENCE, async || match self {
            Group::Km(km) => km.active().await,
            Group::Etcd(etcd) => etcd.leader().await,
            Group::ZooKeeper(zookeeper) => zookeeper.leader().await,
        })
        .await
    }

    /// The node to ask.
    pub async fn find(&self, side: Side) -> Result<usize, Failure> {
        let leader = self.leader().await?;
        Ok(match side {
            Side::Leader => leader,
            Side::Follower => (leader + 1) % self.size(),
        })
    }

    /// A new connection to a node.
    pub async fn connect(&self, nth: usize) -> Result<Link, Failure> {
        self.door()?.connect(self.address(nth)?).await
    }

    /// What opens connections; may be taken along.
    pub fn door(&self) -> Result<Door, Failure> {
        Ok(match self {
            Group::Km(km) => Door::Https(km.tls.clone()),
            Group::Etcd(_) => Door::Grpc,
            Group::ZooKeeper(_) => Door::Jute,
        })
    }

    pub fn address(&self, nth: usize) -> Result<SocketAddr, Failure> {
        match self {
            Group::Km(km) => km.address(nth),
            Group::Etcd(Etcd { members: nodes })
            | Group::ZooKeeper(ZooKeeper { servers: nodes }) => Ok(nodes[nth].node.address),
        }
    }

    /// The process of a node; `None` while it is away.
    pub fn pid(&self, nth: usize) -> Result<Option<i32>, Failure> {
        match self {
            Group::Km(km) => Ok(km.process(nth)?.map(crate::cluster::Process::pid)),
            Group::Etcd(Etcd { members: nodes })
            | Group::ZooKeeper(ZooKeeper { servers: nodes }) => Ok(nodes[nth].pid()),
        }
    }

    /// All processes of the group.
    pub fn pids(&self) -> Result<Vec<i32>, Failure> {
        let nodes: Result<Vec<_>, Failure> = (0..self.size()).map(|nth| self.pid(nth)).collect();
        let nodes: Vec<i32> = nodes?.into_iter().flatten().collect();
        Ok(machine::with_children(&nodes))
    }

    /// Sends a signal to a node.
    pub fn signal(&self, nth: usize, signal: Signal) -> Result<(), Failure> {
        let pid = self.pid(nth)?.and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| Failure(format!("node {nth} does not run")))?;
        kill_process(pid, signal).map_err(Failure::doing("signal a node"))
    }

    /// Starts a killed node again; the Managers' supervisor does that by itself.
    pub async fn start_again(&mut self, nth: usize) -> Result<(), Failure> {
        match self {
            Group::Km(km) => km.back(nth).await,
            Group::Etcd(Etcd { members: nodes })
            | Group::ZooKeeper(ZooKeeper { servers: nodes }) => again(&mut nodes[nth]).await,
        }
    }

    /// Makes every key.
    pub async fn fill(&self) -> Result<(), Failure> {
        let leader = self.leader().await?;
        let share = KEYS / FILLERS;
        let fillers = (0..FILLERS).map(|filler| async move {
            let mut link = self.connect(leader).await?;
            for key in filler * share..(filler + 1) * share {
                match &mut link {
                    Link::Jute(link) => {
                        link.create(&format!("/bench.{key}"), &value_of(key)).await?
                    }
                    link => link.call(What::Write, key, &value_of(key)).await?,
                }
            }
            Ok::<_, Failure>(())
        });
        stream::iter(fillers).buffer_unordered(FILLERS as usize).try_collect().await
    }

    /// Waits until a write through every node is acknowledged.
    pub async fn whole(&self) -> Result<(), Failure> {
        for nth in 0..self.size() {
            until_it_works(START_PATIENCE, async || {
                let write = async { self.connect(nth).await?.call(What::Write, 0, "whole").await };
                let late = |_| Failure("no write in time".into());
                tokio::time::timeout(Duration::from_secs(2), write).await.map_err(late)?
            })
            .await?;
        }
        Ok(())
    }

    /// Ends it.
    pub async fn stop(self) -> Result<(), Failure> {
        match self {
            Group::Km(km) => km.cluster.stop().await,
            Group::Etcd(Etcd { members: mut nodes })
            | Group::ZooKeeper(ZooKeeper { servers: mut nodes }) => {
                for node in &mut nodes {
                    node.kill().await?;
                }
                Ok(())
            }
        }
    }
}

async fn again(node: &mut Running) -> Result<(), Failure> {
    node.kill().await?;
    node.start_again()
}

/// Opens connections to the nodes of one group.
#[derive(Clone)]
pub enum Door {
    Https(super::https::Tls),
    Grpc,
    Jute,
}

impl Door {
    pub async fn connect(&self, address: SocketAddr) -> Result<Link, Failure> {
        Ok(match self {
            Door::Https(tls) => Link::Https(Box::new(tls.connect(address).await?)),
            Door::Grpc => Link::Grpc(grpc::Link::connect(address).await?),
            Door::Jute => Link::Jute(jute::Link::connect(address).await?),
        })
    }
}
