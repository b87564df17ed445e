//! What may be said of Services HA, and what is decided in its name. A recovery is judged here, in the order of the log:
//! so nothing is started that somebody stopped a moment before, and nothing twice.

use super::super::command::Event;
use super::super::model::{
    BEGIN_WITHIN_MS, Desk, End, Facts, NOTE_MAX_BYTES, RESTARTS_MAX, Recoveries, Recovery, Scope,
    ServiceId, Set, Settings, WINDOW_MAX_MS, WINDOWS_MAX, Window,
};
use super::{bounded, control::exists, unchanged};
use crate::base::text::{cut, one_line};
use crate::base::{Code, Refusal, Revision, Timestamp};
use crate::capabilities::operations::model::{Operation, Status};
use crate::machine::{Moment, State};

pub(super) fn set(
    state: &State,
    settings: &Option<Settings>,
    expect: Option<Revision>,
) -> Result<Event, Refusal> {
    let known = state.services.ha.settings.as_ref().map(|set| set.revision);
    unchanged("Services HA", known, expect)?;
    if let Some(settings) = settings {
        settings.check(state)?;
    }
    Ok(Event::HaSet { settings: settings.clone() })
}

/// Those that are over make room.
pub(super) fn open_window(
    state: &State,
    moment: &Moment,
    (scope, from, until): (Scope, Option<Timestamp>, Timestamp),
    note: &str,
) -> Result<Event, Refusal> {
    let known = &state.services.ha.windows;
    let ended: Vec<_> =
        known.iter().filter(|(_, it)| it.until <= moment.at).map(|(id, _)| *id).collect();
    bounded(known.len() - ended.len() + 1, WINDOWS_MAX, "maintenance windows")?;
    let from = from.unwrap_or(moment.at).max(moment.at);
    if until <= from || until.since_ms(from) > WINDOW_MAX_MS {
        let detail =
            "A maintenance window ends after it begins, in the future, and within 31 days.";
        return Err(Refusal::new(Code::InvalidValue, detail));
    }
    if !note.is_empty() {
        one_line("A note", note, NOTE_MAX_BYTES)?;
    }
    match scope {
        Scope::Cluster | Scope::Type(_) => {}
        Scope::Host(host) => state.hosts.host(host).map(drop)?,
        Scope::Service(service) => exists(state, service)?,
    }
    let (note, by) = (note.to_owned(), moment.by.to_string());
    Ok(Event::WindowOpened { window: Window { scope, from, until, note, by }, ended })
}

pub(super) fn close_window(facts: &Facts, id: Revision) -> Result<Event, Refusal> {
    if facts.ha.windows.contains_key(&id) {
        return Ok(Event::WindowClosed { id });
    }
    Err(Refusal::new(Code::NoSuchWindow, format!("There is no maintenance window {id}.")))
}

pub(super) fn acknowledge(state: &State, service: ServiceId) -> Result<Event, Refusal> {
    exists(state, service)?;
    Ok(Event::RecoveriesAcknowledged { service })
}

/// Decides that something is started by itself, if that is so at this place in the log.
pub(super) fn recover(state: &State, moment: &Moment, of: ServiceId) -> Result<Event, Refusal> {
    exists(state, of)?;
    let standing = Desk::of(state, moment.at).standing(of);
    let judged = state.services.verdicts.get(&of);
    let Some((on, judged)) = standing.start.zip(judged) else {
        return Err(Refusal::new(Code::WrongState, standing.because));
    };
    let (down_since, because) = (judged.since, cut(&standing.because, super::BECAUSE_MAX_BYTES));
    let wanted = state.services.wanted.get(&on).map(|wanted| wanted.revision).unwrap_or_default();
    let mut forgotten: Vec<_> = state.services.ha.recoveries.keys().copied().collect();
    forgotten.retain(|service| !service.exists(state));
    Ok(Event::RecoveryDecided { of, on, down_since, because, wanted, forgotten })
}

/// Takes down how a recovery ended, as its operation says.
pub(super) fn settle(state: &State, moment: &Moment, of: ServiceId) -> Result<Event, Refusal> {
    let known = state.services.ha.recoveries.get(&of);
    let open = known.map(|known| &known.last).filter(|last| last.ended.is_none());
    let not_yet = |detail: &str| Err(Refusal::new(Code::WrongState, detail));
    let Some(last) = open else { return not_yet("Nothing of it is open.") };
    let end = match state.operations.recovering(last.asked) {
        Some((_, operation)) => end_of(operation),
        None if moment.at.since_ms(last.at) > BEGIN_WITHIN_MS => Some(End::NotBegun),
        None => None,
    };
    match end {
        Some(end) => Ok(Event::RecoverySettled { of, end }),
        None => not_yet("Its operation is open."),
    }
}

fn end_of(operation: &Operation) -> Option<End> {
    match operation.status {
        Status::Succeeded => Some(End::Served),
        Status::Failed => Some(End::Failed),
        Status::Cancelled if operation.error.is_some() => Some(End::GaveWay),
        Status::Cancelled => Some(End::CalledOff),
        Status::Queued | Status::Running | Status::NeedsDecision => None,
    }
}

pub(super) fn ha_set(facts: &mut Facts, moment: &Moment, settings: &Option<Settings>) {
    let revision = moment.revision;
    facts.ha.settings = settings.clone().map(|value| Set { value, revision });
}

pub(super) fn window_opened(
    facts: &mut Facts,
    moment: &Moment,
    window: &Window,
    ended: &[Revision],
) {
    ended.iter().for_each(|id| drop(facts.ha.windows.remove(id)));
    facts.ha.windows.insert(moment.revision, window.clone());
}

/// What is being done goes on; it does not count against the next.
pub(super) fn acknowledged(facts: &mut Facts, service: ServiceId) {
    let Some(known) = facts.ha.recoveries.get_mut(&service) else { return };
    known.times.clear();
    if let Some((End::CalledOff, at)) = known.last.ended {
        known.last.ended = Some((End::GaveWay, at));
    }
}

pub(super) fn decided(facts: &mut Facts, moment: &Moment, of: ServiceId, last: Recovery) {
    let mut times = facts.ha.recoveries.remove(&of).map(|known| known.times).unwrap_or_default();
    times.push(moment.at);
    let over = times.len().saturating_sub(RESTARTS_MAX as usize);
    times.drain(..over);
    facts.ha.recoveries.insert(of, Recoveries { times, last });
}

pub(super) fn settled(facts: &mut Facts, moment: &Moment, of: ServiceId, end: End) {
    if let Some(known) = facts.ha.recoveries.get_mut(&of) {
        known.last.ended = Some((end, moment.at));
    }
}

/// The settings in a line, for the audit.
pub(super) fn in_words(settings: &Settings) -> String {
    let Settings { automation, enabled, off, restarts_max, standbys, .. } = settings;
    let on = |on: bool| if on { "on" } else { "off" };
    let off: Vec<_> = off.iter().map(|kind| kind.as_str()).collect();
    format!(
        "automation {}, Services HA {}, off for [{}], {restarts_max} restarts, {} standbys",
        on(*automation),
        on(*enabled),
        off.join(" "),
        standbys.len()
    )
}

/// What a window is about, in a word.
pub(super) fn scope(state: &State, scope: Scope) -> String {
    match scope {
        Scope::Cluster => "cluster".to_owned(),
        Scope::Type(kind) => kind.as_str().to_owned(),
        Scope::Host(host) => {
            let known = state.hosts.hosts.get(&host);
            known.map_or_else(|| host.to_string(), |known| known.name.clone())
        }
        Scope::Service(service) => service.name(state),
    }
}
