//! A real ensemble on this machine: each server on a loopback address of its own, all at one port.

#![expect(clippy::disallowed_methods, reason = "tests start processes, and end them")]

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use zookeeper_client::{Acls, Client, CreateMode, Error};

/// Longest time anything may take to come about: a JVM on a busy machine is slow to start.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a server is told besides where it is.
#[derive(Clone, Default)]
pub struct Told {
    pub settings: String,
    pub java: Vec<String>,
    /// Whether clients are served over TLS, and over nothing else.
    pub tls: bool,
}

pub struct Ensemble {
    dir: TempDir,
    port: u16,
    told: Told,
    servers: Vec<Option<Running>>,
}

/// A process that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        self.0.wait().unwrap();
    }
}

/// A port that is free on every address that is used.
pub fn free_port(addresses: usize) -> u16 {
    loop {
        let port = rand::random_range(10_240..32_000_u16);
        let held: Result<Vec<_>, _> =
            (0..addresses).map(|nth| TcpListener::bind((host(nth).as_str(), port))).collect();
        if held.is_ok() {
            return port;
        }
    }
}

/// The address of the nth server.
pub fn host(nth: usize) -> String {
    format!("127.0.0.{}", nth + 1)
}

impl Ensemble {
    /// So many servers, all of them serving.
    pub async fn of(servers: usize) -> Self {
        Self::told(servers, Told::default()).await
    }

    pub async fn told(servers: usize, told: Told) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port(servers);
        let mut ensemble = Self { dir, port, told, servers: Vec::new() };
        ensemble.servers.resize_with(servers, || None);
        let peers: Vec<_> = (0..servers).map(|_| (free_port(1), free_port(1))).collect();
        for nth in 0..servers {
            ensemble.write_config(nth, &peers);
            ensemble.start(nth);
        }
        for nth in 0..servers {
            ensemble.serves(nth).await;
        }
        ensemble
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn address(&self, nth: usize) -> String {
        format!("{}:{}", host(nth), self.port)
    }

    pub fn home(&self, nth: usize) -> PathBuf {
        self.dir.path().join(nth.to_string())
    }

    fn write_config(&self, nth: usize, peers: &[(u16, u16)]) {
        let home = self.home(nth);
        fs::create_dir_all(home.join("data")).unwrap();
        let client_port = match self.told.tls {
            true => {
                format!("secureClientPort={}\nsecureClientPortAddress={}", self.port, host(nth))
            }
            false => format!("clientPort={}\nclientPortAddress={}", self.port, host(nth)),
        };
        let mut text = format!(
            "tickTime=200\ninitLimit=50\nsyncLimit=25\nadmin.enableServer=false\n4lw.commands.whitelist=srvr\n\
             dataDir={}\n{client_port}\n{}\n",
            home.join("data").display(),
            self.told.settings
        );
        if peers.len() > 1 {
            for (server, (peer, election)) in peers.iter().enumerate() {
                text += &format!("server.{server}={}:{peer}:{election}\n", host(server));
            }
        }
        fs::write(home.join("zoo.cfg"), text).unwrap();
        fs::write(home.join("data/myid"), nth.to_string()).unwrap();
        let log = "log4j.rootLogger=INFO, file\nlog4j.appender.file=org.apache.log4j.FileAppender\n\
            log4j.appender.file.layout=org.apache.log4j.PatternLayout\n\
            log4j.appender.file.layout.ConversionPattern=%p %c %m%n\n";
        let log = format!("{log}log4j.appender.file.File={}\n", self.log(nth).display());
        fs::write(home.join("log4j.properties"), log).unwrap();
    }

    pub fn log(&self, nth: usize) -> PathBuf {
        self.home(nth).join("log")
    }

    pub fn start(&mut self, nth: usize) {
        let home = self.home(nth);
        let mut classes = vec![home.display().to_string(), "/usr/share/java/zookeeper.jar".into()];
        classes.extend(jars());
        let mut command = Command::new("java");
        command.args(["-Xmx96m", "-cp", &classes.join(":")]).args(&self.told.java);
        command.arg("org.apache.zookeeper.server.quorum.QuorumPeerMain").arg(home.join("zoo.cfg"));
        let out = fs::File::create(home.join("out")).unwrap();
        command.stdin(Stdio::null()).stderr(out.try_clone().unwrap()).stdout(out);
        let child = command.spawn().expect("java is installed (scripts/install-surroundings)");
        self.servers[nth] = Some(Running(child));
    }

    /// `kill -9`.
    pub fn kill(&mut self, nth: usize) {
        self.servers[nth] = None;
    }

    /// As if the cable were pulled: it holds its connections and says nothing.
    pub fn freeze(&self, nth: usize) {
        self.signal(nth, "-STOP");
    }

    pub fn thaw(&self, nth: usize) {
        self.signal(nth, "-CONT");
    }

