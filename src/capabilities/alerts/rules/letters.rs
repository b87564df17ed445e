//! What waits to be told on each channel, and what becomes of it.

use super::super::command::Event;
use super::super::model::{
    About, Alert, Channel, Facts, Letter, TEXT_MAX_BYTES, TRIED_FOR_MS, Tried, WAITING_MAX, Word,
    backoff_ms, failing_key,
};
use crate::base::text::cut;
use crate::base::{Revision, Timestamp};
use crate::machine::Moment;

/// Has every channel told of an alert, if it matters enough there.
pub(super) fn write(facts: &mut Facts, moment: &Moment, id: Revision, word: Word) {
    let Some(alert) = facts.alerts.get(&id) else { return };
    let letter = letter(alert, moment, id, word);
    let key = alert.cause.key.clone();
    for (channel_id, channel) in &mut facts.channels {
        let wanted = alert.cause.severity >= channel.setting.least;
        // That a channel fails is told on the others.
        if wanted && key != failing_key(*channel_id) {
            put(channel, letter.clone());
        }
    }
}

fn letter(alert: &Alert, moment: &Moment, id: Revision, word: Word) -> Letter {
    Letter {
        id: moment.revision,
        word,
        at: moment.at,
        about: Some(About { alert: id, cause: alert.cause.clone(), count: alert.count }),
    }
}

fn put(channel: &mut Channel, letter: Letter) {
    channel.waiting.push_back(letter);
    while channel.waiting.len() > WAITING_MAX {
        channel.waiting.pop_front();
        channel.given_up = channel.given_up.saturating_add(1);
    }
}

/// Only the first letter that waits is told: anything else was told before, by whoever was Active then.
pub(super) fn told(
    facts: &Facts,
    id: Revision,
    letter: Revision,
    outcome: &Result<String, String>,
) -> Option<Event> {
    let first = facts.channels.get(&id)?.waiting.front()?;
    (first.id == letter).then(|| Event::Told { id, letter, outcome: short(outcome) })
}

/// Only the newest wish is fulfilled.
pub(super) fn tried_out(
    facts: &Facts,
    id: Revision,
    asked: Revision,
    outcome: &Result<String, String>,
) -> Option<Event> {
    let wish = facts.channels.get(&id)?.open_wish()?;
    (wish.asked == asked).then(|| Event::TriedOut { id, outcome: short(outcome) })
}

pub(super) fn note(
    facts: &mut Facts,
    moment: &Moment,
    id: Revision,
    letter: Revision,
    outcome: &Result<String, String>,
) {
    let Some(channel) = facts.channels.get_mut(&id) else { return };
    channel.last = Some(Tried { at: moment.at, outcome: outcome.clone() });
    match outcome {
        Ok(_) => {
            channel.waiting.retain(|waits| waits.id != letter);
            channel.told = channel.told.saturating_add(1);
            (channel.failed, channel.not_before) = (0, Timestamp(0));
        }
        Err(_) => {
            channel.failed = channel.failed.saturating_add(1);
            channel.not_before = moment.at.plus_ms(backoff_ms(channel.failed));
            let too_old =
                |waits: &Letter| waits.id == letter && moment.at.since_ms(waits.at) >= TRIED_FOR_MS;
            let before = channel.waiting.len();
            channel.waiting.retain(|waits| !too_old(waits));
            let given_up = (before - channel.waiting.len()) as u64;
            channel.given_up = channel.given_up.saturating_add(given_up);
        }
    }
}

pub(super) fn note_try_out(
    facts: &mut Facts,
    moment: &Moment,
    id: Revision,
    outcome: &Result<String, String>,
) {
    let Some(channel) = facts.channels.get_mut(&id) else { return };
    let tried = Tried { at: moment.at, outcome: outcome.clone() };
    channel.last = Some(tried.clone());
    if outcome.is_ok() {
        // Whoever repaired it and tried it out need not wait for the rest.
        (channel.failed, channel.not_before) = (0, Timestamp(0));
    }
    if let Some(wish) = &mut channel.wish {
        wish.tried = Some(tried);
    }
}

fn short(outcome: &Result<String, String>) -> Result<String, String> {
    let short = |text: &String| cut(text, TEXT_MAX_BYTES);
    outcome.as_ref().map(short).map_err(short)
}
