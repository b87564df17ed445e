//! What `km token create` shows and `km join` takes: where the group is, how to know it, and the right to join.
//!
//! `SECRET.AUTHORITY.HOST:PORT[,HOST:PORT…]`: the one-time secret, the digest of the certificate of the
//! group's authority, and the API addresses of members. With the digest a joining host can tell the group from
//! an impostor before it shows the secret. Deliberately unaware of what the secret looks like.

use std::fmt;
use std::str::FromStr;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::model::Facts;
use crate::base::{Digest, Secret};

/// Longest invitation, in bytes: two digests, and nine members with the longest host names.
pub const INVITATION_MAX_BYTES: usize = 4096;

/// An invitation to join the group.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The right to join, once.
    pub secret: Secret,
    /// Digest of the authority's certificate, in DER.
    pub authority: Digest,
    /// `HOST:PORT` of the API of members, in the order to try them.
    pub members: Vec<String>,
}

/// Why a text is no invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a join token: copy the whole line `km token create` printed")]
pub struct InvitationError;

impl Invitation {
    /// What is handed over to a joining host: the secret, how to know the group, and where it is. `None` before
    /// there is a group.
    pub fn of(facts: &Facts, secret: Secret) -> Option<Self> {
        let pem = facts.group.as_ref()?.ca_pem.as_bytes();
        let authority = Digest::of(&CertificateDer::from_pem_slice(pem).ok()?);
        let urls = facts.members.values().map(|member| member.profile.api_url.as_str());
        let members = urls.filter_map(|url| url.strip_prefix("https://"));
        let members = members.map(|rest| rest.trim_end_matches('/').to_owned()).collect();
        Some(Self { secret, authority, members })
    }

    /// The text to hand over. It holds the secret.
    pub fn reveal(&self) -> Secret {
        let Self { secret, authority, members } = self;
        Secret::new(format!("{}.{authority}.{}", secret.reveal(), members.join(",")))
    }
}

impl FromStr for Invitation {
    type Err = InvitationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > INVITATION_MAX_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvitationError);
        }
        let (secret, rest) = text.split_once('.').ok_or(InvitationError)?;
        let (authority, members) = rest.split_once('.').ok_or(InvitationError)?;
        let authority = Digest::from_hex(authority).ok_or(InvitationError)?;
        let members: Vec<_> = members.split(',').map(str::to_owned).collect();
        if secret.is_empty() || members.iter().any(String::is_empty) {
            return Err(InvitationError);
        }
        Ok(Self { secret: Secret::new(secret), authority, members })
    }
}

impl fmt::Display for Invitation {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invitation to {} by way of {}", self.authority, self.members.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_invitation_is_read_as_it_was_written() {
        let members = vec!["km1.example:7443".to_owned(), "[::1]:7443".to_owned()];
        let authority = Digest::of(b"certificate");
        let written = Invitation { secret: Secret::new("km_j_1"), authority, members }.reveal();
        let read: Invitation = written.reveal().parse().unwrap();
        assert_eq!(read.secret.reveal(), "km_j_1");
        assert_eq!(read.authority, authority);
        assert_eq!(read.members, ["km1.example:7443", "[::1]:7443"]);
        assert!(!read.to_string().contains("km_j_1"));
    }

    #[test]
    fn half_an_invitation_is_refused() {
        let digest = Digest::of(b"");
        let texts = ["", "a", "a.b", "a.b.c", &format!(".{digest}.x:1"), &format!("a.{digest}.")];
        for text in texts {
            assert_eq!(text.parse::<Invitation>().unwrap_err(), InvitationError, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_invitation_or_an_error_and_never_a_panic(text in "\\PC{0,200}") {
            let _ = text.parse::<Invitation>(); // either answer will do
        }
    }
}
