//! What is the matter with Kyvos services: down, degraded, held until a person has looked, or started again by itself.
//!
//! Nobody is bothered by what somebody does on purpose: a planned stop, a maintenance window, an operation. Of what was told
//! the word stands until the service is up: that nobody can say any more how it is, or that somebody is at it, is no
//! reason to say that it is well.

use super::{Found, Told, bundled, cause, named, since, subjects};
use crate::base::Timestamp;
use crate::capabilities::alerts::model::{Cause, Kind, Severity};
use crate::capabilities::hosts::model::{Reach, Seen};
use crate::capabilities::services::model::{
    Desk, End, Freshness, HaStanding, Judged, Observer, Reason, Recoveries, Says, ServiceId,
    Settings, Verdict, verdict_freshness,
};
use crate::machine::State;

/// How long a service may be down: by then Services HA has begun to start it again.
const DOWN_AFTER_MS: u64 = 15_000;
/// The same where its host did not say so: the host may be lost, which is noticed later and told of instead.
const DOWN_UNSEEN_AFTER_MS: u64 = 45_000;
/// How long the observers may contradict each other: what starts does not serve at once.
const DEGRADED_AFTER_MS: u64 = 3 * 60_000;
/// How long it is told that a service was started again by itself.
const RECOVERED_FOR_MS: u64 = 15 * 60_000;

/// What is found of one service.
type Find<'s> = fn(&Ward<'s>, ServiceId) -> Option<Found>;

pub(super) fn causes(state: &State, told: &Told<'_>, now: Timestamp) -> Vec<Found> {
    let ward = Ward::of(state, told, now);
    let kinds: [(Kind, Severity, &str, Find<'_>); 4] = [
        (Kind::ServiceDown, Severity::Error, "are down", Ward::down),
        (Kind::ServiceDegraded, Severity::Warning, "are degraded", Ward::degraded),
        (Kind::ServiceHeld, Severity::Error, "are not started again by themselves", Ward::held),
        (
            Kind::ServiceRecovered,
            Severity::Info,
            "were started again by themselves",
            Ward::recovered,
        ),
    ];
    let mut causes = Vec::new();
    for (kind, severity, say, find) in kinds {
        let found = ServiceId::all(state).filter_map(|service| find(&ward, service)).collect();
        causes.extend(bundled(found, told, |found| together(found, kind, severity, say)));
        if !ward.fresh {
            causes.extend(ward.as_told(&many(kind)));
        }
    }
    causes
}

fn together(found: &[Found], kind: Kind, severity: Severity, say: &str) -> Cause {
    let (count, names) = (found.len(), named(&subjects(found)));
    let text = format!("{count} services {say}: {names}. km services ha status tells of each.");
    cause(&many(kind), kind, severity, "", text)
}

/// The services under somebody's eyes.
pub(super) struct Ward<'s> {
    state: &'s State,
    told: &'s Told<'s>,
    now: Timestamp,
    desk: Desk<'s>,
    settings: Settings,
    fresh: bool,
}

impl<'s> Ward<'s> {
    pub(super) fn of(state: &'s State, told: &'s Told<'s>, now: Timestamp) -> Self {
        Self {
            state,
            told,
            now,
            desk: Desk::of(state, now),
            settings: state.services.ha.settings(),
            fresh: verdict_freshness(state) == Freshness::Fresh,
        }
    }

    /// Whether it should be up and is not.
    pub(super) fn is_lost(&self, service: ServiceId) -> bool {
        let judged = self.state.services.verdicts.get(&service);
        let lost =
            |judged: &Judged| judged.last_up.is_some() && judged.judgement.verdict != Verdict::Up;
        judged.is_some_and(lost) && !self.is_expected(service)
    }

    fn down(&self, service: ServiceId) -> Option<Found> {
        let judged = self.not_up(service)?;
        if !self.fresh {
            return self.as_told(&key(Kind::ServiceDown, service));
        }
        let is_told = self.is_told(Kind::ServiceDown, service);
        let is_news = judged.judgement.verdict == Verdict::Down
            && judged.last_up.is_some()
            && self.may_be_judged(service)
            && self.hold(service).is_none();
        if !is_told && !is_news {
            return None;
        }
        let verb = match judged.judgement.verdict {
            Verdict::Down => "is down",
            Verdict::Up | Verdict::Degraded | Verdict::Unknown => "went down and is not up again",
        };
        let next = next_step(&self.desk.standing(service), &service.name(self.state));
        let text = self.sentence(service, judged, verb, &next);
        let found = self.found(Kind::ServiceDown, Severity::Error, service, text);
        let found = since(found, judged.since, down_after_ms(judged));
        // A host that is back is given time to start what runs on it.
        Some(Found { since_is_known: !self.is_back_since(service, judged.since), ..found })
    }

