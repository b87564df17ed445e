//! Trust by fingerprint: how a joining host knows the group before it has anything of the group's.
//!
//! Managers show their leaf together with the certificate of their group's authority. The digest of that
//! certificate came with the invitation, by another way, so an authority that matches it is the right one, and
//! the leaf is then verified against it as usual.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::base::Digest;

/// A TLS configuration that trusts the authority with this digest and nothing else.
pub(super) fn trusting(authority: Digest) -> ClientConfig {
    let provider = provider();
    let verifier = Pinned { authority, algorithms: provider.signature_verification_algorithms };
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider supports the default versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

#[derive(Debug)]
struct Pinned {
    authority: Digest,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let authority = others
            .iter()
            .find(|certificate| Digest::of(certificate) == self.authority)
            .ok_or(CertificateError::UnknownIssuer)?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|error| Error::General(error.to_string()))?
            .verify_server_cert(leaf, others, server, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, Issuer, KeyPair};

    use super::*;

    struct Shown {
        leaf: CertificateDer<'static>,
        authority: CertificateDer<'static>,
    }

    fn shown() -> Shown {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let issuer: &Issuer<'_, KeyPair> = &authority;
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["km1.example".to_owned()]).unwrap();
        let leaf = params.signed_by(&key, issuer).unwrap();
        Shown { leaf: leaf.der().clone(), authority: authority.der().clone() }
    }

    fn verify(pinned: Digest, shown: &Shown, host: &str) -> Result<ServerCertVerified, Error> {
        let algorithms = provider().signature_verification_algorithms;
        let server = ServerName::try_from(host.to_owned()).unwrap();
        Pinned { authority: pinned, algorithms }.verify_server_cert(
            &shown.leaf,
            std::slice::from_ref(&shown.authority),
            &server,
            &[],
            UnixTime::now(),
        )
    }

    #[test]
    fn only_a_leaf_of_the_pinned_authority_for_that_host_is_believed() {
        let shown = self::shown();
        let pinned = Digest::of(&shown.authority);
        verify(pinned, &shown, "km1.example").unwrap();
        verify(pinned, &shown, "km2.example").unwrap_err();
        verify(Digest::of(b"another"), &shown, "km1.example").unwrap_err();
    }

    #[test]
    fn showing_the_right_authority_does_not_make_a_strangers_leaf_believed() {
        let (honest, stranger) = (shown(), shown());
        let pinned = Digest::of(&honest.authority);
        let forged = Shown { leaf: stranger.leaf, authority: honest.authority };
        verify(pinned, &forged, "km1.example").unwrap_err();
    }
}
