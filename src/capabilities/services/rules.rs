//! How the services decide and evolve: what may be set, and which sightings are kept. What is wanted and judged of
//! services, and how they are controlled, is in `control`.

mod control;
mod ha;
mod schedules;

use super::command::{Command, Event};
use super::model::{
    Access, BECAUSE_MAX_BYTES, Control, DISCOVERED_MAX, FIELD_MAX_BYTES, FIELDS_MAX, Facts, Form,
    Found, HOST_TEXT_MAX_BYTES, Identity, Login, PATH_MAX_BYTES, PEM_MAX_BYTES, PROPOSED_MAX,
    Probe, Profile, Recovery, Rule, SCHEDULE_NAME_MAX_BYTES, SEALED_MAX_BYTES, SERVERS_MAX,
    SIGHTINGS_MAX, Server, Set, Sighted, Sighting, Standing, TOLD_MAX, TROUBLES_MAX, Tls,
    USERNAME_MAX_BYTES, Watch, Znode, is_path, wanted,
};
use crate::base::text::{cut, fits, one_line};
use crate::base::{Code, Refusal, Revision};
use crate::machine::{Capability, Moment, State, Trace};

/// The room, for the machine.
pub struct Room;

impl Capability for Room {
    type Facts = Facts;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, moment: &Moment, command: &Command) -> Result<Vec<Event>, Refusal> {
        let facts = &state.services;
        let event = match command {
            Command::SetProfile { profile, expect } => set_profile(facts, profile, *expect)?,
            Command::SetAccess { access, expect } => set_access(facts, access, *expect)?,
            Command::NoteWatch { standing, servers, troubles } => {
                note_watch(state, standing, servers, troubles)?
            }
            Command::NoteSightings { seen, gone } => note_sightings(facts, seen, gone)?,
            Command::Discover { root } => discover(state, root)?,
            Command::NoteDiscovery { asked, because, znodes, proposed } => {
                asked_for(facts, *asked)?;
                discovery_fits(znodes, proposed)?;
                let because = because.as_deref().map(|because| cut(because, BECAUSE_MAX_BYTES));
                let (asked, proposed) = (*asked, proposed.clone());
                Event::DiscoveryNoted { asked, because, znodes: znodes.clone(), proposed }
            }
            Command::SetControl { service, control, expect } => {
                control::set_control(facts, *service, control, *expect)?
            }
            Command::Want { services, want, why, operation, expect } => {
                control::want(state, moment, services, (*want, *why), *operation, *expect)?
            }
            Command::NoteVerdicts { judged, whole } => {
                control::note_verdicts(state, judged, *whole)?
            }
            Command::SetHa { settings, expect } => ha::set(state, settings, *expect)?,
            Command::OpenWindow { scope, from, until, note } => {
                ha::open_window(state, moment, (*scope, *from, *until), note)?
            }
            Command::CloseWindow { id } => ha::close_window(facts, *id)?,
            Command::Acknowledge { service } => ha::acknowledge(state, *service)?,
            Command::Recover { of } => ha::recover(state, moment, *of)?,
            Command::SettleRecovery { of } => ha::settle(state, moment, *of)?,
            Command::SetSchedule { id, setting, expect } => {
                schedules::set(state, *id, setting, *expect)?
            }
            Command::RemoveSchedule { id, expect } => schedules::remove(facts, *id, *expect)?,
            Command::NoteDue { id, at } => schedules::due(state, moment, *id, *at)?,
            Command::SettleSchedule { id } => schedules::settle(state, moment, *id)?,
            Command::NoteAtRest { read } => control::note_at_rest(state, read)?,
        };
        Ok(vec![event])
    }

    fn evolve(facts: &mut Facts, moment: &Moment, event: &Event) {
        let revision = moment.revision;
        match event {
            Event::ProfileSet { profile } => {
                facts.profile = profile.clone().map(|value| Set { value, revision });
                // What was read by another map is not what this one says.
                facts.sightings.clear();
            }
            Event::AccessSet { access } => {
                facts.access = Some(Set { value: access.clone(), revision });
            }
            Event::WatchNoted { epoch, standing, servers, troubles } => {
                let before = facts.watch.as_ref().filter(|known| known.standing.is_like(standing));
                facts.watch = Some(Watch {
                    standing: standing.clone(),
                    since: before.map_or(moment.at, |known| known.since),
                    epoch: *epoch,
                    servers: servers.clone(),
                    troubles: troubles.clone(),
                });
            }
            Event::SightingsNoted { seen, gone } => {
                for path in gone {
                    went(facts, moment, path);
                }
                for (path, sighted) in seen {
                    came(facts, moment, path, sighted);
                }
                make_room(facts);
            }
            Event::DiscoveryAsked { root } => {
                facts.discovery.asked = Some(revision);
                facts.discovery.root = root.clone();
            }
            Event::DiscoveryNoted { asked, because, znodes, proposed } => {
                facts.discovery.found = Some(Found {
                    asked: *asked,
                    at: moment.at,
                    root: facts.discovery.root.clone(),
                    because: because.clone(),
                    znodes: znodes.clone(),
                    proposed: proposed.clone(),
                });
            }
            Event::ControlSet { service, control } => {
                control::control_set(facts, moment, *service, control);
            }
            Event::WantedSet { services, want, why, by, forgotten } => {
                forgotten.iter().for_each(|service| drop(facts.wanted.remove(service)));
                control::wanted_set(facts, moment, services, (*want, *why), by);
            }
            Event::VerdictsNoted { judged, whole, started_with, forgotten, hostless } => {
                hostless.iter().for_each(|service| drop(facts.started_with.remove(service)));
                forgotten.iter().for_each(|service| drop(facts.verdicts.remove(service)));
                control::started_with(facts, started_with);
                for (service, judgement) in judged {
                    control::judged(facts, moment, *service, judgement);
                }
                facts.judged_in = whole.or(facts.judged_in);
            }
            Event::HaSet { settings } => ha::ha_set(facts, moment, settings),
            Event::WindowOpened { window, ended } => {
                ha::window_opened(facts, moment, window, ended);
            }
            Event::WindowClosed { id } => drop(facts.ha.windows.remove(id)),
            Event::RecoveriesAcknowledged { service } => ha::acknowledged(facts, *service),
            Event::RecoveryDecided { of, on, down_since, because, wanted, forgotten } => {
                forgotten.iter().for_each(|service| drop(facts.ha.recoveries.remove(service)));
                let (asked, at, because) = (revision, moment.at, because.clone());
                let (on, down_since, wanted) = (*on, *down_since, *wanted);
                let last = Recovery { asked, at, on, down_since, because, wanted, ended: None };
                ha::decided(facts, moment, *of, last);
            }
            Event::RecoverySettled { of, end } => ha::settled(facts, moment, *of, *end),
            Event::ScheduleSet { id, setting, waited } => {
                schedules::was_set(facts, moment, *id, setting, *waited);
            }
            Event::ScheduleRemoved { id } => drop(facts.schedules.remove(id)),
            Event::ScheduleDue { id, at, outcome } => {
                schedules::came_due(facts, moment, *id, *at, *outcome);
            }
            Event::ScheduleSettled { id, outcome } => schedules::settled(facts, *id, *outcome),
            Event::AtRestNoted { started_with } => control::started_with(facts, started_with),
        }
    }

    fn trace(state: &State, command: &Command) -> Option<Trace> {
        let facts = &state.services;
        Some(match command {
            Command::SetProfile { profile, .. } => {
                let before = facts.profile.as_ref().map(|set| summed_up(&set.value));
                Trace::new("services.set_profile", "profile")
                    .changing(before, profile.as_ref().map(summed_up))
            }
            Command::SetAccess { access, .. } => {
                let before = facts.access.as_ref().map(|set| told(&set.value));
                Trace::new("services.set_access", "zookeeper").changing(before, Some(told(access)))
            }
            Command::Discover { root } => {
                Trace::new("services.discover", cut(root, PATH_MAX_BYTES))
            }
            Command::SetControl { service, control, .. } => {
                let before = facts.controls.get(service).map(|set| controlled(&set.value));
                Trace::new("services.set_control", service.as_str())
                    .changing(before, control.as_ref().map(controlled))
            }
            Command::Want { services, want, why, .. } => {
                let named = match services.as_slice() {
                    [one] => one.name(state),
                    many => format!("{} services", many.len()),
                };
                Trace::new("services.want", named)
                    .changing(None, Some(format!("{} ({})", want.as_str(), why.as_str())))
            }
            Command::SetHa { settings, .. } => {
                let before = facts.ha.settings.as_ref().map(|set| ha::in_words(&set.value));
                Trace::new("services.set_ha", "services-ha")
                    .changing(before, settings.as_ref().map(ha::in_words))
            }
            Command::OpenWindow { scope, until, .. } => {
                Trace::new("services.open_window", ha::scope(state, *scope))
                    .changing(None, Some(format!("until {until}")))
            }
            Command::CloseWindow { id } => Trace::new("services.close_window", id.to_string()),
            Command::Acknowledge { service } => {
                Trace::new("services.acknowledge", service.name(state))
            }
            Command::Recover { of } => Trace::new("services.recover", of.name(state)),
            Command::SetSchedule { id, setting, .. } => {
                let before = id.and_then(|id| facts.schedules.get(&id));
                let before = before.map(|known| schedules::in_words(&known.setting));
                Trace::new("services.set_schedule", cut(&setting.name, SCHEDULE_NAME_MAX_BYTES))
                    .changing(before, Some(schedules::in_words(setting)))
            }
            Command::RemoveSchedule { id, .. } => {
                let known = facts.schedules.get(id);
                let name = known.map_or_else(|| id.to_string(), |it| it.setting.name.clone());
                Trace::new("services.remove_schedule", name)
                    .changing(known.map(|known| schedules::in_words(&known.setting)), None)
            }
            Command::NoteDue { id, .. } => {
                let known = facts.schedules.get(id);
                let name = known.map_or_else(|| id.to_string(), |it| it.setting.name.clone());
                Trace::new("services.schedule_due", name)
            }
            Command::SettleSchedule { .. }
            | Command::SettleRecovery { .. }
            | Command::NoteWatch { .. }
            | Command::NoteSightings { .. }
            | Command::NoteDiscovery { .. }
            | Command::NoteVerdicts { .. }
            | Command::NoteAtRest { .. } => return None,
        })
    }
}

