//! Facts of the prechecks: the latest result of each check, and what is asked for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use super::command::{Command, Event};
use crate::base::{Revision, Timestamp};
use crate::capabilities::hosts::model as hosts;
use crate::capabilities::managers::model as managers;
use crate::machine::State;

/// Longest detail of a result, in bytes; longer ones are cut.
pub const DETAIL_MAX_BYTES: usize = 512;
/// Most findings told at once.
pub const FINDINGS_MAX: usize = 64;
/// Most hosts that are asked about at once; whoever wants more asks about everything.
pub const ASKED_HOSTS_MAX: usize = 100;
/// Most results: every check of every host there can be, with room for Managers on hosts nobody registered.
pub const RESULTS_MAX: usize = Check::ALL.len() * (hosts::HOSTS_MAX + managers::MEMBERS_MAX + 1);

/// What the group knows of its surroundings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The latest result of each check, for a host or for the group as a whole.
    pub results: BTreeMap<Subject, Outcome>,
    /// The newest ask.
    pub asked: Option<Revision>,
    /// The newest ask that was answered: whatever was asked until then is answered too.
    pub answered: Option<Revision>,
    /// What is asked and no run has taken up.
    pub pending: Option<Scope>,
    /// The run that has begun and not ended.
    pub run: Option<Run>,
    /// When the last run ended.
    pub as_of: Option<Timestamp>,
    /// When the last run about everything began.
    pub everything_at: Option<Timestamp>,
}

/// A check, and the host it is about; none: the group as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// Which check.
    pub check: Check,
    /// About which host.
    pub host: Option<String>,
}

/// A result as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How good it is.
    pub grade: Grade,
    /// What is the matter.
    pub trouble: Option<Trouble>,
    /// What was found, in a sentence.
    pub detail: String,
    /// When it was noted.
    pub at: Timestamp,
    /// The run that found it.
    pub run: Revision,
}

/// A result as it is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Of what.
    pub subject: Subject,
    /// How good it is.
    pub grade: Grade,
    /// What is the matter; nothing on a pass.
    pub trouble: Option<Trouble>,
    /// What was found, in a sentence.
    pub detail: String,
}

/// What a run is about, besides the group as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Whether it is about every host.
    pub everything: bool,
    /// Hosts that were named: a Manager or witness may be going to them, whatever they are for now.
    pub hosts: BTreeSet<String>,
}

/// A run under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The revision that began it.
    pub revision: Revision,
    /// What it is about.
    pub scope: Scope,
    /// The newest ask it answers.
    pub answers: Option<Revision>,
    /// When it began.
    pub since: Timestamp,
}

/// How good a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grade {
    /// As it should be.
    Pass,
    /// Good to know; Kyvos Manager HA works.
    Warn,
    /// Something Kyvos Manager HA needs is missing.
    Fail,
}

macro_rules! named {
    ($(#[$doc:meta])* $kind:ident { $($(#[$each:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $kind { $($(#[$each])* $name,)* }

        impl $kind {
            /// All of them, in order. In the log one is its position: append, never reorder.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As it is written everywhere.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The one of that name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == name)
            }
        }
    };
}

named! {
    /// One of the checks.
    Check {
        /// A Manager's host, or one that may become one, runs the Web Portal (row 11).
        PortalRole = "portal_role",
        /// There are at least two Web Portals (row 13).
        PortalHa = "portal_ha",
        /// The group outlives the failure of one voter (A5).
        FailureTolerance = "failure_tolerance",
        /// ZooKeeper is up and redundant (rows 14, 37).
        Zookeeper = "zookeeper",
        /// The host has the cloud's command or Hadoop's, and reaches the snapshot location with it (rows 15, 16).
        Cli = "cli",
        /// The load balancer leads to the Active (row 17).
        LoadBalancer = "load_balancer",
        /// The repository answers (rows 18, 19).
        Repository = "repository",
        /// The host is to its cloud who the first Manager's host is (row 20).
        Identity = "identity",
        /// The host reaches every port it has to (row 21).
        PortMatrix = "port_matrix",
    }
}

