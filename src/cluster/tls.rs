//! How members encrypt and recognise each other on the peer port.
//!
//! TLS 1.3 only, both sides show a certificate of the group's authority, and nothing is resumed: a
//! resumed session would carry an identity that nobody has checked since. Deliberately knows no frame.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use zeroize::Zeroizing;

use super::pki::{self, AgentIdentity, PeerIdentity, PkiFailure};
use super::private_file;
use crate::base::Timestamp;

/// Certificate of the group's authority.
const CA_FILE: &str = "ca.pem";
/// This Manager's certificate.
const CERTIFICATE_FILE: &str = "manager.pem";
/// This Manager's key.
const KEY_FILE: &str = "manager.key";
/// An agent's certificate.
const AGENT_CERTIFICATE_FILE: &str = "agent.pem";
/// An agent's key.
const AGENT_KEY_FILE: &str = "agent.key";

/// What a Manager shows and what it believes. The API listener is run with the same.
#[derive(Clone)]
pub struct Credentials {
    /// Certificate of the group's authority, PEM.
    pub ca_pem: String,
    /// This Manager's certificate, PEM.
    pub certificate_pem: String,
    /// This Manager's private key, PEM.
    pub key_pem: Zeroizing<String>,
}

/// Why a TLS side could not be set up or a peer not be believed.
#[derive(Debug, thiserror::Error)]
pub enum TlsFailure {
    /// A credential file is missing or cannot be read or written.
    #[error("{path}: {cause}")]
    File {
        /// Which file.
        path: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A PEM text holds nothing usable.
    #[error("{what}: not usable PEM")]
    Pem {
        /// Which of the credentials.
        what: &'static str,
    },
    /// The library refused the certificate or the key.
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
    /// The peer's certificate is not that of a Manager.
    #[error(transparent)]
    Identity(#[from] PkiFailure),
    /// The authority is not usable as one.
    #[error("the group's authority: {0}")]
    Authority(String),
}

impl Credentials {
    /// Reads a Manager's three files of `dir`.
    pub fn load(dir: &Path) -> Result<Self, TlsFailure> {
        Self::load_named(dir, CERTIFICATE_FILE, KEY_FILE)
    }

    /// Reads an agent's three files of `dir`.
    pub fn load_agent(dir: &Path) -> Result<Self, TlsFailure> {
        Self::load_named(dir, AGENT_CERTIFICATE_FILE, AGENT_KEY_FILE)
    }

    fn load_named(dir: &Path, certificate: &str, key: &str) -> Result<Self, TlsFailure> {
        let read = |name: &str| {
            let path = dir.join(name);
            std::fs::read_to_string(&path)
                .map_err(|cause| TlsFailure::File { path: path.display().to_string(), cause })
        };
        Ok(Credentials {
            ca_pem: read(CA_FILE)?,
            certificate_pem: read(certificate)?,
            key_pem: Zeroizing::new(read(key)?),
        })
    }

    /// Writes a Manager's three files of `dir`, mode 0600. The certificate comes last: with it the set is whole.
    pub fn save(&self, dir: &Path) -> Result<(), TlsFailure> {
        self.save_named(dir, CERTIFICATE_FILE, KEY_FILE)
    }

    /// Writes an agent's three files of `dir`, likewise.
    pub fn save_agent(&self, dir: &Path) -> Result<(), TlsFailure> {
        self.save_named(dir, AGENT_CERTIFICATE_FILE, AGENT_KEY_FILE)
    }

    fn save_named(&self, dir: &Path, certificate: &str, key: &str) -> Result<(), TlsFailure> {
        let write = |name: &str, text: &str| {
            let path = dir.join(name);
            private_file::write(&path, text.as_bytes())
                .map_err(|cause| TlsFailure::File { path: path.display().to_string(), cause })
        };
        write(CA_FILE, &self.ca_pem)?;
        write(key, &self.key_pem)?;
        write(certificate, &self.certificate_pem)
    }

    /// Writes the certificate only: it was issued anew for the same key.
    pub(crate) fn save_certificate(&self, dir: &Path) -> Result<(), TlsFailure> {
        let path = dir.join(CERTIFICATE_FILE);
        private_file::write(&path, self.certificate_pem.as_bytes())
            .map_err(|cause| TlsFailure::File { path: path.display().to_string(), cause })
    }

    /// Who these credentials say we are.
    pub fn identity(&self) -> Result<PeerIdentity, TlsFailure> {
        let chain = certificates(&self.certificate_pem)?;
        let first = chain.first().ok_or(TlsFailure::Pem { what: "certificate" })?;
        Ok(pki::identity_of(first)?)
    }

    /// Whose agent these credentials say we are.
    pub fn agent_identity(&self) -> Result<AgentIdentity, TlsFailure> {
        let chain = certificates(&self.certificate_pem)?;
        let first = chain.first().ok_or(TlsFailure::Pem { what: "certificate" })?;
        Ok(pki::agent_of(first)?)
    }

    /// Whether the authority signed a Manager's certificate. A bit that turned in either shows nowhere else on this host: the
    /// others would not let it in, and it would not believe them. Whether the certificate has expired is not asked here.
    pub(crate) fn must_be_of_their_authority(&self) -> Result<(), TlsFailure> {
        self.must_be_signed_for(&server_name(self.identity()?))
    }

    /// The same of an agent's.
    pub(crate) fn agent_must_be_of_its_authority(&self) -> Result<(), TlsFailure> {
        self.must_be_signed_for(&agent_server_name(self.agent_identity()?))
    }

    fn must_be_signed_for(&self, name: &ServerName<'_>) -> Result<(), TlsFailure> {
        let unusable = || TlsFailure::Pem { what: "certificate" };
        let chain = certificates(&self.certificate_pem)?;
        let first = chain.first().ok_or_else(unusable)?;
        let ends = pki::expires_at_unix_s(&self.certificate_pem).ok_or_else(unusable)?;
        let while_valid = UnixTime::since_unix_epoch(Duration::from_secs(ends.saturating_sub(1)));
        let verifier = WebPkiServerVerifier::builder_with_provider(self.roots()?, provider())
            .build()
            .map_err(|error| TlsFailure::Authority(error.to_string()))?;
        verifier.verify_server_cert(first, &chain[1..], name, &[], while_valid)?;
        Ok(())
    }

    /// The listening side of the peer port, and of an agent.
    pub(crate) fn peer_server(&self, shown: Arc<Shown>) -> Result<Arc<ServerConfig>, TlsFailure> {
        let verifier = WebPkiClientVerifier::builder_with_provider(self.roots()?, provider())
            .build()
            .map_err(|error| TlsFailure::Authority(error.to_string()))?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(shown);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// The dialling side of the peer port, and of whoever asks an agent.
    pub(crate) fn peer_client(&self, shown: Arc<Shown>) -> Result<Arc<ClientConfig>, TlsFailure> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(self.roots()?)
            .with_client_cert_resolver(shown);
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }

    fn roots(&self) -> Result<Arc<RootCertStore>, TlsFailure> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.ca_pem)? {
            roots.add(certificate)?;
        }
        Ok(Arc::new(roots))
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, TlsFailure> {
        PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes())
            .map_err(|_| TlsFailure::Pem { what: "private key" })
    }
}

