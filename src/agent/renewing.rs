//! The agent's certificate is renewed by the Active, in time and while the agent runs. The key stays.

use super::home::AgentHome;
use super::{Agent, No};
use crate::cluster::{CertificateRequest, Credentials};

/// A request to have the agent's key certified anew.
pub(super) fn request(agent: &Agent) -> Result<String, No> {
    let credentials = credentials(agent)?;
    let request = CertificateRequest::with_key(credentials.key_pem).map_err(failed)?;
    Ok(request.csr_pem)
}

/// Keeps a newer certificate, and shows it to whoever connects from now on. One that is not for this agent and this
/// key is refused, and the one there is goes on being shown.
pub(super) fn keep(agent: &Agent, certificate_pem: String) -> Result<(), No> {
    let newer = Credentials { certificate_pem, ..credentials(agent)? };
    if newer.agent_identity().map_err(refused)? != agent.identity.ok_or_else(no_identity)? {
        return Err(No::Refused("the certificate is for another host".into()));
    }
    let shown = agent.shown.as_ref().ok_or_else(no_identity)?;
    shown.show(&newer).map_err(refused)?;
    newer.save_agent(&AgentHome::at(&agent.config.data_dir).identity_dir()).map_err(failed)
}

fn credentials(agent: &Agent) -> Result<Credentials, No> {
    if agent.shown.is_none() {
        return Err(no_identity());
    }
    AgentHome::at(&agent.config.data_dir).credentials().map_err(failed)
}

fn no_identity() -> No {
    No::Refused("this host is reached over SSH and shows no certificate".into())
}

fn refused(failure: impl std::fmt::Display) -> No {
    No::Refused(failure.to_string())
}

fn failed(failure: impl std::fmt::Display) -> No {
    No::Failed(failure.to_string())
}
