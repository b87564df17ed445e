//! Password hashes: argon2id, computed off the async threads and only a few at a time.
//!
//! The hash is made before the log, so that the log never holds a password; the salt is fresh each time.

use std::sync::{Arc, LazyLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::base::Secret;

/// Shortest password, in bytes.
pub const PASSWORD_MIN_BYTES: usize = 8;
/// Longest password, in bytes; hashing a longer one would only cost time.
pub const PASSWORD_MAX_BYTES: usize = 256;

/// Memory of one hash: 19 MiB with 2 passes, the lower of the two settings OWASP recommends.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// Hashes computed at a time. Each takes one thread and [`MEMORY_KIB`].
const AT_ONCE: usize = 2;
/// Hashes waiting for their turn; more are turned away, so that a flood of sign-ins cannot pile up.
const WAITING_MAX: usize = 32;

/// Computes password hashes, a few at a time.
pub struct Passwords {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// Why a password was not hashed or checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFailure {
    /// Shorter or longer than allowed.
    #[error("a password has {PASSWORD_MIN_BYTES} to {PASSWORD_MAX_BYTES} bytes")]
    Length,
    /// Too many are waiting.
    #[error("too many passwords are being checked")]
    Busy,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl Passwords {
    /// With the product's bounds.
    pub fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(WAITING_MAX)),
        }
    }

    /// The hash of a new password, as a PHC string.
    pub async fn hash(&self, password: Secret) -> Result<String, PasswordFailure> {
        let length = password.reveal().len();
        if !(PASSWORD_MIN_BYTES..=PASSWORD_MAX_BYTES).contains(&length) {
            return Err(PasswordFailure::Length);
        }
        self.in_turn(move || hash_now(&password)).await
    }

    /// Whether the password is the one behind the hash. Without a hash, for a user nobody has, it takes the
    /// same time and says no.
    pub async fn verify(
        &self,
        password: Secret,
        hash: Option<String>,
    ) -> Result<bool, PasswordFailure> {
        if password.reveal().len() > PASSWORD_MAX_BYTES {
            return Ok(false);
        }
        self.in_turn(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.clone());
            verify_now(&password, &hash) && known
        })
        .await
    }

    async fn in_turn<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, PasswordFailure> {
        let _place = self.places.try_acquire().map_err(|_| PasswordFailure::Busy)?;
        let turn = self.turns.clone().acquire_owned().await.expect("nobody closes it");
        let hashing = tokio::task::spawn_blocking(move || {
            // Held by the work itself: a caller that goes away must not let more of them run.
            let _turn = turn;
            work()
        });
        Ok(hashing.await.expect("hashing does not panic and is not aborted"))
    }
}

/// The hash of no password, so that unknown users cost the same time.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now(&Secret::new("nobody has this one")));

fn argon2() -> Argon2<'static> {
    let params =
        Params::new(MEMORY_KIB, PASSES, 1, None).expect("constants within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash_now(password: &Secret) -> String {
    let salt: [u8; 16] = rand::random();
    let hash: PasswordHash = argon2()
        .hash_password_with_salt(password.reveal().as_bytes(), &salt)
        .expect("salt and length are within argon2's bounds");
    hash.to_string()
}

fn verify_now(password: &Secret, hash: &str) -> bool {
    // The cost stands in the hash: one made by an earlier build with other settings still verifies.
    PasswordHash::new(hash)
        .is_ok_and(|parsed| argon2().verify_password(password.reveal().as_bytes(), &parsed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only() {
        let passwords = Passwords::new();
        let hash = passwords.hash(Secret::new("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify(Secret::new("correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(Secret::new("wrong horse"), Some(hash)).await.unwrap());
        assert!(!passwords.verify(Secret::new("nobody has this one"), None).await.unwrap());
        assert!(!passwords.verify(Secret::new("x"), Some("not a hash".into())).await.unwrap());
    }

    #[tokio::test]
    async fn a_password_has_8_to_256_bytes() {
        let passwords = Passwords::new();
        for bad in ["", "1234567", &"x".repeat(257)] {
            assert_eq!(passwords.hash(Secret::new(bad)).await, Err(PasswordFailure::Length));
        }
        assert!(!passwords.verify(Secret::new("x".repeat(1 << 20)), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_flood_of_sign_ins_is_turned_away() {
        let passwords = Passwords::new();
        let _taken = passwords.places.acquire_many(u32::try_from(WAITING_MAX).unwrap()).await;
        let answer = passwords.verify(Secret::new("12345678"), None).await;
        assert_eq!(answer, Err(PasswordFailure::Busy));
    }
}
