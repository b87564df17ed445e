//! The addition of a Manager or witness: learner → caught up → voter (row 86).

use super::step::{Doing, STEP_MAX_MS};
use super::{Deed, Move};
use crate::capabilities::managers::plan::CAUGHT_UP_ENTRIES;

/// Progress is told again after this part of the whole, so that telling it does not become the work.
const PROGRESS_ONE_IN: u64 = 20;

impl Doing<'_> {
    pub(super) fn learner(&self) -> Option<Move> {
        let (host, member) = (self.work.host, self.member());
        if self.votes().is_some() {
            return self.votes();
        }
        if self.seen.counts(member) {
            return self.done(format!("{host} follows the log"));
        }
        let begun = self.begun(STEP_MAX_MS, format!("asking the group to let {host} follow"));
        let because = format!("{host} was admitted and does not follow yet");
        begun.or_else(|| self.deed(Deed::AddLearner(member), because))
    }

    pub(super) fn catch_up(&self) -> Option<Move> {
        if self.votes().is_some() {
            return self.votes();
        }
        if !self.seen.counts(self.member()) {
            return self.follows_no_more();
        }
        let (whole, behind) = (self.seen.last_log.0, self.seen.behind(self.member()));
        let got = whole - behind;
        let progress = format!("{got} of {whole} entries");
        if behind <= CAUGHT_UP_ENTRIES {
            return self.done(progress);
        }
        if let Some(begun) = self.begun(STEP_MAX_MS, progress.clone()) {
            return Some(begun);
        }
        let worth_telling = got >= self.told() + (whole / PROGRESS_ONE_IN).max(1);
        worth_telling.then(|| self.tell(progress))
    }

    pub(super) fn voter(&self) -> Option<Move> {
        let (host, member) = (self.work.host, self.member());
        if self.votes().is_some() {
            return self.votes();
        }
        if !self.seen.counts(member) {
            return self.follows_no_more();
        }
        let begun = self.begun(STEP_MAX_MS, format!("asking the group to let {host} vote"));
        begun.or_else(|| self.deed(Deed::Promote(member), format!("{host} has caught up")))
    }

    /// Whoever votes needs no further step.
    fn votes(&self) -> Option<Move> {
        let votes = self.seen.votes(self.member());
        votes.then(|| self.done(format!("{} votes", self.work.host)))?
    }

    fn follows_no_more(&self) -> Option<Move> {
        self.failed(format!("{} does not follow the log any more", self.work.host))
    }

    /// How many entries the last progress told of.
    fn told(&self) -> u64 {
        self.step.detail.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
    }
}
