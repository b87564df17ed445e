//! Who is Active, and when nobody is, why: as far as this Manager's facts and what it hears of the others tell.

use std::collections::BTreeSet;

use super::{ExplainedRule, Explanation};
use crate::api::sight::Sight;
use crate::base::{ManagerId, Revision};
use crate::capabilities::managers::model::Role;
use crate::capabilities::operations::model::{Kind, Status};
use crate::leadership::{Mode, Rule};
use crate::machine::State;

/// Who is Active, and why this Manager is or is not; when nobody is, why nobody is.
pub(super) fn active(state: &State, sight: &Sight) -> Explanation {
    let view = View { state, sight };
    let because = &sight.verdict.because;
    let somebody = sight.active(state).is_some();
    let verdict = match sight.verdict.mode {
        Mode::Active(_) => because.clone(),
        Mode::Passive if somebody => format!("This Manager is Passive. {because}"),
        Mode::Passive | Mode::NoQuorum => format!("Nobody is Active: {}.", view.why_nobody()),
    };
    let mut rules: Vec<_> = sight.verdict.rules.iter().cloned().map(shown).collect();
    if !somebody {
        rules.extend([view.quorum_rule(), view.candidates_rule(), view.lease_rule()]);
    }
    Explanation { topic: "active", verdict, rules }
}

/// What is known here.
struct View<'a> {
    state: &'a State,
    sight: &'a Sight,
}

