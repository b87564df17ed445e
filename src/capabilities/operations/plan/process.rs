//! Restarting a Manager's process, and waiting until it is back (rows 56–67).
//!
//! The order to restart is the running step: the Manager reads it in its own facts, and only the process it names
//! obeys. So nobody has to reach the host for it, and no process is ended twice.

use super::Move;
use super::step::{Doing, STEP_MAX_MS};
use crate::capabilities::managers::plan::CAUGHT_UP_ENTRIES;
use crate::capabilities::operations::model::{StepEnd, StepStatus};

/// Longest time from the order until the new process answers: it hands over, lets open requests finish, closes
/// its store and opens it again.
const RESTART_MAX_MS: u64 = 2 * 60_000;

impl Doing<'_> {
    pub(super) fn restart(&self) -> Option<Move> {
        let (host, member) = (self.work.host, self.member());
        if self.runs_anew() {
            return self.done(format!("{host} runs in a new process"));
        }
        if self.kind.spares_the_active() && self.state.managers.is_active(member) {
            let detail =
                format!("{host} became Active meanwhile; the Active is not restarted here");
            return self.failed(detail);
        }
        self.begun(RESTART_MAX_MS, format!("{host} is asked to restart"))
    }

    pub(super) fn come_back(&self) -> Option<Move> {
        let (host, member) = (self.work.host, self.member());
        if self.was_passed_over() {
            return Some(self.end(StepEnd::Skipped, format!("{host} was passed over")));
        }
        let behind = self.seen.behind(member);
        if self.runs_anew() && behind <= CAUGHT_UP_ENTRIES {
            return self.done(format!("{host} is back and has caught up"));
        }
        let detail = match self.seen.answers(member) {
            true => format!("{host} is {behind} entries behind"),
            false => format!("{host} does not answer yet"),
        };
        self.begun(STEP_MAX_MS, detail)
    }

    /// Whether nothing was done that one could come back from.
    fn was_passed_over(&self) -> bool {
        let before =
            (self.at.step as usize).checked_sub(1).and_then(|at| self.operation.steps.get(at));
        before.is_some_and(|step| step.status == StepStatus::Skipped) && self.kind.passes_over()
    }

    /// Whether another process than the one to be restarted answers.
    fn runs_anew(&self) -> bool {
        let answering = self.seen.processes.get(&self.member()).copied();
        answering.is_some() && answering != self.work.process
    }
}
