//! How a service stands with Services HA: what is to be done about it now, or why nothing is.
//!
//! One function of the facts and the time, asked by the Active before it decides, by the group when it agrees, and by
//! whoever wants to know why nothing was done.

use std::collections::BTreeMap;

use super::ha::{AT_ONCE, End, Settings};
use super::{
    Freshness, Judged, Observer, Recoveries, Says, ServiceId, ServiceType, Verdict, Want,
    verdict_freshness,
};
use crate::base::{Revision, Timestamp};
use crate::capabilities::hosts::model::Reach;
use crate::capabilities::operations::model::{Kind, Operation, Status};
use crate::machine::State;

/// So many services are looked at in a second on average, at most: with very many, each waits longer for its turn.
const LOOKED_AT_A_SECOND: u64 = 100;
/// How often a service is looked at, if there are not very many.
const LOOKED_AT_EVERY_MS: u64 = 4_000;

/// Of so many standbys it is told why none is started.
const STANDBYS_TOLD: usize = 4;

/// How often each service is looked at.
pub fn turn_ms(state: &State) -> u64 {
    let services = ServiceId::all(state).count() as u64;
    LOOKED_AT_EVERY_MS.max(services * 1_000 / LOOKED_AT_A_SECOND)
}

/// How a service stands with Services HA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Why something or nothing is done.
    pub reason: Reason,
    /// The same in a sentence.
    pub because: String,
    /// Until when it is so at most, where that is known.
    pub until: Option<Timestamp>,
    /// What is to be started now: it, or a standby in its place.
    pub start: Option<ServiceId>,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why something or nothing is done about a service.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As it is written everywhere.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reasons! {
    /// It is up.
    Up = "up",
    /// It is wanted stopped.
    Planned = "planned",
    /// Nobody has judged it yet.
    NotLooked = "not_looked",
    /// The Active has not looked at every service yet.
    Stale = "stale",
    /// The observers contradict each other.
    Degraded = "degraded",
    /// Nobody can say, or one alone says that it is not there.
    Unknown = "unknown",
    /// It was never seen to be up: it is to be started by a person first.
    NeverUp = "never_up",
    /// A person's operation is about it.
    Operation = "operation",
    /// It is being recovered.
    Recovering = "recovering",
    /// Nothing at all is done by itself.
    AutomationOff = "automation_off",
    /// Services HA is switched off.
    HaOff = "ha_off",
    /// It is switched off for the type.
    TypeOff = "type_off",
    /// A maintenance window is open.
    Window = "window",
    /// Somebody called the last recovery off.
    CalledOff = "called_off",
    /// It was restarted too often within a while: a person has to look.
    Held = "held",
    /// It went down only now.
    Settling = "settling",
    /// It was started or restarted only now.
    Pausing = "pausing",
    /// Its host answers and says nothing about it.
    HostCannotSay = "host_cannot_say",
    /// Its host has been silent for a short time.
    HostSilent = "host_silent",
    /// Its host is gone, and there is no standby that could be started.
    HostGone = "host_gone",
    /// A standby was started in its place.
    StoodIn = "stood_in",
    /// So many are being recovered that it waits for its turn.
    Turn = "turn",
    /// It is started now.
    Due = "due",
}

impl Reason {
    /// The reason of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == name)
    }

    /// Whether there is something to be known: it is neither up nor stopped because somebody wants that.
    pub fn is_notable(self) -> bool {
        !matches!(self, Self::Up | Self::Planned)
    }
}

/// What open operations are about, looked up once for all services.
pub fn busy(state: &State) -> BTreeMap<ServiceId, Revision> {
    let mut busy = BTreeMap::new();
    for (id, operation) in state.operations.open() {
        busy.extend(subjects(&operation.kind).map(|service| (service, id)));
    }
    busy
}

/// Until when a verdict may be from before the end of the last operation about its service.
fn unseen_until(state: &State, now: Timestamp) -> BTreeMap<ServiceId, Timestamp> {
    // Its turn comes once in that time for certain, and it takes a moment to look.
    let look_ms = 2 * turn_ms(state);
    let mut unseen = BTreeMap::new();
    for operation in state.operations.operations.values() {
        let Some(until) = operation.finished_at.map(|at| at.plus_ms(look_ms)) else { continue };
        if now < until {
            for service in subjects(&operation.kind) {
                let known = unseen.entry(service).or_insert(until);
                *known = until.max(*known);
            }
        }
    }
    unseen
}