impl View<'_> {
    /// The first reason that applies, from what is wrong here to what is only under way.
    fn why_nobody(&self) -> String {
        let standing = &self.sight.standing;
        if let Some(why) = &standing.removed {
            return format!("{why}; who is Active in the group is not known here");
        }
        if let Some(why) = &standing.stopped {
            return format!("consensus stopped on this Manager ({why}), so it hears of nobody");
        }
        if let Some(leader) = self.led_elsewhere() {
            return format!(
                "others say that {} leads, and this Manager does not hear it: the way between the two is cut, or it has just fallen silent",
                self.host(leader)
            );
        }
        if !self.has_quorum() {
            return self.without_quorum();
        }
        if self.able().is_empty() {
            return format!("no voter that answers may be: {}", self.hindrances().join("; "));
        }
        self.under_way()
    }

    /// Somebody else whom others that answer follow, and who is not heard here as a leader.
    fn led_elsewhere(&self) -> Option<ManagerId> {
        if self.sight.verdict.mode != Mode::NoQuorum {
            return None;
        }
        let others = self.sight.peers.iter().filter(|peer| peer.reachable);
        let told = others.filter_map(|peer| peer.status.as_ref());
        let fresh = told.filter(|status| status.term >= self.sight.standing.term);
        fresh.filter_map(|status| status.leader).find(|leader| *leader != self.sight.here)
    }

    fn has_quorum(&self) -> bool {
        self.sight.quorum_without(&BTreeSet::new())
    }

    fn without_quorum(&self) -> String {
        let silent: Vec<_> = self.voters().filter(|id| !self.sight.reaches(*id)).collect();
        let votes = format!("there is no quorum, {}", self.votes());
        let alone = silent.len() + 1 == self.sight.standing.voters.len() && silent.len() > 1;
        let stopped = silent.iter().all(|id| self.is_stopped(*id));
        match (alone, stopped) {
            (_, true) => {
                format!(
                    "{votes}; stopped on purpose, to be started: {}",
                    self.listed(&silent, "and")
                )
            }
            (true, false) => format!(
                "{votes}; either {} are down, or this Manager is cut off from them",
                self.listed(&silent, "and")
            ),
            (false, false) => {
                let named: Vec<_> = silent.iter().map(|id| self.named_silent(*id)).collect();
                format!("{votes}; {}", named.join(", "))
            }
        }
    }

    /// Somebody can be Active, and is not yet.
    fn under_way(&self) -> String {
        let standing = &self.sight.standing;
        if let Some(handing) = self.handing_over() {
            return handing;
        }
        match standing.leader {
            Some(leader) if leader == self.sight.here => {
                let failed = self.sight.verdict.rules.iter().find(|rule| !rule.pass);
                let why = failed.map_or("", |rule| rule.detail.as_str());
                format!("this Manager leads term {} and is not Active yet: {why}", standing.term)
            }
            Some(leader) if self.sight.verdict.mode == Mode::Passive => format!(
                "{} leads term {} and takes office: the group has not noted it yet",
                self.host(leader),
                standing.term
            ),
            Some(_) | None => match self.lease_left_ms() {
                Some(left) => format!(
                    "the lease of the last leader has not run out: this Manager votes for nobody else for another {left} ms"
                ),
                None => format!(
                    "an election is under way, which {} can win",
                    self.listed(&self.able(), "or")
                ),
            },
        }
    }

    /// An operation that has the Active step aside right now.
    fn handing_over(&self) -> Option<String> {
        let open = self.state.operations.operations.iter().rev();
        let mut open = open.filter(|(_, operation)| operation.status == Status::Running);
        let (id, what) = open.find_map(|(id, operation)| match &operation.kind {
            Kind::MakeActive { host, .. } => Some((id, format!("makes {host} Active"))),
            Kind::StepAside { host, .. } => Some((id, format!("has {host} step aside"))),
            Kind::RestartActive(instance) => Some((id, format!("restarts {}", instance.host))),
            _ => None,
        })?;
        Some(format!("operation {id} {what}, and the next Active has not taken office yet"))
    }

    fn voters(&self) -> impl Iterator<Item = ManagerId> {
        self.sight.standing.voters.iter().copied()
    }

    /// Voters that answer and could be elected with what is heard of the others.
    fn able(&self) -> Vec<ManagerId> {
        self.voters().filter(|id| self.hindrance(*id).is_none()).collect()
    }

    fn hindrances(&self) -> Vec<String> {
        self.voters().filter_map(|id| self.hindrance(id)).collect()
    }

    /// Why a voter cannot become Active now. Lengths of logs are compared, which is right as long as nobody wrote
    /// another history.
    fn hindrance(&self, id: ManagerId) -> Option<String> {
        let host = self.host(id);
        let member = self.state.managers.members.get(&id);
        if member.is_some_and(|member| member.role == Role::Witness) {
            return Some(format!("{host} is a witness, which never leads"));
        }
        if !self.sight.reaches(id) {
            return Some(self.named_silent(id));
        }
        let own = self.last_log(id);
        let follows = |config: &BTreeSet<ManagerId>| {
            let votes = config.iter().filter(|id| self.sight.reaches(**id));
            votes.filter(|id| self.last_log(**id) <= own).count() > config.len() / 2
        };
        let longest =
            self.voters().filter(|id| self.sight.reaches(*id)).map(|id| self.last_log(id)).max();
        let behind = longest.unwrap_or_default().0.saturating_sub(own.0);
        let lags = !self.sight.standing.configs.iter().all(follows);
        (lags && behind > 0).then(|| {
            format!("{host} lacks {behind} entries that others have, whose votes it needs")
        })
    }

    fn last_log(&self, id: ManagerId) -> Revision {
        self.sight.status(id).map(|status| status.last_log).unwrap_or_default()
    }

    /// For how long this Manager still votes for nobody else; `None` when it is free.
    fn lease_left_ms(&self) -> Option<u64> {
        let own = self.state.managers.members.get(&self.sight.here)?;
        let heard = self.sight.standing.leader_heard_ago?;
        let heard_ms = u64::try_from(heard.as_millis()).unwrap_or(u64::MAX);
        own.profile.lease_ms.checked_sub(heard_ms).filter(|left| *left > 0)
    }

    fn is_stopped(&self, id: ManagerId) -> bool {
        self.state.installs.stops.contains_key(&id)
    }

    fn named_silent(&self, id: ManagerId) -> String {
        let why = if self.is_stopped(id) { "was stopped on purpose" } else { "does not answer" };
        format!("{} {why}", self.host(id))
    }

    fn host(&self, id: ManagerId) -> String {
        let member = self.state.managers.members.get(&id);
        member.map_or_else(|| format!("Kyvos Manager {id}"), |member| member.profile.host.clone())
    }

    /// `km1, km2 or km3`.
    fn listed(&self, ids: &[ManagerId], word: &str) -> String {
        let hosts: Vec<_> = ids.iter().map(|id| self.host(*id)).collect();
        match hosts.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} {word} {last}", others.join(", ")),
            None => "nobody".to_owned(),
        }
    }

    fn votes(&self) -> String {
        let voters = &self.sight.standing.voters;
        let answering = voters.iter().filter(|id| self.sight.reaches(**id)).count();
        let answer = if answering == 1 { "answers" } else { "answer" };
        let (all, needed) = (voters.len(), self.sight.quorum());
        format!("{answering} of {all} voters {answer}, {needed} are needed")
    }

    fn quorum_rule(&self) -> ExplainedRule {
        let (pass, detail) = (self.has_quorum(), self.votes());
        ExplainedRule { rule: "A quorum of voters answers", pass, detail }
    }

    fn candidates_rule(&self) -> ExplainedRule {
        let able = self.able();
        let detail = match able.is_empty() {
            true => self.hindrances().join("; "),
            false => self.listed(&able, "or"),
        };
        ExplainedRule { rule: "A voter that answers may be Active", pass: !able.is_empty(), detail }
    }

    fn lease_rule(&self) -> ExplainedRule {
        let left = self.lease_left_ms().filter(|_| !self.sight.standing.leading);
        let detail = match left {
            None => "nobody is waited for".to_owned(),
            Some(left) => format!("a leader was heard; {left} ms are left"),
        };
        ExplainedRule {
            rule: "The lease of the last leader has run out",
            pass: left.is_none(),
            detail,
        }
    }
}

fn shown(rule: Rule) -> ExplainedRule {
    ExplainedRule { rule: rule.rule, pass: rule.pass, detail: rule.detail }
}