/// What this member shows to its peers. It may be changed while connections are made: each shows what there is.
#[derive(Debug)]
pub(crate) struct Shown {
    now: ArcSwap<Showing>,
}

#[derive(Debug)]
struct Showing {
    /// `None` on roads of a simulation, which need no certificate.
    certified: Option<Arc<CertifiedKey>>,
    expires_at: Option<Timestamp>,
}

impl Shown {
    /// Shows these from now on.
    pub(crate) fn of(credentials: &Credentials) -> Result<Arc<Self>, TlsFailure> {
        Ok(Arc::new(Self { now: ArcSwap::from_pointee(Showing::of(credentials)?) }))
    }

    /// Shows nothing.
    pub(crate) fn nothing() -> Arc<Self> {
        Arc::new(Self { now: ArcSwap::from_pointee(Showing { certified: None, expires_at: None }) })
    }

    /// Shows others, from the next connection on.
    pub(crate) fn show(&self, credentials: &Credentials) -> Result<(), TlsFailure> {
        self.now.store(Arc::new(Showing::of(credentials)?));
        Ok(())
    }

    /// When the certificate that is shown ends.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        self.now.load().expires_at
    }
}

impl Showing {
    fn of(credentials: &Credentials) -> Result<Self, TlsFailure> {
        let chain = certificates(&credentials.certificate_pem)?;
        let certified = CertifiedKey::from_der(chain, credentials.key()?, &provider())?;
        let ends = pki::expires_at_unix_s(&credentials.certificate_pem);
        let expires_at = ends.map(|seconds| Timestamp(seconds * 1000));
        Ok(Self { certified: Some(Arc::new(certified)), expires_at })
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.now.load().certified.clone()
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.now.load().certified.clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The name under which the verifier checks that a dialled peer is the very member meant.
pub(crate) fn server_name(peer: PeerIdentity) -> ServerName<'static> {
    ServerName::try_from(pki::peer_name(peer)).expect("a number and a uuid make a DNS name")
}

/// The name under which the verifier checks that a dialled agent is that of the very host meant.
pub(crate) fn agent_server_name(agent: AgentIdentity) -> ServerName<'static> {
    ServerName::try_from(pki::agent_name(agent)).expect("a number and a uuid make a DNS name")
}

