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
}

/// Asks to be enrolled, and keeps what comes. Gives the host's number.
pub async fn enrol(enrol: Enrol) -> Result<u64, Failure> {
    let Enrol { config, token, servers, trust } = enrol;
    let invitation: Invitation = token.trim().parse().map_err(|_| {
        Failure::Usage(
            "this is not an enrolment token: copy the whole line km hosts enrol printed".into(),
        )
    })?;
    let home = AgentHome::at(&config.data_dir);
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