fn set_profile(
    facts: &Facts,
    profile: &Option<Profile>,
    expect: Option<Revision>,
) -> Result<Event, Refusal> {
    unchanged("The profile", facts.profile.as_ref().map(|set| set.revision), expect)?;
    if let Some(profile) = profile {
        profile.check()?;
    }
    Ok(Event::ProfileSet { profile: profile.clone() })
}

fn set_access(facts: &Facts, access: &Access, expect: Option<Revision>) -> Result<Event, Refusal> {
    let known = facts.access.as_ref().map(|set| set.revision);
    unchanged("The way to ZooKeeper", known, expect)?;
    if let Some(Tls { ca_pem, identity }) = &access.tls {
        fits("The authority's certificate", ca_pem, PEM_MAX_BYTES)?;
        if let Some(Identity { certificate_pem, sealed_key }) = identity {
            fits("The certificate", certificate_pem, PEM_MAX_BYTES)?;
            sealed_fits(sealed_key)?;
        }
    }
    if let Some(Login { username, sealed_password }) = &access.digest {
        one_line("A user name", username, USERNAME_MAX_BYTES)?;
        sealed_fits(sealed_password)?;
    }
    Ok(Event::AccessSet { access: access.clone() })
}

fn sealed_fits(sealed: &[u8]) -> Result<(), Refusal> {
    if sealed.len() <= SEALED_MAX_BYTES {
        return Ok(());
    }
    let detail = format!("A sealed secret has at most {SEALED_MAX_BYTES} bytes.");
    Err(Refusal::new(Code::TooLong, detail))
}

