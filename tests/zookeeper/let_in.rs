//! As whom, and over what: by SASL as somebody who may only read, proven by the server's own audit; over TLS; and both.

use std::path::Path;
use std::time::Duration;

use kyvos_manager::base::Secret;
use kyvos_manager::capabilities::services::model::{
    Access, Command, Identity, KEY_PURPOSE, Login, PASSWORD_PURPOSE, Tls,
};
use kyvos_manager::machine::State;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use zookeeper_client::{
    Acl, Acls, AuthId, Client, CreateMode, Permission, SaslOptions, TlsOptions,
};

use crate::ensemble::{Ensemble, Told, connected, read};
use crate::stage::{Stage, because, is_away, is_there};

const BI1: &str = "/kyvos/bi_servers/bi1:8081";
const MASTER: &str = "/kyvos/coordination_master";

fn login(stage: &Stage, password: &str) -> Access {
    let sealed_password = stage.group().seal(PASSWORD_PURPOSE, &Secret::new(password)).unwrap();
    Access { tls: None, digest: Some(Login { username: "reader".into(), sealed_password }) }
}

/// Servers that know a writer and a reader, and write down who did what.
fn sasl(jaas: &Path) -> Told {
    let users = "Server { org.apache.zookeeper.server.auth.DigestLoginModule required \
        user_writer=\"write-it\" user_reader=\"read-it\"; };\n";
    std::fs::write(jaas, users).unwrap();
    let settings = "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n\
        audit.enable=true\n";
    let java = vec![
        format!("-Djava.security.auth.login.config={}", jaas.display()),
        "-Dzookeeper.audit.enable=true".into(),
    ];
    Told { settings: settings.into(), java, tls: false }
}

/// The reader may read, and nobody may anything else but the writer.
async fn make_closed(kyvos: &Client) {
    let acls = [
        Acl::new(Permission::ALL, AuthId::new("sasl", "writer")),
        Acl::new(Permission::READ, AuthId::new("sasl", "reader")),
    ];
    let options = CreateMode::Persistent.with_acls(Acls::from(acls.as_slice()));
    for (path, payload) in
        [("/kyvos", ""), ("/kyvos/bi_servers", ""), (BI1, ""), (MASTER, "bi1:8081")]
    {
        kyvos.create(path, payload.as_bytes(), &options).await.unwrap();
    }
}

/// Whether it is seen that the master is on a host.
fn master_is(host: &str) -> impl Fn(&State) -> bool {
    move |state| {
        let master = state.services.sightings.get(MASTER);
        master.is_some_and(|known| known.present && known.sighted.host == host)
    }
}

/// That somebody is there is seen, and nothing of what is closed.
fn sees_what_is_closed(state: &State) -> bool {
    let master = state.services.sightings.get(MASTER);
    master.is_some_and(|known| known.sighted.trouble.is_some())
        || state.services.watch.as_ref().is_some_and(|watch| !watch.troubles.is_empty())
}

/// By the server's own audit nobody but the writer did anything.
fn only_the_writer_acted(ensemble: &Ensemble) {
    let log = read(&ensemble.log(0));
    let acts: Vec<&str> = log.lines().filter(|line| line.contains("operation=")).collect();
    assert!(
        acts.iter().any(|act| act.contains("user=writer") && act.contains("operation=setData")),
        "{acts:?}"
    );
    let strange = acts.iter().filter(|act| act.contains("znode=") && !act.contains("user=writer"));
    assert_eq!(strange.collect::<Vec<_>>(), Vec::<&&str>::new());
    assert!(!format!("{acts:?}").contains("read-it"));
}

// row 84
#[tokio::test(flavor = "multi_thread")]
async fn by_a_user_who_may_only_read_and_the_server_s_audit_knows_of_no_other_act() {
    let dir = tempfile::tempdir().unwrap();
    let ensemble = Ensemble::told(1, sasl(&dir.path().join("jaas"))).await;
    let writer = || {
        let login = SaslOptions::digest_md5("writer", "write-it");
        Client::connector().with_session_timeout(Duration::from_secs(4)).with_sasl(login)
    };
    let kyvos = connected(writer, &ensemble.address(0)).await;
    make_closed(&kyvos).await;

    let stage = Stage::at(ensemble.port(), 1).await;
    stage.until("the payload is closed to nobody in particular", sees_what_is_closed).await;

    stage.says(Command::SetAccess { access: login(&stage, "wrong"), expect: None }).await;
    stage.until("a wrong password is told", |state| because(state).contains("let us in")).await;
    stage.says(Command::SetAccess { access: login(&stage, "read-it"), expect: None }).await;
    stage.until("the master is read", master_is("bi1")).await;
    stage.watches().await;
    // Everything that is done by hand and by itself: a look at the tree, another server, a change.
    stage.says(Command::Discover { root: "/".into() }).await;
    stage.until("the tree is looked at", |state| state.services.discovery.open().is_none()).await;
    kyvos.set_data(MASTER, b"bi2:8081", None).await.unwrap();
    stage
        .until("the change is seen", |state| state.services.sightings[MASTER].sighted.host == "bi2")
        .await;
    stage.end().await;

    only_the_writer_acted(&ensemble);
}

/// An authority, a server's certificate and a client's.
struct Paper {
    ca_pem: String,
    server: (String, String),
    client: (String, String),
}

