//! One host and the group that looks after it: a real Manager's tenure in this process, `km agent` as a process, and
//! where it is asked for Debian's sshd.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use kyvos_manager::base::{Digest, Epoch, HostId};
use kyvos_manager::capabilities::hosts::model::{Command as HostCommand, Ssh, Transport};
use kyvos_manager::cluster::{AgentIdentity, CertificateRequest, Credentials, GroupCa, GroupKey};
use kyvos_manager::leadership::{Driver, Mode, Pass, Reconciler, Tenure};
use kyvos_manager::remote::{Acting, Hosts, RemotePath, Watch};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::support::{self, Member, committed, eventually, first_member, until};

/// How the host is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Agent,
    Ssh,
}

/// Something to do under a tenure.
pub(crate) type Act<T> =
    Box<dyn for<'a> FnOnce(&'a Acting<'a>) -> BoxFuture<'a, T> + Send + 'static>;

/// Names the type that a closure has to have.
pub(crate) fn acting<T, F>(act: F) -> Act<T>
where
    F: for<'a> FnOnce(&'a Acting<'a>) -> BoxFuture<'a, T> + Send + 'static,
{
    Box::new(act)
}

/// Does under the tenure what tests ask for.
struct Doer {
    hosts: Arc<Hosts>,
    asked: Mutex<mpsc::Receiver<Act<()>>>,
}

impl Reconciler for Doer {
    fn name(&self) -> &'static str {
        "doer"
    }

    fn period(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn pass<'a>(&'a self, tenure: &'a Tenure) -> BoxFuture<'a, Pass> {
        Box::pin(async {
            let Some(act) = self.asked.lock().await.recv().await else {
                return std::future::pending().await;
            };
            act(&self.hosts.under(tenure)).await;
            Pass::Did("what was asked".into())
        })
    }
}

/// A Manager that is Active, and does what it is asked.
struct Led {
    driver: Driver,
    asks: mpsc::Sender<Act<()>>,
}

pub(crate) struct World {
    pub(crate) member: Member,
    pub(crate) hosts: Arc<Hosts>,
    pub(crate) host: HostId,
    led: Option<Led>,
    way: Way,
    dir: TempDir,
    agent_port: u16,
    agent: Option<Child>,
    sshd: Option<Child>,
    ssh_port: u16,
}

impl World {
    pub(crate) async fn new(way: Way) -> Self {
        Self::prepared(way, 0).await
    }

    pub(crate) async fn with_a_certificate_that_ends_soon() -> Self {
        Self::prepared(Way::Agent, 3 * 365 - 10).await
    }

    async fn prepared(way: Way, certified_days_ago: u64) -> Self {
        let member = first_member().await;
        let dir = tempfile::tempdir().unwrap();
        let [agent_port, ssh_port] = [free_port(), free_port()];
        let hosts = Hosts::of(member.group()).unwrap();
        let transport = match way {
            Way::Agent => Transport::Agent { address: String::new() },
            Way::Ssh => Transport::Ssh(ssh(dir.path(), ssh_port)),
        };
        let register = HostCommand::Register { name: "h1".into(), roles: [].into(), transport };
        let host = HostId(committed(member.group(), register).await.answer.revision.0);
        let led = Some(lead(&member, &hosts).await);
        let mut world = World {
            member,
            hosts,
            host,
            led,
            way,
            dir,
            agent_port,
            agent: None,
            sshd: None,
            ssh_port,
        };
        world.lay_out();
        match way {
            Way::Agent => world.enrol(certified_days_ago).await,
            Way::Ssh => world.let_in().await,
        }
        world.start_agent();
        world.wait_for_agent().await;
        world
    }

