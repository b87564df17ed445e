//! What the group does for the agents of its hosts: certifies them, and opens connections to them.
//!
//! The authority that certifies Managers certifies agents too, by another kind of name, so neither can pass for the
//! other. What is said to an agent is not known here, see [`crate::remote`].

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::home::HomeFailure;
use super::joining::AdmitFailure;
use super::pki::AgentIdentity;
use super::vault::VaultFailure;
use super::{Group, ssh_key, tcp, tls};
use crate::base::{HostId, Secret};
use crate::capabilities::hosts::model::SshKey;

/// Longest time for each of: TCP connect, TLS handshake.
const STEP_DEADLINE: Duration = Duration::from_secs(3);

/// What the sealed SSH key is bound to.
const SSH_KEY_PURPOSE: &str = "group ssh key";

/// A certificate for a host's agent, and whom the agent is to believe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentCertificate {
    /// The group.
    pub cluster_id: Uuid,
    /// Certificate of the group's authority.
    pub ca_pem: String,
    /// The agent's certificate.
    pub certificate_pem: String,
}

/// Why an agent could not be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialFailure {
    #[error("{0} within {STEP_DEADLINE:?}")]
    Deadline(&'static str),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Why the group's SSH key cannot be used here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SshKeyFailure {
    #[error(
        "the group has no SSH key: make one with km hosts ssh-key --new, and let it sign in on the hosts"
    )]
    None,
    #[error(transparent)]
    Key(#[from] AdmitFailure),
    #[error(transparent)]
    Vault(#[from] VaultFailure),
}

/// Opens connections to agents in the name of this Manager.
#[derive(Clone)]
pub struct AgentDialer {
    connector: TlsConnector,
    cluster_id: Uuid,
}

impl Group {
    /// Certifies a key as that of the agent of `host`. Whether its agent may have one is for the caller to know.
    pub fn certify_agent(
        &self,
        host: HostId,
        csr_pem: &str,
    ) -> Result<AgentCertificate, AdmitFailure> {
        let ca = self.authority()?;
        let identity = AgentIdentity { cluster_id: self.cluster_id(), host };
        let certificate_pem = ca
            .issue_agent(csr_pem, identity, (self.core.wall_clock)().0 / 1000)
            .map_err(AdmitFailure::BadRequest)?;
        let ca_pem = ca.certificate_pem().to_owned();
        Ok(AgentCertificate { cluster_id: identity.cluster_id, ca_pem, certificate_pem })
    }

    /// Connections to agents in this Manager's name; they show whatever certificate it has at the time.
    pub fn agent_dialer(&self) -> Result<AgentDialer, HomeFailure> {
        let config: Arc<ClientConfig> =
            self.core.home.credentials()?.peer_client(self.core.shown.clone())?;
        Ok(AgentDialer { connector: TlsConnector::from(config), cluster_id: self.cluster_id() })
    }

    /// Seals a secret for a purpose under the group key.
    pub fn seal(&self, purpose: &str, secret: &Secret) -> Result<Vec<u8>, AdmitFailure> {
        let sealed = self.group_key()?.seal(purpose, secret.reveal().as_bytes());
        sealed.map_err(|failure| AdmitFailure::NoAuthority(failure.to_string()))
    }

    /// Opens what was sealed for that purpose.
    pub fn open_sealed(&self, purpose: &str, sealed: &[u8]) -> Result<Secret, AdmitFailure> {
        let no_key = |why: String| AdmitFailure::NoAuthority(why);
        let opened = self.group_key()?.open(purpose, sealed);
        let opened = opened.map_err(|failure| no_key(failure.to_string()))?;
        let text = std::str::from_utf8(&opened).map_err(|error| no_key(error.to_string()))?;
        Ok(Secret::new(text))
    }

    /// A new key for signing in on hosts reached over SSH, its private part sealed under the group key.
    pub fn new_ssh_key(&self) -> Result<SshKey, AdmitFailure> {
        let no_key = |because: String| AdmitFailure::NoAuthority(because);
        let (public, private) = ssh_key::generate(self.cluster_id()).map_err(no_key)?;
        let sealed = self.group_key()?.seal(SSH_KEY_PURPOSE, private.as_bytes());
        Ok(SshKey { public, sealed: sealed.map_err(|failure| no_key(failure.to_string()))? })
    }
}

impl Group {
    /// The private part of the group's SSH key, in OpenSSH's form; the refusal says what to do when there is none.
    pub(crate) fn open_ssh_key(&self) -> Result<Zeroizing<String>, SshKeyFailure> {
        let sealed = self.view(|state| state.hosts.ssh_key.as_ref().map(|key| key.sealed.clone()));
        let sealed = sealed.ok_or(SshKeyFailure::None)?;
        let opened = self.group_key()?.open(SSH_KEY_PURPOSE, &sealed)?;
        let text = std::str::from_utf8(&opened).map_err(|_| VaultFailure::WrongKey)?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

impl AgentDialer {
    /// Opens a connection to the agent of `host`. Whoever answers has proven to be that very agent.
    pub(crate) async fn dial(
        &self,
        host: HostId,
        address: &str,
    ) -> Result<TlsStream<TcpStream>, DialFailure> {
        let stream = step("no TCP connection", TcpStream::connect(address)).await??;
        tcp::prepare(&stream)?;
        let name = tls::agent_server_name(AgentIdentity { cluster_id: self.cluster_id, host });
        Ok(step("no TLS handshake", self.connector.connect(name, stream)).await??)
    }
}

async fn step<T>(what: &'static str, work: impl Future<Output = T>) -> Result<T, DialFailure> {
    timeout(STEP_DEADLINE, work).await.map_err(|_| DialFailure::Deadline(what))
}
