//! How notes on instances are judged and kept.

use super::command::{Command, Event};
use super::model::{BECAUSE_MAX_BYTES, Copy, Facts, PATH_MAX_BYTES, Push, Stop};
use crate::base::text::{cut, one_line};
use crate::base::{HostId, Refusal, Revision};
use crate::machine::{Capability, Moment, State, Trace};

/// The room, for the machine.
pub struct Room;

impl Capability for Room {
    type Facts = Facts;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, moment: &Moment, command: &Command) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::NoteStop { manager, operation, pid, process } => {
                state.managers.member(*manager)?;
                let (operation, pid, process) = (*operation, *pid, *process);
                let stop = Stop { operation, pid, process, at: moment.at };
                let mut events = forgotten_managers(state);
                events.push(Event::Stopped { manager: *manager, stop });
                Ok(events)
            }
            Command::NoteStart { manager } => {
                let known = state.installs.stops.contains_key(manager);
                Ok(if known { vec![Event::Started { manager: *manager }] } else { vec![] })
            }
            Command::NotePush { host, operation, copy } => {
                state.hosts.host(*host)?;
                note_push(state, *host, *operation, copy)
            }
        }
    }

    fn evolve(facts: &mut Facts, moment: &Moment, event: &Event) {
        match event {
            Event::Stopped { manager, stop } => {
                facts.stops.insert(*manager, stop.clone());
            }
            Event::Started { manager } => {
                facts.stops.remove(manager);
            }
            Event::Pushed { host, operation, copy } => {
                let push = Push { operation: *operation, copy: copy.clone(), at: moment.at };
                facts.pushes.insert(*host, push);
            }
            Event::Forgotten { host } => {
                facts.pushes.remove(host);
            }
        }
    }

    /// The operation that notes it is what people asked for, and stands in the audit.
    fn trace(_state: &State, _command: &Command) -> Option<Trace> {
        None
    }
}

fn note_push(
    state: &State,
    host: HostId,
    operation: Revision,
    copy: &Copy,
) -> Result<Vec<Event>, Refusal> {
    let copy = match copy {
        Copy::Written { path, sha256 } => {
            one_line("The path of the script", path, PATH_MAX_BYTES)?;
            Copy::Written { path: path.clone(), sha256: *sha256 }
        }
        Copy::Failed { because } => Copy::Failed { because: cut(because, BECAUSE_MAX_BYTES) },
    };
    let known = |host: &&HostId| state.hosts.hosts.contains_key(host);
    let gone = state.installs.pushes.keys().filter(|host| !known(host));
    let mut events: Vec<_> = gone.map(|host| Event::Forgotten { host: *host }).collect();
    events.push(Event::Pushed { host, operation, copy });
    Ok(events)
}

/// Numbers of members that are no more are never given again: what was noted of them is of no use.
fn forgotten_managers(state: &State) -> Vec<Event> {
    let stops = state.installs.stops.keys();
    let gone = stops.filter(|manager| !state.managers.members.contains_key(manager));
    gone.map(|manager| Event::Started { manager: *manager }).collect()
}
