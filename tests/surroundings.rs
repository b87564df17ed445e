//! What the prechecks ask from here, asked of the real ones: an ensemble of three ZooKeeper servers that loses one, then
//! its majority, and a PostgreSQL that is stopped. Installed by `scripts/install-surroundings`.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests start processes, end them, and stop at the first surprise"
)]

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kyvos_manager::base::Secret;
use kyvos_manager::capabilities::prechecks::plan::Answer;
use kyvos_manager::capabilities::prechecks::port::FromHere;

/// Longest time anything may take to come about.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);
const SERVERS: usize = 3;

/// A process that ends with its test.
struct Running(Child);

impl Running {
    fn end(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ports nobody uses now, held together until all are found, so that they differ.
fn free_ports(count: usize) -> Vec<u16> {
    let free = || loop {
        let port = rand::random_range(10_240..32_000_u16);
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener;
        }
    };
    let held: Vec<_> = (0..count).map(|_| free()).collect();
    held.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

/// Asks until the answer is one that was waited for.
async fn until(what: &str, mut ask: impl AsyncFnMut() -> Answer, wanted: impl Fn(&Answer) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ask().await;
        if wanted(&answer) {
            return;
        }
        assert!(Instant::now() < deadline, "waited for {what}, and it says {answer:?}");
        tokio::time::sleep(PAUSE).await;
    }
}

fn zookeeper(dir: &Path, nth: usize, ports: &[u16]) -> Running {
    let home = dir.join(nth.to_string());
    let data = home.join("data");
    std::fs::create_dir_all(&data).unwrap();
    let mut text = format!(
        "tickTime=200\ninitLimit=50\nsyncLimit=25\nadmin.enableServer=false\ndataDir={}\n\
         clientPort={}\nclientPortAddress=127.0.0.1\n",
        data.display(),
        ports[nth]
    );
    for server in 0..SERVERS {
        let (peer, election) = (ports[SERVERS + server], ports[2 * SERVERS + server]);
        text += &format!("server.{server}=127.0.0.1:{peer}:{election}\n");
    }
    std::fs::write(home.join("zoo.cfg"), text).unwrap();
    std::fs::write(data.join("myid"), nth.to_string()).unwrap();
    let logging = "log4j.rootLogger=OFF\n";
    std::fs::write(home.join("log4j.properties"), logging).unwrap();
    let classes = format!("{}:/usr/share/java/zookeeper.jar", home.display());
    let mut command = Command::new("java");
    command.args(["-Xmx64m", "-cp", &classes]);
    command.arg("org.apache.zookeeper.server.quorum.QuorumPeerMain").arg(home.join("zoo.cfg"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Running(command.spawn().expect("java is installed (scripts/install-surroundings)"))
}

// rows 14, 31
#[tokio::test]
async fn a_real_ensemble_tells_who_leads_and_that_it_lost_its_majority() {
    let dir = tempfile::tempdir().unwrap();
    let ports = free_ports(3 * SERVERS);
    let mut servers: Vec<_> = (0..SERVERS).map(|nth| zookeeper(dir.path(), nth, &ports)).collect();
    let here = FromHere::believing(None);
    let ask = async |nth: usize| here.zookeeper(&format!("127.0.0.1:{}", ports[nth])).await;
    let is = |mode: &str| {
        let mode = mode.to_owned();
        move |answer: &Answer| *answer == Answer::Good(mode.clone())
    };
    let serves = |answer: &Answer| is("leader")(answer) || is("follower")(answer);
    let mut modes = Vec::new();
    for nth in 0..SERVERS {
        until("a member that serves", async || ask(nth).await, serves).await;
        modes.push(ask(nth).await);
    }
    assert_eq!(modes.iter().filter(|mode| is("leader")(mode)).count(), 1, "{modes:?}");

    let leader = modes.iter().position(is("leader")).unwrap();
    servers[leader].end();
    assert!(matches!(ask(leader).await, Answer::Silent(_)));
    let [heir, last] = [1, 2].map(|further| (leader + further) % SERVERS);
    for left in [heir, last] {
        until("another leader", async || ask(left).await, serves).await;
    }
    servers[heir].end();
    let idle = |answer: &Answer| matches!(answer, Answer::Bad(why) if why.contains("not currently serving"));
    until("the last one to serve no more", async || ask(last).await, idle).await;
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

// rows 18, 19
#[tokio::test]
async fn a_real_postgres_answers_before_any_login_and_is_silent_when_it_is_stopped() {
    let dir = tempfile::Builder::new().permissions(open_to_all()).tempdir_in("/tmp").unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    // Nobody signs in here, whoever it is.
    let made = postgres("initdb", &data).args(["-A", "reject", "-U", "kyvos", "-D", "."]).status();
    assert!(made.unwrap().success(), "initdb");
    let port = free_ports(1)[0];
    let mut command = postgres("postgres", &data);
    command.args(["-D", ".", "-k", ".", "-h", "127.0.0.1", "-p", &port.to_string()]);
    let mut server = Running(command.spawn().unwrap());
    let here = FromHere::believing(None);
    let ask = async || here.postgres(&format!("127.0.0.1:{port}")).await;
    until("PostgreSQL to answer", ask, |answer| *answer == Answer::Good("without TLS".into()))
        .await;
    server.end();
    until("its silence", ask, |answer| matches!(answer, Answer::Silent(_))).await;
}

/// A PostgreSQL that wants a password, proven by SCRAM or MD5, or in clear.
struct Locked {
    _server: Running,
    port: u16,
    _dir: tempfile::TempDir,
}

const PASSWORD: &str = "rose-garden of 1795";

impl Locked {
    fn start(method: &str, with_tls: bool) -> Self {
        let dir = tempfile::Builder::new().permissions(open_to_all()).tempdir_in("/tmp").unwrap();
        let data = dir.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let given = dir.path().join("password");
        std::fs::write(&given, PASSWORD).unwrap();
        let mut make = postgres("initdb", &data);
        make.args(["-A", method, "-U", "kyvos", "-D", ".", "--pwfile"]).arg(&given);
        assert!(make.status().unwrap().success(), "initdb");
        let port = free_ports(1)[0];
        let mut command = postgres("postgres", &data);
        command.args(["-D", ".", "-k", ".", "-h", "127.0.0.1", "-p", &port.to_string()]);
        if with_tls {
            show_a_certificate(&data);
            command.args(["-c", "ssl=on"]);
        }
        Locked { _server: Running(command.spawn().unwrap()), port, _dir: dir }
    }

    async fn tried(&self, database: &str, password: Option<&str>) -> Answer {
        let here = FromHere::believing(None).signing_in(Ok(password.map(Secret::new)));
        let address = format!("127.0.0.1:{}", self.port);
        until(
            "PostgreSQL to answer",
            async || here.postgres(&address).await,
            |answer| matches!(answer, Answer::Good(_)),
        )
        .await;
        here.login(&address, "kyvos", database).await
    }
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

// row 19
#[tokio::test]
async fn a_real_postgres_lets_in_who_knows_the_password_and_nobody_else() {
    for (method, with_tls) in [("scram-sha-256", false), ("scram-sha-256", true), ("md5", false)] {
        let server = Locked::start(method, with_tls);
        let signed_in = server.tried("postgres", Some(PASSWORD)).await;
        assert_eq!(signed_in, Answer::Good("signed in as kyvos".into()), "{method} {with_tls}");
        let wrong = server.tried("postgres", Some("rose-garden")).await;
        let told = |answer: &Answer| matches!(answer, Answer::Denied(why) if why.contains("kyvos"));
        assert!(told(&wrong) && !format!("{wrong:?}").contains("rose-garden"), "{wrong:?}");
        let unset = server.tried("postgres", None).await;
        assert!(matches!(&unset, Answer::Denied(why) if why.contains("REPOSITORY_PASSWORD")));
        let elsewhere = server.tried("nowhere", Some(PASSWORD)).await;
        assert!(
            matches!(&elsewhere, Answer::Denied(why) if why.contains("nowhere")),
            "{elsewhere:?}"
        );
    }
    let in_clear = Locked::start("password", false).tried("postgres", Some(PASSWORD)).await;
    assert!(matches!(&in_clear, Answer::Bad(why) if why.contains("in clear")), "{in_clear:?}");
}

fn open_to_all() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o755)
}