fn unchanged(what: &str, known: Option<Revision>, expect: Option<Revision>) -> Result<(), Refusal> {
    let is = known.unwrap_or_default();
    match expect {
        Some(expected) if expected != is => {
            let detail = format!("{what} changed at revision {is}, expected {expected}.");
            Err(Refusal::new(Code::Changed, detail))
        }
        Some(_) | None => Ok(()),
    }
}

/// What the Active tells of its own work is cut rather than refused.
fn note_watch(
    state: &State,
    standing: &Standing,
    servers: &[Server],
    troubles: &[String],
) -> Result<Event, Refusal> {
    bounded(servers.len(), SERVERS_MAX, "ZooKeeper servers")?;
    bounded(troubles.len(), TROUBLES_MAX, "troubles")?;
    let short = |text: &String| cut(text, BECAUSE_MAX_BYTES);
    let standing = match standing {
        Standing::Off { because } => Standing::Off { because: short(because) },
        Standing::Away { because } => Standing::Away { because: short(because) },
        Standing::Watching => Standing::Watching,
    };
    let server = |known: &Server| Server {
        address: short(&known.address),
        serves: known.serves.as_ref().map(short).map_err(short),
    };
    Ok(Event::WatchNoted {
        epoch: state.managers.epoch(),
        standing,
        servers: servers.iter().map(server).collect(),
        troubles: troubles.iter().map(short).collect(),
    })
}

fn note_sightings(
    facts: &Facts,
    seen: &[(String, Sighted)],
    gone: &[String],
) -> Result<Event, Refusal> {
    bounded(seen.len() + gone.len(), TOLD_MAX, "sightings")?;
    let there = facts.sightings.values().filter(|known| known.present).count();
    let is_there = |path: &String| facts.sightings.get(path).is_some_and(|known| known.present);
    let new = seen.iter().filter(|(path, _)| !is_there(path)).count();
    if there + new > SIGHTINGS_MAX {
        let detail = format!("At most {SIGHTINGS_MAX} sightings are kept.");
        return Err(Refusal::new(Code::TooMany, detail));
    }
    for path in seen.iter().map(|(path, _)| path).chain(gone) {
        one_line("A path", path, PATH_MAX_BYTES)?;
    }
    for (_, sighted) in seen {
        one_line("A host", &sighted.host, HOST_TEXT_MAX_BYTES)?;
    }
    let short = |(path, sighted): &(String, Sighted)| {
        let trouble = sighted.trouble.as_deref().map(|told| cut(told, BECAUSE_MAX_BYTES));
        (path.clone(), Sighted { trouble, ..sighted.clone() })
    };
    Ok(Event::SightingsNoted { seen: seen.iter().map(short).collect(), gone: gone.to_vec() })
}