named! {
    /// What can be the matter; stable codes, described in `docs/running/prechecks.md`.
    Trouble {
        /// The host has no Web Portal.
        KmRequiresWebPortal = "KM_REQUIRES_WEB_PORTAL",
        /// A Manager lives on a host that nobody registered.
        HostNotRegistered = "HOST_NOT_REGISTERED",
        /// Fewer than two Web Portals.
        WebPortalHaRequired = "WEB_PORTAL_HA_REQUIRED",
        /// No voter may fail.
        NoAutomaticFailover = "NO_AUTOMATIC_FAILOVER",
        /// ZooKeeper is not to be looked at.
        ZookeeperNotWatched = "ZOOKEEPER_NOT_WATCHED",
        /// No host has the role.
        NoZookeeper = "NO_ZOOKEEPER",
        /// One or two members: none may fail.
        ZookeeperNotRedundant = "ZOOKEEPER_NOT_REDUNDANT",
        /// Some members do not serve.
        ZookeeperDegraded = "ZOOKEEPER_DEGRADED",
        /// So many do not serve that the ensemble does not.
        ZookeeperDown = "ZOOKEEPER_DOWN",
        /// The host does not answer, or there is no way to it.
        HostSilent = "HOST_SILENT",
        /// The command is not on the search path there.
        CliMissing = "CLI_MISSING",
        /// No place to try the command on.
        NoSnapshotLocation = "NO_SNAPSHOT_LOCATION",
        /// The place may not be written, read or cleared.
        AccessDenied = "ACCESS_DENIED",
        /// The place could not be written, read or cleared, for another reason.
        CanaryFailed = "CANARY_FAILED",
        /// A cloud and no load balancer.
        LoadBalancerRequired = "LOAD_BALANCER_REQUIRED",
        /// It does not answer, or not as one in front of Kyvos Manager.
        LoadBalancerUnreachable = "LOAD_BALANCER_UNREACHABLE",
        /// It leads to another Manager than the Active.
        LoadBalancerAstray = "LOAD_BALANCER_ASTRAY",
        /// No repository is known.
        NoRepository = "NO_REPOSITORY",
        /// Nothing answers there.
        RepositoryUnreachable = "REPOSITORY_UNREACHABLE",
        /// What answers there is no Postgres.
        RepositoryNotPostgres = "REPOSITORY_NOT_POSTGRES",
        /// The host is somebody else to its cloud.
        IdentityDiffers = "IDENTITY_DIFFERS",
        /// The host could not say who it is.
        IdentityUnknown = "IDENTITY_UNKNOWN",
        /// A port is not reached.
        PortBlocked = "PORT_BLOCKED",
        /// The repository does not let sign in who was set.
        RepositoryLoginRefused = "REPOSITORY_LOGIN_REFUSED",
    }
}

impl Check {
    /// What it looks at, for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::PortalRole => "Web Portal on this host",
            Self::PortalHa => "Web Portal HA",
            Self::FailureTolerance => "Failure tolerance",
            Self::Zookeeper => "ZooKeeper",
            Self::Cli => "Command line tool and snapshot location",
            Self::LoadBalancer => "Load balancer",
            Self::Repository => "Repository",
            Self::Identity => "Cloud identity",
            Self::PortMatrix => "Network ports",
        }
    }
}

impl Grade {
    /// As it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

impl Scope {
    /// About these hosts; none: about everything.
    pub fn of(hosts: &BTreeSet<String>) -> Self {
        Self { everything: hosts.is_empty(), hosts: hosts.clone() }
    }

    /// About every host, and no one of them by name.
    pub fn everything() -> Self {
        Self { everything: true, hosts: BTreeSet::new() }
    }

    /// About both. More names than can be asked about at once are everything.
    pub fn with(self, other: &Self) -> Self {
        let named: BTreeSet<_> = self.hosts.union(&other.hosts).cloned().collect();
        let everything = self.everything || other.everything || named.len() > ASKED_HOSTS_MAX;
        Self { everything, hosts: named.into_iter().take(ASKED_HOSTS_MAX).collect() }
    }

    /// Whether a host belongs to it.
    pub fn holds(&self, host: &str) -> bool {
        self.everything || self.hosts.contains(host)
    }
}

impl Facts {
    /// Whether something is being looked at, or is about to be.
    pub fn running(&self) -> bool {
        self.run.is_some() || self.pending.is_some()
    }

    /// Whether an ask was answered.
    pub fn has_answered(&self, ask: Revision) -> bool {
        self.answered.is_some_and(|answered| answered >= ask)
    }

    /// The results about a host and about the group as a whole, in the order of the checks.
    pub fn about(&self, host: &str) -> impl Iterator<Item = (&Subject, &Outcome)> {
        let about = move |(subject, _): &(&Subject, &Outcome)| {
            subject.host.as_deref().is_none_or(|of| of == host)
        };
        self.results.iter().filter(about)
    }

    /// What speaks against a Manager on a host: every failed check about it and about the group as a whole.
    pub fn failures(&self, host: &str) -> impl Iterator<Item = (&Subject, &Outcome)> {
        self.about(host).filter(|(_, outcome)| outcome.grade == Grade::Fail)
    }
}

/// Whether there is such a host: registered, or with a member on it.
pub fn is_known(state: &State, host: &str) -> bool {
    let mut members = state.managers.members.values();
    state.hosts.named(host).is_ok() || members.any(|member| member.profile.host == host)
}
