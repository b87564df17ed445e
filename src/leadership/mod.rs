//! Being Active: who may act, for exactly how long, and what runs meanwhile.
//!
//! ```text
//!   standing ─→ mode ─→ leader of term T ─→ propose BecomeActive{T} ─→ applied at revision E ─→ Tenure{E} ─→ reconcilers
//!                 └── lead lost · quorum silent for the claim window · hand-over · shutdown ──→ ended ──→ every task joined
//! ```
//!
//! Reading order: `mode` (the rule, pure), `clock` (time that also passes while the machine sleeps),
//! `office` (the rule applied to this member, now), `tenure` (the value one must hold to act), `stopwatch` (what
//! is timed in it), `reconciler` and `driver` (what is done with it), `record` (when it began and ended, for those
//! who check).

mod clock;
mod driver;
mod mode;
mod office;
mod reconciler;
mod record;
mod stopwatch;
mod tenure;

pub use self::clock::BootAhead;
pub use self::driver::{Driver, HandOverFailure};
pub use self::mode::{Mode, Rule, Verdict};
pub use self::office::Office;
pub use self::reconciler::{Pass, Reconciler};
pub use self::record::{Milestone, Record};
pub use self::stopwatch::Stopwatch;
pub use self::tenure::{Ended, Tenure};
