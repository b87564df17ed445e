//! What the prechecks ask from here, asked of the real ones: an ensemble of three ZooKeeper servers that loses one, then
//! its majority, and a PostgreSQL that is stopped. Installed by `scripts/install-surroundings`.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests start processes, end them, and stop at the first surprise"
)]

#[path = "support/postgres.rs"]
mod postgres;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kyvos_manager::base::Secret;
use kyvos_manager::capabilities::prechecks::plan::Answer;
use kyvos_manager::capabilities::prechecks::port::FromHere;

use postgres::{PASSWORD, Postgres};

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

/// Asks until the answer is one that was waited for, and gives that one: asked again, it may be another.
async fn until(
    what: &str,
    mut ask: impl AsyncFnMut() -> Answer,
    wanted: impl Fn(&Answer) -> bool,
) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ask().await;
        if wanted(&answer) {
            return answer;
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
        modes.push(until("a member that serves", async || ask(nth).await, serves).await);
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

// rows 18, 19
#[tokio::test]
async fn a_real_postgres_answers_before_any_login_and_is_silent_when_it_is_stopped() {
    // Nobody signs in here, whoever it is.
    let server = Postgres::start("reject", false);
    let address = format!("127.0.0.1:{}", server.port);
    let here = FromHere::believing(None);
    let ask = async || here.postgres(&address).await;
    until("PostgreSQL to answer", ask, |answer| *answer == Answer::Good("without TLS".into()))
        .await;
    drop(server);
    until("its silence", ask, |answer| matches!(answer, Answer::Silent(_))).await;
}

/// What comes of signing in.
async fn tried(server: &Postgres, database: &str, password: Option<&str>) -> Answer {
    let here = FromHere::believing(None).signing_in(Ok(password.map(Secret::new)));
    here.login(&format!("127.0.0.1:{}", server.port), "kyvos", database).await
}

// row 19
#[tokio::test]
async fn a_real_postgres_lets_in_who_knows_the_password_and_nobody_else() {
    for (method, with_tls) in [("scram-sha-256", false), ("scram-sha-256", true), ("md5", false)] {
        let server = Postgres::start(method, with_tls);
        let signed_in = tried(&server, "postgres", Some(PASSWORD)).await;
        assert_eq!(signed_in, Answer::Good("signed in as kyvos".into()), "{method} {with_tls}");
        assert_eq!(server.sign_ins(), 1);
        let wrong = tried(&server, "postgres", Some("rose-garden")).await;
        let told = |answer: &Answer| matches!(answer, Answer::Denied(why) if why.contains("kyvos"));
        assert!(told(&wrong) && !format!("{wrong:?}").contains("rose-garden"), "{wrong:?}");
        let unset = tried(&server, "postgres", None).await;
        assert!(matches!(&unset, Answer::Denied(why) if why.contains("REPOSITORY_PASSWORD")));
        let elsewhere = tried(&server, "nowhere", Some(PASSWORD)).await;
        assert!(
            matches!(&elsewhere, Answer::Denied(why) if why.contains("nowhere")),
            "{elsewhere:?}"
        );
    }
    let in_clear = tried(&Postgres::start("password", false), "postgres", Some(PASSWORD)).await;
    assert!(matches!(&in_clear, Answer::Bad(why) if why.contains("in clear")), "{in_clear:?}");
}
