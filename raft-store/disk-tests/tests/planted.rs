//! These tests see what they are for: a store that forgets to flush is found out, and so is plain sled.
//!
//! The fault is planted in the disk, which pretends to flush: for a store that is the same as not to ask for it,
//! and nothing of it can ever be shipped.

use std::path::Path;

use disk_tests::{Cut, Deaf, Mount, Nature};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::forgetful::{Tally, lives};
use crate::support::{alone, first_seed, have, say};

/// Enough for every fault planted here, several times over.
const RUNS_MAX: usize = 100;

/// Lives with a planted fault until that is found out, which it must be.
fn found_out(claim: &str, deaf: Deaf) {
    let Some(mount) = have(Mount::new(), claim) else { return };
    for (runs, seed) in (1..=RUNS_MAX).zip(first_seed()..) {
        let mut random = StdRng::seed_from_u64(!seed);
        let cuts = [(); 3].map(|()| Cut::InChange(random.random_range(30..300)));
        if let Err(what) = lives(&mount, seed, &cuts, deaf, &mut Tally::default()) {
            return say(&format!("{claim}: found out in run {runs}: {what}"));
        }
    }
    panic!("{claim}: not found out in {RUNS_MAX} runs");
}

#[test]
fn a_store_that_flushes_nothing_is_found_out() {
    let _alone = alone();
    found_out("planted: no flush at all", |_, _| true);
}

#[test]
fn a_store_that_does_not_flush_its_log_is_found_out() {
    let _alone = alone();
    found_out("planted: no flush of segments", |name, _| name.ends_with(".log"));
}

#[test]
fn a_store_that_does_not_flush_names_is_found_out() {
    let _alone = alone();
    found_out("planted: no flush of directories", |_, is_dir| is_dir);
}

#[test]
fn a_store_that_does_not_flush_its_checkpoints_is_found_out() {
    let _alone = alone();
    found_out("planted: no flush of checkpoints", |name, is_dir| {
        !is_dir && name.ends_with(".draft")
    });
}

/// Keys that plain sled said it had flushed before the disk failed.
pub(crate) fn flush_with_sled(dir: &Path, keys: u32) -> u32 {
    let Ok(db) = sled::open(dir) else { return 0 };
    for key in 0..keys {
        let put = db.insert(key.to_be_bytes(), vec![key as u8; 200]);
        if put.and_then(|_| db.flush()).is_err() {
            return key;
        }
    }
    keys
}

/// Whether plain sled still has all keys that it said it had flushed.
pub(crate) fn sled_kept(dir: &Path, flushed: u32) -> bool {
    let looked = std::panic::catch_unwind(|| {
        let db = sled::open(dir)?;
        for key in 0..flushed {
            if db.get(key.to_be_bytes())?.is_none() {
                return Ok(false);
            }
        }
        Ok::<_, sled::Error>(true)
    });
    matches!(looked, Ok(Ok(true)))
}

// Why the log is not on sled, and the history is followed by a flush of our own.
#[test]
fn plain_sled_with_only_its_own_flush_loses_what_it_acknowledged() {
    let _alone = alone();
    let claim = "plain sled";
    let Some(mount) = have(Mount::new(), claim) else { return };
    let (mut runs, mut lost) = (0, 0);
    for seed in (first_seed()..).take(5) {
        let mut random = StdRng::seed_from_u64(seed);
        let disk = mount.disk(Nature::honest(Cut::InChange(random.random_range(40..120))));
        let flushed = flush_with_sled(&disk.path().join("sled"), 300);
        let found = mount.survivor(disk, &mut random, Nature::honest(Cut::Never));
        runs += 1;
        lost += u32::from(!sled_kept(&found.path().join("sled"), flushed));
    }
    say(&format!("{claim}: lost what it had flushed in {lost} of {runs} runs"));
    assert!(lost > 0, "either sled or the disk is better than it was");
}