/// Until when an operation was about ZooKeeper's servers; for ever while one is at it. `None`: none of those kept was. What
/// waits for a person's decision does nothing.
pub fn zookeeper_operated_until(state: &State) -> Option<Timestamp> {
    let is_about = |operation: &&Operation| {
        let mut subjects = subjects(&operation.kind);
        operation.status != Status::NeedsDecision
            && subjects.any(|subject| subject.service == ServiceType::Zookeeper)
    };
    let about = state.operations.operations.values().filter(is_about);
    about.map(|operation| operation.finished_at.unwrap_or(Timestamp(u64::MAX))).max()
}

/// The services that an operation is about.
fn subjects(kind: &Kind) -> impl Iterator<Item = ServiceId> {
    let (ordered, recovered) = match kind {
        Kind::Services(order) => (order.targets.as_slice(), None),
        Kind::Recover(recover) => (&[][..], Some([&recover.of, &recover.on])),
        _ => (&[][..], None),
    };
    ordered.iter().chain(recovered.into_iter().flatten()).map(|target| target.service)
}

/// What is asked for each service, looked up once for all of them.
pub struct Desk<'s> {
    state: &'s State,
    now: Timestamp,
    settings: Settings,
    fresh: Freshness,
    turn_ms: u64,
    /// What open operations are about.
    busy: BTreeMap<ServiceId, Revision>,
    /// What operations were about until a moment ago.
    unseen: BTreeMap<ServiceId, Timestamp>,
    /// How many are being recovered.
    open: usize,
}

impl<'s> Desk<'s> {
    /// At this time.
    pub fn of(state: &'s State, now: Timestamp) -> Self {
        Self {
            state,
            now,
            settings: state.services.ha.settings(),
            fresh: verdict_freshness(state),
            turn_ms: turn_ms(state),
            busy: busy(state),
            unseen: unseen_until(state, now),
            open: state.services.ha.open().count(),
        }
    }

    /// The open operation about a service.
    pub fn operation(&self, service: ServiceId) -> Option<Revision> {
        self.busy.get(&service).copied()
    }

    /// Until when it is not known yet what came of the last operation about a service.
    pub fn unseen_until(&self, service: ServiceId) -> Option<Timestamp> {
        self.unseen.get(&service).copied()
    }

    /// How a service stands.
    pub fn standing(&self, service: ServiceId) -> Standing {
        let judged = self.state.services.verdicts.get(&service);
        let because = |judged: &Judged| judged.judgement.because.clone();
        if let Some(planned) = self.planned(service) {
            return planned;
        }
        let Some(judged) = judged else {
            return plain(Reason::NotLooked, "Nobody has looked at it yet.");
        };
        if self.fresh != Freshness::Fresh {
            return plain(
                Reason::Stale,
                "The Active has not looked at every service yet; each looks for itself first.",
            );
        }
        match judged.judgement.verdict {
            Verdict::Up => return plain(Reason::Up, because(judged)),
            Verdict::Degraded => return plain(Reason::Degraded, because(judged)),
            Verdict::Unknown => return plain(Reason::Unknown, because(judged)),
            Verdict::Down if judged.last_up.is_none() => {
                return plain(
                    Reason::NeverUp,
                    "It was never seen to be up. Start it: km services start.",
                );
            }
            Verdict::Down => {}
        }
        self.hindrance(service, judged).unwrap_or_else(|| self.way(service, judged))
    }

    fn planned(&self, service: ServiceId) -> Option<Standing> {
        let wanted = self.state.services.wanted.get(&service)?;
        (wanted.want == Want::Stopped).then(|| {
            let (why, by, since) = (wanted.why.as_str(), &wanted.by, wanted.since);
            plain(Reason::Planned, format!("It is wanted stopped ({why}) by {by} since {since}."))
        })
    }

