//! How the alerts decide and evolve: what is the same alert, who has seen it, and what waits to be told.

mod channels;
mod letters;

use super::command::{Command, Event};
use super::model::{
    ALERTS_MAX, Acknowledged, Alert, Cause, Facts, KEPT_MS, KEY_MAX_BYTES, NOTE_MAX_BYTES,
    OCCURRED_MAX, SAME_AGAIN_MS, SUBJECT_MAX_BYTES, Stand, TEXT_MAX_BYTES, UNRESOLVED_MAX, Wish,
    Word,
};
use crate::base::text::{cut, fits, one_line};
use crate::base::{Code, Refusal, Revision, Timestamp};
use crate::machine::{Capability, Moment, State, Trace};

/// The room, for the machine.
pub struct Room;

impl Capability for Room {
    type Facts = Facts;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, moment: &Moment, command: &Command) -> Result<Vec<Event>, Refusal> {
        let facts = &state.alerts;
        Ok(match command {
            Command::Raise { cause } => raise(facts, moment.at, cause)?.into_iter().collect(),
            Command::Resolve { key } => resolve(facts, key).into_iter().collect(),
            Command::Acknowledge { id, note } => vec![acknowledge(facts, moment, *id, note)?],
            Command::AddChannel { setting } => vec![channels::add(facts, setting)?],
            Command::SetChannel { id, setting, expect } => {
                vec![channels::set(facts, *id, setting, *expect)?]
            }
            Command::RemoveChannel { id, expect } => vec![channels::remove(facts, *id, *expect)?],
            Command::TryOut { id } => {
                facts.channel(*id)?;
                vec![Event::TryOutAsked { id: *id }]
            }
            Command::NoteTryOut { id, asked, outcome } => {
                letters::tried_out(facts, *id, *asked, outcome).into_iter().collect()
            }
            Command::NoteTold { id, letter, outcome } => {
                letters::told(facts, *id, *letter, outcome).into_iter().collect()
            }
        })
    }

    fn evolve(facts: &mut Facts, moment: &Moment, event: &Event) {
        match event {
            Event::Raised { cause } => {
                let id = moment.revision;
                facts.alerts.insert(id, new(moment, cause));
                occurred(facts, cause);
                letters::write(facts, moment, id, Word::Raised);
            }
            Event::Again { id, cause } => {
                let told = change(facts, moment, *id, |alert| {
                    alert.count = alert.count.saturating_add(1);
                    (alert.acknowledged, alert.resolved_at) = (None, None);
                    (alert.raised_at, alert.cause) = (moment.at, cause.clone());
                });
                occurred(facts, cause);
                told.then(|| letters::write(facts, moment, *id, Word::Again));
            }
            Event::Restated { id, cause } => {
                let mut graver = false;
                change(facts, moment, *id, |alert| {
                    graver = cause.severity > alert.cause.severity;
                    // Whoever has seen the lesser matter has not seen this one.
                    alert.acknowledged = alert.acknowledged.take().filter(|_| !graver);
                    alert.cause = cause.clone();
                });
                graver.then(|| letters::write(facts, moment, *id, Word::Again));
            }
            Event::Acknowledged { id, acknowledged } => {
                change(facts, moment, *id, |alert| {
                    alert.acknowledged = Some(acknowledged.clone());
                    // A moment is over as soon as somebody has seen it.
                    alert.resolved_at = alert.is_moment().then_some(moment.at);
                });
                let Acknowledged { by, note, .. } = acknowledged.clone();
                letters::write(facts, moment, *id, Word::Acknowledged { by, note });
            }
            Event::Resolved { id } => {
                change(facts, moment, *id, |alert| alert.resolved_at = Some(moment.at));
                letters::write(facts, moment, *id, Word::Resolved);
            }
            Event::ChannelAdded { setting } => {
                let channel = super::model::Channel::new(setting.clone(), moment.revision);
                facts.channels.insert(moment.revision, channel);
            }
            Event::ChannelSet { id, setting } => channels::set_anew(facts, moment, *id, setting),
            Event::ChannelRemoved { id } => drop(facts.channels.remove(id)),
            Event::TryOutAsked { id } => {
                if let Some(channel) = facts.channels.get_mut(id) {
                    let (asked, at, by) = (moment.revision, moment.at, moment.by.to_string());
                    channel.wish = Some(Wish { asked, at, by, tried: None });
                }
            }
            Event::TriedOut { id, outcome } => letters::note_try_out(facts, moment, *id, outcome),
            Event::Told { id, letter, outcome } => {
                letters::note(facts, moment, *id, *letter, outcome);
            }
        }
        forget_old(facts, moment.at);
    }

    fn trace(state: &State, command: &Command) -> Option<Trace> {
        let facts = &state.alerts;
        Some(match command {
            Command::Acknowledge { id, .. } => {
                let known = facts.alerts.get(id);
                let object = known.map_or_else(|| id.to_string(), |alert| alert.cause.key.clone());
                Trace::new("alerts.acknowledge", object)
            }
            Command::AddChannel { setting } => {
                channels::trace("alerts.add_channel", None, Some(setting))
            }
            Command::SetChannel { id, setting, .. } => {
                channels::trace("alerts.set_channel", facts.channels.get(id), Some(setting))
            }
            Command::RemoveChannel { id, .. } => {
                channels::trace("alerts.remove_channel", facts.channels.get(id), None)
            }
            Command::TryOut { id } => {
                channels::trace("alerts.test_channel", facts.channels.get(id), None)
            }
            Command::Raise { .. }
            | Command::Resolve { .. }
            | Command::NoteTryOut { .. }
            | Command::NoteTold { .. } => return None,
        })
    }
}

