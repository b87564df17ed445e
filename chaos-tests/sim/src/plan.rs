//! Everything about a run that is not the product: how many members, how fast, how unlucky. All from the seed.

use kyvos_manager::capabilities::managers::model::Role;
use kyvos_manager::cluster::Thresholds;

use crate::dice::Dice;
use crate::disk::{Flushes, Lie};
use crate::net::Quality;

/// Clocks run at most so much too fast or too slow. Two hosts may then differ by almost the tenth of a lease that is
/// never used.
const DRIFT_PPM: u64 = 40_000;

/// What may be asked of a run.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub seed: u64,
    /// For how long things go wrong.
    pub seconds: u64,
    pub lie: Option<Lie>,
}

/// A run as it will be.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub seconds: u64,
    pub lie: Option<Lie>,
    /// Of the members it is founded with, and of a host more, to which members come and from which they go.
    pub roles: Vec<Role>,
    pub founders: usize,
    /// How far the world goes at once. No message is faster, so what happens within is simultaneous.
    pub window_us: u64,
    pub quality: Quality,
    pub flushes: Flushes,
    pub thresholds: Thresholds,
    pub drift_ppm: Vec<i64>,
    pub clients: usize,
    /// How long a client thinks, in milliseconds, at most.
    pub think_ms: u64,
    /// Pause between two faults, in milliseconds, at most.
    pub quiet_ms: u64,
    pub hold_ms: u64,
    pub agents: usize,
}

impl Plan {
    pub fn draw(wanted: &Wanted) -> Self {
        let mut dice = Dice::of(wanted.seed, "plan");
        let managers = if dice.chance(700) { 3 } else { 5 };
        let mut roles = vec![Role::Manager; managers];
        if dice.chance(200) {
            roles[managers - 1] = Role::Witness;
        }
        roles.push(Role::Manager);
        let window_us = *dice.one_of(&[4_000, 6_000, 8_000]);
        let jitter_us = *dice.one_of(&[500, 2_000, 10_000]);
        let loss_per_mille = *dice.one_of(&[0, 0, 2]);
        let quality = Quality { least_us: window_us + 1_000, jitter_us, loss_per_mille };
        let flushes = Flushes {
            least_us: dice.within(500..4_000),
            jitter_us: *dice.one_of(&[1_000, 8_000, 20_000]),
        };
        let entries_most = dice.within(20..200);
        let kept_behind = dice.within(0..100);
        let thresholds =
            Thresholds { entries_least: 20, entries_most, kept_behind, lag: dice.within(10..200) };
        let drift_ppm = (0..=managers)
            .map(|_| {
                i64::try_from(dice.within(0..2 * DRIFT_PPM)).expect("small") - DRIFT_PPM as i64
            })
            .collect();
        Self {
            seed: wanted.seed,
            seconds: wanted.seconds,
            lie: wanted.lie,
            roles,
            founders: managers,
            window_us,
            quality,
            flushes,
            thresholds,
            drift_ppm,
            clients: usize::try_from(dice.within(4..9)).expect("small"),
            think_ms: dice.within(60..160),
            quiet_ms: dice.within(500..3_000),
            hold_ms: dice.within(1_500..4_000),
            agents: 2,
        }
    }
}
