//! How the hosts decide and evolve: what may be registered, who is enrolled, which key is trusted.

use std::collections::BTreeSet;

use super::command::{Command, Event};
use super::model::{
    ADDRESS_MAX_BYTES, BECAUSE_MAX_BYTES, ENROLMENT_TTL_MAX_MS, Enrolment, Facts, HOSTS_MAX, Host,
    HostRole, NAME_MAX_BYTES, PATH_MAX_BYTES, PUBLIC_KEY_MAX_BYTES, Reach, SEALED_KEY_MAX_BYTES,
    Seen, Ssh, SshKey, Transport, USER_MAX_BYTES, VERSION_MAX_BYTES,
};
use crate::base::text::{cut, fits, one_line};
use crate::base::{Code, Digest, HostId, Refusal, Revision};
use crate::capabilities::managers::model::Role;
use crate::machine::{Capability, Moment, State, Trace};

/// The room, for the machine.
pub struct Room;

impl Capability for Room {
    type Facts = Facts;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, moment: &Moment, command: &Command) -> Result<Vec<Event>, Refusal> {
        let facts = &state.hosts;
        let event = match command {
            Command::Register { name, roles, transport } => {
                register(facts, moment, name, roles, transport)?
            }
            Command::Change { host, roles, transport, expect } => {
                change(state, *host, roles.as_ref(), transport.as_ref(), *expect)?
            }
            Command::Remove { host, expect } => remove(state, *host, *expect)?,
            Command::Invite { host, digest, ttl_ms } => {
                invite(facts, moment, *host, *digest, *ttl_ms)?
            }
            Command::Enrol { host, token, address } => {
                enrol(facts, moment, *host, *token, address)?
            }
            Command::Trust { host, key, expect } => trust(facts, *host, key, *expect)?,
            Command::SetSshKey(key) => set_ssh_key(key)?,
            Command::Note { host, reach, asked } => return note(facts, *host, reach, *asked),
            Command::Look { host } => {
                facts.host(*host)?;
                Event::LookAsked { host: *host }
            }
        };
        Ok(vec![event])
    }

    fn evolve(facts: &mut Facts, moment: &Moment, event: &Event) {
        match event {
            Event::Registered { host, name, roles, transport } => {
                facts.hosts.insert(*host, new_host(moment, name, roles, transport));
            }
            Event::Changed { host, roles, transport } => {
                changed(facts, moment, *host, |host| reached_by(host, roles, transport));
            }
            Event::Removed { host } => {
                facts.hosts.remove(host);
                facts.enrolments.remove(host);
            }
            Event::Invited { host, enrolment } => {
                facts.enrolments.insert(*host, enrolment.clone());
            }
            Event::Enrolled { host, address } => {
                facts.enrolments.remove(host);
                changed(facts, moment, *host, |host| {
                    host.transport = Transport::Agent { address: address.clone() };
                    host.enrolled_at = Some(moment.at);
                    host.seen = None;
                });
            }
            Event::Trusted { host, key } => {
                changed(facts, moment, *host, |host| host.trusted_key = Some(key.clone()));
            }
            Event::SshKeySet(key) => facts.ssh_key = Some(key.clone()),
            Event::Noted { host, reach, asked } => {
                if let Some(host) = facts.hosts.get_mut(host) {
                    noted(host, moment, reach, *asked);
                }
            }
            Event::LookAsked { host } => {
                if let Some(host) = facts.hosts.get_mut(host) {
                    host.look_asked = moment.revision;
                }
            }
        }
    }

    fn trace(state: &State, command: &Command) -> Option<Trace> {
        let facts = &state.hosts;
        let name = |id: &HostId| {
            facts.hosts.get(id).map_or_else(|| id.to_string(), |host| host.name.clone())
        };
        Some(match command {
            Command::Register { name, roles, transport } => {
                let after = described(roles, transport);
                Trace::new("hosts.register", cut(name, NAME_MAX_BYTES)).changing(None, Some(after))
            }
            Command::Change { host, roles, transport, .. } => {
                Trace::new("hosts.change", name(host)).changing(
                    facts.hosts.get(host).map(|host| described(&host.roles, &host.transport)),
                    facts.hosts.get(host).map(|host| {
                        let roles = roles.as_ref().unwrap_or(&host.roles);
                        described(roles, transport.as_ref().unwrap_or(&host.transport))
                    }),
                )
            }
            Command::Remove { host, .. } => Trace::new("hosts.remove", name(host)),
            Command::Invite { host, .. } => Trace::new("hosts.invite", name(host)),
            Command::Enrol { host, address, .. } => Trace::new("hosts.enrol", name(host))
                .changing(None, Some(cut(address, ADDRESS_MAX_BYTES))),
            Command::Trust { host, key, .. } => Trace::new("hosts.trust", name(host)).changing(
                facts.hosts.get(host).and_then(|host| host.trusted_key.clone()),
                Some(cut(key, PUBLIC_KEY_MAX_BYTES)),
            ),
            Command::SetSshKey(key) => Trace::new("hosts.set_ssh_key", "group").changing(
                facts.ssh_key.as_ref().map(|key| key.public.clone()),
                Some(cut(&key.public, PUBLIC_KEY_MAX_BYTES)),
            ),
            Command::Look { host } => Trace::new("hosts.check", name(host)),
            Command::Note { .. } => return None,
        })
    }
}

