//! What may be said of schedules, and what comes of a time at which one is due. That is judged here, in the order of the
//! log: so each time is noted once, whoever is Active when it comes.

use super::super::command::Event;
use super::super::model::{Due, Facts, Outcome, SCHEDULES_MAX, Schedule, Timetable};
use super::{bounded, unchanged};
use crate::base::{Code, Refusal, Revision, Timestamp};
use crate::machine::{Moment, State};

/// What waits by the old setting is not begun any more: it would be what nobody wants now.
pub(super) fn set(
    state: &State,
    id: Option<Revision>,
    setting: &Timetable,
    expect: Option<Revision>,
) -> Result<Event, Refusal> {
    let facts = &state.services;
    match id {
        Some(id) => unchanged("The schedule", Some(facts.schedule(id)?.revision), expect)?,
        None => bounded(facts.schedules.len() + 1, SCHEDULES_MAX, "schedules")?,
    }
    setting.check()?;
    let mut others = facts.schedules.iter().filter(|(other, _)| Some(**other) != id);
    if others.any(|(_, other)| other.setting.name == setting.name) {
        let detail = format!("There is a schedule {} already.", setting.name);
        return Err(Refusal::new(Code::ScheduleExists, detail));
    }
    let known = id.and_then(|id| facts.schedules.get(&id));
    let waiting = known.and_then(Schedule::waiting);
    let waited = waiting.map(|due| match state.operations.scheduled(due.asked) {
        Some(operation) => Outcome::Begun(operation),
        None => Outcome::Overtaken,
    });
    Ok(Event::ScheduleSet { id, setting: setting.clone(), waited })
}

pub(super) fn remove(
    facts: &Facts,
    id: Revision,
    expect: Option<Revision>,
) -> Result<Event, Refusal> {
    unchanged("The schedule", Some(facts.schedule(id)?.revision), expect)?;
    Ok(Event::ScheduleRemoved { id })
}

/// Notes that a schedule is due, if that is so at this place in the log.
pub(super) fn due(
    state: &State,
    moment: &Moment,
    id: Revision,
    at: Timestamp,
) -> Result<Event, Refusal> {
    let schedule = state.services.schedule(id)?;
    if schedule.due(moment.at) != Some(at) {
        return Err(Refusal::new(Code::WrongState, format!("Schedule {id} is not due.")));
    }
    let due = Due { at, asked: moment.revision, outcome: Outcome::Waiting };
    let outcome = schedule.outcome(state, &due, moment.at).unwrap_or(Outcome::Waiting);
    Ok(Event::ScheduleDue { id, at, outcome })
}

/// Notes what came of a time: which operation was begun, or why none is.
pub(super) fn settle(state: &State, moment: &Moment, id: Revision) -> Result<Event, Refusal> {
    let schedule = state.services.schedule(id)?;
    let waiting = schedule.waiting();
    match waiting.and_then(|due| schedule.outcome(state, due, moment.at)) {
        Some(outcome) => Ok(Event::ScheduleSettled { id, outcome }),
        None => Err(Refusal::new(Code::WrongState, format!("Nothing of schedule {id} is over."))),
    }
}

pub(super) fn was_set(
    facts: &mut Facts,
    moment: &Moment,
    id: Option<Revision>,
    setting: &Timetable,
    waited: Option<Outcome>,
) {
    let known = id.and_then(|id| facts.schedules.get(&id)).and_then(|known| known.last.clone());
    let last = known.map(|due| Due { outcome: waited.unwrap_or(due.outcome), ..due });
    let (since, revision) = (moment.at, moment.revision);
    let schedule = Schedule { setting: setting.clone(), since, last, revision };
    facts.schedules.insert(id.unwrap_or(revision), schedule);
}

pub(super) fn came_due(
    facts: &mut Facts,
    moment: &Moment,
    id: Revision,
    at: Timestamp,
    outcome: Outcome,
) {
    if let Some(known) = facts.schedules.get_mut(&id) {
        known.last = Some(Due { at, asked: moment.revision, outcome });
    }
}

pub(super) fn settled(facts: &mut Facts, id: Revision, outcome: Outcome) {
    let known = facts.schedules.get_mut(&id);
    if let Some(last) = known.and_then(|known| known.last.as_mut()) {
        last.outcome = outcome;
    }
}

/// A timetable in a line, for the audit.
pub(super) fn in_words(setting: &Timetable) -> String {
    let Timetable { want, kind, offset, days, enabled, .. } = setting;
    let days: Vec<_> = days.iter().map(|day| day.as_str()).collect();
    let of = kind.map_or("all", |kind| kind.as_str());
    let at = setting.clock();
    let on = if *enabled { "" } else { ", off" };
    format!("{of} {} at {at} UTC{offset:+} min, {}{on}", want.as_str(), days.join(" "))
}
