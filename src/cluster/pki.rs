//! The group's own certificate authority: who is a member, proven by a certificate.
//!
//! The authority is made once, when the group is made. A Manager's identity is the URI name
//! `spiffe://<cluster-uuid>/km/<node-id>` in its certificate, and the role of a peer is decided from
//! nothing else. The agent of a host is `spiffe://<cluster-uuid>/agent/<host-id>`. The certificate also
//! carries [`peer_name`] or [`agent_name`], a DNS name made of the same two facts, so that a dialling Manager
//! can let the stock verifier check that it reached the very member or agent it meant; the remaining names of a
//! Manager are the hosts under which browsers and the CLI reach the API.
//!
//! Deliberately unaware of sockets and of the log: see `tls.rs` for the former.

use std::net::IpAddr;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use uuid::Uuid;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::vault::{GroupKey, VaultFailure};
use crate::base::HostId;

/// How long the authority is valid: longer than any installation is expected to live unattended.
const CA_DAYS: u64 = 20 * 365;

/// How long a member's certificate is valid. Managers tell the date in their status well ahead.
const LEAF_DAYS: u64 = 3 * 365;

/// Certificates are valid from a little before they are made: the clocks of hosts differ.
const BACKDATE: Duration = Duration::from_secs(24 * 3600);

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What the sealed authority key is bound to.
const CA_KEY_PURPOSE: &str = "group certificate authority key";

/// Why a certificate could not be made or was not believed.
#[derive(Debug, thiserror::Error)]
pub enum PkiFailure {
    /// The certificate library refused.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The authority's key does not open.
    #[error(transparent)]
    Vault(#[from] VaultFailure),
    /// A certificate that is valid but is not that of a Manager.
    #[error("peer certificate: {0}")]
    Identity(&'static str),
}

/// Who a certificate says its holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerIdentity {
    /// The group.
    pub cluster_id: Uuid,
    /// The member's number in that group.
    pub node_id: u64,
}

/// Whose agent a certificate says its holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentIdentity {
    /// The group.
    pub cluster_id: Uuid,
    /// The host's number in that group.
    pub host: HostId,
}

/// The group's certificate authority, with the key to issue from it.
pub struct GroupCa {
    certificate_pem: String,
    key_pem: Zeroizing<String>,
}

/// A new key pair and the request to have it certified.
pub struct CertificateRequest {
    /// The request, to be sent to a member.
    pub csr_pem: String,
    /// The key, which stays here.
    pub key_pem: Zeroizing<String>,
}

