//! Starting, stopping and awaiting services. How they stand only their hosts know, so the deed itself ends its step.

use super::step::{Doing, STEP_MAX_MS};
use super::{Act, Move, WaveDeed};
use crate::capabilities::operations::model::{Kind, StepEnd};

impl Doing<'_> {
    pub(super) fn wave(&self, deed: WaveDeed) -> Option<Move> {
        let because = self.work.title();
        let begun = self.begun(STEP_MAX_MS, because.clone());
        begun.or(Some(Move { because, act: Act::Wave { at: self.at, deed } }))
    }

    /// What was known when Services HA decided, where people look for it.
    pub(super) fn evidence(&self) -> Option<Move> {
        let Kind::Recover(recover) = self.kind else { return None };
        let known = self.state.services.ha.recoveries.get(&recover.of.service);
        let decided = known.map(|known| &known.last).filter(|last| last.asked == recover.asked);
        match decided {
            Some(last) => self.done(format!("Down since {}. {}", last.down_since, last.because)),
            None => Some(self.end(StepEnd::Failed, "it was decided anew meanwhile")),
        }
    }
}