/// What a cause comes to: a new alert, one that came again, one that says something else now, or nothing new.
fn raise(facts: &Facts, now: Timestamp, cause: &Cause) -> Result<Option<Event>, Refusal> {
    one_line("A key", &cause.key, KEY_MAX_BYTES)?;
    one_line("A subject", &cause.subject, SUBJECT_MAX_BYTES)?;
    let cause = Cause { text: cut(&cause.text, TEXT_MAX_BYTES), ..cause.clone() };
    if facts.has_occurred(&cause) {
        return Ok(None);
    }
    let newest = facts.newest_of(&cause.key);
    match newest.map(|(id, alert)| (id, alert, alert.resolved_at)) {
        Some((id, alert, None)) if alert.is_moment() => Ok(Some(Event::Again { id, cause })),
        Some((id, alert, None)) => {
            Ok(alert.cause.differs(&cause).then_some(Event::Restated { id, cause }))
        }
        Some((id, _, Some(gone))) if now.since_ms(gone) < SAME_AGAIN_MS => {
            there_is_room(facts)?;
            Ok(Some(Event::Again { id, cause }))
        }
        Some(_) | None => {
            there_is_room(facts)?;
            Ok(Some(Event::Raised { cause }))
        }
    }
}

fn there_is_room(facts: &Facts) -> Result<(), Refusal> {
    if facts.unresolved().count() < UNRESOLVED_MAX {
        return Ok(());
    }
    let detail = format!("At most {UNRESOLVED_MAX} alerts are open at a time.");
    Err(Refusal::new(Code::TooMany, detail))
}

fn resolve(facts: &Facts, key: &str) -> Option<Event> {
    let (id, alert) = facts.newest_of(key)?;
    alert.resolved_at.is_none().then_some(Event::Resolved { id })
}

fn acknowledge(facts: &Facts, moment: &Moment, id: Revision, note: &str) -> Result<Event, Refusal> {
    fits("A note", note, NOTE_MAX_BYTES)?;
    let alert = facts.alert(id)?;
    let detail = match (alert.stand(), &alert.acknowledged) {
        (Stand::Open, _) => {
            let (by, at, note) = (moment.by.to_string(), moment.at, note.trim().to_owned());
            let acknowledged = Acknowledged { by, at, note };
            return Ok(Event::Acknowledged { id, acknowledged });
        }
        (Stand::Acknowledged, Some(known)) => {
            format!("Alert {id} was acknowledged by {} at {}.", known.by, known.at)
        }
        (Stand::Acknowledged | Stand::Resolved, _) => format!("Alert {id} is resolved."),
    };
    Err(Refusal::new(Code::WrongState, detail))
}

fn new(moment: &Moment, cause: &Cause) -> Alert {
    Alert {
        cause: cause.clone(),
        count: 1,
        raised_at: moment.at,
        acknowledged: None,
        resolved_at: None,
        revision: moment.revision,
    }
}

/// Changes an alert; whether there is one.
fn change(
    facts: &mut Facts,
    moment: &Moment,
    id: Revision,
    change: impl FnOnce(&mut Alert),
) -> bool {
    let Some(alert) = facts.alerts.get_mut(&id) else { return false };
    change(alert);
    alert.revision = moment.revision;
    true
}

fn occurred(facts: &mut Facts, cause: &Cause) {
    let Some(occurrence) = cause.occurrence else { return };
    facts.occurred.insert(cause.key.clone(), occurrence);
    while facts.occurred.len() > OCCURRED_MAX {
        let oldest = facts.occurred.iter().min_by_key(|(_, occurrence)| **occurrence);
        let Some((key, _)) = oldest.map(|(key, at)| (key.clone(), *at)) else { break };
        facts.occurred.remove(&key);
    }
}

/// What was resolved longest is forgotten first. What is not resolved always has its place.
fn forget_old(facts: &mut Facts, now: Timestamp) {
    facts.alerts.retain(|_, alert| {
        alert.resolved_at.is_none_or(|resolved| now.since_ms(resolved) < KEPT_MS)
    });
    let over = facts.alerts.len().saturating_sub(ALERTS_MAX);
    if over == 0 {
        return;
    }
    let resolved = facts.alerts.iter().filter_map(|(id, alert)| Some((alert.resolved_at?, *id)));
    let mut resolved: Vec<_> = resolved.collect();
    resolved.sort();
    for (_, id) in resolved.into_iter().take(over) {
        facts.alerts.remove(&id);
    }
}
