//! Starting, stopping and awaiting services. How they stand only their hosts know, so the deed itself ends its step.

use super::step::{Doing, STEP_MAX_MS};
use super::{Act, Move, WaveDeed};

impl Doing<'_> {
    pub(super) fn wave(&self, deed: WaveDeed) -> Option<Move> {
        let because = self.work.title();
        let begun = self.begun(STEP_MAX_MS, because.clone());
        begun.or(Some(Move { because, act: Act::Wave { at: self.at, deed } }))
    }
}