    fn signal(&self, nth: usize, signal: &str) {
        let pid = self.servers[nth].as_ref().unwrap().0.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Its data is gone.
    pub fn lose_data(&self, nth: usize) {
        let data = self.home(nth).join("data");
        fs::remove_dir_all(data.join("version-2")).unwrap();
    }

    /// Waits until a server serves.
    pub async fn serves(&self, nth: usize) {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_serving(nth).await {
            let out = fs::read_to_string(self.home(nth).join("out")).unwrap_or_default();
            assert!(Instant::now() < deadline, "server {nth} does not serve: {out}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn is_serving(&self, nth: usize) -> bool {
        if self.told.tls {
            // Its four letters would want TLS too; whoever connects tries until it is let in.
            return tokio::net::TcpStream::connect(self.address(nth)).await.is_ok();
        }
        let asking = tokio::time::timeout(Duration::from_secs(2), self.says(nth));
        matches!(asking.await, Ok(Ok(said)) if said.contains("Mode: "))
    }

    /// What a server says of itself.
    async fn says(&self, nth: usize) -> std::io::Result<String> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(self.address(nth)).await?;
        stream.write_all(b"srvr").await?;
        let mut said = String::new();
        stream.read_to_string(&mut said).await?;
        Ok(said)
    }

    /// How many changes a server that stands alone has taken: those of its tree, and each session begun or ended.
    pub async fn transactions(&self, nth: usize) -> u64 {
        let said = self.says(nth).await.unwrap();
        let last = said.lines().find_map(|line| line.strip_prefix("Zxid: 0x")).unwrap();
        u64::from_str_radix(last, 16).unwrap()
    }

    /// Waits until a server that stands alone has taken so many.
    pub async fn takes(&self, nth: usize, transactions: u64) {
        let deadline = Instant::now() + PATIENCE;
        while self.transactions(nth).await < transactions {
            assert!(Instant::now() < deadline, "server {nth} takes no more");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// How many sessions a server has ended because their clients were silent for too long, by its own log.
    pub fn expired(&self, nth: usize) -> usize {
        read(&self.log(nth)).lines().filter(|line| line.contains("Expiring session 0x")).count()
    }

    /// Waits until a server has ended so many.
    pub async fn expires(&self, nth: usize, sessions: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.expired(nth) < sessions {
            let log = read(&self.log(nth));
            assert!(Instant::now() < deadline, "server {nth} ended no session: {log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The server that leads.
    pub async fn leader(&self) -> usize {
        for nth in 0..self.servers.len() {
            let mut stream = std::net::TcpStream::connect(self.address(nth)).unwrap();
            use std::io::{Read, Write};
            stream.write_all(b"srvr").unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).unwrap();
            if said.contains("Mode: leader") {
                return nth;
            }
        }
        panic!("nobody leads");
    }

    /// A client of its own, that may write.
    pub async fn client(&self) -> Client {
        let all: Vec<String> = (0..self.servers.len()).map(|nth| self.address(nth)).collect();
        connected(
            || Client::connector().with_session_timeout(Duration::from_secs(4)),
            &all.join(","),
        )
        .await
    }
}

/// A session as soon as there is one to be had.
pub async fn connected(
    connector: impl Fn() -> zookeeper_client::Connector,
    servers: &str,
) -> Client {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match connector().connect(servers).await {
            Ok(client) => return client,
            Err(error) => assert!(Instant::now() < deadline, "no session: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What Debian's ZooKeeper needs beside itself for its log and for TLS.
fn jars() -> Vec<String> {
    let jars = fs::read_dir("/usr/share/java")
        .expect("ZooKeeper is installed (scripts/install-surroundings)");
    let names = jars.map(|jar| jar.unwrap().file_name().into_string().unwrap());
    let needed = names.filter(|name| {
        let netty = name.starts_with("netty-") && !name.contains("4.1");
        netty || ["slf4j-log4j12.jar", "log4j-1.2.jar"].contains(&name.as_str())
    });
    needed.map(|name| format!("/usr/share/java/{name}")).collect()
}

/// Makes a znode that stays, and those above it.
pub async fn make(client: &Client, path: &str, payload: &str) {
    above(client, path).await;
    let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
    client.create(path, payload.as_bytes(), &options).await.unwrap();
}

/// Makes a znode that goes with this client's session.
pub async fn announce(client: &Client, path: &str, payload: &str) {
    above(client, path).await;
    let options = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
    client.create(path, payload.as_bytes(), &options).await.unwrap();
}

async fn above(client: &Client, path: &str) {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
    for end in 1..parts.len() {
        let above = format!("/{}", parts[..end].join("/"));
        match client.create(&above, b"", &options).await {
            Ok(_) | Err(Error::NodeExists) => {}
            Err(error) => panic!("{above}: {error}"),
        }
    }
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