    /// The folders and the agent's configuration.
    fn lay_out(&self) {
        let bin = self.dir.path().join("bin");
        for folder in [&bin, &self.dir.path().join("root"), &self.dir.path().join("agent")] {
            fs::create_dir_all(folder).unwrap();
        }
        // Hadoop's own program is not on every test machine; what is tested here is that it is run as it should be.
        let hdfs = "#!/bin/sh\nset -e\n[ \"$1\" = dfs ]\nshift\ncase \"$1\" in\n\
            -put) /bin/cp \"$3\" \"$4\" ;;\n-get) /bin/cp \"$2\" \"$3\" ;;\n-rm) /bin/rm \"$3\" ;;\nesac\n";
        fs::write(bin.join("hdfs"), hdfs).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(bin.join("hdfs"), mode).unwrap();
        fs::write(self.config(), self.text_of_config()).unwrap();
    }

    /// Puts a command on the agent's search path.
    pub(crate) fn give(&self, name: &str, script: &str) -> PathBuf {
        let path = self.dir.path().join("bin").join(name);
        fs::write(&path, script).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, mode).unwrap();
        path
    }

    fn text_of_config(&self) -> String {
        let dir = self.dir.path().display();
        let shell = |script: &str| {
            let path = "environment = { PATH = \"/usr/bin:/bin\" }";
            format!("run = [\"/bin/sh\", \"-c\", {script:?}]\n{path}")
        };
        let endless = shell("trap 'exit 0' TERM; while :; do sleep 0.05; done");
        let once = shell("exec sleep 1000");
        // It does not end when it is asked to, and says so first.
        let slow =
            shell(&format!("trap '' TERM; : > {dir}/root/deaf; while :; do sleep 0.05; done"));
        let flood = shell(
            "i=0; while [ $i -lt 4000 ]; do echo line $i of a program that says much; i=$((i+1)); done; exec sleep 1000",
        );
        let teller = shell(
            "for day in '1 first' '2 second' '3 third'; do echo 2026-01-0${day% *}T00:00:00Z ${day#* }; done; exec sleep 1000",
        );
        format!(
            "[agent]\ndata_dir = \"{dir}/agent\"\nlisten = \"127.0.0.1:{port}\"\n\
             advertise = \"127.0.0.1:{port}\"\nsearch_path = \"{dir}/bin\"\n\
             [files]\nroots = [\"{dir}/root\"]\n\
             [unit.bi]\n{endless}\nrestart_after_ms = 100\n\
             [unit.absent]\nrun = [\"/nowhere/program\"]\n\
             [unit.once]\n{once}\nrestart = \"never\"\n[unit.teller]\n{teller}\n\
             [unit.slow]\n{slow}\nstop_after_s = 10\n\
             [unit.flood]\n{flood}\nlog_bytes = 65536\nlog_files = 2\n",
            port = self.agent_port,
        )
    }

    async fn enrol(&self, certified_days_ago: u64) {
        let token = Digest::of(b"token");
        let invite = HostCommand::Invite { host: self.host, digest: token, ttl_ms: 60_000 };
        committed(self.member.group(), invite).await;
        let request = CertificateRequest::generate().unwrap();
        let address = self.agent_address();
        let enrol = HostCommand::Enrol { host: self.host, token, address };
        committed(self.member.group(), enrol).await;
        let certified = self.member.group().certify_agent(self.host, &request.csr_pem).unwrap();
        let certificate_pem = match certified_days_ago {
            0 => certified.certificate_pem,
            days => self.certify_as_of(&request.csr_pem, days),
        };
        let credentials =
            Credentials { ca_pem: certified.ca_pem, certificate_pem, key_pem: request.key_pem };
        let identity = self.dir.path().join("agent/identity");
        fs::create_dir_all(&identity).unwrap();
        credentials.save_agent(&identity).unwrap();
    }

    fn certify_as_of(&self, csr_pem: &str, days_ago: u64) -> String {
        let group = self.member.group();
        let key = GroupKey::load(&self.member.dir.path().join("identity/group.key")).unwrap();
        let facts = group.view(|state| state.managers.group.clone()).unwrap();
        let ca = GroupCa::open(&facts.ca_pem, &facts.sealed_ca_key, &key).unwrap();
        let identity = AgentIdentity { cluster_id: group.cluster_id(), host: self.host };
        let now = std::fs::metadata(self.config()).unwrap().modified().unwrap();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        ca.issue_agent(csr_pem, identity, now - days_ago * 24 * 3_600).unwrap()
    }

    /// Starts an sshd that lets the group in, and trusts its key.
    async fn let_in(&mut self) {
        let key = self.member.group().new_ssh_key().unwrap();
        fs::write(self.authorized_keys(), format!("{}\n", key.public)).unwrap();
        committed(self.member.group(), HostCommand::SetSshKey(key)).await;
        self.make_host_key();
        self.start_sshd();
        let offered = eventually("sshd", || self.hosts.offered_key(self.host)).await;
        self.trust(&offered).await;
    }

    fn make_host_key(&self) {
        let path = self.dir.path().join("host_key");
        let _ = fs::remove_file(&path);
        let mut keygen = command("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path);
        assert!(keygen.status().unwrap().success());
    }

    fn start_sshd(&mut self) {
        let dir = self.dir.path().display();
        let config = self.dir.path().join("sshd_config");
        let text = format!(
            "Port {}\nListenAddress 127.0.0.1\nHostKey {dir}/host_key\nPidFile none\n\
             AuthorizedKeysFile {dir}/authorized_keys\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n",
            self.ssh_port
        );
        fs::write(&config, text).unwrap();
        let log = fs::File::create(self.dir.path().join("sshd.log")).unwrap();
        let mut sshd = command("/usr/sbin/sshd");
        sshd.args(["-D", "-e", "-f"]).arg(&config);
        self.sshd =
            Some(sshd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    fn stop_sshd(&mut self) {
        if let Some(mut sshd) = self.sshd.take() {
            sshd.kill().unwrap();
            sshd.wait().unwrap();
        }
    }

    /// Somebody reinstalls the host, or is in the way.
    pub(crate) fn change_the_host_key(&mut self) {
        self.stop_sshd();
        self.make_host_key();
        self.start_sshd();
    }

    pub(crate) async fn trust(&self, key: &str) {
        let trust = HostCommand::Trust { host: self.host, key: key.into(), expect: None };
        committed(self.member.group(), trust).await;
    }

    /// A key is trusted at an address, and at another one it proves nothing.
    pub(crate) async fn forget_the_key(&self) {
        for port in [1, self.ssh_port] {
            let transport = Transport::Ssh(ssh(self.dir.path(), port));
            self.change(transport).await;
        }
    }

    pub(crate) async fn point_host_at(&self, address: &str) {
        self.change(Transport::Agent { address: address.into() }).await;
    }

    async fn change(&self, transport: Transport) {
        let transport = Some(transport);
        let change = HostCommand::Change { host: self.host, roles: None, transport, expect: None };
        committed(self.member.group(), change).await;
    }

    /// From the agent to SSH, or back.
    pub(crate) async fn switch_the_way(&mut self) {
        match self.way {
            Way::Agent => {
                self.change(Transport::Ssh(ssh(self.dir.path(), self.ssh_port))).await;
                self.let_in().await;
                self.way = Way::Ssh;
            }
            Way::Ssh => {
                self.change(Transport::Agent { address: String::new() }).await;
                self.enrol(0).await;
                self.way = Way::Agent;
                self.start_agent();
            }
        }
        self.wait_for_agent().await;
    }

    /// Only where there is a resident one; over SSH one is started for each act.
    pub(crate) fn start_agent(&mut self) {
        if self.way == Way::Ssh {
            return;
        }
        let log = self.dir.path().join("agent.log");
        let log = fs::File::options().create(true).append(true).open(log).unwrap();
        let mut agent = command(env!("CARGO_BIN_EXE_km"));
        agent.args(["agent", "--config"]).arg(self.config()).stdin(Stdio::null());
        self.agent = Some(agent.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    pub(crate) async fn wait_for_agent(&self) {
        eventually("the host answers", || self.hosts.reach(self.host)).await;
    }

    /// `kill -9`.
    pub(crate) fn kill_agent(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            agent.kill().unwrap();
            agent.wait().unwrap();
        }
    }

    pub(crate) fn agent_pid(&self) -> u32 {
        self.agent.as_ref().unwrap().id()
    }

    /// `kill -9` of the keeper of a unit.
    pub(crate) fn kill_keeper(&self, unit: &str) {
        let path = self.dir.path().join(format!("agent/units/{unit}/keeper.lock"));
        let keeper: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let pid = u32::try_from(keeper["pid"].as_u64().unwrap()).unwrap();
        kill(pid);
        let gone = std::time::Instant::now() + support::PATIENCE;
        while runs(pid) {
            assert!(std::time::Instant::now() < gone, "the keeper does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The process of a unit, by the word of its keeper.
    pub(crate) fn process_of(&self, unit: &str) -> Option<u32> {
        let path = self.dir.path().join(format!("agent/units/{unit}/status.json"));
        let status: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        u32::try_from(status["process"]["pid"].as_u64()?).ok()
    }

    /// Whether the keeper of a unit is ending its process.
    pub(crate) fn is_stopping(&self, unit: &str) -> bool {
        let path = self.dir.path().join(format!("agent/units/{unit}/status.json"));
        fs::read_to_string(path).is_ok_and(|status| status.contains("\"stopping\""))
    }

    /// How long a unit's log is, and the one that was turned last.
    pub(crate) fn logs_of(&self, unit: &str) -> (u64, Option<u64>) {
        let length = |name: &str| {
            let path = self.dir.path().join(format!("agent/units/{unit}/{name}"));
            fs::metadata(path).ok().map(|file| file.len())
        };
        (length("out.log").unwrap_or_default(), length("out.log.1"))
    }

    /// Every Manager is gone, without a word.
    pub(crate) async fn lose_the_managers(&mut self) {
        drop(self.led.take());
        drop(self.member.group.take());
    }

    /// Ends what a test left running on purpose, as a host does that is shut down.
    pub(crate) fn rest(&self) {
        let mut rest = command(env!("CARGO_BIN_EXE_km"));
        rest.args(["agent", "rest", "--config"]).arg(self.config());
        assert!(rest.status().unwrap().success());
    }

    /// Does something under the tenure.
    pub(crate) async fn act<T: Send + 'static>(&self, act: Act<T>) -> T {
        let (done, told) = oneshot::channel();
        let asked: Act<()> = Box::new(move |hosts| {
            Box::pin(async move {
                // A test that has failed listens no more.
                let _ = done.send(act(hosts).await);
            })
        });
        self.led.as_ref().unwrap().asks.send(asked).await.ok().unwrap();
        told.await.unwrap()
    }

    pub(crate) async fn epoch(&self) -> Epoch {
        self.act(acting(|hosts| {
            let epoch = kyvos_manager::remote::Remote::epoch(hosts);
            Box::pin(async move { epoch })
        }))
        .await
    }

    /// What a backup of the Manager's whole disk would hold.
    pub(crate) async fn copy_of_the_disk(&mut self) -> TempDir {
        self.stop_manager().await;
        let copy = tempfile::tempdir().unwrap();
        let mut cp = command("cp");
        cp.arg("-a").arg(self.member.dir.path().join(".")).arg(copy.path());
        assert!(cp.status().unwrap().success());
        self.start_manager().await;
        copy
    }

    pub(crate) async fn begin_another_tenure(&mut self) {
        self.stop_manager().await;
        self.start_manager().await;
    }

    /// Somebody brings an old disk back.
    pub(crate) async fn go_back_to(&mut self, old: TempDir) {
        self.stop_manager().await;
        self.member.dir = old;
        self.start_manager().await;
    }

    async fn stop_manager(&mut self) {
        self.led.take().unwrap().driver.shutdown().await;
        self.member.stop().await;
    }

    async fn start_manager(&mut self) {
        self.member.restart().await;
        self.hosts = Hosts::of(self.member.group()).unwrap();
        self.led = Some(lead(&self.member, &self.hosts).await);
    }

    /// What the agent says to whoever shows `HOLDER.pem` and says something that is no word of ours.
    pub(crate) async fn say_hello_as(&self, holder: &Path) -> std::io::Result<usize> {
        use rustls::pki_types::pem::PemObject;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let certificate = |path: PathBuf| CertificateDer::from_pem_file(path).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate(self.identity().join("ca.pem"))).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![certificate(holder.with_extension("pem"))],
                PrivateKeyDer::from_pem_file(holder.with_extension("key")).unwrap(),
            )
            .unwrap();
        let group = self.member.group().cluster_id();
        let name = format!("host-{}.{group}.kyvos-manager.internal", self.host);
        let tcp = tokio::net::TcpStream::connect(self.agent_address()).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect(ServerName::try_from(name).unwrap(), tcp).await?;
        stream.write_all(&[b'x'; 64]).await?;
        match stream.read(&mut [0; 16]).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }

    pub(crate) fn identity(&self) -> PathBuf {
        self.dir.path().join("agent/identity")
    }

    pub(crate) fn agent_address(&self) -> String {
        format!("127.0.0.1:{}", self.agent_port)
    }

    pub(crate) fn authorized_keys(&self) -> PathBuf {
        self.dir.path().join("authorized_keys")
    }

    pub(crate) fn certificate(&self) -> String {
        fs::read_to_string(self.dir.path().join("agent/identity/agent.pem")).unwrap()
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("agent.toml")
    }

    /// A path below the host's root.
    pub(crate) fn path(&self, name: &str) -> RemotePath {
        let root = self.dir.path().join("root");
        let path = if name.is_empty() { root } else { root.join(name) };
        path.to_str().unwrap().parse().unwrap()
    }

    /// Whether neither the root nor the agent's notes hold anything.
    pub(crate) fn nothing_is_left(&self) -> Result<(), Vec<PathBuf>> {
        let all = |folder: &str| {
            let entries = fs::read_dir(self.dir.path().join(folder)).unwrap();
            entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
        };
        let left = [all("root"), all("agent/puts")].concat();
        if left.is_empty() { Ok(()) } else { Err(left) }
    }

    /// Ends everything in good order.
    pub(crate) async fn end(mut self) {
        self.kill_agent();
        self.rest();
        self.stop_manager().await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill_agent();
        // A test that failed leaves units; they must not outlive it.
        let mut rest = command(env!("CARGO_BIN_EXE_km"));
        let _ = rest.args(["agent", "rest", "--config"]).arg(self.config()).status();
        if std::thread::panicking() {
            show_logs(self.dir.path());
        }
        self.stop_sshd();
    }
}

/// What the host said, next to the failure of the test.
#[expect(clippy::print_stderr, reason = "only told when a test fails")]
fn show_logs(dir: &Path) {
    for log in ["agent.log", "sshd.log"] {
        eprintln!("--- {log}\n{}", fs::read_to_string(dir.join(log)).unwrap_or_default());
    }
}

async fn lead(member: &Member, hosts: &Arc<Hosts>) -> Led {
    let (asks, asked) = mpsc::channel(1);
    let doer = Arc::new(Doer { hosts: hosts.clone(), asked: Mutex::new(asked) });
    let driver = Driver::start(member.group(), vec![doer]);
    until("it is Active", || matches!(driver.office().mode(), Mode::Active(_))).await;
    Led { driver, asks }
}

fn ssh(dir: &Path, port: u16) -> Ssh {
    let user = rustix::process::geteuid().is_root();
    Ssh {
        address: format!("127.0.0.1:{port}"),
        user: if user { "root".into() } else { std::env::var("USER").unwrap() },
        program: env!("CARGO_BIN_EXE_km").into(),
        config: dir.join("agent.toml").to_str().unwrap().into(),
    }
}

/// A port nobody uses now, below those Linux takes for outgoing connections.
pub(crate) fn free_port() -> u16 {
    loop {
        let port = rand::random_range(10_240..32_000_u16);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "every test ends what it starts")]
pub(crate) fn command(program: &str) -> Command {
    Command::new(program)
}

/// Whether a process is there and no zombie.
pub(crate) fn runs(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    !stat[stat.rfind(')').unwrap()..].starts_with(") Z")
}

/// `kill -9`.
pub(crate) fn kill(pid: u32) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
}
