//! One hash of all facts at a revision. Members at the same revision must have the same one (row 81).

use std::io::{BufWriter, Write};

use super::State;
use crate::base::Digest;

/// The hash is fast on many bytes at once; facts are encoded a few at a time.
const AT_ONCE_BYTES: usize = 16 << 10;

/// The digest of all facts.
pub fn digest(state: &State) -> Digest {
    let mut hasher = blake3::Hasher::new();
    let mut out = BufWriter::with_capacity(AT_ONCE_BYTES, &mut hasher);
    bincode::serde::encode_into_std_write(state, &mut out, bincode::config::standard())
        .expect("facts are plain data and a hasher takes every byte");
    out.flush().expect("a hasher takes every byte");
    drop(out);
    Digest(*hasher.finalize().as_bytes())
}