fn register(
    facts: &Facts,
    moment: &Moment,
    name: &str,
    roles: &BTreeSet<HostRole>,
    transport: &Transport,
) -> Result<Event, Refusal> {
    well_formed(name, transport)?;
    if facts.named(name).is_ok() {
        let detail = format!("A host {name} is registered already.");
        return Err(Refusal::new(Code::HostExists, detail));
    }
    if facts.hosts.len() >= HOSTS_MAX {
        let detail = format!("At most {HOSTS_MAX} hosts can be looked after.");
        return Err(Refusal::new(Code::TooMany, detail));
    }
    let (name, roles, transport) = (name.into(), roles.clone(), transport.clone());
    Ok(Event::Registered { host: HostId(moment.revision.0), name, roles, transport })
}

fn change(
    state: &State,
    id: HostId,
    roles: Option<&BTreeSet<HostRole>>,
    transport: Option<&Transport>,
    expect: Option<Revision>,
) -> Result<Event, Refusal> {
    let host = unchanged(&state.hosts, id, expect)?;
    let roles = roles.unwrap_or(&host.roles);
    let transport = match (transport, &host.transport) {
        // An agent tells its address itself: leaving it out leaves it.
        (Some(Transport::Agent { address }), Transport::Agent { .. }) if address.is_empty() => {
            &host.transport
        }
        (transport, known) => transport.unwrap_or(known),
    };
    reachable_by(transport)?;
    let loses_portal =
        host.roles.contains(&HostRole::WebPortal) && !roles.contains(&HostRole::WebPortal);
    if loses_portal && lives_on(state, &host.name, |role| role == Role::Manager) {
        let detail = format!(
            "A Kyvos Manager runs on {}, and needs the Web Portal there. Remove the Manager first.",
            host.name
        );
        return Err(Refusal::new(Code::HostHasManager, detail));
    }
    Ok(Event::Changed { host: id, roles: roles.clone(), transport: transport.clone() })
}

fn remove(state: &State, id: HostId, expect: Option<Revision>) -> Result<Event, Refusal> {
    let host = unchanged(&state.hosts, id, expect)?;
    if lives_on(state, &host.name, |_| true) {
        let detail = format!(
            "A member of this group lives on {}. Remove the member before its host.",
            host.name
        );
        return Err(Refusal::new(Code::HostHasManager, detail));
    }
    Ok(Event::Removed { host: id })
}

fn invite(
    facts: &Facts,
    moment: &Moment,
    id: HostId,
    digest: Digest,
    ttl_ms: u64,
) -> Result<Event, Refusal> {
    let host = facts.host(id)?;
    if let Transport::Ssh(_) = host.transport {
        let detail = format!("{} is reached over SSH and has no agent to enrol.", host.name);
        return Err(Refusal::new(Code::WrongState, detail));
    }
    let expires_at = moment.at.plus_ms(ttl_ms.min(ENROLMENT_TTL_MAX_MS));
    let enrolment = Enrolment { digest, expires_at, created_by: moment.by.to_string() };
    Ok(Event::Invited { host: id, enrolment })
}

fn enrol(
    facts: &Facts,
    moment: &Moment,
    host: HostId,
    token: Digest,
    address: &str,
) -> Result<Event, Refusal> {
    facts.enrolment(host, token, moment.at)?;
    host_and_port(address)?;
    Ok(Event::Enrolled { host, address: address.into() })
}

fn trust(facts: &Facts, id: HostId, key: &str, expect: Option<Revision>) -> Result<Event, Refusal> {
    let host = unchanged(facts, id, expect)?;
    if let Transport::Agent { .. } = host.transport {
        let detail = format!("{} is reached by its agent and has no SSH key to trust.", host.name);
        return Err(Refusal::new(Code::WrongState, detail));
    }
    one_line("A host key", key, PUBLIC_KEY_MAX_BYTES)?;
    Ok(Event::Trusted { host: id, key: key.into() })
}

fn set_ssh_key(key: &SshKey) -> Result<Event, Refusal> {
    one_line("A public key", &key.public, PUBLIC_KEY_MAX_BYTES)?;
    if key.sealed.len() > SEALED_KEY_MAX_BYTES {
        let detail = format!("A private key has at most {SEALED_KEY_MAX_BYTES} bytes, sealed.");
        return Err(Refusal::new(Code::TooLong, detail));
    }
    Ok(Event::SshKeySet(key.clone()))
}

/// What is seen again is no news, unless somebody asked.
fn note(facts: &Facts, id: HostId, reach: &Reach, asked: Revision) -> Result<Vec<Event>, Refusal> {
    let host = facts.host(id)?;
    let reach = match reach {
        Reach::Answers { version } => Reach::Answers { version: cut(version, VERSION_MAX_BYTES) },
        Reach::Silent { because } => Reach::Silent { because: cut(because, BECAUSE_MAX_BYTES) },
    };
    let known = host.seen.as_ref().is_some_and(|seen| seen.reach == reach);
    // A wish that nobody uttered is not fulfilled.
    let asked = asked.min(host.look_asked);
    let owed = asked > host.looked;
    Ok(if known && !owed { vec![] } else { vec![Event::Noted { host: id, reach, asked }] })
}

