//! Services HA: whether and how what went down is started again by itself, when not, and what was done so far.
//!
//! What is done by itself begins with an entry in the log: [`Recovery`]. So it is done once, whoever is Active when it
//! is begun, carried out and settled, and what was counted of it nobody forgets.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{ServiceId, ServiceType, Set};
use crate::base::{Code, HostId, Refusal, Revision, Timestamp};
use crate::machine::State;

/// Most maintenance windows.
pub const WINDOWS_MAX: usize = 200;
/// Longest maintenance window: what is forgotten is not off for ever.
pub const WINDOW_MAX_MS: u64 = 31 * 24 * 3_600_000;
/// Longest note of a window, in bytes.
pub const NOTE_MAX_BYTES: usize = 256;
/// Most restarts that may be allowed within a while; so many are remembered.
pub const RESTARTS_MAX: u32 = 20;
/// Longest pause between two restarts of a service.
const PAUSE_MAX_MS: u64 = 5 * 60_000;
/// How long an operation may take to begin once it was decided on. A decision that is older is void.
pub const BEGIN_WITHIN_MS: u64 = 60_000;
/// So many services are recovered at a time; the others wait for their turn, in the order in which a cluster is started.
pub const AT_ONCE: usize = 10;

/// What the group knows of Services HA.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ha {
    /// As somebody set it; `None`: as by default.
    pub settings: Option<Set<Settings>>,
    /// When nothing is done by itself, by the revision that opened each.
    pub windows: BTreeMap<Revision, Window>,
    /// What was done by itself, by the service that went down.
    pub recoveries: BTreeMap<ServiceId, Recoveries>,
}

/// Whether and how something is done by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether anything at all is done by itself.
    pub automation: bool,
    /// Whether services of this cluster are.
    pub enabled: bool,
    /// Types that are left alone although the cluster's are not.
    pub off: BTreeSet<ServiceType>,
    /// How long one is down before something is done.
    pub settle_ms: u64,
    /// How many restarts there may be within a while.
    pub restarts_max: u32,
    /// Within which.
    pub within_ms: u64,
    /// How long is waited after the first restart before the second; twice as long before each further one.
    pub pause_ms: u64,
    /// How long a host is silent before another takes its place.
    pub host_gone_ms: u64,
    /// Services that are started only in the place of another of their type, whose host is gone.
    pub standbys: BTreeSet<ServiceId>,
}

/// When nothing is done by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// With what.
    pub scope: Scope,
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Why, for people.
    pub note: String,
    /// Who said so.
    pub by: String,
}

/// With what nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// Any service.
    Cluster,
    /// Those of a type.
    Type(ServiceType),
    /// Those on a host.
    Host(HostId),
    /// One.
    Service(ServiceId),
}

/// What was done by itself for a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recoveries {
    /// When, since a person last acknowledged it; the newest last, at most [`RESTARTS_MAX`].
    pub times: Vec<Timestamp>,
    /// The newest.
    pub last: Recovery,
}

/// Something that is done by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The revision that decided it; its name.
    pub asked: Revision,
    /// When.
    pub at: Timestamp,
    /// What is started: the service itself, or a standby in its place.
    pub on: ServiceId,
    /// Since when it was down.
    pub down_since: Timestamp,
    /// What speaks for that.
    pub because: String,
    /// The last word about what is wanted of what is started: another one calls it off.
    pub wanted: Revision,
    /// How and when it ended; `None` as long as it has not.
    pub ended: Option<(End, Timestamp)>,
}

/// How something that was done by itself ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// It serves.
    Served,
    /// It does not.
    Failed,
    /// Somebody called it off.
    CalledOff,
    /// Somebody wanted something else with it.
    GaveWay,
    /// It was not begun in time.
    NotBegun,
}

impl End {
    /// As it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Failed => "failed",
            Self::CalledOff => "called_off",
            Self::GaveWay => "gave_way",
            Self::NotBegun => "not_begun",
        }
    }
}

impl Default for Settings {
    /// Off until somebody switches it on, as it is a switch of Kyvos Manager: nobody expects a manager that is being
    /// set up to start services. Ten seconds let an agent that restarts its units itself, and ZooKeeper's session, go
    /// first. Three restarts in half an hour: what does not come back in three is not brought back by a fourth. A minute
    /// of silence is longer than a host needs to reboot its network, and shorter than users wait.
    fn default() -> Self {
        Self {
            automation: true,
            enabled: false,
            off: BTreeSet::new(),
            settle_ms: 10_000,
            restarts_max: 3,
            within_ms: 30 * 60_000,
            pause_ms: 10_000,
            host_gone_ms: 60_000,
            standbys: BTreeSet::new(),
        }
    }
}

