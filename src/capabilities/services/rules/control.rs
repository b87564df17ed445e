//! What may be said of the control of services, of what is wanted of them, and of what was judged.

use super::super::command::Event;
use super::super::model::{
    Configuration, Configurations, Control, EVIDENCE_MAX, Facts, Judged, Judgement, SERVICES_MAX,
    ServiceId, ServiceType, Set, TOLD_MAX, Verdict, Want, Wanted, Why,
};
use super::{bounded, unchanged};
use crate::base::{Code, Epoch, Refusal, Revision};
use crate::machine::{Moment, State};

pub(super) fn set_control(
    facts: &Facts,
    service: ServiceType,
    control: &Option<Control>,
    expect: Option<Revision>,
) -> Result<Event, Refusal> {
    if service == ServiceType::KyvosManager {
        let detail = "Kyvos Managers are controlled with km managers and not as services.";
        return Err(Refusal::new(Code::WrongState, detail));
    }
    let known = facts.controls.get(&service).map(|set| set.revision);
    unchanged(&format!("The control of {}", service.as_str()), known, expect)?;
    if let Some(control) = control {
        control.check()?;
    }
    Ok(Event::ControlSet { service, control: control.clone() })
}

/// Who wants something: whoever asks, or whoever asked for the operation that is about to bring it about. What somebody
/// said since the operation of a schedule was begun is the newer word.
pub(super) fn want(
    state: &State,
    moment: &Moment,
    services: &[ServiceId],
    (want, why): (Want, Why),
    operation: Option<Revision>,
    expect: Option<Revision>,
) -> Result<Event, Refusal> {
    bounded(services.len(), SERVICES_MAX, "services")?;
    for service in services {
        exists(state, *service)?;
    }
    let Some(first) = services.first() else {
        return Err(Refusal::new(Code::NoSuchService, "No service is named."));
    };
    let known = state.services.wanted.get(first).map(|wanted| wanted.revision);
    unchanged(&format!("What is wanted of {}", first.name(state)), known, expect)?;
    let by = match operation {
        None => moment.by.to_string(),
        Some(id) => state.operations.operation(id)?.requested_by.clone(),
    };
    let mut services = services.to_vec();
    if let Some(id) = operation.filter(|_| why == Why::Schedule) {
        services.retain(|service| !service.is_spoken_of_since(state, id));
    }
    let mut forgotten: Vec<_> = state.services.wanted.keys().copied().collect();
    forgotten.retain(|service| !service.exists(state));
    Ok(Event::WantedSet { services, want, why, by, forgotten })
}

/// What is told of a service that was let go meanwhile is left out: it is nobody's fault.
pub(super) fn note_verdicts(
    state: &State,
    judged: &[(ServiceId, Judgement)],
    whole: bool,
) -> Result<Event, Refusal> {
    bounded(judged.len(), TOLD_MAX, "verdicts")?;
    for (_, judgement) in judged {
        bounded(judgement.evidence.len(), EVIDENCE_MAX, "observations of a service")?;
    }
    let there = judged.iter().filter(|(service, _)| service.exists(state));
    let judged: Vec<_> = there.map(|(service, judgement)| (*service, judgement.short())).collect();
    let configurations = Configurations::of(state);
    let read = |(service, judgement): &(ServiceId, Judgement)| {
        Some((*service, configurations.judged(*service, judgement)?))
    };
    let started_with = judged.iter().filter_map(read).collect();
    let whole: Option<Epoch> = whole.then(|| state.managers.epoch());
    let mut forgotten: Vec<_> = state.services.verdicts.keys().copied().collect();
    forgotten.retain(|service| !service.exists(state));
    let mut hostless: Vec<_> = state.services.started_with.keys().copied().collect();
    hostless.retain(|service| !state.hosts.hosts.contains_key(&service.host));
    Ok(Event::VerdictsNoted { judged, whole, started_with, forgotten, hostless })
}

/// What is told of one that was let go meanwhile is left out.
pub(super) fn note_at_rest(
    state: &State,
    read: &[(ServiceId, Configuration)],
) -> Result<Event, Refusal> {
    bounded(read.len(), TOLD_MAX, "services")?;
    if !read.iter().all(|(_, configuration)| configuration.fits()) {
        return Err(Refusal::new(Code::TooLong, "A configuration has more than a service reads."));
    }
    let there = read.iter().filter(|(service, _)| service.exists(state));
    Ok(Event::AtRestNoted { started_with: there.cloned().collect() })
}

pub(super) fn exists(state: &State, service: ServiceId) -> Result<(), Refusal> {
    if service.exists(state) {
        return Ok(());
    }
    let detail = format!("There is no service {}.", service.name(state));
    Err(Refusal::new(Code::NoSuchService, detail))
}

pub(super) fn control_set(
    facts: &mut Facts,
    moment: &Moment,
    service: ServiceType,
    control: &Option<Control>,
) {
    match control.clone() {
        Some(value) => {
            facts.controls.insert(service, Set { value, revision: moment.revision });
        }
        None => {
            facts.controls.remove(&service);
        }
    }
}

/// Since when something is wanted does not change when it is wanted once more for the same reason.
pub(super) fn wanted_set(
    facts: &mut Facts,
    moment: &Moment,
    services: &[ServiceId],
    (want, why): (Want, Why),
    by: &str,
) {
    for service in services {
        let known = facts.wanted.get(service);
        let same = known.filter(|known| (known.want, known.why) == (want, why));
        let (since, by) = (same.map_or(moment.at, |known| known.since), by.to_owned());
        let wanted = Wanted { want, why, by, since, revision: moment.revision };
        facts.wanted.insert(*service, wanted);
    }
}

pub(super) fn started_with(facts: &mut Facts, read: &[(ServiceId, Configuration)]) {
    facts.started_with.extend(read.iter().cloned());
}

pub(super) fn judged(
    facts: &mut Facts,
    moment: &Moment,
    service: ServiceId,
    judgement: &Judgement,
) {
    let known = facts.verdicts.get(&service);
    let before = known.map(|known| known.judgement.verdict);
    let same = known.filter(|known| known.judgement.verdict == judgement.verdict);
    let up = judgement.verdict == Verdict::Up || before == Some(Verdict::Up);
    let last_up = if up { Some(moment.at) } else { known.and_then(|known| known.last_up) };
    let judged = Judged {
        judgement: judgement.clone(),
        was: same.map_or(before, |known| known.was),
        since: same.map_or(moment.at, |known| known.since),
        last_up,
    };
    facts.verdicts.insert(service, judged);
}
