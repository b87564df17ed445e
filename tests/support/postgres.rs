//! Debian's PostgreSQL for tests, installed by `scripts/install-surroundings`.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The password of its user `kyvos`.
pub(crate) const PASSWORD: &str = "rose-garden of 1795";

/// How long it may take to let somebody in, on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A server that ends with its test. Its only user is `kyvos`.
pub(crate) struct Postgres {
    /// Where it listens, on this computer.
    pub(crate) port: u16,
    child: Child,
    log: PathBuf,
    _dir: tempfile::TempDir,
}

impl Postgres {
    /// A new one that lets in by a method of its own: `scram-sha-256`, `md5`, `password` for one in clear, `reject`.
    pub(crate) fn start(method: &str, with_tls: bool) -> Self {
        let dir = tempfile::Builder::new().permissions(open_to_all()).tempdir_in("/tmp").unwrap();
        let data = dir.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let given = dir.path().join("password");
        std::fs::write(&given, PASSWORD).unwrap();
        let mut make = postgres("initdb", &data);
        make.args(["-A", method, "-U", "kyvos", "-D", ".", "--pwfile"]).arg(&given);
        assert!(make.status().unwrap().success(), "initdb");
        let port = free_port();
        let mut command = postgres("postgres", &data);
        command.args(["-D", ".", "-k", ".", "-h", "127.0.0.1", "-p", &port.to_string()]);
        let log = dir.path().join("log");
        command.args(["-c", "log_connections=on"]).stderr(std::fs::File::create(&log).unwrap());
        if with_tls {
            show_a_certificate(&data);
            command.args(["-c", "ssl=on"]);
        }
        let started = Postgres { port, child: command.spawn().unwrap(), log, _dir: dir };
        started.wait_until_ready();
        started
    }

    /// While it starts it answers who asks for TLS, and lets nobody in.
    fn wait_until_ready(&self) {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let said = std::fs::read_to_string(&self.log).unwrap();
            if said.contains("ready to accept connections") {
                return;
            }
            assert!(Instant::now() < deadline, "PostgreSQL is not ready: {said}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// How often it has let somebody in.
    pub(crate) fn sign_ins(&self) -> usize {
        let log = std::fs::read_to_string(&self.log).unwrap();
        log.lines().filter(|line| line.contains("connection authorized: user=kyvos")).count()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port nobody uses now, below those Linux takes for outgoing connections.
fn free_port() -> u16 {
    loop {
        let port = rand::random_range(10_240..32_000_u16);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// PostgreSQL refuses to run as root: then it is somebody else.
fn postgres(program: &str, dir: &Path) -> Command {
    let installed = glob_newest("/usr/lib/postgresql", &format!("bin/{program}"));
    let mut command = Command::new(installed);
    if rustix::process::getuid().is_root() {
        let (uid, gid) = owner_of_postgres();
        std::os::unix::fs::chown(dir, Some(uid), Some(gid)).unwrap();
        command.uid(uid).gid(gid);
    }
    command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn glob_newest(below: &str, program: &str) -> PathBuf {
    let versions =
        std::fs::read_dir(below).expect("PostgreSQL is installed (scripts/install-surroundings)");
    let programs = versions.map(|version| version.unwrap().path().join(program));
    programs.filter(|program| program.exists()).max().expect("PostgreSQL's programs are there")
}

fn owner_of_postgres() -> (u32, u32) {
    let people = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = people.lines().find(|line| line.starts_with("postgres:")).unwrap();
    let mut numbers = line.split(':').skip(2).map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// Nobody's: whoever signs in does not ask who is there.
fn show_a_certificate(data: &Path) {
    let key = rcgen::KeyPair::generate().unwrap();
    let shown = rcgen::CertificateParams::new(vec!["db.example".to_owned()]).unwrap();
    std::fs::write(data.join("server.crt"), shown.self_signed(&key).unwrap().pem()).unwrap();
    let path = data.join("server.key");
    std::fs::write(&path, key.serialize_pem()).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    if rustix::process::getuid().is_root() {
        let (uid, gid) = owner_of_postgres();
        for file in ["server.crt", "server.key"] {
            std::os::unix::fs::chown(data.join(file), Some(uid), Some(gid)).unwrap();
        }
    }
}

fn open_to_all() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o755)
}
