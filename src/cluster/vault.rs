//! The group key, and what it seals: secrets that travel in the log, where only their ciphertext may be.
//!
//! The key itself is a file of mode 0600 on every Manager. It is handed over once, in the answer to a
//! join, and never enters the log, a checkpoint or a backup of either.

use std::fmt;
use std::io;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

use super::summed_file;

/// Length of the group key in bytes.
const KEY_LEN: usize = 32;

/// First byte of everything sealed, so that the cipher can be replaced one day.
const SEALED_V1: u8 = 1;

/// The key shared by the Managers of one group and by nobody else.
pub struct GroupKey(Zeroizing<[u8; KEY_LEN]>);

/// Why something could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultFailure {
    /// The key file is missing, unreadable or not a key.
    #[error(
        "group key file {path}: {cause}. Put it back from a backup, or let the host in anew with `km join --replace`"
    )]
    KeyFile {
        /// Where the key should be.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Wrong key, or the sealed bytes were changed. The two cannot be told apart.
    #[error("the sealed secret does not open with this group's key")]
    WrongKey,
    /// The random generator or the cipher refused to work.
    #[error("sealing failed: {0}")]
    Cipher(&'static str),
}

impl GroupKey {
    /// A new random key, for a new group.
    pub fn generate() -> Result<Self, VaultFailure> {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        aws_lc_rs::rand::fill(bytes.as_mut_slice())
            .map_err(|_| VaultFailure::Cipher("no randomness"))?;
        Ok(GroupKey(bytes))
    }

    /// Reads the key file.
    pub fn load(path: &Path) -> Result<Self, VaultFailure> {
        let text = summed_file::read(path).map_err(|error| key_file(path, error.to_string()))?;
        Self::from_hex(&text).map_err(|cause| key_file(path, cause.to_owned()))
    }

    /// Writes the key file, mode 0600.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        summed_file::write(path, &self.to_hex())
    }

    /// The key as text, for the answer to a join. Handle it like a password.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Reads what [`to_hex`](Self::to_hex) wrote.
    pub fn from_hex(text: &str) -> Result<Self, &'static str> {
        if text.len() != 2 * KEY_LEN || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("expected 64 hexadecimal digits");
        }
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16)
                .expect("two hexadecimal digits, checked above");
        }
        Ok(GroupKey(bytes))
    }

    /// Seals `secret`. `purpose` is authenticated too: what was sealed as one thing does not open as
    /// another.
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, VaultFailure> {
        let mut text = secret.to_vec();
        let nonce = self
            .cipher()?
            .seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut text)
            .map_err(|_| VaultFailure::Cipher("cannot seal"))?;
        let mut sealed = vec![SEALED_V1];
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut text);
        Ok(sealed)
    }

    /// Opens what [`seal`](Self::seal) made for the same purpose.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultFailure> {
        let Some((&SEALED_V1, rest)) = sealed.split_first() else {
            return Err(VaultFailure::WrongKey);
        };
        let Some((nonce, text)) = rest.split_first_chunk::<NONCE_LEN>() else {
            return Err(VaultFailure::WrongKey);
        };
        let mut text = Zeroizing::new(text.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self
            .cipher()?
            .open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut text)
            .map_err(|_| VaultFailure::WrongKey)?
            .len();
        text.truncate(length);
        Ok(text)
    }

    fn cipher(&self) -> Result<RandomizedNonceKey, VaultFailure> {
        RandomizedNonceKey::new(&AES_256_GCM, self.0.as_slice())
            .map_err(|_| VaultFailure::Cipher("bad key"))
    }
}

fn key_file(path: &Path, cause: String) -> VaultFailure {
    VaultFailure::KeyFile { path: path.display().to_string(), cause }
}

impl fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sealed_secret_opens_only_with_its_key_and_for_its_purpose() {
        let key = GroupKey::generate().unwrap();
        let sealed = key.seal("ca", b"secret").unwrap();

        assert_eq!(key.open("ca", &sealed).unwrap().as_slice(), b"secret");
        assert!(key.open("other", &sealed).is_err());
        assert!(GroupKey::generate().unwrap().open("ca", &sealed).is_err());
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn the_key_file_is_read_back_and_a_damaged_one_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("group.key");
        let key = GroupKey::generate().unwrap();
        key.save(&path).unwrap();
        assert_eq!(GroupKey::load(&path).unwrap().to_hex(), key.to_hex());

        std::fs::write(&path, "zz").unwrap();
        let failure = GroupKey::load(&path).unwrap_err().to_string();
        assert!(failure.contains("group.key"), "{failure}");
    }

    #[test]
    fn the_key_never_prints() {
        let key = GroupKey::generate().unwrap();
        assert!(!format!("{key:?}").contains(&key.to_hex()[..8]));
    }

    proptest! {
        #[test]
        fn damaged_ciphertext_is_refused_and_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..80)) {
            let key = GroupKey::from_hex(&"ab".repeat(KEY_LEN)).unwrap();
            prop_assert!(key.open("ca", &noise).is_err());
        }
    }
}