fn paper() -> Paper {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let issue = |san: Vec<SanType>| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = san;
        (params.signed_by(&key, &ca).unwrap().pem(), key.serialize_pem())
    };
    let here = SanType::IpAddress("127.0.0.1".parse().unwrap());
    Paper { ca_pem: ca.pem(), server: issue(vec![here]), client: issue(Vec::new()) }
}

impl Paper {
    fn options(&self) -> TlsOptions {
        let options = TlsOptions::new().with_pem_ca(&self.ca_pem).unwrap();
        options.with_pem_identity(&self.client.0, &self.client.1).unwrap()
    }

    /// The client's certificate, as the group keeps it.
    fn identity(&self, stage: &Stage) -> Identity {
        let key = Secret::new(self.client.1.as_str());
        let sealed_key = stage.group().seal(KEY_PURPOSE, &key).unwrap();
        Identity { certificate_pem: self.client.0.clone(), sealed_key }
    }
}

/// The same servers over TLS, which want a certificate of everybody.
fn tls(dir: &Path, paper: &Paper, told: Told) -> Told {
    let file = |name: &str| dir.join(name);
    std::fs::write(file("server.pem"), format!("{}{}", paper.server.1, paper.server.0)).unwrap();
    std::fs::write(file("ca.pem"), &paper.ca_pem).unwrap();
    let settings = format!(
        "{}serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory\n\
         ssl.keyStore.location={}\nssl.keyStore.type=PEM\nssl.trustStore.location={}\nssl.trustStore.type=PEM\n",
        told.settings,
        file("server.pem").display(),
        file("ca.pem").display()
    );
    Told { settings, tls: true, ..told }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_with_a_certificate_of_ours_and_not_without() {
    let (dir, paper) = (tempfile::tempdir().unwrap(), paper());
    let ensemble = Ensemble::told(1, tls(dir.path(), &paper, Told::default())).await;
    let options = paper.options();
    let address = format!("tcp+tls://{}", ensemble.address(0));
    let kyvos = connected(|| Client::connector().with_tls(options.clone()), &address).await;
    crate::ensemble::announce(&kyvos, BI1, "").await;

    let stage = Stage::at(ensemble.port(), 1).await;
    // In the clear nobody answers us in our words.
    stage.is_away().await;
    let over_tls = |identity| Access {
        tls: Some(Tls { ca_pem: paper.ca_pem.clone(), identity }),
        digest: None,
    };
    stage.says(Command::SetAccess { access: over_tls(None), expect: None }).await;
    stage
        .until("the server wants a certificate of us", |state| because(state).contains("let us in"))
        .await;
    let identity = paper.identity(&stage);
    stage.says(Command::SetAccess { access: over_tls(Some(identity)), expect: None }).await;
    stage.until("it is seen", is_there(BI1)).await;
    stage.watches().await;
    stage
        .until("the server says what it is, over TLS", |state| {
            let watch = state.services.watch.as_ref().unwrap();
            watch.servers.iter().any(|server| server.serves == Ok("standalone".into()))
        })
        .await;
    stage.end().await;
}

// row 84; issue 6
#[tokio::test(flavor = "multi_thread")]
async fn over_tls_and_by_password_both_are_needed_and_both_are_shown_again_to_a_server_that_comes_back()
 {
    let (dir, paper) = (tempfile::tempdir().unwrap(), paper());
    let told = tls(dir.path(), &paper, sasl(&dir.path().join("jaas")));
    let mut ensemble = Ensemble::told(1, told).await;
    let address = format!("tcp+tls://{}", ensemble.address(0));
    let options = paper.options();
    let writer = || {
        let login = SaslOptions::digest_md5("writer", "write-it");
        Client::connector().with_tls(options.clone()).with_sasl(login)
    };
    let kyvos = connected(writer, &address).await;
    make_closed(&kyvos).await;

    let stage = Stage::at(ensemble.port(), 1).await;
    let access = |certificate: bool, password: Option<&str>| {
        let identity = certificate.then(|| paper.identity(&stage));
        let tls = Some(Tls { ca_pem: paper.ca_pem.clone(), identity });
        Access { tls, digest: password.and_then(|password| login(&stage, password).digest) }
    };
    let now = |access| Command::SetAccess { access, expect: None };

    // By its certificate alone it is somebody, and not the reader.
    stage.says(now(access(true, None))).await;
    stage.until("what is closed is not read", sees_what_is_closed).await;
    stage.watches().await;
    for (what, access) in [
        ("the right password does without a certificate", access(false, Some("read-it"))),
        ("the right certificate does with a wrong password", access(true, Some("wrong"))),
    ] {
        stage.says(now(access)).await;
        let told = |state: &State| is_away(state) && because(state).contains("let us in");
        stage.until("it is told that it is not let in", told).await;
        assert!(!master_is("bi1")(&stage.group().view(State::clone)), "{what}");
    }
    stage.says(now(access(true, Some("read-it")))).await;
    stage.until("the master is read", master_is("bi1")).await;
    stage.watches().await;
    kyvos.set_data(MASTER, b"bi2:8081", None).await.unwrap();
    stage.until("the master changes", master_is("bi2")).await;

    drop(kyvos);
    ensemble.kill(0);
    stage.is_away().await;
    ensemble.start(0);
    ensemble.serves(0).await;
    stage.watches().await;
    let kyvos = connected(writer, &address).await;
    kyvos.set_data(MASTER, b"bi3:8081", None).await.unwrap();
    stage.until("the master changes again", master_is("bi3")).await;
    stage.end().await;
    only_the_writer_acted(&ensemble);
}
