//! On a real ext4 whose power is cut under load: the kernel's own journal and page cache decide what is left.

use std::thread;
use std::time::Duration;

use blackout::Ext4;
use disk_tests::Truth;
use disk_tests::life::{Ended, live};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::planted::{flush_with_sled, sled_kept};
use crate::support::{alone, first_seed, have, number, say};

/// A disk that a life cannot fill.
const DISK_BYTES: u64 = 96 << 20;
/// A life goes on until its power is cut.
const ENDLESS: u32 = u32::MAX;
/// Longest life, in milliseconds.
const LIFE_MAX_MS: u64 = 250;

#[test]
fn no_cut_of_a_real_file_system_loses_what_was_acknowledged() {
    let _alone = alone();
    let claim = "power cut of ext4 under load";
    let dir = tempfile::tempdir().unwrap();
    let Some(mut disk) = have(Ext4::new(dir.path(), DISK_BYTES), claim) else { return };
    let mut random = StdRng::seed_from_u64(first_seed());
    let mut truth = Truth::default();
    let (cuts, mut replaced) = (number("DURABILITY_EXT4", 6), 0);
    for cut in 0..=cuts {
        let home = disk.path().join("store");
        let steps = if cut == cuts { 0 } else { ENDLESS };
        let seen = thread::scope(|scope| {
            let life = scope.spawn(|| live(&home, &mut truth, &mut random, steps));
            if cut < cuts {
                let alive_ms =
                    StdRng::seed_from_u64(first_seed() ^ cut).random_range(1..LIFE_MAX_MS);
                thread::sleep(Duration::from_millis(alive_ms));
                disk.cut().expect("a mounted ext4 can be turned off");
            }
            life.join().unwrap()
        });
        replaced += u32::from(seen.history_replaced);
        match seen.ended {
            Ended::Whole => {}
            Ended::Failed(_) if cut < cuts => {}
            Ended::Failed(what) | Ended::Broken(what) => panic!("cut {cut}: {what}"),
        }
        disk.repower().unwrap();
    }
    say(&format!(
        "{claim}: {cuts} power cuts, {} steps acknowledged, 0 lost; history made anew {replaced} times",
        truth.told
    ));
    assert!(truth.told > 0, "nothing was acknowledged, so nothing was shown");
}

#[test]
fn plain_sled_on_a_real_file_system_loses_what_it_acknowledged() {
    let _alone = alone();
    let claim = "plain sled on ext4";
    let dir = tempfile::tempdir().unwrap();
    let Some(mut disk) = have(Ext4::new(dir.path(), DISK_BYTES), claim) else { return };
    let (mut runs, mut lost) = (0, 0);
    for run in 0..4 {
        let home = disk.path().join(format!("sled-{run}"));
        let flushed = thread::scope(|scope| {
            let load = scope.spawn(|| flush_with_sled(&home, u32::MAX));
            thread::sleep(Duration::from_millis(300));
            disk.cut().unwrap();
            load.join().unwrap()
        });
        disk.repower().unwrap();
        runs += 1;
        lost += u32::from(!sled_kept(&home, flushed));
    }
    say(&format!("{claim}: lost what it had flushed in {lost} of {runs} runs"));
    assert!(lost > 0, "either sled or the cut is not what it was");
}
