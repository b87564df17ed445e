//! What cannot be done with an instance now, and why (requirements 5.5): the reason beside a button that is off.

use std::collections::BTreeMap;

use super::super::model::{Manager, Role};
use super::super::plan::hindrance;
use crate::api::Sight;
use crate::base::ManagerId;
use crate::capabilities::installs::model::way_to_service;
use crate::machine::State;

/// Each verb that is not possible, with its reason. What is not listed can be done.
pub(super) fn blocked(
    state: &State,
    sight: &Sight,
    id: ManagerId,
) -> BTreeMap<&'static str, String> {
    let look = Look::at(state, sight, id);
    let everything = look.everything();
    let reasons = [
        ("make_active", hindrance(state, &sight.seen(), id).map(|why| format!("Not now: {why}."))),
        ("start", look.start()),
        ("stop", look.stop()),
        ("restart", look.restart()),
        ("restart_active", (!look.is_active).then(|| "It is not Active.".to_owned())),
        ("remove", look.remove()),
    ];
    let off =
        |(verb, own): (&'static str, Option<String>)| Some((verb, everything.clone().or(own)?));
    // Logs change nothing: they are there whatever is under way.
    let logs = look.logs().map(|why| ("logs", why));
    reasons.into_iter().filter_map(off).chain(logs).collect()
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

    fn everything(&self) -> Option<String> {
        if !self.has_active {
            return Some("There is no active Kyvos Manager.".to_owned());
        }
        let (operation, about) = self.state.operations.about(&self.state.managers, self.id)?;
        Some(format!("Operation {operation} is under way: {}.", about.kind.title()))
    }

    fn start(&self) -> Option<String> {
        match (self.is_active, self.answers) {
            (true, _) => Some("It is Active.".to_owned()),
            (false, true) => Some("It runs.".to_owned()),
            (false, false) => self.no_way.clone(),
        }
    }

    fn stop(&self) -> Option<String> {
        match (self.is_active, self.answers) {
            (true, _) => {
                Some("It is Active: make another one Active before it is stopped.".to_owned())
            }
            (false, false) => Some(self.why_it_is_silent().to_owned()),
            (false, true) => self.no_way.clone(),
        }
    }

    fn restart(&self) -> Option<String> {
        let stopped = self.state.installs.stops.contains_key(&self.id);
        match (self.is_active, self.answers) {
            (true, _) => {
                Some("It is Active: use Restart Active Kyvos Manager Instance.".to_owned())
            }
            (false, true) => None,
            (false, false) if stopped => Some("It was stopped: start it.".to_owned()),
            (false, false) => self.no_way.clone().map(|why| format!("It does not answer. {why}")),
        }
    }

    fn remove(&self) -> Option<String> {
        let is_manager = |member: &Manager| member.role == Role::Manager;
        let members = &self.state.managers.members;
        let alone = members.values().filter(|member| is_manager(member)).count() == 1;
        let last = alone && members.get(&self.id).is_some_and(is_manager);
        last.then(|| "It is the last Kyvos Manager.".to_owned())
    }

    fn logs(&self) -> Option<String> {
        let silent = !self.answers;
        self.no_way.clone().filter(|_| silent).map(|why| format!("It does not answer. {why}"))
    }

    fn why_it_is_silent(&self) -> &'static str {
        match self.state.installs.stops.contains_key(&self.id) {
            true => "It is stopped.",
            false => "It does not answer.",
        }
    }
}