impl GroupCa {
    /// A new authority for a new group.
    pub fn generate(cluster_id: Uuid, now_unix_s: u64) -> Result<Self, PkiFailure> {
        let key = KeyPair::generate()?;
        let mut params = dated(now_unix_s, CA_DAYS);
        params.distinguished_name = common_name(&format!("Kyvos Manager group {cluster_id}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?;
        Ok(GroupCa {
            certificate_pem: certificate.pem(),
            key_pem: Zeroizing::new(key.serialize_pem()),
        })
    }

    /// Rebuilds the authority from what the group agreed on.
    pub fn open(certificate_pem: &str, sealed: &[u8], key: &GroupKey) -> Result<Self, PkiFailure> {
        let opened = key.open(CA_KEY_PURPOSE, sealed)?;
        let key_pem = std::str::from_utf8(&opened).map_err(|_| VaultFailure::WrongKey)?;
        Ok(GroupCa {
            certificate_pem: certificate_pem.to_owned(),
            key_pem: Zeroizing::new(key_pem.to_owned()),
        })
    }

    /// The authority's key, sealed: the only form in which it may enter the log.
    pub fn seal(&self, key: &GroupKey) -> Result<Vec<u8>, PkiFailure> {
        Ok(key.seal(CA_KEY_PURPOSE, self.key_pem.as_bytes())?)
    }

    /// The authority's certificate, which everybody may see.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Certifies the key of `csr_pem` as that of `identity`.
    ///
    /// Only the public key is taken from the request. Names and usages are ours to give: a request that
    /// asks for another member's name gets its own.
    pub fn issue(
        &self,
        csr_pem: &str,
        identity: PeerIdentity,
        hosts: &[String],
        now_unix_s: u64,
    ) -> Result<String, PkiFailure> {
        self.certify(csr_pem, leaf(identity, hosts, now_unix_s)?)
    }

    /// Certifies the key of `csr_pem` as that of a host's agent. Again, names are ours to give.
    pub fn issue_agent(
        &self,
        csr_pem: &str,
        identity: AgentIdentity,
        now_unix_s: u64,
    ) -> Result<String, PkiFailure> {
        self.certify(csr_pem, agent_leaf(identity, now_unix_s)?)
    }

    fn certify(&self, csr_pem: &str, params: CertificateParams) -> Result<String, PkiFailure> {
        let mut request = CertificateSigningRequestParams::from_pem(csr_pem)?;
        request.params = params;
        let key = KeyPair::from_pem(&self.key_pem)?;
        let issuer = Issuer::from_ca_cert_pem(&self.certificate_pem, key)?;
        Ok(request.signed_by(&issuer)?.pem())
    }
}

impl CertificateRequest {
    /// Makes a key pair and asks for nothing but its certification.
    pub fn generate() -> Result<Self, PkiFailure> {
        Self::with_key(Zeroizing::new(KeyPair::generate()?.serialize_pem()))
    }

    /// Asks for the certification of a key that exists.
    pub fn with_key(key_pem: Zeroizing<String>) -> Result<Self, PkiFailure> {
        let key = KeyPair::from_pem(&key_pem)?;
        let csr_pem = CertificateParams::default().serialize_request(&key)?.pem()?;
        Ok(CertificateRequest { csr_pem, key_pem })
    }
}

/// The DNS name by which members check each other. It is never looked up.
pub(crate) fn peer_name(identity: PeerIdentity) -> String {
    format!("km-{}.{}.kyvos-manager.internal", identity.node_id, identity.cluster_id)
}

/// The DNS name by which a Manager checks that it reached the agent of the host it meant. It is never looked up.
pub(crate) fn agent_name(identity: AgentIdentity) -> String {
    format!("host-{}.{}.kyvos-manager.internal", identity.host, identity.cluster_id)
}

/// Reads who the holder of `certificate` is. The chain must have been verified already.
pub(crate) fn identity_of(certificate: &CertificateDer<'_>) -> Result<PeerIdentity, PkiFailure> {
    let uri = only_uri(certificate)?;
    parse_uri(&uri).ok_or(PkiFailure::Identity("its URI name is not a Manager's"))
}

/// Reads whose agent the holder of `certificate` is. The chain must have been verified already.
pub(crate) fn agent_of(certificate: &CertificateDer<'_>) -> Result<AgentIdentity, PkiFailure> {
    let uri = only_uri(certificate)?;
    parse_agent_uri(&uri).ok_or(PkiFailure::Identity("its URI name is not a host agent's"))
}

fn only_uri(certificate: &CertificateDer<'_>) -> Result<String, PkiFailure> {
    let (_, parsed) = X509Certificate::from_der(certificate)
        .map_err(|_| PkiFailure::Identity("not an X.509 certificate"))?;
    let names = parsed
        .subject_alternative_name()
        .map_err(|_| PkiFailure::Identity("malformed subject alternative name"))?
        .ok_or(PkiFailure::Identity("no subject alternative name"))?;
    let mut uris = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    match (uris.next(), uris.next()) {
        (Some(uri), None) => Ok(uri.to_owned()),
        _ => Err(PkiFailure::Identity("expected exactly one URI name")),
    }
}

/// When the first certificate of `pem` ends, in seconds since 1970.
pub(crate) fn expires_at_unix_s(pem: &str) -> Option<u64> {
    use rustls_pki_types::pem::PemObject;
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let (_, parsed) = X509Certificate::from_der(&certificate).ok()?;
    u64::try_from(parsed.validity().not_after.timestamp()).ok()
}

fn parse_uri(uri: &str) -> Option<PeerIdentity> {
    let (cluster, node) = uri.strip_prefix("spiffe://")?.split_once("/km/")?;
    let identity = PeerIdentity { cluster_id: cluster.parse().ok()?, node_id: node.parse().ok()? };
    // One identity has one spelling: no signs, leading zeros or other forms of the uuid.
    (uri == uri_name(identity)).then_some(identity)
}

fn uri_name(identity: PeerIdentity) -> String {
    format!("spiffe://{}/km/{}", identity.cluster_id, identity.node_id)
}

fn parse_agent_uri(uri: &str) -> Option<AgentIdentity> {
    let (cluster, host) = uri.strip_prefix("spiffe://")?.split_once("/agent/")?;
    let identity = AgentIdentity { cluster_id: cluster.parse().ok()?, host: host.parse().ok()? };
    (uri == agent_uri(identity)).then_some(identity)
}

fn agent_uri(identity: AgentIdentity) -> String {
    format!("spiffe://{}/agent/{}", identity.cluster_id, identity.host)
}

fn leaf(
    identity: PeerIdentity,
    hosts: &[String],
    now_unix_s: u64,
) -> Result<CertificateParams, PkiFailure> {
    let mut params = end_entity(&format!("Kyvos Manager {}", identity.node_id), now_unix_s);
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![
        SanType::URI(uri_name(identity).try_into()?),
        SanType::DnsName(peer_name(identity).try_into()?),
    ];
    for host in hosts {
        params.subject_alt_names.push(host_name(host)?);
    }
    Ok(params)
}

/// An agent only ever listens: with its certificate it can dial nobody.
fn agent_leaf(identity: AgentIdentity, now_unix_s: u64) -> Result<CertificateParams, PkiFailure> {
    let mut params = end_entity(&format!("Kyvos host {}", identity.host), now_unix_s);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.subject_alt_names = vec![
        SanType::URI(agent_uri(identity).try_into()?),
        SanType::DnsName(agent_name(identity).try_into()?),
    ];
    Ok(params)
}

fn end_entity(name: &str, now_unix_s: u64) -> CertificateParams {
    let mut params = dated(now_unix_s, LEAF_DAYS);
    params.distinguished_name = common_name(name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params
}

fn host_name(host: &str) -> Result<SanType, rcgen::Error> {
    match host.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => Ok(SanType::DnsName(host.try_into()?)),
    }
}

fn dated(now_unix_s: u64, days: u64) -> CertificateParams {
    let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(now_unix_s);
    let mut params = CertificateParams::default();
    params.not_before = now - BACKDATE;
    params.not_after = now + DAY * u32::try_from(days).expect("a few years of days");
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::pem::PemObject;

    use super::*;

    const NOW: u64 = 1_795_000_000;

    fn identity(node_id: u64) -> PeerIdentity {
        PeerIdentity { cluster_id: Uuid::from_u128(7), node_id }
    }

    fn issue(ca: &GroupCa, node_id: u64) -> CertificateDer<'static> {
        let request = CertificateRequest::generate().unwrap();
        let hosts = ["km1.example".to_owned(), "127.0.0.1".to_owned()];
        let pem = ca.issue(&request.csr_pem, identity(node_id), &hosts, NOW).unwrap();
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
    }

    #[test]
    fn an_issued_certificate_says_who_its_holder_is() {
        let ca = GroupCa::generate(identity(1).cluster_id, NOW).unwrap();
        assert_eq!(identity_of(&issue(&ca, 42)).unwrap(), identity(42));
    }

    #[test]
    fn the_authority_survives_being_sealed_and_opened_elsewhere() {
        let key = GroupKey::generate().unwrap();
        let ca = GroupCa::generate(identity(1).cluster_id, NOW).unwrap();
        let sealed = ca.seal(&key).unwrap();

        let opened = GroupCa::open(ca.certificate_pem(), &sealed, &key).unwrap();
        assert_eq!(identity_of(&issue(&opened, 3)).unwrap(), identity(3));
        assert!(
            GroupCa::open(ca.certificate_pem(), &sealed, &GroupKey::generate().unwrap()).is_err()
        );
    }

    #[test]
    fn a_request_that_asks_for_another_members_name_gets_its_own() {
        let ca = GroupCa::generate(identity(1).cluster_id, NOW).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut wish = CertificateParams::default();
        wish.subject_alt_names = vec![SanType::URI(uri_name(identity(1)).try_into().unwrap())];
        let csr = wish.serialize_request(&key).unwrap().pem().unwrap();

        let pem = ca.issue(&csr, identity(9), &[], NOW).unwrap();
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        assert_eq!(identity_of(&certificate).unwrap(), identity(9));
    }

    #[test]
    fn an_agent_is_no_manager_and_a_manager_no_agent() {
        let ca = GroupCa::generate(identity(1).cluster_id, NOW).unwrap();
        let request = CertificateRequest::generate().unwrap();
        let agent = AgentIdentity { cluster_id: identity(1).cluster_id, host: HostId(12) };
        let pem = ca.issue_agent(&request.csr_pem, agent, NOW).unwrap();
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        assert_eq!(agent_of(&certificate).unwrap(), agent);
        assert!(identity_of(&certificate).is_err());
        assert!(agent_of(&issue(&ca, 12)).is_err());
        let cluster = agent.cluster_id;
        assert_eq!(parse_agent_uri(&format!("spiffe://{cluster}/agent/012")), None);
    }

    #[test]
    fn a_malformed_request_or_host_is_refused() {
        let ca = GroupCa::generate(identity(1).cluster_id, NOW).unwrap();
        assert!(ca.issue("not a request", identity(2), &[], NOW).is_err());
        let request = CertificateRequest::generate().unwrap();
        assert!(ca.issue(&request.csr_pem, identity(2), &["ümlaut".to_owned()], NOW).is_err());
    }

    #[test]
    fn a_certificate_without_a_managers_name_is_nobody() {
        let plain = rcgen::generate_simple_self_signed(["km1.example".to_owned()]).unwrap();
        assert!(identity_of(plain.cert.der()).is_err());
        assert!(identity_of(&CertificateDer::from(vec![1, 2, 3])).is_err());
    }

    #[test]
    fn one_identity_has_one_spelling() {
        let id = identity(4);
        assert_eq!(parse_uri(&uri_name(id)), Some(id));
        let cluster = id.cluster_id;
        for uri in [
            format!("spiffe://{cluster}/km/04"),
            format!("spiffe://{cluster}/km/+4"),
            format!("spiffe://{cluster}/agent/4"),
            format!("spiffe://{}/km/4", cluster.simple()),
            format!("https://{cluster}/km/4"),
            format!("spiffe://{cluster}/km/4/km/4"),
        ] {
            assert_eq!(parse_uri(&uri), None, "{uri}");
        }
    }

    #[test]
    fn the_end_of_a_certificate_can_be_told() {
        let ca = GroupCa::generate(identity(1).cluster_id, NOW).unwrap();
        assert_eq!(expires_at_unix_s(ca.certificate_pem()), Some(NOW + CA_DAYS * 24 * 3600));
    }
}
