//! The world's time, which nobody in it sees, and the clock of each process, which runs at a rate of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use kyvos_manager::base::Timestamp;
use tokio::time::Instant;

/// Parts of a rate: a clock at this rate goes as the world does.
const TRUE_RATE: u64 = 1_000_000;

/// When the world begins, on everybody's wall clock.
const BEGINNING_MS: u64 = 1_795_000_000_000;

/// How far the world has come, in microseconds. Moves from window to window.
#[derive(Debug, Default)]
pub struct WorldTime(AtomicU64);

impl WorldTime {
    /// Now, or a little earlier: the beginning of the present window.
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// The next window begins.
    pub fn set(&self, now: u64) {
        self.0.store(now, Ordering::Relaxed);
    }
}

/// The monotonic clock of one process, from its start on. Clones are the same.
#[derive(Clone, Debug)]
pub struct ProcessClock {
    began: u64,
    base: Instant,
    rate: u64,
    /// For how long its machine was suspended: then it stood still.
    slept_us: Arc<AtomicU64>,
}

impl ProcessClock {
    /// Begins at this moment of the world, in the present runtime. `drift_ppm` is by how much it is too fast.
    pub fn begin(world: u64, drift_ppm: i64) -> Self {
        Self {
            began: world,
            base: Instant::now(),
            rate: TRUE_RATE.saturating_add_signed(drift_ppm),
            slept_us: Arc::default(),
        }
    }

    /// Its machine was suspended for so long.
    pub fn sleep(&self, us: u64) {
        self.slept_us.fetch_add(us, Ordering::Relaxed);
    }

    /// By how much the boot clock, which goes on in a suspended machine, is ahead of it.
    pub fn boot_ahead(&self) -> Duration {
        Duration::from_micros(self.slept())
    }

    /// The world's time, by this clock, when this is the present runtime.
    pub fn world_now(&self) -> u64 {
        let local = u64::try_from(self.base.elapsed().as_micros()).expect("a run is short");
        self.began + self.slept() + local * TRUE_RATE / self.rate
    }

    /// The whole milliseconds of this clock when it is so late in the world.
    pub fn at(&self, world: u64) -> Instant {
        self.base + Duration::from_millis(self.local_us(world) / 1000)
    }

    /// The first millisecond of this clock that is not earlier.
    pub fn not_before(&self, world: u64) -> Instant {
        // Rounded up twice: at that moment `world_now` is not earlier either.
        let local_us = (self.awake_us(world) * self.rate).div_ceil(TRUE_RATE);
        self.base + Duration::from_millis(local_us.div_ceil(1000))
    }

    fn local_us(&self, world: u64) -> u64 {
        self.awake_us(world) * self.rate / TRUE_RATE
    }

    /// How much of the world's time until then it was not suspended.
    fn awake_us(&self, world: u64) -> u64 {
        world.saturating_sub(self.began + self.slept())
    }

    fn slept(&self) -> u64 {
        self.slept_us.load(Ordering::Relaxed)
    }
}

/// The wall clock of a host: the world's time, and how far it is off.
#[derive(Clone, Debug)]
pub struct WallClock {
    world: Arc<WorldTime>,
    off_ms: Arc<AtomicI64>,
}

impl WallClock {
    /// Right, for now.
    pub fn new(world: Arc<WorldTime>) -> Self {
        Self { world, off_ms: Arc::default() }
    }

    /// Jumps.
    pub fn set_off(&self, off_ms: i64) {
        self.off_ms.store(off_ms, Ordering::Relaxed);
    }

    /// What it says.
    pub fn says(&self) -> Timestamp {
        let true_ms = BEGINNING_MS + self.world.now() / 1000;
        Timestamp(true_ms.saturating_add_signed(self.off_ms.load(Ordering::Relaxed)))
    }
}
