//! What is done on hosts: letting a newcomer in, starting and stopping services, writing the script (rows 28,
//! 44, 56–63, 87).
//!
//! Here is chosen what a step comes to as far as the facts and the group tell. How its host stands only the chore
//! finds out, when it is there.

use super::step::Doing;
use super::{Act, Chore, Move};
use crate::base::{ManagerId, Sha256};
use crate::capabilities::installs::model::{Copy, Push, recovery_script};
use crate::capabilities::operations::model::{Kind, Removal, StepEnd, StepStatus};
use crate::capabilities::prechecks::model::Subject;

/// Longest time prechecks may take: hosts that do not answer are given up much earlier.
const PRECHECKS_MAX_MS: u64 = 5 * 60 * 1000;

impl Doing<'_> {
    /// Looked at since this step began, and nothing speaks against it, or that is accepted (rows 11–21).
    pub(super) fn prechecks(&self) -> Option<Move> {
        let host = self.work.host;
        let facts = &self.state.prechecks;
        let under_way = facts.run.as_ref().map(|run| &run.scope).into_iter().chain(&facts.pending);
        let awaited = under_way.into_iter().any(|scope| scope.holds(host));
        let since = self.step.started_at.filter(|_| self.step.status == StepStatus::Running);
        let fresh = since.is_some_and(|since| {
            let of_host = |subject: &Subject| subject.host.is_some();
            facts.about(host).any(|(subject, outcome)| of_host(subject) && outcome.at >= since)
        });
        if fresh && !awaited {
            return self.judged();
        }
        let because = format!("looking whether {host} is fit");
        let begun = self.begun(PRECHECKS_MAX_MS, because.clone());
        let ask = || Move { because, act: Act::Look { host: host.to_owned() } };
        begun.or_else(|| (!awaited).then(ask))
    }

    fn judged(&self) -> Option<Move> {
        let failures = self.state.prechecks.failures(self.work.host);
        let told: Vec<_> = failures
            .map(|(subject, outcome)| format!("{}: {}", subject.check.title(), outcome.detail))
            .collect();
        let accepted = self.kind.site().is_some_and(|site| site.accept_failed);
        match (told.is_empty(), accepted) {
            (true, _) => self.done("nothing speaks against it"),
            (false, true) => self.done(format!("accepted: {}", told.join("; "))),
            (false, false) => self.failed(told.join("; ")),
        }
    }

    /// Ended by the chore alone: a newcomer that shows in the facts may not have settled down on its host yet.
    pub(super) fn join(&self) -> Option<Move> {
        let role = self.kind.site()?.role;
        self.chore(Chore::Join(role), format!("letting {} in", self.work.host))
    }

    pub(super) fn start(&self) -> Option<Move> {
        let (host, member) = (self.work.host, self.member());
        if self.seen.answers(member) && !self.is_stopped(member) {
            return self.done(format!("{host} runs"));
        }
        self.became_active(member)
            .or_else(|| self.chore(Chore::Start(member), format!("starting {host}")))
    }

    pub(super) fn stop(&self) -> Option<Move> {
        let (host, member) = (self.work.host, self.member());
        let for_good = matches!(self.kind, Kind::Stop { .. });
        if !for_good && self.seen.answers(member) {
            return self.done(format!("{host} answers again"));
        }
        self.became_active(member)
            .or_else(|| self.chore(Chore::Stop { member, for_good }, format!("stopping {host}")))
    }

    /// One that is given up for lost has most likely been lost with its host.
    pub(super) fn uninstall(&self) -> Option<Move> {
        let otherwise = match self.kind {
            Kind::RemoveManager { why: Removal::Lost, .. } => StepEnd::Skipped,
            _ => StepEnd::Failed,
        };
        let because = format!("stopping the service on {}", self.work.host);
        self.chore_or(Chore::Uninstall, because, otherwise)
    }

    /// Written for this operation, in the present version: then there is nothing to do.
    pub(super) fn push(&self) -> Option<Move> {
        let host = self.work.host;
        let version = Sha256::of(recovery_script(self.state).as_bytes());
        match self.state.installs.pushes.get(&self.host()) {
            Some(Push { operation, copy: Copy::Written { path, sha256 }, .. })
                if *operation == self.at.id && *sha256 == version =>
            {
                self.done(format!("{path} {sha256}"))
            }
            Some(_) | None => self.chore(Chore::Push, format!("writing to {host}")),
        }
    }

    /// What was passed over is said at the end, and the operation has failed.
    pub(super) fn confirm(&self) -> Option<Move> {
        let steps = self.operation.steps.iter().filter(|step| step.name != "return");
        let passed_over = steps.filter(|step| step.status == StepStatus::Skipped);
        let told: Vec<_> = passed_over.map(|step| step.detail.as_str()).collect();
        match told.is_empty() {
            true => self.done("nothing was passed over"),
            false => Some(self.end(StepEnd::Failed, told.join("; "))),
        }
    }

    /// Row 57: an instance that became Active since is left alone.
    fn became_active(&self, member: ManagerId) -> Option<Move> {
        if !self.state.managers.is_active(member) {
            return None;
        }
        let host = self.work.host;
        self.failed(format!("{host} became Active meanwhile; the Active is not touched here"))
    }

    fn is_stopped(&self, member: ManagerId) -> bool {
        self.state.installs.stops.contains_key(&member)
    }
}
