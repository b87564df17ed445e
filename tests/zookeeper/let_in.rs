//! As whom, and over what: by SASL as somebody who may only read, proven by the server's own audit; and over TLS.

use std::time::Duration;

use kyvos_manager::base::Secret;
use kyvos_manager::capabilities::services::model::{
    Access, Command, Identity, KEY_PURPOSE, Login, PASSWORD_PURPOSE, Tls,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use zookeeper_client::{
    Acl, Acls, AuthId, Client, CreateMode, Permission, SaslOptions, TlsOptions,
};

use crate::ensemble::{Ensemble, Told, connected, read};
use crate::stage::{Stage, because, is_there};

const BI1: &str = "/kyvos/bi_servers/bi1:8081";
const MASTER: &str = "/kyvos/coordination_master";

fn login(stage: &Stage, password: &str) -> Access {
    let sealed_password = stage.group().seal(PASSWORD_PURPOSE, &Secret::new(password)).unwrap();
    Access { tls: None, digest: Some(Login { username: "reader".into(), sealed_password }) }
}

async fn sasl_ensemble(jaas: &std::path::Path) -> Ensemble {
    let users = "Server { org.apache.zookeeper.server.auth.DigestLoginModule required \
        user_writer=\"write-it\" user_reader=\"read-it\"; };\n";
    std::fs::write(jaas, users).unwrap();
    let settings = "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n\
        audit.enable=true\n";
    let java = vec![
        format!("-Djava.security.auth.login.config={}", jaas.display()),
        "-Dzookeeper.audit.enable=true".into(),
    ];
    Ensemble::told(1, Told { settings: settings.into(), java, tls: false }).await
}

// row 84
#[tokio::test(flavor = "multi_thread")]
async fn by_a_user_who_may_only_read_and_the_server_s_audit_knows_of_no_other_act() {
    let dir = tempfile::tempdir().unwrap();
    let ensemble = sasl_ensemble(&dir.path().join("jaas")).await;
    let writer = || {
        let login = SaslOptions::digest_md5("writer", "write-it");
        Client::connector().with_session_timeout(Duration::from_secs(4)).with_sasl(login)
    };
    let kyvos = connected(writer, &ensemble.address(0)).await;
    // The reader may read, and nobody may anything else but the writer.
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

    let stage = Stage::at(ensemble.port(), 1).await;
    stage
        .until("the payload is closed to nobody in particular", |state| {
            let master = state.services.sightings.get(MASTER);
            master.is_some_and(|known| known.sighted.trouble.is_some())
                || state.services.watch.as_ref().is_some_and(|watch| !watch.troubles.is_empty())
        })
        .await;

    stage.says(Command::SetAccess { access: login(&stage, "wrong"), expect: None }).await;
    stage.until("a wrong password is told", |state| because(state).contains("let us in")).await;
    stage.says(Command::SetAccess { access: login(&stage, "read-it"), expect: None }).await;
    stage
        .until("the master is read", |state| {
            let master = state.services.sightings.get(MASTER);
            master.is_some_and(|known| known.present && known.sighted.host == "bi1")
        })
        .await;
    stage.watches().await;
    // Everything that is done by hand and by itself: a look at the tree, another server, a change.
    stage.says(Command::Discover { root: "/".into() }).await;
    stage.until("the tree is looked at", |state| state.services.discovery.open().is_none()).await;
    kyvos.set_data(MASTER, b"bi2:8081", None).await.unwrap();
    stage
        .until("the change is seen", |state| state.services.sightings[MASTER].sighted.host == "bi2")
        .await;
    stage.end().await;

    let log = read(&ensemble.log(0));
    let acts: Vec<&str> = log.lines().filter(|line| line.contains("operation=")).collect();
    assert!(
        acts.iter().any(|act| act.contains("user=writer") && act.contains("operation=setData")),
        "{acts:?}"
    );
    let strange = acts.iter().filter(|act| act.contains("znode=") && !act.contains("user=writer"));
    assert_eq!(strange.collect::<Vec<_>>(), Vec::<&&str>::new());
    for secret in ["read-it", "hush"] {
        assert!(!format!("{:?}", acts).contains(secret));
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_with_a_certificate_of_ours_and_not_without() {
    let (dir, paper) = (tempfile::tempdir().unwrap(), paper());
    let file = |name: &str| dir.path().join(name);
    std::fs::write(file("server.pem"), format!("{}{}", paper.server.1, paper.server.0)).unwrap();
    std::fs::write(file("ca.pem"), &paper.ca_pem).unwrap();
    let settings = format!(
        "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory\n\
         ssl.keyStore.location={}\nssl.keyStore.type=PEM\nssl.trustStore.location={}\nssl.trustStore.type=PEM\n",
        file("server.pem").display(),
        file("ca.pem").display()
    );
    let ensemble = Ensemble::told(1, Told { settings, java: Vec::new(), tls: true }).await;
    let options = TlsOptions::new().with_pem_ca(&paper.ca_pem).unwrap();
    let options = options.with_pem_identity(&paper.client.0, &paper.client.1).unwrap();
    let address = format!("tcp+tls://{}", ensemble.address(0));
    let kyvos = connected(|| Client::connector().with_tls(options.clone()), &address).await;
    crate::ensemble::announce(&kyvos, BI1, "").await;

    let stage = Stage::at(ensemble.port(), 1).await;
    // In the clear nobody answers us in our words.
    stage.is_away().await;
    let tls = |identity| Access {
        tls: Some(Tls { ca_pem: paper.ca_pem.clone(), identity }),
        digest: None,
    };
    stage.says(Command::SetAccess { access: tls(None), expect: None }).await;
    stage
        .until("the server wants a certificate of us", |state| because(state).contains("let us in"))
        .await;
    let sealed_key =
        stage.group().seal(KEY_PURPOSE, &Secret::new(paper.client.1.as_str())).unwrap();
    let identity = Identity { certificate_pem: paper.client.0.clone(), sealed_key };
    stage.says(Command::SetAccess { access: tls(Some(identity)), expect: None }).await;
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
