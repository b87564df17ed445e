//! `km agent enrol`: a host's agent gets its certificate, for a one-time token.
//!
//! The token is the text `km hosts enrol` printed: the secret, the digest of the authority's certificate, and where the
//! group is. Before the secret is shown, whoever answers has proven to be that group.

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::config::AgentConfig;
use super::failed;
use super::home::AgentHome;
use crate::base::{Digest, RequestId};
use crate::capabilities::hosts::model::host_of_token;
use crate::capabilities::managers::invitation::Invitation;
use crate::cli::client::{Access, Change, Client, Trust};
use crate::cli::outcome::Failure;
use crate::cluster::{CertificateRequest, Credentials, private_file};
use crate::node;

/// The key that waits for its certificate. An enrolment that is asked for again asks with the same.
const PENDING_KEY_FILE: &str = "pending.key";

/// What an enrolment needs.
pub struct Enrol {
    /// The agent's configuration.
    pub config: AgentConfig,
    /// The token.
    pub token: String,
    /// Whom to ask; nobody: whom the token names.
    pub servers: Vec<String>,
    /// Whom to believe; `None`: the authority the token names.
    pub trust: Option<Trust>,
    /// Whether an agent of another host, or another group, becomes this one's.
    pub replace_identity: bool,
}

/// Asks to be enrolled, and keeps what comes. Gives the host's number.
pub async fn enrol(enrol: Enrol) -> Result<u64, Failure> {
    let Enrol { config, token, servers, trust, replace_identity } = enrol;
    let invitation: Invitation = token.trim().parse().map_err(|_| {
        Failure::Usage(
            "this is not an enrolment token: copy the whole line km hosts enrol printed".into(),
        )
    })?;
    let home = AgentHome::at(&config.data_dir);
    if !replace_identity {
        stays_itself(&home, &invitation)?;
    }
    home.make()?;
    let request = pending_request(&home)?;
    let named = || invitation.members.iter().map(|member| format!("https://{member}"));
    let servers = if servers.is_empty() { named().collect() } else { servers };
    let trust = trust.unwrap_or(Trust::Fingerprint(invitation.authority));
    let client = Client::new(Access { servers, trust, token: None })?;
    let body = json!({
        "token": invitation.secret.reveal(),
        "csr_pem": request.csr_pem,
        "address": config.advertise,
    });
    // The same key with the same token is the same request: asking again gives the same certificate.
    let asked = Digest::of(format!("{} {}", token.trim(), request.csr_pem).as_bytes()).to_string();
    let name = RequestId::new(format!("enrol-{}", &asked[..32])).expect("hexadecimal digits");
    let answer = client.change(Change::post("/hosts/enrol", body).again(Some(name))).await?.body;
    let (host, credentials) = grant(&answer, request)?;
    node::check_authority(&credentials.ca_pem, invitation.authority)?;
    let identity = credentials.agent_identity().map_err(failed)?;
    if identity.host.0 != host {
        return Err(Failure::Refused(
            "the certificate is for another host: nothing was kept".into(),
        ));
    }
    credentials.save_agent(&home.identity_dir()).map_err(failed)?;
    // With the certificate beside it, the key has a name of its own.
    let _ = std::fs::remove_file(home.identity_dir().join(PENDING_KEY_FILE));
    Ok(host)
}

/// An agent that has a host already keeps it, unless it is told to let go. The token is not shown to anybody before.
fn stays_itself(home: &AgentHome, invitation: &Invitation) -> Result<(), Failure> {
    let Some(own) = home.identity()? else { return Ok(()) };
    let ca = home.credentials()?.ca_pem;
    let same_group = node::check_authority(&ca, invitation.authority).is_ok();
    let other = match (same_group, host_of_token(&invitation.secret)) {
        (true, Some(host)) if host == own.host => return Ok(()),
        (true, Some(host)) => format!("host {host}"),
        (true, None) => return Ok(()),
        (false, _) => "a host of another group".to_owned(),
    };
    Err(Failure::Refused(format!(
        "this agent is enrolled as host {}, and the token is for {other}: nothing was changed, and the token still holds. Make a token for host {} with km hosts enrol; or, if it shall become {other} and host {} have no agent any more, repeat this with --replace-identity",
        own.host, own.host, own.host
    )))
}

fn pending_request(home: &AgentHome) -> Result<CertificateRequest, Failure> {
    let path = home.identity_dir().join(PENDING_KEY_FILE);
    let told = Failure::local(path.display());
    match std::fs::read_to_string(&path) {
        Ok(key) => CertificateRequest::with_key(Zeroizing::new(key)).map_err(failed),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let request = CertificateRequest::generate().map_err(failed)?;
            private_file::write(&path, request.key_pem.as_bytes()).map_err(told)?;
            Ok(request)
        }
        Err(error) => Err(told(error)),
    }
}

