//! Facts of Kyvos services: how ZooKeeper is watched, what it shows, what is wanted, and what is made of what is seen.

mod configuration;
mod control;
mod discovery;
mod ha;
mod profile;
mod schedule;
mod standing;
mod verdict;
mod wanted;
mod znodes;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::configuration::{Configuration, Configurations, nothing_stale};
pub use self::control::{Control, Endpoint, Endpoints, Probe, control, endpoint};
pub use self::discovery::{
    DISCOVERED_MAX, Discovery, FIELD_MAX_BYTES, FIELDS_MAX, Form, Found, PROPOSED_MAX, Znode,
};
pub use self::ha::{
    AT_ONCE, BEGIN_WITHIN_MS, End, Ha, NOTE_MAX_BYTES, RESTARTS_MAX, Recoveries, Recovery, Scope,
    Settings, WINDOW_MAX_MS, WINDOWS_MAX, Window,
};
pub use self::profile::{
    Marks, PATH_MAX_BYTES, PAYLOAD_MAX_BYTES, Payload, Profile, RULES_MAX, Rule, Sighted,
    is_address, is_path,
};
pub use self::schedule::{
    Due, LATE_MAX_MS, Outcome, SCHEDULE_NAME_MAX_BYTES, SCHEDULES_MAX, Schedule, Timetable, Weekday,
};
pub use self::standing::{
    Desk, Reason, Standing as HaStanding, busy, turn_ms, zookeeper_operated_until,
};
pub use self::verdict::{EVIDENCE_MAX, Evidence, Judged, Judgement, Observer, Says, Verdict};
pub use self::wanted::{ServiceId, Want, Wanted, Why, zookeeper_sleeps, zookeeper_wanted_since};
pub use self::znodes::{Znodes, undeclared};
pub use super::command::{Command, Event};
use crate::base::{Code, Epoch, Refusal, Revision, Timestamp};
use crate::capabilities::hosts::model as hosts;
use crate::capabilities::properties::schema::{File, ZOOKEEPER_PORT};
use crate::machine::State;

/// Most services in a group: every type on every host there can be.
pub const SERVICES_MAX: usize = hosts::HOSTS_MAX * ServiceType::ALL.len();
/// Most sightings that are kept: two znodes for each service.
pub const SIGHTINGS_MAX: usize = 2 * SERVICES_MAX;
/// Most sightings told at once.
pub const TOLD_MAX: usize = 256;
/// Most ZooKeeper servers told of.
pub const SERVERS_MAX: usize = 32;
/// Most troubles told at once.
pub const TROUBLES_MAX: usize = 16;
/// Longest sentence about what was seen, in bytes; longer ones are cut.
pub const BECAUSE_MAX_BYTES: usize = 512;
/// Longest name that stands for a host in a znode, in bytes.
pub const HOST_TEXT_MAX_BYTES: usize = hosts::NAME_MAX_BYTES;
/// Longest certificate or chain, in bytes of PEM.
pub const PEM_MAX_BYTES: usize = 16 << 10;
/// Longest name to sign in with, in bytes.
pub const USERNAME_MAX_BYTES: usize = 128;
/// Longest sealed password or key, in bytes.
pub const SEALED_MAX_BYTES: usize = 32 << 10;
/// What a sealed password for ZooKeeper is bound to.
pub const PASSWORD_PURPOSE: &str = "zookeeper password";
/// What a sealed private key for ZooKeeper is bound to.
pub const KEY_PURPOSE: &str = "zookeeper private key";

/// What the group knows of its services.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What znodes mean, as somebody set it; `None`: the default.
    pub profile: Option<Set<Profile>>,
    /// How ZooKeeper is spoken to, as somebody set it; `None`: in the clear, by nobody in particular.
    pub access: Option<Set<Access>>,
    /// How the watch stands, as an Active last told; `None` before the first.
    pub watch: Option<Watch>,
    /// What was seen, by the path of the znode.
    pub sightings: BTreeMap<String, Sighting>,
    /// The newest look at what a live tree holds.
    pub discovery: Discovery,
    /// How types are controlled, where somebody set it.
    pub controls: BTreeMap<ServiceType, Set<Control>>,
    /// What is wanted of services, where somebody said it.
    pub wanted: BTreeMap<ServiceId, Wanted>,
    /// The latest verdict of each service.
    pub verdicts: BTreeMap<ServiceId, Judged>,
    /// With which configuration each service was last started, as far as that is known.
    pub started_with: BTreeMap<ServiceId, Configuration>,
    /// The tenure in which every service was last looked at; `None` before the first.
    pub judged_in: Option<Epoch>,
    /// Whether and how what went down is started again by itself, and what was done so far.
    pub ha: Ha,
    /// When services go to sleep and wake, by the revision that made each.
    pub schedules: BTreeMap<Revision, Schedule>,
}