fn unchanged(facts: &Facts, id: HostId, expect: Option<Revision>) -> Result<&Host, Refusal> {
    let host = facts.host(id)?;
    match expect {
        Some(expected) if expected != host.revision => {
            let detail = format!(
                "The host {} last changed at revision {}, not {expected}.",
                host.name, host.revision
            );
            Err(Refusal::new(Code::Changed, detail))
        }
        Some(_) | None => Ok(host),
    }
}

fn lives_on(state: &State, host: &str, which: impl Fn(Role) -> bool) -> bool {
    let members = state.managers.members.values();
    members.filter(|member| which(member.role)).any(|member| member.profile.host == host)
}

/// Refuses a name or a way that no host can have, whatever else is registered.
pub fn well_formed(name: &str, transport: &Transport) -> Result<(), Refusal> {
    host_name(name)?;
    reachable_by(transport)
}

fn host_name(name: &str) -> Result<(), Refusal> {
    fits("A host name", name, NAME_MAX_BYTES)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(fits) {
        let detail = "A host name has letters, digits, hyphens, underscores and dots, and begins with a letter or digit.";
        return Err(Refusal::new(Code::HostInvalid, detail));
    }
    Ok(())
}

fn reachable_by(transport: &Transport) -> Result<(), Refusal> {
    match transport {
        Transport::Agent { address } if address.is_empty() => Ok(()),
        Transport::Agent { address } => host_and_port(address),
        Transport::Ssh(Ssh { address, user, program, config }) => {
            host_and_port(address)?;
            word("An SSH user", user, USER_MAX_BYTES, "-_.")?;
            path("The path of km", program)?;
            path("The path of the agent's configuration", config)
        }
    }
}

fn host_and_port(address: &str) -> Result<(), Refusal> {
    fits("An address", address, ADDRESS_MAX_BYTES)?;
    let (host, port) = address.rsplit_once(':').unwrap_or_default();
    let visible = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible || !port.parse::<u16>().is_ok_and(|port| port > 0) {
        let detail = "An address is HOST:PORT.";
        return Err(Refusal::new(Code::HostInvalid, detail));
    }
    Ok(())
}

/// A path stands in a command line on the host, so it is made of letters that mean nothing to a shell.
fn path(what: &str, path: &str) -> Result<(), Refusal> {
    word(what, path, PATH_MAX_BYTES, "-_./")?;
    if path.starts_with('/') {
        return Ok(());
    }
    Err(Refusal::new(Code::HostInvalid, format!("{what} is absolute.")))
}

fn word(what: &str, text: &str, max_bytes: usize, besides: &str) -> Result<(), Refusal> {
    fits(what, text, max_bytes)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || besides.contains(c);
    if text.is_empty() || text.starts_with('-') || !text.chars().all(fits) {
        let detail = format!("{what} has letters, digits and any of {besides}");
        return Err(Refusal::new(Code::HostInvalid, detail));
    }
    Ok(())
}

fn described(roles: &BTreeSet<HostRole>, transport: &Transport) -> String {
    let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
    let address = cut(transport.address(), ADDRESS_MAX_BYTES);
    let by = format!("{} {address}", transport.as_str());
    format!("{} by {}", if roles.is_empty() { "-".into() } else { roles.join("+") }, by.trim_end())
}

fn new_host(
    moment: &Moment,
    name: &str,
    roles: &BTreeSet<HostRole>,
    transport: &Transport,
) -> Host {
    Host {
        name: name.into(),
        roles: roles.clone(),
        transport: transport.clone(),
        enrolled_at: None,
        trusted_key: None,
        seen: None,
        look_asked: Revision(0),
        looked: Revision(0),
        registered_at: moment.at,
        revision: moment.revision,
    }
}

/// Since when it is so does not move when it is seen again.
fn noted(host: &mut Host, moment: &Moment, reach: &Reach, asked: Revision) {
    host.looked = host.looked.max(asked);
    if host.seen.as_ref().is_none_or(|seen| seen.reach != *reach) {
        host.seen = Some(Seen { reach: reach.clone(), since: moment.at });
    }
}

fn changed(facts: &mut Facts, moment: &Moment, id: HostId, how: impl FnOnce(&mut Host)) {
    if let Some(host) = facts.hosts.get_mut(&id) {
        how(host);
        host.revision = moment.revision;
    }
}

/// A key was trusted for an address; at another one it proves nothing. What was seen was seen the old way.
fn reached_by(host: &mut Host, roles: &BTreeSet<HostRole>, transport: &Transport) {
    if host.transport.address() != transport.address() {
        host.trusted_key = None;
    }
    if host.transport != *transport {
        host.seen = None;
    }
    host.roles = roles.clone();
    host.transport = transport.clone();
}
