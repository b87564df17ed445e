//! The flags that say whom to ask and as whom, and how they go together with a remembered sign-in.

use std::path::{Path, PathBuf};

use clap::Args;

use super::client::{Access, Client, Trust};
use super::outcome::Failure;
use super::output::{Format, Output};
use super::session::{self, Session};
use crate::base::{RequestId, Secret};

/// Where a Manager on this host listens unless told otherwise.
const LOCAL_SERVER: &str = "https://localhost:7443";

/// Options every client verb takes.
#[derive(Args, Clone, Debug)]
pub struct Connect {
    /// URL of a Manager; any will do. Repeat it to name others to try
    #[arg(long, global = true, value_name = "URL", env = "KM_SERVER", value_delimiter = ',')]
    pub server: Vec<String>,
    /// PEM file with the authority to trust
    #[arg(long, global = true, value_name = "FILE", env = "KM_CA")]
    pub ca: Option<PathBuf>,
    /// Session or API token
    #[arg(long, global = true, value_name = "TOKEN", env = "KM_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Make the change under this request id; repeat one whose outcome is unknown under its own
    #[arg(long, global = true, value_name = "ID", value_parser = request_id)]
    pub request_id: Option<RequestId>,
    /// How answers are printed
    #[arg(long, global = true, value_enum, default_value_t)]
    pub output: Format,
}

impl Connect {
    /// The printer.
    pub fn output(&self) -> Output {
        Output { format: self.output }
    }

    /// A client as these flags and the remembered sign-in say.
    pub fn client(&self) -> Result<Client, Failure> {
        Ok(Client::new(self.access(session::load())?)?.under(self.request_id.clone()))
    }

    /// What the flags say, completed from the remembered sign-in.
    ///
    /// The remembered token goes only to servers that prove themselves by the remembered authority: it must
    /// not leave for a stranger because a `--server` was typed.
    pub(super) fn access(&self, session: Option<Session>) -> Result<Access, Failure> {
        let session = session.unwrap_or_default();
        let given_ca = self.ca.as_deref().map(read_ca).transpose()?;
        let same_authority = given_ca.is_none() || given_ca == session.ca_pem;
        let remembered =
            (same_authority && !session.token.is_empty()).then(|| Secret::new(session.token));
        let token = self.token.as_ref().map(Secret::new).or(remembered);
        let trust = given_ca.or(session.ca_pem).map_or(Trust::System, Trust::Authority);
        Ok(Access { servers: self.servers(session.servers), trust, token })
    }

    fn servers(&self, remembered: Vec<String>) -> Vec<String> {
        if !self.server.is_empty() {
            return self.server.clone();
        }
        if remembered.is_empty() { vec![LOCAL_SERVER.to_owned()] } else { remembered }
    }
}

fn request_id(text: &str) -> Result<RequestId, String> {
    RequestId::new(text).map_err(|error| error.to_string())
}

fn read_ca(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("--ca {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> Connect {
        Connect { server: vec![], ca: None, token: None, request_id: None, output: Format::Table }
    }

    fn remembered() -> Option<Session> {
        Some(Session {
            servers: vec!["https://km2:7443".into()],
            ca_pem: Some("authority".into()),
            token: "km_s_1".into(),
        })
    }

    #[test]
    fn without_flags_the_remembered_sign_in_is_used() {
        let access = flags().access(remembered()).unwrap();
        assert_eq!(access.servers, ["https://km2:7443"]);
        assert_eq!(access.token.unwrap().reveal(), "km_s_1");
        assert_eq!(flags().access(None).unwrap().servers, [LOCAL_SERVER]);
    }

    #[test]
    fn the_remembered_token_is_not_sent_under_another_authority() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "another").unwrap();
        let access = Connect { ca: Some(path), ..flags() }.access(remembered()).unwrap();
        assert!(access.token.is_none());
    }

    #[test]
    fn a_given_token_wins() {
        let access = Connect { token: Some("t".into()), ..flags() }.access(remembered()).unwrap();
        assert_eq!(access.token.unwrap().reveal(), "t");
    }
}