/// Something people set, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set<T> {
    /// What.
    pub value: T,
    /// Revision of the change; the ETag.
    pub revision: Revision,
}

/// A kind of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ServiceType {
    /// The BI Server; one of them is the Coordination Master.
    BiServer,
    /// The Query Engine.
    QueryEngine,
    /// The Kyvos Web Portal.
    WebPortal,
    /// The bundled Postgres.
    Postgres,
    /// A ZooKeeper server.
    Zookeeper,
    /// A Kyvos Manager.
    KyvosManager,
}

/// How ZooKeeper is spoken to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Over TLS; `None`: in the clear.
    pub tls: Option<Tls>,
    /// As whom, by SASL DIGEST-MD5; `None`: as nobody in particular.
    pub digest: Option<Login>,
}

/// Whom to believe to be a ZooKeeper server, and who we are to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// Certificates of the authorities that are believed.
    pub ca_pem: String,
    /// Our own certificate, which servers ask for unless they are told not to.
    pub identity: Option<Identity>,
}

/// A certificate with its key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The certificate, and those between it and its authority.
    pub certificate_pem: String,
    /// The private key, sealed under the group key, which is never in the log.
    pub sealed_key: Vec<u8>,
}

/// A name and its password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password, sealed under the group key, which is never in the log.
    pub sealed_password: Vec<u8>,
}

/// How the watch stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Whether it stands.
    pub standing: Standing,
    /// Since when it is so.
    pub since: Timestamp,
    /// The tenure in which that was told.
    pub epoch: Epoch,
    /// The servers of the ensemble, as each was last seen.
    pub servers: Vec<Server>,
    /// What cannot be seen although the watch stands: branches that are too large or closed to us. What is hidden is not
    /// gone: see [`Watch::hides`].
    pub troubles: Vec<String>,
}

/// How a trouble begins that may hide any znode. One that hides a branch begins with its path.
pub const HIDES_ANY: &str = "more than";

impl Watch {
    /// Why a znode may be there and not be seen.
    pub fn hides(&self, path: &str) -> Option<&str> {
        let troubles = self.troubles.iter().map(String::as_str);
        let begins = |trouble: &str, with: &str| {
            trouble.strip_prefix(with).is_some_and(|rest| rest.starts_with(' '))
        };
        let mut hides = troubles.filter(|trouble| {
            let mut branches = path.rmatch_indices('/').map(|(end, _)| &path[..end]);
            begins(trouble, HIDES_ANY)
                || branches.any(|branch| !branch.is_empty() && begins(trouble, branch))
        });
        hides.next()
    }
}

/// Whether the watch stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// There is none, because nobody wants one.
    Off {
        /// Why.
        because: String,
    },
    /// There should be one, and ZooKeeper does not answer, or not to us.
    Away {
        /// Why.
        because: String,
    },
    /// It stands: what was seen is so.
    Watching,
}

/// A ZooKeeper server as the Active sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// `host:port`.
    pub address: String,
    /// Whether it serves: its own word for what it is (leader, follower, standalone), or why it does not.
    pub serves: Result<String, String>,
}

/// A service, as a znode shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// What the znode says.
    pub sighted: Sighted,
    /// Whether the znode is there. One that went is kept for a while, to say so.
    pub present: bool,
    /// Since when it is there, or gone.
    pub since: Timestamp,
}

/// Whether what was seen is still so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It is.
    Fresh,
    /// Nobody has looked since.
    StaleSince(Timestamp),
    /// Nobody ever looked.
    Never,
}

impl ServiceType {
    /// Every type, in the order in which a cluster is started, Kyvos Manager outside of it.
    pub const ALL: [Self; 6] = [
        Self::Zookeeper,
        Self::Postgres,
        Self::BiServer,
        Self::QueryEngine,
        Self::WebPortal,
        Self::KyvosManager,
    ];

