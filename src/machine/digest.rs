//! One hash of all facts at a revision. Members at the same revision must have the same one (row 81).

use super::State;
use crate::base::Digest;

/// The digest of all facts.
pub fn digest(state: &State) -> Digest {
    let mut hasher = blake3::Hasher::new();
    bincode::serde::encode_into_std_write(state, &mut hasher, bincode::config::standard())
        .expect("facts are plain data and a hasher takes every byte");
    Digest(*hasher.finalize().as_bytes())
}
