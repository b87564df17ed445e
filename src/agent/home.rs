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
use crate::cluster::{AgentIdentity, Credentials};

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
        let told = |failure: crate::cluster::TlsFailure| Failure::Refused(failure.to_string());
        Credentials::load_agent(&self.identity_dir()).map_err(told)
    }

    /// Whose agent this is, if it was enrolled.
    pub(super) fn identity(&self) -> Result<Option<AgentIdentity>, Failure> {
        if !self.is_enrolled() {
            return Ok(None);
        }
        let identity = self.credentials()?.agent_identity();
        identity.map(Some).map_err(|failure| Failure::Refused(failure.to_string()))
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
