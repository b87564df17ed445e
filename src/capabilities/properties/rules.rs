//! How the properties decide and evolve: what fits, what is still as the asker saw it, what binds them together.

use raft_store::machine::Row;

use super::command::{Command, Event};
use super::model::{CUSTOM_MAX, Facts, NAME_MAX_BYTES, PropertyChange, Setting, history_key};
use super::schema::{self, ENABLE_KM_HA, File, Kind, VALUE_MAX_BYTES};
use crate::base::{Code, Refusal, Revision};
use crate::machine::{Capability, Moment, State, Trace, history_bytes, tables};

/// The room, for the machine.
pub struct Room;

impl Capability for Room {
    type Facts = Facts;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, _moment: &Moment, command: &Command) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Set { file, name, value, expect, reverts_to } => {
                let value = admit(state, *file, name, value)?;
                unchanged_since(&state.properties, *file, name, *expect)?;
                rules(state, *file, name, &value)?;
                let (name, reverts_to) = (name.clone(), *reverts_to);
                Ok(vec![Event::Set { file: *file, name, value, reverts_to }])
            }
            Command::Reset { file, name, expect } => {
                let known = schema::schema(*file, name);
                let set = state.properties.setting(*file, name).is_some();
                if known.is_none() && !set {
                    return Err(no_such(*file, name));
                }
                unchanged_since(&state.properties, *file, name, *expect)?;
                if let Some(known) = known {
                    rules(state, *file, name, known.default)?;
                }
                Ok(if set {
                    vec![Event::Reset { file: *file, name: name.clone() }]
                } else {
                    vec![]
                })
            }
        }
    }

    fn evolve(facts: &mut Facts, moment: &Moment, event: &Event) {
        match event {
            Event::Set { file, name, value, reverts_to: _ } => {
                let setting = Setting {
                    value: value.clone(),
                    revision: moment.revision,
                    at: moment.at,
                    by: moment.by.to_string(),
                    reason: moment.reason.clone(),
                };
                facts.set(*file, name, setting);
            }
            Event::Reset { file, name } => facts.reset(*file, name),
        }
    }

    fn trace(state: &State, command: &Command) -> Option<Trace> {
        let object = |file: &File, name: &str| format!("{}/{name}", file.as_str());
        let before = |file: &File, name: &str| {
            let value = state.properties.value(*file, name)?;
            Some(schema::shown(*file, name, value))
        };
        Some(match command {
            Command::Set { file, name, value, reverts_to, .. } => {
                let action =
                    if reverts_to.is_some() { "properties.revert" } else { "properties.set" };
                Trace::new(action, object(file, name))
                    .changing(before(file, name), Some(schema::shown(*file, name, value)))
            }
            Command::Reset { file, name, .. } => {
                let default = schema::schema(*file, name).map(|schema| schema.default.to_owned());
                Trace::new("properties.reset", object(file, name))
                    .changing(before(file, name), default)
            }
        })
    }

    fn rows(moment: &Moment, event: &Event) -> Vec<Row> {
        let (file, name, value, reverts_to) = match event {
            Event::Set { file, name, value, reverts_to } => {
                (file, name, Some(value.clone()), *reverts_to)
            }
            Event::Reset { file, name } => (file, name, None, None),
        };
        let (at, by, reason) = (moment.at, moment.by.to_string(), moment.reason.clone());
        let change = PropertyChange { at, by, value, reverts_to, reason };
        let value = history_bytes(&change);
        vec![Row { table: tables::PROPERTY_CHANGES, key: history_key(*file, name), value }]
    }
}

/// The value in its stored form, if the name exists and the value fits.
fn admit(state: &State, file: File, name: &str, value: &str) -> Result<String, Refusal> {
    let kind = match schema::schema(file, name) {
        Some(schema) => schema.kind,
        None if file == File::Custom => {
            free_name(state, name)?;
            Kind::Text { max_bytes: VALUE_MAX_BYTES }
        }
        None => return Err(no_such(file, name)),
    };
    kind.admit(value).map_err(|why| Refusal::new(Code::InvalidValue, format!("{name} {why}.")))
}

fn free_name(state: &State, name: &str) -> Result<(), Refusal> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > NAME_MAX_BYTES || !name.bytes().all(fits) {
        let rule = "A name has 1 to 128 letters, digits, dots, underscores or hyphens.";
        return Err(Refusal::new(Code::InvalidName, rule));
    }
    let facts = &state.properties;
    if facts.count(File::Custom) >= CUSTOM_MAX && facts.setting(File::Custom, name).is_none() {
        return Err(Refusal::new(
            Code::TooMany,
            format!("The custom file holds {CUSTOM_MAX} names already."),
        ));
    }
    Ok(())
}

fn unchanged_since(
    facts: &Facts,
    file: File,
    name: &str,
    expect: Option<Revision>,
) -> Result<(), Refusal> {
    let is = facts.revision(file, name);
    match expect {
        Some(expected) if expected != is => {
            let by = facts
                .setting(file, name)
                .map(|setting| format!(" by {}", setting.by))
                .unwrap_or_default();
            let detail = format!("Changed{by} at revision {is}, expected {expected}.");
            Err(Refusal::new(Code::Changed, detail))
        }
        Some(_) | None => Ok(()),
    }
}

/// The rules that bind properties to each other and to the rest of the group.
fn rules(state: &State, file: File, name: &str, value: &str) -> Result<(), Refusal> {
    if file != File::KyvosManager {
        return Ok(());
    }
    if name == ENABLE_KM_HA && value == "no" {
        return alone(state);
    }
    timers(&state.properties, name, value)
}

/// A13: HA cannot be switched off while other members exist. A witness counts too: alone with one Manager it
/// would be a second vote that every write waits for.
fn alone(state: &State) -> Result<(), Refusal> {
    let others: Vec<_> = state.managers.hosts_besides_founder().collect();
    if others.is_empty() {
        return Ok(());
    }
    let detail = format!("Remove the other members of the group first: {}.", others.join(", "));
    Err(Refusal::new(Code::HaHasInstances, detail))
}

/// The inequality every set of timers must keep: 3 heartbeats ≤ shortest wait < longest wait. From any such set
/// to any other leads an order of single changes, so nobody has to change two at once.
fn timers(facts: &Facts, name: &str, value: &str) -> Result<(), Refusal> {
    let changed =
        |timer: &str| if timer == name { value.parse().unwrap_or(0) } else { facts.number(timer) };
    let heartbeat = changed(schema::RAFT_HEARTBEAT_MS);
    let (min, max) = (changed(schema::RAFT_ELECTION_MIN_MS), changed(schema::RAFT_ELECTION_MAX_MS));
    if heartbeat * 3 <= min && min < max {
        return Ok(());
    }
    let detail = format!(
        "Three heartbeats ({heartbeat} ms each) must fit into the shortest election wait ({min} ms), and that must be below the longest ({max} ms)."
    );
    Err(Refusal::new(Code::InvalidValue, detail))
}

fn no_such(file: File, name: &str) -> Refusal {
    Refusal::new(Code::NoSuchProperty, format!("There is no property {name} in {}.", file.as_str()))
}