    /// Why nothing may be done now about a service that is down.
    fn hindrance(&self, service: ServiceId, judged: &Judged) -> Option<Standing> {
        let known = self.state.services.ha.recoveries.get(&service);
        let busy = self.busy.get(&service);
        if known.is_some_and(|known| known.last.ended.is_none()) {
            let which = busy.map(|id| format!(" by operation {id}")).unwrap_or_default();
            return Some(plain(Reason::Recovering, format!("It is being recovered{which}.")));
        }
        if let Some(id) = busy {
            return Some(plain(Reason::Operation, format!("Operation {id} is about it.")));
        }
        let off = self.off(service).or_else(|| self.held(known));
        off.or_else(|| self.early(service, judged, known))
    }

    /// Whether it was switched off.
    fn off(&self, service: ServiceId) -> Option<Standing> {
        let kind = service.service;
        if !self.settings.automation {
            let detail = "Automation is switched off: nothing is done by itself.";
            return Some(plain(Reason::AutomationOff, detail));
        }
        if !self.settings.enabled {
            return Some(plain(Reason::HaOff, "Services HA is switched off."));
        }
        if self.settings.off.contains(&kind) {
            let detail = format!("Services HA is switched off for {}.", kind.titles());
            return Some(plain(Reason::TypeOff, detail));
        }
        self.window(service)
    }

    fn window(&self, service: ServiceId) -> Option<Standing> {
        let windows = self.state.services.ha.windows.iter();
        let mut open = windows.filter(|(_, it)| it.is_open(self.now) && it.scope.holds(service));
        let (id, window) = open.next()?;
        let note = if window.note.is_empty() { "" } else { ": " };
        let (until, by, why) = (window.until, &window.by, &window.note);
        let because = format!("Maintenance window {id} of {by} is open until {until}{note}{why}.");
        Some(Standing { until: Some(until), ..plain(Reason::Window, because) })
    }

    /// Whether a person has to look first.
    fn held(&self, known: Option<&Recoveries>) -> Option<Standing> {
        let known = known?;
        if let Some((End::CalledOff, at)) = known.last.ended {
            let detail = format!(
                "Its recovery was called off at {at}. Acknowledge it, and it is recovered again."
            );
            return Some(plain(Reason::CalledOff, detail));
        }
        known.held(&self.settings).then(|| {
            let Settings { restarts_max, within_ms, .. } = self.settings;
            let detail = format!(
                "It was restarted {restarts_max} times within {} minutes. Find out why, then acknowledge it.",
                within_ms / 60_000
            );
            plain(Reason::Held, detail)
        })
    }

    /// Whether it is too early.
    fn early(
        &self,
        service: ServiceId,
        judged: &Judged,
        known: Option<&Recoveries>,
    ) -> Option<Standing> {
        let settled = judged.since.plus_ms(self.settings.settle_ms);
        if self.now < settled {
            let detail = "It went down only now; whoever restarts it by itself goes first.";
            return Some(Standing { until: Some(settled), ..plain(Reason::Settling, detail) });
        }
        if let Some(seen) = self.unseen_until(service) {
            let detail = "An operation about it ended only now; it is looked at once more first.";
            return Some(Standing { until: Some(seen), ..plain(Reason::Pausing, detail) });
        }
        let known = known?;
        // What was started is to be looked at once more before it is started again.
        let pause = known.pause_ms(&self.settings, self.now).max(2 * self.turn_ms);
        let again = known.last.ended?.1.plus_ms(pause);
        (self.now < again).then(|| {
            let detail = "It was restarted only now; the next try waits longer each time.";
            Standing { until: Some(again), ..plain(Reason::Pausing, detail) }
        })
    }

    /// How it can be brought back. On its own host only when that says that it does not run: so nobody starts what he
    /// cannot see.
    fn way(&self, service: ServiceId, judged: &Judged) -> Standing {
        let evidence = &judged.judgement.evidence;
        let unit = evidence.iter().find(|seen| seen.observer == Observer::Unit);
        if unit.is_some_and(|unit| unit.says == Says::NotThere) {
            return self.in_turn(service, judged.judgement.because.clone());
        }
        let host = self.state.hosts.hosts.get(&service.host);
        let seen = host.and_then(|host| host.seen.as_ref());
        let Some((Reach::Silent { because }, since)) = seen.map(|seen| (&seen.reach, seen.since))
        else {
            let told = unit.map_or("it was not asked", |unit| unit.because.as_str());
            return plain(Reason::HostCannotSay, format!("Its host does not tell of it: {told}."));
        };
        let gone = since.plus_ms(self.settings.host_gone_ms);
        if self.now < gone {
            let detail = format!("Its host is silent since {since}: {because}.");
            return Standing { until: Some(gone), ..plain(Reason::HostSilent, detail) };
        }
        self.in_its_place(service, since)
    }