/// Who sits at the other end of a verified connection.
pub(crate) fn peer_identity(
    chain: Option<&[CertificateDer<'_>]>,
) -> Result<PeerIdentity, TlsFailure> {
    let first = chain.and_then(<[_]>::first).ok_or(TlsFailure::Pem { what: "peer certificate" })?;
    Ok(pki::identity_of(first)?)
}

/// Named explicitly everywhere, so that nothing depends on a process-wide default.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsFailure> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| TlsFailure::Pem { what: "certificate" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::pki::{CertificateRequest, GroupCa};

    #[test]
    fn credentials_are_read_back_from_their_directory() {
        let dir = tempfile::tempdir().unwrap();
        let id = PeerIdentity { cluster_id: uuid::Uuid::from_u128(9), node_id: 3 };
        let ca = GroupCa::generate(id.cluster_id, 1_795_000_000).unwrap();
        let request = CertificateRequest::generate().unwrap();
        let credentials = Credentials {
            ca_pem: ca.certificate_pem().to_owned(),
            certificate_pem: ca.issue(&request.csr_pem, id, &[], 1_795_000_000).unwrap(),
            key_pem: request.key_pem,
        };
        credentials.save(dir.path()).unwrap();

        let loaded = Credentials::load(dir.path()).unwrap();
        assert_eq!(loaded.identity().unwrap(), id);
        let shown = Shown::of(&loaded).unwrap();
        loaded.peer_server(shown.clone()).unwrap();
        loaded.peer_client(shown).unwrap();
    }

    // row 89
    #[test]
    fn a_certificate_issued_anew_is_kept_and_shown_without_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let id = PeerIdentity { cluster_id: uuid::Uuid::from_u128(9), node_id: 3 };
        let ca = GroupCa::generate(id.cluster_id, 1_795_000_000).unwrap();
        let request = CertificateRequest::generate().unwrap();
        let issue = |at| ca.issue(&request.csr_pem, id, &[], at).unwrap();
        let mut credentials = Credentials {
            ca_pem: ca.certificate_pem().to_owned(),
            certificate_pem: issue(1_795_000_000),
            key_pem: request.key_pem.clone(),
        };
        credentials.save(dir.path()).unwrap();
        let shown = Shown::of(&credentials).unwrap();
        let (first, ends) = (shown.now.load().certified.clone(), shown.expires_at().unwrap());

        credentials.certificate_pem = issue(1_795_000_000 + 3_600);
        credentials.save_certificate(dir.path()).unwrap();
        shown.show(&credentials).unwrap();

        let second = ResolvesClientCert::resolve(&*shown, &[], &[]).unwrap();
        assert_ne!(first.unwrap().cert, second.cert);
        assert_eq!(shown.expires_at().unwrap(), ends.plus_ms(3_600_000));
        assert_eq!(Credentials::load(dir.path()).unwrap().identity().unwrap(), id);
    }

    #[test]
    fn a_certificate_that_its_authority_did_not_sign_is_told_and_one_that_has_expired_is_not() {
        let id = PeerIdentity { cluster_id: uuid::Uuid::from_u128(9), node_id: 3 };
        let long_ago = 1_500_000_000;
        let [ca, other] = [(); 2].map(|()| GroupCa::generate(id.cluster_id, long_ago).unwrap());
        let request = CertificateRequest::generate().unwrap();
        let of = |ca: &GroupCa, by: &GroupCa| Credentials {
            ca_pem: ca.certificate_pem().to_owned(),
            certificate_pem: by.issue(&request.csr_pem, id, &[], long_ago).unwrap(),
            key_pem: request.key_pem.clone(),
        };
        of(&ca, &ca).must_be_of_their_authority().unwrap();
        assert!(of(&ca, &other).must_be_of_their_authority().is_err());
    }

    #[test]
    fn a_certificate_for_another_key_is_not_shown() {
        let id = PeerIdentity { cluster_id: uuid::Uuid::from_u128(9), node_id: 3 };
        let ca = GroupCa::generate(id.cluster_id, 1_795_000_000).unwrap();
        let [ours, theirs] = [(); 2].map(|()| CertificateRequest::generate().unwrap());
        let credentials = Credentials {
            ca_pem: ca.certificate_pem().to_owned(),
            certificate_pem: ca.issue(&theirs.csr_pem, id, &[], 1_795_000_000).unwrap(),
            key_pem: ours.key_pem,
        };
        assert!(Shown::of(&credentials).is_err());
    }

    #[test]
    fn a_missing_or_damaged_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let failure = Credentials::load(dir.path()).err().unwrap().to_string();
        assert!(failure.contains("ca.pem"), "{failure}");
    }
}