    fn degraded(&self, service: ServiceId) -> Option<Found> {
        let judged = self.not_up(service)?;
        if !self.fresh {
            return self.as_told(&key(Kind::ServiceDegraded, service));
        }
        let is_told = match judged.judgement.verdict {
            Verdict::Degraded => {
                self.may_be_judged(service) || self.is_told(Kind::ServiceDegraded, service)
            }
            Verdict::Unknown => self.is_told(Kind::ServiceDegraded, service),
            Verdict::Up | Verdict::Down => false,
        };
        if !is_told || self.is_told(Kind::ServiceDown, service) {
            return None;
        }
        let name = service.name(self.state);
        let next = format!(
            "km services show {name} tells who says what; km services restart {name} if it hangs."
        );
        let text = self.sentence(service, judged, "hangs, or not everybody reaches it,", &next);
        let found = self.found(Kind::ServiceDegraded, Severity::Warning, service, text);
        Some(since(found, judged.since, DEGRADED_AFTER_MS))
    }

    fn held(&self, service: ServiceId) -> Option<Found> {
        let (known, at, why) = self.hold(service)?;
        if !self.fresh {
            let told = self.as_told(&key(Kind::ServiceHeld, service));
            return told.filter(|_| !self.is_expected(service));
        }
        let is_told = self.is_told(Kind::ServiceHeld, service);
        if self.is_expected(service) || !(is_told || self.may_be_told(service)) {
            return None;
        }
        let judged = self.state.services.verdicts.get(&service);
        let up = judged.is_some_and(|judged| judged.judgement.verdict == Verdict::Up);
        let severity = if up { Severity::Warning } else { Severity::Error };
        let now =
            if up { "It is up now, and is not started when it goes down" } else { "It is not up" };
        let text = format!(
            "{} {why}. {now}: find out why, then km services ha ack {}. The last time: {}",
            self.title(service),
            service.name(self.state),
            known.last.because
        );
        Some(since(self.found(Kind::ServiceHeld, severity, service, text), at, 0))
    }

    fn recovered(&self, service: ServiceId) -> Option<Found> {
        let last = &self.state.services.ha.recoveries.get(&service)?.last;
        let Some((End::Served, at)) = last.ended else { return None };
        if self.now.since_ms(at) >= RECOVERED_FOR_MS {
            return None;
        }
        let title = self.title(service);
        let done = match last.on == service {
            true => "was started again by itself".to_owned(),
            false => {
                format!("was lost with its host, and {} was started", last.on.name(self.state))
            }
        };
        let operation = self.state.operations.recovering(last.asked);
        let by = operation.map(|(id, _)| format!(" (operation {id})")).unwrap_or_default();
        let text = format!(
            "{title} {done} at {at}{by}. It was down since {}: {}",
            last.down_since, last.because
        );
        Some(since(self.found(Kind::ServiceRecovered, Severity::Info, service, text), at, 0))
    }