    fn in_its_place(&self, service: ServiceId, since: Timestamp) -> Standing {
        if let Some(on) = self.stands_in(service) {
            let detail = format!(
                "Its host is silent since {since}; {} runs in its place.",
                on.name(self.state)
            );
            return plain(Reason::StoodIn, detail);
        }
        let mut standbys = self.settings.standbys.iter().copied();
        match standbys.find(|standby| self.may_stand_in(*standby, service)) {
            Some(standby) => {
                let name = standby.name(self.state);
                let detail = format!("Its host is silent since {since}; {name} takes its place.");
                self.in_turn(standby, detail)
            }
            None => {
                let detail =
                    format!("Its host is silent since {since}, and {}.", self.no_standby(service));
                plain(Reason::HostGone, detail)
            }
        }
    }

    /// Why nobody takes its place: of each that could, what keeps it from that.
    fn no_standby(&self, service: ServiceId) -> String {
        let standbys = self.settings.standbys.iter().copied();
        let of_its_type = standbys.filter(|it| it.service == service.service && *it != service);
        let kept = of_its_type.filter_map(|it| {
            self.kept_by(it).map(|because| format!("{} {because}", it.name(self.state)))
        });
        let kept: Vec<_> = kept.take(STANDBYS_TOLD).collect();
        match kept.is_empty() {
            true => format!("no other {} is named to stand by", service.service.title()),
            false => format!("no standby can be started: {}", kept.join("; ")),
        }
    }

    /// What was started in its place, and is still to run.
    fn stands_in(&self, service: ServiceId) -> Option<ServiceId> {
        let last = &self.state.services.ha.recoveries.get(&service)?.last;
        let served = matches!(last.ended, Some((End::Served, _)));
        (served
            && last.on != service
            && last.on.exists(self.state)
            && last.on.is_wanted(self.state))
        .then_some(last.on)
    }

    fn may_stand_in(&self, standby: ServiceId, service: ServiceId) -> bool {
        standby.service == service.service && standby != service && self.kept_by(standby).is_none()
    }

    /// What keeps a standby from taking the place of another. `None`: it rests because somebody said so, and its host
    /// answers.
    fn kept_by(&self, standby: ServiceId) -> Option<String> {
        let open = self.state.services.ha.open().any(|(_, open)| open.on == standby);
        let host = self.state.hosts.hosts.get(&standby.host);
        let seen = host.and_then(|host| host.seen.as_ref());
        if !standby.exists(self.state) {
            return Some("is no service any more".to_owned());
        }
        if let Some(id) = self.busy.get(&standby) {
            return Some(format!("is in operation {id}"));
        }
        if open {
            return Some("is being started in the place of another".to_owned());
        }
        if standby.is_wanted(self.state) {
            return Some("is wanted running anyway; what stands by is wanted stopped".to_owned());
        }
        if self.window(standby).is_some() {
            return Some("is in a maintenance window".to_owned());
        }
        match seen.map(|seen| &seen.reach) {
            Some(Reach::Answers { .. }) => None,
            Some(Reach::Silent { because }) => Some(format!("is on a silent host: {because}")),
            None => Some("is on a host that was never heard".to_owned()),
        }
    }

    fn in_turn(&self, start: ServiceId, because: String) -> Standing {
        if self.open >= AT_ONCE {
            let detail = format!("{AT_ONCE} services are being recovered; it waits for its turn.");
            return plain(Reason::Turn, detail);
        }
        Standing { start: Some(start), ..plain(Reason::Due, because) }
    }
}

fn plain(reason: Reason, because: impl Into<String>) -> Standing {
    Standing { reason, because: because.into(), until: None, start: None }
}