    /// The type as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BiServer => "bi_server",
            Self::QueryEngine => "query_engine",
            Self::WebPortal => "web_portal",
            Self::Postgres => "postgres",
            Self::Zookeeper => "zookeeper",
            Self::KyvosManager => "kyvos_manager",
        }
    }

    /// The type as people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::BiServer => "BI Server",
            Self::QueryEngine => "Query Engine",
            Self::WebPortal => "Kyvos Web Portal",
            Self::Postgres => "Postgres",
            Self::Zookeeper => "ZooKeeper",
            Self::KyvosManager => "Kyvos Manager",
        }
    }

    /// Several of the type as people call them.
    pub fn titles(self) -> String {
        match self {
            Self::Postgres | Self::Zookeeper => format!("{} servers", self.title()),
            Self::BiServer | Self::QueryEngine | Self::WebPortal | Self::KyvosManager => {
                format!("{}s", self.title())
            }
        }
    }

    /// The type of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.as_str() == name)
    }
}

impl Standing {
    /// Whether two are the same but for their reasons.
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Facts {
    /// What znodes mean.
    pub fn profile(&self) -> Profile {
        self.profile.as_ref().map_or_else(Profile::guessed, |set| set.value.clone())
    }

    /// A schedule by its number.
    pub fn schedule(&self, id: Revision) -> Result<&Schedule, Refusal> {
        let unknown = || Refusal::new(Code::NoSuchSchedule, format!("There is no schedule {id}."));
        self.schedules.get(&id).ok_or_else(unknown)
    }

    /// How ZooKeeper is spoken to.
    pub fn access(&self) -> Access {
        self.access.as_ref().map(|set| set.value.clone()).unwrap_or_default()
    }
}

/// Whether ZooKeeper is to be watched (A8); if not, why.
pub fn wanted(state: &State) -> Result<(), &'static str> {
    let settings = &state.properties;
    match (settings.zookeeper_watched(), settings.ha_enabled()) {
        (true, _) => Ok(()),
        (false, true) => {
            Err("ZK_SERVICE_WATCH is off: Kyvos Manager does not connect to ZooKeeper.")
        }
        (false, false) => Err(
            "ENABLE_KM_HA is no, and ZK_SERVICE_WATCH is not on: Kyvos Manager does not connect to ZooKeeper.",
        ),
    }
}

/// Where the servers of the ensemble listen: on every host with the role, at one port.
pub fn ensemble(state: &State) -> Vec<String> {
    let port = state.properties.value(File::KyvosManager, ZOOKEEPER_PORT).unwrap_or_default();
    let hosts = state.hosts.with_role(hosts::HostRole::Zookeeper);
    hosts.map(|(_, host)| format!("{}:{port}", host.name)).collect()
}

/// What speaks against the size of an ensemble (row 37); `None`: nothing.
pub fn weakness(servers: usize) -> Option<String> {
    let tolerates = servers.saturating_sub(1) / 2;
    match servers {
        0 => None,
        1 => Some("There is 1 ZooKeeper server: when it fails, nothing is seen of Kyvos services. 3 are recommended.".into()),
        2 => Some("2 ZooKeeper servers are no better than 1: both must serve. 3 are recommended.".into()),
        even if even % 2 == 0 => Some(format!(
            "{even} ZooKeeper servers tolerate the loss of {tolerates}, as {} would. An odd number is recommended.",
            even - 1
        )),
        _ => None,
    }
}

/// Whether the verdicts still hold: each tenure looks at every service itself before it answers for what is said of them.
pub fn verdict_freshness(state: &State) -> Freshness {
    match (state.services.judged_in, state.managers.tenure.as_ref()) {
        (None, _) => Freshness::Never,
        (Some(epoch), Some(tenure)) if tenure.epoch == epoch => Freshness::Fresh,
        (Some(_), Some(tenure)) => Freshness::StaleSince(tenure.since),
        (Some(_), None) => Freshness::Never,
    }
}

/// Whether the sightings still hold, as far as the facts tell. Who is not Active any more believes nothing it saw:
/// from its successor's first moment on, until that one has looked, they are stale.
pub fn freshness(state: &State) -> Freshness {
    let Some(watch) = &state.services.watch else { return Freshness::Never };
    let tenure = state.managers.tenure.as_ref();
    match (&watch.standing, tenure) {
        (Standing::Watching, Some(tenure)) if tenure.epoch == watch.epoch => Freshness::Fresh,
        (Standing::Watching, Some(tenure)) => Freshness::StaleSince(tenure.since),
        (Standing::Watching, None) | (Standing::Away { .. } | Standing::Off { .. }, _) => {
            Freshness::StaleSince(watch.since)
        }
    }
}

impl fmt::Debug for Identity {
    /// Without the sealed key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({} bytes of certificate)", self.certificate_pem.len())
    }
}

impl fmt::Debug for Login {
    /// Without the sealed password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({})", self.username)
    }
}
