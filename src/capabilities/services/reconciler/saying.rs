//! A pass that only says what has to be said: the group judges each word again, and what is done on hosts the operations
//! do.

use super::super::plan::may_judge;
use crate::base::Timestamp;
use crate::capabilities::managers::port::{ActFailure, Reach};
use crate::leadership::Pass;
use crate::machine::{Command, State};

/// Who says something, and what is told of it in the log of the Manager.
pub(super) struct Saying {
    /// What a failure is told of.
    pub(super) of: &'static str,
    /// What was done when the group agreed.
    pub(super) done: &'static str,
    /// What has to be said now.
    pub(super) words: fn(&State, Timestamp) -> Vec<Command>,
}

impl Saying {
    /// One pass.
    pub(super) async fn pass(&self, reach: &impl Reach) -> Pass {
        if !reach.look(|state, _| may_judge(state)) {
            return Pass::Nothing;
        }
        let mut done = Pass::Nothing;
        for command in reach.look(|state, seen| (self.words)(state, seen.now)) {
            match reach.propose(command).await {
                Ok(()) => done = Pass::Did(self.done.into()),
                // Something else was agreed on a moment before, or is being done; the next pass looks again.
                Err(ActFailure::Refused(_)) => {}
                Err(failure) => return Pass::Failed(format!("{}: {failure}", self.of)),
            }
        }
        done
    }
}
