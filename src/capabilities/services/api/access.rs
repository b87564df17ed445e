//! How ZooKeeper is spoken to. Passwords and keys come in, are sealed, and are never shown again.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{
    self, Access, Identity, KEY_PURPOSE, Login, PASSWORD_PURPOSE, PEM_MAX_BYTES, Tls,
};
use crate::api::{Answer, Change, Fault, IfMatch, Problem, Reader, Routes, TrustServices, View};
use crate::base::{Revision, Secret};
use crate::machine::State;

/// Longest password, in bytes.
const PASSWORD_MAX_BYTES: usize = 1_024;

/// How ZooKeeper is spoken to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ZookeeperAccess {
    /// Over TLS; null: in the clear.
    pub tls: Option<ZookeeperTls>,
    /// By SASL DIGEST-MD5; null: as nobody in particular.
    pub digest: Option<ZookeeperLogin>,
    /// Revision of the last change; 0 when nobody set anything.
    pub revision: u64,
}

/// Whom to believe to be a ZooKeeper server, and who we are to it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ZookeeperTls {
    /// Certificates of the authorities that are believed.
    pub ca_pem: String,
    /// Our own certificate; null: we show none.
    pub certificate_pem: Option<String>,
}

/// As whom.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ZookeeperLogin {
    /// The user name.
    pub username: String,
}

/// How ZooKeeper is to be spoken to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetZookeeperAccess {
    /// Over TLS; left out or null: in the clear.
    tls: Option<SetZookeeperTls>,
    /// By SASL DIGEST-MD5; left out or null: as nobody in particular.
    digest: Option<SetZookeeperLogin>,
}

/// Whom to believe, and who we are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetZookeeperTls {
    /// Certificates of the authorities to believe.
    ca_pem: String,
    /// Our own certificate and those up to its authority.
    certificate_pem: Option<String>,
    /// Its private key; left out: the key that was given last.
    #[schema(value_type = Option<String>)]
    key_pem: Option<Secret>,
}

/// As whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetZookeeperLogin {
    /// The user name. Give it the right to read and no other.
    username: String,
    /// The password; left out: the one that was given last.
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
}

type Setting = Change<TrustServices, SetZookeeperAccess, IfMatch>;

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(get, set))
}

/// How ZooKeeper is spoken to, without passwords and keys.
#[utoipa::path(get, path = "/services/access", operation_id = "get_zookeeper_access", tag = "services",
    responses((status = 200, body = ZookeeperAccess)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn get(reader: Reader<View>) -> Result<Answer<ZookeeperAccess>, Problem> {
    reader.show(|state| Ok(shown(state))).map(tagged)
}

/// Says how ZooKeeper is to be spoken to. Kyvos Manager only reads there: give it no more rights.
#[utoipa::path(put, path = "/services/access", operation_id = "set_zookeeper_access", tag = "services",
    params(IfMatch), request_body = SetZookeeperAccess,
    responses((status = 200, body = ZookeeperAccess)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn set(change: Setting) -> Result<Answer<ZookeeperAccess>, Problem> {
    let known = change.surface.group.view(|state| state.services.access());
    let tls = change.body.tls.as_ref().map(|tls| sealed_tls(&change, tls, known.tls));
    let digest =
        change.body.digest.as_ref().map(|login| sealed_login(&change, login, known.digest));
    let access = Access { tls: tls.transpose()?, digest: digest.transpose()? };
    let command = model::Command::SetAccess { access, expect: change.expect() };
    let committed = change.propose(command, None).await?;
    let now = |state: &State| Some(shown(state));
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, now)))
}

fn sealed_tls(change: &Setting, tls: &SetZookeeperTls, known: Option<Tls>) -> Result<Tls, Problem> {
    is_pem("ca_pem", &tls.ca_pem)?;
    let kept = known.and_then(|known| known.identity).map(|identity| identity.sealed_key);
    let identity = match (&tls.certificate_pem, &tls.key_pem) {
        (None, None) => None,
        (None, Some(_)) => {
            return Err(invalid("key_pem is the key of a certificate_pem, which is missing."));
        }
        (Some(certificate), key) => {
            is_pem("certificate_pem", certificate)?;
            let missing = "certificate_pem needs its key_pem.";
            let sealed_key =
                sealed(change, KEY_PURPOSE, key.as_ref(), PEM_MAX_BYTES, kept, missing)?;
            Some(Identity { certificate_pem: certificate.clone(), sealed_key })
        }
    };
    Ok(Tls { ca_pem: tls.ca_pem.clone(), identity })
}

fn sealed_login(
    change: &Setting,
    login: &SetZookeeperLogin,
    known: Option<Login>,
) -> Result<Login, Problem> {
    if login.username.is_empty() {
        return Err(invalid("username must not be empty."));
    }
    // A password belongs to its name: another name needs its own.
    let kept = known.filter(|known| known.username == login.username);
    let kept = kept.map(|known| known.sealed_password);
    let (password, missing) =
        (login.password.as_ref(), "digest needs a password for this username.");
    let sealed_password =
        sealed(change, PASSWORD_PURPOSE, password, PASSWORD_MAX_BYTES, kept, missing)?;
    Ok(Login { username: login.username.clone(), sealed_password })
}

/// What is given is sealed; else what was sealed before stays.
fn sealed(
    change: &Setting,
    purpose: &str,
    given: Option<&Secret>,
    max_bytes: usize,
    kept: Option<Vec<u8>>,
    missing: &str,
) -> Result<Vec<u8>, Problem> {
    match given {
        None => kept.ok_or_else(|| invalid(missing)),
        Some(secret) if secret.reveal().is_empty() || secret.reveal().len() > max_bytes => {
            Err(invalid(&format!("The {purpose} must have 1 to {max_bytes} bytes.")))
        }
        Some(secret) => Ok(change.surface.group.seal(purpose, secret)?),
    }
}

fn is_pem(field: &str, text: &str) -> Result<(), Problem> {
    match text.contains("-----BEGIN CERTIFICATE-----") {
        true => Ok(()),
        false => Err(invalid(&format!("{field} must hold a certificate in PEM form."))),
    }
}

fn invalid(why: &str) -> Problem {
    Problem::new(Fault::InvalidInput, why)
}

fn shown(state: &State) -> ZookeeperAccess {
    let access = state.services.access();
    let tls = |tls: Tls| ZookeeperTls {
        ca_pem: tls.ca_pem,
        certificate_pem: tls.identity.map(|identity| identity.certificate_pem),
    };
    ZookeeperAccess {
        tls: access.tls.map(tls),
        digest: access.digest.map(|login| ZookeeperLogin { username: login.username }),
        revision: state.services.access.as_ref().map(|set| set.revision.0).unwrap_or_default(),
    }
}

fn tagged(answer: Answer<ZookeeperAccess>) -> Answer<ZookeeperAccess> {
    answer.tagged_by(|access| Revision(access.revision))
}
