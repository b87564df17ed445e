//! Keys of the surface, all derived from the group key, so that every Manager computes the same.

use zeroize::Zeroizing;

use crate::base::{Digest, RequestId, Secret};

/// Derived keys. The group key itself is not kept.
pub(crate) struct Keys {
    fingerprint: Zeroizing<[u8; 32]>,
    shown_once: Zeroizing<[u8; 32]>,
}

/// What a token is for; the first letters of the token say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Session,
    Api,
    Join,
    Enrol,
}

impl TokenKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Session => "km_s_",
            Self::Api => "km_t_",
            Self::Join => "km_j_",
            Self::Enrol => "km_e_",
        }
    }
}

impl Keys {
    /// Derives the keys from the group key, given as the text it is handed over in.
    pub(crate) fn derive(group_key: &Secret) -> Self {
        let key =
            |context| Zeroizing::new(blake3::derive_key(context, group_key.reveal().as_bytes()));
        Self {
            fingerprint: key("kyvos-manager 2026 request fingerprint v1"),
            shown_once: key("kyvos-manager 2026 token shown once v1"),
        }
    }

    /// The digest that tells a repeated request from another one. It stands in the log, and the request may
    /// hold a password: keyed, so that nobody can try passwords against it without the group key.
    pub(crate) fn fingerprint(&self, parts: &[&[u8]]) -> Digest {
        keyed(&self.fingerprint, parts)
    }

    /// A new token. Under an idempotency key it is derived, so that the repeat can show it again although
    /// the group keeps only its digest; else it is random.
    pub(crate) fn token(&self, kind: TokenKind, asked: Option<(&RequestId, Digest)>) -> Secret {
        let bytes = match asked {
            Some((request, fingerprint)) => {
                let parts = [kind.prefix().as_bytes(), request.as_str().as_bytes(), &fingerprint.0];
                keyed(&self.shown_once, &parts)
            }
            None => Digest(rand::random()),
        };
        Secret::new(format!("{}{bytes}", kind.prefix()))
    }
}

/// A keyed hash of parts, each with its length in front, so that no two lists of parts look alike.
fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> Digest {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    Digest(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_request_is_shown_the_same_token_and_no_other_request_is() {
        let keys = Keys::derive(&Secret::new("group key"));
        let (one, two) = (RequestId::new("one").unwrap(), RequestId::new("two").unwrap());
        let asked = Digest::of(b"body");
        let shown =
            |request, of| keys.token(TokenKind::Api, Some((request, of))).reveal().to_owned();
        assert_eq!(shown(&one, asked), shown(&one, asked));
        assert_ne!(shown(&one, asked), shown(&two, asked));
        assert_ne!(shown(&one, asked), shown(&one, Digest::of(b"another body")));
        assert_ne!(
            keys.token(TokenKind::Api, None).reveal(),
            keys.token(TokenKind::Api, None).reveal()
        );
    }

    #[test]
    fn a_fingerprint_cannot_be_computed_without_the_group_key() {
        let (ours, theirs) =
            (Keys::derive(&Secret::new("ours")), Keys::derive(&Secret::new("theirs")));
        assert_ne!(ours.fingerprint(&[b"a", b"bc"]), theirs.fingerprint(&[b"a", b"bc"]));
        assert_ne!(ours.fingerprint(&[b"a", b"bc"]), ours.fingerprint(&[b"ab", b"c"]));
    }
}