impl Settings {
    /// Refuses what cannot be meant.
    pub fn check(&self, state: &State) -> Result<(), Refusal> {
        self.check_numbers()?;
        self.standbys.iter().try_for_each(|standby| {
            let name = standby.name(state);
            if !standby.exists(state) {
                let detail = format!("There is no service {name}.");
                return Err(Refusal::new(Code::NoSuchService, detail));
            }
            standby.service.may_stand_by(&name)
        })
    }

    /// Refuses numbers beyond their bounds, whatever services there are.
    pub fn check_numbers(&self) -> Result<(), Refusal> {
        let within = |what: &str, ms: u64, least: u64, most: u64| match (least..=most).contains(&ms)
        {
            true => Ok(()),
            false => {
                let detail = format!("{what} is {} to {} seconds.", least / 1_000, most / 1_000);
                Err(Refusal::new(Code::InvalidValue, detail))
            }
        };
        within("How long a service is down", self.settle_ms, 0, 3_600_000)?;
        within("The while in which restarts are counted", self.within_ms, 60_000, 86_400_000)?;
        within("A pause", self.pause_ms, 1_000, PAUSE_MAX_MS)?;
        within("How long a host is silent", self.host_gone_ms, 10_000, 86_400_000)?;
        if self.restarts_max == 0 || self.restarts_max > RESTARTS_MAX {
            let detail = format!("1 to {RESTARTS_MAX} restarts may be allowed.");
            return Err(Refusal::new(Code::InvalidValue, detail));
        }
        Ok(())
    }
}

impl ServiceType {
    /// Refuses a type of which none is started in the place of another. A second Postgres on the same data destroys it,
    /// and a ZooKeeper server is who its ensemble says it is.
    pub fn may_stand_by(self, name: &str) -> Result<(), Refusal> {
        match self {
            Self::BiServer | Self::QueryEngine | Self::WebPortal => Ok(()),
            Self::Postgres | Self::Zookeeper | Self::KyvosManager => {
                let detail = format!(
                    "{name} cannot stand by: only BI Servers, Query Engines and Web Portals are started in the place of another."
                );
                Err(Refusal::new(Code::InvalidValue, detail))
            }
        }
    }
}

impl Scope {
    /// Whether it is about a service.
    pub fn holds(self, service: ServiceId) -> bool {
        match self {
            Self::Cluster => true,
            Self::Type(kind) => kind == service.service,
            Self::Host(host) => host == service.host,
            Self::Service(one) => one == service,
        }
    }
}

impl Window {
    /// Whether it is open.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}

impl Ha {
    /// Whether and how something is done by itself.
    pub fn settings(&self) -> Settings {
        self.settings.as_ref().map(|set| set.value.clone()).unwrap_or_default()
    }

    /// What is being done and has not ended.
    pub fn open(&self) -> impl Iterator<Item = (ServiceId, &Recovery)> {
        let all = self.recoveries.iter().map(|(service, known)| (*service, &known.last));
        all.filter(|(_, last)| last.ended.is_none())
    }
}

impl Recoveries {
    /// Whether there were too many restarts within a while. Nobody is let go by waiting: that takes a person.
    pub fn held(&self, settings: &Settings) -> bool {
        let many = settings.restarts_max as usize;
        self.times.windows(many).any(|times| {
            let (first, last) = (times.first(), times.last());
            first.zip(last).is_some_and(|(first, last)| last.since_ms(*first) <= settings.within_ms)
        })
    }

    /// How many restarts there were within the while that ends now.
    pub fn lately(&self, settings: &Settings, now: Timestamp) -> usize {
        self.times.iter().filter(|at| now.since_ms(**at) <= settings.within_ms).count()
    }

    /// How long is waited after the last before the next.
    pub fn pause_ms(&self, settings: &Settings, now: Timestamp) -> u64 {
        let further = self.lately(settings, now).saturating_sub(1).min(16);
        (settings.pause_ms << further).min(PAUSE_MAX_MS)
    }
}