fn grant(answer: &Value, request: CertificateRequest) -> Result<(u64, Credentials), Failure> {
    let unclear = || Failure::Refused("the group's answer cannot be understood".into());
    let text = |name: &str| answer[name].as_str().map(str::to_owned).ok_or_else(unclear);
    let credentials = Credentials {
        ca_pem: text("ca_pem")?,
        certificate_pem: text("certificate_pem")?,
        key_pem: request.key_pem,
    };
    Ok((answer["host"].as_u64().ok_or_else(unclear)?, credentials))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::base::{HostId, Secret};
    use crate::cluster::{AgentIdentity, GroupCa};

    /// 2026-01-01, in seconds.
    const NOW: u64 = 1_767_225_600;

    /// A group's authority.
    fn authority() -> (Uuid, GroupCa) {
        let group = Uuid::new_v4();
        (group, GroupCa::generate(group, NOW).unwrap())
    }

    /// The home of the agent of a host of that group.
    fn enrolled(dir: &std::path::Path, (cluster_id, ca): &(Uuid, GroupCa), host: u64) -> AgentHome {
        let home = AgentHome::at(dir);
        home.make().unwrap();
        let request = CertificateRequest::generate().unwrap();
        let identity = AgentIdentity { cluster_id: *cluster_id, host: HostId(host) };
        let certificate_pem = ca.issue_agent(&request.csr_pem, identity, NOW).unwrap();
        let (ca_pem, key_pem) = (ca.certificate_pem().to_owned(), request.key_pem);
        Credentials { ca_pem, certificate_pem, key_pem }.save_agent(&home.identity_dir()).unwrap();
        home
    }

    /// A token of a group for a host; nobody listens where it says the group is.
    fn token((_, ca): &(Uuid, GroupCa), host: u64) -> Invitation {
        use rustls_pki_types::CertificateDer;
        use rustls_pki_types::pem::PemObject;
        let der = CertificateDer::from_pem_slice(ca.certificate_pem().as_bytes()).unwrap();
        let secret = Secret::new(format!("km_e_{}_{host}", "a".repeat(64)));
        Invitation { secret, authority: Digest::of(&der), members: vec!["127.0.0.1:9".into()] }
    }

    #[test]
    fn an_agent_stays_whose_it_is_whatever_token_it_is_given() {
        let (ours, theirs) = (authority(), authority());
        let dir = tempfile::tempdir().unwrap();
        let home = enrolled(dir.path(), &ours, 4);
        assert!(stays_itself(&home, &token(&ours, 4)).is_ok(), "its own host, once more");
        for (other, named) in
            [(token(&theirs, 4), "a host of another group"), (token(&ours, 5), "host 5")]
        {
            let Err(Failure::Refused(told)) = stays_itself(&home, &other) else {
                panic!("{named} was let in")
            };
            assert!(told.contains(named) && told.contains("nothing was changed"), "{told}");
            assert!(!told.contains(other.secret.reveal()), "the token is not told");
        }
        // Who has no host yet may become anybody's.
        let nobody = tempfile::tempdir().unwrap();
        assert!(stays_itself(&AgentHome::at(nobody.path()), &token(&theirs, 4)).is_ok());
    }

    #[tokio::test]
    async fn a_token_of_another_group_is_refused_before_anybody_is_asked_and_changes_nothing() {
        let (ours, theirs) = (authority(), authority());
        let dir = tempfile::tempdir().unwrap();
        let home = enrolled(dir.path(), &ours, 4);
        let file = dir.path().join("agent.toml");
        let data_dir = dir.path().display();
        std::fs::write(
            &file,
            format!("[agent]\ndata_dir = \"{data_dir}\"\nadvertise = \"a:7447\"\n"),
        )
        .unwrap();
        let before = home.identity().unwrap();
        let refused = enrol(Enrol {
            config: AgentConfig::load(&file).unwrap(),
            token: token(&theirs, 4).reveal().reveal().to_owned(),
            servers: Vec::new(),
            trust: None,
            replace_identity: false,
        })
        .await;
        // Nobody listens at the address of the token: who asked there would find that out instead.
        let Err(Failure::Refused(told)) = refused else { panic!("{refused:?}") };
        assert!(told.contains("a host of another group"), "{told}");
        assert_eq!(home.identity().unwrap(), before);
        assert!(!home.identity_dir().join(PENDING_KEY_FILE).exists());
    }
}