fn discover(state: &State, root: &str) -> Result<Event, Refusal> {
    fits("A path", root, PATH_MAX_BYTES)?;
    if !is_path(root) {
        let detail = format!("{root} is no absolute path of a znode.");
        return Err(Refusal::new(Code::InvalidValue, detail));
    }
    wanted(state).map_err(|because| Refusal::new(Code::ZookeeperNotWatched, because))?;
    Ok(Event::DiscoveryAsked { root: root.to_owned() })
}

/// Whoever asked anew in the meantime wants to know something else.
fn asked_for(facts: &Facts, asked: Revision) -> Result<(), Refusal> {
    if facts.discovery.open().is_some_and(|(open, _)| open == asked) {
        return Ok(());
    }
    let detail = format!("What was asked at revision {asked} is not open any more.");
    Err(Refusal::new(Code::WrongState, detail))
}

fn discovery_fits(znodes: &[Znode], proposed: &[Rule]) -> Result<(), Refusal> {
    bounded(znodes.len(), DISCOVERED_MAX, "znodes")?;
    bounded(proposed.len(), PROPOSED_MAX, "patterns")?;
    znodes.iter().try_for_each(shape_fits)?;
    proposed.iter().try_for_each(Rule::check)
}

fn shape_fits(znode: &Znode) -> Result<(), Refusal> {
    one_line("A path", &znode.path, PATH_MAX_BYTES)?;
    let Form::Json { fields } = &znode.form else { return Ok(()) };
    bounded(fields.len(), FIELDS_MAX, "fields of a payload")?;
    fields.iter().try_for_each(|field| one_line("A field", field, FIELD_MAX_BYTES))
}

fn bounded(count: usize, max: usize, what: &str) -> Result<(), Refusal> {
    if count <= max {
        return Ok(());
    }
    Err(Refusal::new(Code::TooMany, format!("At most {max} {what} can be told at once.")))
}

fn came(facts: &mut Facts, moment: &Moment, path: &str, sighted: &Sighted) {
    let since = facts.sightings.get(path).filter(|known| known.present).map(|known| known.since);
    let since = since.unwrap_or(moment.at);
    let sighting = Sighting { sighted: sighted.clone(), present: true, since };
    facts.sightings.insert(path.to_owned(), sighting);
}

fn went(facts: &mut Facts, moment: &Moment, path: &str) {
    if let Some(known) = facts.sightings.get_mut(path).filter(|known| known.present) {
        (known.present, known.since) = (false, moment.at);
    }
}

/// What is gone longest is forgotten first. What is there always has its place.
fn make_room(facts: &mut Facts) {
    let over = facts.sightings.len().saturating_sub(SIGHTINGS_MAX);
    if over == 0 {
        return;
    }
    let gone = facts.sightings.iter().filter(|(_, known)| !known.present);
    let mut gone: Vec<_> = gone.map(|(path, known)| (known.since, path.clone())).collect();
    gone.sort();
    for (_, path) in gone.into_iter().take(over) {
        facts.sightings.remove(&path);
    }
}

fn controlled(control: &Control) -> String {
    let probe = match &control.probe {
        Probe::None => "not probed".to_owned(),
        Probe::Tcp { port } => format!("probed at port {}", port_in_words(*port)),
        Probe::Http { port, path } => {
            format!("probed at port {} {}", port_in_words(*port), cut(path, BECAUSE_MAX_BYTES))
        }
    };
    format!("{}, {probe}", cut(&control.unit, BECAUSE_MAX_BYTES))
}

fn port_in_words(port: Option<u16>) -> String {
    port.map_or_else(|| "known of it".to_owned(), |port| port.to_string())
}

fn summed_up(profile: &Profile) -> String {
    let verified = if profile.verified { "verified" } else { "unverified" };
    format!("{} rules, {verified}", profile.rules.len())
}

fn told(access: &Access) -> String {
    let way = match &access.tls {
        None => "in the clear",
        Some(Tls { identity: None, .. }) => "over TLS",
        Some(Tls { identity: Some(_), .. }) => "over TLS with a certificate",
    };
    match &access.digest {
        None => way.to_owned(),
        Some(login) => format!("{way} as {}", cut(&login.username, USERNAME_MAX_BYTES)),
    }
}
