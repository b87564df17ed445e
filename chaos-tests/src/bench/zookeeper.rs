//! Three servers of ZooKeeper with the settings its manual shows: tickTime 2 s, every write synced.

use std::net::SocketAddr;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::jute;
use super::nodes::{Node, Running, START_PATIENCE, free_ports, local, until_it_works};
use crate::Failure;

const SERVERS: usize = 3;
const CLASSES: &str = "/usr/share/java/zookeeper.jar";
const MAIN: &str = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
const HEAP: &str = "-Xmx1000m";

pub struct ZooKeeper {
    pub servers: Vec<Running>,
}

impl ZooKeeper {
    /// Starts a fresh group below `dir`.
    pub async fn start(dir: &Path) -> Result<Self, Failure> {
        let ports = free_ports(3 * SERVERS)?;
        let mut servers = Vec::new();
        for nth in 0..SERVERS {
            let home = dir.join(nth.to_string());
            let config = write_config(&home, nth, &ports)?;
            // Debian's own logging needs a writable /var/log; warnings on standard error are enough.
            let command = ["java", HEAP, "-cp", &format!("{}:{CLASSES}", home.display())];
            let command = command.into_iter().chain([MAIN, &config]).map(str::to_owned).collect();
            let (log, address) = (home.join("log"), local(ports[nth]));
            servers.push(Running::start(Node { command, log, address })?);
        }
        let group = Self { servers };
        until_it_works(START_PATIENCE, async || group.is_whole().await).await?;
        Ok(group)
    }

    /// Whether every server serves. One that leads before the others follow may drop whoever is connected.
    async fn is_whole(&self) -> Result<(), Failure> {
        for server in &self.servers {
            if !says(server.node.address).await.contains("Mode: ") {
                return Err(Failure("a server of ZooKeeper does not serve".into()));
            }
        }
        self.leader().await.map(drop)
    }

    /// A session with the first server, once all serve: while the processors have other work for minutes, servers may lose each other.
    pub async fn session(&self) -> Result<jute::Link, Failure> {
        until_it_works(START_PATIENCE, async || {
            self.is_whole().await?;
            jute::Link::connect(self.servers[0].node.address).await
        })
        .await
    }

    /// Which server leads.
    pub async fn leader(&self) -> Result<usize, Failure> {
        for (nth, server) in self.servers.iter().enumerate() {
            if server.pid().is_some() && says(server.node.address).await.contains("Mode: leader") {
                return Ok(nth);
            }
        }
        Err(Failure("no server of ZooKeeper leads".into()))
    }
}

fn write_config(home: &Path, nth: usize, ports: &[u16]) -> Result<String, Failure> {
    let data = home.join("data");
    let mut text = format!(
        "tickTime=2000\ninitLimit=10\nsyncLimit=5\nmaxClientCnxns=0\nadmin.enableServer=false\n\
         4lw.commands.whitelist=srvr\ndataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\n",
        data.display(),
        ports[nth]
    );
    for server in 0..SERVERS {
        let (peer, election) = (ports[SERVERS + server], ports[2 * SERVERS + server]);
        text += &format!("server.{server}=127.0.0.1:{peer}:{election}\n");
    }
    let config = home.join("zoo.cfg");
    let logging = "log4j.rootLogger=WARN, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n\
                   log4j.appender.out.layout=org.apache.log4j.SimpleLayout\n";
    let write = || {
        std::fs::create_dir_all(&data)?;
        std::fs::write(data.join("myid"), nth.to_string())?;
        std::fs::write(home.join("log4j.properties"), logging)?;
        std::fs::write(&config, text)
    };
    write().map_err(Failure::doing(home.display()))?;
    Ok(config.display().to_string())
}

/// What a server says of itself; nothing when it does not answer.
async fn says(address: SocketAddr) -> String {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"srvr").await?;
        let mut said = String::new();
        stream.read_to_string(&mut said).await?;
        Ok::<_, std::io::Error>(said)
    };
    ask.await.unwrap_or_default()
}
