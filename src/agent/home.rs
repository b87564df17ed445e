//! What lies in an agent's data directory.
//!
//! ```text
//!   DIR/identity/     ca.pem  agent.pem  agent.key      who this is; made by km agent enrol
//!   DIR/gate/         highest  members  acts-N.lock     the highest epoch seen, and who may ask
//!   DIR/units/NAME/   spec.json  wanted  status.json  keeper.lock  order.lock  out.log…
//!   DIR/puts/         one file for each file on its way, so that half a file never stays
//!   DIR/units.json    how every unit stands, for people and demos
//! ```

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::cli::outcome::Failure;
use crate::cluster::{AgentIdentity, Credentials, Shown, TlsFailure};

/// Only its owner may look into it: it holds a key.
const PRIVATE_DIR: u32 = 0o700;

/// An agent's data directory.
#[derive(Clone, Debug)]
pub(super) struct AgentHome {
    dir: PathBuf,
}

impl AgentHome {
    pub(super) fn at(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Makes the folders that are missing.
    pub(super) fn make(&self) -> Result<(), Failure> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(PRIVATE_DIR);
        for dir in [self.identity_dir(), self.gate(), self.units(), self.puts()] {
            builder.create(&dir).map_err(Failure::local(dir.display()))?;
        }
        Ok(())
    }

    /// What the agent shows and believes.
    pub(super) fn credentials(&self) -> Result<Credentials, Failure> {
        if !self.is_enrolled() {
            return Err(Failure::Refused(format!(
                "{} holds no enrolled agent: make a token with km hosts enrol, and run the command it prints here",
                self.dir.display()
            )));
        }
        let credentials = Credentials::load_agent(&self.identity_dir()).map_err(unusable)?;
        credentials.agent_must_be_of_its_authority().map_err(unusable)?;
        // The key has to be that of the certificate.
        Shown::of(&credentials).map_err(unusable)?;
        Ok(credentials)
    }

    /// Whose agent this is, if it was enrolled.
    pub(super) fn identity(&self) -> Result<Option<AgentIdentity>, Failure> {
        if !self.is_enrolled() {
            return Ok(None);
        }
        self.credentials()?.agent_identity().map(Some).map_err(unusable)
    }

    /// The certificate comes last, so with it the identity is whole.
    pub(super) fn is_enrolled(&self) -> bool {
        self.identity_dir().join("agent.pem").exists()
    }

    pub(super) fn identity_dir(&self) -> PathBuf {
        self.dir.join("identity")
    }

    pub(super) fn gate(&self) -> PathBuf {
        self.dir.join("gate")
    }

    pub(super) fn units(&self) -> PathBuf {
        self.dir.join("units")
    }

    pub(super) fn puts(&self) -> PathBuf {
        self.dir.join("puts")
    }

    pub(super) fn units_json(&self) -> PathBuf {
        self.dir.join("units.json")
    }
}

fn unusable(failure: TlsFailure) -> Failure {
    Failure::Refused(format!(
        "{failure}. Put the file back from a backup, or make a token with km hosts enrol and run the command it prints here \
         with --replace-identity"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::HostId;
    use crate::cluster::{CertificateRequest, GroupCa};

    #[test]
    fn a_damaged_identity_is_told_with_its_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let home = AgentHome::at(dir.path());
        home.make().unwrap();
        let identity = AgentIdentity { cluster_id: uuid::Uuid::from_u128(9), host: HostId(7) };
        let ca = GroupCa::generate(identity.cluster_id, 1_795_000_000).unwrap();
        let request = CertificateRequest::generate().unwrap();
        let credentials = Credentials {
            ca_pem: ca.certificate_pem().to_owned(),
            certificate_pem: ca.issue_agent(&request.csr_pem, identity, 1_795_000_000).unwrap(),
            key_pem: request.key_pem,
        };
        credentials.save_agent(&home.identity_dir()).unwrap();
        assert_eq!(home.identity().unwrap(), Some(identity));
        let of_another = GroupCa::generate(identity.cluster_id, 1_795_000_000).unwrap();
        for (name, damaged) in [
            ("ca.pem", of_another.certificate_pem()),
            ("ca.pem", "not this"),
            ("agent.pem", "not this"),
            ("agent.key", "not this"),
        ] {
            let path = home.identity_dir().join(name);
            let kept = std::fs::read(&path).unwrap();
            std::fs::write(&path, damaged).unwrap();
            let told = home.identity().unwrap_err().to_string();
            assert!(told.contains("--replace-identity"), "{name}: {told}");
            std::fs::write(&path, kept).unwrap();
        }
    }
}
