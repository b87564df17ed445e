//! On a disk that keeps no more than it must.

use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use disk_tests::life::{Ended, Seen, live};
use disk_tests::{Cut, ForgetfulDisk, Mount, Nature, Truth};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::{alone, first_seed, have, number, say};

/// Far longer than any life takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was done and seen in many runs.
#[derive(Default)]
pub(crate) struct Tally {
    cuts: u64,
    acknowledged: u64,
    histories_replaced: u64,
}

impl Tally {
    fn say(&self, claim: &str) {
        say(&format!(
            "{claim}: {} power cuts, {} steps acknowledged, 0 lost; history made anew {} times",
            self.cuts, self.acknowledged, self.histories_replaced
        ));
    }
}

/// Several lives on one disk, each but the last ended by a cut. Says what was broken.
pub(crate) fn lives(
    mount: &Mount,
    seed: u64,
    cuts: &[Cut],
    deaf: disk_tests::Deaf,
    tally: &mut Tally,
) -> Result<(), String> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut truth = Truth::default();
    let mut disk: Option<ForgetfulDisk> = None;
    for cut in cuts.iter().copied().chain([Cut::Never]) {
        let nature = Nature { cut, deaf };
        let powered = match disk.take() {
            None => mount.disk(nature),
            Some(dark) => mount.survivor(dark, &mut random, nature),
        };
        let steps = if cut == Cut::Never { 5 } else { random.random_range(5..60) };
        let seen;
        (seen, truth, random) = live_in_time(powered.path().join("store"), truth, random, steps)?;
        tally.histories_replaced += u64::from(seen.history_replaced);
        match seen.ended {
            Ended::Broken(what) => return Err(what),
            Ended::Failed(what) if !powered.is_dark() => return Err(what),
            Ended::Failed(_) | Ended::Whole => {}
        }
        tally.cuts += u64::from(cut != Cut::Never);
        disk = Some(powered);
    }
    tally.acknowledged += truth.told;
    Ok(())
}

/// A life in a thread of its own: one that never ends is a finding, and not a test that never ends.
fn live_in_time(
    home: PathBuf,
    mut truth: Truth,
    mut random: StdRng,
    steps: u32,
) -> Result<(Seen, Truth, StdRng), String> {
    let (told, ended) = mpsc::channel();
    thread::spawn(move || {
        let seen = live(&home, &mut truth, &mut random, steps);
        // Nobody waits any longer when the patience was over.
        let _ = told.send((seen, truth, random));
    });
    ended.recv_timeout(PATIENCE).map_err(|error| format!("a life did not come to its end: {error}"))
}

fn honest(_: &str, _: bool) -> bool {
    false
}

#[test]
fn no_cut_at_any_flush_loses_what_was_acknowledged() {
    let _alone = alone();
    let claim = "power cut at every flush";
    let Some(mount) = have(Mount::new(), claim) else { return };
    let mut tally = Tally::default();
    // From the first flush of the first second: the formatting, the first segment, the first history.
    for sync in 1..=number("DURABILITY_FLUSHES", 40) {
        for cut in [Cut::BeforeSync(sync), Cut::AfterSync(sync)] {
            let seed = first_seed() + sync;
            lives(&mount, seed, &[cut], honest, &mut tally)
                .unwrap_or_else(|what| panic!("seed {seed}, {cut:?}: {what}"));
        }
    }
    tally.say(claim);
}

#[test]
fn no_cut_at_any_moment_of_several_lives_loses_what_was_acknowledged() {
    let _alone = alone();
    let claim = "power cut at random moments";
    let Some(mount) = have(Mount::new(), claim) else { return };
    let mut tally = Tally::default();
    for seed in (first_seed()..).take(number("DURABILITY_RUNS", 40) as usize) {
        let mut random = StdRng::seed_from_u64(!seed);
        let cuts: Vec<Cut> = (0..random.random_range(1..5)).map(|_| any_cut(&mut random)).collect();
        lives(&mount, seed, &cuts, honest, &mut tally)
            .unwrap_or_else(|what| panic!("seed {seed}, {cuts:?}: {what}"));
    }
    tally.say(claim);
}

fn any_cut(random: &mut StdRng) -> Cut {
    match random.random_range(0..4_u8) {
        0 => Cut::BeforeSync(random.random_range(1..120)),
        1 => Cut::AfterSync(random.random_range(1..120)),
        2 => Cut::InChange(random.random_range(1..60)),
        _ => Cut::InChange(random.random_range(1..400)),
    }
}