    /// Its verdict, if it should be up and is not.
    fn not_up(&self, service: ServiceId) -> Option<&'s Judged> {
        let judged = self.state.services.verdicts.get(&service)?;
        (judged.judgement.verdict != Verdict::Up && !self.is_expected(service)).then_some(judged)
    }

    /// Why Services HA does no more for it, and since when.
    fn hold(&self, service: ServiceId) -> Option<(&'s Recoveries, Timestamp, String)> {
        let Settings { automation, enabled, off, restarts_max, within_ms, .. } = &self.settings;
        if !automation || !enabled || off.contains(&service.service) {
            return None;
        }
        let known = self.state.services.ha.recoveries.get(&service)?;
        let (end, at) = known.last.ended?;
        let minutes = within_ms / 60_000;
        let why = match end {
            End::CalledOff => {
                "is not started again by itself any more: somebody called that off".to_owned()
            }
            _ if known.held(&self.settings) => format!(
                "is not started again by itself any more: it was, {restarts_max} times within {minutes} minutes"
            ),
            _ => return None,
        };
        Some((known, at, why))
    }

    /// Whether it is as somebody wants it.
    fn is_expected(&self, service: ServiceId) -> bool {
        let windows = &self.state.services.ha.windows;
        let mut open = windows.values().filter(|window| window.is_open(self.now));
        !service.is_wanted(self.state) || open.any(|window| window.scope.holds(service))
    }

    /// Whether something new may be told of it: nobody is at it, and its host is not lost.
    fn may_be_told(&self, service: ServiceId) -> bool {
        let recoveries = &self.state.services.ha.recoveries;
        let recovering = recoveries.get(&service).is_some_and(|known| known.last.ended.is_none());
        let seen = self.host_seen(service);
        let lost = seen.is_some_and(|seen| matches!(seen.reach, Reach::Silent { .. }));
        !recovering && !lost && self.desk.operation(service).is_none()
    }

    /// Whether something new may be told of how it is: that was seen since somebody was at it.
    fn may_be_judged(&self, service: ServiceId) -> bool {
        self.may_be_told(service) && self.desk.unseen_until(service).is_none()
    }

    /// Whether its host came back after a moment.
    fn is_back_since(&self, service: ServiceId, moment: Timestamp) -> bool {
        self.host_seen(service).is_some_and(|seen| seen.since > moment)
    }

    fn host_seen(&self, service: ServiceId) -> Option<&'s Seen> {
        self.state.hosts.hosts.get(&service.host)?.seen.as_ref()
    }

    fn is_told(&self, kind: Kind, service: ServiceId) -> bool {
        self.told.contains_key(key(kind, service).as_str())
    }

    /// What was told of it stands, to the letter: this Active has not looked yet.
    fn as_told(&self, key: &str) -> Option<Found> {
        let cause = *self.told.get(key)?;
        Some(since(cause.clone(), cause.since, 0))
    }

    fn title(&self, service: ServiceId) -> String {
        let host = self.state.hosts.hosts.get(&service.host);
        let host = host.map_or("an unknown host", |host| host.name.as_str());
        format!("{} on {host}", service.service.title())
    }

    /// What to do stands before the evidence: a long sentence is cut at its end.
    fn sentence(&self, service: ServiceId, judged: &Judged, verb: &str, next: &str) -> String {
        let because = &judged.judgement.because;
        format!("{} {verb} since {}. {next} {because}", self.title(service), judged.since)
    }

    fn found(&self, kind: Kind, severity: Severity, service: ServiceId, text: String) -> Cause {
        cause(&key(kind, service), kind, severity, &service.name(self.state), text)
    }
}

fn key(kind: Kind, service: ServiceId) -> String {
    format!("{}/{}/{}", stem(kind), service.service.as_str(), service.host)
}

/// The key of what is told of very many together.
fn many(kind: Kind) -> String {
    format!("{}/many", stem(kind))
}

fn stem(kind: Kind) -> String {
    kind.as_str().to_lowercase()
}

fn down_after_ms(judged: &Judged) -> u64 {
    let mut evidence = judged.judgement.evidence.iter();
    let unit = evidence.find(|seen| seen.observer == Observer::Unit);
    match unit.map(|unit| unit.says) {
        Some(Says::NotThere) => DOWN_AFTER_MS,
        Some(Says::There | Says::Nothing) | None => DOWN_UNSEEN_AFTER_MS,
    }
}

/// What is done about a service that is down, or what a person does.
fn next_step(standing: &HaStanding, name: &str) -> String {
    match standing.reason {
        Reason::AutomationOff | Reason::HaOff | Reason::TypeOff => {
            format!("{} Start it: km services start {name}.", standing.because)
        }
        Reason::Held | Reason::CalledOff => {
            format!("Find out why, then km services ha ack {name}.")
        }
        Reason::HostCannotSay => {
            "Its host does not know its unit: look at the configuration of its agent.".to_owned()
        }
        Reason::HostSilent | Reason::HostGone | Reason::StoodIn => {
            "Its host does not answer: km hosts list.".to_owned()
        }
        Reason::Settling | Reason::Pausing | Reason::Turn | Reason::Due | Reason::Recovering => {
            "Services HA starts it again: km services ha status.".to_owned()
        }
        Reason::Operation => "An operation is about it: km operations list.".to_owned(),
        Reason::Up
        | Reason::Planned
        | Reason::NotLooked
        | Reason::Stale
        | Reason::Degraded
        | Reason::Unknown
        | Reason::NeverUp
        | Reason::Window => format!("km services show {name} tells who says what."),
    }
}
