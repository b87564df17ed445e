//! Randomness from a seed, for whole programs: whoever depends on this crate gets it from here instead of from the
//! kernel, every library in the program included.
//!
//! The standard library asks `getrandom` of the C library for the keys of its hash maps, and says that it may be stood
//! in for; tokio draws the order of its branches from there, and the `getrandom` crate, on which `rand` and `uuid` are
//! built, looks the same function up. So one definition makes a single-threaded program the same at every run of one
//! seed, without a switch at build time that would build every dependency a second time.
//!
//! Never for a program with secrets.

use std::sync::atomic::{AtomicU64, Ordering};

static STATE: AtomicU64 = AtomicU64::new(0);

/// Begins the randomness of `seed`.
pub fn begin(seed: u64) {
    STATE.store(seed, Ordering::Relaxed);
}

/// The next number of a SplitMix64 sequence, and its state after that.
pub fn next(state: u64) -> (u64, u64) {
    let state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31), state)
}

fn fill(bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(8) {
        let (number, state) = next(STATE.load(Ordering::Relaxed));
        STATE.store(state, Ordering::Relaxed);
        chunk.copy_from_slice(&number.to_le_bytes()[..chunk.len()]);
    }
}

/// Stands in for the C library's function of this name.
///
/// # Safety
/// As there: `buffer` is writable for `length` bytes.
#[expect(unsafe_code, reason = "the C library's signature")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    if length > 0 {
        // SAFETY: the caller's promise.
        fill(unsafe { std::slice::from_raw_parts_mut(buffer, length) });
    }
    isize::try_from(length).unwrap_or(isize::MAX)
}
