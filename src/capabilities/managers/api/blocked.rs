//! What cannot be done with an instance now, and why (requirements 5.5): the reason beside a button that is off, and the
//! rules behind it, which `GET /explain` shows.

use std::collections::BTreeMap;

use super::super::model::{Manager, Role};
use super::super::plan::{Condition, conditions};
use crate::api::Sight;
use crate::base::ManagerId;
use crate::capabilities::installs::model::way_to_service;
use crate::machine::State;

/// What can be done with an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    MakeActive,
    Start,
    Stop,
    Restart,
    RestartActive,
    Remove,
    Logs,
}

impl Verb {
    const ALL: [Self; 7] = [
        Self::MakeActive,
        Self::Start,
        Self::Stop,
        Self::Restart,
        Self::RestartActive,
        Self::Remove,
        Self::Logs,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::MakeActive => "make_active",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::RestartActive => "restart_active",
            Self::Remove => "remove",
            Self::Logs => "logs",
        }
    }
}

/// Each verb that is not possible, with its reason. What is not listed can be done.
pub(super) fn blocked(
    state: &State,
    sight: &Sight,
    id: ManagerId,
) -> BTreeMap<&'static str, String> {
    let why = |verb| Some((Verb::as_str(verb), hindered(rules(state, sight, id, verb))?));
    Verb::ALL.into_iter().filter_map(why).collect()
}

/// The first reason against it, if there is one.
fn hindered(rules: Vec<Condition>) -> Option<String> {
    rules.into_iter().find(|rule| !rule.holds).map(|rule| rule.otherwise)
}

/// What must hold for a verb to be possible with an instance, in the order it is looked at.
pub(crate) fn rules(state: &State, sight: &Sight, id: ManagerId, verb: Verb) -> Vec<Condition> {
    let look = Look::at(state, sight, id);
    let own = match verb {
        Verb::MakeActive => look.make_active(sight),
        Verb::Start => look.start(),
        Verb::Stop => look.stop(),
        Verb::Restart => look.restart(),
        Verb::RestartActive => {
            vec![must("It is Active", look.is_active, "It is not Active.")]
        }
        Verb::Remove => look.remove(),
        // Logs change nothing: they are there whatever is under way.
        Verb::Logs => return vec![look.is_reached_somehow()],
    };
    look.everything().into_iter().chain(own).collect()
}

fn must(rule: &'static str, holds: bool, otherwise: impl Into<String>) -> Condition {
    Condition { rule, holds, otherwise: otherwise.into() }
}

/// One instance, as far as it matters here.
struct Look<'s> {
    state: &'s State,
    id: ManagerId,
    has_active: bool,
    is_active: bool,
    answers: bool,
    /// Why there is no way to its service, if there is none.
    no_way: Option<String>,
}

impl<'s> Look<'s> {
    fn at(state: &'s State, sight: &Sight, id: ManagerId) -> Self {
        let active = sight.active(state);
        let (has_active, is_active) = (active.is_some(), active == Some(id));
        let no_way = way_to_service(state, id).err().map(|refusal| refusal.detail);
        Self { state, id, has_active, is_active, answers: sight.reaches(id), no_way }
    }

    fn everything(&self) -> [Condition; 2] {
        let about = self.state.operations.about(&self.state.managers, self.id);
        let busy = about.map(|(operation, about)| {
            format!("Operation {operation} is under way: {}.", about.kind.title())
        });
        [
            must("There is an Active", self.has_active, "There is no active Kyvos Manager."),
            must("No operation is about it", busy.is_none(), busy.unwrap_or_default()),
        ]
    }

    fn make_active(&self, sight: &Sight) -> Vec<Condition> {
        let told = |condition: Condition| Condition {
            otherwise: format!("Not now: {}.", condition.otherwise),
            ..condition
        };
        conditions(self.state, &sight.seen(), self.id).into_iter().map(told).collect()
    }

    fn start(&self) -> Vec<Condition> {
        vec![
            must("It is not Active", !self.is_active, "It is Active."),
            must("It does not run", !self.answers, "It runs."),
            self.has_a_way(),
        ]
    }

    fn stop(&self) -> Vec<Condition> {
        let another = "It is Active: make another one Active before it is stopped.";
        let silent = if self.is_stopped() { "It is stopped." } else { "It does not answer." };
        vec![
            must("It is not Active", !self.is_active, another),
            must("It runs", self.answers, silent),
            self.has_a_way(),
        ]
    }

    fn restart(&self) -> Vec<Condition> {
        let other = "It is Active: use Restart Active Kyvos Manager Instance.";
        let wanted = self.answers || !self.is_stopped();
        vec![
            must("It is not Active", !self.is_active, other),
            must("It was not stopped on purpose", wanted, "It was stopped: start it."),
            self.is_reached_somehow(),
        ]
    }

    fn remove(&self) -> Vec<Condition> {
        let is_manager = |member: &Manager| member.role == Role::Manager;
        let members = &self.state.managers.members;
        let alone = members.values().filter(|member| is_manager(member)).count() == 1;
        let last = alone && members.get(&self.id).is_some_and(is_manager);
        vec![must("Another Kyvos Manager is left", !last, "It is the last Kyvos Manager.")]
    }

    fn has_a_way(&self) -> Condition {
        let otherwise = self.no_way.clone().unwrap_or_default();
        must("Its service can be reached on its host", self.no_way.is_none(), otherwise)
    }

    fn is_reached_somehow(&self) -> Condition {
        let why = self.no_way.as_deref().unwrap_or_default();
        let holds = self.answers || self.no_way.is_none();
        let otherwise = format!("It does not answer. {why}");
        must("It answers, or its service can be reached on its host", holds, otherwise)
    }

    fn is_stopped(&self) -> bool {
        self.state.installs.stops.contains_key(&self.id)
    }
}
